//! The bare side of our comparisons: a single-threaded broadcast server, the light sockets that listen to it and to the
//! hub alike, and a list page without a product around it. Nothing of it is part of Majlis or shares code with it: it is
//! the measuring stick.

pub(crate) mod closed;
pub(crate) mod crowd;
pub(crate) mod desk;
pub(crate) mod frame;
pub(crate) mod page;
pub(crate) mod poll;
pub(crate) mod process;
pub(crate) mod requests;
pub(crate) mod server;
pub(crate) mod template;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde::Serialize;

use self::closed::{BarePublisher, Pace, Plan, Round};
use self::crowd::{Crowd, Numbering};
use self::process::Served;
use self::template::Template;

/// What the same fan-out work cost the bare server.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BareFigures {
    /// What was done: deliveries, latencies and processor time.
    #[serde(flatten)]
    pub(crate) round: Round,
    /// What each socket added to the server's resident memory, in bytes.
    pub(crate) bytes_a_connection: f64,
}

/// The fan-out of a room without the room: so many subscribers of a bare server hear so many messages a second. `frame` is
/// the payload of one of the hub's pushes; the bare server writes the same bytes, but for the offset. It blocks: call it
/// on a thread where that is allowed.
///
/// # Errors
/// The server cannot be started, a connection breaks, or a message does not reach everybody.
pub(crate) fn same_work(subscribers: u32, rate: f64, seconds: u32, frame: &Bytes) -> Result<BareFigures> {
    ensure!(subscribers > 0 && rate > 0.0, "without subscribers or messages there is nothing to compare");
    let template = Template::of(frame).context("the hub's frame is no publication")?;
    let server = Served::start(&["bare-server".to_owned()], &[])?;
    let before = process::resident(server.pid())?;
    let mut crowd = Crowd::new(Numbering::Offset)?;
    crowd.join((server.address, "/subscribe"), usize::try_from(subscribers)?, |_| Ok(None))?;
    let added = process::resident(server.pid())?.saturating_sub(before);
    let mut publisher = BarePublisher::open(server.address, template)?;
    let plan = Plan {
        warm_up: Duration::from_millis(500),
        window: Duration::from_secs(u64::from(seconds)),
        pace: Pace::Rate(rate),
    };
    let round = closed::round(&mut crowd, &mut publisher, &[server.pid()], plan, &mut || Ok(()))?;
    Ok(BareFigures { round, bytes_a_connection: crate::stats::float(added) / f64::from(subscribers) })
}

#[cfg(test)]
mod tests;
