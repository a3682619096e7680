//! Which signals take each other's place (realtime.md §7): of two that tell the present state of the same thing, a slow
//! socket needs only the newer one.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

/// What a signal's JSON says of its subject: whichever of these it has.
#[derive(Default, Hash, Deserialize)]
struct Subject<'a> {
    conversation_id: Option<u64>,
    user_id: Option<u64>,
    room_id: Option<u64>,
    message_id: Option<u64>,
    #[serde(borrow)]
    streak: Option<Streak<'a>>,
    /// A frame of several gifts, which stands for itself.
    merged: Option<u64>,
}

#[derive(Hash, Deserialize)]
struct Streak<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Signal<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: Subject<'a>,
}

/// The key of a signal: the same for two of which the newer one takes the place of the older one that still waits.
/// 0: each stands for itself. Made once an event, for all sockets. `payload` is the event's JSON.
pub(crate) fn key_of(payload: &[u8]) -> u64 {
    let Ok(Signal { kind, data }) = serde_json::from_slice(payload) else { return 0 };
    let whole = match &*kind {
        "chat.typing_started" => data.conversation_id.is_some() && data.user_id.is_some(),
        "room.viewers" => data.room_id.is_some(),
        "room.reactions_changed" => data.message_id.is_some(),
        // A streak's animation, which tells its sums so far.
        "gift.sent" => {
            data.merged.is_none() && data.streak.as_ref().is_some_and(|streak| !streak.id.is_empty())
        }
        _ => false,
    };
    if !whole {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    (kind, data).hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::key_of;

    fn key(kind: &str, data: serde_json::Value) -> u64 {
        let event = json!({"type": kind, "id": ulid(), "at": "2026-01-01T00:00:00Z", "data": data});
        key_of(event.to_string().as_bytes())
    }

    fn ulid() -> String {
        base::id::ulid()
    }

    #[test]
    fn the_same_type_and_subject_have_the_same_key_and_others_have_not() {
        let typing = |conversation: u64, user: u64, until: &str| {
            key(
                "chat.typing_started",
                json!({"conversation_id": conversation, "user_id": user, "until": until}),
            )
        };
        assert_eq!(typing(1, 2, "a"), typing(1, 2, "b"));
        assert_ne!(typing(1, 2, "a"), typing(2, 1, "a"));
        let viewers =
            |room: u64, viewers: u64| key("room.viewers", json!({"room_id": room, "viewers": viewers}));
        assert_eq!(viewers(5, 1), viewers(5, 2));
        assert_ne!(viewers(5, 1), viewers(6, 1));
        let reactions = |message: u64, count: u64| {
            key(
                "room.reactions_changed",
                json!({"room_id": 5, "message_id": message, "reactions_count": count, "reactions": {"like": count}}),
            )
        };
        assert_eq!(reactions(1, 1), reactions(1, 2));
        assert_ne!(reactions(1, 1), reactions(2, 1));
        let gift = |streak: &str, count: u64| {
            key("gift.sent", json!({"repeat_count": count, "streak": {"id": streak, "quantity": count}}))
        };
        assert_eq!(gift("s", 1), gift("s", 2));
        assert_ne!(gift("s", 1), gift("t", 1));
        for other in [typing(1, 2, ""), viewers(5, 1), reactions(1, 1), gift("s", 1)] {
            assert_ne!(other, 0);
        }
    }

    #[test]
    fn what_stands_for_itself_has_no_key() {
        assert_eq!(key("gift.sent", json!({"streak": {"id": "s"}, "merged": 3})), 0);
        assert_eq!(key("gift.sent", json!({"streak": {"id": ""}})), 0);
        assert_eq!(key("post.comment_added", json!({"message_id": 1})), 0);
        assert_eq!(key("room.viewers", json!({})), 0);
        assert_eq!(key_of(b"{\"members\":[]}"), 0);
    }
}
