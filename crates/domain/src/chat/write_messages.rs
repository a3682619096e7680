//! The transaction of `chat.send_message`: all messages that were sent at one moment, with a number of statements that does
//! not grow with theirs. What is rare costs statements of its own: the first message of a conversation, or of one that was
//! deleted, and media.
//!
//! A message that is refused is left out and its neighbours are written. Where the transaction fails for something that may
//! be one message's doing, each is written again alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use base::id::{ConversationId, MessageId, UserId};
use base::{CommonFault, Time};
use futures_util::StreamExt;
use protocol::channel::Channel;
use protocol::chat::{Message, MessageMedium, MessageSent, SendMessage};
use protocol::event::EventData;
use protocol::{Envelope, Event};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::chat::{ConversationRow, NewMessage, UnreadTotal};
use store::idempotency::Keyed;

use super::policy::{Wish, require_each_accepted};
use super::send_message::{checked_body, noted};
use super::unread::{Additions, unread_in};
use super::view::NotedMedium;
use super::{ChatError, NO_CONVERSATION, Participation, pair};
use crate::combine::Combine;
use crate::idempotency::{self, Answers, Look, Remembered, Written};
use crate::morph::Morph;
use crate::unit::{Aftermath, Attempts, Unit, UnreadNow, store_error};
use crate::{App, in_unit, uploads};

/// A message to be written.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    /// Who writes.
    pub(super) me: UserId,
    /// What, to whom.
    pub(super) input: SendMessage,
    /// Under which key.
    pub(super) keyed: Keyed,
}

/// What became of it.
pub(crate) type Outcome = Result<Written<MessageSent>, ChatError>;

/// Messages that wait to be written.
pub(crate) type Sends = Combine<Sending, Outcome>;

/// Messages of one transaction: their events are one round trip to Redis.
pub(crate) const AT_ONCE: usize = 100;
/// Transactions at a time: while one tells Redis, another one commits.
pub(crate) const LANES: usize = 2;
/// Messages that are written alone at a time, after they could not be written together.
const ALONE_AT_ONCE: usize = 4;

impl Sending {
    /// What has the same number is written in order: messages into one conversation, or to one user.
    pub(super) fn lane(&self) -> u64 {
        let SendMessage { conversation_id, user_id, .. } = self.input;
        conversation_id.or_else(|| Some(self.me.wrapping_add(user_id?))).unwrap_or(0)
    }
}

/// Writes messages; one outcome for each, in their order.
pub(super) async fn write_messages(app: App, sendings: Vec<Sending>) -> Vec<Outcome> {
    metrics::histogram!("chat_messages_at_once").record(u32::try_from(sendings.len()).unwrap_or(u32::MAX));
    let mut outcomes: Vec<Option<Outcome>> = sendings.iter().map(|_| None).collect();
    let mut left: Vec<(usize, &Sending)> = sendings.iter().enumerate().collect();
    while !left.is_empty() {
        let settled = write_together(&app, &left).await;
        if settled.is_empty() {
            break;
        }
        for (number, outcome) in settled {
            if let Some(place) = outcomes.get_mut(number) {
                *place = Some(outcome);
            }
        }
        // Those that have the key of another one come after it.
        left.retain(|(number, _)| outcomes.get(*number).is_some_and(Option::is_none));
    }
    let forgotten = || Err(CommonFault::internal("a message without an outcome").into());
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(forgotten)).collect()
}

