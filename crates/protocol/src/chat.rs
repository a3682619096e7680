//! 1:1 chat: inputs and views (realtime.md §4, domain.md §5.10).

use base::Time;
use base::id::{ConversationId, MessageId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::notifications::Notification;
use crate::users::UserCard;
use crate::wallet::Wallet;

/// `messages.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    /// Words.
    #[default]
    Text,
    /// Pictures.
    Image,
    /// Videos.
    Video,
    /// Sound.
    Audio,
    /// Anything else.
    File,
}

impl MessageType {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }
}

/// Input of `chat.send_message`: to a conversation, or to a user with whom one is opened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// The client's key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// The conversation, or
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
    /// the other user: exactly one of the two.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// The kind of message.
    #[serde(default, rename = "type")]
    pub message_type: MessageType,
    /// 1 to 4000 characters; required for text.
    #[serde(default)]
    pub body: Option<String>,
    /// Upload ids, for the media types.
    #[serde(default)]
    pub media: Vec<u64>,
    /// A message of the same conversation.
    #[serde(default)]
    pub reply_to_id: Option<MessageId>,
}

/// The body of `POST /conversations/{id}/messages`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessageBody {
    /// A UUID made by the client; the same one again gives the same message.
    pub client_id: IdempotencyKey,
    /// The kind of message.
    #[serde(default, rename = "type")]
    pub message_type: MessageType,
    /// 1 to 4000 characters; required for text.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub body: Option<String>,
    /// Upload ids, for the media types.
    #[serde(default)]
    pub media: Vec<u64>,
    /// A message of the same conversation.
    #[serde(default)]
    pub reply_to_id: Option<MessageId>,
}

impl SendMessageBody {
    /// The operation's input, once the path has named the conversation.
    #[must_use]
    pub fn into_input(self, conversation_id: ConversationId) -> SendMessage {
        let Self { client_id, message_type, body, media, reply_to_id } = self;
        SendMessage {
            client_id,
            conversation_id: Some(conversation_id),
            user_id: None,
            message_type,
            body,
            media,
            reply_to_id,
        }
    }
}

/// A 1:1 message. Of two states of one message the deleted one is the newer, else the one with the greater `edited_at`
/// (any before none): apps let go of the other, whichever they hear later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Id order is the order of the conversation.
    pub id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Its author.
    pub sender_id: UserId,
    /// Its kind.
    #[serde(rename = "type")]
    pub message_type: MessageType,
    /// The words; `null` for media and for deleted messages.
    pub body: Option<String>,
    /// The media's addresses.
    pub media_urls: Vec<String>,
    /// The same media with what is known of them, in the same order.
    #[serde(default)]
    pub media: Vec<MessageMedium>,
    /// The message that it answers.
    pub reply_to_id: Option<MessageId>,
    /// When it was accepted.
    pub created_at: Time,
    /// When its words were last changed, later with each change.
    #[serde(default)]
    pub edited_at: Option<Time>,
    /// When the other one read it.
    #[serde(default)]
    pub read_at: Option<Time>,
    /// Deleted for both: only the place is left.
    #[serde(default)]
    pub deleted: bool,
}

/// One medium of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageMedium {
    /// Where it is fetched; a signed address of ours ends after a day: ask for the message again.
    pub url: String,
    /// What it is (`image/png`).
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// The name that the file had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Seconds that it plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u32>,
}

/// Input of `chat.edit_message`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// One of the asker's own, of type text.
    pub message_id: MessageId,
    /// The new words, 1 to 4000 characters.
    #[schema(min_length = 1, max_length = 4000)]
    pub body: String,
}

/// The body of `PATCH /messages/{id}`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessageBody {
    /// The new words, 1 to 4000 characters.
    #[schema(min_length = 1, max_length = 4000)]
    pub body: String,
}

/// Answer of `chat.edit_message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageEdited {
    /// The message as it is now.
    pub message: Message,
}

/// Input of `chat.delete_message`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteMessage {
    /// One of the asker's own.
    pub message_id: MessageId,
}

/// Answer of `chat.delete_message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageDeleted {
    /// What is left of the message: its place.
    pub message: Message,
}

/// Answer of `chat.send_message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageSent {
    /// The message, the same for every repeat.
    pub message: Message,
}

