//! From a frame to what the accounts need, and no more. A frame that went to a thousand sockets is decoded once a thread.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use protocol::codec::{self, Encoding};
use protocol::frame::{Publication, PushBody, Reply, ServerMessage};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ledger::Tag;

/// One message of a frame.
#[derive(Clone, Debug)]
pub(crate) enum Incoming {
    /// The server's ping, to be answered.
    Ping,
    /// The answer to a command.
    Reply(Box<Reply>),
    /// An event of a channel.
    Published {
        /// The channel.
        channel: String,
        /// What the accounts need of it.
        heard: Heard,
        /// The event: `{"type":…,"id":…,"at":…,"data":{…}}`.
        data: Bytes,
    },
    /// The server ended a subscription.
    Unsubscribed {
        /// The channel.
        channel: String,
        /// From 2500 up: subscribe again.
        code: u32,
    },
    /// Join, leave and the like.
    Other,
}

/// An event as the accounts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Its place in the stream; 0 for none.
    pub(crate) offset: u64,
    /// Hash of its unique id, never 0.
    pub(crate) event: u64,
    /// The tester's message in it, of this activity or another.
    pub(crate) message: Option<Tagged>,
}

/// A message of the tester.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    /// Which one.
    pub(crate) tag: Tag,
    /// Its id in the database.
    pub(crate) message_id: u64,
}

/// A frame that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Its messages.
    #[error("a frame of the server cannot be read: {0}")]
    Frame(#[from] codec::DecodeError),
    /// The event in one of them.
    #[error("an event cannot be read: {0}")]
    Event(#[from] serde_json::Error),
}

/// Reads frames.
pub(crate) struct Decoder {
    encoding: Encoding,
}

/// The `data` of a publication.
#[derive(Deserialize)]
struct EventText<'a> {
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct MessageEvent<'a> {
    #[serde(borrow)]
    message: MessageText<'a>,
}

/// What a message and its acknowledgement have in common.
#[derive(Deserialize)]
pub(crate) struct MessageText<'a> {
    pub(crate) id: u64,
    #[serde(borrow)]
    pub(crate) body: Option<Cow<'a, str>>,
}

impl MessageText<'_> {
    /// The message, if it is one of the tester's.
    pub(crate) fn tagged(&self) -> Option<Tagged> {
        Some(Tagged { tag: Tag::read(self.body.as_deref()?)?, message_id: self.id })
    }
}

/// A gift, with the words that go with it as its text.
#[derive(Deserialize)]
struct GiftEvent<'a> {
    gift_transaction_id: u64,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    repeat_end: bool,
    merged: Option<u32>,
}

impl GiftEvent<'_> {
    /// The gift, if it is one of the tester's and told alone: neither the end of a streak nor a sum of several.
    fn tagged(&self) -> Option<Tagged> {
        let tag = self.message.as_deref().and_then(Tag::read)?;
        (!self.repeat_end && self.merged.is_none())
            .then_some(Tagged { tag, message_id: self.gift_transaction_id })
    }
}

/// Frames of events alone, decoded not long ago on this thread.
struct Recent {
    slots: Vec<Option<(Bytes, Arc<[Incoming]>)>>,
}

const SLOTS: usize = 64;
/// The end of a frame holds the offset: it tells frames apart cheaply; the rest is compared.
const HASHED: usize = 48;

thread_local! {
    static RECENT: RefCell<Recent> = RefCell::new(Recent { slots: vec![None; SLOTS] });
}

impl Decoder {
    /// A decoder of this encoding.
    pub(crate) const fn new(encoding: Encoding) -> Self {
        Self { encoding }
    }

    /// The messages of a frame.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(crate) fn decode(&self, frame: &Bytes) -> Result<Arc<[Incoming]>, Unreadable> {
        let slot = slot_of(frame);
        let known = RECENT.with_borrow(|recent| match recent.slots.get(slot) {
            Some(Some((bytes, messages))) if bytes == frame => Some(Arc::clone(messages)),
            _ => None,
        });
        if let Some(messages) = known {
            return Ok(messages);
        }
        let messages = codec::decode_replies(self.encoding, frame)
            .into_iter()
            .map(|message| incoming(message?))
            .collect::<Result<Arc<[Incoming]>, Unreadable>>()?;
        if messages.iter().all(|message| matches!(message, Incoming::Published { .. })) {
            RECENT.with_borrow_mut(|recent| {
                if let Some(place) = recent.slots.get_mut(slot) {
                    *place = Some((frame.clone(), Arc::clone(&messages)));
                }
            });
        }
        Ok(messages)
    }
}

