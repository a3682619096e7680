//! The messages of the Centrifugo client protocol, version 2, as far as the hub serves them (realtime.md §1–§3; names and
//! numbers are those of `definitions/client.proto` in the public repository `centrifugal/protocol`).
//!
//! A field of type [`Bytes`] holds a payload: JSON text as [`Payload`](crate::codec::Payload) makes it, or nothing where
//! the payload is absent. Fields that are not listed here are ignored on reading, in every encoding.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::codec::wire::{messages, one_of};
use crate::codes::{CloseCode, ProtocolError, UnsubscribeCode};

/// What a client sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Names the reply; 0 only where there is none (`send`, and the answer to a ping).
    pub id: u32,
    /// What is asked.
    pub request: Request,
}

one_of! {
    /// What a command asks for.
    pub enum Request, read from CommandMembers {
        #[prost(uint32, tag = 1)]
        id: u32,
    } {
        /// Signs the connection in; the first command.
        4 "connect" connect => Connect(ConnectRequest),
        /// Begins to listen to a channel.
        5 "subscribe" subscribe => Subscribe(SubscribeRequest),
        /// Stops listening to a channel.
        6 "unsubscribe" unsubscribe => Unsubscribe(UnsubscribeRequest),
        /// Publishes into a channel directly (no channel of ours allows it).
        7 "publish" publish => Publish(PublishRequest),
        /// Who is in a channel.
        8 "presence" presence => Presence(PresenceRequest),
        /// How many are in a channel.
        9 "presence_stats" presence_stats => PresenceStats(PresenceStatsRequest),
        /// What a channel keeps for recovery.
        10 "history" history => History(HistoryRequest),
        /// The client's own sign of life, which has a reply.
        11 "ping" ping => Ping(PingRequest),
        /// A message without a reply.
        12 "send" send => Send(SendRequest),
        /// Runs an operation (realtime.md §4).
        13 "rpc" rpc => Rpc(RpcRequest),
        /// A new token on the live socket.
        14 "refresh" refresh => Refresh(RefreshRequest),
        /// A new token of one subscription.
        15 "sub_refresh" sub_refresh => SubRefresh(SubRefreshRequest),
    }
    without a member:
    /// The empty command, which answers the server's ping.
    Empty
}

/// What a server sends in answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The id of the command, above 0.
    pub id: u32,
    /// The result or the error.
    pub outcome: Result<Answer, ErrorReply>,
}

one_of! {
    /// The result of a command, by kind of command.
    pub enum Answer, read from ReplyMembers {
        #[prost(uint32, tag = 1)]
        id: u32,
        #[prost(message, optional, tag = 2)]
        error: Option<ErrorReply>,
        #[prost(message, optional, tag = 4)]
        push: Option<PushMembers>,
    } {
        /// To `connect`.
        5 "connect" connect => Connect(ConnectResult),
        /// To `subscribe`.
        6 "subscribe" subscribe => Subscribe(SubscribeResult),
        /// To `unsubscribe`.
        7 "unsubscribe" unsubscribe => Unsubscribe(UnsubscribeResult),
        /// To `publish`.
        8 "publish" publish => Publish(PublishResult),
        /// To `presence`.
        9 "presence" presence => Presence(PresenceResult),
        /// To `presence_stats`.
        10 "presence_stats" presence_stats => PresenceStats(PresenceStatsResult),
        /// To `history`.
        11 "history" history => History(HistoryResult),
        /// To `ping`.
        12 "ping" ping => Ping(PingResult),
        /// To `rpc`.
        13 "rpc" rpc => Rpc(RpcResult),
        /// To `refresh`.
        14 "refresh" refresh => Refresh(RefreshResult),
        /// To `sub_refresh`.
        15 "sub_refresh" sub_refresh => SubRefresh(SubRefreshResult),
    }
}

/// What a server sends unasked.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// The channel it belongs to; empty for `message` and `disconnect`.
    pub channel: String,
    /// What happened.
    pub body: PushBody,
}

