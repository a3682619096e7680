//! Roles, settings, the platform's account, the outbox and what is purged.

use std::time::Duration;

use domain::{access, system, users};
use protocol::Event;
use protocol::channel::Channel;
use store::permissions;
use tokio_util::sync::CancellationToken;

use crate::world::{World, assign_role};

/// The whole table of domain.md §3, written down a second time: role, what it may, what it may not.
const TABLE: [(&str, &[&str], &[&str]); 3] = [
    (
        "admin",
        &[
            "users.view",
            "users.suspend",
            "users.verify",
            "users.delete",
            "roles.manage",
            "settings.manage",
            "categories.manage",
            "gifts.manage",
            "posts.moderate",
            "comments.moderate",
            "reports.review",
            "courses.create",
            "books.create",
            "rooms.create",
            "consultations.offer",
            "courses.manage",
            "books.manage",
            "rooms.manage",
            "bookings.manage",
            "rooms.moderate",
            "wallets.view",
            "transactions.view",
            "invoices.view",
            "wallets.adjust",
            "withdrawals.process",
            "refunds.issue",
            "announcements.send",
            "audit.view",
            "queues.view",
        ],
        &["users.impersonate"],
    ),
    (
        "moderator",
        &[
            "users.view",
            "users.suspend",
            "posts.moderate",
            "comments.moderate",
            "reports.review",
            "rooms.manage",
            "rooms.moderate",
        ],
        &["users.verify", "users.delete", "rooms.create", "wallets.view", "wallets.adjust", "audit.view"],
    ),
    (
        "speaker",
        &["courses.create", "books.create", "rooms.create", "consultations.offer"],
        &["users.view", "rooms.moderate", "rooms.manage", "courses.manage", "wallets.view"],
    ),
];

#[tokio::test]
async fn roles_are_those_of_the_table_and_installing_again_changes_nothing() {
    let world = World::new().await;
    let count = "SELECT (SELECT COUNT(*) FROM roles) * 1000000 + (SELECT COUNT(*) FROM permissions) * 1000 \
                 + (SELECT COUNT(*) FROM role_has_permissions)";
    system::install_roles(&world).await.unwrap();
    let first = world.database.number(count).await.unwrap();
    system::install_roles(&world).await.unwrap();
    assert_eq!(world.database.number(count).await.unwrap(), first);
    assert_eq!(first, 4_030_000 + 29 + 29 + 7 + 4);

    for (role, may, may_not) in TABLE {
        let (id, _) = world.user_with_role(&role.replace('-', "_"), role).await;
        let mut conn = world.store.reader().await.unwrap();
        let mut listed = permissions::list_permissions(&mut conn, id).await.unwrap();
        listed.sort_unstable();
        let mut expected: Vec<_> = may.to_vec();
        expected.sort_unstable();
        assert_eq!(listed, expected, "{role}");
        assert_eq!(permissions::list_roles(&mut conn, id).await.unwrap(), [role]);
        for &permission in may {
            assert!(access::has_permission(&mut conn, id, permission).await.unwrap(), "{role} {permission}");
        }
        for &permission in may_not {
            assert!(!access::has_permission(&mut conn, id, permission).await.unwrap(), "{role} {permission}");
        }
    }
}

#[tokio::test]
async fn super_admin_passes_every_check_and_a_learner_none() {
    let world = World::new().await;
    let (root, _) = world.user_with_role("root_user", "super-admin").await;
    let (learner, actor) = world.user("learner").await;
    let mut conn = world.store.reader().await.unwrap();
    for permission in ["users.impersonate", "wallets.adjust", "not.even.installed"] {
        assert!(access::has_permission(&mut conn, root, permission).await.unwrap(), "{permission}");
        assert!(!access::has_permission(&mut conn, learner, permission).await.unwrap(), "{permission}");
    }
    assert!(permissions::list_permissions(&mut conn, learner).await.unwrap().is_empty());
    assert_eq!(permissions::list_permissions(&mut conn, root).await.unwrap().len(), 30);
    let refused = access::require_permission(&mut conn, &actor, "users.view").await.unwrap_err();
    assert_eq!(refused.to_string(), "User does not have the right permissions.");
}

