//! `connect` and `refresh` (realtime.md §2).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::Time;
use bus::Position;
use bytes::Bytes;
use domain::users::{self, Authenticated, UserState};
use protocol::channel::Channel;
use protocol::codec::Payload;
use protocol::codes::{CloseCode, ProtocolError};
use protocol::frame::{
    Answer, ConnectRequest, ConnectResult, RefreshRequest, RefreshResult, SubscribeRequest,
};
use serde::Serialize;

use super::subscribe::result_of;
use super::{ATTEMPTS, Context, Effect, Outcome, VERSION, encode_reply, take_turn};
use crate::connection::session::{Session, UserCard};
use crate::error::{NotSignedIn, of_authentication, of_bus};
use crate::hub::people::SignedIn;
use crate::hub::subscription::Subscription;

/// What a token must be good for.
const ABILITY: &str = "realtime";

/// `connect`. `bearer` is the token of the upgrade request, used where the command has none.
pub(crate) async fn connect(context: Context, request: ConnectRequest, bearer: Option<Box<str>>) -> Outcome {
    let token = match (request.token.as_str(), bearer.as_deref()) {
        ("", None) => return Outcome::close(CloseCode::InvalidToken),
        ("", Some(bearer)) => bearer.to_owned(),
        (token, _) => token.to_owned(),
    };
    let turn = match take_turn(&context.hub.people.signing_in).await {
        Ok(turn) => turn,
        Err(error) => return context.reply(Err(error)),
    };
    // In a box of its own, so that those who wait for their turn do not hold the room for it.
    let signed_in = Box::pin(sign_in(&context, &token, &request.subs)).await;
    drop(turn);
    match signed_in {
        Ok(outcome) => outcome,
        Err(NotSignedIn::Reply(error)) => context.reply(Err(error)),
        Err(NotSignedIn::Close(code)) => Outcome::close(code),
    }
}

async fn sign_in(
    context: &Context,
    token: &str,
    subs: &BTreeMap<String, SubscribeRequest>,
) -> Result<Outcome, NotSignedIn> {
    let (hub, peer) = (&context.hub, &context.peer);
    let revocations = hub.revocations.load(Ordering::Acquire);
    let (session, state) = authenticate(context, token).await?;
    let limit = hub.settings.max_connections_per_user;
    if limit > 0 && hub.people.of_user(session.user_id()).len() >= limit {
        return Err(NotSignedIn::Close(CloseCode::ConnectionLimit));
    }
    let channel = Channel::User(session.user_id());
    let since = subs.get(&channel.to_string()).and_then(position_of);

    // Registered before it is looked whether the session ended meanwhile: from then on a revocation finds it.
    let signed_in = SignedIn::new(hub, peer, Arc::clone(&session));
    if hub.revocations.load(Ordering::Acquire) != revocations {
        authenticate(context, token).await?;
    }
    for _ in 0..ATTEMPTS {
        let personal = Subscription::begin(hub, peer, channel).await.map_err(refused)?;
        let start = personal.read_start(since.clone()).await.map_err(refused)?;
        let subs = BTreeMap::from([(personal.name().to_owned(), result_of(channel, &start, Bytes::new()))]);
        let result = ConnectResult {
            client: peer.client.to_string(),
            version: VERSION.to_owned(),
            expires: session.ttl().is_some(),
            ttl: session.ttl().unwrap_or(0),
            data: welcome(&state),
            subs,
            ping: u32::try_from(hub.settings.ping_interval.as_secs()).unwrap_or(0),
            pong: true,
            session: peer.client.to_string(),
            node: hub.app.bus.node_id().to_owned(),
            time: Time::now().unix_millis(),
        };
        let Some(reply) = encode_reply(peer.encoding, context.id, Ok(Answer::Connect(result))) else { break };
        match personal.go_live(&start, &reply) {
            Ok(()) => return Ok(Outcome { code: 0, effect: Effect::SignedIn { signed_in, personal } }),
            Err(stale) => personal.look_after(stale).await,
        }
    }
    Err(ProtocolError::Internal.into())
}

fn refused(error: bus::BusError) -> NotSignedIn {
    NotSignedIn::Reply(of_bus(&error))
}

async fn authenticate(context: &Context, token: &str) -> Result<(Arc<Session>, UserState), NotSignedIn> {
    let authenticated =
        users::authenticate(&context.hub.app, token).await.map_err(|error| of_authentication(&error))?;
    if !authenticated.actor.can(ABILITY) {
        return Err(ProtocolError::PermissionDenied.into());
    }
    let Authenticated { state, .. } = &authenticated;
    let state = state.clone();
    let session = Session::new(authenticated).map_err(|error| {
        tracing::error!(%error, "a user's card could not be written");
        NotSignedIn::from(ProtocolError::Internal)
    })?;
    Ok((Arc::new(session), state))
}

/// Where a client wants to go on.
pub(crate) fn position_of(request: &SubscribeRequest) -> Option<Position> {
    request.recover.then(|| Position::new(request.offset, request.epoch.as_str()))
}

/// The `data` of `connect`'s reply.
#[derive(Serialize)]
struct Welcome<'a> {
    user: UserCard<'a>,
    unread_total: u32,
    unread_version: u64,
    server_time: Time,
}

fn welcome(state: &UserState) -> Bytes {
    let welcome = Welcome {
        user: UserCard::of(state),
        unread_total: state.unread_total,
        unread_version: state.unread_version,
        server_time: Time::now(),
    };
    Payload::from_value(&welcome).map(Payload::into_bytes).unwrap_or_default()
}

/// `refresh`: a new token of the same user.
pub(crate) async fn refresh(context: Context, session: Arc<Session>, request: RefreshRequest) -> Outcome {
    match authenticate(&context, &request.token).await {
        Ok((new, _)) if new.user_id() == session.user_id() => {
            // In its place before it is looked whether it ended meanwhile: from then on a revocation finds it. (A
            // suspension means all sockets of the user, whatever their tokens.)
            context.peer.set_session(Arc::clone(&new));
            if users::is_revoked(&context.hub.app, &new.actor) {
                return Outcome::close(CloseCode::SessionRevoked);
            }
            let result = RefreshResult {
                client: context.peer.client.to_string(),
                version: VERSION.to_owned(),
                expires: new.ttl().is_some(),
                ttl: new.ttl().unwrap_or(0),
            };
            let outcome = context.reply(Ok(Answer::Refresh(result)));
            Outcome { effect: Effect::Refreshed(new), ..outcome }
        }
        Ok(_another_user) => Outcome::close(CloseCode::InvalidToken),
        Err(NotSignedIn::Reply(error)) => context.reply(Err(error)),
        Err(NotSignedIn::Close(code)) => Outcome::close(code),
    }
}
