//! Listening: subscriptions, recovery, and asking MySQL where recovery fails (realtime.md §5).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::channel::Channel;
use protocol::frame::{
    Answer, ErrorReply, Publication, Reply, Request, RpcRequest, SubscribeRequest, SubscribeResult,
};
use serde::Deserialize;
use serde_json::json;

use super::{Link, Member, refused};
use crate::decode::{self, Heard, MessageText};
use crate::listener::{Listener, Position};
use crate::stats::Kind;
use crate::wire::Broken;
use crate::world::World;

/// Messages asked for at once after a failed recovery.
const SYNC_LIMIT: u32 = 200;

impl Member {
    /// Asks for the channel of the ear at `place`.
    pub(super) async fn subscribe(&mut self, place: usize) -> Result<(), Broken> {
        let Self { ears, wire, .. } = self;
        let Some(ear) = ears.get_mut(place) else { return Ok(()) };
        let request = subscribe_request(&ear.channel.to_string(), &ear.listener);
        ear.link = Link::default();
        let wire = wire.as_mut().ok_or(Broken::Lost)?;
        ear.link.subscribing = Some(wire.send(Request::Subscribe(request)).await?);
        Ok(())
    }

    /// An answer to what was asked for the ear at `place`.
    pub(super) async fn take_link_reply(&mut self, place: usize, reply: &Reply) -> Result<(), Broken> {
        let Some(ear) = self.ears.get_mut(place) else { return Ok(()) };
        if ear.link.syncing.take_if(|id| *id == reply.id).is_some() {
            self.take_synced(place, &reply.outcome).await?;
        } else {
            ear.link.subscribing = None;
            match &reply.outcome {
                Ok(Answer::Subscribe(result)) => self.begin(place, result.clone()).await?,
                Ok(_) => return Err(Broken::Unreadable("another answer than subscribe's".to_owned())),
                Err(error) if error.temporary => {
                    ear.link.subscribe_at = Some(Instant::now() + Duration::from_millis(500));
                    self.note_failure("subscribe", error);
                }
                Err(error) => return Err(refused("subscribe", error)),
            }
        }
        self.become_ready();
        Ok(())
    }

