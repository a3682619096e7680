//! The demo world: complete, true to the invariants of domain.md §12, and made once however often it is asked for.

#[path = "../../src/seed/mod.rs"]
mod demo;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;

use base::Secret;
use config::Settings;
use domain::users::{self, ClientContext, MessagePolicy};
use domain::{Actor, App};
use protocol::rooms::RoomStatus;
use protocol::users::LogIn;
use sandbox::TestServers;
use store::testing::TestDatabase;

/// A database, and an app on it with Redis keys of its own.
struct Place {
    database: TestDatabase,
    settings: Settings,
    app: App,
}

impl Place {
    async fn new() -> Self {
        let servers = TestServers::shared().await.unwrap();
        let database = TestDatabase::create(&servers.mysql().url("")).await.unwrap();
        let settings = Settings::read(|name| match name {
            "DATABASE_URL" => Some(database.url.clone()),
            "REDIS_URL" => Some(servers.redis().url()),
            "MAJLIS_REDIS_PREFIX" => Some(format!("{}:", database.name)),
            "MAJLIS_JWT_SECRET" => Some("a test secret of more than 32 bytes!".to_owned()),
            "BCRYPT_ROUNDS" => Some("4".to_owned()),
            _ => None,
        })
        .unwrap();
        let app = start(&settings).await;
        Self { database, settings, app }
    }

    /// The same database, but nothing that Redis knew of it.
    async fn forget_redis(&mut self) {
        self.settings.redis.prefix.push_str("again:");
        self.app = start(&self.settings).await;
    }

    async fn seed(&self) -> demo::World {
        demo::run(&self.app, |_part| {}).await.unwrap()
    }

    /// How many rows each table has.
    async fn rows(&self) -> BTreeMap<String, i64> {
        let mut conn = self.database.connect().await.unwrap();
        let schema = store::schema::describe(&mut conn).await.unwrap();
        let mut rows = BTreeMap::new();
        for table in schema.tables.into_keys() {
            let count = self.database.number(&format!("SELECT COUNT(*) FROM `{table}`")).await.unwrap();
            rows.insert(table, count);
        }
        rows
    }

