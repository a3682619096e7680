//! One socket that watches everybody who comes and goes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use protocol::channel::Channel;
use protocol::event::{Event, EventData};
use protocol::frame::{Answer, Publication, PushBody, Reply, Request, ServerMessage, SubscribeRequest};
use protocol::presence::PresenceState;
use tokio::time::sleep;

use super::Scene;
use super::edges::{Sight, Verdict};
use crate::activity::socket::{Socket, Way, note_broken, note_refused, pause_before, refused};
use crate::session::Account;
use crate::stats::Kind;
use crate::wire::Broken;

/// The protocol's error for a channel that one may not hear.
const PERMISSION_DENIED: u32 = 103;

/// A watcher.
pub(super) struct Watcher {
    scene: Arc<Scene>,
    place: usize,
    account: Account,
    index: u32,
    sights: Vec<Sight>,
    /// By place: may it be seen? Known after the first subscription.
    seen: Vec<Option<bool>>,
    /// Has been ready once.
    ready: bool,
    /// Is ready now.
    online: bool,
}

impl Watcher {
    pub(super) fn new(scene: Arc<Scene>, place: usize, account: Account, index: u32, users: usize) -> Self {
        let sights = (0..users).map(|_| Sight::default()).collect();
        Self { scene, place, account, index, sights, seen: vec![None; users], ready: false, online: false }
    }

    /// Watches until the end; gives what it has seen.
    pub(super) async fn run(mut self) -> Vec<Sight> {
        let scene = Arc::clone(&self.scene);
        let mut attempt = 0;
        loop {
            let broken = tokio::select! {
                ended = Box::pin(self.connection(attempt)) => ended,
                () = scene.stop.cancelled() => break,
            };
            if std::mem::take(&mut self.online) {
                scene.gauges.counters.online.down();
                attempt = 0;
            }
            if !note_broken(&scene.gauges.counters, &broken) {
                // Nobody waits for it any more; what it does not hear now is lost.
                for (seen, watchers) in self.seen.iter().zip(&scene.watched_by) {
                    if *seen == Some(true) {
                        watchers.fetch_sub(1, Relaxed);
                    }
                }
                break;
            }
            tokio::select! {
                () = sleep(pause_before(attempt)) => attempt += 1,
                () = scene.stop.cancelled() => break,
            }
        }
        self.sights
    }

    async fn connection(&mut self, attempt: u32) -> Broken {
        match self.watch(attempt).await {
            Ok(never) => match never {},
            Err(broken) => broken,
        }
    }

    async fn watch(&mut self, attempt: u32) -> Result<std::convert::Infallible, Broken> {
        let scene = Arc::clone(&self.scene);
        let hubs = &scene.target.hubs;
        // After a break another one.
        self.place += usize::from(self.ready || attempt > 0);
        let hub = hubs.get(self.place % hubs.len().max(1)).ok_or(Broken::Lost)?;
        let way = Way {
            hub,
            index: self.index,
            encoding: scene.encoding,
            token: &self.account.token,
            subs: BTreeMap::new(),
            connecting: &scene.connecting,
        };
        let (mut socket, _) = Socket::connect(way, || {}).await?;
        let mut asked = HashMap::new();
        for (user_id, place) in &scene.places {
            if self.seen.get(*place) != Some(&Some(false)) {
                let channel = Channel::Presence(*user_id).to_string();
                let request = SubscribeRequest { channel, ..SubscribeRequest::default() };
                asked.insert(socket.send(Request::Subscribe(request)).await?, *place);
            }
        }
        loop {
            if asked.is_empty() {
                self.become_ready();
            }
            match socket.next().await? {
                ServerMessage::Reply(reply) => {
                    if let Some(place) = asked.remove(&reply.id) {
                        self.take_reply(place, &reply)?;
                    }
                }
                ServerMessage::Push(push) => match push.body {
                    PushBody::Publication(publication) => self.hear(&publication)?,
                    // From 2500 on: subscribe again.
                    PushBody::Unsubscribe(ended) => {
                        let place = push
                            .channel
                            .parse()
                            .ok()
                            .and_then(|channel: Channel| scene.places.get(&channel.id()));
                        scene.gauges.counters.error(&format!("unsubscribed with {}", ended.code));
                        if let Some(place) = place.filter(|_| ended.code >= 2500) {
                            let request =
                                SubscribeRequest { channel: push.channel, ..SubscribeRequest::default() };
                            asked.insert(socket.send(Request::Subscribe(request)).await?, *place);
                        }
                    }
                    _ => {}
                },
                ServerMessage::Ping => {}
            }
        }
    }

