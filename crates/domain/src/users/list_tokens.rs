//! `GET /auth/tokens` (domain.md §5.1): where an account is signed in, and its API tokens.

use std::collections::HashMap;
use std::net::IpAddr;

use base::Time;
use protocol::users::TokenInfo;
use store::tokens::{SessionRow, TokenRow};

use super::UserError;
use super::authenticate::read_abilities;
use super::session::{REFRESH, token_subject};
use crate::{Actor, App};

/// The newest so many are listed.
const MOST: u32 = 200;

/// The actor's sessions and API tokens that have not ended, newest first, 200 at most.
///
/// # Errors
/// Those of the store.
pub async fn list_tokens(app: &App, actor: &Actor) -> Result<Vec<TokenInfo>, UserError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let now = Time::now_in_seconds().as_chrono();
    let tokens = store::tokens::list_tokens(&mut conn, actor.user_id(), now, MOST).await?;
    let ids: Vec<u64> = tokens.iter().map(|token| token.id).collect();
    let sessions: HashMap<u64, SessionRow> = store::tokens::list_sessions_by_tokens(&mut conn, &ids)
        .await?
        .into_iter()
        .filter_map(|session| Some((session.current_token_id?, session)))
        .collect();
    Ok(tokens.into_iter().map(|token| token_info(actor, &sessions, token)).collect())
}

fn token_info(actor: &Actor, sessions: &HashMap<u64, SessionRow>, token: TokenRow) -> TokenInfo {
    let session = sessions.get(&token.id);
    let abilities = read_abilities(token.abilities.as_deref());
    let current = match session {
        Some(session) => actor.session_id() == Some(session.session_id.as_str()),
        None => actor.token_id() == token_subject(token.id),
    };
    let refresh = session.is_some() || abilities.iter().any(|ability| ability == REFRESH);
    TokenInfo {
        id: token.id,
        kind: if refresh { "session" } else { "api" }.to_owned(),
        name: token.name,
        abilities,
        current,
        ip_hint: session.and_then(|session| session.ip.as_deref()).and_then(ip_hint),
        last_used_at: session.map_or(token.last_used_at, |session| session.last_used_at).map(Time::from),
        expires_at: token.expires_at.map(Time::from),
        created_at: token.created_at.map(Time::from),
    }
}

/// The network that an address belongs to, roughly: enough to recognise it, not to trace it.
fn ip_hint(ip: &str) -> Option<String> {
    Some(match ip.parse().ok()? {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.x")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:…")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::ip_hint;

    #[test]
    fn hints_are_networks() {
        assert_eq!(ip_hint("203.0.113.77").as_deref(), Some("203.0.113.x"));
        assert_eq!(ip_hint("2001:db8:7::1").as_deref(), Some("2001:db8:7:…"));
        assert_eq!(ip_hint("nonsense"), None);
    }
}
