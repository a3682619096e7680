//! What moderators list and hide.

use base::Rule;
use base::conditional::IfMatch;
use base::paging::NumberedRequest;
use domain::social;
use protocol::Event;
use protocol::admin::Trashed;
use protocol::channel::Channel;
use protocol::moderation::{ManagedCommentsFilter, ManagedPostsFilter, SetPostHidden};
use protocol::social::CreateComment;

use super::posts::post;
use super::{broken, rule};
use crate::society::unlimited;

fn saying(content: &str) -> CreateComment {
    serde_json::from_value(serde_json::json!({ "content": content })).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moderators_list_all_posts_and_comments_and_hide_posts() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let (_, acts) = world.user_with_role("moderator", "moderator").await;
    let page = NumberedRequest::default();
    let kept = post(&world, &amal_acts, "100 % kept").await;
    let gone = post(&world, &amal_acts, "gone").await;
    let other = post(&world, &badr_acts, "another's").await;
    let first =
        social::create_comment(&world, &badr_acts, kept, saying("first"), None).await.unwrap().answer.id;
    let second =
        social::create_comment(&world, &badr_acts, kept, saying("second"), None).await.unwrap().answer.id;
    social::delete_post(&world, &amal_acts, gone, &IfMatch::ANY).await.unwrap();
    social::delete_comment(&world, &badr_acts, second, &IfMatch::ANY).await.unwrap();

    let posts = async |filter: ManagedPostsFilter, descending| {
        let list = social::list_managed_posts(&world, &acts, filter, descending, page).await.unwrap();
        assert_eq!(list.total, Some(u64::try_from(list.items.len()).unwrap()));
        list.items.iter().map(|item| (item.post.id, item.deleted_at.is_some())).collect::<Vec<_>>()
    };
    let none = ManagedPostsFilter::default;
    assert_eq!(posts(none(), true).await, [(other, false), (kept, false)]);
    assert_eq!(posts(none(), false).await, [(kept, false), (other, false)]);
    let all = ManagedPostsFilter { trashed: Trashed::With, user_id: Some(amal), ..none() };
    assert_eq!(posts(all, true).await, [(gone, true), (kept, false)]);
    assert_eq!(posts(ManagedPostsFilter { trashed: Trashed::Only, ..none() }, true).await, [(gone, true)]);
    let words = |words: &str| ManagedPostsFilter { words: Some(words.to_owned()), ..none() };
    assert_eq!(posts(words("0 % k"), true).await, [(kept, false)]);
    assert_eq!(posts(words("0%k"), true).await, [], "nothing in it is a pattern");

    let comments = async |trashed| {
        let filter =
            ManagedCommentsFilter { post_id: Some(kept), trashed, ..ManagedCommentsFilter::default() };
        let list = social::list_managed_comments(&world, &acts, filter, true, page).await.unwrap();
        list.items.into_iter().map(|item| (item.id, item.content)).collect::<Vec<_>>()
    };
    assert_eq!(comments(Trashed::Without).await, [(first, "first".to_owned())]);
    assert_eq!(comments(Trashed::Only).await, [(second, "second".to_owned())]);

    let hide = |is_hidden| SetPostHidden { is_hidden, reason: Some("under review".to_owned()) };
    for refused in [
        social::list_managed_posts(&world, &amal_acts, none(), true, page).await.map(drop),
        social::list_managed_comments(&world, &amal_acts, ManagedCommentsFilter::default(), true, page)
            .await
            .map(drop),
        social::set_post_hidden(&world, &amal_acts, kept, hide(true)).await.map(drop),
    ] {
        assert_eq!(rule(refused), Rule::FORBIDDEN);
    }
    assert!(social::set_post_hidden(&world, &acts, kept, hide(true)).await.unwrap().is_hidden);
    assert!(social::set_post_hidden(&world, &acts, kept, hide(true)).await.unwrap().is_hidden, "still");
    assert_eq!(rule(social::find_post(&world, Some(&badr_acts), kept).await), Rule::NOT_FOUND);
    let heard = world.events(Channel::User(amal)).await;
    let vanished = |event: &Event| matches!(event, Event::PostDeleted { post_id, .. } if *post_id == kept);
    assert_eq!(heard.iter().filter(|heard| vanished(&heard.event)).count(), 1);
    let hidden = ManagedPostsFilter { is_hidden: Some(true), ..none() };
    assert_eq!(posts(hidden.clone(), true).await, [(kept, false)]);
    social::set_post_hidden(&world, &acts, kept, hide(false)).await.unwrap();
    assert_eq!(posts(hidden, true).await, []);
    social::find_post(&world, Some(&badr_acts), kept).await.unwrap();
    let noted =
        "SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'posts.moderate' AND subject_type = 'post'";
    assert_eq!(world.database.number(noted).await.unwrap(), 2);
    assert_eq!(rule(social::set_post_hidden(&world, &acts, gone, hide(true)).await), Rule::NOT_FOUND);
    assert_eq!(broken(&world).await, [""; 0]);
}
