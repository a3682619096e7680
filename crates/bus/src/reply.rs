//! Reading answers.

use redis::{FromRedisValue, Value};

use crate::error::BusError;

/// Reads an answer as `T`; `what` names the command in the error.
///
/// # Errors
/// [`BusError::Corrupt`] if the answer has another shape.
pub(crate) fn read<T: FromRedisValue>(what: &'static str, value: Value) -> Result<T, BusError> {
    T::from_redis_value(value).map_err(|error| BusError::Corrupt(format!("{what}: {error}")))
}

/// A duration in whole milliseconds, at least 1 (Redis refuses an expiry of 0).
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2).max(1)
}
