//! The settings that the code reads, so that administrators find all of them (domain.md §5.11).

use base::CommonFault;
use store::settings::NewSetting;

use crate::App;
use crate::fault::of_store;

/// A setting as it is when nobody has chosen otherwise. Its name's first word is its group.
struct DefaultSetting {
    key: &'static str,
    value: &'static str,
    kind: &'static str,
    label: &'static str,
    rules: &'static [&'static str],
}

const fn number(
    key: &'static str,
    value: &'static str,
    label: &'static str,
    rules: &'static [&'static str],
) -> DefaultSetting {
    DefaultSetting { key, value, kind: "integer", label, rules }
}

const fn switch(key: &'static str, label: &'static str) -> DefaultSetting {
    DefaultSetting { key, value: "0", kind: "boolean", label, rules: &["required", "boolean"] }
}

/// The values are the specification's (domain.md §5, §8.4); the domains take the same where a row is missing.
const DEFAULTS: &[DefaultSetting] = &[
    switch("auth.enumeration_safe", "Signing up does not tell which addresses have an account"),
    number(
        "books.refund_days",
        "7",
        "Days within which a book can be given back",
        &["required", "integer", "min:0", "max:365"],
    ),
    number(
        "books.refund_percent",
        "10",
        "Percent of its pages that may be read by then",
        &["required", "integer", "min:0", "max:100"],
    ),
    switch("courses.auto_complete_non_video", "Articles and documents are done once they are opened"),
    number(
        "courses.refund_days",
        "14",
        "Days within which a course can be given back",
        &["required", "integer", "min:0", "max:365"],
    ),
    number(
        "courses.refund_max_progress",
        "20",
        "Percent of progress from which on it cannot",
        &["required", "integer", "min:0", "max:100"],
    ),
    switch("consult.require_confirmation", "Speakers confirm bookings"),
    number(
        "consult.confirm_minutes",
        "1440",
        "Minutes that a speaker has to confirm",
        &["required", "integer", "min:15", "max:10080"],
    ),
    DefaultSetting {
        key: "consult.settle",
        value: "on_complete",
        kind: "string",
        label: "When speakers are paid",
        rules: &["required", "in:on_complete,on_booking"],
    },
    number(
        "consult.min_notice_minutes",
        "120",
        "Minutes from booking to the session at least",
        &["required", "integer", "min:0", "max:43200"],
    ),
    number(
        "consult.horizon_days",
        "60",
        "Days that can be booked ahead",
        &["required", "integer", "min:1", "max:365"],
    ),
    number(
        "consult.buffer_minutes",
        "0",
        "Free minutes around a speaker's sessions",
        &["required", "integer", "min:0", "max:240"],
    ),
    number(
        "consult.refund_percent_24h",
        "100",
        "Percent given back a day before or earlier",
        &["required", "integer", "min:0", "max:100"],
    ),
    number(
        "consult.refund_percent_2h",
        "50",
        "Percent given back two hours before or earlier",
        &["required", "integer", "min:0", "max:100"],
    ),
    number(
        "consult.refund_percent_last",
        "0",
        "Percent given back later",
        &["required", "integer", "min:0", "max:100"],
    ),
    number(
        "reports.auto_hide",
        "10",
        "Reporters that hide a post until it is reviewed; 0 for never",
        &["required", "integer", "min:0", "max:10000"],
    ),
    number(
        "rooms.refund_hours",
        "24",
        "Hours before a room's first session until which a seat is refunded",
        &["required", "integer", "min:0", "max:720"],
    ),
];

/// Makes the settings that are missing; one query where none is.
///
/// # Errors
/// Those of the store.
pub(super) async fn install_settings(app: &App) -> Result<(), CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let there = store::settings::list_keys(&mut conn).await.map_err(of_store)?;
    for default in DEFAULTS.iter().filter(|default| there.iter().all(|key| key != default.key)) {
        let &DefaultSetting { key, value, kind, label, rules } = default;
        let group = key.split_once('.').map_or("general", |(group, _)| group);
        let new = NewSetting { key, value, kind, group, label, rules, is_public: false };
        store::settings::insert_missing_setting(&mut conn, new).await.map_err(of_store)?;
    }
    Ok(())
}