    async fn number(&self, sql: &str) -> i64 {
        self.database.number(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    async fn execute(&self, sql: &str) {
        self.database.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn assert_true(&self) {
        for (name, sql) in CHECKS {
            let broken = self.number(&format!("SELECT COUNT(*) FROM ({sql}) broken")).await;
            assert_eq!(broken, 0, "{name}: {sql}");
        }
    }
}

async fn start(settings: &Settings) -> App {
    let store = store::Store::connect(settings.database.url.expose(), 8).await.unwrap();
    let redis = bus::BusSettings::new(settings.redis.url.expose(), settings.redis.prefix.clone(), "n1");
    App::start(store, bus::Bus::connect(redis).await.unwrap(), settings.clone()).await.unwrap()
}

/// What the framework fills itself.
const FRAMEWORK: [&str; 6] = ["jobs", "job_batches", "failed_jobs", "cache", "cache_locks", "sessions"];

/// Each must give no row.
const CHECKS: [(&str, &str); 44] = [
    ("I-M1", "SELECT id FROM wallets WHERE balance < 0 OR pending_balance < 0"),
    (
        "I-M2",
        "SELECT id FROM (SELECT id, balance_after, IF(type = 'credit', amount, -amount) AS moved, COALESCE(LAG(balance_after) \
         OVER (PARTITION BY wallet_id ORDER BY id), 0) AS held FROM transactions) c WHERE balance_after <> held + moved",
    ),
    (
        "I-M3",
        "SELECT w.id FROM wallets w WHERE w.balance <> COALESCE((SELECT t.balance_after FROM transactions t \
         WHERE t.wallet_id = w.id ORDER BY t.id DESC LIMIT 1), 0)",
    ),
    ("I-M4", "SELECT id FROM wallets WHERE pending_balance <> 0 OR total_withdrawn <> 0"),
    (
        "I-M6",
        "SELECT MIN(id) FROM transactions WHERE category <> 'adjustment' \
         GROUP BY JSON_UNQUOTE(JSON_EXTRACT(metadata, '$.group_id')) HAVING SUM(IF(type = 'credit', amount, -amount)) <> 0",
    ),
    (
        "I-M7",
        "SELECT 1 AS one FROM DUAL WHERE (SELECT SUM(balance) FROM wallets) <> \
         (SELECT SUM(IF(type = 'credit', amount, -amount)) FROM transactions WHERE category = 'adjustment')",
    ),
    ("I-M8", "SELECT id FROM transactions WHERE amount <= 0 OR status <> 'completed'"),
    (
        "I-M11",
        "SELECT t.id FROM transactions t LEFT JOIN invoices i ON i.transaction_id = t.id AND i.total = t.amount \
         AND i.subtotal + i.vat_amount = i.total WHERE t.type = 'debit' AND t.category IN ('gift', 'live_room') AND i.id IS NULL",
    ),
    (
        "I-M11 gaps",
        "SELECT 1 AS one FROM DUAL WHERE (SELECT COUNT(*) FROM invoices) <> \
         (SELECT COUNT(*) FROM transactions WHERE type = 'debit' AND category IN ('gift', 'live_room')) \
         OR (SELECT COUNT(*) FROM invoices) <> (SELECT SUM(value) FROM hub_sequences WHERE name LIKE 'invoice:%')",
    ),
    (
        "I-M13 rooms",
        "SELECT r.id FROM live_room_registrations r LEFT JOIN transactions t ON t.id = r.transaction_id \
         AND t.amount = r.price_paid WHERE r.price_paid > 0 AND t.id IS NULL",
    ),
    (
        "I-M13 others",
        "SELECT id FROM enrollments WHERE price_paid > 0 UNION ALL SELECT id FROM book_purchases WHERE price_paid > 0 \
         UNION ALL SELECT id FROM consultation_bookings WHERE price_paid > 0",
    ),
    (
        "free ones are free",
        "SELECT e.id FROM enrollments e JOIN courses c ON c.id = e.course_id WHERE c.price > 0 OR c.status <> 'published' \
         UNION ALL SELECT p.id FROM book_purchases p JOIN books b ON b.id = p.book_id WHERE b.price > 0 OR b.status <> 'published' \
         UNION ALL SELECT b.id FROM consultation_bookings b JOIN consultation_availabilities a ON a.id = b.availability_id \
         WHERE a.price_per_session > 0 OR a.user_id <> b.speaker_id OR a.session_duration <> b.duration_minutes",
    ),
    (
        "I-L1",
        "SELECT e.id FROM enrollments e LEFT JOIN certificates c ON c.enrollment_id = e.id \
         WHERE (e.status = 'completed') <> (e.completed_at IS NOT NULL) OR (e.status = 'completed') <> (c.id IS NOT NULL)",
    ),
    (
        "I-L2",
        "SELECT e.id FROM enrollments e JOIN courses c ON c.id = e.course_id WHERE e.completed_lessons <> \
         (SELECT COUNT(*) FROM lesson_progress p WHERE p.enrollment_id = e.id AND p.is_completed = 1) \
         OR e.progress_percentage <> FLOOR(10000 * e.completed_lessons / c.total_lessons) / 100 \
         OR (e.progress_percentage = 100) <> (e.completed_lessons = c.total_lessons)",
    ),
    (
        "I-L4",
        "SELECT p.id FROM lesson_progress p JOIN course_lessons l ON l.id = p.lesson_id \
         WHERE p.watched_duration_seconds > l.duration_seconds",
    ),
    (
        "I-L5",
        "SELECT course_section_id FROM course_lessons GROUP BY course_section_id HAVING MIN(`order`) <> 0 \
         OR MAX(`order`) <> COUNT(*) - 1 OR COUNT(DISTINCT `order`) <> COUNT(*)",
    ),
    (
        "I-L6",
        "SELECT c.id FROM courses c WHERE c.total_lessons <> (SELECT COUNT(*) FROM course_lessons l WHERE l.course_id = c.id) \
         OR c.students_count <> (SELECT COUNT(*) FROM enrollments e WHERE e.course_id = c.id AND e.status IN ('active', 'completed'))",
    ),
    (
        "I-L6 sections",
        "SELECT s.id FROM course_sections s WHERE s.duration_seconds <> \
         (SELECT COALESCE(SUM(l.duration_seconds), 0) FROM course_lessons l WHERE l.course_section_id = s.id)",
    ),
    (
        "I-L7",
        "SELECT e.id FROM enrollments e JOIN courses c ON c.id = e.course_id WHERE c.user_id = e.user_id \
         UNION ALL SELECT p.id FROM book_purchases p JOIN books b ON b.id = p.book_id WHERE b.user_id = p.user_id",
    ),
    (
        "I-B1",
        "SELECT b.id FROM books b WHERE b.purchases_count <> \
         (SELECT COUNT(*) FROM book_purchases p WHERE p.book_id = b.id AND p.status = 'completed')",
    ),
    (
        "I-B1 pages",
        "SELECT a.id FROM book_annotations a JOIN book_purchases p ON p.id = a.book_purchase_id JOIN books b ON b.id = p.book_id \
         WHERE a.user_id <> p.user_id OR a.page_number NOT BETWEEN 1 AND b.page_count",
    ),
    (
        "I-R1",
        "SELECT r.id FROM live_rooms r WHERE r.max_participants < (SELECT COUNT(*) FROM live_room_registrations s \
         WHERE s.live_room_id = r.id AND s.status IN ('registered', 'attended', 'pending'))",
    ),
    ("I-R2", "SELECT id FROM live_rooms WHERE (status = 'active') <> (current_jitsi_room_id IS NOT NULL)"),
    (
        "I-R3",
        "SELECT s.id FROM live_room_registrations s JOIN live_rooms r ON r.id = s.live_room_id \
         WHERE r.status = 'completed' AND s.status IN ('registered', 'pending')",
    ),
    (
        "I-R4",
        "SELECT m.id FROM live_room_messages m JOIN live_room_messages p ON p.id = m.parent_id WHERE p.live_room_id <> m.live_room_id",
    ),
    (
        "I-R4 reactions",
        "SELECT m.id FROM live_room_messages m WHERE m.reactions_count <> (SELECT COUNT(*) FROM reactions r \
         WHERE r.reactable_id = m.id AND r.reactable_type = 'App\\\\Models\\\\LiveRoomMessage')",
    ),
    (
        "I-C1",
        "SELECT a.id FROM consultation_bookings a JOIN consultation_bookings b ON a.id < b.id AND a.status = 'scheduled' \
         AND b.status = 'scheduled' AND (a.speaker_id = b.speaker_id OR a.student_id = b.student_id) \
         AND a.scheduled_at < b.scheduled_at + INTERVAL b.duration_minutes MINUTE \
         AND b.scheduled_at < a.scheduled_at + INTERVAL a.duration_minutes MINUTE",
    ),
    (
        "I-C3",
        "SELECT r.id FROM consultation_ratings r JOIN consultation_bookings b ON b.id = r.booking_id \
         WHERE b.status <> 'completed' OR r.rating NOT BETWEEN 1 AND 5 OR r.rater_id = r.rated_id \
         OR r.rater_id NOT IN (b.student_id, b.speaker_id) OR r.rated_id NOT IN (b.student_id, b.speaker_id)",
    ),
    ("I-C4", "SELECT id FROM consultation_bookings WHERE student_id = speaker_id"),
    (
        "I-U1",
        "SELECT u.id FROM users u WHERE (SELECT COUNT(*) FROM user_profiles p WHERE p.user_id = u.id) <> 1 \
         OR (SELECT COUNT(*) FROM wallets w WHERE w.user_id = u.id) <> 1",
    ),
    (
        "I-S1",
        "SELECT f.id FROM followers f LEFT JOIN hub_user_blocks b ON (b.blocker_id = f.follower_id AND b.blocked_id = f.following_id) \
         OR (b.blocked_id = f.follower_id AND b.blocker_id = f.following_id) WHERE f.follower_id = f.following_id OR b.id IS NOT NULL",
    ),
    (
        "I-S1 counts",
        "SELECT p.id FROM user_profiles p WHERE p.followers_count <> (SELECT COUNT(*) FROM followers f WHERE f.following_id = p.user_id) \
         OR p.following_count <> (SELECT COUNT(*) FROM followers f WHERE f.follower_id = p.user_id)",
    ),
    (
        "I-S2",
        "SELECT r.id FROM follow_requests r JOIN user_profiles p ON p.user_id = r.following_id LEFT JOIN followers f \
         ON f.follower_id = r.follower_id AND f.following_id = r.following_id \
         WHERE (r.status = 'accepted') <> (f.id IS NOT NULL) OR p.is_private = 0",
    ),
    (
        "I-S3",
        "SELECT p.id FROM posts p WHERE p.comments_count <> (SELECT COUNT(*) FROM comments c WHERE c.post_id = p.id) \
         OR p.shares_count <> (SELECT COUNT(*) FROM post_shares s WHERE s.post_id = p.id) \
         OR p.reactions_count <> (SELECT COUNT(*) FROM reactions r WHERE r.reactable_id = p.id AND r.reactable_type = 'App\\\\Models\\\\Post')",
    ),
    (
        "I-S4",
        "SELECT c.id FROM comments c JOIN comments p ON p.id = c.parent_id WHERE p.post_id <> c.post_id",
    ),
    ("I-S5", "SELECT r.id FROM post_reports r JOIN posts p ON p.id = r.post_id WHERE p.user_id = r.user_id"),
    ("I-H1", "SELECT id FROM conversations WHERE user_one_id >= user_two_id"),
    (
        "I-H1 last",
        "SELECT c.id FROM conversations c WHERE NOT (c.last_message_id <=> (SELECT MAX(m.id) FROM messages m \
         WHERE m.conversation_id = c.id AND m.deleted_at IS NULL))",
    ),
    (
        "I-H2",
        "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.sender_id NOT IN (c.user_one_id, c.user_two_id)",
    ),
    (
        "unread totals",
        "SELECT k.user_id FROM hub_chat_counters k WHERE k.unread_total <> (SELECT COUNT(*) FROM messages m \
         JOIN conversations c ON c.id = m.conversation_id WHERE k.user_id IN (c.user_one_id, c.user_two_id) \
         AND m.sender_id <> k.user_id AND m.read_at IS NULL AND m.deleted_at IS NULL)",
    ),
    (
        "I-G1",
        "SELECT g.id FROM gift_transactions g JOIN gifts c ON c.id = g.gift_id LEFT JOIN transactions t ON t.id = g.transaction_id \
         WHERE g.total_price <> c.price * g.quantity OR g.sender_id = g.receiver_id OR t.id IS NULL OR t.amount <> g.total_price",
    ),
    ("I-N1", "SELECT id FROM notifications WHERE actor_id = notifiable_id"),
    ("I-P1", "SELECT id FROM users WHERE is_online = 1"),
    (
        "nothing from the future",
        "SELECT id FROM posts WHERE created_at > UTC_TIMESTAMP() + INTERVAL 1 MINUTE",
    ),
];

#[tokio::test]
async fn the_world_is_complete_and_true() {
    let place = Place::new().await;
    let world = place.seed().await;
    assert!(world.summary.contains("6 rooms (2 live), 8 courses, 8 books"), "{}", world.summary);
    for (table, count) in place.rows().await {
        let ours = !table.starts_with("hub_") && !FRAMEWORK.contains(&table.as_str());
        assert!(count > 0 || !ours, "{table} is empty");
    }
    place.assert_true().await;
    let cheap = place.number("SELECT COUNT(*) FROM gifts WHERE price <= 2.00 AND is_active = 1").await;
    let all = place.number("SELECT COUNT(*) FROM gifts WHERE is_active = 1").await;
    assert!(cheap >= 3 && all >= 8, "{cheap} of {all} gifts are cheap");
    assert!(place.number("SELECT COUNT(*) FROM live_room_messages WHERE is_pinned = 1").await >= 1);
    assert!(place.number("SELECT COUNT(*) FROM live_room_messages WHERE parent_id IS NOT NULL").await >= 1);
    assert!(place.number("SELECT COUNT(DISTINCT user_id) FROM courses").await >= 6);
    assert!(place.number("SELECT COUNT(*) FROM posts WHERE reactions_count > 0").await >= 30);
    assert!(place.number("SELECT COUNT(*) FROM live_room_messages WHERE reactions_count > 0").await >= 10);
    assert!(
        place.number("SELECT COUNT(*) FROM hub_chat_counters WHERE unread_total > 0").await > 0,
        "something is unread"
    );
}

#[tokio::test]
async fn accounts_are_in_their_order_and_can_sign_in() {
    let place = Place::new().await;
    let world = place.seed().await;
    let accounts = &world.accounts;
    assert!(accounts.len() >= 50);
    for role in ["speaker", "moderator", "admin", "super-admin"] {
        let account = accounts.iter().skip(2).find(|account| account.role == role).unwrap();
        let has = format!(
            "SELECT COUNT(*) FROM model_has_roles m JOIN roles r ON r.id = m.role_id WHERE m.model_id = {} AND r.name = '{role}'",
            account.id
        );
        assert_eq!(place.number(&has).await, 1, "{role}");
    }
    let [first, second] = [&accounts[0], &accounts[1]];
    for account in [first, second, accounts.last().unwrap()] {
        let input =
            LogIn { login: account.email.clone(), password: Secret::new(demo::PASSWORD), device_name: None };
        let signed_in = users::log_in(&place.app, &ClientContext::default(), input).await.unwrap();
        assert_eq!(signed_in.user.id, account.id);
    }
    assert_eq!((first.role, second.role), ("learner", "learner"));
    let mut conn = place.app.store.reader().await.unwrap();
    users::may_message(&mut conn, first.id, second.id).await.unwrap();
    users::may_message(&mut conn, second.id, first.id).await.unwrap();
    let shy = place
        .number("SELECT CAST(user_id AS SIGNED) FROM user_profiles WHERE allow_messages_from = 'none'")
        .await;
    let refused = users::may_message(&mut conn, first.id, u64::try_from(shy).unwrap()).await;
    assert!(matches!(refused, Err(MessagePolicy::NotAccepted)), "{refused:?}");
    drop(conn);
    for account in [first, second] {
        let wallet = domain::wallet::find_wallet(&place.app, &Actor::on_behalf_of(account.id)).await.unwrap();
        assert!(wallet.balance.minor() >= 20_000, "{}", wallet.balance);
    }
}

#[tokio::test]
async fn again_changes_nothing_even_when_redis_has_forgotten_everything() {
    let mut place = Place::new().await;
    let first = place.seed().await;
    let before = place.rows().await;
    let again = place.seed().await;
    assert_eq!(place.rows().await, before);
    assert!(again.summary.starts_with("there already: "), "{}", again.summary);
    let ids = |world: &demo::World| world.accounts.iter().map(|account| account.id).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&first));
    place.forget_redis().await;
    place.seed().await;
    assert_eq!(place.rows().await, before);
    place.assert_true().await;
}

#[tokio::test]
async fn one_that_is_cut_off_again_and_again_comes_to_the_same_world() {
    let whole = Place::new().await;
    whole.seed().await;
    let expected = whole.rows().await;

    let place = Place::new().await;
    let (mut polls, mut cuts) = (40, 0);
    // Cut off wherever it waits, each time a little later.
    while cut_off_after(&place.app, polls).await.is_none() {
        (polls, cuts) = (polls + 37, cuts + 1);
        assert!(cuts < 200, "it never ends");
    }
    println!("cut off {cuts} times");
    assert!(cuts > 3, "{cuts} cuts");
    assert_eq!(place.rows().await, expected, "after {cuts} cuts");
    place.assert_true().await;
}

/// Polls a seeding so often and drops it then; what it gives if that was enough.
async fn cut_off_after(app: &App, polls: u32) -> Option<demo::World> {
    let mut seeding = pin!(demo::run(app, |_part| {}));
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        seeding.as_mut().poll(context).map(|world| Some(world.unwrap()))
    })
    .await
}

