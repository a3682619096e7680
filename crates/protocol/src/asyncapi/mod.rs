//! The socket's description, made out of the types: AsyncAPI 3.0 for machines, a guide for people.

mod catalogue;
mod frames;
mod guide;
mod schemas;

use serde_json::{Map, Value, json};

pub use guide::guide;
pub(crate) use schemas::Shape;

use self::catalogue::{EVENTS, METHODS};
use self::schemas::{Schemas, reference};
use crate::rpc::Rpc;

/// Frames as a hub and its clients really exchange them, by kind: a test of `realtime` takes them down again and
/// compares.
const EXAMPLES: &str = include_str!("examples.json");

/// What both forms of the description are made of.
struct Description {
    schemas: Schemas,
    /// Name, input, answer.
    methods: Vec<(&'static str, Value, Value)>,
    /// Name and `data`.
    events: Vec<(String, Value)>,
    frames: Vec<frames::FrameKind>,
    examples: Value,
}

impl Description {
    fn new() -> Self {
        let mut schemas = Schemas::default();
        frames::add_parts(&mut schemas);
        let methods = Rpc::shapes()
            .into_iter()
            .map(|(name, input, answer)| (name, schemas.add(input), schemas.add(answer)))
            .collect();
        let events = schemas::events(&mut schemas);
        let examples = serde_json::from_str(EXAMPLES).unwrap_or(Value::Null);
        Self { schemas, methods, events, frames: frames::kinds(), examples }
    }

    /// An example by kind (`methods`, `events`, `frames`), name and part.
    fn example(&self, kind: &str, name: &str, part: &str) -> Option<&Value> {
        self.examples.get(kind)?.get(name)?.get(part)
    }
}

/// The AsyncAPI document (3.0.0): one channel, which is the connection; a message for each command, reply and push, in
/// their JSON form.
#[must_use]
pub fn document() -> Value {
    let description = Description::new();
    let mut messages = Map::new();
    let mut operations = Map::new();
    let id = json!({ "type": "integer", "minimum": 1 });

    for frame in &description.frames {
        let name = frame.name;
        if let Some(request) = &frame.request {
            let command = json!({ "type": "object", "required": ["id", name], "properties": { "id": id, name: request } });
            messages.insert(
                name.to_owned(),
                message(name, frame.summary, command, description.example("frames", name, "command")),
            );
            let reply = answer(name, &frame.result);
            let key = format!("{name}.reply");
            let example = description.example("frames", name, "reply");
            messages.insert(key.clone(), message(&key, "The reply.", reply, example));
            operations.insert(name.to_owned(), receive(name, frame.summary));
        } else {
            let push = push(json!({ "type": "string" }), name, &frame.result);
            let key = format!("push.{name}");
            messages.insert(
                key.clone(),
                message(&key, frame.summary, push, description.example("frames", name, "push")),
            );
            operations.insert(key.clone(), send(&key, frame.summary));
        }
    }
    for (name, input, result) in &description.methods {
        let summary = METHODS.iter().find(|method| method.name == *name).map_or("", |method| method.summary);
        let call = json!({
            "type": "object", "required": ["id", "rpc"],
            "properties": { "id": id, "rpc": {
                "type": "object", "required": ["method", "data"],
                "properties": { "method": { "type": "string", "const": name }, "data": input },
            } },
        });
        messages.insert(
            (*name).to_owned(),
            message(name, summary, call, description.example("methods", name, "command")),
        );
        let key = format!("{name}.reply");
        let reply = answer(
            "rpc",
            &json!({ "type": "object", "required": ["data"], "properties": { "data": result } }),
        );
        let example = description.example("methods", name, "reply");
        messages.insert(key.clone(), message(&key, "The reply.", reply, example));
        operations.insert((*name).to_owned(), receive(name, summary));
    }
    for (name, data) in &description.events {
        let notice = EVENTS.iter().find(|notice| notice.name == name);
        let summary = notice.map_or("", |notice| notice.summary);
        let publication = json!({
            "type": "object", "required": ["data"],
            "properties": { "offset": { "type": "integer", "minimum": 1 }, "data": {
                "type": "object", "required": ["type", "id", "at", "data"],
                "properties": {
                    "type": { "type": "string", "const": name }, "id": { "type": "string" },
                    "at": { "type": "string", "format": "date-time" }, "data": data,
                },
            } },
        });
        let channel = json!({ "type": "string", "description": notice.map_or("", |notice| notice.channels) });
        let frame = push(channel, "pub", &publication);
        messages
            .insert(name.clone(), message(name, summary, frame, description.example("events", name, "push")));
        operations.insert(name.clone(), send(name, summary));
    }

    let references: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Majlis socket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The Centrifugo client protocol, version 2, with the methods and events of Majlis. Frames are shown in \
                JSON; several messages may share a frame, separated by a line end. In Protobuf and MessagePack the members are the same.",
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "servers": { "hub": {
            "host": "127.0.0.1:7401", "pathname": "/connection/websocket", "protocol": "ws",
            "description": "Any hub; subprotocols centrifuge-json, centrifuge-protobuf, majlis-msgpack.",
            "security": [{ "$ref": "#/components/securitySchemes/bearer" }],
        } },
        "channels": { "connection": {
            "address": "/connection/websocket", "description": "One connection of one user.",
            "messages": references,
        } },
        "operations": operations,
        "components": {
            "schemas": description.schemas.into_value(),
            "messages": messages,
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "As `Authorization` of the upgrade, or as `connect.token`: an access token of the REST API, or a Sanctum token.",
            } },
        },
    })
}

