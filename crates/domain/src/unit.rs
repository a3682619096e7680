//! The unit of work: a transaction, what it will tell, and what it makes stale. Inside, one can only emit; commit
//! publishes. There is no client of anything but the store in here.
//!
//! What follows a commit ([`Aftermath`]) is data, so that it can be kept in the same transaction: under the key of a
//! keyed write, whose repeat does it again, and in the outbox for durable events, which the relay does.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use base::CommonFault;
use base::id::UserId;
use bus::ControlMessage;
use protocol::channel::Channel;
use protocol::event::Delivery;
use protocol::{Envelope, Event};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use store::{Conn, StoreError, Tx};

use crate::App;
use crate::fault::of_store;

/// How often a unit is run at most when MySQL prefers another transaction (domain.md D8).
const ATTEMPTS: u32 = 4;

/// Envelopes of one outbox row at most: a room's start is told to all who have a seat, and neither a row nor what is
/// sent to Redis at once may grow with the room.
const ROW_ENVELOPES: usize = 200;

/// What follows a commit, in the order in which it is done ([`App::tell`]). As JSON it is the `events` of an
/// idempotency row and of an outbox row.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Aftermath {
    /// Entries of the cache that the commit made stale.
    #[serde(default)]
    pub(crate) stale: Vec<String>,
    /// Unread totals that the cache is to have; of two of a user the one with the greater version stays.
    #[serde(default)]
    pub(crate) unread: Vec<UnreadNow>,
    /// Events to publish, in the order emitted.
    pub(crate) envelopes: Vec<Envelope>,
    /// Messages to all nodes.
    #[serde(default)]
    pub(crate) controls: Vec<ControlMessage>,
}

/// A user's unread total after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnreadNow {
    /// Whose.
    pub(crate) user_id: UserId,
    /// Over all conversations.
    pub(crate) total: u32,
    /// Grows with each change.
    pub(crate) version: u64,
}

impl Aftermath {
    /// Does what `later` says, too, after this.
    fn append(&mut self, later: Self) {
        let Self { stale, unread, envelopes, controls } = later;
        for key in stale {
            self.forget(key);
        }
        for now in unread {
            self.renew_unread(now);
        }
        self.envelopes.extend(envelopes);
        self.controls.extend(controls);
    }

    /// One total of a user is enough: the newest.
    fn renew_unread(&mut self, now: UnreadNow) {
        match self.unread.iter_mut().find(|earlier| earlier.user_id == now.user_id) {
            Some(earlier) if earlier.version > now.version => {}
            Some(earlier) => *earlier = now,
            None => self.unread.push(now),
        }
    }

    fn forget(&mut self, key: String) {
        if !self.stale.contains(&key) {
            self.stale.push(key);
        }
    }

    /// What outbox rows keep of it: nothing where no event is durable; otherwise those, at most [`ROW_ENVELOPES`]
    /// a row, after all that is stale and before all control messages.
    fn outbox_rows(&self) -> Vec<Self> {
        let durable: Vec<Envelope> = self
            .envelopes
            .iter()
            .filter(|envelope| envelope.delivery() == Delivery::Durable)
            .cloned()
            .collect();
        let mut rows: Vec<Self> = durable
            .chunks(ROW_ENVELOPES)
            .map(|chunk| Self { envelopes: chunk.to_vec(), ..Self::default() })
            .collect();
        if let Some(first) = rows.first_mut() {
            first.stale.clone_from(&self.stale);
            first.unread.clone_from(&self.unread);
        }
        if let Some(last) = rows.last_mut() {
            last.controls.clone_from(&self.controls);
        }
        rows
    }
}

/// A transaction and what follows from its commit. Dropped without commit, it leaves no trace.
pub struct Unit {
    tx: Tx,
    after: Aftermath,
    /// What followed an earlier commit and is done again; its durable events have their outbox rows already.
    repeated: Aftermath,
}

impl Deref for Unit {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.tx
    }
}

impl DerefMut for Unit {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.tx
    }
}

impl Unit {
    pub(crate) fn new(tx: Tx) -> Self {
        Self { tx, after: Aftermath::default(), repeated: Aftermath::default() }
    }

    /// To be published by the commit, in the order emitted.
    pub fn emit(&mut self, channel: Channel, event: Event) {
        self.after.envelopes.push(Envelope::new(channel, event));
    }

    /// What will follow the commit, as far as is known now.
    pub(crate) const fn aftermath(&self) -> &Aftermath {
        &self.after
    }

    /// The commit does again what followed an earlier one with the same key; for a unit of many keys, of each.
    pub(crate) fn repeat(&mut self, earlier: Aftermath) {
        self.repeated.append(earlier);
    }

    /// The commit publishes this, in the order given; [`Self::emit`] for an event that is addressed already.
    pub(crate) fn emit_all(&mut self, envelopes: impl IntoIterator<Item = Envelope>) {
        self.after.envelopes.extend(envelopes);
    }

    /// The commit tells all nodes.
    pub(crate) fn control(&mut self, message: ControlMessage) {
        self.after.controls.push(message);
    }

