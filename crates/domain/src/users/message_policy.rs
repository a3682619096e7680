//! Who may write to whom (domain.md §4.1 row 2, §5.2): one place for chat and for what profiles show.

use base::CommonFault;
use base::id::UserId;
use protocol::users::Relationship;
use store::Conn;
use store::users::RelationshipRow;

use crate::fault::of_store;

/// Why one may not write to another.
#[derive(Debug, thiserror::Error)]
pub enum MessagePolicy {
    /// There is no such active user.
    #[error("There is no such user.")]
    NotFound,
    /// One of the two blocks the other.
    #[error("You cannot reach this person.")]
    Blocked,
    /// The receiver's `allow_messages_from` does not admit the writer.
    #[error("This person does not accept messages from you.")]
    NotAccepted,
    /// It could not be found out.
    #[error(transparent)]
    Common(#[from] CommonFault),
}

/// May `from` write to `to`? One statement.
///
/// # Errors
/// Why not, or [`MessagePolicy::Common`].
pub async fn may_message(conn: &mut Conn, from: UserId, to: UserId) -> Result<(), MessagePolicy> {
    let rows = store::users::list_relationships(conn, from, &[to]).await.map_err(of_store)?;
    rows.first().map_or(Err(MessagePolicy::NotFound), admits)
}

/// `followers` admits whoever follows the receiver. Blocks hold both ways.
fn admits(row: &RelationshipRow) -> Result<(), MessagePolicy> {
    if row.blocking != 0 || row.blocked_by != 0 {
        return Err(MessagePolicy::Blocked);
    }
    match row.allow_messages_from.as_deref() {
        None | Some("everyone") => Ok(()),
        Some("followers") if row.following != 0 => Ok(()),
        Some(_) => Err(MessagePolicy::NotAccepted),
    }
}

/// What is between the viewer and a user, as clients see it. Who is blocked is not told.
pub(super) fn relationship(row: &RelationshipRow) -> Relationship {
    Relationship {
        following: row.following != 0,
        followed_by: row.followed_by != 0,
        requested: row.requested != 0,
        requested_by: row.requested_by != 0,
        blocking: row.blocking != 0,
        can_message: admits(row).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use store::users::RelationshipRow;

    use super::{MessagePolicy, admits};

    #[test]
    fn the_receiver_decides_and_blocks_hold_both_ways() {
        let row = |allow: Option<&str>, following, blocking, blocked_by| RelationshipRow {
            id: 7,
            following,
            followed_by: 0,
            requested: 0,
            requested_by: 0,
            blocking,
            blocked_by,
            allow_messages_from: allow.map(ToOwned::to_owned),
        };
        assert!(admits(&row(None, 0, 0, 0)).is_ok());
        assert!(admits(&row(Some("everyone"), 0, 0, 0)).is_ok());
        assert!(admits(&row(Some("followers"), 1, 0, 0)).is_ok());
        for (allow, following) in [("followers", 0), ("none", 1)] {
            assert!(matches!(admits(&row(Some(allow), following, 0, 0)), Err(MessagePolicy::NotAccepted)));
        }
        for (blocking, blocked_by) in [(1, 0), (0, 1)] {
            let row = row(Some("everyone"), 1, blocking, blocked_by);
            assert!(matches!(admits(&row), Err(MessagePolicy::Blocked)));
        }
    }
}