#[tokio::test]
async fn permissions_are_direct_or_by_role_of_the_guard_web_in_both_spellings() {
    let world = World::new().await;
    system::install_roles(&world).await.unwrap();
    let (id, _) = world.user("direct").await;
    world
        .database
        .execute(&format!(
            "INSERT INTO model_has_permissions (permission_id, model_type, model_id) \
             SELECT id, 'user', {id} FROM permissions WHERE name = 'audit.view'"
        ))
        .await
        .unwrap();
    world
        .database
        .execute(&format!(
            "INSERT INTO model_has_roles (role_id, model_type, model_id) \
             SELECT id, 'user', {id} FROM roles WHERE name = 'speaker'"
        ))
        .await
        .unwrap();
    let mut conn = world.store.reader().await.unwrap();
    assert!(access::has_permission(&mut conn, id, "audit.view").await.unwrap());
    assert!(access::has_permission(&mut conn, id, "rooms.create").await.unwrap());
    // Having the role in the other spelling already, the user is not given it twice.
    assign_role(&world, id, "speaker").await.unwrap();
    let rows = format!("SELECT COUNT(*) FROM model_has_roles WHERE model_id = {id}");
    assert_eq!(world.database.number(&rows).await.unwrap(), 1);
    assert!(assign_role(&world, id, "emperor").await.is_err());

    // Another guard's role, and another model's.
    let (other, _) = world.user("other").await;
    world
        .database
        .execute("INSERT INTO roles (name, guard_name) VALUES ('super-admin', 'api')")
        .await
        .unwrap();
    world
        .database
        .execute(&format!(
            "INSERT INTO model_has_roles (role_id, model_type, model_id) \
             SELECT id, 'App\\\\Models\\\\User', {other} FROM roles WHERE guard_name = 'api'"
        ))
        .await
        .unwrap();
    world
        .database
        .execute(&format!(
            "INSERT INTO model_has_roles (role_id, model_type, model_id) \
             SELECT id, 'App\\\\Models\\\\Bot', {other} FROM roles WHERE name = 'admin'"
        ))
        .await
        .unwrap();
    assert!(!access::has_permission(&mut conn, other, "audit.view").await.unwrap());
    assert!(permissions::list_permissions(&mut conn, other).await.unwrap().is_empty());
    assert!(permissions::list_roles(&mut conn, other).await.unwrap().is_empty());
}

#[tokio::test]
async fn laravels_memory_of_permissions_is_thrown_away() {
    let world = World::new().await;
    for key in ["laravel_cache_spatie.permission.cache", "other"] {
        let sql = format!("INSERT INTO cache (`key`, value, expiration) VALUES ('{key}', 'x', 2000000000)");
        world.database.execute(&sql).await.unwrap();
    }
    system::install_roles(&world).await.unwrap();
    assert_eq!(world.database.text("SELECT `key` FROM cache").await.unwrap().as_deref(), Some("other"));
    assert_eq!(world.database.number("SELECT COUNT(*) FROM cache").await.unwrap(), 1);
}

#[tokio::test]
async fn the_platform_has_an_account_nobody_can_sign_in_to() {
    let world = World::new().await;
    let mut conn = world.store.reader().await.unwrap();
    let missing = system::platform_wallet(&mut conn).await.unwrap_err();
    assert!(std::error::Error::source(&missing).unwrap().to_string().contains("majlis migrate"));
    let other = world.another_node("n2").await;
    // Two processes at once.
    let (one, two) = tokio::join!(system::ensure_platform(&world), system::ensure_platform(&other));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    assert_eq!(system::ensure_platform(&world).await.unwrap(), one);
    assert_eq!(system::platform_wallet(&mut conn).await.unwrap(), one);
    let setting = system::find_setting(&mut conn, "platform_user_id").await.unwrap();
    assert_eq!(setting, Some(one.user_id.to_string()));
    assert_eq!(system::find_setting(&mut conn, "nothing").await.unwrap(), None);
    let user = users::find_user(&world, None, "majlis").await.unwrap();
    assert_eq!(user.card.id, one.user_id);
    let row = format!("SELECT password FROM users WHERE id = {}", one.user_id);
    assert!(world.database.text(&row).await.unwrap().unwrap().starts_with("$2y$04$"));
    let count = world.database.number("SELECT COUNT(*) FROM users").await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn what_a_dead_process_left_in_the_outbox_is_published_once() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    let channel = Channel::User(id);
    let event = Event::WalletUpdated {
        balance: base::Money::from_minor(1_000),
        pending_balance: base::Money::ZERO,
        transaction_id: 7,
    };
    let envelope = protocol::Envelope::new(channel, event);
    let mut conn = world.store.reader().await.unwrap();
    let stored = serde_json::json!({"envelopes": [&envelope]});
    store::outbox::insert_events(&mut conn, &base::id::ulid(), stored).await.unwrap();
    // One that nobody can read keeps nothing back.
    store::outbox::insert_events(&mut conn, &base::id::ulid(), serde_json::json!([{"x": 1}])).await.unwrap();
    assert_eq!(system::relay_outbox(&world).await.unwrap(), 0, "its own process may still publish it");
    world
        .database
        .execute("UPDATE hub_outbox SET created_at = UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE")
        .await
        .unwrap();
    assert_eq!(system::relay_outbox(&world).await.unwrap(), 1);
    assert_eq!(system::relay_outbox(&world).await.unwrap(), 0);
    let events = world.events(channel).await;
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0].id, &events[0].event), (&envelope.data.id, &envelope.data.event));
    assert_eq!(
        store::outbox::count_unpublished(&mut conn).await.unwrap().0,
        1,
        "the one not understood stays"
    );
}

