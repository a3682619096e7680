//! Comments, reactions and shares, and the counters that they leave.

use base::conditional::IfMatch;
use base::paging::{Cursor, PageRequest};
use base::{Fault, Rule};
use domain::social::{self, SocialError};
use domain::{Actor, App};
use futures_util::future::join_all;
use protocol::channel::Channel;
use protocol::rooms::ReactionType;
use protocol::social::{Comment, CreateComment, Reactable, SharePost, UpdateComment};

use super::posts::post;
use super::{broken, rule, told};
use crate::recount::assert_no_drift;
use crate::society::unlimited;
use crate::stage::key;
use crate::world::World;

pub(super) fn words(content: &str, parent_id: Option<u64>) -> CreateComment {
    CreateComment { content: content.to_owned(), image: None, parent_id }
}

async fn comment(app: &App, actor: &Actor, post_id: u64, parent_id: Option<u64>) -> u64 {
    social::create_comment(app, actor, post_id, words("x", parent_id), None).await.unwrap().answer.id
}

async fn react(
    app: &App,
    actor: &Actor,
    target: (Reactable, u64),
    reaction: Option<ReactionType>,
) -> Result<u32, SocialError> {
    social::react(app, actor, target, reaction).await.map(|state| state.reactions_count)
}

fn ask(cursor: Option<Cursor>, per_page: u32) -> PageRequest {
    PageRequest { cursor, per_page }
}

fn ids(items: &[Comment]) -> Vec<u64> {
    items.iter().map(|comment| comment.id).collect()
}

