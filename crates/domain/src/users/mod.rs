//! Accounts, sessions and profiles (domain.md §5.1, §5.2, §7.1 to §7.4).

mod access_token;
mod account_rules;
mod account_status;
mod apply_suspensions;
mod authenticate;
mod block_user;
mod blocks;
mod change_password;
mod create_token;
mod create_user;
mod delete_account;
mod error;
mod faces;
mod find_me;
mod find_user;
mod force_log_out;
mod forgot_password;
mod last_uses;
mod list_accounts;
mod list_blocks;
mod list_relationships;
mod list_tokens;
mod list_users;
mod log_in;
mod log_out;
mod login_limits;
mod message_policy;
mod own_password;
mod password;
mod pictures;
pub mod portfolio;
mod purge_accounts;
mod refresh_session;
mod register;
mod reset_password;
mod restore_account;
mod revocations;
mod revoke_token;
mod session;
mod set_roles;
mod social_links;
mod standing;
mod state;
mod unblock_user;
mod update_account;
mod update_profile;
mod update_standing;
mod verify_email;

use std::net::IpAddr;

use base::id::UserId;
use protocol::Event;
use protocol::channel::Channel;
use protocol::users::UserCard;

use crate::unit::Unit;

pub use access_token::{TokenKeys, mint_access_token};
pub use account_status::AccountStatus;
pub use apply_suspensions::apply_suspensions;
pub use authenticate::{Authenticated, authenticate, authenticate_from_cache};
pub use block_user::block_user;
pub(crate) use blocks::Blocks;
pub use blocks::{blocks_key, find_blocked_among, forget_blocks};
pub use change_password::change_password;
pub use create_token::create_token;
pub use create_user::{NewUser, assign_role, create_user};
pub use delete_account::delete_account;
pub use error::UserError;
pub(crate) use faces::{card_view, gone};
pub use find_me::find_me;
pub use find_user::find_user;
pub use force_log_out::force_log_out;
pub use forgot_password::forgot_password;
pub use last_uses::LastUses;
pub use list_accounts::{ACCOUNT_SORTS, AdminUserFilter, find_account, list_accounts};
pub use list_blocks::list_blocks;
pub use list_relationships::list_relationships;
pub use list_tokens::list_tokens;
pub use list_users::{UserFilter, list_users};
pub use log_in::log_in;
pub use log_out::log_out;
pub(crate) use message_policy::may_message_each;
pub use message_policy::{MessagePolicy, may_message};
pub(crate) use own_password::require_password;
pub use password::hash_password;
pub use pictures::{Picture, remove_picture, set_picture};
pub use purge_accounts::purge_accounts_due;
pub use refresh_session::refresh_session;
pub use register::{Registered, register};
pub use reset_password::reset_password;
pub use restore_account::restore_account;
pub use revocations::{
    Revocations, is_revoked, load_revocations, note_deleted_tokens, observe_control, watch_revocations,
};
pub use revoke_token::{revoke_other_tokens, revoke_token, sanctum_id};
pub use set_roles::{demand_roles, set_roles};
pub(crate) use state::renew_unread;
pub use state::{UserState, find_state, find_states, state_key};
pub use unblock_user::unblock_user;
pub use update_account::update_account;
pub(crate) use update_profile::lock_profile;
pub use update_profile::update_profile;
pub(crate) use update_standing::suspend;
pub use update_standing::{demand_standing, update_standing};
pub use verify_email::{demand_hash, send_verification, verify_email};

/// Tells the other devices of an account that it looks different now; what Redis remembers of it is stale.
fn tell_account(unit: &mut Unit, user_id: UserId, user: UserCard) {
    unit.forget_user(user_id);
    unit.emit(Channel::User(user_id), Event::AccountUpdated { user });
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct ClientContext {
    /// The client's address, behind trusted proxies.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

impl ClientContext {
    /// The address as columns and counters hold it.
    fn ip_text(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_canonical().to_string())
    }
}