fn slot_of(frame: &[u8]) -> usize {
    let end = frame.get(frame.len().saturating_sub(HASHED)..).unwrap_or(frame);
    let slot = hash_of(end) % u64::try_from(SLOTS).unwrap_or(1);
    usize::try_from(slot).unwrap_or_default()
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn incoming(message: ServerMessage) -> Result<Incoming, Unreadable> {
    Ok(match message {
        ServerMessage::Ping => Incoming::Ping,
        ServerMessage::Reply(reply) => Incoming::Reply(Box::new(reply)),
        ServerMessage::Push(push) => match push.body {
            PushBody::Publication(publication) => {
                let heard = heard(&publication)?;
                Incoming::Published { channel: push.channel, heard, data: publication.data }
            }
            PushBody::Unsubscribe(ended) => {
                Incoming::Unsubscribed { channel: push.channel, code: ended.code }
            }
            PushBody::Join(_)
            | PushBody::Leave(_)
            | PushBody::Subscribe(_)
            | PushBody::Message(_)
            | PushBody::Disconnect(_) => Incoming::Other,
        },
    })
}

/// What the accounts need of a publication.
///
/// # Errors
/// Its data is no event.
pub(crate) fn heard(publication: &Publication) -> Result<Heard, Unreadable> {
    let event: EventText<'_> = serde_json::from_slice(&publication.data)?;
    let message = match &*event.event_type {
        "chat.message_created" | "room.message_created" => {
            serde_json::from_str::<MessageEvent<'_>>(event.data.get())?.message.tagged()
        }
        "gift.sent" => serde_json::from_str::<GiftEvent<'_>>(event.data.get())?.tagged(),
        _ => None,
    };
    Ok(Heard { offset: publication.offset, event: hash_of(event.id.as_bytes()).max(1), message })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use protocol::codec::{Encoding, Payload, encode_empty, encode_publication_push, join};

    use super::{Decoder, Incoming};
    use crate::ledger::Ledger;

    fn frame(encoding: Encoding, ledger: &Ledger, event_type: &str, offset: u64) -> Bytes {
        let data = Payload::from_value(&serde_json::json!({
            "type": event_type, "id": format!("event {offset}"), "at": "2026-01-01T00:00:00Z",
            "data": {"message": {"id": 40 + offset, "sender_id": 1, "body": ledger.body(3, 40), "more": [1]}},
        }))
        .unwrap();
        encode_publication_push(encoding, "room:5", &data, offset).unwrap()
    }

    #[test]
    fn our_messages_are_found_in_every_encoding() {
        let ledger = Ledger::new(10, 1, 7);
        for encoding in Encoding::ALL {
            let decoder = Decoder::new(encoding);
            let both = join(
                encoding,
                &[
                    frame(encoding, &ledger, "room.message_created", 8),
                    frame(encoding, &ledger, "wallet.updated", 9),
                    encode_empty(encoding),
                ],
            );
            let messages = decoder.decode(&both).unwrap();
            let [
                Incoming::Published { channel, heard: first, data },
                Incoming::Published { heard: second, .. },
                Incoming::Ping,
            ] = &*messages
            else {
                panic!("{messages:?}");
            };
            assert_eq!(channel, "room:5");
            let tagged = first.message.unwrap();
            assert_eq!((first.offset, tagged.tag.sequence, tagged.message_id), (8, 3, 48));
            assert!(ledger.holds(tagged.tag));
            let event: serde_json::Value = serde_json::from_slice(data).unwrap();
            assert_eq!(event["data"]["message"]["id"], 48);
            assert_eq!((second.offset, second.message), (9, None));
            assert_ne!(first.event, second.event);
        }
    }

    #[test]
    fn equal_frames_are_decoded_once_and_different_ones_are_told_apart() {
        let ledger = Ledger::new(10, 1, 7);
        let decoder = Decoder::new(Encoding::Json);
        let one = frame(Encoding::Json, &ledger, "room.message_created", 1);
        let first = decoder.decode(&one).unwrap();
        let again = decoder.decode(&Bytes::copy_from_slice(&one)).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        // The same end, hence the same slot.
        let other = Bytes::from(String::from_utf8(one.to_vec()).unwrap().replace("event 1", "event 2"));
        let other = decoder.decode(&other).unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn rubbish_is_an_error() {
        assert!(Decoder::new(Encoding::Json).decode(&Bytes::from_static(b"{\"push\":")).is_err());
    }
}
