//! `GET /sync` (domain.md §5.10): what chat has to tell, and on the first page what else a client that was away has
//! missed.

use base::paging::PageRequest;
use base::{CommonFault, Lang};
use protocol::chat::{SyncMessages, Synced};
use protocol::notifications::NotificationFilter;

use super::{ChatError, sync_messages};
use crate::notifications::{NotificationError, count_unread, list_notifications};
use crate::wallet::{WalletError, find_wallet};
use crate::{Actor, App};

/// As [`sync_messages`], with the wallet as it is now, and the newest notifications of those that changed since. Both are
/// states, which replace what a client has; more notifications are in their list.
///
/// # Errors
/// Those of [`sync_messages`].
pub async fn sync_all(
    app: &App,
    actor: &Actor,
    input: SyncMessages,
    lang: Option<Lang>,
) -> Result<Synced, ChatError> {
    actor.require("read")?;
    let (is_first, since) = (input.cursor.is_none(), input.since);
    let chat = sync_messages(app, actor, input).await?;
    if !is_first {
        return Ok(Synced { chat, wallet: None, notifications: Vec::new(), unread_notifications: None });
    }
    let wallet = match find_wallet(app, actor).await {
        Ok(wallet) => Some(wallet),
        Err(WalletError::Common(CommonFault::NotFound(_))) => None,
        Err(WalletError::Common(fault)) => return Err(fault.into()),
        Err(other) => return Err(CommonFault::internal(other).into()),
    };
    let common = |NotificationError::Common(fault): NotificationError| ChatError::Common(fault);
    let newest = list_notifications(app, actor, NotificationFilter::default(), PageRequest::default(), lang);
    let mut notifications = newest.await.map_err(common)?.items;
    notifications.retain(|one| since.is_none_or(|since| one.updated_at >= since));
    let unread = count_unread(app, actor).await.map_err(common)?.unread_count;
    Ok(Synced { chat, wallet, notifications, unread_notifications: Some(unread) })
}
