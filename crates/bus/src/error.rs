//! What can go wrong on the way to Redis and back.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a command gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// Redis cannot be reached, did not answer in time, or says that it cannot serve now (loading, read-only
    /// replica, out of memory). Trying again later may help; whether the command took effect is unknown.
    #[error("Redis is not available: {0}")]
    Unavailable(String),
    /// Redis answered something that makes no sense here: a key of another type, an answer of another shape.
    #[error("unexpected answer from Redis: {0}")]
    Corrupt(String),
    /// The settings can never work: a malformed URL, a refused password, a brace in the prefix.
    #[error("wrong Redis settings: {0}")]
    Misconfigured(String),
}

impl BusError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<RedisError> for BusError {
    fn from(error: RedisError) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig
            | ErrorKind::RESP3NotSupported
            | ErrorKind::Server(ServerErrorKind::NoPerm) => Self::Misconfigured(text),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Corrupt(text),
            ErrorKind::Server(ServerErrorKind::ResponseError) => match error.code() {
                // A script that ran out of memory or hit a read-only replica reports it inside a plain ERR.
                _ if text.contains("OOM ") || text.contains("READONLY") => Self::Unavailable(text),
                _ => Self::Corrupt(text),
            },
            ErrorKind::Extension => match error.code() {
                Some("WRONGTYPE") => Self::Corrupt(text),
                Some("NOAUTH" | "WRONGPASS") => Self::Misconfigured(text),
                // OOM, MISCONF, BUSY, NOREPLICAS …: the server's state, not ours.
                _ => Self::Unavailable(text),
            },
            _ => Self::Unavailable(text),
        }
    }
}
