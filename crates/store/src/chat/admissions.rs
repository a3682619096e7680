//! What decides whether somebody may write to somebody else.

use std::collections::{HashMap, HashSet};

use base::id::UserId;

use crate::statement::Statement;
use crate::{Conn, StoreError};

/// What is between a writer and an active receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionRow {
    /// Who writes.
    pub from: UserId,
    /// To whom.
    pub to: UserId,
    /// One of the two blocks the other.
    pub blocked: bool,
    /// The writer follows the receiver; asked only where the receiver admits followers.
    pub following: bool,
    /// `everyone`, `followers` or `none`.
    pub allow_messages_from: Option<String>,
}

/// What is between writers and receivers, (from, to), in the order asked; `None` for a receiver who is not active. Two
/// statements, three where somebody admits followers.
///
/// # Errors
/// Those of the driver.
pub async fn list_admissions(
    conn: &mut Conn,
    pairs: &[(UserId, UserId)],
) -> Result<Vec<Option<AdmissionRow>>, StoreError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let receivers: Vec<UserId> = pairs.iter().map(|(_, to)| *to).collect();
    let mut query = Statement::new(
        "SELECT u.id, p.allow_messages_from FROM users u LEFT JOIN user_profiles p ON p.user_id = u.id \
         WHERE u.deleted_at IS NULL AND u.is_active = 1 AND u.id IN (",
    );
    query.push_numbers(&receivers).push(")");
    let allowed: HashMap<UserId, Option<String>> =
        query.fetch_all::<(UserId, Option<String>)>(conn).await?.into_iter().collect();

    let mut query = Statement::new("SELECT b.blocker_id, b.blocked_id FROM ");
    query.push_pairs(pairs.iter().flat_map(|&(from, to)| [(from, to), (to, from)]));
    query.push("STRAIGHT_JOIN hub_user_blocks b ON b.blocker_id = w.one AND b.blocked_id = w.two");
    let blocks: HashSet<(UserId, UserId)> = query.fetch_all(conn).await?.into_iter().collect();

    let admits_followers =
        |to: &UserId| allowed.get(to).is_some_and(|whom| whom.as_deref() == Some("followers"));
    let asked: Vec<(UserId, UserId)> = pairs.iter().copied().filter(|(_, to)| admits_followers(to)).collect();
    let mut follows: HashSet<(UserId, UserId)> = HashSet::new();
    if !asked.is_empty() {
        let mut query = Statement::new("SELECT f.follower_id, f.following_id FROM ");
        query.push_pairs(asked);
        query.push("STRAIGHT_JOIN followers f ON f.follower_id = w.one AND f.following_id = w.two");
        follows.extend(query.fetch_all::<(UserId, UserId)>(conn).await?);
    }
    let admission = |&(from, to): &(UserId, UserId)| {
        Some(AdmissionRow {
            from,
            to,
            blocked: blocks.contains(&(from, to)) || blocks.contains(&(to, from)),
            following: follows.contains(&(from, to)),
            allow_messages_from: allowed.get(&to)?.clone(),
        })
    };
    Ok(pairs.iter().map(admission).collect())
}
