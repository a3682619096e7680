//! Rows to views.

use std::collections::HashMap;

use base::id::{ConversationId, UserId};
use base::{CommonFault, Fault, Time};
use protocol::chat::{Conversation, Message, MessageMedium, MessageType};
use protocol::users::UserCard;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::StoreError;
use store::chat::{ConversationRow, MessageRow};

use super::ChatError;
use crate::users::{self, UserState};
use crate::{App, presence, uploads};

/// A message as apps see it; of a deleted one only its place is left (domain.md §4.4).
pub(super) fn message(app: &App, row: MessageRow) -> Result<Message, StoreError> {
    let deleted = row.deleted_at.is_some();
    let message_type = match row.message_type.as_str() {
        "text" => MessageType::Text,
        "image" => MessageType::Image,
        "video" => MessageType::Video,
        "audio" => MessageType::Audio,
        "file" => MessageType::File,
        _ => return Err(StoreError::Corrupt { table: "messages", column: "type" }),
    };
    let media = if deleted { Vec::new() } else { media(app, &row) };
    let edited_at = edited_at(&row);
    Ok(Message {
        id: row.id,
        conversation_id: row.conversation_id,
        sender_id: row.sender_id,
        message_type,
        body: row.body.filter(|_| !deleted),
        media_urls: media.iter().map(|medium| medium.url.clone()).collect(),
        media,
        reply_to_id: row.reply_to_id,
        // The column is nullable for Laravel's sake; a row without it is older than all others.
        created_at: row.created_at.map_or_else(|| Time::from(chrono::DateTime::UNIX_EPOCH), Time::from),
        edited_at,
        read_at: row.read_at.map(Time::from),
        deleted,
    })
}

/// When the words were last changed, which is kept in the metadata.
pub(super) fn edited_at(row: &MessageRow) -> Option<Time> {
    let at = row.metadata.as_ref()?.get("edited_at")?;
    serde_json::from_value(at.clone()).ok()
}

/// What the metadata keeps of one medium; all of it is missing where another application wrote the message.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct NotedMedium {
    pub(super) mime: Option<String>,
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration: Option<u32>,
}

impl NotedMedium {
    /// As clients see it, with the address under which a path is fetched.
    pub(super) fn shown(self, app: &App, path: &str) -> MessageMedium {
        let Self { mime, size, name, width, height, duration } = self;
        let mime = mime.unwrap_or_else(|| "application/octet-stream".to_owned());
        MessageMedium { url: uploads::signed_url(app, path), mime, size, name, width, height, duration }
    }
}

/// The media in the order of `media_urls`, each with what the metadata says of it at the same place.
fn media(app: &App, row: &MessageRow) -> Vec<MessageMedium> {
    let Some(paths) = row.media_urls.as_ref().and_then(|json| json.as_array()) else { return Vec::new() };
    let noted = row.metadata.as_ref().and_then(|json| json.get("media")?.as_array());
    let noted = |place: usize| noted.and_then(|media| media.get(place));
    let shown = |(place, path): (usize, &Value)| {
        let about = noted(place).and_then(|about| serde_json::from_value::<NotedMedium>(about.clone()).ok());
        Some(about.unwrap_or_default().shown(app, path.as_str()?))
    };
    paths.iter().enumerate().filter_map(shown).collect()
}

/// Messages in ascending order of their ids, each once.
pub(super) fn messages_ascending(app: &App, rows: Vec<MessageRow>) -> Result<Vec<Message>, StoreError> {
    let mut messages = rows.into_iter().map(|row| message(app, row)).collect::<Result<Vec<_>, _>>()?;
    messages.sort_unstable_by_key(|message| message.id);
    messages.dedup_by_key(|message| message.id);
    Ok(messages)
}

/// Conversations as one of their participants sees them, in the order of the rows. The number of queries does not
/// grow with theirs.
pub(super) async fn conversations(
    app: &App,
    viewer: UserId,
    rows: Vec<ConversationRow>,
) -> Result<Vec<Conversation>, ChatError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let other = |row: &ConversationRow| {
        if row.user_one_id == viewer { row.user_two_id } else { row.user_one_id }
    };
    let others: Vec<UserId> = rows.iter().map(other).collect();
    let ids: Vec<ConversationId> = rows.iter().map(|row| row.id).collect();
    let last_ids: Vec<u64> = rows.iter().filter_map(|row| row.last_message_id).collect();

    let mut conn = app.store.reader().await?;
    let last = store::chat::list_messages_by_id(&mut conn, &last_ids).await?;
    let unread = store::chat::list_unread_among(&mut conn, viewer, &ids).await?;
    drop(conn);
    let states = users::find_states(app, &others).await?;
    // A list without dots beside the names is better than none.
    let online = presence::find_online(app, viewer, &states).await.unwrap_or_else(|error| {
        tracing::warn!(error = %error.rule().code, "conversations are shown without presence");
        HashMap::new()
    });

    let mut last: HashMap<ConversationId, MessageRow> =
        last.into_iter().map(|row| (row.conversation_id, row)).collect();
    let unread: HashMap<ConversationId, u32> =
        unread.into_iter().map(|row| (row.conversation_id, count(row.unread))).collect();
    let states: HashMap<UserId, UserState> = states.into_iter().map(|state| (state.id, state)).collect();
    rows.into_iter()
        .map(|row| {
            let other = other(&row);
            Ok(Conversation {
                id: row.id,
                user: states.get(&other).map_or_else(|| users::gone(other), card),
                online: online.get(&other).map(|state| state.online),
                last_message: last.remove(&row.id).map(|row| message(app, row)).transpose()?,
                unread_count: unread.get(&row.id).copied().unwrap_or(0),
                created_at: row.created_at.map(Time::from),
            })
        })
        .collect()
}

/// One conversation as one of its participants sees it.
pub(super) async fn conversation(
    app: &App,
    viewer: UserId,
    row: ConversationRow,
) -> Result<Conversation, ChatError> {
    let mut views = conversations(app, viewer, vec![row]).await?;
    views.pop().ok_or_else(|| CommonFault::internal("a conversation without a view").into())
}

/// `COUNT(*)` as apps get it.
pub(super) fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

fn card(state: &UserState) -> UserCard {
    UserCard {
        id: state.id,
        name: state.name.clone(),
        username: state.username.clone(),
        avatar: state.avatar.clone(),
        is_verified: state.is_verified,
    }
}
