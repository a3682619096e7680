//! What a node knows of one channel: who listens here, how far the events have come, and what waits meanwhile.

use std::sync::Arc;
use std::time::Instant;

use bus::Position;
use protocol::channel::Channel;
use protocol::codec::{self, Encoding, Payload};
use protocol::codes::{CloseCode, UnsubscribeCode};
use protocol::frame::{Push, PushBody};

use crate::connection::frame::{Class, Frame, join};
use crate::connection::outbox::{Peer, Pushed, Urgency};

/// Bytes of events that may wait for one subscription that is being made, or for one gap that is being healed.
/// More than that, and the listeners are told to recover by themselves.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// One in so many deliveries of an event is measured.
const MEASURED: usize = 64;
/// So many listeners get an event written on the spot, which is cheapest. Beyond that, where there are other cores, each
/// listener's own task writes it, so that neither one core nor this channel's lock is busy for longer than milliseconds.
const AT_ONCE: usize = 1_024;

/// Where the node's subscription in Redis stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Asked for, or to be asked for.
    Unconfirmed,
    /// Redis has confirmed it.
    Confirmed,
    /// Nobody is interested; it is being given up.
    Leaving,
}

/// An event on its way to the listeners.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Its place; `None` for what is not kept.
    pub(crate) position: Option<Position>,
    /// The event.
    pub(crate) payload: Payload,
    /// When it happened, milliseconds since 1970; 0: unknown.
    pub(crate) at_ms: i64,
    /// Of a signal: see [`key_of`](super::conflation::key_of). 0 for whatever stands for itself.
    pub(crate) conflation: u64,
}

impl Heard {
    fn offset(&self) -> u64 {
        self.position.as_ref().map_or(0, |position| position.offset)
    }
}

/// One listener.
#[derive(Debug)]
struct Listening {
    number: u64,
    peer: Arc<Peer>,
    /// It has had everything up to here in the reply to `subscribe`, though the node has not; 0: nothing special.
    skip_to: u64,
}

/// One listener whose subscription is still being made: events wait here for the history to be read.
#[derive(Debug)]
struct Pending {
    number: u64,
    peer: Arc<Peer>,
    waiting: Vec<Heard>,
    bytes: usize,
    /// It must begin again: events were lost meanwhile, or its access has to be asked for again.
    void: bool,
}

/// Why a subscription could not begin at the position read: read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale {
    /// The node itself seems to be behind: look after it first.
    pub(crate) suspect: bool,
}

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Written, or in queues of connections.
    pub(crate) deliveries: u64,
    /// Signals that slow sockets do without.
    pub(crate) dropped: u64,
    /// Signals whose place was taken by newer ones before their sockets got to them.
    pub(crate) conflated: u64,
    /// Events are missing: to be read from the stream.
    pub(crate) gap: bool,
    /// `at_ms` of measured ones that are written.
    pub(crate) sent_at_ms: Vec<i64>,
}

impl Delivered {
    fn add(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.dropped += other.dropped;
        self.conflated += other.conflated;
        self.gap |= other.gap;
        self.sent_at_ms.extend(other.sent_at_ms);
    }

