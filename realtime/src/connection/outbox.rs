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
use super::wire::{TOGETHER, Wire};

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
    /// To write to at once while nothing waits.
    wire: Option<Arc<Wire>>,
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
    /// `at_ms` of the first one, where it was to be measured and all are written already; otherwise 0.
    pub(crate) sent_at_ms: i64,
}

/// When what is pushed is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Here and now, if nothing waits and the kernel takes it.
    Now,
    /// By the connection's task, which any core may run.
    Soon,
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

    /// The same, with something to write to.
    pub(crate) fn on(mut self, wire: Arc<Wire>) -> Self {
        self.outbox.get_mut().unwrap_or_else(PoisonError::into_inner).wire = Some(wire);
        self
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves frames with it: [`Self::deliver`] at once and unmeasured.
    pub(crate) fn push(&self, frames: &[Frame]) -> Pushed {
        self.deliver(frames, false, Urgency::Now)
    }

    /// Writes frames or adds them to those that wait, in their order, or closes with 3008 where they do not fit
    /// (realtime.md §7). With `measured` the time until they are written goes into the lag histogram.
    pub(crate) fn deliver(&self, frames: &[Frame], measured: bool, urgency: Urgency) -> Pushed {
        let mut pushed = Pushed::default();
        let mut outbox = self.lock();
        // A drain lets the command under way be answered.
        if outbox.closed || outbox.close.is_some_and(|code| code != CloseCode::Shutdown) {
            return pushed;
        }
        // Somebody who found it empty wakes the task, which takes everything there is then.
        let idle = outbox.frames.is_empty();
        let mut left = frames;
        if idle && urgency == Urgency::Now {
            left = self.write_at_once(&mut outbox, frames, measured, &mut pushed);
        }
        for frame in left {
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
                self.forget(&mut outbox, |waiting| waiting.class != Class::Rest);
                drop(outbox);
                self.waker.wake();
                return Pushed { accepted: 0, conflated: 0, ..pushed };
            }
            self.wait(&mut outbox, frame.clone(), measured);
            pushed.accepted += count;
        }
        let waits = !outbox.frames.is_empty();
        drop(outbox);
        if idle && waits {
            self.waker.wake();
        }
        pushed
    }

    /// Writes what the kernel takes now, while nothing waits; what is left of a frame begun waits. The answer is the
    /// frames of which nothing is written.
    fn write_at_once<'a>(
        &self,
        outbox: &mut Outbox,
        frames: &'a [Frame],
        measured: bool,
        pushed: &mut Pushed,
    ) -> &'a [Frame] {
        // Also what the task has taken and not written yet is counted as queued.
        let (Some(wire), true) = (&outbox.wire, self.queued() == 0) else { return frames };
        let (together, later) = frames.split_at(frames.len().min(TOGETHER));
        let mut taken = wire.try_write(together);
        let mut left = together;
        while let Some((frame, others)) = left.split_first()
            && taken > 0
        {
            pushed.accepted += u64::from(frame.count);
            left = others;
            if taken < frame.len() {
                let rest = frame.rest(taken);
                self.wait(outbox, rest, measured);
            }
            taken = taken.saturating_sub(frame.len());
        }
        if outbox.frames.is_empty() && left.is_empty() {
            if measured {
                pushed.sent_at_ms = frames.first().map_or(0, |frame| frame.at_ms);
            }
            return later;
        }
        frames.get(frames.len().saturating_sub(left.len().saturating_add(later.len()))..).unwrap_or_default()
    }

    /// Adds a frame to those that wait.
    fn wait(&self, outbox: &mut Outbox, frame: Frame, measured: bool) {
        self.queued.fetch_add(frame.len(), Ordering::Relaxed);
        let at_ms = if measured { frame.at_ms } else { 0 };
        outbox.frames.push_back(Frame { at_ms, ..frame });
    }

    /// Leaves out what waits and is not wanted.
    fn forget(&self, outbox: &mut Outbox, unwanted: impl Fn(&Frame) -> bool) {
        let mut forgotten = 0;
        outbox.frames.retain(|waiting| {
            let keep = !unwanted(waiting);
            forgotten += if keep { 0 } else { waiting.len() };
            keep
        });
        self.queued.fetch_sub(forgotten, Ordering::Relaxed);
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
            Class::Reply | Class::Rest => queued <= self.max_queue,
            Class::Event if with_it <= self.max_queue => true,
            Class::Event => {
                self.forget(outbox, |waiting| waiting.class == Class::Signal);
                self.queued().saturating_add(frame.len()) <= self.max_queue
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
        self.push(std::slice::from_ref(frame));
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
        outbox.wire = None;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::Poll;
    use std::time::Duration;

    use futures_util::{SinkExt, Stream, StreamExt, future};
    use protocol::codec::Encoding;
    use protocol::codes::CloseCode;
    use tokio::net::{TcpListener, TcpSocket, TcpStream};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::{Class, Frame, Peer, Pushed};
    use crate::connection::frame::tests::texts;
    use crate::connection::stream::WireStream;
    use crate::connection::writer::{FrameWriter, Socket};

    /// A socket as the hub has it, and its client's end; the kernel takes little at a time.
    async fn connected() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(8 * 1024).unwrap();
        let client = client.connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let stream = WireStream::new(stream);
        (WebSocketStream::from_raw_socket(stream, Role::Server, None).await, client)
    }

    /// What a connection's task does with its socket, until `peer` is to close.
    async fn serve(peer: Arc<Peer>, mut socket: Socket) {
        let mut writer = FrameWriter::default();
        future::poll_fn(|cx| {
            peer.register(cx.waker());
            loop {
                if peer.take(&mut writer.queue).close.is_some() {
                    return Poll::Ready(());
                }
                let turn = writer.poll_write(&mut socket, cx, |_| {}).unwrap();
                peer.forget_bytes(turn.bytes);
                while let Poll::Ready(Some(Ok(_))) = Pin::new(&mut socket).poll_next(cx) {}
                if !turn.done || !peer.has_frames() {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_pushed_while_nothing_waits_is_written_at_once_by_nobodys_task() {
        let (socket, client) = connected().await;
        let peer = Peer::new(1, Encoding::Json, 100_000).on(Arc::clone(socket.get_ref().wire()));
        let event = Frame { at_ms: 7, ..frame(Class::Event, 100) };
        let pushed = peer.deliver(&[event.clone(), event], true, super::Urgency::Now);
        assert_eq!((pushed.accepted, pushed.sent_at_ms, peer.queued()), (2, 7, 0));
        let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        for _ in 0..2 {
            assert_eq!(client.next().await.unwrap().unwrap().len(), 98);
        }
        // The end of what the kernel takes: the rest waits for the task, which is left to do it.
        let large = frame(Class::Event, 60_000);
        let mut written = 0;
        while peer.queued() == 0 {
            written += peer.push(std::slice::from_ref(&large)).accepted;
            assert!(written < 1_000, "the kernel takes everything");
        }
        assert!(peer.has_frames() && peer.queued() <= 60_000);
        let before = peer.queued();
        peer.push(&[frame(Class::Event, 100)]);
        assert_eq!(peer.queued(), before + 100, "in its order");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_three_who_write_none_gets_between_anothers_frames() {
        const EVENTS: usize = 4_000;
        const PINGS: usize = 1_000;
        let (socket, client) = connected().await;
        let peer = Peer::new(1, Encoding::Json, 1 << 30).on(Arc::clone(socket.get_ref().wire()));
        let peer = Arc::new(peer);
        let task = tokio::spawn(serve(Arc::clone(&peer), socket));
        let deliverer = Arc::clone(&peer);
        let delivering = tokio::task::spawn_blocking(move || {
            for number in 0..EVENTS {
                let text = format!("{number} {}", "x".repeat(number * 37 % 30_000));
                let text = Frame::message(Encoding::Json, Class::Event, text.as_bytes());
                assert_eq!(deliverer.push(&[text]).accepted, 1);
                if number % 50 == 0 {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        });
        let client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        let (mut sink, mut stream) = client.split();
        let pinging = tokio::spawn(async move {
            for number in 0..PINGS {
                sink.send(Message::Ping(format!("ping {number} {}", "y".repeat(100)).into())).await.unwrap();
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
        });
        let (mut heard, mut pongs) = (0, 0);
        while heard < EVENTS {
            match stream.next().await.unwrap().unwrap() {
                Message::Text(text) => {
                    let (number, rest) = text.split_once(' ').unwrap();
                    assert_eq!(number.parse::<usize>().unwrap(), heard);
                    assert_eq!(rest.len(), heard * 37 % 30_000);
                    heard += 1;
                }
                Message::Pong(_) => pongs += 1,
                other => panic!("{other:?}"),
            }
        }
        delivering.await.unwrap();
        assert!(pongs > 0, "the library had no turn");
        pinging.abort();
        peer.close(CloseCode::Shutdown);
        task.await.unwrap();
    }

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
        let pushed = peer.push(&[signal.clone(), signal.clone(), signal.clone()]);
        assert_eq!(
            pushed,
            Pushed { accepted: 2, dropped: 1, ..Pushed::default() },
            "signals may fill a quarter"
        );
        assert_eq!(peer.push(&[event.clone(), event.clone(), event.clone()]).accepted, 3);
        assert_eq!(peer.queued(), 380);
        assert_eq!(peer.push(std::slice::from_ref(&event)).accepted, 1, "the signals made room");
        assert_eq!(peer.queued(), 400);
        assert_eq!(peer.push(std::slice::from_ref(&event)).accepted, 0);
        let mut queue = VecDeque::new();
        assert_eq!(peer.take(&mut queue).close, Some(CloseCode::Slow));
        assert!(queue.is_empty());
        assert_eq!(peer.queued(), 0);
        assert_eq!(peer.push(std::slice::from_ref(&event)).accepted, 0, "nothing after the end");
    }

    #[test]
    fn a_newer_signal_takes_the_place_of_an_older_one_that_waits() {
        let peer = Peer::new(1, Encoding::Json, 1_000);
        let signal = |text: &'static str, conflation| Frame {
            conflation,
            ..Frame::message(Encoding::Json, Class::Signal, text.as_bytes())
        };
        let first = peer.push(&[signal("a1", 7), signal("b1", 8), signal("x", 0), signal("x", 0)]);
        assert_eq!(first, Pushed { accepted: 4, ..Pushed::default() });
        peer.push(&[frame(Class::Event, 3)]);
        let second = peer.push(&[signal("a22", 7), signal("c1", 9)]);
        assert_eq!(second, Pushed { accepted: 2, conflated: 1, ..Pushed::default() });
        assert_eq!(peer.queued(), 22, "the older one's bytes do not wait any more");
        // With all the room for signals taken, a newer one still takes its older one's place.
        peer.push(&[frame(Class::Signal, 228)]);
        assert_eq!(peer.push(&[signal("d1", 10)]).dropped, 1);
        assert_eq!(peer.push(&[signal("b2", 8)]).conflated, 1);
        let mut queue = VecDeque::new();
        peer.take(&mut queue);
        let texts: Vec<_> = queue.iter().flat_map(texts).collect();
        assert_eq!(texts.iter().take(6).collect::<Vec<_>>(), ["a22", "b2", "x", "x", "x", "c1"]);
        // Taken by the task it cannot be replaced.
        peer.forget_bytes(peer.queued());
        assert_eq!(peer.push(&[signal("a3", 7)]), Pushed { accepted: 1, ..Pushed::default() });
    }

    #[test]
    fn a_slow_socket_takes_a_mouthful_at_a_time_and_the_rest_stays_where_signals_can_be_left_out() {
        let peer = Peer::new(1, Encoding::Json, 1_000_000);
        let event = frame(Class::Event, 10_000);
        for _ in 0..20 {
            peer.push(std::slice::from_ref(&event));
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
    fn what_is_left_of_a_frame_begun_is_written_even_before_a_close() {
        let peer = Peer::new(1, Encoding::Json, 400);
        let begun = frame(Class::Event, 300).rest(10);
        peer.push(&[begun]);
        assert_eq!(peer.push(&[frame(Class::Event, 200)]).accepted, 0);
        let mut queue = VecDeque::new();
        assert_eq!(peer.take(&mut queue).close, Some(CloseCode::Slow));
        assert_eq!((queue.len(), queue[0].len(), peer.queued()), (1, 290, 290));
    }

    #[test]
    fn one_reply_may_be_larger_than_the_queue() {
        let peer = Peer::new(1, Encoding::Json, 200);
        assert_eq!(peer.push(&[frame(Class::Event, 150), frame(Class::Reply, 5000)]).accepted, 2);
        assert!(peer.is_congested());
        assert_eq!(peer.push(&[frame(Class::Reply, 50)]).accepted, 0);
    }
}
