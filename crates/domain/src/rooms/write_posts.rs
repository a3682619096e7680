//! The transaction of `rooms.post_message`: all that was posted to some rooms while the commit before ran, with a number of
//! statements that grows neither with the messages nor with the rooms. Answers to messages, the muted, the refused and slow
//! mode take a statement or two more, for all of a room.
//!
//! Message ids are in the order of commits (realtime.md §5): the rooms' rows are locked, in the order of their ids, before
//! ids are drawn. What is posted to one room commits one batch after the other, and its events are published in the order
//! of ids. Inserting a message would lock that row against writers anyway.
//!
//! A message that is refused is left out and its neighbours are written. Where the transaction fails for something that may
//! be one message's doing, each is written again alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use base::id::{RoomId, UserId};
use base::{CommonFault, Time, Violations};
use futures_util::StreamExt;
use protocol::channel::Channel;
use protocol::event::EventData;
use protocol::rooms::{MessagePosted, PostMessage, RoomMember as MemberCard, RoomMessage};
use protocol::{Envelope, Event};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::idempotency::Keyed;
use store::rooms::RoomRow;

use super::admission::{Crowd, Role};
use super::post_message::{Words, insert_messages};
use super::threads::find_threads_to_join;
use super::{NO_ROOM, RoomError};
use crate::combine::Combine;
use crate::idempotency::{self, Answers, Look, Remembered, Written};
use crate::unit::{Aftermath, Attempts, Unit, store_error};
use crate::uploads::picture_url;
use crate::{App, in_unit};

/// A message to be written.
pub(crate) struct Post {
    /// Who writes.
    pub(super) user_id: UserId,
    /// What and where, cleaned.
    pub(super) input: PostMessage,
    /// Whether its words are as they must be: told to those alone who may write at all.
    pub(super) checked: Result<(), Violations>,
    /// Under which key.
    pub(super) keyed: Keyed,
}

/// What became of it.
pub(crate) type Outcome = Result<Written<MessagePosted>, RoomError>;

/// Messages to rooms that wait to be written.
pub(crate) type Posts = Combine<Post, Outcome>;

/// Messages of one transaction: their events are one round trip to Redis.
pub(crate) const AT_ONCE: usize = 200;
/// Transactions at a time: while one tells Redis, another one commits. Rooms of one lane are written together.
pub(crate) const LANES: usize = 2;
/// Rooms whose messages are written one by one at a time, after they could not be written together.
const ALONE_AT_ONCE: usize = 4;

