//! Posts: writing, seeing, changing, pinning; feeds and timelines.

use base::conditional::IfMatch;
use base::paging::{Cursor, Page, PageRequest};
use base::{Fault, Rule};
use bus::ControlMessage;
use domain::social::{self, SocialError};
use domain::{Actor, App, uploads};
use protocol::channel::Channel;
use protocol::social::{CreateComment, CreatePost, Post, PostType, SharePost, TimelineFilter, UpdatePost};
use protocol::uploads::UploadKind;
use tempfile::TempDir;

use super::{broken, rule, set_private, told};
use crate::samples;
use crate::society::unlimited;
use crate::stage::{key, statements};
use crate::world::World;

/// Posts some words.
pub(super) async fn post(app: &App, actor: &Actor, words: &str) -> u64 {
    social::create_post(app, actor, of_words(words), None).await.unwrap().answer.id
}

pub(super) fn of_words(words: &str) -> CreatePost {
    CreatePost { content: Some(words.to_owned()), ..CreatePost::default() }
}

fn ask(cursor: Option<Cursor>, per_page: u32) -> PageRequest {
    PageRequest { cursor, per_page }
}

fn ids(page: &Page<Post>) -> Vec<u64> {
    page.items.iter().map(|post| post.id).collect()
}

async fn upload(world: &World, actor: &Actor, kind: UploadKind, bytes: Vec<u8>) -> u64 {
    let mut incoming = uploads::open_upload(world, actor).await.unwrap();
    incoming.write(Some(kind), &bytes).await.unwrap();
    let new = uploads::NewUpload { kind, name: None };
    uploads::upload_file(world, actor, new, incoming).await.unwrap().id
}

