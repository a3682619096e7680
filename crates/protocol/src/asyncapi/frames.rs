//! The protocol's own commands and pushes as JSON has them, for the document. Payloads are described where they are ours.

use serde_json::{Value, json};

use super::schemas::{Schemas, reference};

/// A command of the protocol with its reply, or a push.
pub(super) struct FrameKind {
    /// The member of the frame that names it.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What the member holds in the command; `None` for pushes.
    pub request: Option<Value>,
    /// What it holds in the reply, or in the push.
    pub result: Value,
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// Members that stand in more than one frame.
pub(super) fn add_parts(schemas: &mut Schemas) {
    let card = || {
        object(
            &["id", "name", "username", "avatar"],
            json!({ "id": number(), "name": text(), "username": text(), "avatar": { "type": ["string", "null"] } }),
        )
    };
    schemas.insert(
        "Welcome",
        object(
            &["user", "unread_total", "unread_version", "server_time"],
            json!({
                "user": card(), "unread_total": number(), "unread_version": number(),
                "server_time": { "type": "string", "format": "date-time" },
            }),
        ),
    );
    schemas.insert(
        "ErrorReply",
        object(&["code", "message"], json!({ "code": number(), "message": text(), "temporary": flag() })),
    );
    schemas.insert(
        "ClientInfo",
        object(
            &["user", "client"],
            json!({
                "user": text(), "client": text(), "conn_info": card(),
            }),
        ),
    );
    schemas.insert(
        "Publication",
        object(&["data"], json!({ "data": reference("EventData"), "offset": number() })),
    );
    schemas.insert(
        "EventData",
        object(
            &["type", "id", "at", "data"],
            json!({ "type": text(), "id": text(), "at": { "type": "string", "format": "date-time" }, "data": {} }),
        ),
    );
    schemas.insert(
        "SubscribeRequest",
        object(
            &[],
            json!({
                "channel": text(), "token": text(), "recover": flag(), "epoch": text(), "offset": number(), "data": {},
                "positioned": flag(), "recoverable": flag(), "join_leave": flag(),
            }),
        ),
    );
    schemas.insert(
        "SubscribeResult",
        object(
            &[],
            json!({
                "recoverable": flag(), "epoch": text(), "offset": number(), "positioned": flag(),
                "was_recovering": flag(), "recovered": flag(),
                "publications": { "type": "array", "items": reference("Publication") }, "data": {},
            }),
        ),
    );
}

/// Commands with replies, then pushes.
pub(super) fn kinds() -> Vec<FrameKind> {
    let channel = || object(&["channel"], json!({ "channel": text() }));
    let by_channel = |name: &str| json!({ "type": "object", "additionalProperties": reference(name) });
    let command =
        |name, summary, request, result| FrameKind { name, summary, request: Some(request), result };
    let push = |name, summary, result| FrameKind { name, summary, request: None, result };
    vec![
        command(
            "connect",
            "Signs the connection in; the first command.",
            object(
                &[],
                json!({
                    "token": text(), "data": {}, "subs": by_channel("SubscribeRequest"), "name": text(), "version": text(),
                }),
            ),
            object(
                &["client", "version", "ping", "session", "node", "data", "subs"],
                json!({
                    "client": text(), "version": text(), "expires": flag(), "ttl": number(), "ping": number(), "pong": flag(),
                    "session": text(), "node": text(), "time": number(), "subs": by_channel("SubscribeResult"),
                    "data": reference("Welcome"),
                }),
            ),
        ),
        command(
            "subscribe",
            "Begins to listen to a channel, or goes on from a position.",
            reference("SubscribeRequest"),
            reference("SubscribeResult"),
        ),
        command("unsubscribe", "Stops listening to a channel.", channel(), object(&[], json!({}))),
        command(
            "presence",
            "Who is in a room; error 108 above 200 connections.",
            channel(),
            object(&["presence"], json!({ "presence": by_channel("ClientInfo") })),
        ),
        command(
            "presence_stats",
            "How many are in a room.",
            channel(),
            object(&["num_clients", "num_users"], json!({ "num_clients": number(), "num_users": number() })),
        ),
        command(
            "history",
            "What a channel keeps: at most 300 events a reply; `limit` 0 asks for the position alone.",
            object(
                &["channel"],
                json!({
                    "channel": text(), "limit": { "type": "integer" }, "reverse": flag(),
                    "since": object(&[], json!({ "offset": number(), "epoch": text() })),
                }),
            ),
            object(
                &["epoch"],
                json!({
                    "publications": { "type": "array", "items": reference("Publication") },
                    "epoch": text(), "offset": number(),
                }),
            ),
        ),
        command(
            "refresh",
            "A new token of the same user on the live socket.",
            object(&["token"], json!({ "token": text() })),
            object(
                &["client", "version"],
                json!({
                    "client": text(), "version": text(), "expires": flag(), "ttl": number(),
                }),
            ),
        ),
        push(
            "join",
            "A user came into a room of at most 200.",
            object(&["info"], json!({ "info": reference("ClientInfo") })),
        ),
        push(
            "leave",
            "A user left a room of at most 200.",
            object(&["info"], json!({ "info": reference("ClientInfo") })),
        ),
        push(
            "unsubscribe",
            "The server ended a subscription: 2000 for good, from 2500 up subscribe again.",
            object(&["code", "reason"], json!({ "code": number(), "reason": text() })),
        ),
    ]
}
