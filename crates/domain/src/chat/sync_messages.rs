//! `chat.sync`: what a client has missed that cannot be recovered from the hot window (realtime.md §5).
//!
//! A client says what it has (`after_message_id`) and until when it has heard everything (`since`). It has missed:
//!
//! 1. what is newer than that message: exactly the messages with greater ids;
//! 2. what has a smaller id but became visible later, for ids are handed out before commits, and what was edited,
//!    deleted or read meanwhile: whatever is marked as changed at `since` or later, less a minute for transactions that
//!    were under way and for clocks that differ.
//!
//! Without `since` the time of the message that is named stands for it: the client had heard everything until then.
//!
//! Only the first page of a walk looks for the second part; the pages after it go on by `cursor`, which knows how far
//! both parts have come. What is committed while a client walks it hears, if it listens; if it does not listen (it polls),
//! it is told by its next walk, whose `since` is the `at` of this one. (A client that knows no cursor and asks with the
//! id of the last message instead begins a new walk with each page, and is told some things twice.)

use std::collections::HashSet;

use base::id::{ConversationId, UserId};
use base::{Problem, Time, Violations};
use protocol::chat::{Message, ReadState, SyncMessages, SyncedMessages};
use store::chat::{ChangePlace, ConversationRow};
use store::{Conn, StoreError};

use super::sync_walk::{Progress, Walk};
use super::{ChatError, view};
use crate::{Actor, App};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 200;
/// No transaction is under way for longer, and no two clocks of ours differ by more (realtime.md §5).
const OVERLAP_SECONDS: i64 = 60;
/// Bytes of JSON that the messages of a part come to, about; a page ends there. Both parts together are far from what
/// may wait for a socket (1 MiB, realtime.md §7).
const PART_BYTES: usize = 256 * 1024;
/// Conversations asked about in one statement.
const CHUNK: usize = 100;

/// Everything written in the actor's conversations after a message, and everything changed since; at most `limit` of
/// each kind on a page, and fewer where messages are long. Apps drop what they know: messages by id, states of one
/// message by `edited_at` and `deleted`, reads by `up_to`.
///
/// # Errors
/// Violations of `limit` (1 to 200, 100 by default) and of `cursor`.
pub async fn sync_messages(
    app: &App,
    actor: &Actor,
    input: SyncMessages,
) -> Result<SyncedMessages, ChatError> {
    actor.require("read")?;
    let limit = checked_limit(input.limit)?;
    let me = actor.user_id();
    let mut conn = app.store.reader().await?;
    let mut walk = match &input.cursor {
        Some(cursor) => continued(&input, cursor)?,
        None => begun(&mut conn, &input).await?,
    };

    let is_first = walk.changes == Progress::Start;
    let mut messages = Vec::new();
    if let Some(after) = walk.above {
        let ids = store::chat::list_conversations_above(&mut conn, me, after).await?;
        let rows = store::chat::list_messages_above(&mut conn, &ids, after, limit.saturating_add(1)).await?;
        let (part, more) = cut(view::messages_ascending(app, rows)?, limit);
        walk.above = if more { part.last().map(|message| message.id) } else { None };
        messages = part;
    }
    let mut changed = Vec::new();
    let mut reads = Vec::new();
    let mut deleted_conversations = Vec::new();
    if !(walk.changes.is_done() && walk.reads.is_done()) {
        let rows = store::chat::list_conversations_changed_since(&mut conn, me, walk.since).await?;
        let (gone, present): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.deleted_at.is_some());
        if is_first {
            deleted_conversations = gone.iter().map(|row| row.id).collect();
        }
        if !walk.changes.is_done() {
            for (message, was_changed) in next_changes(app, &mut conn, &mut walk, &present, limit).await? {
                if was_changed {
                    changed.push(message.clone());
                }
                if message.created_at >= walk.since && message.id != walk.known {
                    messages.push(message);
                }
            }
        }
        if !walk.reads.is_done() {
            reads = next_reads(&mut conn, &mut walk, &present, limit).await?;
        }
    }
    drop(conn);
    messages.sort_unstable_by_key(|message| message.id);
    messages.dedup_by_key(|message| message.id);
    changed.sort_unstable_by_key(|message| message.id);
    Ok(SyncedMessages {
        messages,
        has_more: walk.above.is_some(),
        changed,
        reads,
        deleted_conversations,
        cursor: (!walk.is_over()).then(|| walk.encode()),
        at: walk.at,
    })
}

