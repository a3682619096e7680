//! The same key gives the same answer, through both doors (domain.md §2.4, realtime.md §4).

use std::collections::HashMap;

use base::CommonFault;
use protocol::IdempotencyKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use store::StoreError;
use store::idempotency::{AnsweredRow, Keyed, NewAnswer};

use crate::fault::of_store;
use crate::unit::{Aftermath, Unit};
use crate::{Actor, App};

/// Hours that answers are kept.
pub const KEPT_HOURS: u32 = 24;

/// The answer of a write with a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<T> {
    /// The answer, the same for every repeat.
    pub answer: T,
    /// It was given before; now only what followed its commit was done again.
    pub replayed: bool,
}

/// What a key turns out to be.
pub enum Claim<T> {
    /// New: do the work, then [`remember`] the answer with this ticket.
    First(Ticket),
    /// Done before, with this answer.
    Answered(Written<T>),
}

/// The right, and the duty, to remember an answer.
#[must_use = "an answer that is not remembered is done twice"]
pub struct Ticket(u64);

/// Claims a key for an operation, or gives the answer that it got before. The scope is (user, operation); the
/// fingerprint is that of the decoded input, in which defaults and path ids are filled in. A second request waits
/// for the first.
///
/// # Errors
/// [`CommonFault::IdempotencyKeyReused`] for other content, [`CommonFault::RequestInProgress`] when the first
/// request has not ended after 5 s.
pub async fn claim<T: DeserializeOwned>(
    unit: &mut Unit,
    actor: &Actor,
    operation: &'static str,
    key: &IdempotencyKey,
    input: &impl Serialize,
) -> Result<Claim<T>, CommonFault> {
    let scope = scope(actor, operation);
    let fingerprint = fingerprint(input)?;
    let claimed =
        store::idempotency::insert_claim(unit, actor.user_id(), &scope, key.as_str(), &fingerprint).await;
    match claimed {
        Ok(id) => return Ok(Claim::First(Ticket(id))),
        Err(StoreError::Unique { .. }) => {}
        Err(StoreError::LockTimeout(_)) => return Err(CommonFault::RequestInProgress),
        Err(error) => return Err(of_store(error)),
    }
    let row = store::idempotency::find_answer(unit, &scope, key.as_str()).await.map_err(of_store)?;
    // The holder of the key rolled back between the two statements: as busy as one that still runs.
    let row = row.ok_or(CommonFault::RequestInProgress)?;
    if row.fingerprint != fingerprint {
        return Err(CommonFault::IdempotencyKeyReused);
    }
    let body = row.body.ok_or(CommonFault::RequestInProgress)?;
    let answer = serde_json::from_value(body.0).map_err(CommonFault::internal)?;
    if let Some(events) = row.events {
        let earlier: Aftermath = serde_json::from_value(events.0).map_err(CommonFault::internal)?;
        unit.repeat(earlier);
    }
    Ok(Claim::Answered(Written { answer, replayed: true }))
}

/// Has this key of the actor been answered? For rate limits, which repeats are not to meet.
///
/// # Errors
/// Those of the store.
pub async fn is_answered(
    app: &App,
    actor: &Actor,
    operation: &'static str,
    key: &IdempotencyKey,
) -> Result<bool, CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let row = store::idempotency::find_answer(&mut conn, &scope(actor, operation), key.as_str()).await;
    Ok(row.map_err(of_store)?.is_some())
}

/// Keeps the answer, and what is to follow the commit, in the running transaction. To be called last: what is
/// emitted or forgotten later is not done again by a repeat.
///
/// # Errors
/// Those of the store.
pub async fn remember<T: Serialize>(
    unit: &mut Unit,
    ticket: Ticket,
    answer: T,
) -> Result<Written<T>, CommonFault> {
    let body = serde_json::to_value(&answer).map_err(CommonFault::internal)?;
    let events = serde_json::to_value(unit.aftermath()).map_err(CommonFault::internal)?;
    store::idempotency::update_answer(unit, ticket.0, body, events).await.map_err(of_store)?;
    Ok(Written { answer, replayed: false })
}

/// What keys turned out to be answered: for a unit that does the work of many.
///
/// Unlike [`claim`], this does not hold a key: whoever does the work keeps the answer with [`remember_all`] at the end of
/// the same unit, which fails, and is run again, if somebody else was faster with one of the keys.
#[derive(Debug, Default)]
pub(crate) struct Answers(HashMap<(String, String), AnsweredRow>);

