//! How many notifications are unread.

use base::CommonFault;
use base::id::UserId;
use protocol::notifications::UnreadNotifications;
use store::Conn;

use super::NotificationError;
use crate::fault::of_store;
use crate::morph::Morph;
use crate::{Actor, App};

/// More are not counted.
const MOST: u32 = 10_000;

/// How many notifications the actor has not read, 10,000 at most.
///
/// # Errors
/// Those of the store.
pub async fn count_unread(app: &App, actor: &Actor) -> Result<UnreadNotifications, NotificationError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    Ok(UnreadNotifications { unread_count: count(&mut conn, actor.user_id()).await? })
}

/// The same for a unit.
pub(super) async fn count(conn: &mut Conn, user_id: UserId) -> Result<u32, CommonFault> {
    let types = Morph::User.spellings();
    store::notifications::count_unread(conn, types, user_id, MOST).await.map_err(of_store)
}
