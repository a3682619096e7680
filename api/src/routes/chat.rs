//! One-to-one chat (realtime.md §4, domain.md §5.10).

use axum::extract::State;
use axum::http::HeaderMap;
use base::paging::Cursor;
use base::{Problem, Time};
use domain::App;
use domain::chat::{self, MessageWindow};
use protocol::chat::{
    Conversation, DeleteMessage, EditMessage, EditMessageBody, MarkRead, MarkReadBody, Message, MessagesRead,
    OpenConversation, SendMessageBody, StartTyping, SyncMessages, Synced, UnreadCounts,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{Caller, JsonBody, KeyedBody, Language, Listing, Params, PathId, Takes};
use crate::response::{Answer, Condition, Data, List, created, data, list, no_content, tagged, written};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_conversations, open_conversation))
        .routes(routes!(count_unread))
        .routes(routes!(find_conversation, delete_conversation))
        .routes(routes!(list_messages, send_message))
        .routes(routes!(edit_message, delete_message))
        .routes(routes!(mark_read))
        .routes(routes!(start_typing))
        .routes(routes!(sync_messages))
}

/// The own conversations, those with the newest messages first.
#[utoipa::path(
    get, path = "/api/v1/conversations", tag = "chat", operation_id = "list_conversations",
    security(("bearer" = [])), params(PageParams),
    responses((status = 200, description = "A page", body = List<Conversation>))
)]
async fn list_conversations(State(app): State<App>, Caller(actor): Caller, listing: Listing) -> Answer {
    list(&listing, chat::list_conversations(&app, &actor, listing.page).await?)
}

/// Opens the conversation with somebody, or finds it.
#[utoipa::path(
    post, path = "/api/v1/conversations", tag = "chat", operation_id = "open_conversation",
    security(("bearer" = [])), request_body(content = OpenConversation, example = json!({"user_id": 7})),
    responses(
        (status = 200, description = "It was there", body = Data<Conversation>),
        (status = 201, description = "It is new", body = Data<Conversation>)
    )
)]
async fn open_conversation(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<OpenConversation>,
) -> Answer {
    let (conversation, is_new) = chat::open_conversation(&app, &actor, body.input()?).await?;
    if is_new {
        created(&format!("/api/v1/conversations/{}", conversation.id), conversation)
    } else {
        Ok(data(conversation))
    }
}

/// Unread messages, over all conversations and in each.
#[utoipa::path(
    get, path = "/api/v1/conversations/unread", tag = "chat", operation_id = "count_unread",
    security(("bearer" = [])),
    responses((status = 200, description = "The counts", body = Data<UnreadCounts>))
)]
async fn count_unread(State(app): State<App>, Caller(actor): Caller) -> Answer {
    Ok(data(chat::count_unread(&app, &actor).await?))
}

/// One conversation.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}", tag = "chat", operation_id = "find_conversation",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The conversation")),
    responses((status = 200, description = "The conversation", body = Data<Conversation>))
)]
async fn find_conversation(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), chat::find_conversation(&app, &actor, id).await?)
}

/// Deletes a conversation for both; the next message brings it back.
#[utoipa::path(
    delete, path = "/api/v1/conversations/{id}", tag = "chat", operation_id = "delete_conversation",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The conversation")),
    responses((status = 204, description = "It is gone from both lists"))
)]
async fn delete_conversation(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    chat::delete_conversation(&app, &actor, id).await?;
    Ok(no_content())
}

/// Messages of a conversation, ascending ids: the newest, or those around a place.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/messages", tag = "chat", operation_id = "list_messages",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The conversation"),
        ("cursor" = Option<String>, Query, description = "`meta.next_cursor` (older) or `meta.prev_cursor` of another page"),
        ("before" = Option<u64>, Query, description = "The newest below this id"),
        ("after" = Option<u64>, Query, description = "The oldest above this id"),
        ("around" = Option<u64>, Query, description = "Half of them below this id, the others from it on"),
        ("per_page" = Option<u32>, Query, description = "How many, 1 to 100; 50 where left out")
    ),
    responses((status = 200, description = "A page, the next one is older; deleted messages are empty places", body = List<Message>))
)]
async fn list_messages(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing<Messages>,
) -> Answer {
    let window = window(&listing.params, listing.page.cursor)?;
    list(&listing, chat::list_messages(&app, &actor, id, window, listing.page.per_page).await?)
}

/// What a list of messages takes.
pub(super) struct Messages;

impl Takes for Messages {
    const PER_PAGE: u32 = 50;
}

