//! Blocks (domain.md §5.2): what ends with one, who is told, and what one leaves alone.

use std::collections::BTreeSet;

use base::Rule;
use base::paging::PageRequest;
use bus::ControlMessage;
use domain::users::{self, MessagePolicy, UserFilter};

use super::rule;
use crate::society::unlimited;
use crate::world::World;

/// `followers_count` and `following_count`.
async fn counts(world: &World, user_id: u64) -> (i64, i64) {
    let count = async |column: &str| {
        world
            .number(&format!("SELECT CAST({column} AS SIGNED) FROM user_profiles WHERE user_id = {user_id}"))
            .await
    };
    (count("followers_count").await, count("following_count").await)
}

/// Counters that are not what the rows say (domain.md I-S1), and follows across a block.
async fn broken(world: &World) -> i64 {
    world
        .number(
            "SELECT (SELECT COUNT(*) FROM user_profiles p WHERE p.followers_count <> \
             (SELECT COUNT(*) FROM followers f WHERE f.following_id = p.user_id) OR p.following_count <> \
             (SELECT COUNT(*) FROM followers f WHERE f.follower_id = p.user_id)) + \
             (SELECT COUNT(*) FROM followers f JOIN hub_user_blocks b ON \
             (b.blocker_id = f.follower_id AND b.blocked_id = f.following_id) OR \
             (b.blocker_id = f.following_id AND b.blocked_id = f.follower_id))",
        )
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_ends_what_was_between_two_and_nothing_else() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (carla, _) = world.user("carla").await;
    for (follower, following) in [(amal, badr), (badr, amal), (carla, badr), (amal, carla)] {
        world.follow(follower, following).await;
    }
    world
        .execute(&format!(
            "INSERT INTO follow_requests (follower_id, following_id, status) VALUES ({amal}, {badr}, 'accepted'), \
             ({badr}, {amal}, 'pending'), ({carla}, {badr}, 'pending')"
        ))
        .await;
    let mut ear = world.ear().await;
    // Remembered, so that only the commit makes it stale.
    assert!(users::find_blocked_among(&world, badr, &[amal]).await.unwrap().is_empty());

    let between = users::block_user(&world, &amal_acts, badr).await.unwrap();
    assert!(between.blocking && !between.following && !between.followed_by && !between.can_message);
    assert!(!between.requested && !between.requested_by);
    assert_eq!((counts(&world, amal).await, counts(&world, badr).await), ((0, 1), (1, 0)));
    assert_eq!((counts(&world, carla).await, broken(&world).await), ((1, 1), 0));
    assert_eq!(
        world.number("SELECT COUNT(*) FROM follow_requests").await,
        1,
        "the third one's request stays"
    );
    assert_eq!(users::find_blocked_among(&world, badr, &[amal]).await.unwrap(), [amal].into());
    let mut heard = BTreeSet::new();
    for _ in 0..4 {
        heard.insert(format!("{:?}", ear.next_control().await));
    }
    let closed = |user_id| format!("{:?}", ControlMessage::PostsRevoked { user_id });
    let revoked = |user_id, watched| {
        format!("{:?}", ControlMessage::AccessRevoked { user_id, channel: format!("presence:{watched}") })
    };
    assert_eq!(
        heard,
        BTreeSet::from([revoked(amal, badr), revoked(badr, amal), closed(amal), closed(badr)]),
        "neither hears of the other"
    );
    let mut conn = world.store.reader().await.unwrap();
    for (from, to) in [(amal, badr), (badr, amal)] {
        assert!(matches!(users::may_message(&mut conn, from, to).await, Err(MessagePolicy::Blocked)));
    }
    drop(conn);
    // Neither finds the other; the blocker may still look at whom they block, but not whether they are online.
    for (viewer, other) in [(&amal_acts, badr), (&badr_acts, amal)] {
        let found = users::list_users(&world, viewer, UserFilter::default(), PageRequest::default()).await;
        assert!(found.unwrap().items.iter().all(|card| card.id != other));
    }
    assert_eq!(rule(users::find_user(&world, Some(&badr_acts), "amal").await), Rule::NOT_FOUND);
    let seen = users::find_user(&world, Some(&amal_acts), "badr").await.unwrap();
    assert!(seen.online.is_none() && seen.relationship.unwrap().blocking);

    // Once more changes nothing, and says again what the first one may not have come to say.
    assert!(users::block_user(&world, &amal_acts, badr).await.unwrap().blocking);
    assert!(matches!(ear.next_control().await, ControlMessage::AccessRevoked { .. }));
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_user_blocks").await, 1);

    // The blocked one blocks too; either takes back only their own.
    users::block_user(&world, &badr_acts, amal).await.unwrap();
    users::unblock_user(&world, &amal_acts, badr).await.unwrap();
    assert_eq!(users::find_blocked_among(&world, amal, &[badr]).await.unwrap(), [badr].into());
    users::unblock_user(&world, &badr_acts, amal).await.unwrap();
    users::unblock_user(&world, &badr_acts, amal).await.unwrap();
    assert!(users::find_blocked_among(&world, amal, &[badr]).await.unwrap().is_empty());
    assert!(users::find_user(&world, Some(&badr_acts), "amal").await.is_ok());
    assert_eq!(
        (counts(&world, amal).await, broken(&world).await),
        ((0, 1), 0),
        "nobody follows again by that"
    );

    assert_eq!(rule(users::block_user(&world, &amal_acts, amal).await), Rule::SELF_BLOCK);
    assert_eq!(rule(users::unblock_user(&world, &amal_acts, amal).await), Rule::SELF_BLOCK);
    assert_eq!(rule(users::block_user(&world, &amal_acts, 999_999).await), Rule::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_and_follows_at_the_same_time_leave_the_counters_exact() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    for _round in 0..12 {
        for (follower, following) in [(amal, badr), (badr, amal)] {
            world.follow(follower, following).await;
        }
        // Both block each other, twice each, all at once.
        let (one, two, three, four) = tokio::join!(
            users::block_user(&world, &amal_acts, badr),
            users::block_user(&world, &badr_acts, amal),
            users::block_user(&world, &amal_acts, badr),
            users::block_user(&world, &badr_acts, amal),
        );
        assert!([one, two, three, four].into_iter().all(|done| done.unwrap().blocking));
        assert_eq!(broken(&world).await, 0);
        assert_eq!((counts(&world, amal).await, counts(&world, badr).await), ((0, 0), (0, 0)));
        assert_eq!(world.number("SELECT COUNT(*) FROM hub_user_blocks").await, 2);
        users::unblock_user(&world, &amal_acts, badr).await.unwrap();
        users::unblock_user(&world, &badr_acts, amal).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_drifted_and_a_profile_that_is_missing_are_no_reason_to_fail() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, _) = world.user("badr").await;
    let (carla, _) = world.user("carla").await;
    world.follow(amal, badr).await;
    world.execute("UPDATE user_profiles SET followers_count = 0, following_count = 0").await;
    users::block_user(&world, &amal_acts, badr).await.unwrap();
    assert_eq!((counts(&world, amal).await, counts(&world, badr).await), ((0, 0), (0, 0)));
    world.execute(&format!("DELETE FROM user_profiles WHERE user_id = {carla}")).await;
    users::block_user(&world, &amal_acts, carla).await.unwrap();
    // Whoever is suspended can be blocked, whoever is deleted cannot.
    let (dana, _) = world.user("dana").await;
    world.suspend(dana).await;
    let between = users::block_user(&world, &amal_acts, dana).await.unwrap();
    assert!(between.blocking && !between.can_message);
    let (emad, _) = world.user("emad").await;
    world.execute(&format!("UPDATE users SET deleted_at = UTC_TIMESTAMP() WHERE id = {emad}")).await;
    assert_eq!(rule(users::block_user(&world, &amal_acts, emad).await), Rule::NOT_FOUND);

    // The list: newest first, page by page, there and back; the deleted are not in it.
    let page = async |cursor| {
        users::list_blocks(&world, &amal_acts, PageRequest { cursor, per_page: 2 }).await.unwrap()
    };
    let ids = |page: &base::paging::Page<protocol::users::BlockedUser>| {
        page.items.iter().map(|blocked| blocked.card.id).collect::<Vec<_>>()
    };
    let one = page(None).await;
    assert_eq!(ids(&one), [dana, carla]);
    assert!(one.items.iter().all(|blocked| blocked.blocked_at.is_some()) && one.previous.is_none());
    let two = page(one.next).await;
    assert_eq!((ids(&two), two.next), (vec![badr], None));
    assert_eq!(ids(&page(two.previous).await), [dana, carla]);
    world.execute(&format!("UPDATE users SET deleted_at = UTC_TIMESTAMP() WHERE id = {dana}")).await;
    assert_eq!(ids(&page(None).await), [carla, badr]);
}
