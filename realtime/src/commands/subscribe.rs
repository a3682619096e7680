//! `subscribe` to the channels that clients choose (realtime.md §3).

use std::sync::Arc;

use base::Fault;
use base::rule::Kind;
use bytes::Bytes;
use domain::{App, consultations, courses, presence, rooms, social};
use protocol::channel::Channel;
use protocol::codec::Payload;
use protocol::codes::ProtocolError;
use protocol::frame::{Answer, ErrorReply, SubscribeRequest, SubscribeResult};
use serde::Serialize;

use super::connect::position_of;
use super::{ATTEMPTS, Context, Effect, Outcome, encode_reply, take_turn};
use crate::connection::session::Session;
use crate::error::{log, of_bus};
use crate::hub::subscription::{Start, Subscription};

/// What the domain says of a user and a channel.
pub(crate) enum Access {
    /// The channel's present value, for the reply.
    Given(Bytes),
    /// No; what the client is told.
    Refused(ErrorReply),
    /// It could not be asked.
    Unknown(ErrorReply),
}

/// Asks the domain whether a user may listen to a channel, and for its present value.
pub(crate) async fn ask_access(app: &App, session: &Session, channel: Channel) -> Access {
    match channel {
        Channel::Room(id) => access_of(rooms::enter_channel(app, &session.actor, id).await),
        Channel::Presence(id) => access_of(presence::watch_presence(app, &session.actor, id).await),
        Channel::Course(id) => access_of(courses::enter_channel(app, &session.actor, id).await),
        Channel::Speaker(id) => access_of(consultations::watch_speaker(app, &session.actor, id).await),
        // The server subscribes the own one; nobody listens to another's.
        Channel::User(_) => Access::Refused(ProtocolError::PermissionDenied.into()),
        Channel::Post(id) => access_of(social::enter_post(app, &session.actor, id).await),
    }
}

fn access_of<T: Serialize, F: Fault>(outcome: Result<T, F>) -> Access {
    let fault = match outcome {
        Ok(value) => {
            return match Payload::from_value(&value) {
                Ok(data) => Access::Given(data.into_bytes()),
                Err(error) => {
                    tracing::error!(%error, "a channel's value could not be written");
                    Access::Unknown(ProtocolError::Internal.into())
                }
            };
        }
        Err(fault) => fault,
    };
    log(&fault);
    match fault.rule().kind {
        // A channel refuses with the protocol's own code (realtime.md §4), and who may not see a thing is not told
        // either whether it exists.
        Kind::Forbidden | Kind::NotFound | Kind::Invalid | Kind::Unauthenticated | Kind::Conflict => {
            Access::Refused(ProtocolError::PermissionDenied.into())
        }
        Kind::Limited | Kind::Unavailable | Kind::Internal => {
            Access::Unknown(ErrorReply { temporary: true, ..ProtocolError::Internal.into() })
        }
    }
}

/// `subscribe`. The connection has checked that it does not listen already and has room for one more.
pub(crate) async fn subscribe(
    context: Context,
    session: Arc<Session>,
    channel: Channel,
    request: SubscribeRequest,
) -> Outcome {
    let (hub, peer) = (&context.hub, &context.peer);
    if let Channel::User(_) = channel {
        return context.refuse(ProtocolError::PermissionDenied);
    }
    // Where nobody listens yet, listening costs Redis something and leaves traces there: a stranger is refused before. He who
    // is not is asked for once more below.
    if hub.registry.find(channel).is_none() {
        let _turn = match take_turn(&hub.registry.subscribing).await {
            Ok(turn) => turn,
            Err(error) => return context.reply(Err(error)),
        };
        if let Access::Refused(error) | Access::Unknown(error) = ask_access(&hub.app, &session, channel).await
        {
            return context.reply(Err(error));
        }
    }
    let since = position_of(&request);
    for _ in 0..ATTEMPTS {
        let turn = match take_turn(&hub.registry.subscribing).await {
            Ok(turn) => turn,
            Err(error) => return context.reply(Err(error)),
        };
        // The order matters: what happens after the position was read waits in the subscription, and what happened
        // before it is in the present value, which is read last.
        let mut subscription = match Subscription::begin(hub, peer, channel).await {
            Ok(subscription) => subscription,
            Err(error) => return context.reply(Err(of_bus(&error))),
        };
        let start = match subscription.read_start(since.clone()).await {
            Ok(start) => start,
            Err(error) => return context.reply(Err(of_bus(&error))),
        };
        let data = match ask_access(&hub.app, &session, channel).await {
            Access::Given(data) => data,
            Access::Refused(error) | Access::Unknown(error) => return context.reply(Err(error)),
        };
        drop(turn);
        let result = Answer::Subscribe(result_of(channel, &start, data));
        let Some(reply) = encode_reply(peer.encoding, context.id, Ok(result)) else { break };
        match subscription.go_live(&start, &reply) {
            Ok(()) => {
                subscription.enter_members(peer);
                return Outcome { code: 0, effect: Effect::Subscribed(subscription) };
            }
            Err(stale) => subscription.look_after(stale).await,
        }
    }
    context.refuse(ProtocolError::Internal)
}

/// The reply's account of a subscription's beginning.
pub(crate) fn result_of(channel: Channel, start: &Start, data: Bytes) -> SubscribeResult {
    let recoverable = channel.recoverable();
    let (offset, epoch) =
        start.top.as_ref().map_or((0, String::new()), |top| (top.offset, top.epoch.to_string()));
    SubscribeResult {
        recoverable,
        positioned: recoverable,
        epoch,
        offset,
        publications: start.missed.to_vec(),
        recovered: start.recovered,
        was_recovering: start.was_recovering,
        data,
        ..SubscribeResult::default()
    }
}
