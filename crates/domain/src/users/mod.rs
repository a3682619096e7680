//! Accounts, sessions, profiles (domain.md §5.1, §5.2, §7).

use std::net::IpAddr;
use std::time::Duration;

use base::id::UserId;
use base::paging::{Page, PageRequest};
use base::{CommonFault, Fault, Lang, Rule, Time};
use bus::ControlMessage;
use protocol::users::{
    CreateToken, LogIn, Me, RefreshSession, Register, Relationship, SignedIn, TokenCreated, TokenInfo, User,
    UserCard,
};
use serde::{Deserialize, Serialize};

use crate::unit::Unit;
use crate::{Actor, App, common_faults};

/// What can go wrong with accounts and sessions.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// No account has this login and password.
    #[error("These credentials do not match our records.")]
    InvalidCredentials,
    /// Too many failed attempts.
    #[error("Too many failed attempts; try again in {} s.", .0.as_secs().max(1))]
    AccountLocked(Duration),
    /// The refresh token was used before: its whole session was ended.
    #[error("This refresh token was used before; sign in again.")]
    RefreshTokenReused,
    /// The token is of an account that was deleted: 401 over REST, close 4503 on the socket (realtime.md §2).
    #[error("Unauthenticated.")]
    AccountDeleted,
}

impl Fault for UserError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::InvalidCredentials => Rule::INVALID_CREDENTIALS,
            Self::AccountLocked(_) => Rule::ACCOUNT_LOCKED,
            Self::RefreshTokenReused => Rule::REFRESH_TOKEN_REUSED,
            Self::AccountDeleted => Rule::UNAUTHENTICATED,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Common(fault) => fault.retry_after(),
            Self::AccountLocked(wait) => Some(*wait),
            _ => None,
        }
    }

    fn violations(&self) -> Option<&base::Violations> {
        match self {
            Self::Common(fault) => fault.violations(),
            _ => None,
        }
    }

    fn details(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        match self {
            Self::Common(fault) => fault.details(),
            _ => None,
        }
    }
}

common_faults!(UserError);

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct ClientContext {
    /// The client's address, behind trusted proxies.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

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

/// What every request needs of a user, kept in Redis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's unique handle.
    pub username: String,
    /// The user's picture.
    pub avatar: Option<String>,
    /// Checked by the platform?
    pub is_verified: bool,
    /// May the account act (neither suspended nor deleted)?
    pub active: bool,
    /// The account's language.
    pub language: Lang,
    /// Others may see whether the user is online?
    pub show_online_status: bool,
    /// Unread chat messages over all conversations.
    pub unread_total: u32,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// 1 to 255 characters.
    pub name: String,
    /// `^[a-z0-9_.]{3,30}$`.
    pub username: String,
    /// Unique.
    pub email: String,
    /// E.164.
    pub phone: Option<String>,
    /// bcrypt, `$2y$`.
    pub password_hash: String,
    /// Checked by the platform?
    pub is_verified: bool,
    /// The e-mail address counts as confirmed now?
    pub email_verified: bool,
    /// The account's language.
    pub language: Lang,
    /// IANA name.
    pub timezone: String,
    /// ISO 4217, of the wallet.
    pub currency: String,
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Beginning of the name or the username.
    pub q: Option<String>,
    /// Only users with this role (`speaker`).
    pub role: Option<String>,
    /// Only (un)verified ones.
    pub is_verified: Option<bool>,
}

/// Why one may not write to another.
#[derive(Debug, thiserror::Error)]
pub enum MessagePolicy {
    /// There is no such active user.
    #[error("There is no such user.")]
    NotFound,
    /// One of the two blocks the other.
    #[error("You cannot reach this person.")]
    Blocked,
    /// The receiver's `allow_messages_from` does not admit the writer.
    #[error("This person does not accept messages from you.")]
    NotAccepted,
    /// It could not be found out.
    #[error(transparent)]
    Common(#[from] CommonFault),
}

/// Keys that sign and check access tokens.
pub struct TokenKeys;
impl TokenKeys {
    /// Reads the keys.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn load(_settings: &config::Auth) -> Result<Self, CommonFault> { todo!() }
}
/// Tokens that ended before their time.
#[derive(Default)]
pub struct Revocations;

#[allow(missing_docs, unused_variables, clippy::unused_async)]
mod skeleton {
    use super::*;
    pub async fn load_revocations(app: &App) -> Result<(), CommonFault> { todo!() }
    pub fn observe_control(app: &App, message: &ControlMessage) { todo!() }
    pub async fn authenticate(app: &App, bearer: &str) -> Result<Authenticated, UserError> { todo!() }
    pub async fn register(app: &App, client: &ClientContext, input: Register) -> Result<SignedIn, UserError> { todo!() }
    pub async fn log_in(app: &App, client: &ClientContext, input: LogIn) -> Result<SignedIn, UserError> { todo!() }
    pub async fn refresh_session(app: &App, client: &ClientContext, input: RefreshSession) -> Result<SignedIn, UserError> { todo!() }
    pub async fn log_out(app: &App, actor: &Actor) -> Result<(), UserError> { todo!() }
    pub async fn list_tokens(app: &App, actor: &Actor) -> Result<Vec<TokenInfo>, UserError> { todo!() }
    pub async fn revoke_token(app: &App, actor: &Actor, id: u64) -> Result<(), UserError> { todo!() }
    pub async fn revoke_other_tokens(app: &App, actor: &Actor) -> Result<(), UserError> { todo!() }
    pub async fn create_token(app: &App, actor: &Actor, input: CreateToken) -> Result<TokenCreated, UserError> { todo!() }
    pub async fn find_me(app: &App, actor: &Actor) -> Result<Me, UserError> { todo!() }
    pub async fn find_user(app: &App, viewer: Option<&Actor>, id_or_username: &str) -> Result<User, UserError> { todo!() }
    pub async fn list_users(app: &App, viewer: &Actor, filter: UserFilter, page: PageRequest) -> Result<Page<UserCard>, UserError> { todo!() }
    pub async fn list_relationships(app: &App, actor: &Actor, ids: Vec<u64>) -> Result<Vec<(u64, Relationship)>, UserError> { todo!() }
    pub async fn find_state(app: &App, user_id: UserId) -> Result<Option<UserState>, CommonFault> { todo!() }
    pub async fn find_states(app: &App, user_ids: &[UserId]) -> Result<Vec<UserState>, CommonFault> { todo!() }
    pub fn state_key(user_id: UserId) -> String { todo!() }
    pub async fn create_user(unit: &mut Unit, user: NewUser) -> Result<UserId, UserError> { todo!() }
    pub fn mint_access_token(app: &App, user_id: UserId, ttl: Duration) -> Result<String, CommonFault> { todo!() }
    pub async fn hash_password(app: &App, password: &str) -> Result<String, CommonFault> { todo!() }
    pub async fn may_message(conn: &mut store::Conn, from: UserId, to: UserId) -> Result<(), MessagePolicy> { todo!() }
}
pub use skeleton::*;
