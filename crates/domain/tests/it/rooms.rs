//! Live rooms: seats, admission, the chat, the video pass.

use base::paging::{Cursor, Page, PageRequest};
use base::{CommonFault, Fault, Rule, Time};
use domain::rooms::{
    RoomError, create_room, enter_channel, find_room, join_room, list_room_messages, list_rooms,
    post_message, register_for_room, start_room,
};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::rooms::{
    AccessType, CreateRoom, JoinRoom, PostMessage, RegistrationStatus, RoomFilter, RoomMessage,
    RoomMessageType, RoomStatus,
};
use tokio::task::JoinSet;

use crate::stage::{Stage, key, money, open_room, paid_room, words};

const JITSI_SECRET: &str = "a jitsi secret of more than 32 bytes!";

async fn refused_entry(app: &App, actor: &Actor, room: u64) -> Option<Rule> {
    enter_channel(app, actor, room).await.err().map(|error| error.rule())
}

async fn refused_post(app: &App, actor: &Actor, input: PostMessage) -> Option<Rule> {
    post_message(app, actor, input).await.err().map(|error| error.rule())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_want_ten_seats_exactly_ten_get_one() {
    let stage = Stage::new().await;
    let (host, room) =
        stage.announced("host", CreateRoom { max_participants: Some(10), ..paid_room("5.00") }).await;
    let mut people = Vec::new();
    for ordinal in 0..50 {
        people.push(stage.rich(&format!("user{ordinal}"), "5.00").await);
    }
    let mut registrations = JoinSet::new();
    for actor in people {
        let app = stage.app.clone();
        registrations.spawn(async move {
            register_for_room(&app, &actor, room, Some(key())).await.map_err(|error| error.rule())
        });
    }
    let outcomes = registrations.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Rule::ROOM_FULL))));
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_registrations").await, 10);
    // 5.00: 4.35 net, 20 % of it the platform's.
    assert_eq!(stage.balance(&host).await, "34.80");
    let page = find_room(&stage.app, Some(&host), room).await.unwrap();
    assert_eq!((page.registered_count, page.seats_left), (10, Some(0)));
    stage.assert_ledger_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_thirty_who_walk_into_a_free_room_of_seven_seats_seven_come_in() {
    let stage = Stage::new().await;
    let (_, room) = stage.live("host", CreateRoom { max_participants: Some(7), ..open_room() }).await;
    let mut joins = JoinSet::new();
    for ordinal in 0..30 {
        let (app, actor) = (stage.app.clone(), stage.person(&format!("user{ordinal}")).await);
        joins.spawn(async move {
            join_room(&app, &actor, JoinRoom { room_id: room }).await.map_err(|error| error.rule())
        });
    }
    let outcomes = joins.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 7);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Rule::ROOM_FULL))));
    assert_eq!(stage.heard_of(Channel::Room(room), "room.member_joined").await.len(), 7);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn a_seat_is_paid_once_and_taken_up_again_after_a_cancellation() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.announced("host", paid_room("10.00")).await;
    let user = stage.rich("user", "25.00").await;
    let register = async |actor: &Actor, key| register_for_room(app, actor, room, key).await;

    assert_eq!(register(&user, None).await.unwrap_err().rule(), Rule::IDEMPOTENCY_KEY_REQUIRED);
    assert_eq!(register(&host, Some(key())).await.unwrap_err().rule(), Rule::ROOM_OWN);
    let poor = stage.rich("poor", "9.99").await;
    let short = register(&poor, Some(key())).await.unwrap_err();
    assert_eq!(
        (short.rule(), short.details().unwrap()["available"].as_str()),
        (Rule::INSUFFICIENT_FUNDS, Some("9.99"))
    );

    let first_key = key();
    let first = register(&user, Some(first_key.clone())).await.unwrap();
    assert_eq!(first.answer.price_paid, money("10.00"));
    let again = register(&user, Some(first_key)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.answer, first.answer);
    assert_eq!(register(&user, Some(key())).await.unwrap_err().rule(), Rule::ROOM_ALREADY_REGISTERED);
    assert_eq!(stage.balance(&user).await, "15.00");
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_registrations").await, 1);
    let told = stage.heard_of(Channel::User(host.user_id()), "wallet.updated").await;
    assert_eq!(told.last().unwrap()["balance"], "6.96", "8.70 net less 20 %");

    let id = first.answer.id;
    assert_eq!(
        stage.count(&format!("SELECT COUNT(*) FROM live_room_registrations WHERE id = {id}")).await,
        1
    );
    stage.run("UPDATE live_room_registrations SET status = 'cancelled'").await;
    assert_eq!(register(&user, Some(key())).await.unwrap().answer.id, id, "the same row");
    assert_eq!(stage.balance(&user).await, "5.00");
    assert_eq!(
        stage.count("SELECT COUNT(*) FROM live_room_registrations WHERE status = 'registered'").await,
        1
    );
    assert_eq!(stage.count("SELECT COUNT(*) FROM invoices").await, 2);

    let (_, free) = stage.announced("other", open_room()).await;
    let free = register_for_room(app, &poor, free, None).await.unwrap();
    assert_eq!(free.answer.price_paid, money("0.00"));
    let (_, over) = stage.announced("third", open_room()).await;
    stage.run(&format!("UPDATE live_rooms SET status = 'completed' WHERE id = {over}")).await;
    assert_eq!(register_for_room(app, &poor, over, None).await.unwrap_err().rule(), Rule::ROOM_NOT_ACTIVE);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn who_may_listen_read_and_write_in_which_room() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, free) = stage.live("host", open_room()).await;
    let (speaker, paid) = stage.live("speaker", paid_room("5.00")).await;
    let (_, scheduled) = stage.announced("third", open_room()).await;
    let stranger = stage.rich("stranger", "20.00").await;
    let moderator = stage.person("moderator").await;
    stage.appoint(&moderator, "moderator").await;

    // A free active room admits everybody, without registering or joining.
    assert_eq!(refused_entry(app, &stranger, free).await, None);
    assert_eq!(refused_post(app, &stranger, words(free, "salam")).await, None);
    assert_eq!(list_room_messages(app, &stranger, free, None, 50).await.unwrap().items.len(), 1);

    assert_eq!(refused_entry(app, &stranger, paid).await, Some(Rule::ROOM_NOT_REGISTERED));
    assert_eq!(refused_post(app, &stranger, words(paid, "salam")).await, Some(Rule::ROOM_NOT_REGISTERED));
    let unread = list_room_messages(app, &stranger, paid, None, 50).await.unwrap_err();
    assert_eq!(unread.rule(), Rule::ROOM_NOT_REGISTERED);
    for insider in [&speaker, &moderator, stage.admin()] {
        assert_eq!(refused_entry(app, insider, paid).await, None);
        assert_eq!(refused_post(app, insider, words(paid, "welcome")).await, None);
    }
    register_for_room(app, &stranger, paid, Some(key())).await.unwrap();
    assert_eq!(refused_entry(app, &stranger, paid).await, None);
    assert_eq!(refused_entry(app, &stranger, paid).await, None, "now from the cache");
    assert_eq!(refused_post(app, &stranger, words(paid, "salam")).await, None);

    assert_eq!(refused_entry(app, &stranger, scheduled).await, Some(Rule::ROOM_NOT_REGISTERED));
    assert_eq!(refused_post(app, &stranger, words(scheduled, "salam")).await, Some(Rule::ROOM_NOT_ACTIVE));
    let join = join_room(app, &stranger, JoinRoom { room_id: scheduled }).await.unwrap_err();
    assert_eq!(join.rule(), Rule::ROOM_NOT_ACTIVE, "free: nothing but its state is in the way");
    // Access is told before state: who would not be let in does not learn that the room is over.
    let (_, ended) = stage.live("fourth", paid_room("5.00")).await;
    stage
        .run(&format!(
            "UPDATE live_rooms SET status = 'completed', current_jitsi_room_id = NULL WHERE id = {ended}"
        ))
        .await;
    let join = join_room(app, &moderator, JoinRoom { room_id: ended }).await.unwrap_err();
    assert_eq!(join.rule(), Rule::ROOM_NOT_ACTIVE);
    let join = join_room(app, &stranger, JoinRoom { room_id: ended }).await.unwrap_err();
    assert_eq!(join.rule(), Rule::ROOM_NOT_REGISTERED);
    let ban =
        format!("INSERT INTO hub_room_bans (live_room_id, user_id) VALUES ({ended}, {})", stranger.user_id());
    stage.run(&ban).await;
    let join = join_room(app, &stranger, JoinRoom { room_id: ended }).await.unwrap_err();
    assert_eq!(join.rule(), Rule::ROOM_BANNED);
    assert_eq!(refused_entry(app, &stranger, 999).await, Some(Rule::NOT_FOUND));
    assert_eq!(refused_post(app, &stranger, words(999, "salam")).await, Some(Rule::NOT_FOUND));

    let ban = format!(
        "INSERT INTO hub_room_bans (live_room_id, user_id) VALUES ({free}, {}), ({paid}, {})",
        stranger.user_id(),
        stranger.user_id()
    );
    stage.run(&ban).await;
    assert_eq!(refused_post(app, &stranger, words(free, "salam")).await, Some(Rule::ROOM_BANNED));
    let join = join_room(app, &stranger, JoinRoom { room_id: free }).await.unwrap_err();
    assert_eq!(join.rule(), Rule::ROOM_BANNED);
    // Past the facts' few seconds in the cache, since no operation of ours wrote the ban.
    tokio::time::sleep(std::time::Duration::from_millis(5_100)).await;
    assert_eq!(refused_entry(app, &stranger, free).await, Some(Rule::ROOM_BANNED));
    assert_eq!(refused_entry(app, &stranger, paid).await, Some(Rule::ROOM_BANNED));

    stage
        .run(&format!(
            "UPDATE live_rooms SET status = 'cancelled', current_jitsi_room_id = NULL WHERE id = {scheduled}"
        ))
        .await;
    stage.run(&format!("UPDATE users SET is_active = 0 WHERE id = {}", host.user_id())).await;
    assert_eq!(
        refused_post(app, &moderator, words(free, "salam")).await,
        Some(Rule::NOT_FOUND),
        "its host is gone"
    );
    assert_eq!(refused_post(app, &stranger, words(scheduled, "salam")).await, Some(Rule::NOT_FOUND));
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn what_may_be_written() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    let (_, other) = stage.live("other", open_room()).await;
    let user = stage.person("user").await;
    let input = words(room, " \u{202e}مرحبا بكم\u{0} ");
    let posted = post_message(app, &user, input.clone()).await.unwrap().answer.message;
    assert_eq!(posted.body.as_deref(), Some("مرحبا بكم"));
    assert_eq!(posted.user.as_ref().unwrap().id, user.user_id());
    let heard = stage.heard_of(Channel::Room(room), "room.message_created").await;
    assert_eq!(heard[0]["message"]["id"], posted.id);
    assert_eq!(heard[0]["message"]["user"]["name"], posted.user.as_ref().unwrap().name.as_str());

    let again = post_message(app, &user, input.clone()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.answer.message, posted);
    let changed = PostMessage { body: "other".to_owned(), ..input };
    assert_eq!(refused_post(app, &user, changed).await, Some(Rule::IDEMPOTENCY_KEY_REUSED));
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_messages").await, 1);

    for body in [String::new(), " \n ".to_owned(), "م".repeat(501)] {
        assert_eq!(refused_post(app, &user, words(room, &body)).await, Some(Rule::VALIDATION_FAILED));
    }
    assert_eq!(refused_post(app, &user, words(room, &"م".repeat(500))).await, None);
    for message_type in [RoomMessageType::System, RoomMessageType::Announcement] {
        let input = PostMessage { message_type, ..words(room, "hear") };
        assert_eq!(refused_post(app, &host, input).await, Some(Rule::VALIDATION_FAILED));
    }
    let emoji = PostMessage { message_type: RoomMessageType::Emoji, ..words(room, "🌹") };
    assert_eq!(refused_post(app, &user, emoji).await, None);
    let no_uuid = PostMessage { client_id: "seven".parse().unwrap(), ..words(room, "salam") };
    assert_eq!(refused_post(app, &user, no_uuid).await, Some(Rule::VALIDATION_FAILED));

    let reply = |room, parent| PostMessage { parent_id: Some(parent), ..words(room, "reply") };
    assert_eq!(refused_post(app, &user, reply(room, posted.id)).await, None);
    assert_eq!(refused_post(app, &user, reply(other, posted.id)).await, Some(Rule::ROOM_PARENT_NOT_FOUND));
    assert_eq!(refused_post(app, &user, reply(room, 999_999)).await, Some(Rule::ROOM_PARENT_NOT_FOUND));
    stage.run(&format!("UPDATE live_room_messages SET is_deleted = 1 WHERE id = {}", posted.id)).await;
    assert_eq!(refused_post(app, &user, reply(room, posted.id)).await, Some(Rule::ROOM_PARENT_NOT_FOUND));

    let all = list_room_messages(app, &user, room, None, 50).await.unwrap().items;
    assert!(all.is_sorted_by_key(|message| message.id));
    assert_eq!((all[0].id, all[0].deleted, all[0].body.as_deref()), (posted.id, true, None), "a tombstone");
    // Pages lead to older messages and back.
    let ids = |page: &Page<RoomMessage>| page.items.iter().map(|message| message.id).collect::<Vec<_>>();
    let place = Some(Cursor { id: all[3].id, forward: true });
    let middle = list_room_messages(app, &user, room, place, 2).await.unwrap();
    assert_eq!(ids(&middle), [all[1].id, all[2].id]);
    let oldest = list_room_messages(app, &user, room, middle.next, 2).await.unwrap();
    assert_eq!((ids(&oldest), oldest.next), (vec![all[0].id], None));
    let back = list_room_messages(app, &user, room, oldest.previous, 2).await.unwrap();
    assert_eq!(back, middle);
    let whole = list_room_messages(app, &user, room, None, 50).await.unwrap();
    assert_eq!((whole.next, whole.previous), (None, None));

    stage
        .run(&format!(
            "INSERT INTO hub_room_mutes (live_room_id, user_id) VALUES ({room}, {})",
            user.user_id()
        ))
        .await;
    assert_eq!(refused_post(app, &user, words(room, "salam")).await, Some(Rule::ROOM_MUTED));
    assert_eq!(refused_entry(app, &user, room).await, None, "the muted may listen");
    stage.run("UPDATE hub_room_mutes SET until = UTC_TIMESTAMP() - INTERVAL 1 SECOND").await;
    assert_eq!(refused_post(app, &user, words(room, "salam")).await, None);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn slow_mode_makes_members_wait_but_not_their_repeats() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    stage
        .run(&format!("INSERT INTO hub_room_settings (live_room_id, slow_mode_seconds) VALUES ({room}, 2)"))
        .await;
    let user = stage.person("user").await;
    let moderator = stage.person("moderator").await;
    stage.appoint(&moderator, "moderator").await;

    assert_eq!(refused_post(app, &user, words(room, "")).await, Some(Rule::VALIDATION_FAILED));
    let first = words(room, "one");
    let orphan = PostMessage { parent_id: Some(999_999), ..words(room, "an answer to nothing") };
    assert_eq!(refused_post(app, &user, orphan).await, Some(Rule::ROOM_PARENT_NOT_FOUND));
    assert_eq!(refused_post(app, &user, first.clone()).await, None, "what was refused took no turn");
    let error = post_message(app, &user, words(room, "two")).await.unwrap_err();
    assert_eq!(error.rule(), Rule::ROOM_SLOW_MODE);
    let wait = error.retry_after().unwrap();
    assert!(wait > std::time::Duration::ZERO && wait <= std::time::Duration::from_secs(2), "{wait:?}");
    assert!(post_message(app, &user, first).await.unwrap().replayed);
    for exempt in [&host, &moderator] {
        assert_eq!(refused_post(app, exempt, words(room, "one")).await, None);
        assert_eq!(refused_post(app, exempt, words(room, "two")).await, None);
    }
    tokio::time::sleep(wait).await;
    assert_eq!(refused_post(app, &user, words(room, "two")).await, None);
    assert_eq!(enter_channel(app, &user, room).await.unwrap().slow_mode_seconds, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_many_are_all_kept_and_heard_once() {
    let stage = Stage::new().await;
    let (_, room) = stage.live("host", open_room()).await;
    let mut posts = JoinSet::new();
    for ordinal in 0..10 {
        let (app, actor) = (stage.app.clone(), stage.person(&format!("user{ordinal}")).await);
        posts.spawn(async move {
            let mut ids = Vec::new();
            for round in 0..10 {
                let posted = post_message(&app, &actor, words(room, &format!("{round}"))).await.unwrap();
                ids.push(posted.answer.message.id);
            }
            ids
        });
    }
    // Id order is commit order: no message turns up below one that was read before.
    let reader = async {
        let mut seen = Vec::new();
        while seen.len() < 100 {
            let all = list_room_messages(&stage.app, stage.admin(), room, None, 100).await.unwrap().items;
            let ids: Vec<u64> = all.iter().map(|message| message.id).collect();
            assert_eq!(ids[..seen.len()], seen, "a lower id turned up late");
            seen = ids;
        }
    };
    let (posts, ()) = tokio::join!(posts.join_all(), reader);
    let mut sent = Vec::new();
    for ids in posts {
        assert!(ids.is_sorted(), "one sender's ids are in the order sent");
        sent.extend(ids);
    }
    sent.sort_unstable();
    let heard = stage.heard_of(Channel::Room(room), "room.message_created").await;
    let mut heard: Vec<u64> = heard.iter().map(|event| event["message"]["id"].as_u64().unwrap()).collect();
    heard.sort_unstable();
    assert_eq!(heard, sent);
    let kept = list_room_messages(&stage.app, stage.admin(), room, None, 100).await.unwrap().items;
    assert_eq!(kept.iter().map(|message| message.id).collect::<Vec<_>>(), sent);
}

#[tokio::test]
async fn coming_back_to_a_room_does_not_ask_mysql() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (_, free) = stage.live("host", open_room()).await;
    let (_, paid) = stage.live("speaker", paid_room("5.00")).await;
    let registered = stage.rich("registered", "5.00").await;
    let visitor = stage.person("visitor").await;
    register_for_room(app, &registered, paid, Some(key())).await.unwrap();
    enter_channel(app, &registered, free).await.unwrap();
    enter_channel(app, &registered, paid).await.unwrap();
    app.store.close().await;
    for (actor, room) in [(&registered, paid), (&registered, free), (&visitor, free)] {
        assert_eq!(enter_channel(app, actor, room).await.unwrap().status, RoomStatus::Active);
    }
    let unknown = enter_channel(app, &visitor, paid).await.unwrap_err();
    assert_eq!(unknown.rule(), Rule::UNAVAILABLE, "a seat that nobody asked about before is in MySQL alone");
}

