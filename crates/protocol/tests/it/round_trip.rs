//! What is written is read back the same, in every encoding, whatever the values.

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use protocol::codec::{
    Encoding, Payload, decode_commands, decode_replies, encode_command, encode_push, encode_reply, join,
};
use protocol::frame::{
    Answer, ClientInfo, Command, ConnectRequest, ConnectResult, DisconnectPush, ErrorReply, HistoryRequest,
    HistoryResult, Join, Leave, MessagePush, PingRequest, PingResult, PresenceRequest, PresenceResult,
    PresenceStatsRequest, PresenceStatsResult, Publication, PublishRequest, PublishResult, Push, PushBody,
    RefreshRequest, RefreshResult, Reply, Request, RpcRequest, RpcResult, SendRequest, ServerMessage,
    StreamPosition, SubRefreshRequest, SubRefreshResult, SubscribePush, SubscribeRequest, SubscribeResult,
    UnsubscribePush, UnsubscribeRequest, UnsubscribeResult,
};

/// JSON text as serde_json writes it, or nothing.
fn payload() -> impl Strategy<Value = Bytes> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        (-1000_i32..1000).prop_map(|n| serde_json::Value::from(f64::from(n) / 8.0)),
        ".{0,6}".prop_map(serde_json::Value::from),
    ];
    let value = leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            btree_map(".{0,4}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    prop_oneof![Just(Bytes::new()), value.prop_map(|value| Payload::from_value(&value).unwrap().into())]
}

fn info() -> impl Strategy<Value = ClientInfo> {
    (".{0,4}", ".{0,4}", payload(), payload()).prop_map(|(user, client, conn_info, chan_info)| ClientInfo {
        user,
        client,
        conn_info,
        chan_info,
    })
}

fn publication() -> impl Strategy<Value = Publication> {
    (payload(), option::of(info()), any::<u64>(), btree_map(".{0,3}", ".{0,3}", 0..3), any::<i64>())
        .prop_map(|(data, info, offset, tags, time)| Publication { data, info, offset, tags, time })
}

fn subscribe_request() -> impl Strategy<Value = SubscribeRequest> {
    (".{0,5}", ".{0,5}", ".{0,5}", any::<u64>(), payload(), any::<[bool; 4]>()).prop_map(
        |(channel, token, epoch, offset, data, [recover, positioned, recoverable, join_leave])| {
            SubscribeRequest {
                channel,
                token,
                recover,
                epoch,
                offset,
                data,
                positioned,
                recoverable,
                join_leave,
            }
        },
    )
}

