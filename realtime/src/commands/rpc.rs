//! `rpc`: an operation of the domain (realtime.md §4).

use std::sync::Arc;

use protocol::Rpc;
use protocol::codes::ProtocolError;
use protocol::frame::{Answer, ErrorReply, RpcResult};

use super::{Context, Outcome, PATIENCE};
use crate::connection::session::Session;
use crate::dispatch;

/// Runs a call and replies. Dropped half-way, or after its time, a write is rolled back, unless its commit has begun:
/// that goes on by itself, with all that follows it.
pub(crate) async fn run(context: Context, session: Arc<Session>, call: Rpc) -> Outcome {
    let running = Box::pin(dispatch::run(&context.hub.app, &session.actor, session.lang, call));
    let outcome = match tokio::time::timeout(PATIENCE, running).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(ErrorReply { temporary: true, ..ProtocolError::Internal.into() }),
    };
    context.reply(outcome.map(|data| Answer::Rpc(RpcResult { data: data.into_bytes() })))
}
