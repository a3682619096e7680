//! Reports, what moderators do about them, and posts that are hidden meanwhile.

use base::paging::NumberedRequest;
use base::{Fault, Rule};
use bus::ControlMessage;
use domain::machine::may;
use domain::social;
use futures_util::future::join_all;
use protocol::channel::Channel;
use protocol::social::{
    CreateComment, ReportAction, ReportPost, ReportReason, ReportStatus, ReportsFilter, ResolveReport,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::posts::post;
use super::{broken, rule, told};
use crate::society::unlimited;
use crate::world::World;

fn because(reason: ReportReason) -> ReportPost {
    ReportPost { reason, details: None }
}

fn outcome(action: ReportAction) -> ResolveReport {
    ResolveReport { action, note: Some("so be it".to_owned()) }
}

async fn status_of(world: &World, id: u64) -> String {
    let sql = format!("SELECT status FROM post_reports WHERE id = {id}");
    world.database.text(&sql).await.unwrap().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_reported_once_by_each_and_closed_for_all_together() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (badr, badr_acts) = world.user("badr").await;
    let (_, carla_acts) = world.user("carla").await;
    let (moderator, acts) = world.user_with_role("moderator", "moderator").await;
    let id = post(&world, &amal_acts, "one").await;
    let report = async |who| social::report_post(&world, who, id, because(ReportReason::Spam)).await;
    assert_eq!(rule(report(&amal_acts).await), Rule::OWN_POST);
    let first = report(&badr_acts).await.unwrap();
    let again = social::report_post(&world, &badr_acts, id, because(ReportReason::Violence)).await.unwrap();
    assert_eq!((first.replayed, again.replayed, again.answer.id), (false, true, first.answer.id));
    assert_eq!(again.answer.reason, ReportReason::Spam);
    let second = report(&carla_acts).await.unwrap().answer.id;
    assert_eq!(told(&world, moderator).await, ["report.new 1"], "what comes after is seen in the list");
    let heard = world.events(Channel::User(moderator)).await;
    assert_eq!(heard.iter().filter(|heard| heard.event.name() == "report.created").count(), 2);

    let filter = ReportsFilter { reason: Some(ReportReason::Spam), ..ReportsFilter::default() };
    let page = NumberedRequest::default();
    let list = social::list_reports(&world, &acts, filter, true, page).await.unwrap();
    assert_eq!((list.items.len(), list.total), (2, Some(2)));
    assert_eq!(list.items[0].post_content.as_deref(), Some("one"));
    for refused in [
        social::list_reports(&world, &badr_acts, filter, true, page).await.map(drop),
        social::find_report(&world, &badr_acts, second).await.map(drop),
        social::claim_report(&world, &badr_acts, second).await.map(drop),
        social::dismiss_report(&world, &badr_acts, second).await.map(drop),
    ] {
        assert_eq!(rule(refused), Rule::FORBIDDEN);
    }
    let claimed = social::claim_report(&world, &acts, second).await.unwrap();
    assert_eq!((claimed.status, claimed.reviewed_by), (ReportStatus::Reviewing, Some(moderator)));

    let closed = social::resolve_report(&world, &acts, first.answer.id, outcome(ReportAction::RemovePost));
    let closed = closed.await.unwrap();
    assert_eq!(closed.status, ReportStatus::Resolved);
    assert_eq!(closed.action_taken.as_deref(), Some("remove_post: so be it"));
    assert!(closed.is_post_deleted);
    assert_eq!(status_of(&world, second).await, "resolved", "the same outcome");
    assert_eq!(told(&world, amal).await, ["content.removed 1"]);
    assert_eq!(told(&world, badr).await, ["report.outcome 1"]);
    assert_eq!(rule(social::find_post(&world, Some(&amal_acts), id).await), Rule::NOT_FOUND);
    let late = social::dismiss_report(&world, &acts, second).await;
    assert_eq!(rule(late), Rule::ILLEGAL_TRANSITION);
    assert_eq!(broken(&world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reports_at_once_hide_a_post_until_it_is_reviewed() {
    let world = unlimited().await;
    world
        .execute(
            "INSERT INTO settings (`key`, value, type, `group`) VALUES ('reports.auto_hide', '3', 'integer', 'reports') \
             ON DUPLICATE KEY UPDATE value = '3'",
        )
        .await;
    let (_, amal_acts) = world.user("amal").await;
    let (moderator, acts) = world.user_with_role("moderator", "moderator").await;
    let id = post(&world, &amal_acts, "one").await;
    let mut people = Vec::new();
    for number in 0..4 {
        people.push(world.user(&format!("reader{number}")).await.1);
    }
    let mut ear = world.ear().await;
    let reports =
        people[..3].iter().map(|who| social::report_post(&world, who, id, because(ReportReason::HateSpeech)));
    for done in join_all(reports).await {
        done.unwrap();
    }
    let channel = Channel::Post(id).to_string();
    assert_eq!(ear.next_control().await, ControlMessage::AccessChanged { channel: channel.clone() });
    assert_eq!(rule(social::find_post(&world, None, id).await), Rule::NOT_FOUND);
    assert!(social::find_post(&world, Some(&amal_acts), id).await.unwrap().is_hidden);
    assert_eq!(told(&world, moderator).await, ["report.new 2"]);
    let late = social::report_post(&world, &people[3], id, because(ReportReason::Spam)).await;
    assert_eq!(rule(late), Rule::NOT_FOUND, "who does not see it cannot report it");

    let any = world.number("SELECT CAST(MIN(id) AS SIGNED) FROM post_reports").await;
    social::dismiss_report(&world, &acts, u64::try_from(any).unwrap()).await.unwrap();
    assert!(!social::find_post(&world, None, id).await.unwrap().is_hidden);
    assert_eq!(world.number("SELECT COUNT(*) FROM post_reports WHERE status = 'dismissed'").await, 3);
    let comment = CreateComment { content: "x".to_owned(), image: None, parent_id: None };
    social::create_comment(&world, &people[0], id, comment, None).await.unwrap();
    // A new one counts from nothing.
    social::report_post(&world, &people[3], id, because(ReportReason::Spam)).await.unwrap();
    assert!(social::find_post(&world, None, id).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authors_are_warned_or_suspended_within_reach() {
    let world = unlimited().await;
    let (amal, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let (_, acts) = world.user_with_role("moderator", "moderator").await;
    let (_, admin) = world.user_with_role("admin", "admin").await;
    let reported = async |author, words: &str| {
        let id = post(&world, author, words).await;
        let made = social::report_post(&world, &badr_acts, id, because(ReportReason::Harassment)).await;
        (id, made.unwrap().answer.id)
    };
    let (first, warned) = reported(&amal_acts, "one").await;
    social::resolve_report(&world, &acts, warned, outcome(ReportAction::Warn)).await.unwrap();
    assert_eq!(told(&world, amal).await, ["content.warned 1"]);
    assert!(social::find_post(&world, None, first).await.is_ok());

    let (_, out_of_reach) = reported(&admin, "staff").await;
    let refused =
        social::resolve_report(&world, &acts, out_of_reach, outcome(ReportAction::SuspendUser)).await;
    assert_eq!(rule(refused), Rule::PROTECTED_ACCOUNT);
    assert_eq!(status_of(&world, out_of_reach).await, "pending", "nothing of it is done");

    let (second, report) = reported(&amal_acts, "two").await;
    social::resolve_report(&world, &acts, report, outcome(ReportAction::SuspendUser)).await.unwrap();
    let suspended = format!("SELECT COUNT(*) FROM users WHERE id = {amal} AND is_active = 0");
    assert_eq!(world.number(&suspended).await, 1);
    let deleted = format!("SELECT COUNT(*) FROM posts WHERE id = {second} AND deleted_at IS NOT NULL");
    assert_eq!(world.number(&deleted).await, 1);
    let long = ResolveReport { action: ReportAction::None, note: Some("x".repeat(201)) };
    let refused = social::resolve_report(&world, &acts, out_of_reach, long).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
}

/// The table of states against the operations, over random steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_take_only_the_steps_of_their_table() {
    use ReportStatus::{Dismissed, Pending, Resolved, Reviewing};
    let world = unlimited().await;
    let (_, amal_acts) = world.user("amal").await;
    let (_, badr_acts) = world.user("badr").await;
    let (_, acts) = world.user_with_role("moderator", "moderator").await;
    let mut rng = StdRng::seed_from_u64(7);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..10 {
        let id = post(&world, &amal_acts, &format!("{round}")).await;
        let made = social::report_post(&world, &badr_acts, id, because(ReportReason::Other)).await.unwrap();
        let (report, mut state) = (made.answer.id, Pending);
        for _ in 0..8 {
            let to = [Reviewing, Pending, Reviewing, Pending, Resolved, Dismissed][rng.random_range(0..6)];
            let done = match to {
                Reviewing => social::claim_report(&world, &acts, report).await,
                Pending => social::release_report(&world, &acts, report).await,
                Resolved => social::resolve_report(&world, &acts, report, outcome(ReportAction::None)).await,
                Dismissed => social::dismiss_report(&world, &acts, report).await,
            };
            if may(state, to) {
                assert_eq!(done.unwrap().status, to);
                state = to;
                taken += 1;
            } else {
                assert_eq!(rule(done), Rule::ILLEGAL_TRANSITION);
                refused += 1;
            }
            assert_eq!(status_of(&world, report).await, state.as_str());
        }
    }
    assert!(taken > 15 && refused > 15, "{taken} taken, {refused} refused");
    assert_eq!(broken(&world).await, [""; 0]);
}