#[tokio::test]
async fn one_that_was_cut_off_days_ago_repeats_nothing() {
    let mut place = Place::new().await;
    place.seed().await;
    let mut before = place.rows().await;
    // Cut off at the very end of each part that goes through operations; their keys are kept for 24 h only.
    let parts = "'demo.wallets', 'demo.rooms', 'demo.gifts', 'demo.chat', 'demo.tokens'";
    place.execute(&format!("DELETE FROM settings WHERE `key` IN ({parts})")).await;
    place.execute("DELETE FROM hub_idempotency_keys").await;
    place.forget_redis().await;
    place.seed().await;
    before.insert("hub_idempotency_keys".to_owned(), 0);
    assert_eq!(place.rows().await, before);
    place.assert_true().await;
}

#[tokio::test]
async fn two_at_once_make_one_world() {
    let place = Place::new().await;
    let other = start(&place.settings).await;
    let (one, two) = tokio::join!(place.seed(), demo::run(&other, |_part| {}));
    let summaries = [one.summary, two.unwrap().summary];
    assert_eq!(
        summaries.iter().filter(|summary| summary.starts_with("there already")).count(),
        1,
        "{summaries:?}"
    );
    assert_eq!(place.number("SELECT COUNT(*) FROM live_rooms").await, 6);
    place.assert_true().await;
}