/// Input of `chat.mark_read`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Everything up to this id has been seen. Any id will do: that of the newest message, of an own one, or one beyond.
    pub up_to: MessageId,
}

/// The body of `POST /conversations/{id}/read`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkReadBody {
    /// Everything up to this id has been seen.
    pub up_to: MessageId,
}

/// Answer of `chat.mark_read`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessagesRead {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The newest message of the other one that is read, 0 for none; never less than before.
    pub up_to: MessageId,
    /// What is still unread over all conversations.
    pub unread_total: u32,
    /// Grows with each change of `unread_total`: apps let go of a total with a smaller one than they have.
    pub unread_version: u64,
}

/// Input of `chat.start_typing`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartTyping {
    /// The conversation.
    pub conversation_id: ConversationId,
}

/// Input of `chat.sync`: what was written after a message and changed since, for a client whose hot window is gone
/// (realtime.md §5). To begin: `after_message_id`, and `since` where it is known. To go on: `cursor` alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncMessages {
    /// The newest message that the client has; 0 for none.
    #[serde(default)]
    pub after_message_id: MessageId,
    /// At most so many of each kind of thing, 1 to 200; 100 where left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200, default = 100)]
    pub limit: Option<u32>,
    /// Until when the client has heard everything, by the server's clock: `at` of the last answer, of an event, or
    /// `server_time` of the connection. Where left out, the time of the message that is named.
    #[serde(default)]
    pub since: Option<Time>,
    /// `cursor` of the page before, which says already from where.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Answer of `chat.sync`. A walk is over when `cursor` is `null`. Whatever comes may be known already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SyncedMessages {
    /// Messages, ascending ids: what is newer than `after_message_id`, and what has a smaller id but was written at
    /// `since`, in the minute before, or later. Apps drop repeats by id.
    pub messages: Vec<Message>,
    /// There are more messages after the last one. (For clients that know no `cursor`: ask again with its id.)
    pub has_more: bool,
    /// Messages not newer than `after_message_id` that were edited or deleted since, as they are now.
    #[serde(default)]
    pub changed: Vec<Message>,
    /// What was read since, by either participant.
    #[serde(default)]
    pub reads: Vec<ReadState>,
    /// Conversations that were deleted since and not restored.
    #[serde(default)]
    pub deleted_conversations: Vec<ConversationId>,
    /// Where the next page begins; `null` on the last one.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The server's clock before anything was read: `since` of the next walk, if nothing is heard until then. All pages
    /// of a walk have that of its first page.
    pub at: Time,
}

/// Answer of `GET /sync`: what chat has to tell, and on the first page the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Synced {
    /// Of conversations.
    #[serde(flatten)]
    pub chat: SyncedMessages,
    /// The own wallet as it is now; on the first page.
    pub wallet: Option<Wallet>,
    /// The newest notifications of those that changed at `since` or later, 20 at most; on the first page.
    pub notifications: Vec<Notification>,
    /// How many notifications are unread; on the first page.
    pub unread_notifications: Option<u32>,
}

/// How far somebody has read a conversation. Apps keep the greatest `up_to` of each reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadState {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Who has read.
    pub reader_id: UserId,
    /// The newest message of the other one that is read.
    pub up_to: MessageId,
}

/// The body of `POST /conversations`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenConversation {
    /// With whom.
    pub user_id: UserId,
}

/// A conversation as one of its two participants sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The other participant.
    pub user: UserCard,
    /// Whether the other one is online; `null` where that is not shown to the viewer.
    pub online: Option<bool>,
    /// The newest message that is not deleted.
    pub last_message: Option<Message>,
    /// Messages of the other that the viewer has not read.
    pub unread_count: u32,
    /// When it was opened.
    pub created_at: Option<Time>,
}

/// Unread messages of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnreadCounts {
    /// Over all conversations.
    pub unread_total: u32,
    /// Grows with each change of `unread_total`: apps let go of a total with a smaller one than they have.
    pub unread_version: u64,
    /// Those conversations that have any.
    pub conversations: Vec<ConversationUnread>,
}

/// Unread messages in one conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConversationUnread {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// How many.
    pub unread_count: u32,
}