#[tokio::test]
async fn what_is_over_is_purged_and_the_rest_stays() {
    let world = World::new().await;
    let (id, _) = world.user("sara").await;
    for sql in [
        "INSERT INTO hub_outbox (eid, events, created_at, published_at) VALUES \
         ('A', '[]', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 25 HOUR), \
         ('B', '[]', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL 23 HOUR), \
         ('C', '[]', UTC_TIMESTAMP(3) - INTERVAL 3 DAY, NULL)"
            .to_owned(),
        format!(
            "INSERT INTO hub_idempotency_keys (user_id, scope, idempotency_key, fingerprint, status, created_at) VALUES \
             ({id}, 's', 'old', 'f', 200, UTC_TIMESTAMP(3) - INTERVAL 25 HOUR), \
             ({id}, 's', 'new', 'f', 200, UTC_TIMESTAMP(3))"
        ),
        format!(
            "INSERT INTO hub_revoked_tokens (subject, user_id, expires_at) VALUES \
             ('old', {id}, UTC_TIMESTAMP() - INTERVAL 1 SECOND), ('new', {id}, UTC_TIMESTAMP() + INTERVAL 1 HOUR)"
        ),
        format!(
            "INSERT INTO personal_access_tokens (id, tokenable_type, tokenable_id, name, token, expires_at) VALUES \
             (1, 'App\\\\Models\\\\User', {id}, 'old', 'a', UTC_TIMESTAMP() - INTERVAL 25 HOUR), \
             (2, 'App\\\\Models\\\\User', {id}, 'new', 'b', UTC_TIMESTAMP() - INTERVAL 23 HOUR), \
             (3, 'App\\\\Models\\\\User', {id}, 'for ever', 'c', NULL)"
        ),
        format!(
            "INSERT INTO hub_token_sessions (session_id, user_id, current_token_id, name) VALUES \
             ('OLD', {id}, 1, 'x'), ('LOST', {id}, NULL, 'x'), ('NEW', {id}, 2, 'x')"
        ),
        "INSERT INTO hub_used_refresh_tokens (token_id, token, session_id, used_at) VALUES \
         (90, 'x', 'OLD', UTC_TIMESTAMP()), (91, 'y', 'NEW', UTC_TIMESTAMP() - INTERVAL 31 DAY), \
         (92, 'z', 'NEW', UTC_TIMESTAMP())"
            .to_owned(),
    ] {
        world.database.execute(&sql).await.unwrap();
    }
    assert_eq!(system::purge_expired(&world).await.unwrap(), 7);
    for (sql, left) in [
        ("SELECT GROUP_CONCAT(eid ORDER BY eid) FROM hub_outbox", "B,C"),
        ("SELECT GROUP_CONCAT(idempotency_key) FROM hub_idempotency_keys", "new"),
        ("SELECT GROUP_CONCAT(subject) FROM hub_revoked_tokens", "new"),
        ("SELECT GROUP_CONCAT(name ORDER BY id) FROM personal_access_tokens", "new,for ever"),
        ("SELECT GROUP_CONCAT(session_id) FROM hub_token_sessions", "NEW"),
        ("SELECT GROUP_CONCAT(token) FROM hub_used_refresh_tokens", "z"),
    ] {
        assert_eq!(world.database.text(sql).await.unwrap().as_deref(), Some(left), "{sql}");
    }
    assert_eq!(system::purge_expired(&world).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clocks_repair_who_is_online_soon_after_the_start() {
    let world = World::new().await;
    let (away, _) = world.user("away").await;
    let (here, _) = world.user("here").await;
    world.bus.enter("node", &[here]).await.unwrap();
    world.database.execute(&format!("UPDATE users SET is_online = 1 WHERE id = {away}")).await.unwrap();
    let shutdown = CancellationToken::new();
    let (app, until) = (world.app.clone(), shutdown.clone());
    let clock = tokio::spawn(async move { system::run_clocks(&app, until).await });
    let right =
        format!("SELECT COUNT(*) FROM users WHERE is_online = (id = {here}) AND id IN ({away}, {here})");
    let repaired = async {
        while world.database.number(&right).await.unwrap() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), repaired).await.expect("repaired by a clock");
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), clock).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn a_migrated_database_is_made_usable_by_any_number_of_processes() {
    let world = World::new().await;
    let other = world.another_node("n2").await;
    let (one, two) = tokio::join!(system::install(&world), system::install(&other));
    one.unwrap();
    two.unwrap();
    let mut conn = world.store.reader().await.unwrap();
    let platform = system::platform_wallet(&mut conn).await.unwrap();
    let (id, _) = world.user("speaker").await;
    assign_role(&world, id, "speaker").await.unwrap();
    assert!(access::has_permission(&mut conn, id, "rooms.create").await.unwrap());

    // What administrators took away stays away, and what they added stays; a lost permission comes back whole.
    for sql in [
        "DELETE FROM role_has_permissions WHERE permission_id = (SELECT id FROM permissions WHERE name = 'rooms.create')",
        "INSERT INTO roles (name, guard_name) VALUES ('editor', 'web')",
        "DELETE FROM permissions WHERE name = 'books.create'",
        "INSERT INTO cache (`key`, value, expiration) VALUES ('spatie.permission.cache', 'x', 2000000000)",
    ] {
        world.database.execute(sql).await.unwrap();
    }
    system::install(&world).await.unwrap();
    assert!(!access::has_permission(&mut conn, id, "rooms.create").await.unwrap());
    assert!(access::has_permission(&mut conn, id, "books.create").await.unwrap());
    assert_eq!(world.database.number("SELECT COUNT(*) FROM roles").await.unwrap(), 5);
    assert_eq!(world.database.number("SELECT COUNT(*) FROM cache").await.unwrap(), 0);
    assert_eq!(system::platform_wallet(&mut conn).await.unwrap(), platform);

    // Nothing missing: nothing is written, not even over Laravel's memory.
    let cache =
        "INSERT INTO cache (`key`, value, expiration) VALUES ('spatie.permission.cache', 'x', 2000000000)";
    world.database.execute(cache).await.unwrap();
    system::install(&world).await.unwrap();
    assert_eq!(world.database.number("SELECT COUNT(*) FROM cache").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clocks_relay_on_one_node_and_stop_when_told() {
    let world = World::new().await;
    let other = world.another_node("n2").await;
    let (id, _) = world.user("sara").await;
    let shutdown = CancellationToken::new();
    let clocks: Vec<_> = [world.app.clone(), other]
        .into_iter()
        .map(|app| {
            let shutdown = shutdown.clone();
            tokio::spawn(async move { system::run_clocks(&app, shutdown).await })
        })
        .collect();
    let channel = Channel::User(id);
    let event = Event::SessionRevoked { session_id: None };
    let envelope = protocol::Envelope::new(channel, event);
    let mut conn = world.store.reader().await.unwrap();
    let stored = serde_json::json!({"envelopes": [&envelope]});
    store::outbox::insert_events(&mut conn, &base::id::ulid(), stored).await.unwrap();
    let relayed = async {
        while world.events(channel).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), relayed).await.expect("relayed by a clock");
    let events = world.events(channel).await;
    assert_eq!((events.len(), &events[0].id), (1, &envelope.data.id));
    shutdown.cancel();
    for clock in clocks {
        tokio::time::timeout(Duration::from_secs(5), clock).await.expect("it stops").unwrap();
    }
    // The leases were given back.
    assert!(world.bus.lease("upkeep", Duration::from_secs(1)).await.unwrap());
    assert!(world.bus.lease("clocks", Duration::from_secs(1)).await.unwrap());
}
