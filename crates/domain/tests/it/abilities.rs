//! What a token's abilities open is the operations' rule, whichever door they are called through (domain.md §3).

use base::conditional::IfMatch;
use base::{Fault, Rule, Secret};
use domain::users::{self, UserFilter};
use domain::{Actor, chat, gifts, presence, rooms, wallet};
use protocol::IdempotencyKey;
use protocol::chat::{
    DeleteMessage, EditMessage, MarkRead, OpenConversation, SendMessage, StartTyping, SyncMessages,
};
use protocol::gifts::SendGift;
use protocol::presence::QueryPresence;
use protocol::rooms::{CreateRoom, JoinRoom, PostMessage, RoomFilter, RoomStatus};
use protocol::users::CreateToken;
use protocol::wallet::{AdjustWallet, TransactionFilter};
use serde_json::{Value, json};

use crate::society::unlimited;
use crate::world::{PASSWORD, World};

fn input<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn key() -> IdempotencyKey {
    "0d9c2f0e-6a6b-4f0c-9c55-3d1f6f8f2b11".parse().unwrap()
}

/// An actor of a user by an API token with these abilities.
async fn holding(world: &World, actor: &Actor, abilities: &[&str]) -> Actor {
    let input = CreateToken {
        name: "Token".to_owned(),
        password: Secret::new(PASSWORD),
        abilities: Some(abilities.iter().map(|&ability| ability.to_owned()).collect()),
        expires_at: None,
    };
    let made = users::create_token(world, actor, input).await.unwrap();
    users::authenticate(world, &made.token).await.unwrap().actor
}