/// Writes messages in one transaction, or each alone where that fails; those that must wait for another one of them are
/// left out.
async fn write_together(app: &App, sendings: &[(usize, &Sending)]) -> Vec<(usize, Outcome)> {
    let failure = match try_together(app, sendings).await {
        Ok(settled) => return settled,
        Err(failure) => failure,
    };
    if let [(number, _)] = sendings {
        return vec![(*number, Err(failure))];
    }
    if !may_be_of_one(&failure) {
        return sendings.iter().map(|(number, _)| (*number, Err(said_again(&failure)))).collect();
    }
    tracing::warn!(%failure, messages = sendings.len(), "messages are written one by one");
    let mut lanes: BTreeMap<u64, Vec<(usize, &Sending)>> = BTreeMap::new();
    for &(number, sending) in sendings {
        lanes.entry(sending.lane()).or_default().push((number, sending));
    }
    let mut alone = Vec::with_capacity(lanes.len());
    for lane in lanes.into_values() {
        alone.push(write_in_turn(app, lane));
    }
    let settled: Vec<_> = futures_util::stream::iter(alone).buffer_unordered(ALONE_AT_ONCE).collect().await;
    settled.into_iter().flatten().collect()
}

/// Writes messages one after the other.
async fn write_in_turn(app: &App, sendings: Vec<(usize, &Sending)>) -> Vec<(usize, Outcome)> {
    let mut settled = Vec::with_capacity(sendings.len());
    for (number, sending) in sendings {
        match try_together(app, &[(number, sending)]).await {
            Ok(outcome) => settled.extend(outcome),
            Err(failure) => settled.push((number, Err(failure))),
        }
    }
    settled
}

async fn try_together(app: &App, sendings: &[(usize, &Sending)]) -> Result<Vec<(usize, Outcome)>, ChatError> {
    let mut run = 0;
    in_unit!(app, Attempts::impatient(), |unit| {
        run += 1;
        write_batch(app, unit, sendings, Look::in_run(run))
    })
}

/// Might the others succeed without one of them? Not where the store or Redis is away.
fn may_be_of_one(failure: &ChatError) -> bool {
    match failure {
        ChatError::Common(CommonFault::Unavailable(_)) => {
            store_error(failure).is_some_and(|error| !matches!(error, StoreError::Unavailable(_)))
        }
        _ => true,
    }
}

/// The same failure for another one whom it concerns.
fn said_again(failure: &ChatError) -> ChatError {
    match failure {
        ChatError::Common(CommonFault::Unavailable(cause)) => {
            CommonFault::Unavailable(cause.to_string().into()).into()
        }
        other => CommonFault::internal(other.to_string()).into(),
    }
}

/// A message on its way through the rules.
struct Draft<'a> {
    number: usize,
    sending: &'a Sending,
    other: UserId,
    /// The conversation; `None` as long as there is none.
    place: Option<ConversationId>,
    body: Option<String>,
    /// Storage paths and what is known of the files.
    paths: Vec<String>,
    media: Vec<NotedMedium>,
}

/// Messages as far as they have come.
struct Batch<'a> {
    settled: Vec<(usize, Outcome)>,
    drafts: Vec<Draft<'a>>,
    /// The conversations written to, all of them held.
    places: HashMap<ConversationId, ConversationRow>,
}

async fn write_batch(
    app: &App,
    unit: &mut Unit,
    sendings: &[(usize, &Sending)],
    look: Look,
) -> Result<Vec<(usize, Outcome)>, ChatError> {
    let mut batch = Batch { settled: Vec::new(), drafts: Vec::new(), places: HashMap::new() };
    let answers = match look {
        Look::First => {
            let keys: Vec<&Keyed> = sendings.iter().map(|(_, sending)| &sending.keyed).collect();
            idempotency::find_answers(unit, &keys).await?
        }
        Look::Afterwards => Answers::default(),
    };
    let new = batch.give_answers(unit, &answers, sendings);
    batch.find_places(unit, new).await?;
    batch.require_accepted(unit).await?;
    batch.sift(|draft| {
        draft.body = checked_body(&draft.sending.input)?;
        Ok(())
    });
    batch.require_replies(unit).await?;
    batch.claim_media(unit).await?;
    batch.open_places(unit).await?;
    batch.write(app, unit).await?;
    if look == Look::Afterwards {
        batch.give_answers_to_refused(unit, sendings).await?;
    }
    Ok(batch.settled)
}

