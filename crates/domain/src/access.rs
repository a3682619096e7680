//! Who may do what: the only way to a permission (domain.md §3).

use base::CommonFault;
use base::id::UserId;
use store::Conn;

use crate::fault::of_store;
use crate::{Actor, App};

/// Does the user hold the permission, directly, by a role, or as super-admin?
///
/// # Errors
/// Those of the store.
pub async fn has_permission(
    conn: &mut Conn,
    user_id: UserId,
    permission: &'static str,
) -> Result<bool, CommonFault> {
    store::permissions::has_permission(conn, user_id, permission).await.map_err(of_store)
}

/// Those of the users who hold the permission; in no order.
///
/// # Errors
/// Those of the store.
pub async fn list_holders(
    conn: &mut Conn,
    user_ids: &[UserId],
    permission: &'static str,
) -> Result<Vec<UserId>, CommonFault> {
    store::permissions::list_holders(conn, user_ids, permission).await.map_err(of_store)
}

/// Active users who hold the permission, for telling them something; `limit` at most.
///
/// # Errors
/// Those of the store.
pub(crate) async fn list_all_holders(
    conn: &mut Conn,
    permission: &'static str,
    limit: u32,
) -> Result<Vec<UserId>, CommonFault> {
    store::permissions::list_all_holders(conn, permission, limit).await.map_err(of_store)
}

/// Demands a permission of the actor.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn require_permission(
    conn: &mut Conn,
    actor: &Actor,
    permission: &'static str,
) -> Result<(), CommonFault> {
    if has_permission(conn, actor.user_id(), permission).await? {
        Ok(())
    } else {
        Err(CommonFault::Forbidden)
    }
}

/// Demands a permission of the actor, for a door that has to refuse a stranger before it tells what is wrong with a
/// body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::Forbidden`], and those of the store.
pub async fn demand_permission(
    app: &App,
    actor: &Actor,
    permission: &'static str,
) -> Result<(), CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    require_permission(&mut conn, actor, permission).await
}
