//! Unread totals as operations tell them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use base::id::{ConversationId, UserId};
use store::chat::{UnreadAdded, UnreadTotal};

use super::ChatError;
use super::view::count;
use crate::unit::{Unit, UnreadNow};

/// The totals of some users.
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

/// What the messages of one transaction add to unread totals, message by message.
#[derive(Debug, Default)]
pub(super) struct Additions {
    /// (message, whose, how many), in the order of the messages, whatever numbers they have.
    added: VecDeque<(usize, UserId, u32)>,
    /// Totals as they are after the messages that were asked for.
    running: HashMap<UserId, UnreadTotal>,
}

impl Additions {
    /// To be called message by message.
    pub(super) fn add(&mut self, message: usize, user_id: UserId, count: u32) {
        self.added.push_back((message, user_id, count));
    }

    /// Adds it all, and reads the totals of those concerned and of others who are to hear theirs; with the commit the
    /// cache has those that were changed.
    pub(super) async fn write(&mut self, unit: &mut Unit, others: &[UserId]) -> Result<(), ChatError> {
        // In ascending order of the users, as [`store::chat::update_unread_added`] wants it.
        let mut sums: BTreeMap<UserId, UnreadAdded> = BTreeMap::new();
        for &(_, user_id, count) in &self.added {
            let sum = sums.entry(user_id).or_insert(UnreadAdded { user_id, count: 0, changes: 0 });
            sum.count = sum.count.saturating_add(count);
            sum.changes = sum.changes.saturating_add(1);
        }
        let added: Vec<UnreadAdded> = sums.values().copied().collect();
        store::chat::update_unread_added(unit, &added).await?;
        let mut user_ids: Vec<UserId> = sums.keys().chain(others).copied().collect();
        user_ids.sort_unstable();
        user_ids.dedup();
        for mut total in store::chat::list_unread_totals(unit, &user_ids).await? {
            if let Some(sum) = sums.get(&total.user_id) {
                let UnreadTotal { user_id, unread_total, version } = total;
                unit.renew_unread(UnreadNow { user_id, total: unread_total, version });
                total.unread_total = unread_total.saturating_sub(sum.count);
                total.version = version.saturating_sub(sum.changes);
            }
            self.running.insert(total.user_id, total);
        }
        Ok(())
    }

    /// The totals of users after a message. To be called message by message, as [`Self::add`] was.
    pub(super) fn after<const N: usize>(
        &mut self,
        message: usize,
        user_ids: [UserId; N],
    ) -> [UnreadTotal; N] {
        while let Some((_, user_id, count)) = self.added.pop_front_if(|(of, _, _)| *of == message) {
            let fresh = UnreadTotal { user_id, ..UnreadTotal::default() };
            let total = self.running.entry(user_id).or_insert(fresh);
            total.unread_total = total.unread_total.saturating_add(count);
            total.version = total.version.saturating_add(1);
        }
        user_ids.map(|user_id| {
            let found = self.running.get(&user_id).copied();
            found.unwrap_or(UnreadTotal { user_id, ..UnreadTotal::default() })
        })
    }
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
