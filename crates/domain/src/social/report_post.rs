//! `POST /posts/{id}/reports` (domain.md §5.3).

use base::Time;
use base::text::cleaned;
use protocol::Event;
use protocol::notifications::NotificationKind;
use protocol::social::{PostReported, ReportPost, ReportReason};
use store::posts::NewReport;

use super::audience::Audience;
use super::create_post::require_length;
use super::delete_post::hide_post;
use super::limits::{self, REPORTS};
use super::moderators::{list_moderators, tell_moderators};
use super::view::{report_reason, report_status};
use super::visibility::{find_visible, hold_post};
use super::{NO_POST, SocialError};
use crate::idempotency::Written;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::system::find_setting;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Characters of the reporter's own words.
const LONGEST: usize = 1_000;
/// The setting that says how many people have to report a post for it to be hidden; 0 never hides one.
const AUTO_HIDE: &str = "reports.auto_hide";
/// Where the setting says nothing.
const USUAL: i64 = 10;

/// Reports a post to the moderators, once. The second time gives the first report, whatever has become of it. Where many
/// have reported a post it is hidden until it was reviewed.
///
/// # Errors
/// `not_found`; [`SocialError::OwnPost`]; a violation of `details`; [`base::CommonFault::RateLimited`].
pub async fn report_post(
    app: &App,
    actor: &Actor,
    post_id: u64,
    input: ReportPost,
) -> Result<Written<PostReported>, SocialError> {
    actor.require("write")?;
    let details = cleaned(input.details);
    let author = {
        let mut conn = app.store.reader().await?;
        find_visible(&mut conn, Some(actor), post_id).await?.author.id
    };
    if author == actor.user_id() {
        return Err(SocialError::OwnPost);
    }
    require_length("details", details.as_deref(), LONGEST)?;
    limits::take(app, actor, REPORTS, None).await?;
    let audience = Audience::of(app, author).await?;
    let report = (input.reason, details.as_deref());
    in_unit!(app, |unit| write_report(app, unit, actor, post_id, report, &audience))
}

async fn write_report(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    post_id: u64,
    (reason, details): (ReportReason, Option<&str>),
    audience: &Audience,
) -> Result<Written<PostReported>, SocialError> {
    let (post, row) = hold_post(unit, actor, post_id).await?;
    if let Some(id) = store::posts::lock_report_of(unit, actor.user_id(), post_id).await? {
        let earlier = store::posts::find_report(unit, id).await?.ok_or(NO_POST)?;
        let answer = PostReported {
            id,
            post_id,
            reason: report_reason(&earlier.reason)?,
            status: report_status(&earlier.status)?,
            created_at: earlier.reported_at.map(Time::from),
        };
        return Ok(Written { answer, replayed: true });
    }
    let at = Time::now_in_seconds();
    let new =
        NewReport { user_id: actor.user_id(), post_id, reason: reason.as_str(), details, at: at.as_chrono() };
    let id = store::posts::insert_report(unit, &new).await?;
    let reporters = store::posts::count_open_reporters(unit, post_id).await?;
    let enough =
        find_setting(unit, AUTO_HIDE).await?.and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL);
    let hides = enough > 0 && reporters >= enough && !row.is_hidden;
    if hides {
        hide_post(unit, audience, (post_id, post.user_id), at.as_chrono()).await?;
    }
    let moderators = list_moderators(unit).await?;
    tell_moderators(unit, &moderators, &Event::ReportCreated { report_id: id, post_id, reason });
    // The first report of a post is news, and that it was hidden; what comes between is seen in the list.
    if reporters == 1 || hides {
        for moderator in moderators {
            let notice = Notice::new(NotificationKind::ReportNew, moderator);
            notify(app, unit, notice.about(Morph::Post, post_id, "/admin/reports")).await?;
        }
    }
    let answer = PostReported {
        id,
        post_id,
        reason,
        status: protocol::social::ReportStatus::Pending,
        created_at: Some(at),
    };
    Ok(Written { answer, replayed: false })
}
