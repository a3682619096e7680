//! 1:1 chat: inputs and views (realtime.md §4, domain.md §5.10).

use base::Time;
use base::id::{ConversationId, MessageId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::users::UserCard;

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
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// The client's key of this write; not part of its content.
    #[serde(skip_serializing)]
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

/// A 1:1 message.
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
    /// The message that it answers.
    pub reply_to_id: Option<MessageId>,
    /// When it was accepted.
    pub created_at: Time,
    /// When the other one read it.
    #[serde(default)]
    pub read_at: Option<Time>,
    /// Deleted for both: only the place is left.
    #[serde(default)]
    pub deleted: bool,
}

/// Answer of `chat.send_message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageSent {
    /// The message, the same for every repeat.
    pub message: Message,
}

/// Input of `chat.mark_read`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Everything up to this id has been seen.
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
    /// Read up to here, never less than before.
    pub up_to: MessageId,
    /// What is still unread over all conversations.
    pub unread_total: u32,
}

/// Input of `chat.start_typing`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartTyping {
    /// The conversation.
    pub conversation_id: ConversationId,
}

/// Input of `chat.sync`: what was written after a message, for a client whose hot window is gone (realtime.md §5).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncMessages {
    /// The newest message that the client has; 0 for none.
    pub after_message_id: MessageId,
    /// At most so many messages, 1 to 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// Answer of `chat.sync`, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SyncedMessages {
    /// The messages. Some may be known already: apps drop repeats by id.
    pub messages: Vec<Message>,
    /// Ask again after the last one?
    pub has_more: bool,
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
