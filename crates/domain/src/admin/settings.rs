//! The settings that administrators choose (domain.md §5.11).

use base::conditional::IfMatch;
use base::{CommonFault, Time};
use protocol::admin::{PublicSetting, Setting, SettingType, UpdateSetting};
use serde_json::{Value, json};
use store::StoreError;
use store::audit::NewAudit;
use store::settings::SettingRow;

use super::AdminError;
use super::setting_rules::{as_text, check};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

const MANAGE: &str = "settings.manage";

/// The settings that everybody may read.
///
/// # Errors
/// Those of the store.
pub async fn list_public_settings(app: &App) -> Result<Vec<PublicSetting>, AdminError> {
    let mut conn = app.store.reader().await?;
    let rows = store::settings::list_settings(&mut conn, true).await?;
    let mut settings = Vec::with_capacity(rows.len());
    for row in rows {
        let Setting { key, value, .. } = view(row)?;
        settings.push(PublicSetting { key, value });
    }
    Ok(settings)
}

/// All settings, by group and name.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `settings.manage`.
pub async fn list_settings(app: &App, actor: &Actor) -> Result<Vec<Setting>, AdminError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MANAGE).await?;
    let rows = store::settings::list_settings(&mut conn, false).await?;
    Ok(rows.into_iter().map(view).collect::<Result<Vec<_>, StoreError>>()?)
}

/// Changes a setting, which must be of the version that was read. The change is in the audit log.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `settings.manage`; [`CommonFault::NotFound`];
/// [`CommonFault::PreconditionRequired`], [`CommonFault::PreconditionFailed`]; a violation of `value`.
pub async fn update_setting(
    app: &App,
    actor: &Actor,
    key: &str,
    version: &IfMatch,
    input: UpdateSetting,
) -> Result<Setting, AdminError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_setting(unit, actor, key, version, &input))
}

async fn write_setting(
    unit: &mut Unit,
    actor: &Actor,
    key: &str,
    version: &IfMatch,
    input: &UpdateSetting,
) -> Result<Setting, AdminError> {
    access::require_permission(unit, actor, MANAGE).await?;
    let row = store::settings::lock_setting(unit, key).await?;
    let mut row = row.ok_or(CommonFault::NotFound("setting"))?;
    let before = view(row.clone())?;
    version.require(&before)?;
    check(before.kind, &before.validation_rules, &input.value)?;
    let now = Time::now_in_seconds();
    row.value = as_text(before.kind, &input.value);
    row.updated_at = Some(now.as_chrono());
    store::settings::update_setting(unit, key, row.value.as_deref(), now.as_chrono()).await?;
    let after = view(row)?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: MANAGE,
        subject_type: "setting",
        subject_id: 0,
        before: json!({ "key": key, "value": before.value }),
        after: json!({ "key": key, "value": after.value }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    Ok(after)
}

fn view(row: SettingRow) -> Result<Setting, StoreError> {
    let kind =
        SettingType::from_name(&row.kind).ok_or(StoreError::Corrupt { table: "settings", column: "type" })?;
    let rules = match row.validation_rules.map(|rules| rules.0) {
        Some(Value::Array(rules)) => {
            rules.into_iter().filter_map(|rule| rule.as_str().map(str::to_owned)).collect()
        }
        Some(Value::String(rules)) => rules.split('|').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(Setting {
        value: typed(kind, row.value),
        key: row.key,
        kind,
        group: row.group,
        label: row.label,
        validation_rules: rules,
        is_public: row.is_public,
        updated_at: row.updated_at.map(Time::from),
    })
}

/// The column's text as its type's value; a text that does not fit its type is shown as it stands.
fn typed(kind: SettingType, text: Option<String>) -> Value {
    let Some(text) = text else { return Value::Null };
    match kind {
        SettingType::Integer => match text.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(text),
        },
        SettingType::Boolean => match text.as_str() {
            "1" | "true" => Value::from(true),
            "0" | "false" | "" => Value::from(false),
            _ => Value::from(text),
        },
        SettingType::Json => match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) => Value::from(text),
        },
        SettingType::String | SettingType::Text | SettingType::Decimal => Value::from(text),
    }
}
