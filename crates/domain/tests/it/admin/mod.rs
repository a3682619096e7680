//! The operations of `domain::admin`.

use base::conditional::{Data, IfMatch, etag};
use base::paging::PageRequest;
use base::{Fault, Rule};
use domain::admin::{self, AdminError};
use protocol::Event;
use protocol::admin::{AuditFilter, CreatePermission, SendAnnouncement, Setting, UpdateSetting, WriteRole};
use protocol::channel::Channel;
use serde_json::{Value, json};

use crate::society::unlimited;
use crate::world::World;

fn version(of: &impl serde::Serialize) -> IfMatch {
    IfMatch::of(vec![etag(&serde_json::to_vec(&Data { data: of }).unwrap())])
}

fn rule<T: std::fmt::Debug>(outcome: Result<T, AdminError>) -> Rule {
    outcome.unwrap_err().rule()
}

async fn setting(world: &World, actor: &domain::Actor, key: &str) -> Setting {
    let all = admin::list_settings(world, actor).await.unwrap();
    all.into_iter().find(|setting| setting.key == key).unwrap()
}

#[tokio::test]
async fn settings_are_changed_by_version_and_by_their_rules() {
    let world = unlimited().await;
    let (_, admin) = world.user_with_role("boss", "admin").await;
    let (_, stranger) = world.user("stranger").await;
    world
        .execute(
            "INSERT INTO settings (`key`, value, type, `group`, validation_rules, is_public) VALUES \
             ('t.hide', '10', 'integer', 'test', '[\"required\",\"integer\",\"min:1\"]', 0), \
             ('t.open', '1', 'boolean', 'test', '\"boolean\"', 1)",
        )
        .await;
    assert_eq!(rule(admin::list_settings(&world, &stranger).await), Rule::FORBIDDEN);
    let before = setting(&world, &admin, "t.hide").await;
    assert_eq!((&before.value, before.validation_rules.len()), (&json!(10), 3));
    let update = async |version: &IfMatch, value: Value| {
        admin::update_setting(&world, &admin, "t.hide", version, UpdateSetting { value }).await
    };
    assert_eq!(rule(update(&IfMatch::ANY, json!(5)).await), Rule::PRECONDITION_REQUIRED);
    let now = version(&before);
    assert_eq!(rule(update(&now, json!(0)).await), Rule::VALIDATION_FAILED);
    assert_eq!(rule(update(&now, json!("5")).await), Rule::VALIDATION_FAILED);
    let after = update(&now, json!(5)).await.unwrap();
    assert_eq!(after.value, 5);
    assert_eq!(rule(update(&now, json!(6)).await), Rule::PRECONDITION_FAILED);
    let missing = UpdateSetting { value: json!(1) };
    assert_eq!(rule(admin::update_setting(&world, &admin, "t.no", &now, missing).await), Rule::NOT_FOUND);
    let public = admin::list_public_settings(&world).await.unwrap();
    let open: Vec<_> = public.iter().filter(|one| one.key.starts_with("t.")).collect();
    assert_eq!((open.len(), &open[0].value), (1, &json!(true)));

    let filter = AuditFilter { action: Some("settings.manage".to_owned()), ..AuditFilter::default() };
    let log = admin::list_audit_log(&world, &admin, filter, PageRequest::default()).await.unwrap();
    assert_eq!(log.items.len(), 1);
    assert_eq!((&log.items[0].before["value"], &log.items[0].after["value"]), (&json!(10), &json!(5)));
    let none = admin::list_audit_log(&world, &stranger, AuditFilter::default(), PageRequest::default()).await;
    assert_eq!(rule(none), Rule::FORBIDDEN);
}