/// The first page of a walk.
async fn begun(conn: &mut Conn, input: &SyncMessages) -> Result<Walk, StoreError> {
    let known = input.after_message_id;
    // As a cursor keeps it.
    let at = Time::from_unix_millis(Time::now().unix_millis()).unwrap_or_else(Time::now);
    let since = match input.since {
        Some(since) => Some(since.min(at)),
        None if known == 0 => None,
        None => store::chat::find_written_at(conn, known).await?.map(Time::from),
    };
    let walk =
        Walk { at, known, above: Some(known), since: at, changes: Progress::Done, reads: Progress::Done };
    // Who has nothing yet finds all of it in the messages, and in the list of conversations.
    let Some(since) = since else { return Ok(walk) };
    let since = since.plus_seconds(-OVERLAP_SECONDS);
    Ok(Walk { since, changes: Progress::Start, reads: Progress::Start, ..walk })
}

/// A page after the first.
fn continued(input: &SyncMessages, cursor: &str) -> Result<Walk, Violations> {
    let mut violations = Violations::none();
    let problem = || Problem::NotAllowed("the cursor says already from where");
    violations.require(input.after_message_id == 0, "after_message_id", problem());
    violations.require(input.since.is_none(), "since", problem());
    violations.into_result()?;
    let walk = Walk::decode(cursor);
    walk.ok_or_else(|| Violations::one("cursor", Problem::Format("the cursor of the page before")))
}

/// The next part of what became visible or changed at or below the message that the client knows; with each whether it
/// was edited or deleted, rather than only written.
async fn next_changes(
    app: &App,
    conn: &mut Conn,
    walk: &mut Walk,
    conversations: &[ConversationRow],
    limit: u32,
) -> Result<Vec<(Message, bool)>, ChatError> {
    let ids: Vec<ConversationId> = conversations.iter().map(|row| row.id).collect();
    let beyond = match walk.changes {
        Progress::After(place) => Some(place),
        Progress::Start | Progress::Done => None,
    };
    let fetched = limit.saturating_add(1);
    let rows =
        store::chat::list_messages_changed_since(conn, &ids, walk.since, beyond, walk.known, fetched).await?;
    let places: Vec<ChangePlace> = rows
        .iter()
        .filter_map(|row| Some(ChangePlace { updated_at: row.updated_at?.into(), id: row.id }))
        .collect();
    // Another application may edit without noting when in the metadata.
    let changed: Vec<bool> = rows.iter().map(|row| row.updated_at > row.created_at).collect();
    let messages = rows.into_iter().map(|row| view::message(app, row)).collect::<Result<Vec<_>, _>>()?;
    let (part, more) = cut(messages, limit);
    let last = part.len().checked_sub(1).and_then(|last| places.get(last)).copied();
    walk.changes = Progress::next(more, last);
    let judged = part.into_iter().zip(changed);
    Ok(judged
        .map(|(message, touched)| {
            let changed = touched || message.deleted || message.edited_at.is_some();
            (message, changed)
        })
        .collect())
}

