//! One-to-one chat (realtime.md §4, §5; domain.md §5.10). The pair's row is the lock under which messages get their
//! ids, and are edited, deleted and read, so id order is commit order; events go to the `user:` channels of both.
//!
//! Events are published after their commits, so two that concern the same thing may be heard in the other order. Nobody
//! needs a lock for that: each carries by what to tell which of two is the newer. A total has its version, a message its
//! `edited_at` (and deleted is final), a receipt its `up_to`, of which the greatest counts.

mod conversations;
mod count_unread;
mod delete_conversation;
mod delete_message;
mod edit_message;
mod list_messages;
mod mark_read;
mod open_conversation;
mod own_message;
mod policy;
mod send_message;
mod start_typing;
mod sync_all;
mod sync_messages;
mod sync_walk;
mod unread;
mod view;
mod write_messages;

pub use conversations::{demand_conversation, find_conversation, list_conversations};
pub use count_unread::count_unread;
pub use delete_conversation::delete_conversation;
pub use delete_message::delete_message;
pub use edit_message::edit_message;
pub use list_messages::{MAX_MESSAGES, MessageWindow, list_messages};
pub use mark_read::mark_read;
pub use open_conversation::open_conversation;
pub use own_message::demand_own_message;
pub use send_message::send_message;
pub use start_typing::start_typing;
pub use sync_all::sync_all;
pub use sync_messages::sync_messages;
pub(crate) use write_messages::{AT_ONCE, LANES, Sends};

use base::id::{ConversationId, UserId};
use base::{CommonFault, Fault, Rule};
use store::chat::ConversationRow;

use crate::common_faults;
use crate::uploads::UploadError;

/// What can go wrong in chat.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// The other one is oneself.
    #[error("You cannot write to yourself.")]
    SelfConversation,
    /// The receiver's `allow_messages_from` does not admit the writer.
    #[error("This person does not accept messages from you.")]
    MessagesNotAccepted,
    /// One of the two blocks the other.
    #[error("You cannot reach this person.")]
    Blocked,
    /// `reply_to_id` names no message of this conversation.
    #[error("The message replied to is not in this conversation.")]
    ReplyNotFound,
    /// `media` names an upload that is not there.
    #[error("The upload named in `media` does not exist.")]
    MediaNotFound,
    /// `media` names an upload that something uses already.
    #[error("A file can be sent once; upload it again.")]
    MediaInUse,
    /// It was written more than 15 minutes ago.
    #[error("A message can be edited within 15 minutes.")]
    EditWindowOver,
    /// It is no text, or deleted.
    #[error("Only a text message that is not deleted can be edited.")]
    NotEditable,
}

impl Fault for ChatError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::SelfConversation => Rule::SELF_CONVERSATION,
            Self::MessagesNotAccepted => Rule::MESSAGES_NOT_ACCEPTED,
            Self::Blocked => Rule::BLOCKED,
            Self::ReplyNotFound => Rule::REPLY_NOT_FOUND,
            Self::MediaNotFound => Rule::MEDIA_NOT_FOUND,
            Self::MediaInUse => Rule::UPLOAD_IN_USE,
            Self::EditWindowOver => Rule::EDIT_WINDOW_OVER,
            Self::NotEditable => Rule::NOT_EDITABLE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(ChatError);

impl From<UploadError> for ChatError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Common(fault) => Self::Common(fault),
            UploadError::NotFound => Self::MediaNotFound,
            UploadError::InUse => Self::MediaInUse,
            other => CommonFault::internal(other).into(),
        }
    }
}

/// A conversation as one participant stands in it: the proof that access was checked.
struct Participation {
    conversation: ConversationRow,
    me: UserId,
    other: UserId,
}

impl Participation {
    /// Strangers get the same answer as for a conversation that does not exist (domain.md D23).
    fn of(row: Option<ConversationRow>, me: UserId) -> Result<Self, CommonFault> {
        let conversation = row.ok_or(NO_CONVERSATION)?;
        let other = match me {
            _ if me == conversation.user_one_id => conversation.user_two_id,
            _ if me == conversation.user_two_id => conversation.user_one_id,
            _ => return Err(NO_CONVERSATION),
        };
        Ok(Self { conversation, me, other })
    }

    /// As [`Self::of`], for everything but writing: a deleted conversation is not there until its next message.
    fn of_present(row: Option<ConversationRow>, me: UserId) -> Result<Self, CommonFault> {
        Self::of(row.filter(|conversation| conversation.deleted_at.is_none()), me)
    }

    const fn id(&self) -> ConversationId {
        self.conversation.id
    }
}

const NO_CONVERSATION: CommonFault = CommonFault::NotFound("conversation");

/// The pair in the order in which the row holds it.
fn pair(one: UserId, other: UserId) -> (UserId, UserId) {
    (one.min(other), one.max(other))
}