fn subscribe_result() -> impl Strategy<Value = SubscribeResult> {
    (any::<[bool; 5]>(), any::<u32>(), ".{0,5}", vec(publication(), 0..3), any::<u64>(), payload()).prop_map(
        |(
            [expires, recoverable, recovered, positioned, was_recovering],
            ttl,
            epoch,
            publications,
            offset,
            data,
        )| {
            SubscribeResult {
                expires,
                ttl,
                recoverable,
                epoch,
                publications,
                recovered,
                offset,
                positioned,
                data,
                was_recovering,
            }
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let connect = (".{0,5}", payload(), btree_map(".{0,5}", subscribe_request(), 0..3), ".{0,3}", ".{0,3}")
        .prop_map(|(token, data, subs, name, version)| {
            Request::Connect(ConnectRequest { token, data, subs, name, version })
        });
    let since =
        option::of((any::<u64>(), ".{0,4}").prop_map(|(offset, epoch)| StreamPosition { offset, epoch }));
    let history =
        (".{0,5}", any::<i32>(), since, any::<bool>()).prop_map(|(channel, limit, since, reverse)| {
            Request::History(HistoryRequest { channel, limit, since, reverse })
        });
    prop_oneof![
        connect,
        subscribe_request().prop_map(Request::Subscribe),
        ".{0,5}".prop_map(|channel| Request::Unsubscribe(UnsubscribeRequest { channel })),
        (".{0,5}", payload()).prop_map(|(channel, data)| Request::Publish(PublishRequest { channel, data })),
        ".{0,5}".prop_map(|channel| Request::Presence(PresenceRequest { channel })),
        ".{0,5}".prop_map(|channel| Request::PresenceStats(PresenceStatsRequest { channel })),
        history,
        Just(Request::Ping(PingRequest {})),
        payload().prop_map(|data| Request::Send(SendRequest { data })),
        (".{0,9}", payload()).prop_map(|(method, data)| Request::Rpc(RpcRequest { method, data })),
        ".{0,9}".prop_map(|token| Request::Refresh(RefreshRequest { token })),
        (".{0,5}", ".{0,5}")
            .prop_map(|(channel, token)| Request::SubRefresh(SubRefreshRequest { channel, token })),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let connect = (
        ".{0,5}",
        any::<[u32; 2]>(),
        any::<[bool; 2]>(),
        payload(),
        btree_map(".{0,5}", subscribe_result(), 0..3),
        any::<i64>(),
    )
        .prop_map(|(text, [ttl, ping], [expires, pong], data, subs, time)| {
            let [client, version, session, node] = [text.clone(), text.clone(), text.clone(), text];
            Answer::Connect(ConnectResult {
                client,
                version,
                expires,
                ttl,
                data,
                subs,
                ping,
                pong,
                session,
                node,
                time,
            })
        });
    let history =
        (vec(publication(), 0..3), ".{0,4}", any::<u64>()).prop_map(|(publications, epoch, offset)| {
            Answer::History(HistoryResult { publications, epoch, offset })
        });
    let refresh =
        (".{0,5}", ".{0,5}", any::<bool>(), any::<u32>()).prop_map(|(client, version, expires, ttl)| {
            Answer::Refresh(RefreshResult { client, version, expires, ttl })
        });
    prop_oneof![
        connect,
        subscribe_result().prop_map(Answer::Subscribe),
        Just(Answer::Unsubscribe(UnsubscribeResult {})),
        Just(Answer::Publish(PublishResult {})),
        btree_map(".{0,5}", info(), 0..3).prop_map(|presence| Answer::Presence(PresenceResult { presence })),
        any::<[u32; 2]>().prop_map(|[num_clients, num_users]| Answer::PresenceStats(PresenceStatsResult {
            num_clients,
            num_users
        })),
        history,
        Just(Answer::Ping(PingResult {})),
        payload().prop_map(|data| Answer::Rpc(RpcResult { data })),
        refresh,
        (any::<bool>(), any::<u32>())
            .prop_map(|(expires, ttl)| Answer::SubRefresh(SubRefreshResult { expires, ttl })),
    ]
}

fn push() -> impl Strategy<Value = Push> {
    let subscribe = (any::<[bool; 2]>(), ".{0,5}", any::<u64>(), payload()).prop_map(
        |([recoverable, positioned], epoch, offset, data)| {
            PushBody::Subscribe(SubscribePush { recoverable, epoch, offset, positioned, data })
        },
    );
    let body = prop_oneof![
        publication().prop_map(PushBody::Publication),
        option::of(info()).prop_map(|info| PushBody::Join(Join { info })),
        option::of(info()).prop_map(|info| PushBody::Leave(Leave { info })),
        (any::<u32>(), ".{0,5}")
            .prop_map(|(code, reason)| PushBody::Unsubscribe(UnsubscribePush { code, reason })),
        payload().prop_map(|data| PushBody::Message(MessagePush { data })),
        subscribe,
        (any::<u32>(), ".{0,5}", any::<bool>()).prop_map(|(code, reason, reconnect)| PushBody::Disconnect(
            DisconnectPush { code, reason, reconnect }
        )),
    ];
    (".{0,9}", body).prop_map(|(channel, body)| Push { channel, body })
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let error = (any::<u32>(), ".{0,9}", any::<bool>()).prop_map(|(code, message, temporary)| ErrorReply {
        code,
        message,
        temporary,
    });
    let outcome = prop_oneof![3 => answer().prop_map(Ok), 1 => error.prop_map(Err)];
    prop_oneof![
        (1..=u32::MAX, outcome).prop_map(|(id, outcome)| ServerMessage::Reply(Reply { id, outcome })),
        push().prop_map(ServerMessage::Push),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commands(commands in vec((1..=u32::MAX, request()).prop_map(|(id, request)| Command { id, request }), 1..4)) {
        for encoding in Encoding::ALL {
            let written: Vec<Bytes> = commands.iter().map(|command| encode_command(encoding, command).unwrap()).collect();
            let read: Vec<Command> = decode_commands(encoding, &join(encoding, &written)).map(Result::unwrap).collect();
            prop_assert_eq!(&read, &commands, "{:?}", encoding);
        }
    }

    #[test]
    fn server_messages(messages in vec(server_message(), 1..4)) {
        for encoding in Encoding::ALL {
            let written: Vec<Bytes> = messages.iter().map(|message| match message {
                ServerMessage::Ping => unreachable!("not among the generated"),
                ServerMessage::Reply(reply) => encode_reply(encoding, reply).unwrap(),
                ServerMessage::Push(push) => encode_push(encoding, push).unwrap(),
            }).collect();
            let read: Vec<ServerMessage> = decode_replies(encoding, &join(encoding, &written)).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(&read, &messages, "{:?}", encoding);
        }
    }
}