async fn names(world: &World, channel: Channel) -> Vec<&'static str> {
    world.events(channel).await.iter().map(|heard| heard.event.name()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_are_threads_of_three_levels_and_tombstones_keep_their_answers() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let id = post(&world, &amal_acts, "one").await;
    let other = post(&world, &amal_acts, "two").await;
    let first = comment(&world, &badr_acts, id, None).await;
    let answer = comment(&world, &carla_acts, id, Some(first)).await;
    let third = comment(&world, &badr_acts, id, Some(answer)).await;
    assert_eq!(told(&world, amal).await, ["post.commented 3"]);
    assert_eq!(told(&world, badr).await, ["comment.replied 1"]);
    for (post_id, parent) in [(id, third), (other, first), (id, 999_999)] {
        let refused =
            social::create_comment(&world, &badr_acts, post_id, words("x", Some(parent)), None).await;
        let error = refused.unwrap_err();
        let named = error.violations().unwrap().sentences(base::Lang::En);
        assert_eq!(named.keys().collect::<Vec<_>>(), ["parent_id"]);
    }
    for content in [" ".to_owned(), "ص".repeat(2_001)] {
        let refused = social::create_comment(&world, &badr_acts, id, words(&content, None), None).await;
        assert_eq!(rule(refused), Rule::VALIDATION_FAILED);
    }
    let same = key();
    let once = async || {
        social::create_comment(&world, &badr_acts, id, words("again", None), Some(same.clone()))
            .await
            .unwrap()
    };
    let (written, repeated) = (once().await, once().await);
    assert_eq!((written.answer.id, repeated.replayed), (repeated.answer.id, true));
    let second = written.answer.id;

    // Only its author changes it; its author, the author of the post and moderators delete it.
    let change = |content: &str| UpdateComment { content: content.to_owned() };
    let update = async |acts, version: &IfMatch| {
        social::update_comment(&world, acts, first, change("now"), version).await
    };
    assert_eq!(rule(update(&amal_acts, &IfMatch::ANY).await), Rule::FORBIDDEN);
    let stale = IfMatch::of(vec!["\"x\"".to_owned()]);
    assert_eq!(rule(update(&badr_acts, &stale).await), Rule::PRECONDITION_FAILED);
    assert!(update(&badr_acts, &IfMatch::ANY).await.unwrap().edited_at.is_some());
    let delete = async |acts, id| social::delete_comment(&world, acts, id, &IfMatch::ANY).await;
    assert_eq!(rule(delete(&carla_acts, first).await), Rule::FORBIDDEN);
    delete(&amal_acts, first).await.unwrap();
    assert_eq!(rule(delete(&badr_acts, first).await), Rule::NOT_FOUND);
    assert_eq!(rule(react(&world, &carla_acts, (Reactable::Comment, first), None).await), Rule::NOT_FOUND);
    assert_eq!(broken(&world).await, [""; 0]);

    let page = social::list_comments(&world, None, id, ask(None, 10)).await.unwrap().items;
    assert_eq!(ids(&page), [second, first]);
    let tombstone = &page[1];
    assert!(tombstone.deleted && tombstone.content.is_none() && tombstone.user.is_none());
    assert_eq!(tombstone.replies_count, 1);
    let replies = social::list_replies(&world, None, first, ask(None, 10)).await.unwrap().items;
    assert_eq!((ids(&replies), replies[0].replies_count), (vec![answer], 1));
    // With its last answer the place goes.
    delete(&carla_acts, answer).await.unwrap();
    assert_eq!(social::list_comments(&world, None, id, ask(None, 10)).await.unwrap().items.len(), 2);
    delete(&badr_acts, third).await.unwrap();
    let page = social::list_comments(&world, None, id, ask(None, 10)).await.unwrap().items;
    assert_eq!(ids(&page), [second]);
    assert_eq!(social::find_post(&world, None, id).await.unwrap().comments_count, 1);
    assert_eq!(rule(social::find_comment(&world, None, first).await), Rule::NOT_FOUND);

    let (_, moderator) = world.user_with_role("moderator", "moderator").await;
    delete(&moderator, second).await.unwrap();
    assert_eq!(told(&world, badr).await, ["comment.replied 1", "content.removed 1"]);
    assert_eq!(broken(&world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_comment_on_top_comes_first_and_is_one() {
    let world = unlimited().await;
    let (_, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let id = post(&world, &amal_acts, "one").await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(comment(&world, &badr_acts, id, None).await);
    }
    let reply = comment(&world, &badr_acts, id, Some(all[0])).await;
    assert_eq!(rule(social::pin_comment(&world, &badr_acts, all[1]).await), Rule::FORBIDDEN);
    assert_eq!(rule(social::pin_comment(&world, &amal_acts, reply).await), Rule::VALIDATION_FAILED);
    join_all(all.iter().map(|&id| social::pin_comment(&world, &amal_acts, id))).await;
    assert_eq!(world.number("SELECT COUNT(*) FROM comments WHERE is_pinned = 1").await, 1);
    social::pin_comment(&world, &amal_acts, all[1]).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM comments WHERE is_pinned = 1").await, 1);

    let wanted = [all[1], all[4], all[3], all[2], all[0]];
    for per_page in [1, 2, 3, 10] {
        let (mut walked, mut cursor) = (Vec::new(), None);
        let mut previous = loop {
            let page = social::list_comments(&world, None, id, ask(cursor, per_page)).await.unwrap();
            assert!(page.items.len() <= usize::try_from(per_page).unwrap());
            walked.extend(ids(&page.items));
            cursor = page.next;
            if cursor.is_none() {
                break page.previous;
            }
        };
        assert_eq!(walked, wanted, "{per_page} a page");
        let mut back = Vec::new();
        while let Some(cursor) = previous {
            let page = social::list_comments(&world, None, id, ask(Some(cursor), per_page)).await.unwrap();
            let mut items = ids(&page.items);
            items.extend(back);
            (back, previous) = (items, page.previous);
        }
        assert!(wanted.starts_with(&back), "{per_page} a page back: {back:?}");
        assert!(per_page > 4 || !back.is_empty());
    }
    social::unpin_comment(&world, &amal_acts, all[1]).await.unwrap();
    let page = social::list_comments(&world, None, id, ask(None, 10)).await.unwrap();
    assert_eq!(ids(&page.items), [all[4], all[3], all[2], all[1], all[0]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reaction_of_each_to_each_and_the_summary_says_which() {
    use ReactionType::{Angry, Like, Love};
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let id = post(&world, &amal_acts, "one").await;
    let on_post = (Reactable::Post, id);
    assert_eq!(react(&world, &badr_acts, on_post, Some(Like)).await.unwrap(), 1);
    assert_eq!(react(&world, &badr_acts, on_post, Some(Like)).await.unwrap(), 1);
    assert_eq!(react(&world, &badr_acts, on_post, Some(Love)).await.unwrap(), 1);
    assert_eq!(react(&world, &carla_acts, on_post, Some(Angry)).await.unwrap(), 2);
    assert_eq!(told(&world, amal).await, ["post.reacted 2"]);
    // What Laravel wrote in the other spelling counts as one's own.
    world
        .execute(&format!(
            "UPDATE reactions SET reactable_type = 'post' WHERE user_id = {badr} AND reactable_id = {id}"
        ))
        .await;
    assert_eq!(react(&world, &badr_acts, on_post, Some(Like)).await.unwrap(), 2);
    let list = async |reaction| social::list_reactions(&world, None, on_post, reaction, ask(None, 10)).await;
    let (page, summary) = list(None).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(summary, [(Like, 1), (Angry, 1)].into());
    assert_eq!(list(Some(Angry)).await.unwrap().0.items[0].user.username, "carla");
    let mine = social::find_post(&world, Some(&badr_acts), id).await.unwrap();
    assert_eq!((mine.my_reaction, mine.reactions_count), (Some(Like), 2));
    for _ in 0..2 {
        assert_eq!(react(&world, &badr_acts, on_post, None).await.unwrap(), 1);
    }
    assert_eq!(broken(&world).await, [""; 0]);

    let below = comment(&world, &badr_acts, id, None).await;
    let on_comment = (Reactable::Comment, below);
    assert_eq!(react(&world, &amal_acts, on_comment, Some(Love)).await.unwrap(), 1);
    assert_eq!(told(&world, badr).await, ["comment.reacted 1"]);
    let seen = social::find_comment(&world, Some(&amal_acts), below).await.unwrap();
    assert_eq!((seen.my_reaction, seen.reactions_count), (Some(Love), 1));

    // A message of a conversation: for the two in it.
    let send = serde_json::json!({"client_id": key(), "user_id": badr, "body": "salam"});
    let send: protocol::chat::SendMessage = serde_json::from_value(send).unwrap();
    let sent = domain::chat::send_message(&world, &amal_acts, send).await.unwrap().answer.message;
    let on_message = (Reactable::Message, sent.id);
    assert_eq!(react(&world, &badr_acts, on_message, Some(Like)).await.unwrap(), 1);
    assert_eq!(react(&world, &amal_acts, on_message, Some(Love)).await.unwrap(), 2);
    assert_eq!(rule(react(&world, &carla_acts, on_message, Some(Like)).await), Rule::NOT_FOUND);
    for user in [amal, badr] {
        let heard = names(&world, Channel::User(user)).await;
        assert_eq!(heard.iter().filter(|name| **name == "reaction.changed").count(), 2);
    }
    let (page, _) =
        social::list_reactions(&world, Some(&badr_acts), on_message, None, ask(None, 1)).await.unwrap();
    assert!(page.next.is_some());
    world.block(badr, amal).await;
    assert_eq!(rule(react(&world, &amal_acts, on_message, None).await), Rule::BLOCKED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_like_comment_and_share_one_post_and_every_counter_is_exact() {
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        // They are to meet at the post's row, not at the pool.
        settings.database.max_connections = 40;
    })
    .await;
    let (_, amal_acts) = world.user("amal").await;
    let id = post(&world, &amal_acts, "one").await;
    let mut crowd = Vec::new();
    for number in 0..25 {
        crowd.push(world.user(&format!("fan{number}")).await.1);
    }
    let below = comment(&world, &amal_acts, id, None).await;
    let work = (0..100_usize).map(|number| {
        let (world, acts) = (&world, &crowd[number % crowd.len()]);
        async move {
            let reaction = Some(ReactionType::ALL[number % 6]);
            // Each of them likes twice and takes it back once, at the same time.
            let (target, reaction) = match number % 4 {
                1 => ((Reactable::Post, id), None),
                2 => ((Reactable::Comment, below), reaction),
                _ => ((Reactable::Post, id), reaction),
            };
            react(world, acts, target, reaction).await.unwrap();
        }
    });
    join_all(work).await;
    assert_eq!(broken(&world).await, [""; 0]);

    let work = (0..100_usize).map(|number| {
        let (world, acts) = (&world, &crowd[number % crowd.len()]);
        async move {
            match number % 4 {
                0 => {
                    comment(world, acts, id, None).await;
                }
                1 => {
                    let made = comment(world, acts, id, Some(below)).await;
                    social::delete_comment(world, acts, made, &IfMatch::ANY).await.unwrap();
                }
                2 => drop(social::share_post(world, acts, id, SharePost::default(), None).await.unwrap()),
                _ => {
                    let made = social::share_post(world, acts, id, SharePost::default(), None).await.unwrap();
                    social::delete_share(world, acts, made.answer.id).await.unwrap();
                }
            }
        }
    });
    join_all(work).await;
    assert_eq!(broken(&world).await, [""; 0]);
    let now = social::find_post(&world, None, id).await.unwrap();
    assert_eq!((now.comments_count, now.shares_count), (26, 25));
    assert_no_drift(&world, "a hundred like, comment and share one post at once").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_are_counted_listed_and_taken_back_by_who_shared() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let id = post(&world, &amal_acts, "one").await;
    let input = || SharePost { comment: Some(" look ".to_owned()) };
    let same = key();
    let share = social::share_post(&world, &badr_acts, id, input(), Some(same.clone())).await.unwrap();
    let again = social::share_post(&world, &badr_acts, id, input(), Some(same)).await.unwrap();
    assert_eq!((share.answer.id, again.replayed), (again.answer.id, true));
    assert_eq!(share.answer.comment.as_deref(), Some("look"));
    assert_eq!(told(&world, amal).await, ["post.shared 1"]);
    let long = SharePost { comment: Some("x".repeat(1_001)) };
    let refused = social::share_post(&world, &badr_acts, id, long, None).await;
    assert_eq!(rule(refused), Rule::VALIDATION_FAILED);
    let list = social::list_shares(&world, &carla_acts, id, ask(None, 5)).await.unwrap();
    assert_eq!((list.items.len(), list.items[0].user.username.as_str()), (1, "badr"));
    let take_back = async |acts| social::delete_share(&world, acts, share.answer.id).await;
    assert_eq!(rule(take_back(&carla_acts).await), Rule::FORBIDDEN);
    super::set_private(&world, amal, true).await;
    assert_eq!(rule(take_back(&carla_acts).await), Rule::NOT_FOUND, "of a post that they do not see");
    take_back(&badr_acts).await.unwrap();
    assert_eq!(rule(take_back(&badr_acts).await), Rule::NOT_FOUND);
    assert_eq!(broken(&world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_too_much_has_to_wait() {
    let world = World::new().await;
    let (_, amal_acts) = world.user("amal").await;
    for number in 0..30 {
        post(&world, &amal_acts, &format!("{number}")).await;
    }
    let refused =
        social::create_post(&world, &amal_acts, super::posts::of_words("x"), None).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::RATE_LIMITED);
    assert!(refused.retry_after().unwrap().as_secs() >= 10);
}
