//! The bare server and the light sockets against each other, in one process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use super::closed::{BarePublisher, Pace, Plan, Publisher, round};
use super::crowd::{Crowd, Numbering, knock, marked_body, upgraded};
use super::frame::{self, TEXT};
use super::server::Server;
use super::template::{FIRST, Template, offset_of};

/// A server in a thread; it ends when the leash is dropped.
struct Running {
    address: SocketAddr,
    leash: Option<UnixStream>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Running {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (leash, end) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || Server::new(listener)?.run(end));
        Self { address, leash: Some(leash), thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.leash.take());
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

fn hub_frame() -> Vec<u8> {
    let body = marked_body(7, 64);
    format!(r#"{{"push":{{"channel":"room:5","pub":{{"data":{{"body":"{body}"}},"offset":9}}}}}}"#)
        .into_bytes()
}

#[test]
fn everybody_hears_every_message_once_and_in_order() {
    let server = Running::start();
    let mut crowd = Crowd::new(Numbering::Offset).unwrap();
    crowd.join((server.address, "/subscribe"), 20, |_| Ok(None)).unwrap();
    let template = Template::of(&hub_frame()).unwrap();
    let mut publisher = BarePublisher::open(server.address, template.clone()).unwrap();
    crowd.begin();
    let messages: Vec<u64> = (0..50).map(|_| crowd.next_message()).collect();
    publisher.publish(&messages[..1]).unwrap();
    publisher.publish(&messages[1..]).unwrap();
    let mut complete = Vec::new();
    while complete.len() < 50 {
        // A gap or a repeat is an error of the turn itself.
        crowd.turn(Duration::from_secs(10), &mut Vec::new()).unwrap();
        complete.extend(crowd.take_complete());
    }
    assert_eq!(complete, messages);
    assert_eq!(crowd.heard.deliveries, 20 * 50);
    // Below 126 bytes a frame has two bytes before its payload, up to 64 KiB four.
    let head = if template.length() < 126 { 2 } else { 4 };
    assert_eq!(crowd.heard.bytes, 20 * 50 * u64::try_from(template.length() + head).unwrap());
    assert_eq!(crowd.heard.sample, template.render(49));
}

#[test]
fn a_closed_loop_keeps_its_number_under_way_and_counts_what_was_heard() {
    let server = Running::start();
    let mut crowd = Crowd::new(Numbering::Offset).unwrap();
    crowd.join((server.address, "/subscribe"), 20, |_| Ok(None)).unwrap();
    let mut publisher = BarePublisher::open(server.address, Template::small(64)).unwrap();
    for pace in [Pace::InFlight(1), Pace::InFlight(8), Pace::Rate(500.0)] {
        let plan = Plan { warm_up: Duration::from_millis(50), window: Duration::from_millis(300), pace };
        let told = round(&mut crowd, &mut publisher, &[std::process::id()], plan, &mut || Ok(())).unwrap();
        assert!(told.deliveries >= 20 && told.messages > 0, "{told:?}");
        assert!((told.bytes_a_delivery - 64.0).abs() < 1e-9, "{told:?}");
        assert!(told.microseconds_a_delivery > 0.0 && told.p99_ms >= told.p50_ms, "{told:?}");
        if let Pace::Rate(rate) = pace {
            // Never more than are due, however slow the machine is.
            assert!(
                f64::from(u32::try_from(told.messages).unwrap()) <= (told.seconds + 0.05) * rate + 1.0,
                "{told:?}"
            );
        }
    }
}

#[test]
fn frames_may_come_in_pieces_and_several_in_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A server that writes a byte at a time, then three frames at once, then a frame with two messages.
    let writer = std::thread::spawn(move || {
        let mut stream = greet(&listener);
        let frames: Vec<Vec<u8>> = (0..6)
            .map(|number| {
                let mut frame = Vec::new();
                frame::put(TEXT, &Template::small(300).render(number), &mut frame);
                frame
            })
            .collect();
        for byte in &frames[0] {
            stream.write_all(&[*byte]).unwrap();
        }
        stream.write_all(&frames[1..4].concat()).unwrap();
        let two = [Template::small(64).render(4), Template::small(64).render(5)].join(&b'\n');
        let mut frame = Vec::new();
        frame::put(TEXT, &two, &mut frame);
        frame::put(TEXT, b"{}", &mut frame);
        stream.write_all(&frame).unwrap();
        // The answer to the ping.
        let mut pong = [0; 8];
        stream.read_exact(&mut pong).unwrap();
        let cut = frame::cut(&pong).unwrap();
        let mut payload = pong[cut.begins..].to_vec();
        frame::unmask(&mut payload, cut.mask.unwrap());
        assert_eq!(payload, b"{}");
    });
    let mut crowd = Crowd::new(Numbering::Offset).unwrap();
    crowd.join((address, "/"), 1, |_| Ok(None)).unwrap();
    crowd.begin();
    for _ in 0..6 {
        crowd.next_message();
    }
    let mut complete = Vec::new();
    while complete.len() < 6 {
        crowd.turn(Duration::from_secs(10), &mut Vec::new()).unwrap();
        complete.extend(crowd.take_complete());
    }
    assert_eq!(complete, [0, 1, 2, 3, 4, 5]);
    writer.join().unwrap();
}

#[test]
fn a_gap_and_a_close_are_errors() {
    for (frames, words) in [
        (vec![(TEXT, Template::small(64).render(0)), (TEXT, Template::small(64).render(2))], "came after"),
        (vec![(frame::CLOSE, vec![0x0b, 0xb8, b'b', b'y', b'e'])], "3000 bye"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let writer = std::thread::spawn(move || {
            let mut stream = greet(&listener);
            let mut bytes = Vec::new();
            for (opcode, payload) in frames {
                frame::put(opcode, &payload, &mut bytes);
            }
            stream.write_all(&bytes).unwrap();
            stream
        });
        let mut crowd = Crowd::new(Numbering::Offset).unwrap();
        let error = crowd
            .join((address, "/"), 1, |_| Ok(None))
            .and_then(|()| crowd.turn(Duration::from_secs(10), &mut Vec::new()))
            .unwrap_err();
        assert!(format!("{error:#}").contains(words), "{error:#}");
        drop(writer.join().unwrap());
    }
}

#[test]
fn one_who_leaves_or_talks_nonsense_disturbs_nobody() {
    let server = Running::start();
    let mut crowd = Crowd::new(Numbering::Offset).unwrap();
    crowd.join((server.address, "/subscribe"), 3, |_| Ok(None)).unwrap();
    let mut leaves = knock(server.address, "/subscribe").unwrap();
    upgraded(&mut leaves).unwrap();
    drop(leaves);
    let mut nonsense = TcpStream::connect(server.address).unwrap();
    nonsense.write_all(b"POST / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(nonsense.read(&mut [0; 16]).unwrap_or(0), 0);
    let mut publisher = BarePublisher::open(server.address, Template::small(64)).unwrap();
    crowd.begin();
    let message = crowd.next_message();
    publisher.publish(&[message]).unwrap();
    while crowd.take_complete().count() == 0 {
        crowd.turn(Duration::from_secs(10), &mut Vec::new()).unwrap();
    }
    assert_eq!(offset_of(&crowd.heard.sample), Some(FIRST));
}

/// Takes one connection and answers its upgrade.
fn greet(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    stream
}