/// Writes messages; one outcome for each, in their order.
pub(super) async fn write_posts(app: App, posts: Vec<Post>) -> Vec<Outcome> {
    metrics::histogram!("room_messages_at_once").record(u32::try_from(posts.len()).unwrap_or(u32::MAX));
    let failure = match try_together(&app, &posts).await {
        Ok(outcomes) => return outcomes,
        Err(failure) => failure,
    };
    if posts.len() < 2 {
        return vec![Err(failure)];
    }
    if !may_be_of_one(&failure) {
        return posts.iter().map(|_| Err(said_again(&failure))).collect();
    }
    tracing::warn!(%failure, messages = posts.len(), "messages are written one by one");
    let mut rooms: BTreeMap<RoomId, Vec<(usize, Post)>> = BTreeMap::new();
    for (place, post) in posts.into_iter().enumerate() {
        rooms.entry(post.input.room_id).or_default().push((place, post));
    }
    let mut alone = Vec::with_capacity(rooms.len());
    for of_room in rooms.into_values() {
        alone.push(write_in_turn(&app, of_room));
    }
    let settled: Vec<_> = futures_util::stream::iter(alone).buffer_unordered(ALONE_AT_ONCE).collect().await;
    let mut outcomes: Vec<(usize, Outcome)> = settled.into_iter().flatten().collect();
    outcomes.sort_unstable_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Writes messages one after the other.
async fn write_in_turn(app: &App, posts: Vec<(usize, Post)>) -> Vec<(usize, Outcome)> {
    let mut settled = Vec::with_capacity(posts.len());
    for (place, post) in posts {
        let alone = try_together(app, std::slice::from_ref(&post)).await;
        let outcome = alone.and_then(|outcomes| outcomes.into_iter().next().unwrap_or(Err(NO_ROOM.into())));
        settled.push((place, outcome));
    }
    settled
}

async fn try_together(app: &App, posts: &[Post]) -> Result<Vec<Outcome>, RoomError> {
    let mut run = 0;
    in_unit!(app, Attempts::impatient(), |unit| {
        run += 1;
        write_batch(app, unit, posts, Look::in_run(run))
    })
}

/// Might the others succeed without one of them? Not where the store or Redis is away.
fn may_be_of_one(failure: &RoomError) -> bool {
    match failure {
        RoomError::Common(CommonFault::Unavailable(_)) => {
            store_error(failure).is_some_and(|error| !matches!(error, StoreError::Unavailable(_)))
        }
        _ => true,
    }
}

/// The same failure for another one whom it concerns.
fn said_again(failure: &RoomError) -> RoomError {
    match failure {
        RoomError::Common(CommonFault::Unavailable(cause)) => {
            CommonFault::Unavailable(cause.to_string().into()).into()
        }
        other => CommonFault::internal(other.to_string()).into(),
    }
}

/// What is to become of a message, before anything is written.
enum Verdict {
    /// It is answered already, or refused.
    Settled(Outcome),
    /// It is written, as one of so many before it.
    Written(usize),
    /// It is one that was written with the same key, as one of so many.
    Repeats(usize),
}

async fn write_batch(
    app: &App,
    unit: &mut Unit,
    posts: &[Post],
    look: Look,
) -> Result<Vec<Outcome>, RoomError> {
    // The locks come first: whoever holds them sees the answers of all before.
    let room_ids: BTreeSet<RoomId> = posts.iter().map(|post| post.input.room_id).collect();
    let rooms = store::rooms::lock_rooms(unit, &Vec::from_iter(room_ids)).await?;
    let answers = match look {
        Look::First => {
            let keys: Vec<&Keyed> = posts.iter().map(|post| &post.keyed).collect();
            idempotency::find_answers(unit, &keys).await?
        }
        Look::Afterwards => Answers::default(),
    };
    let mut verdicts: Vec<Option<Verdict>> = Vec::with_capacity(posts.len());
    for post in posts {
        verdicts.push(answer_again(unit, &answers, &post.keyed).map(Verdict::Settled));
    }
    let new = verdicts.iter().zip(posts).filter(|(verdict, _)| verdict.is_none()).map(|(_, post)| post);
    let mut scenes = Scene::find_each(unit, rooms, &Vec::from_iter(new)).await?;
    let now = Time::now_in_seconds();

    let mut begun: HashMap<(&str, &str), (usize, &Post)> = HashMap::new();
    let mut messages = Vec::new();
    let mut written = Vec::new();
    for (verdict, post) in verdicts.iter_mut().zip(posts) {
        if verdict.is_some() {
            continue;
        }
        let key = (post.keyed.scope.as_str(), post.keyed.key.as_str());
        *verdict = Some(match begun.get(&key) {
            Some((place, first)) if first.keyed.fingerprint == post.keyed.fingerprint => {
                Verdict::Repeats(*place)
            }
            Some(_) => Verdict::Settled(Err(CommonFault::IdempotencyKeyReused.into())),
            None => {
                let scene = scenes.get_mut(&post.input.room_id).ok_or(NO_ROOM.into());
                match scene.and_then(|scene| scene.admit(post, now)) {
                    Err(refusal) => Verdict::Settled(Err(refusal)),
                    Ok(mut message) => {
                        message.author.avatar = picture_url(app, message.author.avatar.take());
                        let place = messages.len();
                        begun.insert(key, (place, post));
                        messages.push(message);
                        written.push(post);
                        Verdict::Written(place)
                    }
                }
            }
        });
    }
    if look == Look::Afterwards {
        give_answers_to_refused(unit, posts, &mut verdicts).await?;
    }

    let messages = write(unit, messages, &written, now).await?;
    let outcome = |verdict: Option<Verdict>| {
        let (place, replayed) = match verdict {
            Some(Verdict::Settled(outcome)) => return outcome,
            Some(Verdict::Written(place)) => (place, false),
            Some(Verdict::Repeats(place)) => (place, true),
            None => return Err(NO_ROOM.into()),
        };
        let answer = messages.get(place).cloned();
        let answer = answer.ok_or_else(|| CommonFault::internal("a message without an id"))?;
        Ok(Written { answer, replayed })
    };
    Ok(verdicts.into_iter().map(outcome).collect())
}

/// The outcome of a repeat, whose event is told again with the commit; `None` for a new key.
fn answer_again(unit: &mut Unit, answers: &Answers, keyed: &Keyed) -> Option<Outcome> {
    match answers.of::<MessagePosted, Followed>(keyed) {
        Ok(None) => None,
        Ok(Some((answer, followed))) => {
            unit.repeat(followed.aftermath(&answer.message));
            Some(Ok(Written { answer, replayed: true }))
        }
        Err(fault) => Some(Err(fault.into())),
    }
}

/// What was refused, and is a repeat of what was written, is answered as it was.
async fn give_answers_to_refused(
    unit: &mut Unit,
    posts: &[Post],
    verdicts: &mut [Option<Verdict>],
) -> Result<(), RoomError> {
    let is_refused = |verdict: &Option<Verdict>| matches!(verdict, Some(Verdict::Settled(Err(_))));
    let refused = verdicts.iter().zip(posts).filter(|(verdict, _)| is_refused(verdict));
    let keys: Vec<&Keyed> = refused.map(|(_, post)| &post.keyed).collect();
    let answers = idempotency::find_answers(unit, &keys).await?;
    for (verdict, post) in verdicts.iter_mut().zip(posts) {
        if is_refused(verdict)
            && let Some(outcome) = answer_again(unit, &answers, &post.keyed)
        {
            *verdict = Some(Verdict::Settled(outcome));
        }
    }
    Ok(())
}

/// Writes messages that keep the rules, with their answers, and tells the rooms.
async fn write(
    unit: &mut Unit,
    messages: Vec<Words<'_>>,
    posts: &[&Post],
    now: Time,
) -> Result<Vec<MessagePosted>, RoomError> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let messages = insert_messages(unit, messages, now).await?;
    let told_at = Time::now();
    let sent: Vec<(MessagePosted, Told)> = messages
        .into_iter()
        .map(|message| (MessagePosted { message }, Told { id: base::id::ulid(), at: told_at }))
        .collect();
    let remembered: Vec<_> = posts
        .iter()
        .zip(&sent)
        .map(|(post, (answer, events))| Remembered { keyed: &post.keyed, answer, events })
        .collect();
    idempotency::remember_all(unit, &remembered).await?;
    unit.emit_all(sent.iter().map(|(answer, told)| told.envelope(&answer.message)));
    Ok(sent.into_iter().map(|(answer, _)| answer).collect())
}

