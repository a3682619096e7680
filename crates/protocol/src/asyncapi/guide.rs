//! The guide for people: prose with the catalogue in it.

use std::fmt::Write;

use base::{Lang, Rule};
use serde_json::Value;

use super::Description;
use super::catalogue::{CHANNELS, EVENTS, EVERYWHERE, METHODS};
use super::schemas::{Schemas, members};
use crate::codes::{CloseCode, ProtocolError};

const PROSE: &str = include_str!("guide.md");

/// Title, language of the code block, text.
const SNIPPETS: &[(&str, &str, &str)] = &[
    ("JavaScript", "js", include_str!("../../../../docs/snippets/connect.mjs")),
    ("Python", "python", include_str!("../../../../docs/snippets/connect.py")),
    ("Swift", "swift", include_str!("../../../../docs/snippets/Connect.swift")),
    ("Kotlin", "kotlin", include_str!("../../../../docs/snippets/Connect.kt")),
    ("Dart", "dart", include_str!("../../../../docs/snippets/connect.dart")),
];

/// `docs/realtime.md`.
#[must_use]
pub fn guide() -> String {
    let description = Description::new();
    PROSE
        .replace("{{snippets}}", snippets().trim_end())
        .replace("{{channels}}", channels().trim_end())
        .replace("{{methods}}", methods(&description).trim_end())
        .replace("{{events}}", events(&description).trim_end())
        .replace("{{shapes}}", shapes(&description.schemas).trim_end())
        .replace("{{errors}}", errors().trim_end())
        .replace("{{closes}}", closes().trim_end())
}

fn snippets() -> String {
    SNIPPETS.iter().fold(String::new(), |mut text, (title, language, code)| {
        let _infallible = write!(
            text,
            "<details><summary>Connect from {title}</summary>\n\n```{language}\n{}\n```\n\n</details>\n\n",
            code.trim_end()
        );
        text
    })
}

fn channels() -> String {
    let mut text =
        "| channel | who may listen | kept for recovery | `data` of the reply to `subscribe` |\n|---|---|---|---|\n".to_owned();
    for (channel, who, data) in CHANNELS {
        let kept = channel.history().map_or_else(
            || "nothing".to_owned(),
            |history| match history.max_events {
                1 => "the last value".to_owned(),
                events => format!("{events} events, {} h", history.ttl.as_secs() / 3600),
            },
        );
        let _infallible = writeln!(text, "| `{}:{{id}}` | {who} | {kept} | {data} |", channel.kind());
    }
    text
}

fn methods(description: &Description) -> String {
    let mut text = String::new();
    for (name, input, answer) in &description.methods {
        let Some(method) = METHODS.iter().find(|method| method.name == *name) else { continue };
        let _infallible = write!(text, "### `{name}`\n\n{}\n\n| | |\n|---|---|\n", method.summary);
        let _infallible = writeln!(text, "| data | {} |", shape(&description.schemas, input));
        let _infallible = writeln!(text, "| answer | {} |", shape(&description.schemas, answer));
        if !method.events.is_empty() {
            let events: Vec<String> = method.events.iter().map(|event| format!("`{event}`")).collect();
            let _infallible = writeln!(text, "| causes | {} |", events.join(", "));
        }
        if !method.rules.is_empty() {
            let rules: Vec<String> = method.rules.iter().copied().flatten().map(name_rule).collect();
            let _infallible = writeln!(text, "| may be refused with | {} |", rules.join(", "));
        }
        text.push('\n');
        for part in ["command", "reply"] {
            if let Some(example) = description.example("methods", name, part) {
                let _infallible = write!(text, "```json\n{example}\n```\n\n");
            }
        }
    }
    let rules: Vec<String> = EVERYWHERE.iter().map(name_rule).collect();
    let _infallible = writeln!(text, "Any method may also be refused with {}.", rules.join(", "));
    text
}

fn name_rule(rule: &Rule) -> String {
    format!("{} `{}`", rule.number, rule.code)
}

fn events(description: &Description) -> String {
    let mut text = String::new();
    for notice in EVENTS {
        let Some((name, data)) = description.events.iter().find(|(name, _)| name == notice.name) else {
            continue;
        };
        let _infallible =
            write!(text, "### `{name}`\n\n{} Heard on {}.\n\n", notice.summary, notice.channels);
        let _infallible = write!(text, "{}\n\n", shape(&description.schemas, data));
        if let Some(example) = description.example("events", name, "push") {
            let _infallible = write!(text, "```json\n{example}\n```\n\n");
        }
    }
    text
}

/// What the names of types above stand for.
fn shapes(schemas: &Schemas) -> String {
    let mut text = "| type | |\n|---|---|\n".to_owned();
    for (name, schema) in schemas.iter().filter(|(name, _)| !is_plain(name)) {
        let values = schema.get("enum").and_then(Value::as_array);
        let content = values.map_or_else(
            || if schema.get("properties").is_some() { shape(schemas, schema) } else { kind(schema) },
            |values| values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" "),
        );
        let about = schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
        let _infallible = writeln!(text, "| {name} | {about} {content} |");
    }
    text
}

/// An id, whose schema has its Rust name.
fn is_plain(name: &str) -> bool {
    matches!(name, "u64" | "u32")
}

/// The members of an object in one line.
fn shape(schemas: &Schemas, schema: &Value) -> String {
    let Some((properties, required)) = members(schemas, schema) else { return "`{}`".to_owned() };
    let names: Vec<String> = properties
        .iter()
        .map(|(name, member)| {
            let star = if required.contains(&name.as_str()) { "\\*" } else { "" };
            format!("`{name}`{star} {}", kind(member))
        })
        .collect();
    if names.is_empty() { "`{}`".to_owned() } else { names.join(" · ") }
}

/// A member's type in a word.
fn kind(schema: &Value) -> String {
    let name_of =
        |value: &Value| value.as_str().and_then(|text| text.rsplit('/').next()).unwrap_or("").to_owned();
    if let Some(target) = schema.get("$ref") {
        let name = name_of(target);
        return if is_plain(&name) { "integer".to_owned() } else { name };
    }
    if let Some(ways) = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema.get(key)?.as_array()) {
        let kinds: Vec<String> = ways.iter().map(kind).collect();
        return kinds.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(word)) if word == "array" => {
            format!("list of {}", schema.get("items").map(kind).unwrap_or_default())
        }
        Some(Value::String(word)) => word.clone(),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

fn errors() -> String {
    let mut text = "| number | code | | |\n|---|---|---|---|\n".to_owned();
    for error in ProtocolError::ALL {
        let again = if error.temporary() { "temporary" } else { "" };
        let _infallible = writeln!(text, "| {} | {} | {again} | |", error.code(), error.message());
    }
    for rule in Rule::ALL {
        let again = if rule.temporary() { "temporary" } else { "" };
        let (english, arabic) = (rule.sentence(Lang::En), rule.sentence(Lang::Ar));
        let _infallible =
            writeln!(text, "| {} | `{}` | {again} | {english} {arabic} |", rule.number, rule.code);
    }
    text
}

fn closes() -> String {
    let mut text = "| code | reason | SDKs |\n|---|---|---|\n".to_owned();
    for code in CloseCode::ALL {
        let then = if code.reconnect() { "come back" } else { "stay away" };
        let _infallible = writeln!(text, "| {} | {} | {then} |", code.code(), code.reason());
    }
    text
}
