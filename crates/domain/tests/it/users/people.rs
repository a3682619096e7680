//! Profiles, lists, relationships.

use base::paging::PageRequest;
use base::{Money, Rule};
use domain::users::{self, MessagePolicy, UserFilter};

use super::{fields, rule};
use crate::world::World;

#[tokio::test]
async fn me_is_everything_about_me() {
    let world = World::new().await;
    let (id, actor) = world.user_with_role("sara", "speaker").await;
    for sql in [
        format!("UPDATE wallets SET balance = 12.50, pending_balance = 1.25 WHERE user_id = {id}"),
        format!("UPDATE hub_chat_counters SET unread_total = 3 WHERE user_id = {id}"),
        format!(
            "UPDATE user_profiles SET bio = 'مرحبا', allow_messages_from = 'followers' WHERE user_id = {id}"
        ),
        format!(
            "INSERT INTO notifications (id, type, notifiable_type, notifiable_id, data, read_at) VALUES \
             ('a', 't', 'App\\\\Models\\\\User', {id}, '{{}}', NULL), ('b', 't', 'user', {id}, '{{}}', NULL), \
             ('c', 't', 'user', {id}, '{{}}', UTC_TIMESTAMP()), ('d', 't', 'user', {id} + 1, '{{}}', NULL)"
        ),
    ] {
        world.database.execute(&sql).await.unwrap();
    }
    let me = users::find_me(&world, &actor).await.unwrap();
    assert_eq!((me.account.id, me.account.username.as_str()), (id, "sara"));
    assert_eq!(
        (me.wallet.balance, me.wallet.available),
        (Money::from_minor(1_250), Money::from_minor(1_250))
    );
    assert_eq!((me.wallet.pending_balance, me.wallet.currency.as_str()), (Money::from_minor(125), "SAR"));
    assert_eq!((me.unread.messages, me.unread.notifications), (3, 2));
    assert_eq!(
        (me.profile.bio.as_deref(), me.profile.allow_messages_from.as_str()),
        (Some("مرحبا"), "followers")
    );
    assert_eq!(me.roles, ["speaker"]);
    assert_eq!(me.permissions, ["books.create", "consultations.offer", "courses.create", "rooms.create"]);
}

#[tokio::test]
async fn profiles_show_what_their_owner_lets_them() {
    let world = World::new().await;
    let (sara, sara_actor) = world.user("sara").await;
    let (omar, omar_actor) = world.user("omar").await;
    world
        .database
        .execute(&format!(
            "UPDATE users u JOIN user_profiles p ON p.user_id = u.id SET u.headline = 'Teacher', u.cover = 'c.png', \
             p.bio = 'bio', p.location = 'Jeddah', p.show_email = 1, p.followers_count = 5 WHERE u.id = {sara}"
        ))
        .await
        .unwrap();
    for name in ["sara", "SARA", sara.to_string().as_str()] {
        let seen = users::find_user(&world, Some(&omar_actor), name).await.unwrap();
        assert_eq!((seen.card.id, seen.bio.as_deref(), seen.online), (sara, Some("bio"), Some(false)));
        assert_eq!(
            (seen.email.as_deref(), seen.phone, seen.followers_count),
            (Some("sara@example.com"), None, 5)
        );
        assert!(seen.relationship.unwrap().can_message);
    }
    let guest = users::find_user(&world, None, "sara").await.unwrap();
    assert!(guest.relationship.is_none() && guest.headline.as_deref() == Some("Teacher"));
    let own = users::find_user(&world, Some(&sara_actor), "me").await.unwrap();
    assert!(own.relationship.is_none() && own.card.id == sara && own.email.is_some());
    assert_eq!(rule(users::find_user(&world, None, "me").await), Rule::NOT_FOUND);

    world
        .database
        .execute(&format!(
            "UPDATE user_profiles SET is_private = 1, show_online_status = 0 WHERE user_id = {sara}"
        ))
        .await
        .unwrap();
    for viewer in [Some(&omar_actor), None] {
        let closed = users::find_user(&world, viewer, "sara").await.unwrap();
        assert!(closed.is_private && closed.followers_count == 5 && closed.card.username == "sara");
        let hidden = [closed.bio, closed.location, closed.email, closed.headline, closed.cover, closed.phone];
        assert!(hidden.iter().all(Option::is_none) && closed.online.is_none());
    }
    world
        .database
        .execute(&format!("INSERT INTO followers (follower_id, following_id) VALUES ({omar}, {sara})"))
        .await
        .unwrap();
    let open = users::find_user(&world, Some(&omar_actor), "sara").await.unwrap();
    assert!(open.bio.is_some() && open.online.is_none() && open.relationship.unwrap().following);
}

#[tokio::test]
async fn who_is_gone_or_blocks_one_is_not_there() {
    let world = World::new().await;
    let (sara, _) = world.user("sara").await;
    let (omar, omar_actor) = world.user("omar").await;
    world
        .database
        .execute(&format!("INSERT INTO hub_user_blocks (blocker_id, blocked_id) VALUES ({sara}, {omar})"))
        .await
        .unwrap();
    assert_eq!(rule(users::find_user(&world, Some(&omar_actor), "sara").await), Rule::NOT_FOUND);
    let page = users::list_users(&world, &omar_actor, UserFilter::default(), PageRequest::default()).await;
    assert_eq!(page.unwrap().items.iter().map(|card| card.id).collect::<Vec<_>>(), [omar]);
    assert!(users::find_user(&world, None, "sara").await.is_ok());
    for change in ["is_active = 0", "is_active = 1, deleted_at = UTC_TIMESTAMP()"] {
        world.database.execute(&format!("UPDATE users SET {change} WHERE id = {sara}")).await.unwrap();
        assert_eq!(rule(users::find_user(&world, None, "sara").await), Rule::NOT_FOUND, "{change}");
    }
    for nobody in ["nobody", "0", "999", "", "18446744073709551616"] {
        assert_eq!(rule(users::find_user(&world, None, nobody).await), Rule::NOT_FOUND, "{nobody}");
    }
}