/// The event of a message, beside the message itself, which is in the answer: kept with the answer, so that a repeat tells
/// the same event again.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// The event's id.
    id: String,
    /// The event's time.
    at: Time,
}

impl Told {
    fn envelope(&self, message: &RoomMessage) -> Envelope {
        let event = Event::RoomMessageCreated { message: message.clone() };
        let data = EventData { id: self.id.clone(), at: self.at, event };
        Envelope { channel: Channel::Room(message.room_id), data }
    }
}

/// What is found beside an answer.
#[derive(Deserialize)]
#[serde(untagged)]
enum Followed {
    Told(Told),
    /// As releases before the first with [`Told`] kept it.
    Aftermath(Aftermath),
}

impl Followed {
    fn aftermath(self, message: &RoomMessage) -> Aftermath {
        match self {
            Self::Told(told) => Aftermath { envelopes: vec![told.envelope(message)], ..Aftermath::default() },
            Self::Aftermath(aftermath) => aftermath,
        }
    }
}

/// A locked room, and what is between it and those who write now.
struct Scene {
    crowd: Crowd,
    /// Least seconds between two messages of a member; 0 is off.
    slow_mode: u32,
    /// When they wrote for the last time; known in slow mode alone.
    last_written: HashMap<UserId, Time>,
    /// The threads of messages answered.
    threads: HashMap<u64, u64>,
}

impl Scene {
    /// Of each room that somebody writes to.
    async fn find_each(
        unit: &mut Unit,
        rooms: Vec<RoomRow>,
        posts: &[&Post],
    ) -> Result<HashMap<RoomId, Self>, RoomError> {
        let mut authors: HashMap<RoomId, BTreeSet<UserId>> = HashMap::new();
        let mut answered: HashMap<RoomId, BTreeSet<u64>> = HashMap::new();
        for post in posts {
            let PostMessage { room_id, parent_id, .. } = post.input;
            authors.entry(room_id).or_default().insert(post.user_id);
            answered.entry(room_id).or_default().extend(parent_id);
        }
        let with_authors = |room: RoomRow| Some((authors.get(&room.id)?.iter().copied().collect(), room));
        let rooms: Vec<(RoomRow, Vec<UserId>)> =
            rooms.into_iter().filter_map(with_authors).map(|(authors, room)| (room, authors)).collect();
        let room_ids: Vec<RoomId> = rooms.iter().map(|(room, _)| room.id).collect();
        let slow_modes = store::rooms::list_slow_modes(unit, &room_ids).await?;
        let slow_modes: HashMap<RoomId, u32> =
            slow_modes.into_iter().map(|(room_id, seconds)| (room_id, seconds.into())).collect();

        let mut scenes = HashMap::with_capacity(room_ids.len());
        for (room_id, crowd) in room_ids.into_iter().zip(Crowd::find_live_each(unit, rooms).await?) {
            let slow_mode = slow_modes.get(&room_id).copied().unwrap_or(0);
            let (authors, answered) = (authors.remove(&room_id), answered.remove(&room_id));
            let mut scene = Self { crowd, slow_mode, last_written: HashMap::new(), threads: HashMap::new() };
            scene.learn(unit, room_id, authors.unwrap_or_default(), answered.unwrap_or_default()).await?;
            scenes.insert(room_id, scene);
        }
        Ok(scenes)
    }

