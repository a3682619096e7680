//! Speaking: messages by the schedule, their acknowledgements, and those that go again.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use protocol::frame::{Answer, ErrorReply, Request, RpcRequest};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Destination, Member};
use crate::outbox::Flying;
use crate::stats::Kind;
use crate::wire::{Broken, is_limit};

impl Member {
    /// The answer to a message, if the command was one.
    pub(super) async fn take_answer(
        &mut self,
        id: u32,
        outcome: &Result<Answer, ErrorReply>,
    ) -> Result<(), Broken> {
        let Some(mouth) = &mut self.mouth else { return Ok(()) };
        let Some(flying) = mouth.outbox.landed(id) else { return Ok(()) };
        match outcome {
            Ok(Answer::Rpc(result)) => {
                mouth.outbox.succeeded();
                self.take_acknowledgement(flying, &result.data)?;
            }
            Ok(_) => return Err(Broken::Unreadable("another answer than rpc's".to_owned())),
            Err(error) if error.temporary || error.code == 100 => {
                mouth.outbox.try_later(flying, Instant::now());
                self.world.ledger.mark_overtaken(flying.sequence);
                if is_limit(error.code) {
                    self.world.ledger.mark_held_back(flying.sequence);
                }
                self.note_failure("message", error);
            }
            Err(error) => {
                self.world.ledger.mark_refused(flying.sequence);
                self.world.gauges.counters.refused.up();
                self.note_failure("message", error);
            }
        }
        self.send_again().await
    }

    fn take_acknowledgement(&self, flying: Flying, data: &[u8]) -> Result<(), Broken> {
        #[derive(Deserialize)]
        struct Sent {
            #[serde(alias = "gift_transaction")]
            message: Written,
        }
        #[derive(Deserialize)]
        struct Written {
            id: u64,
        }
        let sent: Sent =
            serde_json::from_slice(data).map_err(|error| Broken::Unreadable(error.to_string()))?;
        let world = &self.world;
        let acknowledged = world.ledger.mark_acknowledged(flying.sequence, sent.message.id);
        if let Some(after) = acknowledged.after {
            world.gauges.counters.acknowledged.up();
            world.gauges.latencies.record(Kind::Acknowledgement, self.index, after);
        }
        if !acknowledged.same_message {
            world.gauges.counters.written_twice.up();
        }
        Ok(())
    }

    pub(super) async fn send_message(&mut self, sequence: u32, key: Uuid) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        let Some(mouth) = &mut self.mouth else { return Ok(()) };
        let body = world.ledger.body(sequence, world.body_length);
        let (method, data) = match mouth.destination {
            Destination::Conversation(id) => {
                ("chat.send_message", json!({"client_id": key, "conversation_id": id, "body": body}))
            }
            Destination::Room(id) => {
                ("rooms.post_message", json!({"client_id": key, "room_id": id, "body": body}))
            }
            Destination::Gift { gift_id, giftable_type, giftable_id, quantity } => (
                "gifts.send_gift",
                json!({
                    "client_id": key, "gift_id": gift_id, "giftable_type": giftable_type,
                    "giftable_id": giftable_id, "quantity": quantity, "message": body,
                }),
            ),
        };
        if world.ledger.mark_sent(sequence, self.index) {
            world.gauges.counters.sent.up();
            if let Some(late) = world.lateness(sequence) {
                world.gauges.latencies.record(Kind::Behind, self.index, late);
            }
        } else {
            world.gauges.counters.sent_again.up();
        }
        let request = RpcRequest { data: Bytes::from(data.to_string()), method: method.to_owned() };
        let flying = Flying { sequence, key, since: Instant::now() };
        match self.wire()?.send(Request::Rpc(request)).await {
            Ok(id) => {
                if let Some(mouth) = &mut self.mouth {
                    mouth.outbox.took_off(id, flying);
                }
                Ok(())
            }
            Err(broken) => {
                // It may have gone out or not: it goes again with the same key.
                if let Some(mouth) = &mut self.mouth {
                    mouth.outbox.took_off(0, flying);
                }
                Err(broken)
            }
        }
    }

    pub(super) async fn send_again(&mut self) -> Result<(), Broken> {
        while self.ready
            && let Some((sequence, key)) =
                self.mouth.as_mut().and_then(|mouth| mouth.outbox.next_again(Instant::now()))
        {
            self.send_message(sequence, key).await?;
        }
        Ok(())
    }
}