/// When a unit that does the work of many looks for answers that were given before.
///
/// Repeats are rare, and looking costs the database as much as keeping an answer. So the first run does not look before it
/// writes: the keys' unique index tells it of a repeat, and the run after that looks first. Only for what it refuses it
/// looks at once: a repeat of what was done is answered as it was, though it would be refused now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Before the work is done, for all keys.
    First,
    /// After it, for those that were refused.
    Afterwards,
}

impl Look {
    /// Of the first run, and of those after it.
    pub(crate) const fn in_run(number: u32) -> Self {
        if number <= 1 { Self::Afterwards } else { Self::First }
    }
}

/// The key of an actor for an operation, with the fingerprint of its input.
///
/// # Errors
/// [`CommonFault::Internal`] for an input that is no JSON.
pub(crate) fn keyed(
    actor: &Actor,
    operation: &'static str,
    key: &IdempotencyKey,
    input: &impl Serialize,
) -> Result<Keyed, CommonFault> {
    Ok(Keyed {
        user_id: actor.user_id(),
        scope: scope(actor, operation),
        key: key.as_str().to_owned(),
        fingerprint: fingerprint(input)?,
    })
}

/// Those of the keys that were answered before, in one statement.
///
/// # Errors
/// Those of the store.
pub(crate) async fn find_answers(unit: &mut Unit, keys: &[&Keyed]) -> Result<Answers, CommonFault> {
    let rows = store::idempotency::list_answers(unit, keys).await.map_err(of_store)?;
    Ok(Answers(rows.into_iter().map(|row| ((row.scope, row.key), row.answered)).collect()))
}

impl Answers {
    /// What was answered under this key: the answer, and what followed its commit as the operation kept it; `None` for a
    /// new key.
    ///
    /// # Errors
    /// [`CommonFault::IdempotencyKeyReused`] for other content; [`CommonFault::Internal`] for an answer that cannot be
    /// read.
    pub(crate) fn of<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        keyed: &Keyed,
    ) -> Result<Option<(T, E)>, CommonFault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let Some(row) = self.0.get(&(keyed.scope.clone(), keyed.key.clone())) else { return Ok(None) };
        if row.fingerprint != keyed.fingerprint {
            return Err(CommonFault::IdempotencyKeyReused);
        }
        let (Some(body), Some(events)) = (&row.body, &row.events) else {
            return Err(CommonFault::RequestInProgress);
        };
        let answer = T::deserialize(&body.0).map_err(CommonFault::internal)?;
        let events = E::deserialize(&events.0).map_err(CommonFault::internal)?;
        Ok(Some((answer, events)))
    }
}

/// An answer with its key, and what is kept of that which follows the commit: a repeat reads it again ([`Answers::of`]).
pub(crate) struct Remembered<'a, T, E> {
    /// Under which key.
    pub(crate) keyed: &'a Keyed,
    /// The answer.
    pub(crate) answer: &'a T,
    /// What a repeat does again.
    pub(crate) events: &'a E,
}

/// Keeps answers in the running transaction, in one statement. To be called last.
///
/// # Errors
/// [`CommonFault::Unavailable`], with which the unit is run again, where another transaction has answered one of the keys;
/// [`CommonFault::RequestInProgress`] where one has not ended after 5 s.
pub(crate) async fn remember_all<T: Serialize, E: Serialize>(
    unit: &mut Unit,
    remembered: &[Remembered<'_, T, E>],
) -> Result<(), CommonFault> {
    let json = |value: serde_json::Result<String>| value.map_err(CommonFault::internal);
    let answers = remembered
        .iter()
        .map(|Remembered { keyed, answer, events }| {
            let (body, events) = (json(serde_json::to_string(answer))?, json(serde_json::to_string(events))?);
            Ok(NewAnswer { keyed, body, events })
        })
        .collect::<Result<Vec<_>, CommonFault>>()?;
    store::idempotency::insert_answers(unit, &answers).await.map_err(|error| match error {
        StoreError::LockTimeout(_) => CommonFault::RequestInProgress,
        StoreError::Unique { .. } => CommonFault::Unavailable(Box::new(error)),
        _ => of_store(error),
    })
}

fn scope(actor: &Actor, operation: &str) -> String {
    format!("{}:{operation}", actor.user_id())
}

/// Of the input without its key.
fn fingerprint(input: &impl Serialize) -> Result<String, CommonFault> {
    let mut content = serde_json::to_value(input).map_err(CommonFault::internal)?;
    if let Some(members) = content.as_object_mut() {
        members.remove("client_id");
    }
    let canonical = serde_json::to_vec(&content).map_err(CommonFault::internal)?;
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(&canonical) {
        digits
            .extend([byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap_or('0')));
    }
    Ok(digits)
}
