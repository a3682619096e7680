//! The protocol's own commands (realtime.md §1). What waits for something is a future with everything it needs inside,
//! so that the connection can go on writing; what does not is answered by the connection at once.

pub(crate) mod channel;
pub(crate) mod connect;
pub(crate) mod rpc;
pub(crate) mod subscribe;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use protocol::channel::Channel;
use protocol::codec::{self, Encoding};
use protocol::codes::{CloseCode, ProtocolError};
use protocol::frame::{Answer, ErrorReply, Reply};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connection::frame::{Class, Frame};
use crate::connection::outbox::Peer;
use crate::connection::session::Session;
use crate::hub::Hub;
use crate::hub::people::SignedIn;
use crate::hub::subscription::Subscription;

/// The version that `connect` tells.
pub(crate) const VERSION: &str = concat!("majlis ", env!("CARGO_PKG_VERSION"));
/// A command that has no answer after so long gets error 100; an operation's own patience is shorter.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often a subscription is begun again when the channel moved too fast.
pub(crate) const ATTEMPTS: u32 = 4;

/// A command under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What a command needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) hub: Arc<Hub>,
    pub(crate) peer: Arc<Peer>,
    /// The command's id.
    pub(crate) id: u32,
}

/// What a command leaves for its connection to do. Its reply is in the queue already.
pub(crate) struct Outcome {
    /// The error in the reply, 0 for none.
    pub(crate) code: u32,
    pub(crate) effect: Effect,
}

/// See [`Outcome`].
pub(crate) enum Effect {
    Nothing,
    /// `connect` succeeded.
    SignedIn {
        signed_in: SignedIn,
        personal: Subscription,
    },
    /// `subscribe` succeeded.
    Subscribed(Subscription),
    /// `refresh` succeeded.
    Refreshed(Arc<Session>),
    Close(CloseCode),
}

impl Outcome {
    pub(crate) fn close(code: CloseCode) -> Self {
        Self { code: 0, effect: Effect::Close(code) }
    }
}

impl Context {
    /// Puts the reply into the queue.
    pub(crate) fn reply(&self, outcome: Result<Answer, ErrorReply>) -> Outcome {
        let code = outcome.as_ref().err().map_or(0, |error| error.code);
        if let Some(frame) = encode_reply(self.peer.encoding, self.id, outcome) {
            self.peer.push(&[frame]);
        }
        Outcome { code, effect: Effect::Nothing }
    }

    pub(crate) fn refuse(&self, error: ProtocolError) -> Outcome {
        self.reply(Err(error.into()))
    }
}

/// The frame of a reply.
pub(crate) fn encode_reply(
    encoding: Encoding,
    id: u32,
    outcome: Result<Answer, ErrorReply>,
) -> Option<Frame> {
    let message = codec::encode_reply(encoding, &Reply { id, outcome }).or_else(|error| {
        // Cannot happen with payloads that were checked; a command must have a reply in any case.
        tracing::error!(%error, "a reply could not be encoded");
        codec::encode_reply(encoding, &Reply { id, outcome: Err(ProtocolError::Internal.into()) })
    });
    message.ok().map(|message| Frame::message(encoding, Class::Reply, &message))
}

/// A turn at what thousands want at once after a network was away: few at a time come through sooner than all together,
/// and what waits is small.
///
/// # Errors
/// A temporary one, where there was none for as long as a command may take.
pub(crate) async fn take_turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, ErrorReply> {
    if let Ok(turn) = turns.try_acquire() {
        return Ok(turn);
    }
    match tokio::time::timeout(PATIENCE, turns.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(ErrorReply { temporary: true, ..ProtocolError::Internal.into() }),
    }
}

/// A channel named by a client, or error 102.
pub(crate) fn parse_channel(name: &str) -> Result<Channel, ProtocolError> {
    name.parse().map_err(|_unknown| ProtocolError::UnknownChannel)
}
