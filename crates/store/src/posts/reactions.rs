//! Reactions to whatever can be reacted to: posts, comments, messages. `morphs` are the two spellings of the model.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use crate::users::CardRow;
use crate::{Conn, StoreError};

pub use crate::rooms::{
    NewReaction, ReactionRow, count_reactions, delete_reaction, insert_reaction, lock_reactions,
    update_reaction,
};

/// A reaction in a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedReactionRow {
    /// The `reactions` row, by whose id the list is walked.
    pub reaction_id: u64,
    /// `like`, `love`, `haha`, `wow`, `sad` or `angry`.
    pub reaction: String,
    /// When.
    pub reacted_at: Option<DateTime<Utc>>,
    /// Whose.
    #[sqlx(flatten)]
    pub card: CardRow,
}

/// The reactions to a thing, the newest first: below the reaction `(id, forward = true)`, or, the oldest first, above
/// `(id, forward = false)`. Without accounts that are gone, and without those between whom and the viewer there is a block.
///
/// # Errors
/// Those of the driver.
pub async fn list_reactions(
    conn: &mut Conn,
    (morphs, id): ([&'static str; 2], u64),
    reaction: Option<&'static str>,
    viewer: UserId,
    cursor: Option<(u64, bool)>,
    limit: u32,
) -> Result<Vec<ListedReactionRow>, StoreError> {
    let forward = cursor.is_none_or(|(_, forward)| forward);
    let order = if forward { " ORDER BY reaction_id DESC LIMIT " } else { " ORDER BY reaction_id LIMIT " };
    let mut query = QueryBuilder::new("");
    // Each spelling is a range of the index in the list's order; the two together would have to be sorted.
    for (number, morph) in morphs.into_iter().enumerate() {
        query.push(if number == 0 { "(" } else { " UNION ALL (" });
        query.push(
            "SELECT r.id AS reaction_id, r.type AS reaction, r.created_at AS reacted_at, u.id, u.name, u.username, \
               u.avatar, u.is_verified \
             FROM reactions r STRAIGHT_JOIN users u ON u.id = r.user_id AND u.deleted_at IS NULL AND u.is_active = 1 \
             WHERE r.reactable_type = ",
        );
        query.push_bind(morph).push(" AND r.reactable_id = ").push_bind(id);
        if let Some(reaction) = reaction {
            query.push(" AND r.type = ").push_bind(reaction);
        }
        crate::social::push_unblocked(&mut query, viewer);
        if let Some((id, _)) = cursor {
            query.push(if forward { " AND r.id < " } else { " AND r.id > " }).push_bind(id);
        }
        query.push(order).push_bind(limit).push(")");
    }
    query.push(order).push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}
