//! `GET /users` (domain.md §5.2).

use base::paging::{Page, PageRequest};
use base::{Problem, Violations};
use protocol::users::UserCard;
use store::users::CardFilter;

use super::UserError;
use super::faces::card_view;
use crate::{Actor, App};

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Beginning of the name or the username, at most 100 characters.
    pub q: Option<String>,
    /// Only users with this role: `speaker`. Who moderates is nobody's business.
    pub role: Option<String>,
    /// Only (un)verified ones.
    pub is_verified: Option<bool>,
    /// Only users who are interested in this category.
    pub category_id: Option<u64>,
    /// Those whom most follow first, instead of the newest accounts.
    pub by_followers: bool,
}

/// Roles that one may search by.
const ROLES: &[&str] = &["speaker"];
const MAX_QUERY: usize = 100;

/// Active users, newest account first or most followed first, without those who block the viewer or whom the viewer blocks.
///
/// # Errors
/// [`base::CommonFault::Invalid`] for a role that cannot be searched by.
pub async fn list_users(
    app: &App,
    viewer: &Actor,
    filter: UserFilter,
    page: PageRequest,
) -> Result<Page<UserCard>, UserError> {
    viewer.require("read")?;
    let q = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
    let mut violations = Violations::none();
    let fits = q.is_none_or(|q| base::text::length(q) <= MAX_QUERY);
    violations.require(fits, "filter.q", Problem::TooLong(MAX_QUERY));
    let known = filter.role.as_deref().is_none_or(|role| ROLES.contains(&role));
    violations.require(known, "filter.role", Problem::NotOneOf(ROLES));
    violations.into_result()?;
    let filter = CardFilter {
        prefix: q,
        role: filter.role.as_deref(),
        is_verified: filter.is_verified,
        category_id: filter.category_id,
        by_followers: filter.by_followers,
        viewer_id: viewer.user_id(),
    };
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let mut conn = app.store.reader().await?;
    let rows = store::users::list_cards(&mut conn, filter, cursor, page.fetch()).await?;
    Ok(Page::from_rows(page, rows, |row| row.id).map(|row| card_view(app, row)))
}