one_of! {
    /// The kinds of push.
    pub enum PushBody, read from PushMembers {
        #[prost(string, tag = 2)]
        channel: String,
    } {
        /// An event of the channel.
        4 "pub" publication => Publication(Publication),
        /// Somebody came.
        5 "join" join => Join(Join),
        /// Somebody left.
        6 "leave" leave => Leave(Leave),
        /// The server ended a subscription.
        7 "unsubscribe" unsubscribe => Unsubscribe(UnsubscribePush),
        /// A message to this connection alone.
        8 "message" message => Message(MessagePush),
        /// The server began a subscription.
        9 "subscribe" subscribe => Subscribe(SubscribePush),
        /// The server is about to close the connection.
        11 "disconnect" disconnect => Disconnect(DisconnectPush),
    }
}

/// Everything a client can read from a server.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerMessage {
    /// The empty frame, to be answered by [`Request::Empty`].
    Ping,
    /// The answer to a command.
    Reply(Reply),
    /// Something unasked.
    Push(Push),
}

messages! {
    /// An error in a reply (realtime.md §1): 100–112 are the protocol's, from 1000 up the domain's.
    #[derive(Eq)]
    pub struct ErrorReply {
        /// The number that apps switch on.
        #[prost(uint32, tag = 1)]
        pub code: u32,
        /// For people; a domain error's begins with its stable code.
        #[prost(string, tag = 2)]
        pub message: String,
        /// Whether the same command may succeed a little later.
        #[prost(bool, tag = 3)]
        pub temporary: bool,
    }

    /// Who a connection is.
    #[derive(Eq)]
    pub struct ClientInfo {
        /// The user's id in decimal.
        #[prost(string, tag = 1)]
        pub user: String,
        /// The connection's UUID.
        #[prost(string, tag = 2)]
        pub client: String,
        /// Payload: what is known of the connection.
        #[prost(bytes = "bytes", tag = 3)]
        pub conn_info: Bytes,
        /// Payload: what is known of it in this channel.
        #[prost(bytes = "bytes", tag = 4)]
        pub chan_info: Bytes,
    }

    /// An event of a channel.
    #[derive(Eq)]
    pub struct Publication {
        /// Payload: the event (realtime.md §3).
        #[prost(bytes = "bytes", tag = 4)]
        pub data: Bytes,
        /// The publisher, where a client published.
        #[prost(message, optional, tag = 5)]
        pub info: Option<ClientInfo>,
        /// The place in the channel's stream, from 1; 0 in channels that keep nothing.
        #[prost(uint64, tag = 6)]
        pub offset: u64,
        /// Labels.
        #[prost(btree_map = "string, string", tag = 7)]
        pub tags: BTreeMap<String, String>,
        /// When, in milliseconds since 1970.
        #[prost(int64, tag = 9)]
        pub time: i64,
    }

    /// Somebody came into a channel.
    #[derive(Eq)]
    pub struct Join {
        /// Who.
        #[prost(message, optional, tag = 1)]
        pub info: Option<ClientInfo>,
    }

    /// Somebody left a channel.
    #[derive(Eq)]
    pub struct Leave {
        /// Who.
        #[prost(message, optional, tag = 1)]
        pub info: Option<ClientInfo>,
    }

    /// The server ended a subscription.
    #[derive(Eq)]
    pub struct UnsubscribePush {
        /// See [`UnsubscribeCode`].
        #[prost(uint32, tag = 2)]
        pub code: u32,
        /// For people.
        #[prost(string, tag = 3)]
        pub reason: String,
    }

    /// The server began a subscription.
    #[derive(Eq)]
    pub struct SubscribePush {
        /// Whether missed events can be recovered.
        #[prost(bool, tag = 1)]
        pub recoverable: bool,
        /// The stream that `offset` is of.
        #[prost(string, tag = 4)]
        pub epoch: String,
        /// The stream's top.
        #[prost(uint64, tag = 5)]
        pub offset: u64,
        /// Whether the server watches the position for gaps.
        #[prost(bool, tag = 6)]
        pub positioned: bool,
        /// Payload: first data of the subscription.
        #[prost(bytes = "bytes", tag = 7)]
        pub data: Bytes,
    }

    /// A message to one connection.
    #[derive(Eq)]
    pub struct MessagePush {
        /// Payload.
        #[prost(bytes = "bytes", tag = 1)]
        pub data: Bytes,
    }

    /// The server is about to close the connection.
    #[derive(Eq)]
    pub struct DisconnectPush {
        /// See [`CloseCode`].
        #[prost(uint32, tag = 1)]
        pub code: u32,
        /// For people.
        #[prost(string, tag = 2)]
        pub reason: String,
        /// Whether the client should come back by itself.
        #[prost(bool, tag = 3)]
        pub reconnect: bool,
    }

    /// `connect` (realtime.md §2).
    #[derive(Eq)]
    pub struct ConnectRequest {
        /// An access JWT or a Sanctum token; empty where the upgrade request carried it.
        #[prost(string, tag = 1)]
        pub token: String,
        /// Payload: whatever the app wants to say.
        #[prost(bytes = "bytes", tag = 2)]
        pub data: Bytes,
        /// Positions of server-side subscriptions to recover from, by channel.
        #[prost(btree_map = "string, message", tag = 3)]
        pub subs: BTreeMap<String, SubscribeRequest>,
        /// The SDK's name.
        #[prost(string, tag = 4)]
        pub name: String,
        /// The app's version.
        #[prost(string, tag = 5)]
        pub version: String,
    }

    /// The answer to `connect`.
    #[derive(Eq)]
    pub struct ConnectResult {
        /// The connection's UUID.
        #[prost(string, tag = 1)]
        pub client: String,
        /// The server's version.
        #[prost(string, tag = 2)]
        pub version: String,
        /// Whether the connection ends with its token.
        #[prost(bool, tag = 3)]
        pub expires: bool,
        /// Seconds until then.
        #[prost(uint32, tag = 4)]
        pub ttl: u32,
        /// Payload: the user's id, name, unread totals, the server's time.
        #[prost(bytes = "bytes", tag = 5)]
        pub data: Bytes,
        /// Server-side subscriptions by channel.
        #[prost(btree_map = "string, message", tag = 6)]
        pub subs: BTreeMap<String, SubscribeResult>,
        /// Seconds between the server's pings.
        #[prost(uint32, tag = 7)]
        pub ping: u32,
        /// Whether the client must answer them.
        #[prost(bool, tag = 8)]
        pub pong: bool,
        /// The session's id.
        #[prost(string, tag = 9)]
        pub session: String,
        /// The node's id.
        #[prost(string, tag = 10)]
        pub node: String,
        /// The server's time in milliseconds since 1970.
        #[prost(int64, tag = 11)]
        pub time: i64,
    }

    /// `subscribe`; also one entry of `connect.subs`.
    #[derive(Eq)]
    pub struct SubscribeRequest {
        /// The channel; empty in `connect.subs`.
        #[prost(string, tag = 1)]
        pub channel: String,
        /// A subscription token (unused by our channels).
        #[prost(string, tag = 2)]
        pub token: String,
        /// Whether to recover from `(epoch, offset)`.
        #[prost(bool, tag = 3)]
        pub recover: bool,
        /// The stream that `offset` is of.
        #[prost(string, tag = 6)]
        pub epoch: String,
        /// The last event the client has.
        #[prost(uint64, tag = 7)]
        pub offset: u64,
        /// Payload.
        #[prost(bytes = "bytes", tag = 8)]
        pub data: Bytes,
        /// Whether the client asks for a watched position.
        #[prost(bool, tag = 9)]
        pub positioned: bool,
        /// Whether the client asks for recovery.
        #[prost(bool, tag = 10)]
        pub recoverable: bool,
        /// Whether the client asks for join and leave.
        #[prost(bool, tag = 11)]
        pub join_leave: bool,
    }

    /// The answer to `subscribe`; also one entry of the connect result's `subs`.
    #[derive(Eq)]
    pub struct SubscribeResult {
        /// Whether the subscription ends with its token.
        #[prost(bool, tag = 1)]
        pub expires: bool,
        /// Seconds until then.
        #[prost(uint32, tag = 2)]
        pub ttl: u32,
        /// Whether missed events can be recovered.
        #[prost(bool, tag = 3)]
        pub recoverable: bool,
        /// The stream that `offset` is of.
        #[prost(string, tag = 6)]
        pub epoch: String,
        /// The missed events, in order, all or none.
        #[prost(message, repeated, tag = 7)]
        pub publications: Vec<Publication>,
        /// Whether `publications` is all that was missed.
        #[prost(bool, tag = 8)]
        pub recovered: bool,
        /// The stream's top.
        #[prost(uint64, tag = 9)]
        pub offset: u64,
        /// Whether the server watches the position for gaps.
        #[prost(bool, tag = 10)]
        pub positioned: bool,
        /// Payload: the channel's current value (presence).
        #[prost(bytes = "bytes", tag = 11)]
        pub data: Bytes,
        /// Whether recovery was asked for.
        #[prost(bool, tag = 12)]
        pub was_recovering: bool,
    }

    /// `unsubscribe`.
    #[derive(Eq)]
    pub struct UnsubscribeRequest {
        /// The channel.
        #[prost(string, tag = 1)]
        pub channel: String,
    }

    /// The answer to `unsubscribe`.
    #[derive(Eq)]
    pub struct UnsubscribeResult {}

    /// `publish`.
    #[derive(Eq)]
    pub struct PublishRequest {
        /// The channel.
        #[prost(string, tag = 1)]
        pub channel: String,
        /// Payload.
        #[prost(bytes = "bytes", tag = 2)]
        pub data: Bytes,
    }

    /// The answer to `publish`.
    #[derive(Eq)]
    pub struct PublishResult {}

    /// `presence`.
    #[derive(Eq)]
    pub struct PresenceRequest {
        /// The channel.
        #[prost(string, tag = 1)]
        pub channel: String,
    }

    /// The answer to `presence`.
    #[derive(Eq)]
    pub struct PresenceResult {
        /// Who is there, by connection UUID.
        #[prost(btree_map = "string, message", tag = 1)]
        pub presence: BTreeMap<String, ClientInfo>,
    }

    /// `presence_stats`.
    #[derive(Eq)]
    pub struct PresenceStatsRequest {
        /// The channel.
        #[prost(string, tag = 1)]
        pub channel: String,
    }

    /// The answer to `presence_stats`.
    #[derive(Eq)]
    pub struct PresenceStatsResult {
        /// Connections.
        #[prost(uint32, tag = 1)]
        pub num_clients: u32,
        /// Different users.
        #[prost(uint32, tag = 2)]
        pub num_users: u32,
    }

    /// A place in a channel's stream.
    #[derive(Eq)]
    pub struct StreamPosition {
        /// The last event before the place.
        #[prost(uint64, tag = 1)]
        pub offset: u64,
        /// The stream that `offset` is of.
        #[prost(string, tag = 2)]
        pub epoch: String,
    }

    /// `history`.
    #[derive(Eq)]
    pub struct HistoryRequest {
        /// The channel.
        #[prost(string, tag = 1)]
        pub channel: String,
        /// How many events at most: 0 none (the position alone), below 0 as many as the server allows.
        #[prost(int32, tag = 7)]
        pub limit: i32,
        /// Where to begin; absent: at the end that `reverse` says.
        #[prost(message, optional, tag = 8)]
        pub since: Option<StreamPosition>,
        /// Newest first.
        #[prost(bool, tag = 9)]
        pub reverse: bool,
    }

    /// The answer to `history`.
    #[derive(Eq)]
    pub struct HistoryResult {
        /// The events.
        #[prost(message, repeated, tag = 1)]
        pub publications: Vec<Publication>,
        /// The stream that `offset` is of.
        #[prost(string, tag = 2)]
        pub epoch: String,
        /// The stream's top.
        #[prost(uint64, tag = 3)]
        pub offset: u64,
    }

    /// `ping`.
    #[derive(Eq)]
    pub struct PingRequest {}

    /// The answer to `ping`.
    #[derive(Eq)]
    pub struct PingResult {}

    /// `rpc`.
    #[derive(Eq)]
    pub struct RpcRequest {
        /// Payload: the operation's input.
        #[prost(bytes = "bytes", tag = 1)]
        pub data: Bytes,
        /// The operation, e.g. `chat.send_message`.
        #[prost(string, tag = 2)]
        pub method: String,
    }

    /// The answer to `rpc`.
    #[derive(Eq)]
    pub struct RpcResult {
        /// Payload: the operation's answer.
        #[prost(bytes = "bytes", tag = 1)]
        pub data: Bytes,
    }

    /// `send`.
    #[derive(Eq)]
    pub struct SendRequest {
        /// Payload.
        #[prost(bytes = "bytes", tag = 1)]
        pub data: Bytes,
    }

    /// `refresh`.
    #[derive(Eq)]
    pub struct RefreshRequest {
        /// The new token.
        #[prost(string, tag = 1)]
        pub token: String,
    }

    /// The answer to `refresh`.
    #[derive(Eq)]
    pub struct RefreshResult {
        /// The connection's UUID.
        #[prost(string, tag = 1)]
        pub client: String,
        /// The server's version.
        #[prost(string, tag = 2)]
        pub version: String,
        /// Whether the connection ends with its token.
        #[prost(bool, tag = 3)]
        pub expires: bool,
        /// Seconds until then.
        #[prost(uint32, tag = 4)]
        pub ttl: u32,
    }

    /// `sub_refresh`.
    #[derive(Eq)]
    pub struct SubRefreshRequest {
        /// The channel.
        #[prost(string, tag = 1)]
        pub channel: String,
        /// The new token.
        #[prost(string, tag = 2)]
        pub token: String,
    }

    /// The answer to `sub_refresh`.
    #[derive(Eq)]
    pub struct SubRefreshResult {
        /// Whether the subscription ends with its token.
        #[prost(bool, tag = 1)]
        pub expires: bool,
        /// Seconds until then.
        #[prost(uint32, tag = 2)]
        pub ttl: u32,
    }
}

