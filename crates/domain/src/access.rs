//! Who may do what: the only way to a permission (domain.md §3).

use base::CommonFault;
use base::id::UserId;
use store::Conn;

use crate::Actor;
use crate::fault::of_store;

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

/// Demands a permission of the actor.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn require_permission(
    conn: &mut Conn,
    actor: &Actor,
    permission: &'static str,
) -> Result<(), CommonFault> {
    if has_permission(conn, actor.user_id(), permission).await? { Ok(()) } else { Err(CommonFault::Forbidden) }
}