#[tokio::test]
async fn two_rooms_are_live_again_however_they_ended() {
    let place = Place::new().await;
    place.seed().await;
    let live = async || {
        let filter = protocol::rooms::RoomFilter { status: Some(RoomStatus::Active), ..Default::default() };
        let page = domain::rooms::list_rooms(&place.app, None, filter, base::paging::PageRequest::default())
            .await
            .unwrap();
        page.items.into_iter().map(|room| room.id).collect::<Vec<_>>()
    };
    let first = live().await;
    assert_eq!(first.len(), 2);
    // Ended by its host; past its last day.
    place
        .execute("UPDATE live_rooms SET status = 'completed', current_jitsi_room_id = NULL WHERE status = 'active' ORDER BY id LIMIT 1")
        .await;
    place
        .execute("UPDATE live_rooms SET start_date = '2020-01-01', end_date = '2020-04-01' WHERE status = 'active'")
        .await;
    place.seed().await;
    let second = live().await;
    assert_eq!(second.len(), 2);
    assert!(second.iter().all(|id| !first.contains(id)), "{first:?} {second:?}");
    let open = "SELECT COUNT(*) FROM live_rooms r LEFT JOIN hub_room_settings s ON s.live_room_id = r.id WHERE r.status = 'active' \
                AND r.access_type = 'free' AND r.max_participants IS NULL AND COALESCE(s.slow_mode_seconds, 0) = 0";
    assert_eq!(place.number(open).await, 1);
    place.assert_true().await;
    // The end of a session only: the same rooms go on.
    place
        .execute("UPDATE live_rooms SET status = 'scheduled', current_jitsi_room_id = NULL WHERE status = 'active'")
        .await;
    let before = place.rows().await;
    place.seed().await;
    assert_eq!(live().await, second);
    let mut after = place.rows().await;
    // Starting a room is told durably, and to everybody with a seat.
    for (table, most) in [("hub_outbox", 2), ("hub_room_notices", 2)] {
        assert!((before[table]..=before[table] + most).contains(&after[table]), "{table}");
        after.insert(table.to_owned(), before[table]);
    }
    assert_eq!(after, before);
}
