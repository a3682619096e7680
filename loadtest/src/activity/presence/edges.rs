//! What watchers have to hear of one user who comes and goes, and what each of them heard. No I/O, so that it can be tested.

use std::collections::HashSet;
use std::time::{Duration, Instant};

/// All that one user did which watchers hear of: `online` and `offline` in turn.
#[derive(Debug, Default)]
pub(super) struct Script {
    edges: Vec<Edge>,
    /// Something happened (a socket broke) after which nobody can say what has to be heard.
    spoiled: bool,
}

/// One coming or going.
#[derive(Clone, Copy, Debug)]
struct Edge {
    online: bool,
    /// When `connect` went out, or the socket was closed.
    since: Instant,
    hearers: u32,
}

/// How far one watcher has followed a script.
#[derive(Debug, Default)]
pub(super) struct Sight {
    heard: usize,
    events: HashSet<String>,
    /// The user was online before the script began, and has not gone yet.
    here_before: bool,
    /// The watcher may not see this user.
    blind: bool,
}

impl Sight {
    /// The user is online before the script has begun.
    pub(super) fn find_online(&mut self) {
        self.here_before = true;
    }

    /// The server does not let this watcher see the user.
    pub(super) fn close(&mut self) {
        self.blind = true;
    }

    /// Is this the going of somebody who was there before the script began?
    pub(super) fn sees_off(&mut self, online: bool) -> bool {
        !online && std::mem::take(&mut self.here_before)
    }
}

/// What an event is to a watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What had to come, so long after its cause; `skipped` others were never heard.
    Heard { online: bool, after: Duration, skipped: u64 },
    /// The same event again, which apps drop by its id.
    Repeat,
    /// The state that was told before, as a new event.
    Duplicate,
    /// A coming or going that never was.
    Wrong,
    /// Nobody can say.
    Unknown,
}

impl Script {
    /// The user comes or goes now; watchers will hear of it.
    pub(super) fn add(&mut self, online: bool, since: Instant) {
        if self.is_online() != online {
            self.edges.push(Edge { online, since, hearers: 0 });
        }
    }

    /// Is the user online once everything was told?
    pub(super) fn is_online(&self) -> bool {
        self.edges.last().is_some_and(|edge| edge.online)
    }

    /// From now on nothing of this user counts.
    pub(super) fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// Does nothing of this user count any more?
    pub(super) const fn is_spoiled(&self) -> bool {
        self.spoiled
    }