fn window(params: &Params, cursor: Option<Cursor>) -> Result<MessageWindow, Refusal> {
    let places = (params.parsed("before")?, params.parsed("after")?, params.parsed("around")?);
    if let Some(Cursor { id, forward }) = cursor {
        return match places {
            (None, None, None) if forward => Ok(MessageWindow::Before(Some(id))),
            (None, None, None) => Ok(MessageWindow::After(id)),
            _ => Err(invalid("cursor", Problem::NotAllowed("send it without before, after and around"))),
        };
    }
    match places {
        (before, None, None) => Ok(MessageWindow::Before(before)),
        (None, Some(after), None) => Ok(MessageWindow::After(after)),
        (None, None, Some(around)) => Ok(MessageWindow::Around(around)),
        _ => Err(invalid("before", Problem::NotAllowed("send only one of before, after and around"))),
    }
}

/// Writes a message. The same `client_id` again gives the same message.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/messages", tag = "chat", operation_id = "send_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The conversation")),
    request_body(content = SendMessageBody, example = json!({
        "client_id": "0d9c2f0e-6a6b-4f0c-9c55-3d1f6f8f2b11", "body": "السلام عليكم"
    })),
    responses((status = 201, description = "The message; `Idempotent-Replayed` marks a repeat", body = Data<Message>))
)]
async fn send_message(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    keyed: KeyedBody<SendMessageBody>,
) -> Answer {
    let body = keyed.body.input_after(chat::demand_conversation(&app, &actor, id)).await?;
    let sent = chat::send_message(&app, &actor, body.into_input(id)).await?;
    written(sent, |sent| {
        (format!("/api/v1/conversations/{id}/messages?around={}", sent.message.id), sent.message)
    })
}

/// Changes the words of an own text message, within 15 minutes. The same words again change nothing.
#[utoipa::path(
    patch, path = "/api/v1/messages/{id}", tag = "chat", operation_id = "edit_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    request_body(content = EditMessageBody, example = json!({"body": "وعليكم السلام"})),
    responses((status = 200, description = "The message as it is now", body = Data<Message>))
)]
async fn edit_message(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<EditMessageBody>,
) -> Answer {
    let EditMessageBody { body } = body.input_after(chat::demand_own_message(&app, &actor, id)).await?;
    Ok(data(chat::edit_message(&app, &actor, EditMessage { message_id: id, body }).await?.message))
}

/// Deletes an own message for both; its place is left. Again is no error.
#[utoipa::path(
    delete, path = "/api/v1/messages/{id}", tag = "chat", operation_id = "delete_message",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The message")),
    responses((status = 204, description = "Only its place is left"))
)]
async fn delete_message(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    chat::delete_message(&app, &actor, DeleteMessage { message_id: id }).await?;
    Ok(no_content())
}

/// Everything up to a message has been seen.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/read", tag = "chat", operation_id = "mark_read",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The conversation")),
    request_body(content = MarkReadBody, example = json!({"up_to": 1234})),
    responses((status = 200, description = "How far, and what is left", body = Data<MessagesRead>))
)]
async fn mark_read(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<MarkReadBody>,
) -> Answer {
    let MarkReadBody { up_to } = body.input_after(chat::demand_conversation(&app, &actor, id)).await?;
    Ok(data(chat::mark_read(&app, &actor, MarkRead { conversation_id: id, up_to }).await?))
}

/// Tells the other one that the asker types.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/typing", tag = "chat", operation_id = "start_typing",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The conversation")),
    responses((status = 204, description = "Told, once in 3 s at most"))
)]
async fn start_typing(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    chat::start_typing(&app, &actor, StartTyping { conversation_id: id }).await?;
    Ok(no_content())
}

/// What was written after a message and changed since, over all conversations: for a client that was away for long.
#[utoipa::path(
    get, path = "/api/v1/sync", tag = "chat", operation_id = "sync_messages", security(("bearer" = [])),
    params(
        ("after_message_id" = Option<u64>, Query, description = "The newest message that the client has; 0 for none"),
        ("since" = Option<Time>, Query, description = "Until when it has heard everything, by the server's clock (`at` of the last answer or event); the time of that message where left out"),
        ("cursor" = Option<String>, Query, description = "`cursor` of the page before, without the two others"),
        ("limit" = Option<u32>, Query, description = "At most so many of each kind of thing, 1 to 200; 100 where left out")
    ),
    responses((status = 200, description = "A page; `cursor` is `null` on the last one. Messages oldest first; what comes may be known already", body = Data<Synced>))
)]
async fn sync_messages(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    params: Params,
) -> Answer {
    let since = params.time("since")?;
    let input = SyncMessages {
        after_message_id: params.parsed("after_message_id")?.unwrap_or(0),
        limit: params.parsed("limit")?,
        since,
        cursor: params.get("cursor").map(str::to_owned),
    };
    Ok(data(chat::sync_all(&app, &actor, input, lang).await?))
}