fn message(name: &str, summary: &str, payload: Value, example: Option<&Value>) -> Value {
    let mut message = json!({ "name": name, "title": name, "summary": summary, "payload": payload });
    if let (Some(example), Some(members)) = (example, message.as_object_mut()) {
        members.insert("examples".to_owned(), json!([{ "payload": example }]));
    }
    message
}

/// A reply: the result, or an error.
fn answer(name: &str, result: &Value) -> Value {
    let id = json!({ "type": "integer", "minimum": 1 });
    json!({ "oneOf": [
        { "type": "object", "required": ["id", name], "properties": { "id": id, name: result } },
        { "type": "object", "required": ["id", "error"], "properties": { "id": id, "error": reference("ErrorReply") } },
    ] })
}

fn push(channel: Value, name: &str, body: &Value) -> Value {
    json!({ "type": "object", "required": ["push"], "properties": { "push": {
        "type": "object", "required": ["channel", name], "properties": { "channel": channel, name: body },
    } } })
}

fn of_channel(message: &str) -> Value {
    json!({ "$ref": format!("#/channels/connection/messages/{message}") })
}

fn receive(name: &str, summary: &str) -> Value {
    json!({
        "action": "receive", "summary": summary, "channel": { "$ref": "#/channels/connection" },
        "messages": [of_channel(name)],
        "reply": { "channel": { "$ref": "#/channels/connection" }, "messages": [of_channel(&format!("{name}.reply"))] },
    })
}

fn send(name: &str, summary: &str) -> Value {
    json!({
        "action": "send", "summary": summary, "channel": { "$ref": "#/channels/connection" },
        "messages": [of_channel(name)],
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::catalogue::{EVENTS, METHODS};
    use super::{Description, document};
    use crate::rpc::Rpc;

    #[test]
    fn the_catalogue_names_what_the_types_have() {
        let catalogue: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(catalogue, Rpc::METHODS);
        let described: BTreeSet<&str> = EVENTS.iter().map(|event| event.name).collect();
        let description = Description::new();
        let typed: BTreeSet<&str> = description.events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(described, typed);
        for method in METHODS {
            for event in method.events {
                assert!(described.contains(event), "{} causes {event}", method.name);
            }
        }
    }

    #[test]
    fn every_message_has_an_example_and_every_reference_leads_somewhere() {
        let document = document();
        for (name, message) in document["components"]["messages"].as_object().unwrap() {
            assert!(message["examples"][0]["payload"].is_object(), "{name} has no example");
            assert!(!message["summary"].as_str().unwrap().is_empty(), "{name}");
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} is missing");
        }
    }
}
