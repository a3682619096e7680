//! The handles that operations work with: store, bus, settings. No behaviour of its own beyond telling.

use std::ops::Deref;
use std::sync::Arc;

use base::CommonFault;
use base::id::{RoomId, UserId};
use bus::{Bus, Publish};
use bytes::Bytes;
use config::Settings;
use protocol::Envelope;
use protocol::event::Delivery;
use store::Store;

use crate::fault::{of_bus, of_store};
use crate::gather::Gather;
use crate::rooms::{FactsRead, RoomLook};
use crate::unit::{Aftermath, Unit};
use crate::uploads::{AddressKey, Storage};
use crate::users::{Blocks, LastUses, Revocations, TokenKeys, UserState};

/// Envelopes of one round trip at most, so that none is long enough to look like a Redis that does not answer.
const PUBLISHED_AT_ONCE: usize = 200;

/// Whole documents that are in memory at once: one of a book may have 200 MiB.
const DOCUMENTS_AT_ONCE: usize = 2;

/// Cheap to clone; every operation takes it first.
#[derive(Clone)]
pub struct App(Arc<Handles>);

/// What an [`App`] holds.
pub struct Handles {
    /// MySQL.
    pub store: Store,
    /// Redis.
    pub bus: Bus,
    /// What was configured.
    pub settings: Settings,
    /// Signs and checks access tokens.
    pub(crate) keys: TokenKeys,
    /// Tokens that ended before their time, kept in memory for the hot path.
    pub(crate) revocations: Revocations,
    /// Signs the addresses of files.
    pub(crate) address_key: AddressKey,
    /// Sends mail.
    pub(crate) mailer: mail::Mailer,
    /// Who takes customers' money.
    pub(crate) payments: Box<dyn payments::Provider>,
    /// Where files are.
    pub(crate) storage: Storage,
    /// Signs passes for the video server, where there is one.
    pub(crate) jitsi_key: Option<crate::rooms::PassKey>,
    /// Uses of API tokens that are still to be written, in the background.
    pub(crate) last_uses: LastUses,
    /// Readers of rooms from Redis, joined.
    pub(crate) room_looks: Arc<Gather<RoomId, RoomLook>>,
    /// Readers of users' states and blocks, of rooms' facts and of seats from MySQL, joined.
    pub(crate) state_reads: Arc<Gather<UserId, UserState>>,
    pub(crate) block_reads: Arc<Gather<UserId, Blocks>>,
    pub(crate) room_reads: Arc<Gather<RoomId, FactsRead>>,
    pub(crate) seat_reads: Arc<Gather<(RoomId, UserId), ()>>,
    /// 1:1 messages that are written together.
    pub(crate) sends: Arc<crate::chat::Sends>,
    /// Messages to rooms that wait to be written together.
    pub(crate) posts: Arc<crate::rooms::Posts>,
    /// Bounds how many passwords are hashed at once, since each takes a core for a quarter of a second.
    pub(crate) hashing: tokio::sync::Semaphore,
    /// Bounds how many whole documents are in memory at once.
    pub(crate) documents: tokio::sync::Semaphore,
}

impl Deref for App {
    type Target = Handles;

    fn deref(&self) -> &Handles {
        &self.0
    }
}

