//! `POST /auth/tokens` (domain.md §5.1, §3): an API token with abilities and an end.

use base::{CommonFault, Problem, Time, Violations};
use protocol::users::{CreateToken, TokenCreated, TokenInfo};
use store::tokens::NewTokenRow;

use super::UserError;
use super::own_password::require_password;
use super::session::{plain_token, sha256_hex};
use crate::morph::Morph;
use crate::{Actor, App};

/// What a token may be allowed (domain.md §3).
const ABILITIES: &[&str] = &["*", "read", "write", "realtime", "wallet"];

/// Makes an API token in Sanctum's form for who knows the account's password. It cannot do what the token that
/// asks cannot.
///
/// # Errors
/// [`UserError::InvalidCredentials`] for a wrong password (counted as a failed sign-in), [`CommonFault::Invalid`],
/// [`CommonFault::MissingAbility`].
pub async fn create_token(app: &App, actor: &Actor, input: CreateToken) -> Result<TokenCreated, UserError> {
    actor.require("write")?;
    let name = base::text::clean(&input.name);
    let mut abilities = input.abilities.unwrap_or_else(|| vec!["*".to_owned()]);
    abilities.sort_unstable();
    abilities.dedup();
    let now = Time::now_in_seconds();
    let mut violations = Violations::none();
    violations.require(!name.is_empty(), "name", Problem::Required);
    violations.require(base::text::length(&name) <= 255, "name", Problem::TooLong(255));
    violations.require(!abilities.is_empty(), "abilities", Problem::Required);
    let known = abilities.iter().all(|ability| ABILITIES.contains(&ability.as_str()));
    violations.require(known, "abilities", Problem::NotOneOf(ABILITIES));
    if let Some(end) = input.expires_at {
        violations.require(end > now, "expires_at", Problem::TooSmall("the present time".to_owned()));
        // The column's last second is in January 2038.
        let last = Time::from_unix_millis(i64::from(i32::MAX).saturating_mul(1_000));
        violations.require(
            last.is_none_or(|last| end <= last),
            "expires_at",
            Problem::TooGreat("2038-01-19".to_owned()),
        );
    }
    violations.into_result()?;
    for &ability in ABILITIES {
        if abilities.iter().any(|asked| asked == ability) {
            actor.require(ability)?;
        }
    }

    require_password(app, actor, input.password.expose()).await?;
    let plain = plain_token();
    let expires_at =
        input.expires_at.map(|end| Time::from_unix_millis(end.unix_seconds() * 1_000).unwrap_or(end));
    let column = serde_json::to_string(&abilities).map_err(CommonFault::internal)?;
    let mut conn = app.store.reader().await?;
    let row = NewTokenRow {
        tokenable_type: Morph::User.column(app.settings.morph),
        user_id: actor.user_id(),
        name: &name,
        token: &sha256_hex(&plain),
        abilities: &column,
        expires_at: expires_at.map(Time::as_chrono),
        at: now.as_chrono(),
    };
    let id = store::tokens::insert_token(&mut conn, row).await?;
    Ok(TokenCreated {
        token: format!("{id}|{plain}"),
        info: TokenInfo {
            id,
            name,
            kind: "api".to_owned(),
            abilities,
            current: false,
            ip_hint: None,
            last_used_at: None,
            expires_at,
            created_at: Some(now),
        },
    })
}
