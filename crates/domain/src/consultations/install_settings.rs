//! The settings of consultations, so that administrators find them (domain.md §5.11).

use base::CommonFault;
use store::settings::NewSetting;

use crate::App;
use crate::fault::of_store;

/// Name, the specification's value, type, what it is for, and Laravel's rules for it.
const SETTINGS: &[(&str, &str, &str, &str, &[&str])] = &[
    ("consult.require_confirmation", "0", "boolean", "Speakers confirm bookings", &["required", "boolean"]),
    (
        "consult.confirm_minutes",
        "1440",
        "integer",
        "Minutes that a speaker has to confirm",
        &["required", "integer", "min:15", "max:10080"],
    ),
    (
        "consult.settle",
        "on_complete",
        "string",
        "When speakers are paid",
        &["required", "in:on_complete,on_booking"],
    ),
    (
        "consult.min_notice_minutes",
        "120",
        "integer",
        "Minutes from booking to the session at least",
        &["required", "integer", "min:0", "max:43200"],
    ),
    (
        "consult.horizon_days",
        "60",
        "integer",
        "Days that can be booked ahead",
        &["required", "integer", "min:1", "max:365"],
    ),
    (
        "consult.buffer_minutes",
        "0",
        "integer",
        "Free minutes around a speaker's sessions",
        &["required", "integer", "min:0", "max:240"],
    ),
    (
        "consult.refund_percent_24h",
        "100",
        "integer",
        "Percent given back a day before or earlier",
        &["required", "integer", "min:0", "max:100"],
    ),
    (
        "consult.refund_percent_2h",
        "50",
        "integer",
        "Percent given back two hours before or earlier",
        &["required", "integer", "min:0", "max:100"],
    ),
    (
        "consult.refund_percent_last",
        "0",
        "integer",
        "Percent given back later",
        &["required", "integer", "min:0", "max:100"],
    ),
];

/// Makes the settings that are missing; one query where none is.
///
/// # Errors
/// Those of the store.
pub async fn install_settings(app: &App) -> Result<(), CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let there = store::consultations::list_consultation_settings(&mut conn).await.map_err(of_store)?;
    for &(key, value, kind, label, rules) in SETTINGS {
        if there.iter().any(|(name, _)| name == key) {
            continue;
        }
        let new = NewSetting { key, value, kind, group: "consult", label, rules, is_public: false };
        store::settings::insert_missing_setting(&mut conn, new).await.map_err(of_store)?;
    }
    Ok(())
}
