//! Who asks: by an access token of ours, or by a Sanctum token of ours or Laravel's (domain.md §7.1).

use std::time::Duration;

use base::id::UserId;
use base::{CommonFault, Time};
use serde::{Deserialize, Serialize};
use store::tokens::TokenRow;
use subtle::ConstantTimeEq;

use super::last_uses::note_use;
use super::session::{REFRESH, sha256_hex, token_subject};
use super::{UserError, UserState, find_state};
use crate::fault::of_store;
use crate::{Actor, App};

/// How long a Sanctum token's row is taken from Redis (realtime.md §5); its deletion makes it stale at once.
const CACHED: Duration = Duration::from_secs(30);
/// How long it is remembered that there is no such token. By the secret, so that nobody can have a token refused that
/// is made later.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// Longer texts are no tokens.
const MAX_BYTES: usize = 4_096;

/// A token that holds.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who asks, and what the token allows.
    pub actor: Actor,
    /// When the token ends.
    pub expires_at: Option<Time>,
    /// The user, from the cache.
    pub state: UserState,
}

/// Finds out who presents a token: an access JWT, which needs no query where the user's state is in Redis, or a
/// Sanctum token.
///
/// # Errors
/// [`CommonFault::TokenExpired`] for a good token past its time, [`CommonFault::Unauthenticated`] for any other
/// that does not hold, [`CommonFault::Suspended`], [`UserError::AccountDeleted`], [`CommonFault::Unavailable`].
pub async fn authenticate(app: &App, bearer: &str) -> Result<Authenticated, UserError> {
    check(app, bearer, Source::Mysql).await?.ok_or_else(|| CommonFault::Unauthenticated.into())
}

/// As [`authenticate`], but does not ask MySQL which token that is: `None` where only MySQL knows. For whoever has
/// presented so many tokens that do not hold that his next one is not worth a query.
///
/// # Errors
/// Those of [`authenticate`].
pub async fn authenticate_from_cache(app: &App, bearer: &str) -> Result<Option<Authenticated>, UserError> {
    check(app, bearer, Source::Cache).await
}

/// Where a Sanctum token may be looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// In Redis only.
    Cache,
    /// In Redis, then in MySQL.
    Mysql,
}

/// `None` where the token's row would have to be asked for and must not be.
async fn check(app: &App, bearer: &str, source: Source) -> Result<Option<Authenticated>, UserError> {
    if bearer.is_empty() || bearer.len() > MAX_BYTES {
        return Err(CommonFault::Unauthenticated.into());
    }
    // Three parts with dots and no bar: ours. Sanctum's have a bar, or (before its version 3) neither.
    if !bearer.contains('|') && bearer.split('.').count() == 3 {
        let token = app.keys.read(bearer)?;
        if app.revocations.covers(&token.actor) {
            return Err(CommonFault::Unauthenticated.into());
        }
        let state = require_active(app, token.actor.user_id()).await?;
        return Ok(Some(Authenticated { actor: token.actor, expires_at: Some(token.expires_at), state }));
    }
    let token = match find_sanctum_token(app, bearer, source).await? {
        Found::Token(token) => token,
        Found::Nothing => return Err(CommonFault::Unauthenticated.into()),
        Found::NotAsked => return Ok(None),
    };
    // A refresh token is good for one thing only.
    if token.abilities.iter().any(|ability| ability == REFRESH) {
        return Err(CommonFault::Unauthenticated.into());
    }
    let now = Time::now().unix_seconds();
    let expires_at = ends_at(app, &token);
    if expires_at.is_some_and(|end| end <= now) {
        return Err(CommonFault::TokenExpired.into());
    }
    let actor = Actor {
        user_id: token.user_id,
        session_id: None,
        token_id: token_subject(token.id),
        abilities: token.abilities,
        signed_at: None,
    };
    if app.revocations.covers(&actor) {
        return Err(CommonFault::Unauthenticated.into());
    }
    let state = require_active(app, actor.user_id()).await?;
    note_use(app, token.id);
    let expires_at = expires_at.and_then(|end| end.checked_mul(1_000)).and_then(Time::from_unix_millis);
    Ok(Some(Authenticated { actor, expires_at, state }))
}

async fn require_active(app: &App, user_id: UserId) -> Result<UserState, UserError> {
    let state = find_state(app, user_id).await?.ok_or(UserError::AccountDeleted)?;
    if state.active { Ok(state) } else { Err(CommonFault::Suspended.into()) }
}

/// A row of `personal_access_tokens` as it is cached. Times are Unix seconds.
#[derive(Debug, Serialize, Deserialize)]
struct CachedToken {
    id: u64,
    user_id: UserId,
    hash: String,
    abilities: Vec<String>,
    created_at: Option<i64>,
    expires_at: Option<i64>,
}

impl From<TokenRow> for CachedToken {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            abilities: read_abilities(row.abilities.as_deref()),
            hash: row.token,
            created_at: row.created_at.map(|at| at.timestamp()),
            expires_at: row.expires_at.map(|at| at.timestamp()),
        }
    }
}