    /// Asks for what few rooms need.
    async fn learn(
        &mut self,
        unit: &mut Unit,
        room_id: RoomId,
        authors: BTreeSet<UserId>,
        answered: BTreeSet<u64>,
    ) -> Result<(), RoomError> {
        if !answered.is_empty() {
            self.threads = find_threads_to_join(unit, room_id, &Vec::from_iter(answered)).await?;
        }
        let authors = Vec::from_iter(authors);
        if self.slow_mode > 0 {
            let rows = store::rooms::list_last_written(unit, room_id, &authors).await?;
            self.last_written
                .extend(rows.iter().filter_map(|row| Some((row.user_id, Time::from(row.created_at?)))));
        }
        let is_bound = |user_id: &UserId| {
            self.crowd.admit_live(*user_id).is_ok_and(|admitted| {
                admitted.role == Role::Member && (admitted.standing.is_muted || self.slow_mode > 0)
            })
        };
        let bound: Vec<UserId> = authors.into_iter().filter(is_bound).collect();
        self.crowd.find_moderators(unit, &bound).await
    }

    /// The message as it is to be written now. Those before it count as written.
    fn admit<'a>(&mut self, post: &'a Post, now: Time) -> Result<Words<'a>, RoomError> {
        let Post { user_id, input, checked, .. } = post;
        let standing = self.crowd.admit_live(*user_id)?.standing;
        checked.clone()?;
        if standing.is_muted && !self.crowd.is_staff(*user_id) {
            return Err(RoomError::Muted);
        }
        let thread = |answered| self.threads.get(&answered).copied().ok_or(RoomError::ParentNotFound);
        let parent_id = input.parent_id.map(thread).transpose()?;
        self.require_turn(*user_id)?;

        let author =
            MemberCard { id: *user_id, name: standing.name.clone(), avatar: standing.avatar.clone() };
        self.last_written.insert(*user_id, now);
        let PostMessage { room_id, message_type, ref body, .. } = *input;
        Ok(Words { room_id, author, message_type, body, parent_id })
    }

    /// Slow mode: the times of two messages of one member are at least so many seconds apart, or it is told how long to
    /// wait. Exact, since the room's row is locked; and only a message that is written takes its author's turn.
    fn require_turn(&self, user_id: UserId) -> Result<(), RoomError> {
        if self.slow_mode == 0 || self.crowd.is_staff(user_id) {
            return Ok(());
        }
        let Some(last) = self.last_written.get(&user_id) else { return Ok(()) };
        let turn = last.plus_seconds(i64::from(self.slow_mode));
        // Times are kept in whole seconds, and another node's clock may be ahead: never more than the whole wait.
        let wait =
            turn.as_chrono().signed_duration_since(Time::now().as_chrono()).to_std().unwrap_or_default();
        let wait = wait.min(Duration::from_secs(u64::from(self.slow_mode)));
        if wait.is_zero() { Ok(()) } else { Err(RoomError::SlowMode(wait)) }
    }
}

#[cfg(test)]
mod tests {
    use protocol::channel::Channel;
    use protocol::rooms::RoomMessage;
    use protocol::{Envelope, Event};
    use serde_json::json;

    use super::{Aftermath, Followed, Told};

    #[test]
    fn a_repeat_tells_the_same_event_whichever_release_kept_it() {
        let message: RoomMessage = serde_json::from_value(json!({
            "id": 7, "room_id": 5, "user_id": 3, "type": "text", "body": "salam", "parent_id": null, "pinned": false,
            "deleted": false, "reactions_count": 0, "created_at": "2026-01-01T12:00:00Z"
        }))
        .unwrap();
        let event = Event::RoomMessageCreated { message: message.clone() };
        let envelope = Envelope::new(Channel::Room(5), event);
        let earlier = Aftermath { envelopes: vec![envelope.clone()], ..Aftermath::default() };
        let now = Told { id: envelope.data.id.clone(), at: envelope.data.at };
        for kept in [serde_json::to_value(earlier).unwrap(), serde_json::to_value(now).unwrap()] {
            let followed: Followed = serde_json::from_value(kept).unwrap();
            let told = serde_json::to_value(followed.aftermath(&message).envelopes).unwrap();
            assert_eq!(told, json!([envelope]));
        }
    }
}