/// How far the next `limit` conversations in which something was read since have been read, by whomever.
async fn next_reads(
    conn: &mut Conn,
    walk: &mut Walk,
    conversations: &[ConversationRow],
    limit: u32,
) -> Result<Vec<ReadState>, StoreError> {
    let after = match walk.reads {
        Progress::After(id) => id,
        Progress::Start | Progress::Done => 0,
    };
    let since = walk.since.as_chrono();
    // (conversation, who has read, whose messages), by conversation.
    let mut readings: Vec<(ConversationId, UserId, UserId)> = Vec::new();
    let mut given: HashSet<ConversationId> = HashSet::new();
    let mut more = false;
    for row in conversations.iter().filter(|row| row.id > after) {
        let one = (row.user_one_last_read_at, row.user_one_id, row.user_two_id);
        let two = (row.user_two_last_read_at, row.user_two_id, row.user_one_id);
        for (read_at, reader, sender) in [one, two] {
            if read_at.is_none_or(|read_at| read_at < since) {
                continue;
            }
            if !given.contains(&row.id) && given.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                more = true;
                break;
            }
            given.insert(row.id);
            readings.push((row.id, reader, sender));
        }
        if more {
            break;
        }
    }
    walk.reads = Progress::next(more, readings.last().map(|reading| reading.0));
    let mut states = Vec::with_capacity(readings.len());
    for chunk in readings.chunks(CHUNK) {
        let asked: Vec<(ConversationId, UserId)> =
            chunk.iter().map(|&(conversation_id, _, sender)| (conversation_id, sender)).collect();
        let read = store::chat::list_read_up_to(conn, &asked).await?;
        states.extend(chunk.iter().filter_map(|&(conversation_id, reader_id, sender)| {
            let of_sender =
                read.iter().find(|row| row.conversation_id == conversation_id && row.sender_id == sender);
            of_sender.map(|row| ReadState { conversation_id, reader_id, up_to: row.id })
        }));
    }
    Ok(states)
}

/// The first `limit` messages, or fewer where they are long, and whether others follow. Never none of some.
fn cut(mut messages: Vec<Message>, limit: u32) -> (Vec<Message>, bool) {
    let mut bytes: usize = 0;
    let fits = |message: &Message| {
        let first = bytes == 0;
        bytes = bytes.saturating_add(weight(message));
        first || bytes <= PART_BYTES
    };
    let fitting = messages.iter().map(fits).take_while(|fits| *fits).count();
    let kept = fitting.min(usize::try_from(limit).unwrap_or(usize::MAX));
    let more = messages.len() > kept;
    messages.truncate(kept);
    (messages, more)
}

/// About how many bytes of JSON a message comes to.
fn weight(message: &Message) -> usize {
    let body = message.body.as_ref().map_or(0, String::len);
    let media: usize =
        message.media.iter().map(|medium| medium.url.len().saturating_mul(2).saturating_add(300)).sum();
    body.saturating_add(media).saturating_add(350)
}

fn checked_limit(limit: Option<u32>) -> Result<u32, Violations> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let mut violations = Violations::none();
    violations.require(limit >= 1, "limit", Problem::TooSmall("1".to_owned()));
    violations.require(limit <= MAX_LIMIT, "limit", Problem::TooGreat(MAX_LIMIT.to_string()));
    violations.into_result().map(|()| limit)
}

#[cfg(test)]
mod tests {
    use base::Time;
    use protocol::chat::{Message, MessageType};

    use super::cut;

    fn message(id: u64, letters: usize) -> Message {
        Message {
            id,
            conversation_id: 1,
            sender_id: 1,
            message_type: MessageType::Text,
            body: Some("ع".repeat(letters)),
            media_urls: Vec::new(),
            media: Vec::new(),
            reply_to_id: None,
            created_at: Time::now(),
            edited_at: None,
            read_at: None,
            deleted: false,
        }
    }

    #[test]
    fn a_page_ends_at_its_limit_or_where_it_would_be_too_long() {
        let all = |letters| (1..=201).map(|id| message(id, letters)).collect::<Vec<_>>();
        for (letters, limit, kept, more) in
            [(10, 200, 200, true), (10, 201, 201, false), (4_000, 200, 31, true), (200_000, 200, 1, true)]
        {
            let (page, further) = cut(all(letters), limit);
            assert_eq!((page.len(), further), (kept, more), "{letters} letters");
            assert!(serde_json::to_vec(&page).unwrap().len() < 600_000);
        }
        assert_eq!(cut(Vec::new(), 10), (Vec::new(), false));
    }
}