/// Runs every operation; gives the names of those that were refused for want of an ability, each after what is in its
/// module's name. What else goes wrong, since nothing that they name exists, is not asked.
async fn refused(world: &World, actor: &Actor) -> Vec<&'static str> {
    let (app, mut refused) = (&world.app, Vec::new());
    let page = base::paging::PageRequest { cursor: None, per_page: 5 };
    let numbered = base::paging::NumberedRequest { page: 1, per_page: 5, with_total: false };
    let recording = json!({"url": "https://x.example/1.mp4", "started_at": "2026-01-31T17:00:00Z"});
    macro_rules! ask {
        ($($name:literal: $call:expr;)+) => {
            $(if let Err(fault) = $call.await && fault.rule() == Rule::MISSING_ABILITY { refused.push($name); })+
        };
    }
    let gift = json!({"client_id": key(), "gift_id": 1, "giftable_type": "live_room", "giftable_id": 1, "quantity": 1});
    let message = json!({"client_id": key(), "conversation_id": 1, "body": "x"});
    let post = json!({"client_id": key(), "room_id": 1, "body": "x"});
    let announcement = json!({"client_id": key(), "room_id": 1, "body": "x"});
    let somebody = json!({"room_id": 1, "user_id": 1});
    let room = json!({
        "title": "x", "start_date": "2027-01-31", "duration_type": "day", "start_time": "20:00",
        "end_time": "21:30", "timezone": "Asia/Riyadh", "access_type": "free", "max_participants": 100
    });
    let correction = json!({
        "client_id": key(), "user_id": 1, "amount": "1.00", "direction": "credit", "reason": "x"
    });
    ask! {
        "read": chat::list_conversations(app, actor, page);
        "read": chat::find_conversation(app, actor, 1);
        "read": chat::count_unread(app, actor);
        "read": chat::list_messages(app, actor, 1, chat::MessageWindow::Before(None), 5);
        "read": chat::sync_messages(app, actor, SyncMessages::default());
        "read": rooms::enter_channel(app, actor, 1);
        "read": rooms::find_room(app, Some(actor), 1);
        "read": rooms::list_rooms(app, Some(actor), RoomFilter::default(), page);
        "read": rooms::list_room_messages(app, actor, 1, None, 5);
        "read": rooms::list_thread(app, actor, 1, 1, page);
        "read": rooms::list_participants(app, actor, 1, page);
        "read": rooms::list_user_rooms(app, Some(actor), "1", page);
        "read": rooms::list_all_rooms(app, actor, rooms::AdminRoomFilter::default(), numbered, None);
        "read": rooms::list_recordings(app, actor, 1);
        "read": wallet::find_wallet(app, actor);
        "read": wallet::find_transaction(app, actor, 1);
        "read": wallet::list_transactions(app, actor, TransactionFilter::default(), page);
        "read": presence::query_presence(app, actor, QueryPresence { user_ids: vec![1] });
        "read": presence::watch_presence(app, actor, 1);
        "read": users::find_me(app, actor);
        "read": users::find_user(app, Some(actor), "me");
        "read": users::list_users(app, actor, UserFilter::default(), page);
        "read": users::list_relationships(app, actor, vec![1]);
        "read": users::list_tokens(app, actor);
        "write": chat::open_conversation(app, actor, OpenConversation { user_id: 999_999 });
        "write": chat::send_message(app, actor, input::<SendMessage>(message));
        "write": chat::edit_message(app, actor, EditMessage { message_id: 1, body: "x".to_owned() });
        "write": chat::delete_message(app, actor, DeleteMessage { message_id: 1 });
        "write": chat::mark_read(app, actor, MarkRead { conversation_id: 1, up_to: 1 });
        "write": chat::start_typing(app, actor, StartTyping { conversation_id: 1 });
        "write": chat::delete_conversation(app, actor, 1);
        "write": rooms::create_room(app, actor, input::<CreateRoom>(room));
        "write": rooms::join_room(app, actor, JoinRoom { room_id: 1 });
        "write": rooms::post_message(app, actor, input::<PostMessage>(post));
        "write": rooms::register_for_room(app, actor, 1, None);
        "write": rooms::start_room(app, actor, 1);
        "write": rooms::leave_room(app, actor, input(json!({"room_id": 1})));
        "write": rooms::announce(app, actor, input(announcement));
        "write": rooms::delete_room_message(app, actor, input(json!({"message_id": 1})));
        "write": rooms::pin_message(app, actor, input(json!({"message_id": 1})));
        "write": rooms::unpin_message(app, actor, input(json!({"message_id": 1})));
        "write": rooms::react_to_message(app, actor, input(json!({"message_id": 1, "type": "like"})));
        "write": rooms::mute_user(app, actor, input(somebody.clone()));
        "write": rooms::unmute_user(app, actor, input(somebody.clone()));
        "write": rooms::kick_user(app, actor, input(somebody.clone()));
        "write": rooms::ban_user(app, actor, input(somebody.clone()));
        "write": rooms::unban_user(app, actor, input(somebody.clone()));
        "write": rooms::set_slow_mode(app, actor, input(json!({"room_id": 1, "seconds": 1})));
        "write": rooms::update_room(app, actor, 1, &IfMatch::ANY, input(json!({})));
        "write": rooms::delete_room(app, actor, 1, &IfMatch::ANY);
        "write": rooms::end_room(app, actor, 1);
        "write": rooms::cancel_room(app, actor, 1);
        "write": rooms::cancel_registration(app, actor, 1);
        "write": rooms::set_room_status(app, actor, 1, RoomStatus::Active);
        "write": rooms::add_recording(app, rooms::Recorder::Person(actor), 1, input(recording));
        "write": rooms::delete_recording(app, actor, 1, "none");
        "write": users::revoke_token(app, actor, 999_999);
        "write": users::revoke_other_tokens(app, actor);
        "wallet": gifts::send_gift(app, actor, input::<SendGift>(gift));
        "wallet": rooms::refund_registration(app, actor, 1, 1, Some(key()));
        "wallet": wallet::adjust_wallet(app, actor, input::<AdjustWallet>(correction));
    }
    refused.sort_unstable();
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_asks_for_its_ability() {
    let world = unlimited().await;
    let (_, all) = world.user("amal").await;
    const READS: usize = 24;
    const WRITES: usize = 34;
    let of = |reads, writes, wallets| {
        let mut names = vec!["read"; reads];
        names.extend(vec!["wallet"; wallets]);
        names.extend(vec!["write"; writes]);
        names
    };
    for (abilities, expected) in [
        (&["realtime"][..], of(READS, WRITES, 3)),
        (&["read", "realtime"][..], of(0, WRITES, 3)),
        (&["wallet"][..], of(READS, WRITES, 0)),
        (&["*"][..], of(0, 0, 0)),
        (&["write"][..], of(READS, 0, 3)),
    ] {
        let actor = holding(&world, &all, abilities).await;
        assert_eq!(refused(&world, &actor).await, expected, "{abilities:?}");
    }
    // A session's token may do all, and so may the platform itself.
    assert_eq!(refused(&world, &all).await, of(0, 0, 0));
}
