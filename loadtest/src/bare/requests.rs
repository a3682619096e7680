//! One GET, again and again, over connections that stay open: one thread, one epoll set.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::poll::Poll;
use super::process::{self, Busy};
use crate::stats::float;

const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Path and query.
    pub(crate) path: String,
    /// Who asks.
    pub(crate) token: Option<String>,
}

/// What one round gave.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Answers {
    /// Requests answered with 200.
    pub(crate) requests: u64,
    /// Length of the window.
    pub(crate) seconds: f64,
    /// Requests a second.
    pub(crate) per_second: f64,
    /// The server's processor time of a request.
    pub(crate) microseconds_a_request: f64,
    /// Bytes of an answer's body.
    pub(crate) body_bytes: u64,
    /// Half were faster.
    pub(crate) p50_ms: f64,
    /// 99 in a hundred were faster.
    pub(crate) p99_ms: f64,
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    asked: Instant,
}

/// Asks over so many connections, each again as soon as it is answered.
///
/// # Errors
/// A connection broke, or an answer was not 200.
pub(crate) fn ask(
    address: SocketAddr,
    question: &Question,
    connections: u32,
    pid: u32,
    (warm_up, window): (Duration, Duration),
) -> Result<Answers> {
    let request = question.bytes(address);
    let mut poll = Poll::new()?;
    let mut open = Vec::new();
    for number in 0..usize::try_from(connections)? {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.write_all(&request)?;
        stream.set_nonblocking(true)?;
        poll.add(&stream, number)?;
        open.push(Connection { stream, answer: Vec::new(), asked: Instant::now() });
    }
    let began = Instant::now();
    let mut since: Option<(Instant, Busy)> = None;
    let (mut requests, mut body_bytes) = (0_u64, 0);
    let mut latency = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let mut buffer = vec![0; 256 * 1024];
    let mut ready = Vec::new();
    let mut moved = began;
    loop {
        poll.wait(Duration::from_millis(50), &mut ready)?;
        let now = Instant::now();
        match &since {
            None if now >= began + warm_up => {
                since = Some((now, process::busy(pid)?));
                requests = 0;
                latency.reset();
            }
            Some((since, busy)) if now >= *since + window => {
                let busy = process::busy(pid)?.since(busy).as_secs_f64();
                let seconds = (now - *since).as_secs_f64();
                return Ok(Answers {
                    requests,
                    seconds,
                    per_second: float(requests) / seconds,
                    microseconds_a_request: busy * 1e6 / float(requests.max(1)),
                    body_bytes,
                    p50_ms: float(latency.value_at_quantile(0.5)) / 1000.0,
                    p99_ms: float(latency.value_at_quantile(0.99)) / 1000.0,
                });
            }
            _ => {}
        }
        ensure!(now - moved < PATIENCE, "no answer for {} s", PATIENCE.as_secs());
        for event in &ready {
            let Some(connection) = open.get_mut(event.number) else { continue };
            let Some(length) = connection.read(&mut buffer)? else { continue };
            body_bytes = u64::try_from(length)?;
            let waited = u64::try_from(connection.asked.elapsed().as_micros())?;
            latency.saturating_record(waited.max(1));
            requests += 1;
            moved = now;
            connection.asked = Instant::now();
            connection.stream.write_all(&request).context("a request could not be written")?;
        }
    }
}

/// Asks once; gives the body.
///
/// # Errors
/// The answer is not 200.
pub(crate) fn ask_once(address: SocketAddr, question: &Question) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&question.bytes(address))?;
    let mut connection = Connection { stream, answer: Vec::new(), asked: Instant::now() };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = connection.stream.read(&mut buffer).context("no answer")?;
        ensure!(count > 0, "the server closed the connection");
        connection.answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if let Some((begins, length)) = whole(&connection.answer)? {
            return Ok(connection.answer.get(begins..begins + length).unwrap_or_default().to_vec());
        }
    }
}

impl Question {
    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let authorization =
            self.token.as_ref().map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        format!(
            "GET {} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n{authorization}\r\n",
            self.path
        )
        .into_bytes()
    }
}

impl Connection {
    /// Reads once; gives the length of the body when it is whole.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let count = match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let length = whole(&self.answer)?.map(|(_, length)| length);
        if length.is_some() {
            self.answer.clear();
        }
        Ok(length)
    }
}

/// Where the body begins and how long it is, once it is there as a whole.
fn whole(answer: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(None) };
    let head =
        std::str::from_utf8(answer.get(..end).unwrap_or_default()).context("a head that is no text")?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.starts_with("HTTP/1.1 200"), "the server answered {status}");
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok())
        .context("an answer without a length")?;
    Ok((answer.len() >= end + 4 + length).then_some((end + 4, length)))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: x\r\ncontent-length: 5\r\n\r\nhello";
        for missing in 1..answer.len() {
            assert_eq!(whole(&answer[..answer.len() - missing]).unwrap(), None, "{missing}");
        }
        let (begins, length) = whole(answer).unwrap().unwrap();
        assert_eq!(&answer[begins..begins + length], b"hello");
        let refused = whole(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").unwrap_err();
        assert!(refused.to_string().contains("401"));
    }
}
