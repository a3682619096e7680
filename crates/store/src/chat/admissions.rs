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

    let mut query = Statement::new("SELECT blocker_id, blocked_id FROM hub_user_blocks WHERE ");
    let both_ways = pairs.iter().flat_map(|&(from, to)| [(from, to), (to, from)]);
    push_pairs(&mut query, "(blocker_id = ", " AND blocked_id = ", both_ways);
    let blocks: HashSet<(UserId, UserId)> = query.fetch_all(conn).await?.into_iter().collect();

    let admits_followers =
        |to: &UserId| allowed.get(to).is_some_and(|whom| whom.as_deref() == Some("followers"));
    let asked: Vec<(UserId, UserId)> = pairs.iter().copied().filter(|(_, to)| admits_followers(to)).collect();
    let mut follows: HashSet<(UserId, UserId)> = HashSet::new();
    if !asked.is_empty() {
        let mut query = Statement::new("SELECT follower_id, following_id FROM followers WHERE ");
        push_pairs(&mut query, "(follower_id = ", " AND following_id = ", asked);
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

/// Writes `(a = 1 AND b = 2) OR …`. Not `(a, b) IN (…)`: MariaDB would not look into the index for that.
fn push_pairs(
    query: &mut Statement,
    before: &'static str,
    between: &'static str,
    pairs: impl IntoIterator<Item = (UserId, UserId)>,
) {
    for (number, (one, two)) in pairs.into_iter().enumerate() {
        query.push(if number > 0 { " OR " } else { "" });
        query.push(before).push_number(one).push(between).push_number(two).push(")");
    }
}
