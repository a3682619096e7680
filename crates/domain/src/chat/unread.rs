//! Unread totals as operations tell them.

use base::id::{ConversationId, UserId};
use store::chat::UnreadTotal;

use super::ChatError;
use super::view::count;
use crate::unit::{Unit, UnreadNow};

/// The totals of the two participants.
pub(super) struct Totals(Vec<UnreadTotal>);

impl Totals {
    /// Of one of those asked for. Who has no row has nothing unread, and never had.
    pub(super) fn of(&self, user_id: UserId) -> UnreadTotal {
        let found = self.0.iter().find(|total| total.user_id == user_id).copied();
        found.unwrap_or(UnreadTotal { user_id, ..UnreadTotal::default() })
    }
}

/// The totals as this transaction sees them, when it has changed all that it will; with its commit the cache has them too.
pub(super) async fn find_totals(unit: &mut Unit, user_ids: &[UserId]) -> Result<Totals, ChatError> {
    let totals = Totals(store::chat::list_unread_totals(unit, user_ids).await?);
    for &user_id in user_ids {
        let UnreadTotal { unread_total, version, .. } = totals.of(user_id);
        unit.renew_unread(UnreadNow { user_id, total: unread_total, version });
    }
    Ok(totals)
}

/// Unread messages of a participant in one conversation, deleted or not.
pub(super) async fn unread_in(
    unit: &mut Unit,
    reader: UserId,
    conversation_id: ConversationId,
) -> Result<u32, ChatError> {
    let rows = store::chat::list_unread_among(unit, reader, &[conversation_id]).await?;
    Ok(rows.first().map_or(0, |row| count(row.unread)))
}