impl<'a> Batch<'a> {
    /// Lets go on what keeps a rule.
    fn sift(&mut self, mut rule: impl FnMut(&mut Draft<'a>) -> Result<(), ChatError>) {
        let settled = &mut self.settled;
        self.drafts.retain_mut(|draft| match rule(draft) {
            Ok(()) => true,
            Err(refusal) => {
                settled.push((draft.number, Err(refusal)));
                false
            }
        });
    }

    /// As [`Self::sift`], with a verdict for each, in their order.
    fn judge(&mut self, verdicts: Vec<Result<(), ChatError>>) {
        let mut verdicts = verdicts.into_iter();
        self.sift(|_| verdicts.next().unwrap_or(Ok(())));
    }

    /// Answers what was answered before, and gives what is new: of several with one key the first.
    fn give_answers(
        &mut self,
        unit: &mut Unit,
        answers: &Answers,
        sendings: &[(usize, &'a Sending)],
    ) -> Vec<(usize, &'a Sending)> {
        let mut begun = HashSet::new();
        let mut new = Vec::with_capacity(sendings.len());
        for &(number, sending) in sendings {
            match answer_again(unit, answers, &sending.keyed) {
                Some(outcome) => self.settled.push((number, outcome)),
                None => {
                    if begun.insert((&sending.keyed.scope, &sending.keyed.key)) {
                        new.push((number, sending));
                    }
                }
            }
        }
        new
    }

    /// What was refused, and is a repeat of what was written, is answered as it was.
    async fn give_answers_to_refused(
        &mut self,
        unit: &mut Unit,
        sendings: &[(usize, &'a Sending)],
    ) -> Result<(), ChatError> {
        let refused: HashSet<usize> =
            self.settled.iter().filter(|(_, outcome)| outcome.is_err()).map(|(number, _)| *number).collect();
        let keys: HashMap<usize, &Keyed> = sendings
            .iter()
            .filter(|(number, _)| refused.contains(number))
            .map(|(number, sending)| (*number, &sending.keyed))
            .collect();
        let answers = idempotency::find_answers(unit, &Vec::from_iter(keys.values().copied())).await?;
        for (number, outcome) in &mut self.settled {
            if let Some(again) = keys.get(number).and_then(|keyed| answer_again(unit, &answers, keyed)) {
                *outcome = again;
            }
        }
        Ok(())
    }

    /// Finds the other participants, and holds the conversations that there are.
    async fn find_places(
        &mut self,
        unit: &mut Unit,
        sendings: Vec<(usize, &'a Sending)>,
    ) -> Result<(), ChatError> {
        let with = |sending: &Sending| Some(pair(sending.me, sending.input.user_id?));
        let mut pairs: Vec<(UserId, UserId)> =
            sendings.iter().filter_map(|(_, sending)| with(sending)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let known: HashMap<(UserId, UserId), ConversationId> =
            store::chat::list_conversation_ids_of(unit, &pairs)
                .await?
                .into_iter()
                .map(|(id, one, two)| ((one, two), id))
                .collect();
        let mut ids: Vec<ConversationId> =
            sendings.iter().filter_map(|(_, sending)| sending.input.conversation_id).collect();
        ids.extend(known.values());
        self.hold(unit, ids).await?;

        self.drafts.extend(sendings.into_iter().map(|(number, sending)| Draft {
            number,
            sending,
            other: sending.input.user_id.unwrap_or(0),
            place: sending.input.conversation_id.or_else(|| known.get(&with(sending)?).copied()),
            body: None,
            paths: Vec::new(),
            media: Vec::new(),
        }));
        let places = std::mem::take(&mut self.places);
        self.sift(|draft| {
            if draft.sending.input.conversation_id.is_some() {
                let row = draft.place.and_then(|id| places.get(&id)).cloned();
                draft.other = Participation::of(row, draft.sending.me)?.other;
            } else if draft.other == draft.sending.me {
                return Err(ChatError::SelfConversation);
            }
            Ok(())
        });
        self.places = places;
        Ok(())
    }

    /// Holds conversations until the transaction ends, in the order of their ids.
    async fn hold(&mut self, unit: &mut Unit, mut ids: Vec<ConversationId>) -> Result<(), ChatError> {
        ids.sort_unstable();
        ids.dedup();
        let rows = store::chat::lock_conversations(unit, &ids).await?;
        self.places.extend(rows.into_iter().map(|row| (row.id, row)));
        Ok(())
    }

    async fn require_accepted(&mut self, unit: &mut Unit) -> Result<(), ChatError> {
        let wish = |draft: &Draft<'_>| Wish {
            from: draft.sending.me,
            to: draft.other,
            conversation_id: draft.place,
        };
        let wishes: Vec<Wish> = self.drafts.iter().map(wish).collect();
        let verdicts = require_each_accepted(unit, &wishes).await?;
        self.judge(verdicts);
        Ok(())
    }

    /// What a message answers is in the same conversation.
    async fn require_replies(&mut self, unit: &mut Unit) -> Result<(), ChatError> {
        let ids: Vec<MessageId> =
            self.drafts.iter().filter_map(|draft| draft.sending.input.reply_to_id).collect();
        let rows = store::chat::list_messages_by_id(unit, &ids).await?;
        self.sift(|draft| {
            let Some(id) = draft.sending.input.reply_to_id else { return Ok(()) };
            let holds = rows.iter().any(|row| {
                row.id == id && Some(row.conversation_id) == draft.place && row.deleted_at.is_none()
            });
            if holds { Ok(()) } else { Err(ChatError::ReplyNotFound) }
        });
        Ok(())
    }

    /// Holds the files of messages that have some.
    async fn claim_media(&mut self, unit: &mut Unit) -> Result<(), ChatError> {
        let mut used: HashSet<u64> = HashSet::new();
        let mut verdicts = Vec::with_capacity(self.drafts.len());
        for draft in &mut self.drafts {
            let SendMessage { media, message_type, .. } = &draft.sending.input;
            if media.is_empty() {
                verdicts.push(Ok(()));
                continue;
            }
            let claimed = uploads::claim_for_message(unit, draft.sending.me, media, *message_type).await;
            verdicts.push(match claimed.map_err(ChatError::from) {
                // By another message of the same moment.
                Ok(_) if media.iter().any(|id| used.contains(id)) => Err(ChatError::MediaInUse),
                Ok(files) => {
                    used.extend(media);
                    draft.paths = files.iter().map(|file| file.path.clone()).collect();
                    draft.media = files.into_iter().map(noted).collect();
                    Ok(())
                }
                Err(refusal) if is_refusal(&refusal) => Err(refusal),
                Err(failure) => return Err(failure),
            });
        }
        self.judge(verdicts);
        Ok(())
    }

    /// Opens the conversations that there are not.
    async fn open_places(&mut self, unit: &mut Unit) -> Result<(), ChatError> {
        let mut pairs: Vec<(UserId, UserId)> = self
            .drafts
            .iter()
            .filter(|draft| draft.place.is_none())
            .map(|draft| pair(draft.sending.me, draft.other))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut opened = HashMap::with_capacity(pairs.len());
        for (one, two) in pairs {
            match store::chat::insert_conversation(unit, one, two, Time::now_in_seconds()).await {
                Ok(_) => {}
                // The other one, or another device, was faster: theirs is the conversation.
                Err(error) if error.is_unique(store::chat::PAIR_INDEX) => {}
                // The account was deleted a moment ago.
                Err(StoreError::Foreign(_)) => continue,
                Err(error) => return Err(error.into()),
            }
            let row = store::chat::lock_conversation_of(unit, one, two).await?.ok_or(NO_CONVERSATION)?;
            opened.insert((one, two), row.id);
            self.places.insert(row.id, row);
        }
        self.sift(|draft| {
            let with = pair(draft.sending.me, draft.other);
            draft.place = draft.place.or_else(|| opened.get(&with).copied());
            if draft.place.is_some() { Ok(()) } else { Err(CommonFault::NotFound("user").into()) }
        });
        Ok(())
    }

    /// Writes what is left, all of which keeps the rules.
    async fn write(&mut self, app: &App, unit: &mut Unit) -> Result<(), ChatError> {
        let drafts = std::mem::take(&mut self.drafts);
        if drafts.is_empty() {
            return Ok(());
        }
        let mut counts = self.count(unit, &drafts).await?;
        // Read under the locks, so that times follow ids.
        let now = Time::now_in_seconds();
        let ids = insert(unit, &drafts, now).await?;
        let mut last = BTreeMap::new();
        for (draft, id) in drafts.iter().zip(&ids) {
            if let Some(place) = draft.place {
                last.insert(place, *id);
            }
            if !draft.paths.is_empty() {
                uploads::attach(unit, &draft.sending.input.media, Morph::Message, *id).await?;
            }
        }
        let last: Vec<(ConversationId, MessageId)> = last.into_iter().collect();
        store::chat::update_last_messages(unit, &last, now).await?;
        let writers: Vec<UserId> = drafts.iter().map(|draft| draft.sending.me).collect();
        counts.write(unit, &writers).await?;

        let told_at = Time::now();
        let mut sent = Vec::with_capacity(drafts.len());
        for (draft, id) in drafts.into_iter().zip(ids) {
            let (number, sending) = (draft.number, draft.sending);
            let told = Told::new(told_at, counts.after(number, [draft.other, sending.me]));
            let message = draft.into_message(app, id, now)?;
            unit.emit_all(told.envelopes(&message));
            sent.push((number, &sending.keyed, MessageSent { message }, told));
        }
        let remembered: Vec<_> =
            sent.iter().map(|(_, keyed, answer, events)| Remembered { keyed, answer, events }).collect();
        idempotency::remember_all(unit, &remembered).await?;
        let written = |answer| Ok(Written { answer, replayed: false });
        self.settled.extend(sent.into_iter().map(|(number, _, answer, _)| (number, written(answer))));
        Ok(())
    }

    /// What the messages add to whose unread total. A deleted conversation took its unread messages out of both totals;
    /// the message that restores it brings them back.
    async fn count(&mut self, unit: &mut Unit, drafts: &[Draft<'_>]) -> Result<Additions, ChatError> {
        let mut additions = Additions::default();
        for draft in drafts {
            let (me, other) = (draft.sending.me, draft.other);
            let place = draft.place.and_then(|id| self.places.get_mut(&id)).ok_or(NO_CONVERSATION)?;
            let mut mine = 0;
            let mut theirs = 1;
            if place.deleted_at.take().is_some() {
                mine = unread_in(unit, me, place.id).await?;
                theirs = unread_in(unit, other, place.id).await?.saturating_add(1);
            }
            additions.add(draft.number, other, theirs);
            if mine > 0 {
                additions.add(draft.number, me, mine);
            }
        }
        Ok(additions)
    }
}

/// The outcome of a repeat, whose events are told again with the commit; `None` for a new key.
fn answer_again(unit: &mut Unit, answers: &Answers, keyed: &Keyed) -> Option<Outcome> {
    match answers.of::<MessageSent, Followed>(keyed) {
        Ok(None) => None,
        Ok(Some((answer, followed))) => {
            unit.repeat(followed.aftermath(&answer.message));
            Some(Ok(Written { answer, replayed: true }))
        }
        Err(fault) => Some(Err(fault.into())),
    }
}

/// Adds the messages; gives their ids, in their order.
async fn insert(unit: &mut Unit, drafts: &[Draft<'_>], now: Time) -> Result<Vec<MessageId>, ChatError> {
    let mut metadata = Vec::with_capacity(drafts.len());
    for draft in drafts {
        metadata.push(match draft.media.as_slice() {
            [] => None,
            media => {
                let media = serde_json::to_value(media).map_err(CommonFault::internal)?;
                Some(serde_json::json!({ "media": media }))
            }
        });
    }
    let new: Vec<NewMessage<'_>> = drafts
        .iter()
        .zip(&metadata)
        .filter_map(|(draft, metadata)| {
            Some(NewMessage {
                conversation_id: draft.place?,
                sender_id: draft.sending.me,
                message_type: draft.sending.input.message_type.as_str(),
                body: draft.body.as_deref(),
                media_urls: &draft.paths,
                metadata: metadata.as_ref(),
                reply_to_id: draft.sending.input.reply_to_id,
                now,
            })
        })
        .collect();
    Ok(store::chat::insert_messages(unit, &new).await?)
}

impl Draft<'_> {
    /// The message as apps see it.
    fn into_message(self, app: &App, id: MessageId, now: Time) -> Result<Message, ChatError> {
        let shown = self.media.into_iter().zip(&self.paths).map(|(medium, path)| medium.shown(app, path));
        let media: Vec<MessageMedium> = shown.collect();
        Ok(Message {
            id,
            conversation_id: self.place.ok_or(NO_CONVERSATION)?,
            sender_id: self.sending.me,
            message_type: self.sending.input.message_type,
            body: self.body,
            media_urls: media.iter().map(|medium| medium.url.clone()).collect(),
            media,
            reply_to_id: self.sending.input.reply_to_id,
            created_at: now,
            edited_at: None,
            read_at: None,
            deleted: false,
        })
    }
}

/// Is it the message's own fault, rather than that of the store?
const fn is_refusal(fault: &ChatError) -> bool {
    !matches!(fault, ChatError::Common(CommonFault::Unavailable(_) | CommonFault::Internal(_)))
}

/// What followed the commit of a message, beside the message itself, which is in the answer: kept with the answer, so that a
/// repeat tells the same events again.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// The events' time.
    at: Time,
    /// Who heard of it, in the order told.
    told: [ToldTo; 2],
}

#[derive(Debug, Serialize, Deserialize)]
struct ToldTo {
    /// The event's id.
    id: String,
    user_id: UserId,
    unread_total: u32,
    unread_version: u64,
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
    fn aftermath(self, message: &Message) -> Aftermath {
        match self {
            Self::Told(told) => told.aftermath(message),
            Self::Aftermath(aftermath) => aftermath,
        }
    }
}

impl Told {
    fn new(at: Time, totals: [UnreadTotal; 2]) -> Self {
        let told = totals.map(|UnreadTotal { user_id, unread_total, version }| ToldTo {
            id: base::id::ulid(),
            user_id,
            unread_total,
            unread_version: version,
        });
        Self { at, told }
    }

    fn envelopes<'a>(&'a self, message: &'a Message) -> impl Iterator<Item = Envelope> + 'a {
        self.told.iter().map(|told| {
            let event = Event::ChatMessageCreated {
                message: message.clone(),
                unread_total: told.unread_total,
                unread_version: told.unread_version,
            };
            let data = EventData { id: told.id.clone(), at: self.at, event };
            Envelope { channel: Channel::User(told.user_id), data }
        })
    }

    fn aftermath(&self, message: &Message) -> Aftermath {
        let unread = self.told.iter().map(|told| UnreadNow {
            user_id: told.user_id,
            total: told.unread_total,
            version: told.unread_version,
        });
        let (unread, envelopes) = (unread.collect(), self.envelopes(message).collect());
        Aftermath { unread, envelopes, ..Aftermath::default() }
    }
}
