//! `chat.sync`.

use base::id::{ConversationId, MessageId, UserId};
use base::{Problem, Time, Violations};
use protocol::chat::{SyncMessages, SyncedMessages};
use store::chat::MessageRow;
use store::{Conn, StoreError};

use super::{ChatError, view};
use crate::{Actor, App};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 200;
/// Ids are handed out before commits: a smaller id may have become visible after a greater one, within this time
/// (realtime.md §5).
const OVERLAP_SECONDS: i64 = 60;
/// Messages of one conversation that are looked at for the overlap: what two participants can write in a minute
/// under their rate limits (60 and a burst of 60 each).
const OVERLAP_DEPTH: u32 = 240;
/// Conversations asked about in one statement.
const CHUNK: usize = 100;

/// Everything written in the actor's conversations after a message, oldest first, and with it what has a smaller id
/// but was written within the minute before that message. `limit` counts the former; apps drop repeats by id and
/// ask again after the last message while there is more.
///
/// # Errors
/// A violation of `limit` (1 to 200, 100 by default).
pub async fn sync_messages(
    app: &App,
    actor: &Actor,
    input: SyncMessages,
) -> Result<SyncedMessages, ChatError> {
    actor.require("read")?;
    let limit = checked_limit(input.limit)?;
    let (me, after) = (actor.user_id(), input.after_message_id);
    let mut conn = app.store.reader().await?;
    let ids = store::chat::list_conversations_above(&mut conn, me, after).await?;
    let mut rows = store::chat::list_messages_above(&mut conn, &ids, after, limit.saturating_add(1)).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > wanted;
    rows.truncate(wanted);

    let written_at = if after == 0 { None } else { store::chat::find_written_at(&mut conn, after).await? };
    if let Some(written_at) = written_at {
        let since = Time::from(written_at).plus_seconds(-OVERLAP_SECONDS);
        rows.extend(list_overlap(&mut conn, me, after, since).await?);
    }
    drop(conn);
    Ok(SyncedMessages { messages: view::messages_ascending(rows)?, has_more })
}

/// What was written since then and has a smaller id. First one look into each conversation that was active since,
/// then a deeper one into those that were active just then.
async fn list_overlap(
    conn: &mut Conn,
    me: UserId,
    below: MessageId,
    since: Time,
) -> Result<Vec<MessageRow>, StoreError> {
    let active = store::chat::list_conversations_active_since(conn, me, since).await?;
    let mut rows = Vec::new();
    for chunk in active.chunks(CHUNK) {
        let newest = store::chat::list_messages_written_since(conn, chunk, below, since, 1).await?;
        let hit: Vec<ConversationId> = newest.iter().map(|row| row.conversation_id).collect();
        rows.extend(store::chat::list_messages_written_since(conn, &hit, below, since, OVERLAP_DEPTH).await?);
    }
    Ok(rows)
}

fn checked_limit(limit: Option<u32>) -> Result<u32, Violations> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let mut violations = Violations::none();
    violations.require(limit >= 1, "limit", Problem::TooSmall("1".to_owned()));
    violations.require(limit <= MAX_LIMIT, "limit", Problem::TooGreat(MAX_LIMIT.to_string()));
    violations.into_result().map(|()| limit)
}
