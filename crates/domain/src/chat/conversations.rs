//! `list_conversations` and `find_conversation`.

use base::id::ConversationId;
use base::paging::{Page, PageRequest};
use protocol::chat::Conversation;
use store::chat::ConversationsFrom;

use super::{ChatError, Participation, view};
use crate::{Actor, App};

/// The actor's conversations that have a message, the one written in last first. The cursor's id is that of the
/// last message.
///
/// # Errors
/// Those of the store.
pub async fn list_conversations(
    app: &App,
    actor: &Actor,
    request: PageRequest,
) -> Result<Page<Conversation>, ChatError> {
    actor.require("read")?;
    let from = match request.cursor {
        None => ConversationsFrom::Start,
        Some(cursor) if cursor.forward => ConversationsFrom::Before(cursor.id),
        Some(cursor) => ConversationsFrom::After(cursor.id),
    };
    let mut conn = app.store.reader().await?;
    let rows = store::chat::list_conversations(&mut conn, actor.user_id(), from, request.fetch()).await?;
    drop(conn);
    let page = Page::from_rows(request, rows, |row| row.last_message_id.unwrap_or(0));
    let Page { items, next, previous, per_page } = page;
    let items = view::conversations(app, actor.user_id(), items).await?;
    Ok(Page { items, next, previous, per_page })
}

/// One conversation of the actor.
///
/// # Errors
/// 404 for a conversation of others, or a deleted one.
pub async fn find_conversation(
    app: &App,
    actor: &Actor,
    id: ConversationId,
) -> Result<Conversation, ChatError> {
    actor.require("read")?;
    let place = find_place(app, actor, id).await?;
    view::conversation(app, place.me, place.conversation).await
}

/// Demands that the conversation is one of the actor's, for a door that has to refuse a stranger before it tells what
/// is wrong with a body (domain.md §2.2).
///
/// # Errors
/// 404 for a conversation of others, or a deleted one.
pub async fn demand_conversation(app: &App, actor: &Actor, id: ConversationId) -> Result<(), ChatError> {
    find_place(app, actor, id).await.map(drop)
}

async fn find_place(app: &App, actor: &Actor, id: ConversationId) -> Result<Participation, ChatError> {
    let mut conn = app.store.reader().await?;
    let row = store::chat::find_conversation(&mut conn, id).await?;
    drop(conn);
    Ok(Participation::of_present(row, actor.user_id())?)
}