impl App {
    /// Puts the handles together and loads what must be known before the first request (revoked tokens).
    ///
    /// # Errors
    /// A sentence for the operator: keys that cannot be read, a store that does not answer.
    pub async fn start(store: Store, bus: Bus, settings: Settings) -> Result<Self, CommonFault> {
        let keys = TokenKeys::load(&settings.auth)?;
        let address_key = AddressKey::derive(settings.uploads.url_secret.expose())?;
        let mailer = mail::Mailer::new(&settings.mail).map_err(CommonFault::internal)?;
        let payments = crate::wallet::provider(&settings.payments)?;
        let storage = Storage::new(&settings.uploads.folder);
        let jitsi_key = settings.jitsi.as_ref().map(crate::rooms::PassKey::load).transpose()?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let app = Self(Arc::new(Handles {
            store,
            bus,
            settings,
            keys,
            address_key,
            storage,
            jitsi_key,
            mailer,
            payments,
            revocations: Revocations::default(),
            last_uses: LastUses::default(),
            state_reads: Arc::default(),
            block_reads: Arc::default(),
            room_looks: Arc::new(Gather::paced(crate::rooms::LOOK_EVERY)),
            room_reads: Arc::default(),
            seat_reads: Arc::default(),
            sends: Arc::new(crate::chat::Sends::new(crate::chat::LANES, crate::chat::AT_ONCE)),
            posts: Arc::new(crate::rooms::Posts::new(crate::rooms::LANES, crate::rooms::AT_ONCE)),
            hashing: tokio::sync::Semaphore::new(cores),
            documents: tokio::sync::Semaphore::new(DOCUMENTS_AT_ONCE),
        }));
        crate::users::load_revocations(&app).await?;
        Ok(app)
    }

    /// Begins a unit of work. Operations use [`crate::in_unit!`], which also runs it again after a deadlock.
    ///
    /// # Errors
    /// [`CommonFault::Unavailable`] when no connection becomes free.
    pub async fn begin(&self) -> Result<Unit, CommonFault> {
        Ok(Unit::new(self.store.begin().await.map_err(of_store)?))
    }

    /// Tells what is not written anywhere: typing, viewer counts. Everything else is emitted in a unit.
    ///
    /// # Errors
    /// [`CommonFault::Unavailable`]: it may or may not have been heard.
    pub async fn signal(&self, envelope: &Envelope) -> Result<(), CommonFault> {
        debug_assert_eq!(envelope.delivery(), Delivery::Signal, "emit it in a unit");
        self.publish(std::slice::from_ref(envelope)).await
    }

    /// Does what follows a commit, each step after the one before: who hears an event reads no stale cache, and who
    /// is told why a socket closes is told before it closes. For commits and the outbox.
    ///
    /// # Errors
    /// [`CommonFault::Unavailable`]: some of it may have been done; doing all of it again is right.
    pub(crate) async fn tell(&self, after: &Aftermath) -> Result<(), CommonFault> {
        let stale: Vec<&str> = after.stale.iter().map(String::as_str).collect();
        self.bus.cache_invalidate(&stale).await.map_err(of_bus)?;
        crate::users::renew_unread(self, &after.unread).await?;
        self.publish(&after.envelopes).await?;
        for message in &after.controls {
            self.bus.control(message).await.map_err(of_bus)?;
        }
        Ok(())
    }

    /// Publishes envelopes in their order, 200 a round trip.
    ///
    /// # Errors
    /// [`CommonFault::Unavailable`]: some may have been heard; publishing all again is right, since ids repeat.
    pub(crate) async fn publish(&self, envelopes: &[Envelope]) -> Result<(), CommonFault> {
        for chunk in envelopes.chunks(PUBLISHED_AT_ONCE) {
            self.publish_chunk(chunk).await?;
        }
        Ok(())
    }

    async fn publish_chunk(&self, envelopes: &[Envelope]) -> Result<(), CommonFault> {
        let mut publishes = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            let payload = serde_json::to_vec(&envelope.data).map_err(CommonFault::internal)?;
            let kept = envelope.delivery() != Delivery::Signal;
            publishes.push(Publish {
                channel: envelope.channel.to_string().into(),
                payload: Bytes::from(payload),
                history: envelope
                    .channel
                    .history()
                    .filter(|_| kept)
                    .map(|policy| bus::HistoryPolicy { max_events: policy.max_events, ttl: policy.ttl }),
            });
        }
        self.bus.publish(&publishes).await.map_err(of_bus)?;
        Ok(())
    }
}
