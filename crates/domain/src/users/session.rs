//! Sign-in sessions: a family of refresh tokens, of which one is valid, and the access tokens signed for it.

use base::id::UserId;
use base::{CommonFault, Lang, Time};
use bus::ControlMessage;
use protocol::Event;
use protocol::channel::Channel;
use protocol::users::{Account, SignedIn};
use sha2::{Digest, Sha256};
use store::tokens::{NewTokenRow, SessionRow};
use store::users::AccountRow;

use super::revocations::{all_of_user, revoked_for_long, revoked_until};
use super::{ClientContext, UserError};
use crate::App;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::picture_url;

/// The ability that only refreshing takes: such a token is no Bearer.
pub(super) const REFRESH: &str = "refresh";
/// The most API tokens that are ended at a time.
const MOST_TOKENS: u32 = 10_000;
/// What an access token of a session may do.
const SESSION_ABILITIES: [&str; 1] = ["*"];

/// The `hub_revoked_tokens` subject of a Sanctum token, which is also its actor's `token_id`.
pub(super) fn token_subject(token_id: u64) -> String {
    format!("token:{token_id}")
}

/// SHA-256 in hexadecimal, which is what `personal_access_tokens.token` holds.
pub(super) fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The secret part of a token as Sanctum makes it: 40 letters and digits and their CRC-32 in hexadecimal.
pub(super) fn plain_token() -> String {
    let random = base::id::random_text(40, base::id::ALPHANUMERIC);
    let checksum = crc32fast::hash(random.as_bytes());
    format!("{random}{checksum:08x}")
}

/// A session with the refresh token that is valid now.
pub(super) struct OpenSession {
    pub(super) session_id: String,
    /// `{id}|{plain}`.
    pub(super) refresh_token: String,
}

/// Makes a refresh token of a user: its id and the text handed out.
pub(super) async fn insert_refresh_token(
    unit: &mut Unit,
    app: &App,
    user_id: UserId,
    name: &str,
    at: Time,
) -> Result<(u64, String), UserError> {
    let plain = plain_token();
    let ttl = i64::try_from(app.settings.auth.refresh_ttl.as_secs()).unwrap_or(i64::MAX);
    let row = NewTokenRow {
        tokenable_type: Morph::User.column(app.settings.morph),
        user_id,
        name,
        token: &sha256_hex(&plain),
        abilities: "[\"refresh\"]",
        expires_at: Some(at.plus_seconds(ttl).as_chrono()),
        at: at.as_chrono(),
    };
    let id = store::tokens::insert_token(unit, row).await?;
    Ok((id, format!("{id}|{plain}")))
}

/// Begins a session.
pub(super) async fn open_session(
    unit: &mut Unit,
    app: &App,
    user_id: UserId,
    client: &ClientContext,
    device_name: Option<&str>,
) -> Result<OpenSession, UserError> {
    let at = Time::now_in_seconds();
    let name = session_name(client, device_name);
    let session_id = base::id::ulid();
    let (token_id, refresh_token) = insert_refresh_token(unit, app, user_id, &name, at).await?;
    let session = SessionRow {
        session_id,
        user_id,
        current_token_id: Some(token_id),
        name,
        ip: client.ip_text(),
        last_used_at: Some(at.as_chrono()),
    };
    store::tokens::insert_session(unit, &session).await?;
    Ok(OpenSession { session_id: session.session_id, refresh_token })
}

/// What the list of sessions calls it: the name given, or the beginning of the `User-Agent`.
pub(super) fn session_name(client: &ClientContext, device_name: Option<&str>) -> String {
    let given = device_name.map(base::text::clean).filter(|name| !name.is_empty());
    let agent = || client.user_agent.as_deref().map(base::text::clean).filter(|agent| !agent.is_empty());
    let name = given.or_else(agent).unwrap_or_else(|| "unknown device".to_owned());
    name.chars().take(255).collect()
}

/// Ends sessions of one user: their refresh tokens are deleted, their access tokens revoked, their sockets closed
/// on every node.
pub(super) async fn end_sessions(
    unit: &mut Unit,
    app: &App,
    user_id: UserId,
    sessions: &[SessionRow],
) -> Result<(), UserError> {
    let ids: Vec<&str> = sessions.iter().map(|session| session.session_id.as_str()).collect();
    let tokens: Vec<u64> = sessions.iter().filter_map(|session| session.current_token_id).collect();
    let subjects: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    store::tokens::delete_sessions(unit, &ids).await?;
    store::tokens::delete_tokens(unit, &tokens).await?;
    store::revocations::insert_revocations(unit, user_id, &subjects, revoked_until(app).as_chrono()).await?;
    for subject in subjects {
        unit.emit(Channel::User(user_id), Event::SessionRevoked { session_id: Some(subject.clone()) });
        unit.control(ControlMessage::SessionRevoked { user_id, subject });
    }
    Ok(())
}