#[tokio::test]
async fn users_are_searched_by_beginning_role_and_mark() {
    let world = World::new().await;
    let (first, actor) = world.user_with_role("sara_1", "speaker").await;
    let (second, _) = world.user("sara.2").await;
    let (third, _) = world.user("omar").await;
    world
        .database
        .execute(&format!("UPDATE users SET name = 'سارة 100%', is_verified = 1 WHERE id = {third}"))
        .await
        .unwrap();
    let list = async |filter: UserFilter| {
        let page = users::list_users(&world, &actor, filter, PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|card| card.id).collect::<Vec<_>>()
    };
    let by = |q: &str| UserFilter { q: Some(q.to_owned()), ..UserFilter::default() };
    assert_eq!(list(UserFilter::default()).await, [third, second, first]);
    assert_eq!(list(by("sara")).await, [second, first]);
    assert_eq!(list(by("sara_")).await, [first], "an underscore is an underscore");
    assert_eq!(list(by("سارة")).await, [third]);
    assert_eq!(list(by("سارة 100%")).await, [third]);
    assert!(list(by("%")).await.is_empty());
    let speakers = UserFilter { role: Some("speaker".to_owned()), ..UserFilter::default() };
    assert_eq!(list(speakers).await, [first]);
    let verified = UserFilter { is_verified: Some(true), ..UserFilter::default() };
    assert_eq!(list(verified).await, [third]);
    let admins = UserFilter { role: Some("admin".to_owned()), ..UserFilter::default() };
    let refused = users::list_users(&world, &actor, admins, PageRequest::default()).await;
    assert_eq!(fields(refused), ["filter.role"]);

    // Page by page, there and back.
    let page = async |cursor| {
        users::list_users(&world, &actor, UserFilter::default(), PageRequest { cursor, per_page: 2 })
            .await
            .unwrap()
    };
    let one = page(None).await;
    assert!(one.previous.is_none() && one.items.len() == 2);
    let two = page(one.next).await;
    assert_eq!(two.items.iter().map(|card| card.id).collect::<Vec<_>>(), [first]);
    assert!(two.next.is_none());
    assert_eq!(page(two.previous).await.items, one.items);
}

#[tokio::test]
async fn relationships_and_the_right_to_write_are_told_together() {
    let world = World::new().await;
    let (me, actor) = world.user("me_myself").await;
    let mut ids = Vec::new();
    for name in ["open", "followed", "strict", "blocked", "blocker", "asked"] {
        ids.push(world.user(name).await.0);
    }
    let [open, followed, strict, blocked, blocker, asked] = ids.clone().try_into().unwrap();
    for sql in [
        format!(
            "UPDATE user_profiles SET allow_messages_from = 'followers' WHERE user_id IN ({followed}, {asked})"
        ),
        format!("UPDATE user_profiles SET allow_messages_from = 'none' WHERE user_id = {strict}"),
        format!(
            "INSERT INTO followers (follower_id, following_id) VALUES ({me}, {followed}), ({open}, {me}), ({me}, {strict})"
        ),
        format!(
            "INSERT INTO hub_user_blocks (blocker_id, blocked_id) VALUES ({me}, {blocked}), ({blocker}, {me})"
        ),
        format!(
            "INSERT INTO follow_requests (follower_id, following_id, status) VALUES ({me}, {asked}, 'pending'), ({strict}, {me}, 'pending'), ({blocked}, {me}, 'rejected')"
        ),
    ] {
        world.database.execute(&sql).await.unwrap();
    }
    let mut asked_for = vec![strict, me, 999, open, open];
    asked_for.extend([followed, blocked, blocker, asked]);
    let found = users::list_relationships(&world, &actor, asked_for).await.unwrap();
    let order: Vec<u64> = found.iter().map(|(id, _)| *id).collect();
    assert_eq!(order, [strict, open, followed, blocked, blocker, asked]);
    let of = |id: u64| found.iter().find(|(found, _)| *found == id).unwrap().1.clone();
    assert!(of(open).can_message && of(open).followed_by && !of(open).following);
    assert!(of(followed).can_message && of(followed).following);
    assert!(!of(strict).can_message && of(strict).following && of(strict).requested_by);
    assert!(!of(blocked).can_message && of(blocked).blocking && !of(blocked).requested_by);
    assert!(!of(blocker).can_message && !of(blocker).blocking);
    assert!(!of(asked).can_message && of(asked).requested);
    assert_eq!(fields(users::list_relationships(&world, &actor, vec![1; 101]).await), ["id"]);

    let mut conn = world.store.reader().await.unwrap();
    assert!(users::may_message(&mut conn, me, open).await.is_ok());
    assert!(users::may_message(&mut conn, me, followed).await.is_ok());
    for refused in [strict, asked] {
        let refusal = users::may_message(&mut conn, me, refused).await;
        assert!(matches!(refusal, Err(MessagePolicy::NotAccepted)));
    }
    for refused in [blocked, blocker] {
        assert!(matches!(users::may_message(&mut conn, me, refused).await, Err(MessagePolicy::Blocked)));
    }
    assert!(matches!(users::may_message(&mut conn, me, 999).await, Err(MessagePolicy::NotFound)));
    world.database.execute(&format!("UPDATE users SET is_active = 0 WHERE id = {open}")).await.unwrap();
    assert!(matches!(users::may_message(&mut conn, me, open).await, Err(MessagePolicy::NotFound)));
}
