//! epoll without ceremony: sockets by number, what is ready as numbers.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// What one call may bring.
const EVENTS: usize = 1024;

/// A set of sockets that are waited for together.
pub(crate) struct Poll {
    set: OwnedFd,
    events: Vec<Event>,
}

/// One that is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// Its number.
    pub(crate) number: usize,
    /// There is something to read, or the end.
    pub(crate) readable: bool,
    /// There is room to write.
    pub(crate) writable: bool,
}

impl Poll {
    /// An empty set.
    ///
    /// # Errors
    /// The system has no more of them.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { set: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(EVENTS) })
    }

    /// Waits for what comes on `source` from now on.
    ///
    /// # Errors
    /// The source is none that can be waited for.
    pub(crate) fn add(&self, source: impl AsFd, number: usize) -> io::Result<()> {
        Ok(epoll::add(&self.set, source, data(number), EventFlags::IN | EventFlags::RDHUP)?)
    }

    /// Whether to wait for room to write, too.
    ///
    /// # Errors
    /// The source was never added.
    pub(crate) fn want_room(&self, source: impl AsFd, number: usize, wanted: bool) -> io::Result<()> {
        let mut flags = EventFlags::IN | EventFlags::RDHUP;
        flags.set(EventFlags::OUT, wanted);
        Ok(epoll::modify(&self.set, source, data(number), flags)?)
    }

    /// No longer waits for `source`.
    ///
    /// # Errors
    /// The source was never added.
    pub(crate) fn remove(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.set, source)?)
    }

    /// Waits at most so long and puts what is ready in place of what `ready` held.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn wait(&mut self, limit: Duration, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
        match epoll::wait(&self.set, spare_capacity(&mut self.events), Some(&limit)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| {
            let Event { flags, data } = *event;
            Ready {
                number: usize::try_from(data.u64()).unwrap_or(usize::MAX),
                readable: flags
                    .intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
                writable: flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }
}

fn data(number: usize) -> EventData {
    EventData::new_u64(u64::try_from(number).unwrap_or(u64::MAX))
}
