//! The RPC methods: everything that an app can do on the socket (realtime.md §4).

use base::{Problem, Violations};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::asyncapi::Shape;
use crate::chat::{
    DeleteMessage, EditMessage, MarkRead, MessageDeleted, MessageEdited, MessageSent, MessagesRead,
    SendMessage, StartTyping, SyncMessages, SyncedMessages,
};
use crate::gifts::{GiftSent, SendGift};
use crate::presence::{PresenceList, QueryPresence, SetVisibility, Visibility};
use crate::rooms::{
    Announce, BanState, BanUser, DeleteRoomMessage, JoinRoom, KickUser, LeaveRoom, MessageChanged,
    MessagePosted, MuteState, MuteUser, PinMessage, PostMessage, ReactToMessage, Reacted, RoomJoined,
    SetSlowMode, SlowMode, UnbanUser, UnmuteUser, UnpinMessage,
};

macro_rules! methods {
    ($($name:literal $variant:ident($input:ty) -> $answer:ty;)+) => {
        /// A decoded call. Adding one does not compile until the dispatch deals with it.
        #[derive(Clone, Debug)]
        pub enum Rpc {
            $(#[doc = concat!("`", $name, "`")] $variant($input),)+
        }

        impl Rpc {
            /// Every method's name.
            pub const METHODS: &'static [&'static str] = &[$($name),+];

            /// The method's name.
            #[must_use]
            pub const fn method(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// Every method's name, input and answer, for the description.
            pub(crate) fn shapes() -> Vec<(&'static str, Shape, Shape)> {
                vec![$(($name, Shape::of::<$input>(), Shape::of::<$answer>())),+]
            }

            /// Reads a call. `data` is JSON; an empty one counts as `{}`.
            ///
            /// # Errors
            /// [`NotACall::UnknownMethod`], or [`NotACall::Invalid`] naming the member at fault.
            pub fn decode(method: &str, data: &[u8]) -> Result<Self, NotACall> {
                match method {
                    $($name => read::<$input>(data).map(Self::$variant),)+
                    _ => Err(NotACall::UnknownMethod),
                }
            }
        }
    };
}

methods! {
    "chat.send_message" SendMessage(SendMessage) -> MessageSent;
    "chat.edit_message" EditMessage(EditMessage) -> MessageEdited;
    "chat.delete_message" DeleteMessage(DeleteMessage) -> MessageDeleted;
    "chat.mark_read" MarkRead(MarkRead) -> MessagesRead;
    "chat.start_typing" StartTyping(StartTyping) -> Nothing;
    "chat.sync" SyncMessages(SyncMessages) -> SyncedMessages;
    "rooms.join" JoinRoom(JoinRoom) -> RoomJoined;
    "rooms.leave" LeaveRoom(LeaveRoom) -> Nothing;
    "rooms.post_message" PostMessage(PostMessage) -> MessagePosted;
    "rooms.delete_message" DeleteRoomMessage(DeleteRoomMessage) -> MessageChanged;
    "rooms.pin_message" PinMessage(PinMessage) -> MessageChanged;
    "rooms.unpin_message" UnpinMessage(UnpinMessage) -> MessageChanged;
    "rooms.react" ReactToMessage(ReactToMessage) -> Reacted;
    "rooms.announce" Announce(Announce) -> MessagePosted;
    "rooms.mute_user" MuteUser(MuteUser) -> MuteState;
    "rooms.unmute_user" UnmuteUser(UnmuteUser) -> MuteState;
    "rooms.kick_user" KickUser(KickUser) -> BanState;
    "rooms.ban_user" BanUser(BanUser) -> BanState;
    "rooms.unban_user" UnbanUser(UnbanUser) -> BanState;
    "rooms.set_slow_mode" SetSlowMode(SetSlowMode) -> SlowMode;
    "gifts.send_gift" SendGift(SendGift) -> GiftSent;
    "presence.query" QueryPresence(QueryPresence) -> PresenceList;
    "presence.set_visibility" SetVisibility(SetVisibility) -> Visibility;
}

/// The answer of an operation that has none: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Nothing {}

/// Why a call could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACall {
    /// No such method (error 104).
    #[error("there is no such method")]
    UnknownMethod,
    /// The data is not this method's input.
    #[error("{0}")]
    Invalid(Violations),
}