#[tokio::test]
async fn nobody_grows_by_a_role_of_their_own() {
    let world = unlimited().await;
    let (_, boss) = world.user_with_role("boss", "super-admin").await;
    let (_, admin) = world.user_with_role("admin", "admin").await;
    let role = |name: &str, permissions: &[&str]| WriteRole {
        name: name.to_owned(),
        permissions: permissions.iter().map(|&one| one.to_owned()).collect(),
    };
    world.execute("INSERT INTO cache (`key`, value, expiration) VALUES ('x_spatie.permission.cache', 'x', 2000000000)").await;
    let made = admin::create_role(&world, &admin, role("librarian", &["books.manage"])).await.unwrap();
    assert_eq!((made.permissions.as_slice(), made.users_count), (["books.manage".to_owned()].as_slice(), 0));
    assert_eq!(
        world.number("SELECT COUNT(*) FROM cache WHERE `key` LIKE '%spatie.permission.cache'").await,
        0
    );
    assert_eq!(rule(admin::create_role(&world, &admin, role("librarian", &[])).await), Rule::DUPLICATE);
    assert_eq!(rule(admin::create_role(&world, &admin, role("Big", &[])).await), Rule::VALIDATION_FAILED);
    assert_eq!(
        rule(admin::create_role(&world, &admin, role("x1", &["no.such"])).await),
        Rule::VALIDATION_FAILED
    );
    // Impersonation is nobody's but a super-admin's to give.
    let more = role("librarian", &["books.manage", "users.impersonate"]);
    let now = version(&made);
    assert_eq!(rule(admin::update_role(&world, &admin, made.id, &now, more.clone()).await), Rule::FORBIDDEN);
    let grown = admin::update_role(&world, &boss, made.id, &now, more).await.unwrap();
    assert_eq!(grown.permissions, ["books.manage", "users.impersonate"]);
    assert_eq!(
        rule(admin::update_role(&world, &boss, made.id, &now, role("librarian", &[])).await),
        Rule::PRECONDITION_FAILED
    );

    let own = admin::list_roles(&world, &boss).await.unwrap();
    let top = own.iter().find(|role| role.name == "super-admin").unwrap();
    let empty = role("super-admin", &[]);
    assert_eq!(rule(admin::update_role(&world, &boss, top.id, &version(top), empty).await), Rule::BUILT_IN);
    assert_eq!(rule(admin::delete_role(&world, &boss, top.id, &version(top)).await), Rule::BUILT_IN);
    let (reader_id, _) = world.user("reader").await;
    crate::world::assign_role(&world, reader_id, "librarian").await.unwrap();
    let used = admin::find_role(&world, &boss, made.id).await.unwrap();
    assert_eq!(rule(admin::delete_role(&world, &boss, made.id, &version(&used)).await), Rule::IN_USE);
    world.execute(&format!("DELETE FROM model_has_roles WHERE role_id = {}", made.id)).await;
    let used = admin::find_role(&world, &boss, made.id).await.unwrap();
    admin::delete_role(&world, &boss, made.id, &version(&used)).await.unwrap();

    let named = |name: &str| CreatePermission { name: name.to_owned() };
    let permission = admin::create_permission(&world, &admin, named("reports.export")).await.unwrap();
    assert_eq!(
        rule(admin::create_permission(&world, &admin, named("reports.export")).await),
        Rule::DUPLICATE
    );
    for name in ["reports", "a.b.c", "A.b", ".x"] {
        let refused = admin::create_permission(&world, &admin, named(name)).await;
        assert_eq!(rule(refused), Rule::VALIDATION_FAILED, "{name}");
    }
    admin::delete_permission(&world, &admin, permission.id).await.unwrap();
    assert_eq!(rule(admin::delete_permission(&world, &admin, permission.id).await), Rule::NOT_FOUND);
    let all = admin::list_permissions(&world, &admin).await.unwrap();
    let built_in = all.iter().find(|one| one.name == "users.view").unwrap();
    assert_eq!(rule(admin::delete_permission(&world, &admin, built_in.id).await), Rule::BUILT_IN);
}

#[tokio::test]
async fn an_announcement_reaches_everybody_once_in_their_language() {
    let world = unlimited().await;
    let (_, admin) = world.user_with_role("boss", "admin").await;
    let (arab, _) = world.user("arab").await;
    let (english, _) = world.user("english").await;
    let (asleep, _) = world.user("asleep").await;
    world.execute(&format!("UPDATE user_profiles SET language = 'en' WHERE user_id = {english}")).await;
    world.suspend(asleep).await;
    let input = |url: Option<&str>| SendAnnouncement {
        title_en: "We rest on Friday.".to_owned(),
        title_ar: "نستريح يوم الجمعة.".to_owned(),
        url: url.map(str::to_owned),
    };
    let bad = admin::send_announcement(&world, &admin, input(Some("//evil.example"))).await;
    assert_eq!(rule(bad), Rule::VALIDATION_FAILED);
    admin::send_announcement(&world, &admin, input(Some("/status"))).await.unwrap();
    assert_eq!(admin::find_queues(&world, &admin).await.unwrap().announcements, 1);
    // Two nodes at once: nobody is told twice.
    let (one, other) = tokio::join!(admin::tell_announcements(&world), admin::tell_announcements(&world));
    assert_eq!(one.unwrap() + other.unwrap(), 3);
    assert_eq!(admin::tell_announcements(&world).await.unwrap(), 0);
    let queues = admin::find_queues(&world, &admin).await.unwrap();
    assert_eq!((queues.announcements, queues.outbox), (0, 0));
    for (user_id, title) in [(arab, "نستريح يوم الجمعة."), (english, "We rest on Friday.")] {
        let told: Vec<_> = world
            .events(Channel::User(user_id))
            .await
            .into_iter()
            .filter_map(|data| match data.event {
                Event::NotificationCreated { notification, unread_count } => {
                    Some((notification, unread_count))
                }
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].0.title.as_str(), told[0].0.url.as_deref()), (title, Some("/status")));
        assert_eq!((told[0].0.kind.as_str(), told[0].1), ("system.announcement", 1));
    }
    assert_eq!(
        world.number(&format!("SELECT COUNT(*) FROM notifications WHERE notifiable_id = {asleep}")).await,
        0
    );
    let numbers = admin::find_dashboard(&world, &admin).await.unwrap();
    assert_eq!((numbers.users, numbers.new_users, numbers.open_reports), (4, 4, 0));
}
