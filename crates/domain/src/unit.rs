//! The unit of work: a transaction, what it will tell, and what it makes stale. Inside, one can only emit; commit
//! publishes. There is no client of anything but the store in here.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use base::CommonFault;
use base::id::UserId;
use bus::ControlMessage;
use protocol::channel::Channel;
use protocol::event::Delivery;
use protocol::{Envelope, Event};
use rand::RngExt;
use store::{Conn, StoreError, Tx};

use crate::App;
use crate::fault::{of_bus, of_store};

/// How often a unit is run at most when MySQL prefers another transaction (domain.md D8).
const ATTEMPTS: u32 = 4;

/// A transaction and what follows from its commit. Dropped without commit, it leaves no trace.
pub struct Unit {
    tx: Tx,
    events: Vec<Envelope>,
    /// Events of an earlier commit that this one publishes again; they have their outbox rows already.
    repeated: Vec<Envelope>,
    controls: Vec<ControlMessage>,
    stale_users: Vec<UserId>,
    stale_keys: Vec<String>,
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
    pub(crate) const fn new(tx: Tx) -> Self {
        Self {
            tx,
            events: Vec::new(),
            repeated: Vec::new(),
            controls: Vec::new(),
            stale_users: Vec::new(),
            stale_keys: Vec::new(),
        }
    }

    /// To be published by the commit, in the order emitted.
    pub fn emit(&mut self, channel: Channel, event: Event) {
        self.events.push(Envelope::new(channel, event));
    }

    /// What was emitted so far.
    #[must_use]
    pub fn emitted(&self) -> &[Envelope] {
        &self.events
    }

    /// The commit publishes again what an earlier one with the same key published.
    pub(crate) fn repeat(&mut self, envelopes: Vec<Envelope>) {
        self.repeated.extend(envelopes);
    }

    /// The commit tells all nodes.
    pub(crate) fn control(&mut self, message: ControlMessage) {
        self.controls.push(message);
    }

    /// The commit makes what Redis remembers of this user stale (name, unread total, state).
    pub fn forget_user(&mut self, user_id: UserId) {
        if !self.stale_users.contains(&user_id) {
            self.stale_users.push(user_id);
        }
    }

    /// The commit makes this entry of the cache stale.
    pub(crate) fn forget(&mut self, key: String) {
        if !self.stale_keys.contains(&key) {
            self.stale_keys.push(key);
        }
    }

    /// Commits, then publishes. An error before the commit leaves nothing written; one after it says that Redis
    /// did not take the events, and a repeat with the same key publishes them (realtime.md §4).
    ///
    /// # Errors
    /// [`CommonFault::Unavailable`] in both cases, [`CommonFault::Internal`] for a mistake of ours.
    pub async fn commit(self, app: &App) -> Result<(), CommonFault> {
        let Self { mut tx, events, repeated, controls, stale_users, mut stale_keys } = self;
        let durable: Vec<&Envelope> =
            events.iter().filter(|envelope| envelope.data.event.delivery() == Delivery::Durable).collect();
        let outbox_id = if durable.is_empty() {
            None
        } else {
            let stored = serde_json::to_value(&durable).map_err(CommonFault::internal)?;
            let eid = base::id::ulid();
            Some(store::outbox::insert_events(&mut tx, &eid, stored).await.map_err(of_store)?)
        };
        tx.commit().await.map_err(|error| of_store(StoreError::from(error)))?;

        stale_keys.extend(stale_users.iter().map(|&id| crate::users::state_key(id)));
        if !stale_keys.is_empty() {
            let keys: Vec<&str> = stale_keys.iter().map(String::as_str).collect();
            app.bus.cache_invalidate(&keys).await.map_err(of_bus)?;
        }
        for message in &controls {
            app.control(message).await?;
        }
        app.publish(&repeated).await?;
        app.publish(&events).await?;
        if let Some(id) = outbox_id {
            // A row left unmarked is published once more by the relay, which does no harm: do not fail for it.
            let marked = async {
                let mut conn = app.store.reader().await?;
                store::outbox::update_published(&mut conn, &[id]).await
            };
            if let Err(error) = marked.await {
                tracing::warn!(%error, outbox_id = id, "an outbox row could not be marked");
            }
        }
        Ok(())
    }
}

/// Counts how often a unit was run.
pub struct Attempts(u32);

impl Attempts {
    /// Before the first run.
    #[must_use]
    pub const fn new() -> Self {
        Self(1)
    }

    /// Should the unit be run again after this failure? Waits a little before it says yes.
    pub async fn again(&mut self, failure: &(dyn std::error::Error + Sync)) -> bool {
        if self.0 >= ATTEMPTS || !is_retryable(failure) {
            return false;
        }
        self.0 += 1;
        metrics::counter!("store_deadlock_retries_total").increment(1);
        let jitter = rand::rng().random_range(2..12);
        tokio::time::sleep(Duration::from_millis(jitter * u64::from(self.0))).await;
        true
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self::new()
    }
}

fn is_retryable(failure: &(dyn std::error::Error + Sync)) -> bool {
    let mut cause = failure.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<StoreError>() {
            return error.is_retryable();
        }
        cause = error.source();
    }
    false
}

/// Runs an `async fn(&mut Unit, …) -> Result<T, E>` in a unit and commits it; runs it again, at most four times,
/// when MySQL chose it as the victim of a deadlock. `E` has a variant `Common(CommonFault)`.
///
/// ```ignore
/// in_unit!(app, |unit| write_gift(unit, actor, &input))
/// ```
#[macro_export]
macro_rules! in_unit {
    ($app:expr, |$unit:ident| $body:expr) => {{
        let app: &$crate::App = $app;
        let mut attempts = $crate::unit::Attempts::new();
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