#[tokio::test]
async fn starting_is_for_the_host_in_time_and_for_managers_at_any_time() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (host, room) = stage.announced("host", open_room()).await;
    let user = stage.person("user").await;
    register_for_room(app, &user, room, None).await.unwrap();
    assert_eq!(start_room(app, &user, room).await.unwrap_err().rule(), Rule::FORBIDDEN);
    // Known before, so that its being live has to be told to the cache.
    assert_eq!(enter_channel(app, &user, room).await.unwrap().status, RoomStatus::Scheduled);

    let started = start_room(app, &host, room).await.unwrap();
    let name = started.jitsi_room.strip_prefix(&format!("r{room}-")).unwrap();
    assert!(name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    assert_eq!(enter_channel(app, &user, room).await.unwrap().status, RoomStatus::Active);
    for channel in [Channel::Room(room), Channel::User(user.user_id())] {
        assert_eq!(stage.heard_of(channel, "room.started").await[0]["room_id"], room);
    }
    let again = start_room(app, &host, room).await.unwrap_err();
    assert_eq!(again.rule(), Rule::ILLEGAL_TRANSITION);
    assert_eq!(
        again.details().unwrap()["allowed"],
        serde_json::json!(["scheduled", "completed", "cancelled"])
    );

    let tomorrow = (chrono::Utc::now() + chrono::TimeDelta::days(1)).format("%Y-%m-%d").to_string();
    let (early, later) = stage.announced("early", CreateRoom { start_date: tomorrow, ..open_room() }).await;
    let outside = start_room(app, &early, later).await;
    // Within a quarter of an hour of midnight tomorrow's room may be started already.
    if chrono::Utc::now().format("%H:%M").to_string().as_str() < "23:44" {
        assert_eq!(outside.unwrap_err().rule(), Rule::ROOM_OUTSIDE_WINDOW);
        start_room(app, stage.admin(), later).await.unwrap();
    }
    for over in ["completed", "cancelled"] {
        stage
            .run(&format!(
                "UPDATE live_rooms SET status = '{over}', current_jitsi_room_id = NULL WHERE id = {room}"
            ))
            .await;
        assert_eq!(start_room(app, &host, room).await.unwrap_err().rule(), Rule::ILLEGAL_TRANSITION);
    }
    assert_eq!(
        start_room(app, &user, room).await.unwrap_err().rule(),
        Rule::NOT_FOUND,
        "cancelled: not there"
    );
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn joining_marks_attendance_once_and_gives_a_pass_for_the_video() {
    let stage = Stage::with(|settings| {
        settings.jitsi = Some(config::Jitsi {
            domain: "meet.example".to_owned(),
            app_id: "majlis".to_owned(),
            key: config::JitsiKey::Secret(base::Secret::new(JITSI_SECRET)),
            audience: "jitsi".to_owned(),
            hook_secret: None,
        });
    })
    .await;
    let app = &stage.app;
    // A window that ends in an hour's time would cut the pass; this one's end is known.
    let (host, room) = stage.live("host", open_room()).await;
    let user = stage.person("user").await;
    stage
        .run(&format!("UPDATE users SET avatar = 'https://cdn.example/u.png' WHERE id = {}", user.user_id()))
        .await;
    stage.run(&format!("INSERT INTO live_room_messages (live_room_id, user_id, message, is_pinned, created_at) VALUES ({room}, {}, 'rules', 1, UTC_TIMESTAMP())", host.user_id())).await;
    let jitsi_room = stage.text("SELECT current_jitsi_room_id FROM live_rooms").await;

    let before = Time::now_in_seconds().unix_seconds();
    let joined = join_room(app, &user, JoinRoom { room_id: room }).await.unwrap();
    assert_eq!((joined.room.id, joined.room.status, joined.room.viewers), (room, RoomStatus::Active, 0));
    let pass = joined.jitsi.unwrap();
    assert_eq!(
        (pass.domain.as_str(), pass.room.as_str(), pass.moderator),
        ("meet.example", jitsi_room.as_str(), false)
    );
    let (header, claims) = decode(&pass.jwt);
    assert_eq!(header, serde_json::json!({"alg": "HS256", "typ": "JWT"}));
    let issued = claims["iat"].as_i64().unwrap();
    assert!((before..=before + 5).contains(&issued));
    let midnight = chrono::Utc::now().date_naive().and_hms_opt(23, 59, 59).unwrap().and_utc().timestamp();
    let expires = (issued + 7_200).min(midnight + 900);
    let name = stage.text(&format!("SELECT name FROM users WHERE id = {}", user.user_id())).await;
    assert_eq!(
        claims,
        serde_json::json!({
            "iss": "majlis", "aud": "jitsi", "sub": "meet.example", "room": jitsi_room,
            "iat": issued, "nbf": issued - 10, "exp": expires,
            "context": {
                "user": {
                    "id": user.user_id().to_string(), "name": name, "avatar": "https://cdn.example/u.png",
                    "affiliation": "member", "moderator": "false",
                },
                "group": format!("live-room:{room}"),
            },
        })
    );
    assert_eq!(pass.expires_at.unix_seconds(), expires);

    let own = join_room(app, &host, JoinRoom { room_id: room }).await.unwrap().jitsi.unwrap();
    assert!(own.moderator);
    let (_, claims) = decode(&own.jwt);
    let host_user = &claims["context"]["user"];
    assert_eq!((&host_user["affiliation"], &host_user["moderator"]), (&"owner".into(), &"true".into()));
    assert_eq!(host_user.get("avatar"), None, "what is absent is left out, never null");
    assert_eq!(claims["context"]["features"]["recording"], "true");

    assert_eq!(joined.room.pinned.len(), 1);
    let attended =
        "SELECT COUNT(*) FROM live_room_registrations WHERE status = 'attended' AND attended_at IS NOT NULL";
    assert_eq!(stage.count(attended).await, 1, "the host needs no seat");
    join_room(app, &user, JoinRoom { room_id: room }).await.unwrap();
    assert_eq!(
        stage.heard_of(Channel::Room(room), "room.member_joined").await.len(),
        1,
        "only the first time"
    );

    // Who had a seat is marked, not given another.
    let (_, second) = stage.announced("second", open_room()).await;
    register_for_room(app, &user, second, None).await.unwrap();
    start_room(app, stage.admin(), second).await.unwrap();
    join_room(app, &user, JoinRoom { room_id: second }).await.unwrap();
    assert_eq!(stage.count(attended).await, 2);
    assert_eq!(stage.count("SELECT COUNT(*) FROM live_room_registrations").await, 2);
    stage.assert_ledger_holds().await;
}

/// The same with a key pair, for somebody who shows an e-mail address, in a session that ends soon.
#[tokio::test]
async fn a_pass_that_a_key_pair_signs_says_the_same() {
    let stage = Stage::with(|settings| {
        settings.jitsi = Some(config::Jitsi {
            domain: "Meet.Example".to_owned(),
            app_id: "majlis".to_owned(),
            key: config::JitsiKey::File {
                private: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/jitsi.pem").into(),
                key_id: "majlis/2026".to_owned(),
            },
            audience: "my-jitsi".to_owned(),
            hook_secret: None,
        });
    })
    .await;
    let app = &stage.app;
    let (host, room) = stage.live("host", open_room()).await;
    stage.run(&format!("UPDATE user_profiles SET show_email = 1 WHERE user_id = {}", host.user_id())).await;
    let jitsi_room = stage.text("SELECT current_jitsi_room_id FROM live_rooms").await;
    assert!(jitsi_room.starts_with(&format!("r{room}-")) && jitsi_room.len() == 26 + room.to_string().len());
    assert_eq!(jitsi_room, jitsi_room.to_lowercase());
    let pass = join_room(app, &host, JoinRoom { room_id: room }).await.unwrap().jitsi.unwrap();
    assert_eq!((pass.domain.as_str(), pass.moderator), ("meet.example", true));
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["my-jitsi"]);
    let public = jsonwebtoken::DecodingKey::from_rsa_pem(include_bytes!("../keys/jitsi_public.pem")).unwrap();
    let token = jsonwebtoken::decode::<serde_json::Value>(&pass.jwt, &public, &validation).unwrap();
    assert_eq!(
        serde_json::to_value(&token.header).unwrap(),
        serde_json::json!({"typ": "JWT", "alg": "RS256", "kid": "majlis/2026"})
    );
    let issued = token.claims["iat"].as_i64().unwrap();
    let midnight = chrono::Utc::now().date_naive().and_hms_opt(23, 59, 59).unwrap().and_utc().timestamp();
    let name = stage.text(&format!("SELECT name FROM users WHERE id = {}", host.user_id())).await;
    assert_eq!(
        token.claims,
        serde_json::json!({
            "iss": "majlis", "aud": "my-jitsi", "sub": "meet.example", "room": jitsi_room,
            "iat": issued, "nbf": issued - 10, "exp": (issued + 7_200).min(midnight + 900),
            "context": {
                "user": {
                    "id": host.user_id().to_string(), "name": name, "email": "host@example.com",
                    "affiliation": "owner", "moderator": "true",
                },
                "features": {
                    "livestreaming": "true", "recording": "true", "transcription": "true",
                    "outbound-call": "false",
                },
                "group": format!("live-room:{room}"),
            },
        })
    );
    assert_no_nulls(&token.claims);

    // A session that ends in ten minutes: a quarter of an hour after it, the pass is void.
    let now = Time::now_in_seconds();
    let end = now.plus_seconds(600).as_chrono();
    stage
        .run(&format!(
            "UPDATE live_rooms SET start_date = '{0}', end_date = '{0}', start_time = '00:00:00', end_time = '{1}'",
            end.format("%Y-%m-%d"),
            end.format("%H:%M:%S"),
        ))
        .await;
    let user = stage.person("user").await;
    let pass = join_room(app, &user, JoinRoom { room_id: room }).await.unwrap().jitsi.unwrap();
    assert_eq!(pass.expires_at, Time::from(end).plus_seconds(900));
}

