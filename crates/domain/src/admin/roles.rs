//! Roles and permissions as administrators see them (domain.md §3, §7.3).

use base::CommonFault;
use protocol::admin::{Permission, Role};
use store::Conn;

use super::AdminError;
use crate::{Actor, App, access};

pub(super) const MANAGE: &str = "roles.manage";
pub(super) const NO_ROLE: CommonFault = CommonFault::NotFound("role");

/// All roles by name, with what they may and how many users have them.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `roles.manage`.
pub async fn list_roles(app: &App, actor: &Actor) -> Result<Vec<Role>, AdminError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MANAGE).await?;
    read_roles(&mut conn, None).await
}

/// One role.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `roles.manage`; [`CommonFault::NotFound`].
pub async fn find_role(app: &App, actor: &Actor, id: u64) -> Result<Role, AdminError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MANAGE).await?;
    Ok(read_roles(&mut conn, Some(id)).await?.pop().ok_or(NO_ROLE)?)
}

/// The same for a unit.
pub(super) async fn read_roles(conn: &mut Conn, id: Option<u64>) -> Result<Vec<Role>, AdminError> {
    let rows = store::permissions::list_role_rows(conn, id).await?;
    let mut granted = store::permissions::list_role_grants(conn, id).await?;
    granted.sort();
    let of = |role_id| {
        let names = granted.iter().filter(|(granted_to, _)| *granted_to == role_id);
        names.map(|(_, name)| name.clone()).collect()
    };
    let views = rows.into_iter().map(|row| Role {
        id: row.id,
        permissions: of(row.id),
        name: row.name,
        users_count: u64::try_from(row.users_count).unwrap_or_default(),
    });
    Ok(views.collect())
}

/// All permissions by name.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `roles.manage`.
pub async fn list_permissions(app: &App, actor: &Actor) -> Result<Vec<Permission>, AdminError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MANAGE).await?;
    let rows = store::permissions::list_permission_rows(&mut conn).await?;
    Ok(rows.into_iter().map(|(id, name)| Permission { id, name }).collect())
}
