//! The side of a connection that others see: a bounded queue of frames and a letter-box for orders.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use protocol::channel::Channel;
use protocol::codec::Encoding;
use protocol::codes::CloseCode;
use uuid::Uuid;

use super::frame::{Class, Frame};
use super::session::Session;

/// One connection as the hub sees it. Whoever has something for it leaves it here and wakes it; nobody waits for it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Unique in this process.
    pub(crate) number: u64,
    /// The connection's id towards clients.
    pub(crate) client: Uuid,
    /// How its messages are written.
    pub(crate) encoding: Encoding,
    /// Bytes that may wait.
    max_queue: usize,
    /// Bytes that wait: here, in the writer, or in a frame written in part.
    queued: AtomicUsize,
    outbox: Mutex<Outbox>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Outbox {
    frames: VecDeque<Frame>,
    ended: Vec<(Channel, u64)>,
    close: Option<CloseCode>,
    /// The connection takes nothing more.
    closed: bool,
    session: Option<Arc<Session>>,
}

/// What a connection finds in its letter-box, apart from frames.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// Subscriptions that the hub ended, by channel and number.
    pub(crate) ended: Vec<(Channel, u64)>,
    /// An order to close.
    pub(crate) close: Option<CloseCode>,
}

/// What became of frames that were pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Will be written.
    pub(crate) accepted: u64,
    /// Signals left out, since the queue is long.
    pub(crate) dropped: u64,
    /// Of the accepted ones, signals that took the place of older ones.
    pub(crate) conflated: u64,
}

/// Bytes that a connection's task takes at a time. What waits beyond stays here, where newer signals can take the
/// place of older ones and be left out.
const MOUTHFUL: usize = 64 * 1024;

impl Peer {
    pub(crate) fn new(number: u64, encoding: Encoding, max_queue: usize) -> Self {
        Self {
            number,
            client: Uuid::new_v4(),
            encoding,
            max_queue,
            queued: AtomicUsize::new(0),
            outbox: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds frames in their order, or closes with 3008 where they do not fit (realtime.md §7). With `measured` the
    /// time until the last one is written goes into the lag histogram.
    pub(crate) fn push<'a>(&self, frames: impl IntoIterator<Item = &'a Frame>, measured: bool) -> Pushed {
        let mut pushed = Pushed::default();
        let mut outbox = self.lock();
        // A drain lets the command under way be answered.
        if outbox.closed || outbox.close.is_some_and(|code| code != CloseCode::Shutdown) {
            return pushed;
        }
        // Somebody who found it empty wakes the task, which takes everything there is then.
        let idle = outbox.frames.is_empty();
        for frame in frames {
            let count = u64::from(frame.count);
            if !idle && frame.conflation != 0 && self.conflate(&mut outbox, frame, measured) {
                pushed.accepted += count;
                pushed.conflated += 1;
                continue;
            }
            if !self.make_room(&mut outbox, frame) {
                if frame.class == Class::Signal {
                    pushed.dropped += 1;
                    continue;
                }
                outbox.close = Some(CloseCode::Slow);
                let forgotten: usize = outbox.frames.drain(..).map(|frame| frame.len()).sum();
                self.queued.fetch_sub(forgotten, Ordering::Relaxed);
                drop(outbox);
                self.waker.wake();
                return Pushed { accepted: 0, conflated: 0, ..pushed };
            }
            self.queued.fetch_add(frame.len(), Ordering::Relaxed);
            let at_ms = if measured { frame.at_ms } else { 0 };
            outbox.frames.push_back(Frame { at_ms, ..frame.clone() });
            pushed.accepted += count;
        }
        drop(outbox);
        if idle && pushed.accepted > 0 {
            self.waker.wake();
        }
        pushed
    }

    /// Puts a signal in the place of an older one that still waits; `false`: none does. Only sockets that have
    /// something waiting come here, and what waits is bounded.
    fn conflate(&self, outbox: &mut Outbox, frame: &Frame, measured: bool) -> bool {
        let Some(older) = outbox.frames.iter_mut().find(|waiting| waiting.conflation == frame.conflation)
        else {
            return false;
        };
        let at_ms = if measured { frame.at_ms } else { 0 };
        self.queued.fetch_sub(older.len(), Ordering::Relaxed);
        self.queued.fetch_add(frame.len(), Ordering::Relaxed);
        *older = Frame { at_ms, ..frame.clone() };
        true
    }

    /// Whether a frame fits, if need be after signals that wait were left out.
    fn make_room(&self, outbox: &mut Outbox, frame: &Frame) -> bool {
        let queued = self.queued.load(Ordering::Relaxed);
        let with_it = queued.saturating_add(frame.len());
        match frame.class {
            // Early, so that they never take the room of what matters.
            Class::Signal => with_it <= self.max_queue / 4,
            Class::Reply => queued <= self.max_queue,
            Class::Event if with_it <= self.max_queue => true,
            Class::Event => {
                let mut forgotten = 0;
                outbox.frames.retain(|waiting| {
                    let keep = waiting.class != Class::Signal;
                    forgotten += if keep { 0 } else { waiting.len() };
                    keep
                });
                self.queued.fetch_sub(forgotten, Ordering::Relaxed);
                with_it.saturating_sub(forgotten) <= self.max_queue
            }
        }
    }

    /// Orders the connection to close; the first order counts.
    pub(crate) fn close(&self, code: CloseCode) {
        let mut outbox = self.lock();
        if !outbox.closed && outbox.close.is_none() {
            outbox.close = Some(code);
            drop(outbox);
            self.waker.wake();
        }
    }

    /// Tells the connection that the hub ended one of its subscriptions, and the client with this frame.
    pub(crate) fn end_subscription(&self, channel: Channel, number: u64, frame: &Frame) {
        let mut outbox = self.lock();
        if !outbox.closed {
            outbox.ended.push((channel, number));
        }
        drop(outbox);
        self.push([frame], false);
        self.waker.wake();
    }

    /// Who is signed in.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.lock().session.clone()
    }