    /// How many comings and goings there were.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.edges.len()).unwrap_or(u64::MAX)
    }

    /// Have so many heard of everything up to now?
    pub(super) fn is_heard_by(&self, watchers: u32) -> bool {
        self.edges.last().is_none_or(|edge| edge.hearers >= watchers)
    }

    /// A watcher hears that the user is online or offline.
    pub(super) fn hear(&mut self, sight: &mut Sight, online: bool, event: &str, now: Instant) -> Verdict {
        if self.spoiled {
            return Verdict::Unknown;
        }
        if !sight.events.insert(event.to_owned()) {
            return Verdict::Repeat;
        }
        let ahead = self.edges.get(sight.heard..).unwrap_or_default();
        let Some(skipped) = ahead.iter().position(|edge| edge.online == online) else {
            let before = sight.heard.checked_sub(1).and_then(|last| self.edges.get(last));
            let told = before.is_some_and(|edge| edge.online);
            return if told == online { Verdict::Duplicate } else { Verdict::Wrong };
        };
        // The state before the next edge is its opposite: to be told it again is a duplicate, unless what lies between was
        // lost; and that has happened already where the later edge has.
        let since = ahead.get(skipped).map_or(now, |edge| edge.since);
        self.advance(sight, skipped + 1);
        let skipped = u64::try_from(skipped).unwrap_or(u64::MAX);
        Verdict::Heard { online, after: now.saturating_duration_since(since), skipped }
    }

    /// A watcher that was away, or comes new, is told the present state: gives how many edges it missed.
    pub(super) fn catch_up(&mut self, sight: &mut Sight, online: bool) -> u64 {
        let behind = self.edges.len().saturating_sub(sight.heard);
        // The last edge may be on its way still.
        let missed = if self.is_online() == online { behind } else { behind.saturating_sub(1) };
        self.advance(sight, missed);
        u64::try_from(missed).unwrap_or(u64::MAX)
    }

    fn advance(&mut self, sight: &mut Sight, by: usize) {
        let until = sight.heard + by;
        for edge in self.edges.get_mut(sight.heard..until).unwrap_or_default() {
            edge.hearers += 1;
        }
        sight.heard = until;
    }

    /// What this watcher should have heard and has not.
    pub(super) fn count_lost(&self, sight: &Sight) -> u64 {
        let lost = if self.spoiled || sight.blind { 0 } else { self.edges.len().saturating_sub(sight.heard) };
        u64::try_from(lost).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Script, Sight, Verdict};

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn heard(online: bool, seconds: u64, skipped: u64) -> Verdict {
        Verdict::Heard { online, after: Duration::from_secs(seconds), skipped }
    }

    #[test]
    fn comings_and_goings_are_heard_once_each_by_everybody() {
        let start = Instant::now();
        let (mut script, mut one, mut other) = (Script::default(), Sight::default(), Sight::default());
        script.add(true, start);
        assert_eq!(script.hear(&mut one, true, "a", after(start, 1)), heard(true, 1, 0));
        assert!(script.is_heard_by(1) && !script.is_heard_by(2));
        assert_eq!(script.hear(&mut one, true, "a", after(start, 1)), Verdict::Repeat);
        assert_eq!(script.hear(&mut other, true, "a", after(start, 2)), heard(true, 2, 0));
        assert!(script.is_heard_by(2));
        script.add(false, after(start, 5));
        assert_eq!(script.hear(&mut one, false, "b", after(start, 15)), heard(false, 10, 0));
        assert_eq!((script.count_lost(&one), script.count_lost(&other), script.len()), (0, 1, 2));
        other.close();
        assert_eq!(script.count_lost(&other), 0, "who may not see anything loses nothing");
    }

    #[test]
    fn a_state_told_twice_and_one_that_never_was_are_told_apart() {
        let start = Instant::now();
        let (mut script, mut sight) = (Script::default(), Sight::default());
        assert_eq!(script.hear(&mut sight, true, "x", start), Verdict::Wrong, "nobody came");
        assert_eq!(script.hear(&mut sight, false, "y", start), Verdict::Duplicate, "everybody is away");
        script.add(true, start);
        assert_eq!(script.hear(&mut sight, true, "a", start), heard(true, 0, 0));
        assert_eq!(script.hear(&mut sight, true, "b", start), Verdict::Duplicate);
        assert_eq!(script.hear(&mut sight, false, "c", start), Verdict::Wrong, "a short absence is none");
        script.spoil();
        assert_eq!(script.hear(&mut sight, false, "d", start), Verdict::Unknown);
        assert_eq!(script.count_lost(&sight), 0);
    }

    #[test]
    fn an_edge_that_was_passed_over_is_lost() {
        let start = Instant::now();
        let (mut script, mut sight) = (Script::default(), Sight::default());
        script.add(true, start);
        script.hear(&mut sight, true, "a", start);
        script.add(false, start);
        script.add(true, after(start, 12));
        assert_eq!(script.hear(&mut sight, true, "b", after(start, 13)), heard(true, 1, 1));
        assert_eq!(script.count_lost(&sight), 0, "it was counted as skipped");
    }

    #[test]
    fn who_was_away_is_told_the_state_and_waits_for_what_is_on_its_way() {
        let start = Instant::now();
        let mut script = Script::default();
        for (online, seconds) in [(true, 0), (false, 5), (true, 20)] {
            script.add(online, after(start, seconds));
            script.add(online, after(start, seconds + 1));
        }
        assert_eq!(script.len(), 3, "the same twice is no edge");
        let mut current = Sight::default();
        assert_eq!(script.catch_up(&mut current, true), 3);
        assert_eq!(script.count_lost(&current), 0);
        let mut early = Sight::default();
        assert_eq!(script.catch_up(&mut early, false), 2, "the last one is still to come");
        assert_eq!(script.hear(&mut early, true, "z", after(start, 21)), heard(true, 1, 0));
        assert!(script.is_heard_by(2));
    }
}