    fn count(&mut self, pushed: Pushed) {
        self.deliveries += pushed.accepted;
        self.dropped += pushed.dropped;
        self.conflated += pushed.conflated;
        if pushed.sent_at_ms > 0 {
            self.sent_at_ms.push(pushed.sent_at_ms);
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ChannelState {
    /// Subscriptions made and in the making.
    pub(crate) interest: usize,
    pub(crate) phase: Phase,
    /// Since when nobody is interested.
    pub(crate) idle_since: Option<Instant>,
    /// The last event that this node has delivered here.
    pub(crate) position: Option<Position>,
    /// When `position` was last known to be the top.
    pub(crate) checked: Instant,
    /// A gap is being healed; events wait in `held`.
    healing: bool,
    held: Vec<Heard>,
    held_bytes: usize,
    listening: Vec<Listening>,
    pending: Vec<Pending>,
}

impl ChannelState {
    pub(crate) fn new() -> Self {
        Self {
            interest: 0,
            phase: Phase::Unconfirmed,
            idle_since: None,
            position: None,
            checked: Instant::now(),
            healing: false,
            held: Vec::new(),
            held_bytes: 0,
            listening: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.listening.len()
    }

    /// Numbers and connections of everybody here, also of those whose subscription is being made.
    pub(crate) fn everybody(&self) -> Vec<(u64, Arc<Peer>)> {
        let listening = self.listening.iter().map(|one| (one.number, Arc::clone(&one.peer)));
        listening.chain(self.pending.iter().map(|one| (one.number, Arc::clone(&one.peer)))).collect()
    }

    /// Takes in events in the order heard and delivers those that follow without a gap.
    pub(crate) fn hear(&mut self, channel: Channel, name: &str, events: Vec<Heard>) -> Delivered {
        let mut ready = Vec::with_capacity(events.len());
        let mut gap = false;
        for event in events {
            let Some(position) = &event.position else {
                ready.push(event);
                continue;
            };
            if self.healing {
                self.hold(event);
                continue;
            }
            match &self.position {
                Some(known) if known.epoch == position.epoch => {
                    if position.offset <= known.offset {
                        continue;
                    }
                    // Of a status only the last value counts; there is nothing to heal.
                    if position.offset > known.offset + 1 && !is_last_value_only(channel) {
                        gap = true;
                        self.healing = true;
                        self.hold(event);
                        continue;
                    }
                }
                Some(_) if !is_last_value_only(channel) => {
                    gap = true;
                    self.healing = true;
                    self.hold(event);
                    continue;
                }
                Some(_) | None => {}
            }
            self.move_to(position.clone());
            ready.push(event);
        }
        if !ready.is_empty() {
            self.checked = Instant::now();
        }
        let mut delivered = self.send(channel, name, &ready);
        delivered.gap = gap;
        delivered
    }

    /// The node is here now. Offsets of another epoch say nothing of this one's.
    fn move_to(&mut self, position: Position) {
        if self.position.as_ref().is_some_and(|known| known.epoch != position.epoch) {
            for listening in &mut self.listening {
                listening.skip_to = 0;
            }
        }
        self.position = Some(position);
    }

    fn hold(&mut self, event: Heard) {
        self.held_bytes = self.held_bytes.saturating_add(event.payload.as_bytes().len());
        // Beyond the bound they are not kept: healing then reads again.
        if self.held_bytes <= MAX_WAITING {
            self.held.push(event);
        }
    }

    /// Gives events to everybody.
    fn send(&mut self, channel: Channel, name: &str, ready: &[Heard]) -> Delivered {
        let mut delivered = Delivered::default();
        if ready.is_empty() {
            return delivered;
        }
        for pending in &mut self.pending {
            pending.wait_for(channel, ready);
        }
        let at_once = if has_other_workers() { AT_ONCE } else { usize::MAX };
        let mut frames = EncodedEvents::default();
        for (index, listening) in self.listening.iter_mut().enumerate() {
            let frames = frames.of(listening.peer.encoding, channel, name, ready);
            let measured = index % MEASURED == 0;
            let urgency = if index < at_once { Urgency::Now } else { Urgency::Soon };
            let pushed = if listening.skip_to == 0 {
                listening.peer.deliver(&frames.joined, measured, urgency)
            } else {
                let skip_to = listening.skip_to;
                if ready.iter().any(|event| event.offset() >= skip_to) {
                    listening.skip_to = 0;
                }
                let is_new = |offset: u64| offset == 0 || offset > skip_to;
                let events = ready.iter().zip(&frames.each).filter(|(event, _)| is_new(event.offset()));
                let new: Vec<_> = events.map(|(_, frame)| frame.clone()).collect();
                listening.peer.deliver(&new, measured, urgency)
            };
            delivered.count(pushed);
        }
        delivered
    }

    /// Gives everybody a frame that is no event (join and leave), made for each encoding in use.
    pub(crate) fn send_signal(&self, mut frame: impl FnMut(Encoding) -> Option<Frame>) -> Delivered {
        let mut made: [Option<Option<Frame>>; 3] = [None, None, None];
        let mut delivered = Delivered::default();
        for listening in &self.listening {
            let Some(slot) = made.get_mut(slot(listening.peer.encoding)) else { continue };
            if let Some(frame) = slot.get_or_insert_with(|| frame(listening.peer.encoding)) {
                delivered.count(listening.peer.push(std::slice::from_ref(frame)));
            }
        }
        delivered
    }

    /// Begins a subscription: from now on every event waits for it.
    pub(crate) fn begin(&mut self, number: u64, peer: Arc<Peer>) {
        self.pending.push(Pending { number, peer, waiting: Vec::new(), bytes: 0, void: false });
    }

    /// Ends the making of a subscription: `reply` first, then what came after `start`, then whatever will come.
    /// `start` is what the client knows from the reply; `None` in channels that keep nothing.
    pub(crate) fn go_live(
        &mut self,
        channel: Channel,
        name: &str,
        number: u64,
        start: Option<Position>,
        reply: &Frame,
    ) -> Result<(), Stale> {
        let pending = self.take_pending(number).ok_or(Stale { suspect: false })?;
        if pending.void {
            return Err(Stale { suspect: false });
        }
        let mut skip_to = 0;
        let mut late = Vec::new();
        if let Some(start) = start {
            match &self.position {
                None => self.position = Some(start),
                Some(known) if known.epoch != start.epoch => return Err(Stale { suspect: true }),
                Some(known) if known.offset < start.offset => skip_to = start.offset,
                Some(known) => {
                    let missing = known.offset - start.offset;
                    late.extend(pending.waiting.into_iter().filter(|event| {
                        let position = event.position.as_ref();
                        position.is_some_and(|at| at.epoch == start.epoch && at.offset > start.offset)
                    }));
                    let expected = (start.offset + 1)..=known.offset;
                    let whole = late.iter().map(Heard::offset).eq(expected) || is_last_value_only(channel);
                    if missing > 0 && !whole {
                        return Err(Stale { suspect: false });
                    }
                }
            }
        } else {
            late = pending.waiting;
        }
        let peer = pending.peer;
        peer.push(std::slice::from_ref(reply));
        if !late.is_empty() {
            let mut frames = EncodedEvents::default();
            peer.push(&frames.of(peer.encoding, channel, name, &late).joined);
        }
        // One listener is the rule (`user:`); growing by four would cost memory for nothing.
        if self.listening.is_empty() {
            self.listening.reserve_exact(1);
        }
        self.listening.push(Listening { number, peer, skip_to });
        Ok(())
    }

    /// Ends a subscription, made or in the making; `false`: the hub had ended it.
    pub(crate) fn end(&mut self, number: u64) -> bool {
        if let Some(index) = self.listening.iter().position(|one| one.number == number) {
            self.listening.swap_remove(index);
            if self.listening.is_empty() {
                self.listening = Vec::new();
            }
            return true;
        }
        self.take_pending(number).is_some()
    }

    fn take_pending(&mut self, number: u64) -> Option<Pending> {
        let index = self.pending.iter().position(|one| one.number == number)?;
        let pending = self.pending.swap_remove(index);
        // A channel is quiet for far longer than somebody is on the way into it.
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
        Some(pending)
    }

    /// Ends a subscription from the hub's side and tells the client; one in the making has to begin again.
    pub(crate) fn evict(&mut self, channel: Channel, name: &str, number: u64, code: UnsubscribeCode) {
        if let Some(index) = self.listening.iter().position(|one| one.number == number) {
            let evicted = self.listening.swap_remove(index);
            tell_evicted(&evicted, channel, name, code);
        }
        self.void(number);
    }

    /// Makes a subscription in the making begin again.
    pub(crate) fn void(&mut self, number: u64) {
        for pending in self.pending.iter_mut().filter(|one| one.number == number) {
            pending.void = true;
        }
    }

    /// Whether `top` says that events are missing here; then they are to be healed.
    pub(crate) fn compare(&mut self, channel: Channel, top: &Position) -> bool {
        let Some(known) = &self.position else { return false };
        if self.healing {
            return false;
        }
        if known.epoch == top.epoch && known.offset >= top.offset {
            self.checked = Instant::now();
            return false;
        }
        // A status that was never published since has nothing to be told.
        if is_last_value_only(channel) && top.offset == 0 {
            self.move_to(top.clone());
            return false;
        }
        true
    }

    /// Begins healing, unless it is under way: events wait from now on. The answer is what is known so far.
    pub(crate) fn begin_healing(&mut self) -> Option<Position> {
        self.healing = true;
        self.position.clone()
    }

    /// Whether healing is under way.
    pub(crate) const fn is_healing(&self) -> bool {
        self.healing
    }

    /// Whether another healing has come to its end since the node was known to be at `known`, and left it in the life of
    /// the stream that `top` is in.
    pub(crate) fn is_settled_since(&self, known: &Position, top: &Position) -> bool {
        let here = self.position.as_ref();
        !self.healing && here.is_some_and(|here| here != known && here.epoch == top.epoch)
    }

    /// Everything that was missing up to `top`, in order; then what waited. `gap` in the answer: there is one more gap.
    pub(crate) fn heal(
        &mut self,
        channel: Channel,
        name: &str,
        missing: Vec<Heard>,
        top: Position,
    ) -> Delivered {
        self.healing = false;
        let held = std::mem::take(&mut self.held);
        let overflowed = std::mem::take(&mut self.held_bytes) > MAX_WAITING;
        let mut delivered = self.hear(channel, name, missing);
        // A status whose new stream is still empty.
        if self.position.as_ref().is_none_or(|known| known.epoch != top.epoch) {
            self.move_to(top);
        }
        delivered.add(self.hear(channel, name, held));
        if overflowed {
            // The newest of what waited are not there, and nothing that was heard says so.
            self.healing = true;
            delivered.gap = true;
        }
        delivered
    }

    /// What is missing cannot be had: everybody has to recover by themselves, from `top` on.
    pub(crate) fn give_up(&mut self, channel: Channel, name: &str, top: Option<Position>) {
        self.healing = false;
        self.held = Vec::new();
        self.held_bytes = 0;
        self.position = top;
        self.checked = Instant::now();
        for pending in &mut self.pending {
            pending.void = true;
        }
        for listening in std::mem::take(&mut self.listening) {
            if matches!(channel, Channel::User(_)) {
                listening.peer.close(CloseCode::InsufficientState);
            } else {
                tell_evicted(&listening, channel, name, UnsubscribeCode::InsufficientState);
            }
        }
    }
}

impl Pending {
    fn wait_for(&mut self, channel: Channel, events: &[Heard]) {
        for event in events {
            // Among events that are kept, those that are not are signals, which can be done without; in channels that
            // keep nothing they are all there is.
            if self.void || (event.position.is_none() && channel.recoverable()) {
                continue;
            }
            self.bytes = self.bytes.saturating_add(event.payload.as_bytes().len());
            if self.bytes > MAX_WAITING {
                self.void = true;
                self.waiting = Vec::new();
                return;
            }
            self.waiting.push(event.clone());
        }
    }
}

/// The same events in each encoding, made when first needed.
#[derive(Default)]
struct EncodedEvents {
    json: Option<EventFrames>,
    protobuf: Option<EventFrames>,
    message_pack: Option<EventFrames>,
}

/// Events as frames.
struct EventFrames {
    /// One for each event.
    each: Vec<Frame>,
    /// The same in fewer pieces.
    joined: Vec<Frame>,
}

impl EncodedEvents {
    fn of(&mut self, encoding: Encoding, channel: Channel, name: &str, events: &[Heard]) -> &EventFrames {
        let made = match encoding {
            Encoding::Json => &mut self.json,
            Encoding::Protobuf => &mut self.protobuf,
            Encoding::MessagePack => &mut self.message_pack,
        };
        made.get_or_insert_with(|| {
            let each: Vec<_> = events.iter().map(|event| encode(encoding, channel, name, event)).collect();
            EventFrames { joined: join(&each), each }
        })
    }
}

/// Whether other cores could write meanwhile.
pub(crate) fn has_other_workers() -> bool {
    tokio::runtime::Handle::try_current().is_ok_and(|runtime| runtime.metrics().num_workers() > 1)
}

const fn slot(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Json => 0,
        Encoding::Protobuf => 1,
        Encoding::MessagePack => 2,
    }
}

fn encode(encoding: Encoding, channel: Channel, name: &str, event: &Heard) -> Frame {
    // What is kept nowhere must not be lost lightly in `post:`, whose events are all of that kind.
    let signal = event.position.is_none() && !matches!(channel, Channel::Post(_));
    let class = if signal { Class::Signal } else { Class::Event };
    match codec::encode_publication_push(encoding, name, &event.payload, event.offset()) {
        Ok(message) => {
            let conflation = if signal { event.conflation } else { 0 };
            Frame { at_ms: event.at_ms, conflation, ..Frame::message(encoding, class, &message) }
        }
        Err(error) => {
            // A payload was checked when it came in, so this cannot be; an empty message is a ping to clients.
            tracing::error!(channel = name, %error, "an event could not be encoded");
            Frame::ping(encoding)
        }
    }
}

fn tell_evicted(listening: &Listening, channel: Channel, name: &str, code: UnsubscribeCode) {
    let push = Push { channel: name.to_owned(), body: PushBody::Unsubscribe(code.into()) };
    let encoding = listening.peer.encoding;
    match codec::encode_push(encoding, &push) {
        Ok(message) => {
            let frame = Frame::message(encoding, Class::Event, &message);
            listening.peer.end_subscription(channel, listening.number, &frame);
        }
        Err(error) => tracing::error!(channel = name, %error, "an unsubscribe push could not be encoded"),
    }
}

/// `presence:` keeps one event (realtime.md §3): whoever hears the newest has missed nothing.
const fn is_last_value_only(channel: Channel) -> bool {
    matches!(channel, Channel::Presence(_))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use bytes::Bytes;
    use protocol::channel::Channel;
    use protocol::codec::{Encoding, Payload};

    use super::{ChannelState, Class, Frame, Heard, Peer, Position};
    use crate::connection::frame::tests::texts;

    fn heard(n: u64, offset: Option<u64>) -> Heard {
        let payload = Payload::from_json(Bytes::from(format!("{{\"n\":{n}}}"))).unwrap();
        Heard { position: offset.map(|offset| Position::new(offset, "e")), payload, at_ms: 0, conflation: 0 }
    }

    /// What comes to a listener on whose way in these events were heard: the reply is `reply`.
    fn coming_in(channel: Channel, start: Option<Position>, events: Vec<Heard>) -> Vec<String> {
        let name = channel.to_string();
        let peer = Arc::new(Peer::new(1, Encoding::Json, 10_000));
        let mut state = ChannelState::new();
        state.begin(5, Arc::clone(&peer));
        state.hear(channel, &name, events);
        let reply = Frame::message(Encoding::Json, Class::Reply, b"reply");
        state.go_live(channel, &name, 5, start, &reply).unwrap();
        assert_eq!((state.listeners(), state.pending.capacity()), (1, 0));
        let mut queue = VecDeque::new();
        peer.take(&mut queue);
        queue.iter().flat_map(texts).collect()
    }

    #[test]
    fn where_nothing_is_kept_what_came_meanwhile_follows_the_reply() {
        let came = coming_in(Channel::Post(3), None, vec![heard(1, None), heard(2, None)]);
        assert_eq!(came.len(), 3, "{came:?}");
        assert_eq!(came[0], "reply");
        assert!(came[1].contains("{\"n\":1}") && came[2].contains("{\"n\":2}"), "{came:?}");
    }

    #[test]
    fn where_events_are_kept_those_after_the_position_follow_and_signals_do_not() {
        let events = vec![heard(1, Some(7)), heard(2, None), heard(3, Some(8)), heard(4, Some(9))];
        let came = coming_in(Channel::Room(3), Some(Position::new(7, "e")), events);
        assert_eq!(came.len(), 3, "{came:?}");
        assert!(came[1].contains("{\"n\":3}") && came[2].contains("{\"n\":4}"), "{came:?}");
    }

    /// A listener of a status whose reply told of the seventh event before the node has heard of it.
    fn ahead() -> (ChannelState, Arc<Peer>) {
        let peer = Arc::new(Peer::new(1, Encoding::Json, 10_000));
        let mut state = ChannelState::new();
        state.hear(STATUS, "presence:3", vec![heard(6, Some(6))]);
        state.begin(5, Arc::clone(&peer));
        let reply = Frame::message(Encoding::Json, Class::Reply, b"reply");
        state.go_live(STATUS, "presence:3", 5, Some(Position::new(7, "e")), &reply).unwrap();
        peer.take(&mut VecDeque::new());
        (state, peer)
    }

    const STATUS: Channel = Channel::Presence(3);

    fn in_another_epoch(n: u64, offset: u64) -> Heard {
        Heard { position: Some(Position::new(offset, "f")), ..heard(n, None) }
    }

    fn taken(peer: &Peer) -> usize {
        let mut queue = VecDeque::new();
        peer.take(&mut queue);
        queue.len()
    }

    #[test]
    fn what_a_reply_told_is_left_out_once_and_a_new_epoch_is_heard_from_its_first_event() {
        let (mut state, peer) = ahead();
        state.hear(STATUS, "presence:3", vec![heard(7, Some(7))]);
        assert_eq!(taken(&peer), 0, "it was in the reply");
        state.hear(STATUS, "presence:3", vec![in_another_epoch(1, 1)]);
        assert_eq!(taken(&peer), 1);

        // The seventh never comes.
        let (mut state, peer) = ahead();
        state.hear(STATUS, "presence:3", vec![in_another_epoch(1, 1)]);
        assert_eq!(taken(&peer), 1);
        let (mut state, peer) = ahead();
        assert!(!state.compare(STATUS, &Position::new(0, "f")));
        state.hear(STATUS, "presence:3", vec![in_another_epoch(1, 1)]);
        assert_eq!(taken(&peer), 1);
    }

    #[test]
    fn of_two_healings_of_one_gap_the_second_does_not_send_everybody_away_again() {
        let (room, name) = (Channel::Room(3), "room:3");
        let mut state = ChannelState::new();
        state.hear(room, name, vec![heard(5, Some(5))]);
        let top = Position::new(2, "f");
        let known = state.begin_healing().unwrap();
        assert_eq!(state.begin_healing(), Some(known.clone()));
        assert!(!state.is_settled_since(&known, &top));
        state.give_up(room, name, Some(top.clone()));
        assert!(state.is_settled_since(&known, &top));
        assert!(!state.is_settled_since(&known, &Position::new(0, "g")), "lost once more meanwhile");
    }

    #[test]
    fn healing_that_had_no_room_for_what_came_meanwhile_reads_again() {
        let (room, name) = (Channel::Room(3), "room:3");
        let mut state = ChannelState::new();
        state.hear(room, name, vec![heard(1, Some(1))]);
        assert!(state.hear(room, name, vec![heard(3, Some(3))]).gap);
        state.held_bytes = super::MAX_WAITING;
        state.hear(room, name, vec![heard(4, Some(4))]);
        let missing = vec![heard(2, Some(2)), heard(3, Some(3))];
        let healed = state.heal(room, name, missing, Position::new(3, "e"));
        assert!(healed.gap && state.is_healing());
        let healed = state.heal(room, name, vec![heard(4, Some(4))], Position::new(4, "e"));
        assert!(!healed.gap && !state.is_healing());
    }
}