    fn become_ready(&mut self) {
        if std::mem::replace(&mut self.online, true) {
            return;
        }
        let counters = &self.scene.gauges.counters;
        counters.online.up();
        if std::mem::replace(&mut self.ready, true) {
            counters.reconnects.up();
        } else {
            counters.ready.up();
        }
    }

    fn take_reply(&mut self, place: usize, reply: &Reply) -> Result<(), Broken> {
        let result = match &reply.outcome {
            Ok(Answer::Subscribe(result)) => result,
            Ok(_) => return Err(Broken::Unreadable("another answer than subscribe's".to_owned())),
            Err(error) if error.temporary => return Err(refused("subscribe", error)),
            Err(error) => {
                // Blocked, or the user hides: as the server's rules are, and no error.
                let (Some(sight), Some(seen)) = (self.sights.get_mut(place), self.seen.get_mut(place)) else {
                    return Ok(());
                };
                if error.code != PERMISSION_DENIED {
                    note_refused(&self.scene.gauges.counters, "watching", error);
                }
                sight.close();
                *seen = Some(false);
                self.scene.tally.hidden.up();
                return Ok(());
            }
        };
        let state: PresenceState =
            serde_json::from_slice(&result.data).map_err(|error| Broken::Unreadable(error.to_string()))?;
        let (Some(sight), Some(seen)) = (self.sights.get_mut(place), self.seen.get_mut(place)) else {
            return Ok(());
        };
        let first = seen.replace(true).is_none();
        if first {
            if let Some(watchers) = self.scene.watched_by.get(place) {
                watchers.fetch_add(1, Relaxed);
            }
            if state.online {
                sight.find_online();
                if let Some(watchers) = self.scene.here_before.get(place) {
                    watchers.fetch_add(1, Relaxed);
                }
            }
            return Ok(());
        }
        if sight.sees_off(state.online)
            && let Some(watchers) = self.scene.here_before.get(place)
        {
            watchers.fetch_sub(1, Relaxed);
        }
        let missed =
            self.scene.with_script(place, |script| script.catch_up(sight, state.online)).unwrap_or(0);
        self.scene.tally.caught_up.add(missed);
        Ok(())
    }

    fn hear(&mut self, publication: &Publication) -> Result<(), Broken> {
        let now = Instant::now();
        let event: EventData = serde_json::from_slice(&publication.data)
            .map_err(|error| Broken::Unreadable(error.to_string()))?;
        let Event::PresenceChanged(state) = event.event else { return Ok(()) };
        let Some(place) = self.scene.places.get(&state.user_id).copied() else { return Ok(()) };
        let Some(sight) = self.sights.get_mut(place) else { return Ok(()) };
        if sight.sees_off(state.online) {
            if let Some(watchers) = self.scene.here_before.get(place) {
                watchers.fetch_sub(1, Relaxed);
            }
            return Ok(());
        }
        let verdict =
            self.scene.with_script(place, |script| script.hear(sight, state.online, &event.id, now));
        if let Some(verdict) = verdict {
            self.count(verdict);
        }
        Ok(())
    }

    fn count(&self, verdict: Verdict) {
        let Scene { gauges, tally, online: came, offline: went, grace, .. } = &*self.scene;
        let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        match verdict {
            Verdict::Heard { online, after, skipped } => {
                gauges.note_delivery();
                tally.lost.add(skipped);
                if online {
                    came.record(Kind::Presence, self.index, microseconds(after));
                    gauges.latencies.record(Kind::Presence, self.index, microseconds(after));
                } else if let Some(late) = after.checked_sub(*grace) {
                    went.record(Kind::Presence, self.index, microseconds(after));
                    gauges.latencies.record(Kind::Presence, self.index, microseconds(late));
                } else {
                    tally.early.up();
                }
            }
            Verdict::Repeat => tally.repeats.up(),
            Verdict::Duplicate => tally.duplicated.up(),
            Verdict::Wrong => tally.wrong.up(),
            Verdict::Unknown => {}
        }
    }
}