    /// The subscription stands: takes in what was missed, or asks for it.
    pub(super) async fn begin(&mut self, place: usize, result: SubscribeResult) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        let Some(ear) = self.ears.get_mut(place) else { return Ok(()) };
        ear.link.stands = true;
        let top = Position { offset: result.offset, epoch: result.epoch };
        if ear.listener.position().is_none() {
            ear.listener.begin(top);
        } else if result.recovered {
            for publication in &result.publications {
                let heard = read(publication)?;
                if let Some(sequence) = ear.listener.hear(&world.ledger, &heard) {
                    note_delivery(&world, self.index, Kind::Recovery, sequence);
                }
            }
            ear.listener.recovered(top.offset);
            world.gauges.counters.recovered.up();
        } else {
            ear.listener.begin(top);
            world.gauges.counters.not_recovered.up();
            // Before anything newer is heard.
            ear.fetch_after.get_or_insert(ear.listener.newest_message());
        }
        match (ear.fetch_after, ear.channel) {
            (Some(known), Channel::Room(room)) => self.fetch_room(place, room, known).await,
            (Some(known), _) => self.sync(place, known).await,
            (None, _) => Ok(()),
        }
    }

    pub(super) fn hear(&mut self, channel: &str, heard: &Heard) {
        let Some(ear) = self.ear_for(channel).and_then(|place| self.ears.get_mut(place)) else { return };
        let known_to = ear.listener.position().map_or(0, |position| position.offset);
        if let Some(sequence) = ear.listener.hear(&self.world.ledger, heard) {
            note_delivery(&self.world, self.index, Kind::Delivery, sequence);
        } else if self.world.ledger.total() == 0 && heard.offset > known_to {
            // Who has no messages of its own hears others': they are deliveries too.
            self.world.gauges.note_delivery();
        }
    }

    pub(super) async fn lose_channel(&mut self, channel: &str, code: u32) -> Result<(), Broken> {
        let Some(place) = self.ear_for(channel) else { return Ok(()) };
        self.world.gauges.counters.error(&format!("unsubscribed with {code}"));
        if code >= 2500 {
            return self.subscribe(place).await;
        }
        Err(Broken::Refused {
            command: "the channel",
            code,
            message: "the server ended the subscription".to_owned(),
            temporary: false,
        })
    }

    /// Asks MySQL for what the hot window has lost (realtime.md §5).
    async fn sync(&mut self, place: usize, after: u64) -> Result<(), Broken> {
        let data = Bytes::from(json!({"after_message_id": after, "limit": SYNC_LIMIT}).to_string());
        let request = RpcRequest { data, method: "chat.sync".to_owned() };
        let id = self.wire()?.send(Request::Rpc(request)).await?;
        if let Some(ear) = self.ears.get_mut(place) {
            ear.link.syncing = Some(id);
        }
        Ok(())
    }

    async fn take_synced(
        &mut self,
        place: usize,
        outcome: &Result<Answer, ErrorReply>,
    ) -> Result<(), Broken> {
        #[derive(Deserialize)]
        struct Synced<'a> {
            #[serde(borrow)]
            messages: Vec<MessageText<'a>>,
            has_more: bool,
        }
        let result = match outcome {
            Ok(Answer::Rpc(result)) => result,
            Ok(_) => return Err(Broken::Unreadable("another answer than rpc's".to_owned())),
            Err(error) => {
                self.note_failure("chat.sync", error);
                return Err(refused("chat.sync", error));
            }
        };
        let synced: Synced<'_> =
            serde_json::from_slice(&result.data).map_err(|error| Broken::Unreadable(error.to_string()))?;
        self.fetched(place, &synced.messages);
        let next = synced.messages.last().map(|last| last.id).filter(|_| synced.has_more);
        if let Some(ear) = self.ears.get_mut(place) {
            ear.fetch_after = next;
        }
        match next {
            Some(after) => self.sync(place, after).await,
            None => Ok(()),
        }
    }

    fn fetched(&mut self, place: usize, messages: &[MessageText<'_>]) {
        let Some(ear) = self.ears.get_mut(place) else { return };
        let ledger = &self.world.ledger;
        for tagged in messages.iter().filter_map(MessageText::tagged) {
            if let Some(sequence) = ear.listener.fetch(ledger, tagged) {
                note_delivery(&self.world, self.index, Kind::Recovery, sequence);
            }
        }
    }

    /// Reads the room's messages backwards until one that is known.
    async fn fetch_room(&mut self, place: usize, room: u64, known: u64) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        let Some(account) = world.accounts.get(self.account) else { return Ok(()) };
        let mut before = None;
        loop {
            let cursor = before.map_or(String::new(), |id: u64| format!("&before={id}"));
            let path = format!("/live-rooms/{room}/messages?per_page=100{cursor}");
            let page = world.rest.get(&path, &account.token).await.map_err(|error| {
                world.gauges.counters.error(&error.to_string());
                Broken::TimedOut("page of the room's messages")
            })?;
            let text = page.to_string();
            let messages: Vec<MessageText<'_>> =
                serde_json::from_str(&text).map_err(|error| Broken::Unreadable(error.to_string()))?;
            self.fetched(place, &messages);
            match messages.iter().map(|message| message.id).min() {
                Some(oldest) if oldest > known && before != Some(oldest) => before = Some(oldest),
                _ => break,
            }
        }
        if let Some(ear) = self.ears.get_mut(place) {
            ear.fetch_after = None;
        }
        Ok(())
    }
}

fn note_delivery(world: &World, socket: u32, kind: Kind, sequence: u32) {
    world.gauges.note_delivery();
    world.gauges.latencies.record(kind, socket, world.ledger.age(sequence));
}

fn read(publication: &Publication) -> Result<Heard, Broken> {
    decode::heard(publication).map_err(|error| Broken::Unreadable(error.to_string()))
}

pub(super) fn subscribe_request(channel: &str, listener: &Listener) -> SubscribeRequest {
    let mut request = SubscribeRequest { channel: channel.to_owned(), ..SubscribeRequest::default() };
    if let Some(position) = listener.position() {
        request.recover = true;
        request.offset = position.offset;
        request.epoch.clone_from(&position.epoch);
    }
    request
}
