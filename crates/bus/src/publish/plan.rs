//! Which events go to Redis in one call. Pure.

use std::collections::HashMap;

use bytes::Bytes;

use super::{HistoryPolicy, Publish};

/// Events of one call at most, so that Redis, which does one call at a time, is nobody's for longer than some 2 ms.
const CALL_EVENTS: usize = 256;
/// Events that one message of pub/sub carries at most, and their bytes (one event may have more).
const RUN_EVENTS: usize = 128;
const RUN_BYTES: usize = 64 * 1_024;

/// Neighbours among the events of one channel, all of them kept or none.
#[derive(Debug, PartialEq)]
pub(super) struct Run<'a> {
    pub(super) channel: &'a str,
    pub(super) history: Option<HistoryPolicy>,
    pub(super) events: Vec<&'a Bytes>,
    /// Where they are among all events.
    pub(super) places: Vec<usize>,
    bytes: usize,
}

/// One command.
#[derive(Debug, PartialEq)]
pub(super) enum Call<'a> {
    /// Events that are kept, one run a channel.
    Kept(Vec<Run<'a>>),
    /// Events that are only heard.
    Signals(Run<'a>),
}

impl<'a> Run<'a> {
    fn new(channel: &'a str, history: Option<HistoryPolicy>) -> Self {
        Self { channel, history, events: Vec::new(), places: Vec::new(), bytes: 0 }
    }

    fn takes(&self, event: &Publish) -> bool {
        self.history.is_some() == event.history.is_some()
            && self.events.len() < RUN_EVENTS
            && self.bytes.saturating_add(event.payload.len()) <= RUN_BYTES
    }
}

/// The commands, in the order in which they are to run. `joined`: channels may share a call.
pub(super) fn plan(events: &[Publish], joined: bool) -> Vec<Call<'_>> {
    // The runs of a channel are in different rounds, and rounds go one after the other.
    let mut rounds: Vec<Vec<Run<'_>>> = Vec::new();
    let mut newest: HashMap<&str, (usize, usize)> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        let known = newest.get(&*event.channel).copied();
        let open = known
            .and_then(|(round, number)| rounds.get_mut(round)?.get_mut(number))
            .filter(|run| run.takes(event));
        let run = match open {
            Some(run) => run,
            None => {
                let round = known.map_or(0, |(round, _)| round + 1);
                if rounds.len() <= round {
                    rounds.push(Vec::new());
                }
                let Some(runs) = rounds.get_mut(round) else { continue };
                newest.insert(&event.channel, (round, runs.len()));
                runs.push_mut(Run::new(&event.channel, event.history))
            }
        };
        run.events.push(&event.payload);
        run.places.push(place);
        run.bytes = run.bytes.saturating_add(event.payload.len());
    }

    let mut calls: Vec<Call<'_>> = Vec::new();
    for round in rounds {
        let mut room = 0;
        let mut kept: Option<usize> = None;
        for run in round {
            if run.history.is_none() {
                calls.push(Call::Signals(run));
                continue;
            }
            let count = run.events.len();
            match kept.and_then(|at| calls.get_mut(at)) {
                Some(Call::Kept(runs)) if joined && count <= room => {
                    runs.push(run);
                    room -= count;
                }
                _ => {
                    kept = Some(calls.len());
                    room = CALL_EVENTS.saturating_sub(count);
                    calls.push(Call::Kept(vec![run]));
                }
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CALL_EVENTS, Call, HistoryPolicy, Publish, RUN_BYTES, RUN_EVENTS, Run, plan};

    fn event(channel: &str, is_kept: bool, payload: &str) -> Publish {
        let history = is_kept.then_some(HistoryPolicy { max_events: 10, ttl: Duration::from_secs(1) });
        Publish { channel: channel.into(), payload: payload.to_owned().into(), history }
    }

    /// Of each call its runs: channel and places; a signal's run has an asterisk.
    fn told(events: &[Publish], joined: bool) -> Vec<Vec<(String, Vec<usize>)>> {
        let run = |run: &Run<'_>, mark| (format!("{}{mark}", run.channel), run.places.clone());
        plan(events, joined)
            .iter()
            .map(|call| match call {
                Call::Kept(runs) => runs.iter().map(|kept| run(kept, "")).collect(),
                Call::Signals(signals) => vec![run(signals, "*")],
            })
            .collect()
    }

    fn runs(runs: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
        runs.iter().map(|(channel, places)| ((*channel).to_owned(), places.to_vec())).collect()
    }

    #[test]
    fn channels_share_a_call_and_events_of_one_a_message() {
        let events: Vec<_> = ["a", "b", "a", "c", "b"].map(|channel| event(channel, true, "x")).into();
        assert_eq!(told(&events, true), [runs(&[("a", &[0, 2]), ("b", &[1, 4]), ("c", &[3])])]);
        let alone = [runs(&[("a", &[0, 2])]), runs(&[("b", &[1, 4])]), runs(&[("c", &[3])])];
        assert_eq!(told(&events, false), alone, "on a cluster");
    }

    #[test]
    fn what_comes_after_something_of_the_other_kind_goes_after_it() {
        let events: Vec<_> = [("a", true), ("a", false), ("b", true), ("a", true), ("b", true), ("c", false)]
            .map(|(channel, is_kept)| event(channel, is_kept, "x"))
            .into();
        let want = [
            runs(&[("a", &[0]), ("b", &[2, 4])]),
            runs(&[("c*", &[5])]),
            runs(&[("a*", &[1])]),
            runs(&[("a", &[3])]),
        ];
        assert_eq!(told(&events, true), want);
    }

    #[test]
    fn calls_and_messages_have_their_bounds() {
        let many: Vec<_> = (0..RUN_EVENTS + 1).map(|_| event("a", true, "x")).collect();
        let sizes = |events: &[Publish]| -> Vec<Vec<usize>> {
            let calls = told(events, true);
            calls.iter().map(|call| call.iter().map(|(_, places)| places.len()).collect()).collect()
        };
        assert_eq!(sizes(&many), [vec![RUN_EVENTS], vec![1]]);
        let half = "x".repeat(RUN_BYTES / 2);
        let large: Vec<_> = (0..5).map(|_| event("a", true, &half)).collect();
        assert_eq!(sizes(&large), [vec![2], vec![2], vec![1]]);
        let larger = [event("a", true, &"x".repeat(RUN_BYTES * 2)), event("a", true, "x")];
        assert_eq!(sizes(&larger), [vec![1], vec![1]]);
        let spread: Vec<_> =
            (0..CALL_EVENTS + 5).map(|user| event(&format!("user:{user}"), true, "x")).collect();
        assert_eq!(sizes(&spread), [vec![1; CALL_EVENTS], vec![1; 5]]);
        assert!(told(&[], true).is_empty());
    }
}