fn read<T: DeserializeOwned>(data: &[u8]) -> Result<T, NotACall> {
    decode_input(data).map_err(NotACall::Invalid)
}

/// Reads the JSON input of an operation, through either door; an empty text counts as `{}`.
///
/// # Errors
/// One violation, of the member at fault where serde names it, else of `data`.
pub fn decode_input<T: DeserializeOwned>(data: &[u8]) -> Result<T, Violations> {
    let data = if data.is_empty() { b"{}" } else { data };
    // serde would also take an array, member by member in their order.
    if data.trim_ascii_start().first().is_some_and(|&byte| byte != b'{') {
        return Err(Violations::one("data", Problem::Format("a JSON object")));
    }
    let mut decoder = serde_json::Deserializer::from_slice(data);
    let value = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
        let path = error.path().to_string();
        violation(&path, &error.into_inner())
    })?;
    decoder.end().map_err(|error| violation(".", &error))?;
    Ok(value)
}

fn violation(path: &str, error: &serde_json::Error) -> Violations {
    let text = error.to_string();
    // serde's own sentences: "missing field `x`", "unknown field `x`, expected …".
    let named = |prefix: &str| {
        text.strip_prefix(prefix).and_then(|rest| rest.split('`').next()).map(|field| {
            let parent = path.strip_suffix(field).map_or(path, |parent| parent.trim_end_matches('.'));
            if parent == "." || parent.is_empty() { field.to_owned() } else { format!("{parent}.{field}") }
        })
    };
    if let Some(field) = named("missing field `") {
        return Violations::one(field, Problem::Required);
    }
    if let Some(field) = named("unknown field `") {
        return Violations::one(field, Problem::Unknown);
    }
    let detail = text.split(" at line ").next().unwrap_or_default().to_owned();
    let field = if path == "." { "data".to_owned() } else { path.to_owned() };
    Violations::one(field, Problem::WrongType(detail))
}

#[cfg(test)]
mod tests {
    use base::{Problem, Violations};

    use super::{NotACall, Rpc};

    #[test]
    fn a_call_is_read_or_the_member_at_fault_is_named() {
        let data = br#"{"client_id":"6BA7B810-9DAD-11D1-80B4-00C04FD430C8","user_id":2,"body":"hi"}"#;
        let Ok(Rpc::SendMessage(input)) = Rpc::decode("chat.send_message", data) else { panic!("not read") };
        assert_eq!((input.user_id, input.body.as_deref()), (Some(2), Some("hi")));

        assert_eq!(Rpc::decode("chat.dance", b"{}").unwrap_err(), NotACall::UnknownMethod);
        let invalid = |data: &[u8]| match Rpc::decode("rooms.join", data).unwrap_err() {
            NotACall::Invalid(violations) => violations,
            NotACall::UnknownMethod => panic!("known"),
        };
        assert_eq!(invalid(b""), Violations::one("room_id", Problem::Required));
        assert_eq!(invalid(br#"{"room_id":1,"x":2}"#), Violations::one("x", Problem::Unknown));
        assert!(invalid(br#"{"room_id":"one"}"#).to_string().starts_with("The room id could not be read"));
        assert!(invalid(b"[1").to_string().contains("data"));
        assert_eq!(invalid(b" [1]"), Violations::one("data", Problem::Format("a JSON object")));
        assert!(invalid(br#"{"room_id":1} x"#).to_string().contains("data"));
    }

    #[test]
    fn every_method_is_domain_dot_verb() {
        for method in Rpc::METHODS {
            assert_eq!(method.split('.').count(), 2, "{method}");
        }
    }
}
