//! Who may call what on the socket: every method is tried by a guest, a stranger, the owner (or whoever is entitled) and a
//! member of staff, and none may be without such a try.

use domain::Actor;
use protocol::Rpc;
use protocol::codec::Encoding;
use protocol::frame::{Request, RpcRequest};
use protocol::wallet::{AdjustWallet, EntryType};
use serde_json::{Value, json};

use crate::client::Client;
use crate::stand::{Stand, key};

/// How a call ends: with an answer, or a rule's code.
type Outcome = &'static str;

const OK: Outcome = "";
const HIDDEN: Outcome = "not_found";
const FORBIDDEN: Outcome = "forbidden";
const SEAT: Outcome = "rooms.not_registered";

/// Method; a stranger, the owner or an entitled one, an administrator.
const TABLE: &[(&str, [Outcome; 3])] = &[
    ("chat.send_message", [HIDDEN, OK, HIDDEN]),
    ("chat.edit_message", [HIDDEN, OK, HIDDEN]),
    ("chat.delete_message", [HIDDEN, OK, HIDDEN]),
    ("chat.mark_read", [HIDDEN, OK, HIDDEN]),
    ("chat.start_typing", [HIDDEN, OK, HIDDEN]),
    // One's own, whoever one is: what it tells of others is looked at below.
    ("chat.sync", [OK, OK, OK]),
    ("rooms.join", [SEAT, OK, OK]),
    ("rooms.leave", [SEAT, OK, OK]),
    ("rooms.post_message", [SEAT, OK, OK]),
    ("rooms.delete_message", [HIDDEN, OK, OK]),
    ("rooms.pin_message", [HIDDEN, OK, OK]),
    ("rooms.unpin_message", [HIDDEN, OK, OK]),
    ("rooms.react", [HIDDEN, OK, OK]),
    ("rooms.announce", [FORBIDDEN, OK, OK]),
    ("rooms.mute_user", [FORBIDDEN, OK, OK]),
    ("rooms.unmute_user", [FORBIDDEN, OK, OK]),
    ("rooms.kick_user", [FORBIDDEN, OK, OK]),
    ("rooms.ban_user", [FORBIDDEN, OK, OK]),
    ("rooms.unban_user", [FORBIDDEN, OK, OK]),
    ("rooms.set_slow_mode", [FORBIDDEN, OK, OK]),
    // The owner of a room gives nothing to himself: the entitled one is a member.
    ("gifts.send_gift", [SEAT, OK, OK]),
    ("presence.query", [OK, OK, OK]),
    ("presence.set_visibility", [OK, OK, OK]),
];

/// What the calls are about: a conversation of the owner and a friend, and a paid room of the owner's that is live.
struct Scene {
    stand: Stand,
    owner: u64,
    friend: u64,
    member: u64,
    stranger: u64,
    staff: u64,
    conversation: u64,
    room: u64,
    gift: u64,
}

impl Scene {
    async fn new() -> Self {
        let stand = Stand::with(1, |_| {}).await;
        let (room, owner) = stand.announced_room().await;
        domain::rooms::start_room(stand.app(), &Actor::on_behalf_of(owner), room).await.unwrap();
        let run = async |sql: String| {
            stand.database.execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        };
        run(format!("UPDATE live_rooms SET access_type = 'paid', price = 1 WHERE id = {room}")).await;
        run("INSERT INTO gifts (name, icon, price) VALUES ('rose', 'rose.png', 1)".to_owned()).await;
        let gift = stand.database.number("SELECT CAST(id AS SIGNED) FROM gifts").await.unwrap();
        let (friend, member) = (stand.user("friend").await, stand.user("member").await);
        let (stranger, staff) = (stand.user("stranger").await, stand.user("staff").await);
        stand.appoint(staff, "admin").await;
        for user_id in [member, stranger, staff] {
            let input = AdjustWallet {
                client_id: key(),
                user_id,
                amount: "10.00".parse().unwrap(),
                direction: EntryType::Credit,
                reason: "pocket money".to_owned(),
            };
            domain::wallet::adjust_wallet(stand.app(), &Actor::on_behalf_of(staff), input).await.unwrap();
        }
        run(seat(room, member)).await;
        let first = json!({"client_id": key(), "user_id": friend, "body": "salam"});
        let first = serde_json::from_value(first).unwrap();
        let sent = domain::chat::send_message(stand.app(), &Actor::on_behalf_of(owner), first).await.unwrap();
        let conversation = sent.answer.message.conversation_id;
        let gift = u64::try_from(gift).unwrap();
        Self { stand, owner, friend, member, stranger, staff, conversation, room, gift }
    }

