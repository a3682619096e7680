//! Listening: subscriptions, recovery, and asking MySQL where recovery fails (realtime.md §5).

use std::sync::Arc;

use bytes::Bytes;
use protocol::channel::Channel;
use protocol::frame::{
    Answer, ErrorReply, Publication, Request, RpcRequest, SubscribeRequest, SubscribeResult,
};
use serde::Deserialize;
use serde_json::json;

use super::{Member, refused};
use crate::decode::{self, Heard, MessageText};
use crate::listener::{Listener, Position};
use crate::stats::Kind;
use crate::wire::Broken;
use crate::world::World;

/// Messages asked for at once after a failed recovery.
const SYNC_LIMIT: u32 = 200;

impl Member {
    pub(super) async fn subscribe(&mut self) -> Result<(), Broken> {
        let Some(ear) = &self.ear else { return Ok(()) };
        let request = subscribe_request(&ear.channel.to_string(), &ear.listener);
        self.session.subscribe_at = None;
        let id = self.wire()?.send(Request::Subscribe(request)).await?;
        self.session.subscribing = Some(id);
        Ok(())
    }

    /// The subscription stands: takes in what was missed, or asks for it.
    pub(super) async fn begin(&mut self, result: SubscribeResult) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        let Some(ear) = &mut self.ear else { return Ok(()) };
        let top = Position { offset: result.offset, epoch: result.epoch };
        if ear.listener.position().is_none() {
            ear.listener.begin(top);
        } else if result.recovered {
            for publication in &result.publications {
                let heard = read(&world, publication)?;
                if let Some(sequence) = ear.listener.hear(&world.ledger, &heard) {
                    note_delivery(&world, self.index, Kind::Recovery, sequence);
                }
            }
            ear.listener.recovered(top.offset);
            world.counters.recovered.up();
        } else {
            ear.listener.begin(top);
            world.counters.not_recovered.up();
            // Before anything newer is heard.
            self.fetch_after.get_or_insert(ear.listener.newest_message());
        }
        match (self.fetch_after, ear.channel) {
            (Some(known), Channel::Room(room)) => self.fetch_room(room, known).await?,
            (Some(known), _) => self.sync(known).await?,
            (None, _) => {}
        }
        self.become_ready();
        Ok(())
    }

    pub(super) fn hear(&mut self, channel: &str, heard: &Heard) {
        let Some(ear) = &mut self.ear else { return };
        if channel.parse() != Ok(ear.channel) {
            return;
        }
        if let Some(sequence) = ear.listener.hear(&self.world.ledger, heard) {
            note_delivery(&self.world, self.index, Kind::Delivery, sequence);
        }
    }

    pub(super) async fn lose_channel(&mut self, channel: &str, code: u32) -> Result<(), Broken> {
        if self.ear.as_ref().is_none_or(|ear| channel.parse() != Ok(ear.channel)) {
            return Ok(());
        }
        self.world.counters.error(&format!("unsubscribed with {code}"));
        if code >= 2500 {
            return self.subscribe().await;
        }
        Err(Broken::Refused {
            command: "the channel",
            code,
            message: "the server ended the subscription".to_owned(),
            temporary: false,
        })
    }

    /// Asks MySQL for what the hot window has lost (realtime.md §5).
    async fn sync(&mut self, after: u64) -> Result<(), Broken> {
        let data = Bytes::from(json!({"after_message_id": after, "limit": SYNC_LIMIT}).to_string());
        let request = RpcRequest { data, method: "chat.sync".to_owned() };
        let id = self.wire()?.send(Request::Rpc(request)).await?;
        self.session.syncing = Some(id);
        Ok(())
    }

    pub(super) async fn take_synced(&mut self, outcome: &Result<Answer, ErrorReply>) -> Result<(), Broken> {
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
        self.fetched(&synced.messages);
        self.fetch_after = synced.messages.last().map(|last| last.id).filter(|_| synced.has_more);
        match self.fetch_after {
            Some(after) => self.sync(after).await,
            None => Ok(()),
        }
    }

    fn fetched(&mut self, messages: &[MessageText<'_>]) {
        let Some(ear) = &mut self.ear else { return };
        let ledger = &self.world.ledger;
        for tagged in messages.iter().filter_map(|message| message.tagged(ledger)) {
            if let Some(sequence) = ear.listener.fetch(ledger, tagged) {
                note_delivery(&self.world, self.index, Kind::Recovery, sequence);
            }
        }
    }

    /// Reads the room's messages backwards until one that is known.
    async fn fetch_room(&mut self, room: u64, known: u64) -> Result<(), Broken> {
        let world = Arc::clone(&self.world);
        let Some(account) = world.accounts.get(self.account) else { return Ok(()) };
        let mut before = None;
        loop {
            let cursor = before.map_or(String::new(), |id: u64| format!("&before={id}"));
            let path = format!("/live-rooms/{room}/messages?per_page=100{cursor}");
            let page = world.rest.get(&path, &account.token).await.map_err(|error| {
                world.counters.error(&error.to_string());
                Broken::TimedOut("page of the room's messages")
            })?;
            let text = page.to_string();
            let messages: Vec<MessageText<'_>> =
                serde_json::from_str(&text).map_err(|error| Broken::Unreadable(error.to_string()))?;
            self.fetched(&messages);
            match messages.iter().map(|message| message.id).min() {
                Some(oldest) if oldest > known && before != Some(oldest) => before = Some(oldest),
                _ => break,
            }
        }
        self.fetch_after = None;
        Ok(())
    }
}

fn note_delivery(world: &World, socket: u32, kind: Kind, sequence: u32) {
    world.counters.deliveries.up();
    world.counters.last_delivery.raise_to(world.ledger.now());
    world.latencies.record(kind, socket, world.ledger.age(sequence));
}

fn read(world: &World, publication: &Publication) -> Result<Heard, Broken> {
    decode::heard(&world.ledger, publication).map_err(|error| Broken::Unreadable(error.to_string()))
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