impl Request {
    /// The payloads inside, for the check that Protobuf needs after decoding (the other encodings check while decoding).
    pub(crate) fn payloads_mut(&mut self) -> Vec<&mut Bytes> {
        match self {
            Self::Connect(connect) => {
                let subs = connect.subs.values_mut().map(|sub| &mut sub.data);
                std::iter::once(&mut connect.data).chain(subs).collect()
            }
            Self::Subscribe(subscribe) => vec![&mut subscribe.data],
            Self::Publish(publish) => vec![&mut publish.data],
            Self::Rpc(rpc) => vec![&mut rpc.data],
            Self::Send(send) => vec![&mut send.data],
            Self::Unsubscribe(_)
            | Self::Presence(_)
            | Self::PresenceStats(_)
            | Self::History(_)
            | Self::Ping(_)
            | Self::Refresh(_)
            | Self::SubRefresh(_)
            | Self::Empty => Vec::new(),
        }
    }
}

impl From<ProtocolError> for ErrorReply {
    fn from(error: ProtocolError) -> Self {
        Self { code: error.code(), message: error.message().to_owned(), temporary: error.temporary() }
    }
}

impl From<CloseCode> for DisconnectPush {
    fn from(code: CloseCode) -> Self {
        Self { code: u32::from(code.code()), reason: code.reason().to_owned(), reconnect: code.reconnect() }
    }
}

impl From<UnsubscribeCode> for UnsubscribePush {
    fn from(code: UnsubscribeCode) -> Self {
        Self { code: code.code(), reason: code.reason().to_owned() }
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let with_id = self.id > 0;
        let mut out =
            serializer.serialize_struct("Command", usize::from(with_id) + self.request.member_count())?;
        if with_id {
            out.serialize_field("id", &self.id)?;
        }
        self.request.serialize_member(&mut out)?;
        out.end()
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer
            .serialize_struct("Reply", 1 + self.outcome.as_ref().map_or(1, Answer::member_count))?;
        out.serialize_field("id", &self.id)?;
        match &self.outcome {
            Ok(answer) => answer.serialize_member(&mut out)?,
            Err(error) => out.serialize_field("error", error)?,
        }
        out.end()
    }
}

impl Serialize for Push {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let with_channel = !self.channel.is_empty();
        let mut out =
            serializer.serialize_struct("Push", usize::from(with_channel) + self.body.member_count())?;
        if with_channel {
            out.serialize_field("channel", &self.channel)?;
        }
        self.body.serialize_member(&mut out)?;
        out.end()
    }
}
