//! What a connection knows and does, apart from its bytes: commands one after the other, subscriptions, the session.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use protocol::Rpc;
use protocol::channel::Channel;
use protocol::codec::{self, Encoding};
use protocol::codes::{CloseCode, ProtocolError};
use protocol::frame::{Answer, Command, PingResult, Request, SubscribeRequest, UnsubscribeResult};

use super::allowance::{Allowance, Verdict};
use super::clock::Clock;
use super::frame::Frame;
use super::outbox::Peer;
use super::session::Session;
use super::wire::Wire;
use tokio_tungstenite::tungstenite::Message;

use crate::commands::{self, Context, Effect, Outcome, Running};
use crate::error::reply_of_call;
use crate::hub::people::{Connected, SignedIn};
use crate::hub::subscription::Subscription;
use crate::hub::{Hub, elapsed_ms};
use crate::metrics;

/// Commands of one frame waiting for their turn at most.
const WAITING: usize = 1_024;

/// See the module.
pub(crate) struct Core {
    pub(crate) hub: Arc<Hub>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) clock: Clock,
    session: Option<Arc<Session>>,
    bearer: Option<Box<str>>,
    allowance: Allowance,
    waiting: VecDeque<Command>,
    running: Option<InFlight>,
    subscriptions: Vec<Subscription>,
    signed_in: Option<SignedIn>,
    connected: Option<Connected>,
    /// To be closed as soon as the pass is done.
    close: Option<CloseCode>,
    /// The node drains: what was read is answered, nothing more is read, then it closes.
    shutting_down: bool,
    since: Instant,
    commands: u32,
    /// How it ended, for the log; empty: not yet.
    ended: Box<str>,
}

/// The command under way.
struct InFlight {
    running: Running,
    method: &'static str,
    since: Instant,
    /// It may have written something that is still to be published.
    must_finish: bool,
}

impl Core {
    pub(crate) fn new(
        hub: &Arc<Hub>,
        encoding: Encoding,
        bearer: Option<Box<str>>,
        wire: &Arc<Wire>,
    ) -> Self {
        let peer = Peer::new(hub.next_number(), encoding, hub.settings.max_queue_bytes);
        let peer = Arc::new(peer.on(Arc::clone(wire)));
        Self {
            connected: Some(Connected::new(hub, &peer)),
            clock: Clock::new(hub.settings.connect_timeout),
            allowance: Allowance::new(&hub.limits),
            hub: Arc::clone(hub),
            peer,
            session: None,
            bearer,
            waiting: VecDeque::new(),
            running: None,
            subscriptions: Vec::new(),
            signed_in: None,
            close: None,
            shutting_down: false,
            since: Instant::now(),
            commands: 0,
            ended: Box::default(),
        }
    }

    /// Whether a command runs or waits.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// Whether no more is to be read: there are commands already, or there will be no more.
    pub(crate) fn takes_nothing(&self) -> bool {
        self.is_busy() || self.shutting_down
    }

    /// Takes frames to be written, and orders. The answer is an order to close.
    pub(crate) fn take_mail(&mut self, queue: &mut VecDeque<Frame>) -> Option<CloseCode> {
        let mail = self.peer.take(queue);
        for (channel, number) in mail.ended {
            self.subscriptions.retain(|one| !(one.number == number && one.channel() == channel));
        }
        match mail.close {
            Some(CloseCode::Shutdown) => {
                self.shutting_down = true;
                None
            }
            close => close,
        }
    }

    /// Whether a drain is to close it now: every command that was read has been answered (realtime.md §7). What the
    /// peer sends after that is discarded, and an app sends again what got no answer (realtime.md §4).
    pub(crate) fn take_shutdown(&mut self) -> Option<CloseCode> {
        (self.shutting_down && !self.is_busy()).then_some(CloseCode::Shutdown)
    }

    /// What a command or a frame said about closing.
    pub(crate) fn take_close(&mut self) -> Option<CloseCode> {
        self.close.take()
    }

    /// Runs commands as far as they come; whether anything happened.
    pub(crate) fn advance(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut happened = false;
        while self.close.is_none() {
            if let Some(flight) = &mut self.running {
                let Poll::Ready(outcome) = flight.running.as_mut().poll(cx) else { break };
                let (method, since) = (flight.method, flight.since);
                self.running = None;
                self.settle(method, since, outcome);
            } else if let Some(command) = self.waiting.pop_front() {
                self.start(command);
            } else {
                if self.waiting.capacity() > 0 {
                    self.waiting = VecDeque::new();
                }
                break;
            }
            happened = true;
        }
        happened
    }

    /// Whether something waits to be done before more is read.
    pub(crate) fn wants_pass(&self) -> bool {
        self.close.is_some() || !self.waiting.is_empty()
    }

