//! `chat.edit_message`.

use base::{Problem, Time};
use chrono::{SubsecRound, TimeDelta};
use protocol::Event;
use protocol::channel::Channel;
use protocol::chat::{EditMessage, MessageEdited};
use serde_json::{Map, Value};
use store::chat::MessageRow;

use super::own_message::hold_own;
use super::policy::{require_accepted, take_message};
use super::send_message::clean_body;
use super::{ChatError, view};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Seconds after a message was accepted in which its words can be changed (domain.md §5.10).
const WINDOW_SECONDS: i64 = 15 * 60;

/// Changes the words of one's own text message. Both participants hear of it; the same words again change nothing,
/// whenever they come, and are told again: this may be the repeat of an edit whose answer was lost.
///
/// # Errors
/// 404 for a message of a conversation of others, or of a deleted one; forbidden for the other one's message; those of
/// writing to the other one ([`ChatError::Blocked`], [`ChatError::MessagesNotAccepted`], 404 for one who is gone);
/// violations of `body`; [`ChatError::NotEditable`] for media and for what is deleted; [`ChatError::EditWindowOver`];
/// counts as a message for the limit of 60 a minute.
pub async fn edit_message(app: &App, actor: &Actor, input: EditMessage) -> Result<MessageEdited, ChatError> {
    actor.require("write")?;
    take_message(app, actor).await?;
    in_unit!(app, |unit| write_edit(app, unit, actor, &input))
}

async fn write_edit(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &EditMessage,
) -> Result<MessageEdited, ChatError> {
    let (place, mut row) = hold_own(unit, actor.user_id(), input.message_id).await?;
    require_accepted(unit, place.me, place.other, Some(place.id())).await?;
    let body = clean_body(Some(&input.body))?;
    let body = body.ok_or_else(|| base::Violations::one("body", Problem::Required))?;
    if row.deleted_at.is_some() || row.message_type != "text" {
        return Err(ChatError::NotEditable);
    }
    if row.body.as_deref() != Some(body.as_str()) {
        let now = Time::now();
        if !within_window(&row, now) {
            return Err(ChatError::EditWindowOver);
        }
        let metadata = edited(&row, now);
        let seconds = Time::now_in_seconds();
        store::chat::update_body(unit, row.id, &body, &metadata, seconds).await?;
        store::chat::update_touched_at(unit, place.id(), seconds).await?;
        row.body = Some(body);
        row.metadata = Some(metadata.into());
    }
    let message = view::message(app, row)?;
    for user_id in [place.other, place.me] {
        unit.emit(Channel::User(user_id), Event::ChatMessageUpdated { message: message.clone() });
    }
    Ok(MessageEdited { message })
}

fn within_window(row: &MessageRow, now: Time) -> bool {
    row.created_at.is_some_and(|written| now <= Time::from(written).plus_seconds(WINDOW_SECONDS))
}

/// The metadata with the time of this edit, later than that of the one before whatever the clocks of two nodes say: apps
/// tell by it which of two states is the newer. What other applications keep there stays.
fn edited(row: &MessageRow, now: Time) -> Value {
    let mut members = match &row.metadata {
        Some(metadata) => metadata.as_object().cloned().unwrap_or_default(),
        None => Map::new(),
    };
    // As precise as it is written.
    let now = now.as_chrono().trunc_subsecs(6);
    let after = view::edited_at(row).map(|before| before.as_chrono() + TimeDelta::microseconds(1));
    let at = after.map_or(now, |after| after.max(now));
    members.insert("edited_at".to_owned(), Value::from(Time::from(at).to_string()));
    Value::Object(members)
}
