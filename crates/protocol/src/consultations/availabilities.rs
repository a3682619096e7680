//! What a speaker offers every week, and the slots that come of it.

use std::collections::BTreeMap;

use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `consultation_availabilities.day_of_week`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    /// All of them, in the order of the column.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// Input of `create_availability`, and one window of `replace_availabilities`. Times are those of the speaker's own
/// time zone.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAvailability {
    /// On which day of every week.
    pub day_of_week: Weekday,
    /// From then, `HH:MM` or `HH:MM:SS`.
    #[schema(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
    pub start_time: String,
    /// Until then, after the beginning: a window over midnight is two windows.
    #[schema(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
    pub end_time: String,
    /// Minutes of a session; the window holds one at least.
    #[schema(minimum = 15, maximum = 240)]
    pub session_duration: u16,
    /// What a session costs, VAT included.
    #[serde(default)]
    #[schema(value_type = String, pattern = r"^[0-9]{1,10}(\.[0-9]{1,2})?$")]
    pub price_per_session: Money,
    /// Can it be booked?
    #[serde(default = "yes")]
    pub is_active: bool,
}

const fn yes() -> bool {
    true
}

/// Input of `replace_availabilities`: the whole week.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceAvailabilities {
    /// All windows; those of one day do not overlap.
    #[schema(max_items = 200)]
    pub availabilities: Vec<CreateAvailability>,
}

/// Input of `update_availability`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAvailability {
    /// On which day of every week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<Weekday>,
    /// From then, `HH:MM` or `HH:MM:SS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
    pub start_time: Option<String>,
    /// Until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]
    pub end_time: Option<String>,
    /// Minutes of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 15, maximum = 240)]
    pub session_duration: Option<u16>,
    /// What a session costs, VAT included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = r"^[0-9]{1,10}(\.[0-9]{1,2})?$")]
    pub price_per_session: Option<Money>,
    /// Can it be booked?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

/// A window of every week in which a speaker can be booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Availability {
    /// Its id.
    pub id: u64,
    /// On which day of every week.
    pub day_of_week: Weekday,
    /// From then in `timezone`, `HH:MM:SS`.
    pub start_time: String,
    /// Until then in `timezone`, `HH:MM:SS`.
    pub end_time: String,
    /// The speaker's time zone, an IANA name.
    pub timezone: String,
    /// Minutes of a session.
    pub session_duration: u16,
    /// What a session costs, VAT included.
    pub price_per_session: Money,
    /// ISO 4217.
    pub currency: String,
    /// Can it be booked?
    pub is_active: bool,
}

/// What slots are asked for; days are those of `tz`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotQuery {
    /// First day, `YYYY-MM-DD`; today where left out.
    pub from: Option<String>,
    /// Last day, `YYYY-MM-DD`; a week from the first where left out. At most 31 days in all.
    pub to: Option<String>,
    /// IANA name; the speaker's own zone where left out.
    pub tz: Option<String>,
}

/// A time at which a speaker can be booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Slot {
    /// Its beginning, with the offset of the zone asked for.
    #[schema(format = DateTime, examples("2026-02-01T16:00:00+03:00"))]
    pub start: String,
    /// Its end, with the offset of the zone asked for.
    #[schema(format = DateTime, examples("2026-02-01T17:00:00+03:00"))]
    pub end: String,
    /// The window that it is of.
    pub availability_id: u64,
    /// What it costs, VAT included.
    pub price: Money,
    /// ISO 4217.
    pub currency: String,
}

/// Free slots by the day on which they begin, in the zone asked for. Days without any are left out.
pub type SlotDays = BTreeMap<String, Vec<Slot>>;

impl Slot {
    /// The beginning as an instant.
    #[must_use]
    pub fn starts_at(&self) -> Option<Time> {
        chrono::DateTime::parse_from_rfc3339(&self.start).ok().map(|at| Time::from(at.to_utc()))
    }
}