fn fields<T: std::fmt::Debug>(outcome: Result<T, SocialError>) -> Vec<String> {
    let error = outcome.expect_err("it is refused");
    assert_eq!(error.rule(), Rule::VALIDATION_FAILED, "{error:?}");
    error.violations().unwrap().sentences(base::Lang::En).into_keys().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_are_written_changed_and_deleted_by_their_authors() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    world.follow(badr, amal).await;
    world.app.bus.renew_lease("n1", std::time::Duration::from_secs(60)).await.unwrap();
    world.app.bus.enter("n1", &[badr]).await.unwrap();

    let first_key = key();
    let create = async |input, key| social::create_post(&world, &amal_acts, input, key).await;
    let first = create(of_words("  سلام\u{202E} "), Some(first_key.clone())).await.unwrap();
    let again = create(of_words("سلام"), Some(first_key)).await.unwrap();
    assert_eq!((first.replayed, again.replayed, first.answer.id), (false, true, again.answer.id));
    let post = first.answer;
    assert_eq!((post.content.as_deref(), post.edited_at, post.user.id), (Some("سلام"), None, amal));
    for heard_by in [amal, badr] {
        let heard = world.events(Channel::User(heard_by)).await;
        assert!(heard.iter().any(|heard| heard.event.name() == "post.created"), "{heard_by}");
    }
    for (input, field) in [
        (CreatePost::default(), "content"),
        (of_words("   "), "content"),
        (of_words(&"ص".repeat(5_001)), "content"),
        (CreatePost { media: vec![1], ..of_words("x") }, "media"),
        (CreatePost { post_type: PostType::Image, ..CreatePost::default() }, "media"),
        (CreatePost { post_type: PostType::Image, media: vec![999], content: None }, "media"),
        (CreatePost { post_type: PostType::Image, media: (1..=11).collect(), content: None }, "media"),
    ] {
        assert_eq!(fields(create(input, None).await), [field]);
    }

    // Only its author changes it, and only the version that was read.
    let change = |words: &str| UpdatePost { content: Some(words.to_owned()) };
    let stale = IfMatch::of(vec!["\"stale\"".to_owned()]);
    let update = async |acts, input, version: &IfMatch| {
        social::update_post(&world, acts, post.id, input, version).await
    };
    assert_eq!(rule(update(&badr_acts, change("x"), &IfMatch::ANY).await), Rule::FORBIDDEN);
    assert_eq!(rule(update(&amal_acts, change("x"), &stale).await), Rule::PRECONDITION_FAILED);
    let empty = UpdatePost { content: None };
    assert_eq!(fields(update(&amal_acts, empty, &IfMatch::ANY).await), ["content"]);
    let changed = update(&amal_acts, change("أهلًا"), &IfMatch::ANY).await.unwrap();
    assert_eq!(changed.content.as_deref(), Some("أهلًا"));
    assert!(changed.edited_at.is_some());

    let mut ear = world.ear().await;
    let delete = async |acts, id| social::delete_post(&world, acts, id, &IfMatch::ANY).await;
    assert_eq!(rule(delete(&badr_acts, post.id).await), Rule::FORBIDDEN);
    delete(&amal_acts, post.id).await.unwrap();
    assert_eq!(rule(delete(&amal_acts, post.id).await), Rule::NOT_FOUND);
    assert_eq!(rule(social::find_post(&world, Some(&amal_acts), post.id).await), Rule::NOT_FOUND);
    let channel = Channel::Post(post.id).to_string();
    assert_eq!(ear.next_control().await, ControlMessage::AccessChanged { channel });
    assert_eq!(world.number("SELECT COUNT(*) FROM posts WHERE deleted_at IS NOT NULL").await, 1);
    assert_eq!(broken(&world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_belong_to_one_post_and_go_with_it_unless_a_moderator_has_removed_it() {
    let folder = TempDir::new().unwrap();
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        settings.uploads.folder = folder.path().join("files");
    })
    .await;
    let (amal, amal_acts) = world.user("amal").await;
    let (_, moderator) = world.user_with_role("moderator", "moderator").await;
    let mut posts = Vec::new();
    for _ in 0..2 {
        let picture = upload(&world, &amal_acts, UploadKind::Image, samples::png()).await;
        let input = CreatePost { post_type: PostType::Image, content: None, media: vec![picture] };
        let post = social::create_post(&world, &amal_acts, input.clone(), None).await.unwrap().answer;
        assert_eq!((post.media_urls.len(), post.post_type), (1, PostType::Image));
        assert!(post.media_urls[0].starts_with("http"));
        assert_eq!(fields(social::create_post(&world, &amal_acts, input, None).await), ["media"]);
        posts.push(post.id);
    }
    let sound = upload(&world, &amal_acts, UploadKind::Audio, samples::mp3()).await;
    let wrong = CreatePost { post_type: PostType::Image, content: None, media: vec![sound] };
    assert_eq!(fields(social::create_post(&world, &amal_acts, wrong, None).await), ["media"]);

    social::delete_post(&world, &amal_acts, posts[0], &IfMatch::ANY).await.unwrap();
    social::delete_post(&world, &moderator, posts[1], &IfMatch::ANY).await.unwrap();
    let left = world.number("SELECT COUNT(*) FROM hub_uploads WHERE status = 'attached'").await;
    assert_eq!(left, 1, "the moderator's evidence");
    assert_eq!(told(&world, amal).await, ["content.removed 1"]);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'posts.moderate'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_seen_by_whom_it_may_concern() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (carla, carla_acts) = world.user("carla").await;
    let (_, moderator) = world.user_with_role("moderator", "moderator").await;
    let id = post(&world, &amal_acts, "one").await;
    let seen = async |viewer: Option<&Actor>| {
        let found = social::find_post(&world, viewer, id).await;
        let entered = match viewer {
            Some(viewer) => Some(social::enter_post(&world, viewer, id).await.is_ok()),
            None => None,
        };
        assert!(entered.is_none_or(|entered| entered == found.is_ok()), "the channel is open to the same");
        found.map_or_else(|error| (error.rule() != Rule::NOT_FOUND, false), |_| (true, true))
    };
    let (yes, no) = ((true, true), (false, false));
    assert_eq!((seen(None).await, seen(Some(&badr_acts)).await), (yes, yes));
    set_private(&world, amal, true).await;
    world.follow(carla, amal).await;
    assert_eq!((seen(None).await, seen(Some(&badr_acts)).await), (no, no));
    assert_eq!((seen(Some(&carla_acts)).await, seen(Some(&amal_acts)).await), (yes, yes));
    assert_eq!(seen(Some(&moderator)).await, yes);
    set_private(&world, amal, false).await;
    for (blocker, blocked) in [(amal, badr), (badr, amal)] {
        world.block(blocker, blocked).await;
        assert_eq!((seen(Some(&badr_acts)).await, seen(Some(&carla_acts)).await), (no, yes));
        world.unblock(blocker, blocked).await;
    }
    // What is hidden until it was reviewed: its author and moderators; and nobody writes there.
    world.execute(&format!("INSERT INTO hub_hidden_posts (post_id) VALUES ({id})")).await;
    assert_eq!((seen(None).await, seen(Some(&badr_acts)).await, seen(Some(&carla_acts)).await), (no, no, no));
    assert_eq!((seen(Some(&amal_acts)).await, seen(Some(&moderator)).await), (yes, yes));
    let comment = || CreateComment { content: "x".to_owned(), image: None, parent_id: None };
    for acts in [&amal_acts, &badr_acts, &moderator] {
        let refused = social::create_comment(&world, acts, id, comment(), None).await;
        assert_eq!(rule(refused), Rule::NOT_FOUND);
        let refused = social::share_post(&world, acts, id, SharePost::default(), None).await;
        assert_eq!(rule(refused), Rule::NOT_FOUND);
    }
    world.execute("DELETE FROM hub_hidden_posts").await;
    world.suspend(amal).await;
    assert_eq!((seen(None).await, seen(Some(&moderator)).await), (no, no));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_posts_are_on_top_at_most_also_at_once() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let mut all = Vec::new();
    for number in 0..8 {
        all.push(post(&world, &amal_acts, &format!("{number}")).await);
    }
    assert_eq!(rule(social::pin_post(&world, &badr_acts, all[0]).await), Rule::FORBIDDEN);
    let pins = all.iter().map(|&id| social::pin_post(&world, &amal_acts, id));
    let pinned = futures_util::future::join_all(pins).await;
    assert_eq!(pinned.iter().filter(|done| done.is_ok()).count(), 3);
    for refused in pinned.into_iter().filter(Result::is_err) {
        assert_eq!(rule(refused), Rule::POST_TOO_MANY_PINNED);
    }
    let on_top = TimelineFilter { is_pinned: Some(true), ..TimelineFilter::default() };
    let page = social::list_timeline(&world, None, amal, on_top, ask(None, 10)).await.unwrap();
    assert_eq!(page.items.len(), 3);
    let first = page.items[0].post.id;
    for _ in 0..2 {
        assert!(social::pin_post(&world, &amal_acts, first).await.unwrap().is_pinned);
    }
    social::unpin_post(&world, &amal_acts, first).await.unwrap();
    let other = *all.iter().find(|id| !page.items.iter().any(|entry| entry.post.id == **id)).unwrap();
    assert!(social::pin_post(&world, &amal_acts, other).await.unwrap().is_pinned);
    // A deleted one makes room.
    social::delete_post(&world, &amal_acts, other, &IfMatch::ANY).await.unwrap();
    social::pin_post(&world, &amal_acts, first).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_is_one_s_own_and_of_those_one_follows_in_few_statements() {
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        settings.database.max_connections = 4;
    })
    .await;
    let (me, mine) = world.user("me").await;
    let mut authors = Vec::new();
    for number in 0..6 {
        authors.push(world.user(&format!("author{number}")).await);
    }
    for (id, _) in &authors[..4] {
        world.follow(me, *id).await;
    }
    let mut expected = Vec::new();
    for round in 0..4 {
        for (number, (_, acts)) in authors.iter().enumerate() {
            let id = post(&world, acts, &format!("{round}")).await;
            // The last two are not followed.
            if number < 4 {
                expected.push(id);
            }
        }
        expected.push(post(&world, &mine, "mine").await);
    }
    let (_, gone_acts) = &authors[0];
    let deleted = expected[0];
    social::delete_post(&world, gone_acts, deleted, &IfMatch::ANY).await.unwrap();
    let hidden = expected[6];
    world.execute(&format!("INSERT INTO hub_hidden_posts (post_id) VALUES ({hidden})")).await;
    world.suspend(authors[3].0).await;
    world.block(authors[2].0, me).await;
    let lost = async |id: u64| {
        let of = format!("SELECT CAST(user_id AS SIGNED) FROM posts WHERE id = {id}");
        let author = u64::try_from(world.number(&of).await).unwrap();
        author == authors[3].0 || author == authors[2].0
    };
    let mut wanted = Vec::new();
    for id in expected {
        if id != deleted && id != hidden && !lost(id).await {
            wanted.push(id);
        }
    }
    wanted.reverse();
    // Page by page, there and back.
    for per_page in [1, 3, 4, 50] {
        let (mut walked, mut cursor, mut last) = (Vec::new(), None, None);
        loop {
            let page = social::list_feed(&world, &mine, None, ask(cursor, per_page)).await.unwrap();
            walked.extend(ids(&page));
            cursor = page.next;
            last = page.previous.or(last);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(walked, wanted, "{per_page} a page");
        if let Some(last) = last {
            let back = social::list_feed(&world, &mine, None, ask(Some(last), per_page)).await.unwrap();
            let end = wanted.len() - wanted.len().checked_rem(usize::try_from(per_page).unwrap()).unwrap();
            let end = if end == wanted.len() { end - usize::try_from(per_page).unwrap() } else { end };
            let size = usize::try_from(per_page).unwrap();
            assert_eq!(ids(&back), wanted[end - size..end]);
        }
    }
    let images = social::list_feed(&world, &mine, Some(PostType::Image), ask(None, 5)).await.unwrap();
    assert!(images.items.is_empty());

    // As many statements for much as for little.
    let cost = async || {
        let before = statements(&world).await;
        social::list_feed(&world, &mine, None, ask(None, 20)).await.unwrap();
        statements(&world).await - before
    };
    let little = cost().await;
    for (id, _) in &authors[4..] {
        world.follow(me, *id).await;
    }
    for (_, acts) in &authors {
        for number in 0..10 {
            let _posted = social::create_post(&world, acts, of_words(&format!("{number}")), None).await;
        }
    }
    assert_eq!(cost().await, little);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_has_posts_and_shares_by_time_and_discover_what_people_like() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (carla, carla_acts) = world.user("carla").await;
    let mut expected = Vec::new();
    for number in 0..5 {
        let theirs = post(&world, &badr_acts, &format!("theirs {number}")).await;
        let own = post(&world, &amal_acts, &format!("own {number}")).await;
        let words = SharePost { comment: Some(format!("look {number}")) };
        let share = social::share_post(&world, &amal_acts, theirs, words, None).await.unwrap().answer;
        // A minute apart, but for the last two of each round, which are of the same second.
        for (table, id) in [("posts", own), ("post_shares", share.id)] {
            world
                .execute(&format!(
                    "UPDATE {table} SET created_at = '2026-01-01 10:0{number}:00' WHERE id = {id}"
                ))
                .await;
        }
        expected.extend([(own, None), (theirs, Some(share.id))]);
    }
    expected.reverse();
    for per_page in [1, 2, 3, 20] {
        let (mut walked, mut cursor, mut back) = (Vec::new(), None, Vec::new());
        let mut previous = None;
        loop {
            let filter = TimelineFilter::default();
            let page =
                social::list_timeline(&world, Some(&carla_acts), amal, filter, ask(cursor, per_page)).await;
            let page = page.unwrap();
            walked.extend(page.items.iter().map(|entry| (entry.post.id, entry.share.as_ref().map(|s| s.id))));
            (cursor, previous) = (page.next, page.previous.or(previous));
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(walked, expected, "{per_page} a page");
        while let Some(cursor) = previous {
            let filter = TimelineFilter::default();
            let page =
                social::list_timeline(&world, None, amal, filter, ask(Some(cursor), per_page)).await.unwrap();
            let mut entries: Vec<_> =
                page.items.iter().map(|entry| (entry.post.id, entry.share.as_ref().map(|s| s.id))).collect();
            entries.extend(back);
            (back, previous) = (entries, page.previous);
        }
        assert!(expected.starts_with(&back), "{per_page} a page back: {back:?}");
    }
    // Of a share only what the viewer may see.
    set_private(&world, badr, true).await;
    let page =
        social::list_timeline(&world, Some(&carla_acts), amal, TimelineFilter::default(), ask(None, 20));
    assert_eq!(page.await.unwrap().items.len(), 5);
    let refused =
        social::list_timeline(&world, Some(&carla_acts), badr, TimelineFilter::default(), ask(None, 5));
    assert_eq!(rule(refused.await), Rule::PROFILE_PRIVATE);
    set_private(&world, badr, false).await;

    // Discover: what is liked comes first; nothing private, hidden or across a block.
    world.execute("UPDATE posts SET created_at = UTC_TIMESTAMP()").await;
    let liked = expected[8].0;
    for acts in [&amal_acts, &badr_acts, &carla_acts] {
        let love = Some(protocol::rooms::ReactionType::Love);
        social::react(&world, acts, (protocol::social::Reactable::Post, liked), love).await.unwrap();
    }
    let first = social::list_discover(&world, None, ask(None, 4)).await.unwrap();
    assert_eq!((first.items[0].id, first.items.len()), (liked, 4));
    let (mut walked, mut cursor) = (ids(&first), first.next);
    post(&world, &amal_acts, "after the ranking was made").await;
    while cursor.is_some() {
        let page = social::list_discover(&world, None, ask(cursor, 4)).await.unwrap();
        walked.extend(ids(&page));
        cursor = page.next;
    }
    assert_eq!(walked.len(), 10, "the walk stays in its ranking");
    let second = social::list_discover(&world, None, ask(first.next, 4)).await.unwrap();
    let back = social::list_discover(&world, None, ask(second.previous, 4)).await.unwrap();
    assert_eq!(ids(&back), ids(&first));
    world.block(badr, carla).await;
    let page = social::list_discover(&world, Some(&carla_acts), ask(None, 20)).await.unwrap();
    assert!(page.items.iter().all(|post| post.user.id != badr) && !page.items.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_count_once_in_half_an_hour_and_are_written_by_the_clock() {
    let world = unlimited().await;
    let (_, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let (one, two) = (post(&world, &amal_acts, "one").await, post(&world, &amal_acts, "two").await);
    let view = async |viewer: Option<&Actor>, ip: &str, id| {
        social::view_post(&world, viewer, Some(ip.parse().unwrap()), id).await.unwrap();
    };
    for _ in 0..2 {
        view(Some(&badr_acts), "203.0.113.7", one).await;
        view(Some(&amal_acts), "203.0.113.7", one).await;
        view(None, "203.0.113.7", one).await;
        view(None, "203.0.113.8", one).await;
        view(None, "::ffff:203.0.113.8", one).await;
        view(Some(&badr_acts), "203.0.113.7", two).await;
    }
    assert_eq!(world.number("SELECT CAST(SUM(views_count) AS SIGNED) FROM posts").await, 0);
    assert_eq!(social::flush_views(&world).await.unwrap(), 2);
    assert_eq!(social::flush_views(&world).await.unwrap(), 0);
    let views = async |id| social::find_post(&world, None, id).await.unwrap().views_count;
    assert_eq!((views(one).await, views(two).await), (4, 1));
    let nobody = social::view_post(&world, None, None, 999_999).await;
    assert_eq!(rule(nobody), Rule::NOT_FOUND);
}
