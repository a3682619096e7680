//! The match of this door: a call → the operation → its answer. One line each; no rules in here.

use base::{CommonFault, Fault, Lang};
use domain::Actor;
use domain::{App, chat, gifts, presence, rooms};
use protocol::Rpc;
use protocol::codec::Payload;
use protocol::frame::ErrorReply;
use protocol::rpc::Nothing;
use serde::Serialize;

use crate::error::reply_of;

/// Runs a call. The answer is the payload of the reply.
///
/// # Errors
/// What the domain refuses, in the caller's language.
pub(crate) async fn run(app: &App, actor: &Actor, lang: Lang, call: Rpc) -> Result<Payload, ErrorReply> {
    match call {
        Rpc::SendMessage(input) => {
            answer(chat::send_message(app, actor, input).await.map(|written| written.answer), lang)
        }
        Rpc::EditMessage(input) => answer(chat::edit_message(app, actor, input).await, lang),
        Rpc::DeleteMessage(input) => answer(chat::delete_message(app, actor, input).await, lang),
        Rpc::MarkRead(input) => answer(chat::mark_read(app, actor, input).await, lang),
        Rpc::StartTyping(input) => {
            answer(chat::start_typing(app, actor, input).await.map(|()| Nothing {}), lang)
        }
        Rpc::SyncMessages(input) => answer(chat::sync_messages(app, actor, input).await, lang),
        Rpc::JoinRoom(input) => answer(rooms::join_room(app, actor, input).await, lang),
        Rpc::PostMessage(input) => {
            answer(rooms::post_message(app, actor, input).await.map(|written| written.answer), lang)
        }
        Rpc::LeaveRoom(input) => {
            answer(rooms::leave_room(app, actor, input).await.map(|()| Nothing {}), lang)
        }
        Rpc::DeleteRoomMessage(input) => answer(rooms::delete_room_message(app, actor, input).await, lang),
        Rpc::PinMessage(input) => answer(rooms::pin_message(app, actor, input).await, lang),
        Rpc::UnpinMessage(input) => answer(rooms::unpin_message(app, actor, input).await, lang),
        Rpc::ReactToMessage(input) => answer(rooms::react_to_message(app, actor, input).await, lang),
        Rpc::Announce(input) => {
            answer(rooms::announce(app, actor, input).await.map(|written| written.answer), lang)
        }
        Rpc::MuteUser(input) => answer(rooms::mute_user(app, actor, input).await, lang),
        Rpc::UnmuteUser(input) => answer(rooms::unmute_user(app, actor, input).await, lang),
        Rpc::KickUser(input) => answer(rooms::kick_user(app, actor, input).await, lang),
        Rpc::BanUser(input) => answer(rooms::ban_user(app, actor, input).await, lang),
        Rpc::UnbanUser(input) => answer(rooms::unban_user(app, actor, input).await, lang),
        Rpc::SetSlowMode(input) => answer(rooms::set_slow_mode(app, actor, input).await, lang),
        Rpc::SendGift(input) => {
            answer(gifts::send_gift(app, actor, input).await.map(|written| written.answer), lang)
        }
        Rpc::QueryPresence(input) => answer(presence::query_presence(app, actor, input).await, lang),
        Rpc::SetVisibility(input) => answer(presence::set_visibility(app, actor, input).await, lang),
    }
}

fn answer<T: Serialize, F: Fault>(outcome: Result<T, F>, lang: Lang) -> Result<Payload, ErrorReply> {
    let value = outcome.map_err(|fault| reply_of(&fault, lang))?;
    Payload::from_value(&value).map_err(|error| reply_of(&CommonFault::internal(error), lang))
}