/// Deletes API tokens of one user and closes what they opened on every node.
pub(super) async fn end_tokens(
    unit: &mut Unit,
    app: &App,
    user_id: UserId,
    tokens: &[(u64, String)],
) -> Result<(), UserError> {
    let ids: Vec<u64> = tokens.iter().map(|&(id, _)| id).collect();
    let subjects: Vec<String> = ids.iter().map(|&id| token_subject(id)).collect();
    store::tokens::delete_tokens(unit, &ids).await?;
    store::revocations::insert_revocations(unit, user_id, &subjects, revoked_until(app).as_chrono()).await?;
    for ((id, hash), subject) in tokens.iter().zip(subjects) {
        unit.forget(super::authenticate::token_key(*id));
        unit.forget(super::authenticate::token_hash_key(hash));
        unit.control(ControlMessage::SessionRevoked { user_id, subject });
    }
    Ok(())
}

/// What ended with [`end_everything`].
pub(super) struct Ended {
    pub(super) sessions: usize,
    pub(super) api_tokens: usize,
    /// What this process has to refuse from the commit on, and until when.
    pub(super) subjects: Vec<(String, Time)>,
}

/// Ends all that an account is signed in with: sessions, API tokens, access tokens that belong to no session, and the
/// sessions of a Laravel web application. Sockets close with 4501 on every node.
pub(super) async fn end_everything(unit: &mut Unit, app: &App, user_id: UserId) -> Result<Ended, UserError> {
    let now = Time::now_in_seconds();
    let sessions = store::tokens::lock_sessions(unit, user_id).await?;
    let until = revoked_until(app);
    let mut subjects: Vec<(String, Time)> =
        sessions.iter().map(|session| (session.session_id.clone(), until)).collect();
    end_sessions(unit, app, user_id, &sessions).await?;
    let tokens = store::tokens::list_tokens(unit, user_id, now.as_chrono(), MOST_TOKENS).await?;
    let tokens: Vec<(u64, String)> = tokens.into_iter().map(|token| (token.id, token.token)).collect();
    subjects.extend(tokens.iter().map(|&(id, _)| (token_subject(id), until)));
    end_tokens(unit, app, user_id, &tokens).await?;
    store::accounts::delete_web_sessions(unit, user_id).await?;

    // Those that were signed without a session (`majlis token`) are in no list: all that were signed until now.
    let (subject, until) = (all_of_user(user_id, now), revoked_for_long());
    store::revocations::insert_revocations(unit, user_id, std::slice::from_ref(&subject), until.as_chrono())
        .await?;
    unit.emit(Channel::User(user_id), Event::SessionRevoked { session_id: None });
    unit.control(ControlMessage::SessionRevoked { user_id, subject: subject.clone() });
    subjects.push((subject, until));
    Ok(Ended { sessions: sessions.len(), api_tokens: tokens.len(), subjects })
}

/// Signs the access token of a session and puts the answer together.
pub(super) fn signed_in(
    app: &App,
    account: AccountRow,
    session: OpenSession,
) -> Result<SignedIn, CommonFault> {
    let ttl = app.settings.auth.access_ttl;
    let access_token = app.keys.mint(account.id, Some(&session.session_id), &SESSION_ABILITIES, ttl)?;
    Ok(SignedIn {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX),
        refresh_token: session.refresh_token,
        abilities: SESSION_ABILITIES.iter().map(|&ability| ability.to_owned()).collect(),
        user: account_view(app, account),
    })
}

/// An account as its owner sees it.
pub(super) fn account_view(app: &App, row: AccountRow) -> Account {
    Account {
        id: row.id,
        name: row.name,
        username: row.username,
        email: row.email,
        phone: row.phone,
        avatar: picture_url(app, row.avatar),
        cover: picture_url(app, row.cover),
        headline: row.headline,
        is_verified: row.is_verified,
        email_verified_at: row.email_verified_at.map(Time::from),
        language: row.language.as_deref().and_then(Lang::from_code).unwrap_or_default(),
        timezone: row.timezone.unwrap_or_else(|| "Asia/Riyadh".to_owned()),
        created_at: row.created_at.map(Time::from),
    }
}

#[cfg(test)]
mod tests {
    use super::{plain_token, session_name, sha256_hex};
    use crate::users::ClientContext;

    #[test]
    fn tokens_have_sanctums_form() {
        let plain = plain_token();
        assert_eq!(plain.len(), 48);
        let (random, checksum) = plain.split_at(40);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        // hash('crc32b', …) of PHP is the CRC-32 of zip; its check value is that of "123456789".
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum, format!("{:08x}", crc32fast::hash(random.as_bytes())));
        assert_ne!(plain, plain_token());
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn sessions_have_a_name() {
        let agent = ClientContext { ip: None, user_agent: Some("Majlis/2 (Pixel)".into()) };
        assert_eq!(session_name(&agent, Some(" My phone ")), "My phone");
        assert_eq!(session_name(&agent, Some("  ")), "Majlis/2 (Pixel)");
        assert_eq!(session_name(&ClientContext::default(), None), "unknown device");
    }
}
