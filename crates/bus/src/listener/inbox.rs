//! Between the link's reader, which only puts in, and the one task that takes out: a queue bounded by number
//! and bytes. The reader never waits: what does not fit is dropped, counted and told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, mpsc};

use super::health::Health;
use super::{BusEvent, ListenerSettings, Publication};
use crate::control::ControlMessage;
use crate::frame::Frame;
use crate::publish::Position;

/// Control messages and notices have room beyond the limit of events, but not without end either.
const ROOM_FOR_NOTICES: usize = 4_096;

pub(super) struct Inbox {
    state: Mutex<State>,
    wake: Notify,
    /// Messages that were brought by all links so far, whatever they were.
    messages: AtomicU64,
    most_events: usize,
    most_bytes: usize,
    control: Box<[u8]>,
}

/// One connection's way into the inbox. Once it is closed nothing more of that connection gets in.
pub(super) struct Line {
    open: AtomicBool,
    generation: u64,
    /// The channel through which the link hears itself.
    probe: Box<[u8]>,
    health: Arc<Health>,
    broken: mpsc::Sender<u64>,
}

impl Line {
    /// `generation` tells the connections of one link apart; `broken` is told when one has to be given up.
    pub(super) fn new(
        generation: u64,
        probe: &str,
        health: Arc<Health>,
        broken: mpsc::Sender<u64>,
    ) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicBool::new(true),
            generation,
            probe: probe.as_bytes().into(),
            health,
            broken,
        })
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) const fn probe(&self) -> &[u8] {
        &self.probe
    }

    /// The connection has to be given up. Reports beyond a few are repeats of one and the same loss.
    pub(super) fn report_broken(&self) {
        let _ = self.broken.try_send(self.generation);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct State {
    events: Vec<BusEvent>,
    bytes: usize,
    dropped: u64,
    closed: bool,
    /// By the pub/sub channel's name as Redis sends it.
    routes: HashMap<Box<[u8]>, Route>,
}

struct Route {
    channel: Arc<str>,
    /// The epoch seen last, shared by all positions that carry it.
    epoch: Arc<str>,
}

impl Inbox {
    pub(super) fn new(settings: &ListenerSettings, control: &str) -> Self {
        Self {
            state: Mutex::default(),
            wake: Notify::new(),
            messages: AtomicU64::new(0),
            most_events: settings.queue_events.max(1),
            most_bytes: settings.queue_bytes,
            control: control.as_bytes().into(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes everything there is, waiting for the first; `None` when closed and empty.
    pub(super) async fn take(&self) -> Option<Vec<BusEvent>> {
        loop {
            {
                let mut state = self.lock();
                let dropped = std::mem::take(&mut state.dropped);
                if dropped > 0 {
                    state.events.push(BusEvent::Overflowed { dropped });
                }
                if !state.events.is_empty() {
                    state.bytes = 0;
                    return Some(std::mem::take(&mut state.events));
                }
                if state.closed {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.routes.clear();
        drop(state);
        self.wake.notify_one();
    }

    /// Closes a connection's way in: nothing of it follows whatever is put in from now on.
    pub(super) fn close_line(&self, line: &Line) {
        let state = self.lock();
        line.open.store(false, Ordering::Relaxed);
        drop(state);
    }

    /// Puts in a notice of the link itself. Losing and restoring are few, so they always fit.
    pub(super) fn notice(&self, event: BusEvent) {
        let mut state = self.lock();
        if !state.closed {
            state.events.push(event);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Whether a channel is subscribed.
    pub(super) fn has_route(&self, name: &str) -> bool {
        self.lock().routes.contains_key(name.as_bytes())
    }

    /// Lets events of a channel in; before it is subscribed, so that the first event is not missed.
    pub(super) fn add_route(&self, name: &str, channel: &str) {
        let route = Route { channel: channel.into(), epoch: "".into() };
        let mut state = self.lock();
        if !state.closed {
            state.routes.entry(name.as_bytes().into()).or_insert(route);
        }
    }

    pub(super) fn remove_route(&self, name: &str) {
        self.lock().routes.remove(name.as_bytes());
    }

    pub(super) fn route_count(&self) -> usize {
        self.lock().routes.len()
    }

    pub(super) fn message_count(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Names of all channels, as Redis knows them.
    pub(super) fn route_names(&self) -> Vec<Box<[u8]>> {
        self.lock().routes.keys().cloned().collect()
    }

    /// Takes in what a connection read. Called by the reader: parses the few bytes before the payload and
    /// nothing else.
    pub(super) fn put(&self, line: &Line, push: PushInfo) {
        let heard = match push.kind {
            PushKind::Message | PushKind::SMessage => true,
            PushKind::Disconnection => return line.report_broken(),
            // We forget a channel before we leave it: this one was taken away, because its slot is elsewhere now.
            PushKind::SUnsubscribe => false,
            _ => return,
        };
        let mut data = push.data.into_iter();
        let Some(Value::BulkString(name)) = data.next() else { return };
        if !heard {
            if *name == *line.probe || *name == *self.control || self.lock().routes.contains_key(&*name) {
                line.report_broken();
            }
            return;
        }
        let Some(Value::BulkString(frame)) = data.next() else { return };
        self.messages.fetch_add(1, Ordering::Relaxed);
        if *name == *line.probe {
            line.health.hear();
            return;
        }
        let put = if *name == *self.control {
            self.put_control(line, &frame)
        } else {
            self.put_events(line, &name, frame)
        };
        if put {
            self.wake.notify_one();
        }
    }

    fn put_control(&self, line: &Line, frame: &[u8]) -> bool {
        let message: ControlMessage = match serde_json::from_slice(frame) {
            Ok(message) => message,
            Err(error) => {
                // A newer version's message while nodes are being replaced, or garbage.
                tracing::warn!(%error, "ignored a control message");
                return false;
            }
        };
        let mut state = self.lock();
        if state.closed || !line.is_open() {
            return false;
        }
        if state.events.len() >= self.most_events.saturating_add(ROOM_FOR_NOTICES) {
            state.dropped = state.dropped.saturating_add(1);
            return true;
        }
        state.events.push(BusEvent::Control(message));
        true
    }

    /// One message, which may bring several events of its channel.
    fn put_events(&self, line: &Line, name: &[u8], message: Vec<u8>) -> bool {
        let Some(frame) = Frame::parse(message) else {
            tracing::warn!(channel = %String::from_utf8_lossy(name), "ignored a malformed event");
            return false;
        };
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.closed || !line.is_open() {
            return false;
        }
        let Some(route) = state.routes.get_mut(name) else {
            return false;
        };
        if frame.first > 0 && route.epoch.as_bytes() != frame.epoch {
            route.epoch = String::from_utf8_lossy(&frame.epoch).into();
        }
        let mut dropped = 0_u64;
        state.events.reserve(frame.len());
        for (offset, payload) in frame.events() {
            let bytes = state.bytes.saturating_add(payload.len());
            let full = state.events.len() >= self.most_events || bytes > self.most_bytes;
            // What comes later does not fit either: a hole has an end, so that it is found once.
            if dropped > 0 || (full && !state.events.is_empty()) {
                dropped = dropped.saturating_add(1);
                continue;
            }
            let position = (offset > 0).then(|| Position { offset, epoch: Arc::clone(&route.epoch) });
            let publication = Publication { channel: Arc::clone(&route.channel), position, payload };
            state.bytes = bytes;
            state.events.push(BusEvent::Publication(publication));
        }
        state.dropped = state.dropped.saturating_add(dropped);
        drop(guard);
        if dropped > 0 {
            metrics::counter!("bus_listener_dropped_total").increment(dropped);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use redis::{PushInfo, PushKind, Value};
    use tokio::sync::mpsc;

    use super::{BusEvent, Health, Inbox, Line, ListenerSettings};
    use crate::publish::Position;

    fn push(kind: PushKind, words: &[&str]) -> PushInfo {
        PushInfo {
            kind,
            data: words.iter().map(|text| Value::BulkString(text.as_bytes().to_vec())).collect(),
        }
    }

    fn message(channel: &str, frame: &str) -> PushInfo {
        push(PushKind::Message, &[channel, frame])
    }

    fn inbox(events: usize) -> Inbox {
        Inbox::new(&ListenerSettings { queue_events: events, ..ListenerSettings::default() }, "ctl")
    }

    fn line(generation: u64) -> (Arc<Line>, mpsc::Receiver<u64>) {
        let (broken, reports) = mpsc::channel(4);
        (Line::new(generation, "probe", Health::new(), broken), reports)
    }

    #[tokio::test]
    async fn a_message_of_several_events_is_taken_as_far_as_it_fits() {
        let inbox = inbox(4);
        let (line, _reports) = line(1);
        inbox.add_route("p{a}", "a");
        inbox.put(&line, message("p{a}", "7+:e:1,2,1:xyyz"));
        inbox.put(&line, message("p{a}", "10+:f:1,1,1:uvw"));
        inbox.put(&line, message("p{a}", "10+:f:1,1,1:uv"));
        let batch = inbox.take().await.unwrap();
        let taken: Vec<_> = batch[..4]
            .iter()
            .map(|event| match event {
                BusEvent::Publication(one) => (one.position.clone().unwrap(), one.payload.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        let want = [(7, "e", "x"), (8, "e", "yy"), (9, "e", "z"), (10, "f", "u")];
        let want = want.map(|(offset, epoch, event)| (Position::new(offset, epoch), event.into()));
        assert_eq!(taken, want);
        assert_eq!(batch[4..], [BusEvent::Overflowed { dropped: 2 }]);
        assert_eq!(inbox.message_count(), 3);
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_says_so_but_control_messages_pass() {
        let inbox = inbox(2);
        let (line, mut reports) = line(1);
        inbox.add_route("p{a}", "a");
        for offset in 1..=5 {
            inbox.put(&line, message("p{a}", &format!("{offset}:e:x")));
        }
        inbox.put(&line, message("ctl", r#"{"type":"user_suspended","user_id":3}"#));
        inbox.put(&line, message("p{b}", "1:e:not subscribed"));
        inbox.close_line(&line);
        inbox.put(&line, message("ctl", r#"{"type":"user_suspended","user_id":4}"#));
        assert!(reports.try_recv().is_err());
        let batch = inbox.take().await.unwrap();
        assert_eq!(batch.len(), 4, "{batch:?}");
        assert!(matches!(&batch[1], BusEvent::Publication(p) if p.position.as_ref().unwrap().offset == 2));
        assert!(matches!(&batch[2], BusEvent::Control(_)));
        assert_eq!(batch[3], BusEvent::Overflowed { dropped: 3 });
        inbox.close();
        assert_eq!(inbox.take().await, None);
    }

    #[test]
    fn a_channel_taken_away_breaks_the_connection_and_one_that_was_left_does_not() {
        let inbox = inbox(2);
        let (line, mut reports) = line(7);
        inbox.add_route("p{a}", "a");
        inbox.put(&line, push(PushKind::SUnsubscribe, &["p{b}"]));
        inbox.put(&line, push(PushKind::SSubscribe, &["p{a}"]));
        assert!(reports.try_recv().is_err());
        for taken in ["p{a}", "probe", "ctl"] {
            inbox.put(&line, push(PushKind::SUnsubscribe, &[taken]));
            assert_eq!(reports.try_recv(), Ok(7), "{taken}");
        }
        inbox.put(&line, push(PushKind::Disconnection, &[]));
        assert_eq!(reports.try_recv(), Ok(7));
    }
}
