//! The channels (realtime.md §3): the only place where names like `user:7` are made and read.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A channel; the number is the id of the row it belongs to, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// A user's own channel, subscribed by the server.
    User(u64),
    /// A live room.
    Room(u64),
    /// A user's online status.
    Presence(u64),
    /// A post.
    Post(u64),
    /// A course.
    Course(u64),
    /// When a speaker can be booked.
    Speaker(u64),
}

/// What a channel keeps for recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPolicy {
    /// How many events at most.
    pub max_events: u32,
    /// For how long after the last event.
    pub ttl: Duration,
}

/// The name is not a channel's: answered with error 102.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such channel")]
pub struct UnknownChannel;

const HOUR: u64 = 60 * 60;

impl Channel {
    /// What is kept for recovery; `None`: nothing.
    #[must_use]
    pub const fn history(self) -> Option<HistoryPolicy> {
        let (max_events, hours) = match self {
            Self::User(_) => (1000, 72),
            Self::Room(_) => (1000, 24),
            // The last value; a status older than a day is read from its owner's row anyway.
            Self::Presence(_) => (1, 24),
            Self::Speaker(_) => (100, 24),
            Self::Post(_) => return None,
            // Few things happen to a course, and each says: read it again.
            Self::Course(_) => (100, 24),
        };
        Some(HistoryPolicy { max_events, ttl: Duration::from_secs(hours * HOUR) })
    }

    /// Whether a client that was away can ask for what it missed.
    #[must_use]
    pub const fn recoverable(self) -> bool {
        self.history().is_some()
    }

    /// Whether the channel tells who listens: the list, its counts, join and leave.
    #[must_use]
    pub const fn has_member_presence(self) -> bool {
        matches!(self, Self::Room(_))
    }

    /// The id of the row that the channel belongs to.
    #[must_use]
    pub const fn id(self) -> u64 {
        match self {
            Self::User(id)
            | Self::Room(id)
            | Self::Presence(id)
            | Self::Post(id)
            | Self::Course(id)
            | Self::Speaker(id) => id,
        }
    }

    /// The word before the colon; also the label of metrics.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Room(_) => "room",
            Self::Presence(_) => "presence",
            Self::Post(_) => "post",
            Self::Course(_) => "course",
            Self::Speaker(_) => "speaker",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.id())
    }
}

impl FromStr for Channel {
    type Err = UnknownChannel;

    /// Strict, so that one channel has one name: decimal digits without sign or leading zero.
    fn from_str(name: &str) -> Result<Self, UnknownChannel> {
        let (kind, digits) = name.split_once(':').ok_or(UnknownChannel)?;
        if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(UnknownChannel);
        }
        let Ok(id) = digits.parse() else { return Err(UnknownChannel) };
        match kind {
            "user" => Ok(Self::User(id)),
            "room" => Ok(Self::Room(id)),
            "presence" => Ok(Self::Presence(id)),
            "post" => Ok(Self::Post(id)),
            "course" => Ok(Self::Course(id)),
            "speaker" => Ok(Self::Speaker(id)),
            _ => Err(UnknownChannel),
        }
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl serde::de::Visitor<'_> for Name {
            type Value = Channel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a channel, e.g. \"room:5\"")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Channel, E> {
                name.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Name)
    }
}