    /// A call of a method with everything that it is about made anew, so that no try stands in another's way.
    async fn input(&self, method: &str, ordinal: usize) -> Value {
        let Self { conversation, room, gift, owner, .. } = self;
        let app = self.stand.app();
        if method.starts_with("chat.") {
            let words = json!({"client_id": key(), "conversation_id": conversation, "body": "words"});
            let own = Actor::on_behalf_of(*owner);
            let words = serde_json::from_value(words).unwrap();
            let message = domain::chat::send_message(app, &own, words).await.unwrap().answer.message.id;
            return match method {
                "chat.send_message" => {
                    json!({"client_id": key(), "conversation_id": conversation, "body": "hear"})
                }
                "chat.edit_message" => json!({"message_id": message, "body": "other words"}),
                "chat.delete_message" => json!({"message_id": message}),
                "chat.mark_read" => json!({"conversation_id": conversation, "up_to": message}),
                "chat.start_typing" => json!({"conversation_id": conversation}),
                "chat.sync" => json!({"after_message_id": 0}),
                other => panic!("{other} is in the table and is not tried"),
            };
        }
        if method.starts_with("rooms.") {
            let victim = self.stand.user(&format!("victim{ordinal}")).await;
            self.stand.database.execute(&seat(*room, victim)).await.unwrap();
            let words = json!({"client_id": key(), "room_id": room, "body": "words"});
            let words = serde_json::from_value(words).unwrap();
            let posted = domain::rooms::post_message(app, &Actor::on_behalf_of(victim), words).await.unwrap();
            let message = posted.answer.message.id;
            self.stand.database.execute("UPDATE live_room_messages SET is_pinned = 0").await.unwrap();
            let of_victim = json!({"room_id": room, "user_id": victim});
            return match method {
                "rooms.join" | "rooms.leave" => json!({"room_id": room}),
                "rooms.post_message" => json!({"client_id": key(), "room_id": room, "body": "hear"}),
                "rooms.announce" => json!({"client_id": key(), "room_id": room, "body": "hear ye"}),
                "rooms.delete_message" | "rooms.pin_message" | "rooms.unpin_message" => {
                    json!({"message_id": message})
                }
                "rooms.react" => json!({"message_id": message, "type": "love"}),
                "rooms.mute_user" | "rooms.unmute_user" | "rooms.kick_user" | "rooms.ban_user"
                | "rooms.unban_user" => of_victim,
                "rooms.set_slow_mode" => json!({"room_id": room, "seconds": 0}),
                other => panic!("{other} is in the table and is not tried"),
            };
        }
        match method {
            "gifts.send_gift" => json!({
                "client_id": key(), "gift_id": gift, "giftable_type": "live_room", "giftable_id": room, "quantity": 1,
            }),
            "presence.query" => json!({"user_ids": [owner]}),
            "presence.set_visibility" => json!({"visible": true}),
            other => panic!("{other} is in the table and is not tried"),
        }
    }
}

fn seat(room: u64, user_id: u64) -> String {
    format!(
        "INSERT INTO live_room_registrations (user_id, live_room_id, status, price_paid) \
         VALUES ({user_id}, {room}, 'registered', 1)"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_is_tried_by_a_guest_a_stranger_the_owner_and_staff() {
    let scene = Scene::new().await;
    let Scene { owner, friend, member, stranger, staff, .. } = scene;
    for method in Rpc::METHODS {
        assert!(TABLE.iter().any(|(tried, _)| tried == method), "{method} is tried by nobody");
    }
    assert_eq!(TABLE.len(), Rpc::METHODS.len());
    let mut clients = Vec::new();
    for user_id in [stranger, owner, staff, member] {
        clients.push(scene.stand.client(0, user_id).await);
    }
    let (mut tries, mut wrong) = (0, Vec::new());
    for (method, expected) in TABLE {
        // Who has not said who they are is put out, whatever they ask.
        let input = scene.input(method, tries).await;
        let mut guest = Client::open(&scene.stand.nodes[0].url(), Encoding::Json).await;
        let call = RpcRequest { method: (*method).to_owned(), data: input.to_string().into() };
        let refusal = guest.ask(Request::Rpc(call)).await;
        let refused = matches!(&refusal, Ok(Err(error)) if error.code == 101);
        if !refused || guest.closed().await != 3501 {
            wrong.push(format!("guest {method}: {refusal:?}, not put out"));
        }
        tries += 1;
        for (role, expected) in ["stranger", "owner", "staff"].into_iter().zip(expected) {
            let client = match (*method, role) {
                ("gifts.send_gift", "owner") => 3,
                (_, "stranger") => 0,
                (_, "owner") => 1,
                _ => 2,
            };
            let input = scene.input(method, tries).await;
            let outcome = clients[client].rpc(method, &input).await;
            let code = outcome.as_ref().err().map_or("", |error| {
                error.message.split_once(": ").map_or(error.message.as_str(), |(code, _)| code)
            });
            if code != *expected {
                wrong.push(format!("{role} {method}: {code:?} instead of {expected:?}"));
            }
            if let ("chat.sync", Ok(answer)) = (*method, &outcome) {
                let others = answer["messages"].as_array().unwrap().len();
                assert_eq!(others > 0, role == "owner", "{role} is told of what is not theirs");
            }
            tries += 1;
        }
    }
    assert_eq!(wrong, [""; 0]);
    println!("{} methods tried by four: {tries} tries (friend {friend})", TABLE.len());
}
