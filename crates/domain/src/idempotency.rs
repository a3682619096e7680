//! The same key gives the same answer, through both doors (domain.md §2.4, realtime.md §4).

use base::CommonFault;
use protocol::IdempotencyKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use store::StoreError;

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
    Ok(Sha256::digest(&canonical).iter().map(|byte| format!("{byte:02x}")).collect())
}