    /// Takes in a message of the peer.
    pub(crate) fn take_in(&mut self, message: &Message) {
        let answered_ping = self.clock.heard();
        match message {
            Message::Text(text) if !self.peer.encoding.is_binary() => {
                self.take_commands(text.as_bytes(), answered_ping);
            }
            Message::Binary(bytes) if self.peer.encoding.is_binary() => {
                self.take_commands(bytes, answered_ping);
            }
            Message::Text(_) | Message::Binary(_) => self.close = Some(CloseCode::BadRequest),
            // The library answers pings of RFC 6455 by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }

    fn take_commands(&mut self, data: &[u8], mut answered_ping: bool) {
        for command in codec::decode_commands(self.peer.encoding, data) {
            let id = match &command {
                // The answer to our ping is free; more of them are commands like others.
                Ok(Command { request: Request::Empty, .. }) if answered_ping => {
                    answered_ping = false;
                    continue;
                }
                Ok(command) => Some(command.id),
                Err(error) => error.id,
            };
            let (hub, session) = (&self.hub, &self.session);
            let of_user =
                || session.as_ref().is_none_or(|who| hub.allowances.take(&hub.limits, who.user_id()));
            match (self.allowance.take(&hub.limits, of_user), command) {
                (Verdict::Close, _) => self.close = Some(CloseCode::TooManyRequests),
                (Verdict::Refuse, _) => {
                    if let Some(id) = id.filter(|id| *id > 0) {
                        self.context(id).refuse(ProtocolError::TooManyRequests);
                        metrics::command(
                            "refused",
                            ProtocolError::TooManyRequests.code(),
                            Default::default(),
                        );
                    }
                }
                (Verdict::Run, Ok(Command { request: Request::Empty, .. })) => {}
                (Verdict::Run, Ok(command)) => {
                    if self.waiting.len() >= WAITING {
                        self.close = Some(CloseCode::BadRequest);
                    }
                    self.waiting.push_back(command);
                }
                (Verdict::Run, Err(error)) => {
                    tracing::debug!(%error, client = %self.peer.client, "a command could not be read");
                    match id {
                        Some(id) => drop(self.context(id).refuse(ProtocolError::BadRequest)),
                        None => self.close = Some(CloseCode::BadRequest),
                    }
                }
            }
            if self.close.is_some() {
                return;
            }
        }
    }

    fn context(&self, id: u32) -> Context {
        Context { hub: Arc::clone(&self.hub), peer: Arc::clone(&self.peer), id }
    }

    /// Begins a command; those that wait for nothing are answered at once.
    fn start(&mut self, command: Command) {
        let since = Instant::now();
        self.commands = self.commands.saturating_add(1);
        let context = self.context(command.id);
        let (method, outcome) = match (command.request, self.session.clone()) {
            (Request::Connect(request), None) => {
                let bearer = self.bearer.clone();
                self.run("connect", since, false, commands::connect::connect(context, request, bearer));
                return;
            }
            (Request::Connect(_), Some(_)) => {
                context.refuse(ProtocolError::BadRequest);
                ("connect", Outcome::close(CloseCode::BadRequest))
            }
            (_, None) => {
                // Whoever is not signed in can only sign in.
                if command.id > 0 {
                    context.refuse(ProtocolError::Unauthorized);
                }
                ("unauthorized", Outcome::close(CloseCode::BadRequest))
            }
            (Request::Rpc(request), Some(session)) => match Rpc::decode(&request.method, &request.data) {
                Ok(call) => {
                    let method = call.method();
                    self.run(method, since, true, commands::rpc::run(context, session, call));
                    return;
                }
                Err(problem) => ("rpc", context.reply(Err(reply_of_call(problem, session.lang)))),
            },
            (Request::Subscribe(request), Some(session)) => match self.may_subscribe(&request) {
                Ok(channel) => {
                    let running = commands::subscribe::subscribe(context, session, channel, request);
                    self.run("subscribe", since, false, running);
                    return;
                }
                Err(error) => ("subscribe", context.refuse(error)),
            },
            (Request::Unsubscribe(request), Some(_)) => {
                let outcome = match self.unsubscribe(&request.channel) {
                    Ok(()) => context.reply(Ok(Answer::Unsubscribe(UnsubscribeResult {}))),
                    Err(error) => context.refuse(error),
                };
                ("unsubscribe", outcome)
            }
            (Request::Presence(request), Some(_)) => match self.present_in(&request.channel) {
                Ok(channel) => {
                    self.run("presence", since, false, commands::channel::presence(context, channel));
                    return;
                }
                Err(error) => ("presence", context.refuse(error)),
            },
            (Request::PresenceStats(request), Some(_)) => match self.present_in(&request.channel) {
                Ok(channel) => {
                    let running = commands::channel::presence_stats(context, channel);
                    self.run("presence_stats", since, false, running);
                    return;
                }
                Err(error) => ("presence_stats", context.refuse(error)),
            },
            (Request::History(request), Some(_)) => match self.subscribed(&request.channel) {
                Ok(channel) => {
                    self.run("history", since, false, commands::channel::history(context, channel, request));
                    return;
                }
                Err(error) => ("history", context.refuse(error)),
            },
            (Request::Refresh(request), Some(session)) => {
                let running = commands::connect::refresh(context, session, request);
                self.run("refresh", since, false, running);
                return;
            }
            (Request::Ping(_), Some(_)) => ("ping", context.reply(Ok(Answer::Ping(PingResult {})))),
            // No channel is open to clients' own publications, and no subscription has a token.
            (Request::Publish(_), Some(_)) => ("publish", context.refuse(ProtocolError::PermissionDenied)),
            (Request::SubRefresh(_), Some(_)) => ("sub_refresh", context.refuse(ProtocolError::NotAvailable)),
            // Nobody is interested in these, by design: what changes something is an rpc.
            (Request::Send(_) | Request::Empty, Some(_)) => return,
        };
        self.settle(method, since, outcome);
    }

    fn run(
        &mut self,
        method: &'static str,
        since: Instant,
        must_finish: bool,
        running: impl Future<Output = Outcome> + Send + 'static,
    ) {
        self.running = Some(InFlight { running: Box::pin(running), method, since, must_finish });
    }

    /// What a command leaves to be done.
    fn settle(&mut self, method: &'static str, since: Instant, outcome: Outcome) {
        let Outcome { code, effect } = outcome;
        metrics::command(method, code, since.elapsed());
        tracing::debug!(
            client = %self.peer.client,
            user_id = self.session.as_ref().map(|session| session.user_id()),
            method,
            code,
            took_ms = elapsed_ms(since),
            "command"
        );
        match effect {
            Effect::Nothing => {}
            Effect::SignedIn { signed_in, personal } => {
                self.session = self.peer.session();
                self.bearer = None;
                self.signed_in = Some(signed_in);
                // One or two channels are the rule.
                self.subscriptions.reserve_exact(2);
                self.subscriptions.push(personal);
                let ttl = self.session.as_ref().and_then(|session| session.ttl());
                self.clock.signed_in(&self.hub.settings, ttl);
            }
            Effect::Subscribed(subscription) => self.subscriptions.push(subscription),
            Effect::Refreshed(session) => {
                self.clock.refreshed(&self.hub.settings, session.ttl());
                self.session = Some(session);
            }
            Effect::Close(code) => self.close = Some(code),
        }
    }

    fn find(&self, channel: Channel) -> Option<usize> {
        self.subscriptions.iter().position(|subscription| subscription.channel() == channel)
    }

    fn may_subscribe(&self, request: &SubscribeRequest) -> Result<Channel, ProtocolError> {
        let channel = commands::parse_channel(&request.channel)?;
        if self.find(channel).is_some() {
            return Err(ProtocolError::AlreadySubscribed);
        }
        if self.subscriptions.len() >= self.hub.settings.max_subscriptions {
            return Err(ProtocolError::LimitExceeded);
        }
        Ok(channel)
    }

    /// Leaving a channel that one does not listen to is no error: the server may have ended it a moment ago.
    fn unsubscribe(&mut self, name: &str) -> Result<(), ProtocolError> {
        let channel = commands::parse_channel(name)?;
        if let Channel::User(_) = channel {
            return Err(ProtocolError::PermissionDenied);
        }
        if let Some(index) = self.find(channel) {
            drop(self.subscriptions.swap_remove(index));
        }
        Ok(())
    }

    fn subscribed(&self, name: &str) -> Result<Channel, ProtocolError> {
        let channel = commands::parse_channel(name)?;
        self.find(channel).map(|_| channel).ok_or(ProtocolError::PermissionDenied)
    }

    fn present_in(&self, name: &str) -> Result<Channel, ProtocolError> {
        let channel = self.subscribed(name)?;
        if channel.has_member_presence() { Ok(channel) } else { Err(ProtocolError::NotAvailable) }
    }

    /// Notes how it ended; the first word counts.
    pub(crate) fn note_end(&mut self, how: &str) {
        if self.ended.is_empty() {
            self.ended = how.into();
        }
    }

    /// Leaves everything: no event, no command any more. `at_once`: the user counts as offline without the grace.
    pub(crate) fn end(&mut self, at_once: bool) {
        self.peer.end();
        self.waiting = VecDeque::new();
        self.subscriptions = Vec::new();
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.at_once = at_once;
        }
        self.signed_in = None;
        if let Some(InFlight { running, must_finish: true, .. }) = self.running.take() {
            // A write may be committed and not yet published: it goes on without us.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                self.hub.commands.spawn_on(running, &runtime);
            }
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.end(false);
        self.connected = None;
        let ended = if self.ended.is_empty() { "lost" } else { &*self.ended };
        metrics::closed(ended.to_owned());
        tracing::info!(
            client = %self.peer.client,
            user_id = self.session.as_ref().map(|session| session.user_id()),
            code = ended,
            commands = self.commands,
            open_ms = elapsed_ms(self.since),
            "a socket ended"
        );
    }
}
