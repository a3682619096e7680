//! What a token's abilities open (domain.md §3): reading needs `read`, writing `write`.

use base::conditional::IfMatch;
use base::paging::{NumberedRequest, PageRequest};
use base::{Fault, Rule, Secret};
use domain::{Actor, social, users};
use protocol::rooms::ReactionType;
use protocol::social::{
    CreateComment, CreatePost, Reactable, ReportAction, ReportPost, ReportReason, ReportsFilter,
    RequestDirection, ResolveReport, SharePost, TimelineFilter, UpdateComment, UpdatePost,
};
use protocol::users::CreateToken;

use crate::society::unlimited;
use crate::world::{PASSWORD, World};

/// An actor of a user by an API token with this ability.
async fn holding(world: &World, actor: &Actor, ability: &str) -> Actor {
    let input = CreateToken {
        name: "Token".to_owned(),
        password: Secret::new(PASSWORD),
        abilities: Some(vec![ability.to_owned()]),
        expires_at: None,
    };
    let made = users::create_token(world, actor, input).await.unwrap();
    users::authenticate(world, &made.token).await.unwrap().actor
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_asks_for_its_ability() {
    let world = unlimited().await;
    let (_, all) = world.user("amal").await;
    let (reader, writer) = (holding(&world, &all, "read").await, holding(&world, &all, "write").await);
    let (app, page, any) = (&world.app, PageRequest::default(), &IfMatch::ANY);
    macro_rules! refuse {
        ($($call:expr;)+) => {
            $(let refused = $call.await.map(drop).expect_err(stringify!($call));
            assert_eq!(refused.rule(), Rule::MISSING_ABILITY, "{}", stringify!($call));)+
        };
    }
    let words = || "x".to_owned();
    let (like, of_post) = (Some(ReactionType::Like), (Reactable::Post, 1));
    refuse! {
        social::follow_user(app, &reader, 1);
        social::unfollow_user(app, &reader, 1);
        social::remove_follower(app, &reader, 1);
        social::accept_follow_request(app, &reader, 1);
        social::reject_follow_request(app, &reader, 1);
        social::create_post(app, &reader, CreatePost::default(), None);
        social::update_post(app, &reader, 1, UpdatePost { content: None }, any);
        social::delete_post(app, &reader, 1, any);
        social::pin_post(app, &reader, 1);
        social::unpin_post(app, &reader, 1);
        social::react(app, &reader, of_post, like);
        social::create_comment(app, &reader, 1, CreateComment { content: words(), image: None, parent_id: None }, None);
        social::update_comment(app, &reader, 1, UpdateComment { content: words() }, any);
        social::delete_comment(app, &reader, 1, any);
        social::pin_comment(app, &reader, 1);
        social::unpin_comment(app, &reader, 1);
        social::share_post(app, &reader, 1, SharePost::default(), None);
        social::delete_share(app, &reader, 1);
        social::report_post(app, &reader, 1, ReportPost { reason: ReportReason::Spam, details: None });
        social::claim_report(app, &reader, 1);
        social::release_report(app, &reader, 1);
        social::resolve_report(app, &reader, 1, ResolveReport { action: ReportAction::None, note: None });
        social::dismiss_report(app, &reader, 1);
    }
    let seen_by = Some(&writer);
    refuse! {
        social::list_followers(app, seen_by, 1, page);
        social::list_following(app, seen_by, 1, page);
        social::list_follow_requests(app, &writer, RequestDirection::In, page);
        social::list_feed(app, &writer, None, page);
        social::list_discover(app, seen_by, page);
        social::list_timeline(app, seen_by, 1, TimelineFilter::default(), page);
        social::find_post(app, seen_by, 1);
        social::view_post(app, seen_by, None, 1);
        social::enter_post(app, &writer, 1);
        social::list_reactions(app, seen_by, of_post, None, page);
        social::find_comment(app, seen_by, 1);
        social::list_comments(app, seen_by, 1, page);
        social::list_replies(app, seen_by, 1, page);
        social::list_shares(app, &writer, 1, page);
        social::list_reports(app, &writer, ReportsFilter::default(), true, NumberedRequest::default());
        social::find_report(app, &writer, 1);
    }
}