fn assert_no_nulls(value: &serde_json::Value) {
    match value {
        serde_json::Value::Null => panic!("Prosody fails on null"),
        serde_json::Value::Object(members) => members.values().for_each(assert_no_nulls),
        _ => {}
    }
}

/// Header and claims, with the signature checked.
fn decode(jwt: &str) -> (serde_json::Value, serde_json::Value) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&["jitsi"]);
    let secret = jsonwebtoken::DecodingKey::from_secret(JITSI_SECRET.as_bytes());
    let token = jsonwebtoken::decode::<serde_json::Value>(jwt, &secret, &validation).unwrap();
    let header = URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    (serde_json::from_slice(&header).unwrap(), token.claims)
}

#[tokio::test]
async fn rooms_are_announced_by_speakers_and_listed() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let user = stage.person("user").await;
    let forbidden = create_room(app, &user, open_room()).await.unwrap_err();
    assert!(matches!(forbidden, RoomError::Common(CommonFault::Forbidden)), "{forbidden:?}");
    let (host, first) = stage.live("host", open_room()).await;
    let (_, paid) = stage.announced("speaker", paid_room("5.00")).await;
    let (other, cancelled) = stage.announced("third", open_room()).await;
    stage.run(&format!("UPDATE live_rooms SET status = 'cancelled' WHERE id = {cancelled}")).await;
    register_for_room(app, &user, first, None).await.unwrap();
    for (field, input) in [
        ("title", CreateRoom { title: " ".to_owned(), ..open_room() }),
        ("timezone", CreateRoom { timezone: Some("Mars/Base".to_owned()), ..open_room() }),
        ("category_id", CreateRoom { category_id: Some(99), ..open_room() }),
        ("max_participants", CreateRoom { max_participants: Some(0), ..open_room() }),
        ("cover_url", CreateRoom { cover_url: Some("http://x".to_owned()), ..open_room() }),
    ] {
        let error = create_room(app, &host, input).await.unwrap_err();
        let sentences = error.violations().unwrap().sentences(base::Lang::En);
        assert_eq!(sentences.keys().collect::<Vec<_>>(), [field]);
    }

    let ids = async |viewer: Option<&Actor>, filter| -> Vec<u64> {
        let page = list_rooms(app, viewer, filter, PageRequest::default()).await.unwrap();
        page.items.iter().map(|room| room.id).collect()
    };
    let filter = RoomFilter::default;
    assert_eq!(ids(None, filter()).await, [paid, first]);
    assert_eq!(
        ids(Some(&other), filter()).await,
        [cancelled, paid, first],
        "one's own cancelled room is shown"
    );
    assert_eq!(ids(None, RoomFilter { live_now: Some(true), ..filter() }).await, [first]);
    assert_eq!(ids(None, RoomFilter { access_type: Some(AccessType::Paid), ..filter() }).await, [paid]);
    assert_eq!(ids(None, RoomFilter { host_id: Some(host.user_id()), ..filter() }).await, [first]);
    assert_eq!(ids(None, RoomFilter { status: Some(RoomStatus::Scheduled), ..filter() }).await, [paid]);
    assert!(ids(None, RoomFilter { to: Some("2020-01-01".to_owned()), ..filter() }).await.is_empty());
    let wrong = list_rooms(
        app,
        None,
        RoomFilter { from: Some("today".to_owned()), ..filter() },
        PageRequest::default(),
    );
    assert_eq!(wrong.await.unwrap_err().rule(), Rule::VALIDATION_FAILED);
    let pages = list_rooms(app, None, filter(), PageRequest { cursor: None, per_page: 1 }).await.unwrap();
    let next =
        list_rooms(app, None, filter(), PageRequest { cursor: pages.next, per_page: 1 }).await.unwrap();
    assert_eq!((pages.items[0].id, next.items[0].id, next.next), (paid, first, None));

    let page = find_room(app, Some(&user), first).await.unwrap();
    assert_eq!((page.registered_count, page.my_registration), (1, Some(RegistrationStatus::Registered)));
    assert_eq!((page.start_time.as_str(), page.duration_type.as_str()), ("00:00:00", "month"));
    assert_eq!(find_room(app, None, cancelled).await.unwrap_err().rule(), Rule::NOT_FOUND);
    assert!(find_room(app, Some(&other), cancelled).await.is_ok());
    assert!(find_room(app, Some(stage.admin()), cancelled).await.is_ok());
}
