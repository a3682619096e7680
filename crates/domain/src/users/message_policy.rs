//! Who may write to whom (domain.md §4.1 row 2, §5.2): one place for chat and for what profiles show.

use base::CommonFault;
use base::id::UserId;
use protocol::users::Relationship;
use store::Conn;
use store::chat::AdmissionRow;
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

/// May `from` write to `to`?
///
/// # Errors
/// Why not, or [`MessagePolicy::Common`].
pub async fn may_message(conn: &mut Conn, from: UserId, to: UserId) -> Result<(), MessagePolicy> {
    may_message_each(conn, &[(from, to)]).await?.pop().unwrap_or(Err(MessagePolicy::NotFound))
}

/// May each `from` write to its `to`? In the order of the pairs, with as many statements for many as for one.
///
/// # Errors
/// Those of the store.
pub(crate) async fn may_message_each(
    conn: &mut Conn,
    pairs: &[(UserId, UserId)],
) -> Result<Vec<Result<(), MessagePolicy>>, CommonFault> {
    let rows = store::chat::list_admissions(conn, pairs).await.map_err(of_store)?;
    let may = |row: Option<AdmissionRow>| {
        let row = row.ok_or(MessagePolicy::NotFound)?;
        admits(row.blocked, row.following, row.allow_messages_from.as_deref())
    };
    Ok(rows.into_iter().map(may).collect())
}

/// `followers` admits whoever follows the receiver. Blocks hold both ways.
fn admits(blocked: bool, following: bool, allow_messages_from: Option<&str>) -> Result<(), MessagePolicy> {
    if blocked {
        return Err(MessagePolicy::Blocked);
    }
    match allow_messages_from {
        None | Some("everyone") => Ok(()),
        Some("followers") if following => Ok(()),
        Some(_) => Err(MessagePolicy::NotAccepted),
    }
}

/// What is between the viewer and a user, as clients see it. Who is blocked is not told.
pub(super) fn relationship(row: &RelationshipRow) -> Relationship {
    let blocked = row.blocking != 0 || row.blocked_by != 0;
    Relationship {
        following: row.following != 0,
        followed_by: row.followed_by != 0,
        requested: row.requested != 0,
        requested_by: row.requested_by != 0,
        blocking: row.blocking != 0,
        can_message: admits(blocked, row.following != 0, row.allow_messages_from.as_deref()).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{MessagePolicy, admits};

    #[test]
    fn the_receiver_decides_and_blocks_refuse_everybody() {
        assert!(admits(false, false, None).is_ok());
        assert!(admits(false, false, Some("everyone")).is_ok());
        assert!(admits(false, true, Some("followers")).is_ok());
        for (allow, following) in [("followers", false), ("none", true)] {
            assert!(matches!(admits(false, following, Some(allow)), Err(MessagePolicy::NotAccepted)));
        }
        assert!(matches!(admits(true, true, Some("everyone")), Err(MessagePolicy::Blocked)));
    }
}
