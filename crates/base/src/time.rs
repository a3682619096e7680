//! Instants. On the wire as Carbon's `toJSON` writes them: `2026-01-31T10:00:00.000000Z`.

use std::fmt;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// The current instant by the system's clock.
    #[must_use]
    pub fn now() -> Self {
        Self(Utc::now())
    }

    /// The current instant cut to whole seconds, as Laravel's `TIMESTAMP` columns hold it: what is answered
    /// now is then equal to what is read later.
    #[must_use]
    pub fn now_in_seconds() -> Self {
        Self(Utc::now().trunc_subsecs(0))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// From milliseconds since 1970; `None` out of chrono's range.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).map(Self)
    }

    /// The instant `seconds` later (earlier when negative); this one itself where that leaves the range.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        chrono::TimeDelta::try_seconds(seconds)
            .and_then(|delta| self.0.checked_add_signed(delta))
            .map_or(self, Self)
    }

    /// For columns and calendars.
    #[must_use]
    pub fn as_chrono(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(instant: DateTime<Utc>) -> Self {
        Self(instant)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text)
            .map(|instant| Self(instant.to_utc()))
            .map_err(|_error| de::Error::custom("not an RFC 3339 time"))
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .examples(["2026-01-31T10:00:00.000000Z"])
            .into()
    }
}
impl utoipa::ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn carbon_format_both_ways() {
        let time: Time = serde_json::from_str("\"2026-01-31T13:00:00.5+03:00\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-01-31T10:00:00.500000Z\"");
    }
}