    /// The commit makes what Redis remembers of this user stale (name, unread total, state).
    pub fn forget_user(&mut self, user_id: UserId) {
        self.forget(crate::users::state_key(user_id));
    }

    /// The commit gives the cache this unread total.
    pub(crate) fn renew_unread(&mut self, now: UnreadNow) {
        self.after.renew_unread(now);
    }

    /// The commit makes this entry of the cache stale.
    pub(crate) fn forget(&mut self, key: String) {
        self.after.forget(key);
    }

    /// Commits, then makes stale, publishes and tells all nodes. An error before the commit leaves nothing written;
    /// one after it says that Redis did not take all of that: a repeat with the same key does it (realtime.md §4),
    /// and where an event is durable the relay does.
    ///
    /// Runs in a task of its own from here on: a caller who goes away (a socket closed, a time limit) cannot stop it
    /// between the commit and what follows.
    ///
    /// # Errors
    /// [`CommonFault::Unavailable`] in both cases, [`CommonFault::Internal`] for a mistake of ours.
    pub async fn commit(self, app: &App) -> Result<(), CommonFault> {
        let app = app.clone();
        let work = tokio::spawn(async move { self.commit_and_tell(&app).await });
        // Fails for a panic alone: nobody aborts the task.
        work.await.map_err(CommonFault::internal)?
    }

    async fn commit_and_tell(self, app: &App) -> Result<(), CommonFault> {
        let Self { mut tx, after, repeated } = self;
        let mut outbox_ids = Vec::new();
        for row in after.outbox_rows() {
            let stored = serde_json::to_value(&row).map_err(CommonFault::internal)?;
            let eid = base::id::ulid();
            outbox_ids.push(store::outbox::insert_events(&mut tx, &eid, stored).await.map_err(of_store)?);
        }
        tx.commit().await.map_err(|error| of_store(StoreError::from(error)))?;

        let mut told = repeated;
        told.append(after);
        app.tell(&told).await?;
        if !outbox_ids.is_empty() {
            // A row left unmarked is published once more by the relay, which does no harm: do not fail for it.
            let marked = async {
                let mut conn = app.store.reader().await?;
                store::outbox::update_published(&mut conn, &outbox_ids).await
            };
            if let Err(error) = marked.await {
                tracing::warn!(%error, ?outbox_ids, "outbox rows could not be marked");
            }
        }
        Ok(())
    }
}

/// Counts how often a unit was run.
pub struct Attempts {
    run: u32,
    /// A lock that was not given in time is waited for again.
    patient: bool,
}

impl Attempts {
    /// Before the first run.
    #[must_use]
    pub const fn new() -> Self {
        Self { run: 1, patient: true }
    }

    /// Before the first run of a unit for which others wait: it does not wait a second time for a lock that was not given
    /// in time.
    pub(crate) const fn impatient() -> Self {
        Self { run: 1, patient: false }
    }

    /// Should the unit be run again after this failure? Waits a little before it says yes.
    pub async fn again(&mut self, failure: &(dyn std::error::Error + Sync)) -> bool {
        // Somebody was faster with the same key, and has committed: the next run finds the answer.
        let is_answered =
            store_error(failure).is_some_and(|error| error.is_unique(store::idempotency::KEY_INDEX));
        let retryable = is_answered
            || store_error(failure).is_some_and(|error| match error {
                StoreError::LockTimeout(_) => self.patient,
                _ => error.is_retryable(),
            });
        if self.run >= ATTEMPTS || !retryable {
            return false;
        }
        self.run += 1;
        if is_answered {
            return true;
        }
        metrics::counter!("store_deadlock_retries_total").increment(1);
        let jitter = rand::rng().random_range(2..12);
        tokio::time::sleep(Duration::from_millis(jitter * u64::from(self.run))).await;
        true
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self::new()
    }
}

/// The store's failure behind that of an operation.
pub(crate) fn store_error(failure: &dyn std::error::Error) -> Option<&StoreError> {
    let mut cause = failure.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<StoreError>() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

/// Runs an `async fn(&mut Unit, …) -> Result<T, E>` in a unit and commits it; runs it again, at most four times,
/// when MySQL chose it as the victim of a deadlock. `E` has a variant `Common(CommonFault)`.
///
/// ```ignore
/// in_unit!(app, |unit| write_gift(unit, actor, &input))
/// ```
#[macro_export]
macro_rules! in_unit {
    ($app:expr, |$unit:ident| $body:expr) => {
        $crate::in_unit!($app, $crate::unit::Attempts::new(), |$unit| $body)
    };
    ($app:expr, $attempts:expr, |$unit:ident| $body:expr) => {{
        let app: &$crate::App = $app;
        let mut attempts = $attempts;
        loop {
            let mut unit = app.begin().await?;
            let outcome = {
                let $unit = &mut unit;
                $body.await
            };
            match outcome {
                Ok(answer) => match unit.commit(app).await {
                    Ok(()) => break Ok(answer),
                    Err(failure) => {
                        if !attempts.again(&failure).await {
                            break Err(failure.into());
                        }
                    }
                },
                Err(failure) => {
                    drop(unit);
                    if !attempts.again(&failure).await {
                        break Err(failure);
                    }
                }
            }
        }
    }};
}
