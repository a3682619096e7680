//! Following, requests to follow, and what ends them.

use base::Rule;
use base::paging::PageRequest;
use bus::ControlMessage;
use domain::machine::may;
use domain::social::{self, SocialError};
use domain::users;
use futures_util::future::join_all;
use protocol::channel::Channel;
use protocol::social::{FollowRequestStatus, FollowStatus, RequestDirection};
use protocol::users::UpdateProfile;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{broken, rule, set_private, told};
use crate::recount::assert_no_drift;
use crate::society::unlimited;
use crate::world::World;

/// The types of what a channel heard.
async fn heard(world: &World, user_id: u64) -> Vec<&'static str> {
    let events = world.events(Channel::User(user_id)).await;
    events.iter().map(|heard| heard.event.name()).filter(|name| name.starts_with("follow.")).collect()
}

async fn request_of(world: &World, follower: u64, following: u64) -> u64 {
    let id = world
        .number(&format!(
            "SELECT CAST(COALESCE(MAX(id), 0) AS SIGNED) FROM follow_requests \
             WHERE follower_id = {follower} AND following_id = {following}"
        ))
        .await;
    u64::try_from(id).unwrap()
}

fn page(cursor: Option<base::paging::Cursor>) -> PageRequest {
    PageRequest { cursor, per_page: 2 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_accounts_are_followed_at_once_and_listed_from_both_sides() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let mut others = Vec::new();
    for name in ["badr", "carla", "dana"] {
        others.push(world.user(name).await);
    }
    for (other, acts) in &others {
        for _ in 0..2 {
            let state = social::follow_user(&world, acts, amal).await.unwrap();
            assert_eq!((state.user_id, state.status), (amal, FollowStatus::Following));
        }
        social::follow_user(&world, &amal_acts, *other).await.unwrap();
    }
    assert_eq!(broken(&world).await, [""; 0]);
    assert_eq!(told(&world, amal).await, ["follow.new 3"], "once each, together");
    assert_eq!(heard(&world, amal).await, ["follow.created"; 6]);
    assert_eq!(heard(&world, others[0].0).await, ["follow.created"; 2]);

    let [badr, carla, dana] = [others[0].0, others[1].0, others[2].0];
    let ids = |page: &base::paging::Page<protocol::social::FollowedUser>| {
        page.items.iter().map(|one| one.card.id).collect::<Vec<_>>()
    };
    let first = social::list_followers(&world, None, amal, page(None)).await.unwrap();
    assert_eq!(ids(&first), [dana, carla]);
    let second = social::list_followers(&world, None, amal, page(first.next)).await.unwrap();
    assert_eq!((ids(&second), second.next), (vec![badr], None));
    let back = social::list_followers(&world, None, amal, page(second.previous)).await.unwrap();
    assert_eq!(ids(&back), [dana, carla]);
    let following = social::list_following(&world, Some(&amal_acts), amal, page(None)).await.unwrap();
    assert_eq!(ids(&following), [dana, carla]);

    // Whoever is gone, or across a block of the viewer's, is not shown.
    world.suspend(dana).await;
    world.block(badr, carla).await;
    let (_, badr_acts) = &others[0];
    let seen = social::list_followers(&world, Some(badr_acts), amal, page(None)).await.unwrap();
    assert_eq!(ids(&seen), [badr]);

    // Unfollowing, and taking a follower away; again changes nothing.
    for _ in 0..2 {
        social::unfollow_user(&world, &amal_acts, carla).await.unwrap();
        social::remove_follower(&world, &amal_acts, badr).await.unwrap();
    }
    assert_eq!(broken(&world).await, [""; 0]);
    assert_eq!(heard(&world, carla).await.last(), Some(&"follow.removed"));
    assert_eq!(heard(&world, badr).await.iter().filter(|name| **name == "follow.removed").count(), 1);
    for refused in [
        rule(social::follow_user(&world, &amal_acts, amal).await),
        rule(social::unfollow_user(&world, &amal_acts, amal).await),
        rule(social::remove_follower(&world, &amal_acts, amal).await),
    ] {
        assert_eq!(refused, Rule::SELF_FOLLOW);
    }
    for nobody in [999_999, dana] {
        assert_eq!(rule(social::follow_user(&world, &amal_acts, nobody).await), Rule::NOT_FOUND);
    }
    world.block(amal, carla).await;
    for (acts, other) in [(&amal_acts, carla), (&others[1].1, amal)] {
        assert_eq!(rule(social::follow_user(&world, acts, other).await), Rule::BLOCKED);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_account_answers_requests() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (carla, carla_acts) = world.user("carla").await;
    set_private(&world, amal, true).await;
    for acts in [&badr_acts, &carla_acts, &badr_acts] {
        let state = social::follow_user(&world, acts, amal).await.unwrap();
        assert_eq!(state.status, FollowStatus::Requested);
    }
    assert_eq!(told(&world, amal).await, ["follow.requested 2"]);
    // Nobody but followers sees who follows; that there is such an account is no secret.
    for viewer in [None, Some(&badr_acts)] {
        let refused = social::list_followers(&world, viewer, amal, page(None)).await;
        assert_eq!(rule(refused), Rule::PROFILE_PRIVATE);
    }
    let received = async |direction, acts| {
        let page = social::list_follow_requests(&world, acts, direction, page(None)).await.unwrap();
        page.items.iter().map(|one| (one.id, one.user.id)).collect::<Vec<_>>()
    };
    let (of_badr, of_carla) = (request_of(&world, badr, amal).await, request_of(&world, carla, amal).await);
    assert_eq!(received(RequestDirection::In, &amal_acts).await, [(of_carla, carla), (of_badr, badr)]);
    assert_eq!(received(RequestDirection::Out, &badr_acts).await, [(of_badr, amal)]);
    assert!(received(RequestDirection::In, &badr_acts).await.is_empty());

    // Only for the one who was asked.
    for acts in [&badr_acts, &carla_acts] {
        assert_eq!(rule(social::accept_follow_request(&world, acts, of_badr).await), Rule::NOT_FOUND);
        assert_eq!(rule(social::reject_follow_request(&world, acts, of_badr).await), Rule::NOT_FOUND);
    }
    let accepted = social::accept_follow_request(&world, &amal_acts, of_badr).await.unwrap();
    assert_eq!((accepted.status, accepted.user.id), (FollowRequestStatus::Accepted, badr));
    assert_eq!(told(&world, badr).await, ["follow.accepted 1"]);
    social::reject_follow_request(&world, &amal_acts, of_carla).await.unwrap();
    assert!(told(&world, carla).await.is_empty(), "a refusal is not told");
    assert_eq!(heard(&world, carla).await, ["follow.requested"]);
    for id in [of_badr, of_carla] {
        for again in [
            social::accept_follow_request(&world, &amal_acts, id).await,
            social::reject_follow_request(&world, &amal_acts, id).await,
        ] {
            assert_eq!(rule(again), Rule::ILLEGAL_TRANSITION);
        }
    }
    assert!(social::list_followers(&world, Some(&badr_acts), amal, page(None)).await.is_ok());
    assert_eq!(broken(&world).await, [""; 0]);

    // Refused less than a day ago; then the same row again.
    let refused = social::follow_user(&world, &carla_acts, amal).await.unwrap_err();
    assert!(matches!(refused, SocialError::FollowTooSoon(wait) if wait.as_secs() > 86_000), "{refused:?}");
    world.execute("UPDATE follow_requests SET responded_at = responded_at - INTERVAL 25 HOUR").await;
    social::follow_user(&world, &carla_acts, amal).await.unwrap();
    assert_eq!(request_of(&world, carla, amal).await, of_carla);
    assert_eq!(received(RequestDirection::In, &amal_acts).await, [(of_carla, carla)]);
    // Taken back, the row is gone; unfollowed, too.
    social::unfollow_user(&world, &carla_acts, amal).await.unwrap();
    social::unfollow_user(&world, &badr_acts, amal).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM follow_requests").await, 0);
    assert_eq!(broken(&world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turning_public_accepts_all_who_wait_and_turning_private_closes_posts() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    set_private(&world, amal, true).await;
    let mut asking = Vec::new();
    for number in 0..5 {
        let (id, acts) = world.user(&format!("asks{number}")).await;
        social::follow_user(&world, &acts, amal).await.unwrap();
        asking.push(id);
    }
    let (_, late) = world.user("late").await;
    let public = UpdateProfile { is_private: Some(false), ..UpdateProfile::default() };
    // While somebody asks at the same moment.
    let (updated, asked) = tokio::join!(
        users::update_profile(&world, &amal_acts, public.clone()),
        social::follow_user(&world, &late, amal),
    );
    let (updated, asked) = (updated.unwrap(), asked.unwrap());
    assert!(!updated.profile.is_private && updated.profile.followers_count >= 5);
    if asked.status == FollowStatus::Requested {
        social::accept_overdue_requests(&world).await.unwrap();
    }
    assert_eq!(broken(&world).await, [""; 0]);
    assert_eq!(world.number("SELECT COUNT(*) FROM followers").await, 6);
    for id in asking {
        assert_eq!(told(&world, id).await, ["follow.accepted 1"]);
    }
    // What another application made public, the clock finds.
    set_private(&world, amal, true).await;
    let (badr, badr_acts) = world.user("badr").await;
    social::follow_user(&world, &badr_acts, amal).await.unwrap();
    assert_eq!(social::accept_overdue_requests(&world).await.unwrap(), 0);
    set_private(&world, amal, false).await;
    assert_eq!(social::accept_overdue_requests(&world).await.unwrap(), 1);
    assert_eq!(told(&world, badr).await, ["follow.accepted 1"]);

    world.execute(&format!("INSERT INTO posts (user_id, content) VALUES ({amal}, 'one')")).await;
    let mut ear = world.ear().await;
    let private = UpdateProfile { is_private: Some(true), ..UpdateProfile::default() };
    assert!(users::update_profile(&world, &amal_acts, private).await.unwrap().profile.is_private);
    let changed = ControlMessage::AccessChanged { channel: Channel::Post(1).to_string() };
    assert_eq!(ear.next_control().await, changed);
    assert_eq!(broken(&world).await, [""; 0]);
}

/// The table of states against the operations, over random steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_take_only_the_steps_of_their_table() {
    use FollowRequestStatus::{Accepted, Pending, Rejected};
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    set_private(&world, amal, true).await;
    let mut rng = StdRng::seed_from_u64(0x5EED);
    let mut state: Option<FollowRequestStatus> = None;
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..120 {
        let id = request_of(&world, badr, amal).await;
        match rng.random_range(0..5) {
            0 => {
                // Half of the time a day has passed.
                let aged = rng.random_bool(0.5);
                if aged {
                    world
                        .execute("UPDATE follow_requests SET responded_at = responded_at - INTERVAL 1 DAY")
                        .await;
                }
                let asked = social::follow_user(&world, &badr_acts, amal).await;
                match (state, aged) {
                    (Some(Rejected), false) if asked.is_err() => {
                        assert_eq!(rule(asked), Rule::FOLLOW_TOO_SOON);
                        refused += 1;
                    }
                    (Some(Accepted), _) => {
                        assert_eq!(asked.unwrap().status, FollowStatus::Following);
                    }
                    (before, _) => {
                        assert!(before.is_none_or(|before| before == Pending || may(before, Pending)));
                        assert_eq!(asked.unwrap().status, FollowStatus::Requested);
                        state = Some(Pending);
                        taken += 1;
                    }
                }
            }
            which @ (1 | 2) => {
                let (answer, answered) = if which == 1 {
                    (Accepted, social::accept_follow_request(&world, &amal_acts, id).await)
                } else {
                    (Rejected, social::reject_follow_request(&world, &amal_acts, id).await)
                };
                match state {
                    None => assert_eq!(rule(answered), Rule::NOT_FOUND),
                    Some(before) if may(before, answer) => {
                        assert_eq!(answered.unwrap().status, answer);
                        state = Some(answer);
                        taken += 1;
                    }
                    Some(_) => {
                        assert_eq!(rule(answered), Rule::ILLEGAL_TRANSITION);
                        refused += 1;
                    }
                }
            }
            3 => {
                social::unfollow_user(&world, &badr_acts, amal).await.unwrap();
                state = None;
            }
            _ => {
                social::remove_follower(&world, &amal_acts, badr).await.unwrap();
                state = None;
            }
        }
        assert_eq!(broken(&world).await, [""; 0]);
    }
    assert!(taken > 20 && refused > 5, "{taken} taken, {refused} refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_follow_leave_and_block_one_and_every_counter_is_exact() {
    let world = unlimited().await;
    let (star, star_acts) = world.user("star").await;
    let mut crowd = Vec::new();
    for number in 0..20 {
        crowd.push(world.user(&format!("fan{number}")).await);
    }
    for round in 0..2 {
        let work = (0..100_usize).map(|number| {
            let (world, star_acts) = (&world, &star_acts);
            let (id, acts) = &crowd[number % crowd.len()];
            async move {
                match number % 10 {
                    0..=5 => drop(social::follow_user(world, acts, star).await.map_err(unexpected)),
                    6 => drop(social::follow_user(world, star_acts, *id).await.map_err(unexpected)),
                    7 => social::unfollow_user(world, acts, star).await.unwrap(),
                    8 => social::remove_follower(world, star_acts, *id).await.unwrap(),
                    _ if round == 1 => drop(users::block_user(world, star_acts, *id).await.unwrap()),
                    _ => social::unfollow_user(world, acts, star).await.unwrap(),
                }
            }
        });
        join_all(work).await;
        assert_eq!(broken(&world).await, [""; 0]);
    }
    assert_no_drift(&world, "a hundred follow, leave and block one at once").await;
}

/// A block may come first; nothing else goes wrong.
fn unexpected(error: SocialError) {
    assert!(matches!(error, SocialError::Blocked), "{error:?}");
}