/// Laravel's JSON array; what is none allows nothing.
pub(super) fn read_abilities(column: Option<&str>) -> Vec<String> {
    column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The earlier of `expires_at` and `created_at` plus `sanctum.expiration`, Unix seconds.
fn ends_at(app: &App, token: &CachedToken) -> Option<i64> {
    let by_age = app.settings.auth.sanctum_expiration.map(|most| {
        let most = i64::try_from(most.as_secs()).unwrap_or(i64::MAX);
        // Laravel compares with NULL and finds the token void.
        token.created_at.map_or(0, |at| at.saturating_add(most))
    });
    match (by_age, token.expires_at) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The token's entry in the cache, by id.
pub(super) fn token_key(id: u64) -> String {
    format!("token:{id}")
}

/// The token's entry in the cache, by SHA-256.
pub(super) fn token_hash_key(hash: &str) -> String {
    format!("token-hash:{hash}")
}

/// How a bearer names its row, and the hash that the row must have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenName {
    Id(u64, String),
    Hash(String),
}

/// Splits at the first bar, as Sanctum does: digits and something, or no bar at all.
pub(super) fn read_token_name(bearer: &str) -> Option<TokenName> {
    let Some((id, plain)) = bearer.split_once('|') else {
        return Some(TokenName::Hash(sha256_hex(bearer)));
    };
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || plain.is_empty() {
        return None;
    }
    Some(TokenName::Id(id.parse().ok()?, sha256_hex(plain)))
}

/// Equal, in a time that does not tell how much of it is.
pub(super) fn same_hash(one: &str, other: &str) -> bool {
    bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

/// What is known of a bearer.
enum Found {
    Token(CachedToken),
    /// There is no such token, or its secret is another.
    Nothing,
    /// MySQL would have to be asked, and must not be.
    NotAsked,
}

async fn find_sanctum_token(app: &App, bearer: &str, source: Source) -> Result<Found, CommonFault> {
    let Some(name) = read_token_name(bearer) else { return Ok(Found::Nothing) };
    let (key, hash) = match &name {
        TokenName::Id(id, hash) => (token_key(*id), hash),
        TokenName::Hash(hash) => (token_hash_key(hash), hash),
    };
    let unknown = format!("no-{key}:{hash}");
    let token = match find_cached(app, &key, &unknown).await {
        Cached::Token(token) => token,
        Cached::Unknown => return Ok(Found::Nothing),
        Cached::Nothing if source == Source::Cache => return Ok(Found::NotAsked),
        Cached::Nothing => match find_stored(app, &name, &key).await? {
            Some(token) => token,
            None => {
                if let Err(error) = app.bus.set_ephemeral(&unknown, UNKNOWN_FOR).await {
                    tracing::warn!(%error, "that a token does not exist is not remembered");
                }
                return Ok(Found::Nothing);
            }
        },
    };
    Ok(if same_hash(&token.hash, hash) { Found::Token(token) } else { Found::Nothing })
}

/// What Redis knows of a token.
enum Cached {
    Token(CachedToken),
    /// That there is none.
    Unknown,
    /// Nothing, or it does not answer.
    Nothing,
}

/// Only reads: whatever a stranger names leaves nothing behind here.
async fn find_cached(app: &App, key: &str, unknown: &str) -> Cached {
    let read = async {
        let value = app.bus.cache_peek(key).await?;
        if let Some(token) = value.and_then(|value| serde_json::from_slice(&value).ok()) {
            return Ok(Cached::Token(token));
        }
        let marks = app.bus.has_ephemeral(&[unknown]).await?;
        Ok::<_, bus::BusError>(if marks.contains(&true) { Cached::Unknown } else { Cached::Nothing })
    };
    read.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a token is not found in Redis");
        Cached::Nothing
    })
}

/// The token's row, which is put into the cache.
async fn find_stored(app: &App, name: &TokenName, key: &str) -> Result<Option<CachedToken>, CommonFault> {
    // Read before the row is: a deletion in between makes the version stale.
    let version = app.bus.cache_get(key).await.ok().map(|read| read.version);
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let row = match name {
        TokenName::Id(id, _) => store::tokens::find_token(&mut conn, *id).await,
        TokenName::Hash(hash) => store::tokens::find_token_by_hash(&mut conn, hash).await,
    };
    drop(conn);
    let Some(row) = row.map_err(of_store)? else { return Ok(None) };
    let token = CachedToken::from(row);
    if let Some(version) = version {
        let value = serde_json::to_vec(&token).map_err(CommonFault::internal)?;
        if let Err(error) = app.bus.cache_fill(key, version, &value, CACHED).await {
            tracing::warn!(%error, "a token is not cached");
        }
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    use super::{TokenName, read_abilities, read_token_name, same_hash};
    use crate::users::session::sha256_hex;

    #[test]
    fn tokens_are_split_at_the_first_bar() {
        assert_eq!(read_token_name("12|a|b"), Some(TokenName::Id(12, sha256_hex("a|b"))));
        assert_eq!(read_token_name("abc"), Some(TokenName::Hash(sha256_hex("abc"))));
        for bad in ["|abc", "12|", "x|abc", "+1|abc", "-1|abc", " 1|abc", "99999999999999999999999|abc", "|"]
        {
            assert_eq!(read_token_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn abilities_are_laravels() {
        assert_eq!(read_abilities(Some(r#"["*"]"#)), ["*"]);
        assert!(read_abilities(None).is_empty() && read_abilities(Some("nonsense")).is_empty());
        assert!(same_hash("ab", "ab") && !same_hash("ab", "abc"));
    }
}
