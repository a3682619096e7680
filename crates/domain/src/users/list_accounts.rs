//! `GET /admin/users` and `GET /admin/users/{id}` (domain.md §5.11).

use std::collections::HashMap;

use base::id::UserId;
use base::paging::{NumberedPage, NumberedRequest, Sort};
use base::text::length;
use base::{CommonFault, Problem, Time, Violations};
use protocol::accounts::AdminUser;
use store::Conn;
use store::accounts::{AccountFilter, AccountOrder, AnyAccountRow, Trashed};

use super::{AccountStatus, UserError};
use crate::machine::Machine;
use crate::uploads::picture_url;
use crate::{Actor, App, access};

const VIEW: &str = "users.view";
const MAX_QUERY: usize = 100;

/// Which accounts to list.
#[derive(Clone, Debug, Default)]
pub struct AdminUserFilter {
    /// Beginning of name, username or address, at most 100 characters.
    pub q: Option<String>,
    /// Only users with this role.
    pub role: Option<String>,
    /// Only (not) suspended ones.
    pub is_active: Option<bool>,
    /// Only (un)verified ones.
    pub is_verified: Option<bool>,
    /// `with` or `only`; deleted ones are left out otherwise.
    pub trashed: Option<String>,
}

/// The orders that the table offers.
pub const ACCOUNT_SORTS: &[&str] = &["created_at", "name", "followers_count"];

/// A page of the administrators' table of accounts.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `users.view`; violations of filters.
pub async fn list_accounts(
    app: &App,
    actor: &Actor,
    filter: AdminUserFilter,
    sort: Option<Sort>,
    page: NumberedRequest,
) -> Result<NumberedPage<AdminUser>, UserError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, VIEW).await?;
    let q = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
    let mut violations = Violations::none();
    violations.require(q.is_none_or(|q| length(q) <= MAX_QUERY), "filter.q", Problem::TooLong(MAX_QUERY));
    let trashed = match filter.trashed.as_deref() {
        None => Trashed::Without,
        Some("with") => Trashed::With,
        Some("only") => Trashed::Only,
        Some(_) => {
            violations.add("filter.trashed", Problem::NotOneOf(&["with", "only"]));
            Trashed::Without
        }
    };
    violations.into_result()?;
    let which = AccountFilter {
        prefix: q,
        role: filter.role.as_deref(),
        is_active: filter.is_active,
        is_verified: filter.is_verified,
        trashed,
    };
    let order = match sort.map(|sort| sort.by) {
        Some("name") => AccountOrder::Name,
        Some("followers_count") => AccountOrder::Followers,
        _ => AccountOrder::Created,
    };
    let descending = sort.is_none_or(|sort| sort.descending);
    let place = (page.offset(), page.fetch());
    let rows = store::accounts::list_accounts(&mut conn, which, (order, descending), place).await?;
    let total = match page.with_total {
        true => Some(store::accounts::count_accounts(&mut conn, which).await?),
        false => None,
    };
    let page = NumberedPage::from_rows(page, rows, total);
    let ids: Vec<UserId> = page.items.iter().map(|row| row.id).collect();
    let mut roles = roles_of(&mut conn, &ids).await?;
    Ok(page.map(|row| {
        let own = roles.remove(&row.id).unwrap_or_default();
        view(app, row, own)
    }))
}

/// An account, deleted or not, as administrators see it.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `users.view`, then [`CommonFault::NotFound`].
pub async fn find_account(app: &App, actor: &Actor, user_id: Option<UserId>) -> Result<AdminUser, UserError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, VIEW).await?;
    let user_id = user_id.ok_or(CommonFault::NotFound("user"))?;
    read_account(app, &mut conn, user_id).await
}

/// As [`find_account`], for who may.
pub(super) async fn read_account(
    app: &App,
    conn: &mut Conn,
    user_id: UserId,
) -> Result<AdminUser, UserError> {
    let row = store::accounts::find_any_account(conn, user_id).await?;
    let row = row.ok_or(CommonFault::NotFound("user"))?;
    let roles = store::permissions::list_roles(conn, user_id).await?;
    Ok(view(app, row, roles))
}

async fn roles_of(conn: &mut Conn, ids: &[UserId]) -> Result<HashMap<UserId, Vec<String>>, UserError> {
    let mut roles: HashMap<UserId, Vec<String>> = HashMap::with_capacity(ids.len());
    for (id, role) in store::permissions::list_roles_of(conn, ids).await? {
        roles.entry(id).or_default().push(role);
    }
    Ok(roles)
}

fn view(app: &App, row: AnyAccountRow, roles: Vec<String>) -> AdminUser {
    let status = AccountStatus::of(row.id, &row.username, row.is_active, row.deleted_at.is_some());
    AdminUser {
        id: row.id,
        name: row.name,
        username: row.username,
        email: row.email,
        phone: row.phone,
        avatar: picture_url(app, row.avatar),
        is_verified: row.is_verified,
        status: status.name().to_owned(),
        email_verified_at: row.email_verified_at.map(Time::from),
        roles,
        followers_count: row.followers_count.unwrap_or(0),
        created_at: row.created_at.map(Time::from),
        deleted_at: row.deleted_at.map(Time::from),
    }
}