    pub(crate) fn set_session(&self, session: Arc<Session>) {
        self.lock().session = Some(session);
    }

    /// Bytes that wait to be written.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Whether there are frames to be taken.
    pub(crate) fn has_frames(&self) -> bool {
        self.queued() > 0 && !self.lock().frames.is_empty()
    }

    /// Whether so much waits that no more commands should be taken.
    pub(crate) fn is_congested(&self) -> bool {
        self.queued() > self.max_queue / 2
    }

    /// To be woken when there is something. To be called before [`Self::take`].
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Takes the orders, and frames if `queue` is empty: as many as are to be written in one go. Whoever has written
    /// them comes again while [`Self::has_frames`] says that something is left.
    pub(crate) fn take(&self, queue: &mut VecDeque<Frame>) -> Mail {
        let mut outbox = self.lock();
        if queue.is_empty() {
            if self.queued() <= MOUTHFUL {
                std::mem::swap(queue, &mut outbox.frames);
            } else {
                let mut bytes = 0;
                while bytes < MOUTHFUL
                    && let Some(frame) = outbox.frames.pop_front()
                {
                    bytes += frame.len();
                    queue.push_back(frame);
                }
            }
        }
        let ended = if outbox.ended.is_empty() { Vec::new() } else { std::mem::take(&mut outbox.ended) };
        Mail { ended, close: outbox.close }
    }

    /// Moves everything that waits to the end of `queue`: nothing comes after it.
    pub(crate) fn take_all(&self, queue: &mut VecDeque<Frame>) {
        queue.append(&mut self.lock().frames);
    }

    /// Bytes wait that did not come through the outbox.
    pub(crate) fn count_bytes(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes were written, or forgotten, that waited.
    pub(crate) fn forget_bytes(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// From now on it takes nothing more.
    pub(crate) fn end(&self) {
        let mut outbox = self.lock();
        outbox.closed = true;
        outbox.frames = VecDeque::new();
        outbox.ended = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use protocol::codec::Encoding;
    use protocol::codes::CloseCode;

    use super::{Class, Frame, Peer, Pushed};
    use crate::connection::frame::tests::texts;

    /// A frame of so many bytes, its header included.
    fn frame(class: Class, length: usize) -> Frame {
        let header = if length < 128 { 2 } else { 4 };
        let frame = Frame::message(Encoding::Json, class, &vec![b'x'; length - header]);
        assert_eq!(frame.len(), length);
        frame
    }

    #[test]
    fn signals_give_way_before_the_socket_is_closed() {
        let peer = Peer::new(1, Encoding::Json, 400);
        let (signal, event) = (frame(Class::Signal, 40), frame(Class::Event, 100));
        let pushed = peer.push([&signal, &signal, &signal], false);
        assert_eq!(pushed, Pushed { accepted: 2, dropped: 1, conflated: 0 }, "signals may fill a quarter");
        assert_eq!(peer.push([&event, &event, &event], false).accepted, 3);
        assert_eq!(peer.queued(), 380);
        assert_eq!(peer.push([&event], false).accepted, 1, "the signals made room");
        assert_eq!(peer.queued(), 400);
        assert_eq!(peer.push([&event], false).accepted, 0);
        let mut queue = VecDeque::new();
        assert_eq!(peer.take(&mut queue).close, Some(CloseCode::Slow));
        assert!(queue.is_empty());
        assert_eq!(peer.queued(), 0);
        assert_eq!(peer.push([&event], false).accepted, 0, "nothing after the end");
    }

    #[test]
    fn a_newer_signal_takes_the_place_of_an_older_one_that_waits() {
        let peer = Peer::new(1, Encoding::Json, 1_000);
        let signal = |text: &'static str, conflation| Frame {
            conflation,
            ..Frame::message(Encoding::Json, Class::Signal, text.as_bytes())
        };
        let first = peer.push([&signal("a1", 7), &signal("b1", 8), &signal("x", 0), &signal("x", 0)], false);
        assert_eq!(first, Pushed { accepted: 4, dropped: 0, conflated: 0 });
        peer.push([&frame(Class::Event, 3)], false);
        let second = peer.push([&signal("a22", 7), &signal("c1", 9)], false);
        assert_eq!(second, Pushed { accepted: 2, dropped: 0, conflated: 1 });
        assert_eq!(peer.queued(), 22, "the older one's bytes do not wait any more");
        // With all the room for signals taken, a newer one still takes its older one's place.
        peer.push([&frame(Class::Signal, 228)], false);
        assert_eq!(peer.push([&signal("d1", 10)], false).dropped, 1);
        assert_eq!(peer.push([&signal("b2", 8)], false).conflated, 1);
        let mut queue = VecDeque::new();
        peer.take(&mut queue);
        let texts: Vec<_> = queue.iter().flat_map(texts).collect();
        assert_eq!(texts.iter().take(6).collect::<Vec<_>>(), ["a22", "b2", "x", "x", "x", "c1"]);
        // Taken by the task it cannot be replaced.
        peer.forget_bytes(peer.queued());
        assert_eq!(peer.push([&signal("a3", 7)], false), Pushed { accepted: 1, dropped: 0, conflated: 0 });
    }

    #[test]
    fn a_slow_socket_takes_a_mouthful_at_a_time_and_the_rest_stays_where_signals_can_be_left_out() {
        let peer = Peer::new(1, Encoding::Json, 1_000_000);
        let event = frame(Class::Event, 10_000);
        for _ in 0..20 {
            peer.push([&event], false);
        }
        let mut queue = VecDeque::new();
        peer.take(&mut queue);
        assert_eq!(queue.len(), 7);
        peer.take(&mut queue);
        assert_eq!(queue.len(), 7, "it has enough to write");
        peer.take_all(&mut queue);
        assert_eq!(queue.len(), 20);
    }

    #[test]
    fn one_reply_may_be_larger_than_the_queue() {
        let peer = Peer::new(1, Encoding::Json, 200);
        assert_eq!(peer.push([&frame(Class::Event, 150), &frame(Class::Reply, 5000)], false).accepted, 2);
        assert!(peer.is_congested());
        assert_eq!(peer.push([&frame(Class::Reply, 50)], false).accepted, 0);
    }
}
