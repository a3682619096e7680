//! `POST /admin/reports/{id}/resolve` and `/dismiss` (domain.md §5.3).

use base::Time;
use base::text::cleaned;
use protocol::Event;
use protocol::notifications::NotificationKind;
use protocol::social::{PostReport, ReportAction, ReportStatus, ResolveReport};
use serde_json::json;
use store::audit::NewAudit;

use super::SocialError;
use super::audience::Audience;
use super::create_post::require_length;
use super::delete_post::{remove_post, tell_shown};
use super::list_reports::NO_REPORT;
use super::moderators::{LONGEST_NOTE, REVIEW, list_moderators, tell_moderators};
use super::view::{report_status, report_view};
use super::visibility::MODERATE;
use crate::machine;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit, users};

/// Reporters who are told what became of their reports; a post that thousands have reported is known to them.
const MOST_TOLD: usize = 200;

/// How reports are closed.
struct Outcome {
    status: ReportStatus,
    action: ReportAction,
    note: Option<String>,
}

impl Outcome {
    /// As the reports keep it.
    fn taken(&self) -> String {
        let word = match self.status {
            ReportStatus::Dismissed => "dismissed",
            _ => self.action.as_str(),
        };
        self.note.as_ref().map_or_else(|| word.to_owned(), |note| format!("{word}: {note}"))
    }
}

/// Closes all open reports of a post with one outcome, with the permission `reports.review`, and with `posts.moderate` or
/// `users.suspend` for what is done beyond. A post that was hidden and is not deleted is shown again.
///
/// # Errors
/// [`base::CommonFault::Forbidden`]; `not_found`; a violation of `note`; `illegal_transition` where the report is closed;
/// [`users::UserError::ProtectedAccount`] where the author cannot be suspended.
pub async fn resolve_report(
    app: &App,
    actor: &Actor,
    id: u64,
    input: ResolveReport,
) -> Result<PostReport, SocialError> {
    actor.require("write")?;
    let note = cleaned(input.note);
    close(app, actor, id, Outcome { status: ReportStatus::Resolved, action: input.action, note }).await
}

/// Closes all open reports of a post since there is nothing in them, with the permission `reports.review`.
///
/// # Errors
/// As [`resolve_report`].
pub async fn dismiss_report(app: &App, actor: &Actor, id: u64) -> Result<PostReport, SocialError> {
    actor.require("write")?;
    let outcome = Outcome { status: ReportStatus::Dismissed, action: ReportAction::None, note: None };
    close(app, actor, id, outcome).await
}

async fn close(app: &App, actor: &Actor, id: u64, outcome: Outcome) -> Result<PostReport, SocialError> {
    let author = {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, REVIEW).await?;
        store::posts::find_report(&mut conn, id).await?.ok_or(NO_REPORT)?.author_id
    };
    require_length("note", outcome.note.as_deref(), LONGEST_NOTE)?;
    let audience = Audience::of(app, author).await?;
    in_unit!(app, |unit| write_outcome(app, unit, actor, id, &outcome, &audience))
}

async fn write_outcome(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    outcome: &Outcome,
    audience: &Audience,
) -> Result<PostReport, SocialError> {
    access::require_permission(unit, actor, REVIEW).await?;
    let found = store::posts::find_report(unit, id).await?.ok_or(NO_REPORT)?;
    let (post_id, author) = (found.post_id, found.author_id);
    // The post before its reports, as whoever reports does; a deleted one has reports, too.
    let is_there = store::posts::lock_post(unit, post_id).await?.is_some();
    let status = store::posts::lock_report(unit, id).await?.ok_or(NO_REPORT)?;
    machine::step(report_status(&status)?, outcome.status)?;
    let open = store::posts::list_open_reports(unit, post_id).await?;
    for (_, _, status) in &open {
        machine::step(report_status(status)?, outcome.status)?;
    }
    let ids: Vec<u64> = open.iter().map(|(id, ..)| *id).collect();
    let (taken, at) = (outcome.taken(), Time::now_in_seconds().as_chrono());
    let closed = (outcome.status.as_str(), taken.as_str());
    store::posts::close_reports(unit, &ids, closed, actor.user_id(), at).await?;
    note_deed(unit, actor, (id, post_id), &taken).await?;
    act(app, unit, actor, (post_id, author, is_there), outcome, audience).await?;
    let moderators = list_moderators(unit).await?;
    let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let event = Event::ReportClosed { post_id, status: outcome.status, count };
    tell_moderators(unit, &moderators, &event);
    for (report_id, reporter, _) in open.iter().take(MOST_TOLD) {
        let notice = Notice::new(NotificationKind::ReportOutcome, *reporter);
        let notice = notice.about(Morph::PostReport, *report_id, format!("/posts/{post_id}"));
        notify(app, unit, notice).await?;
    }
    let row = store::posts::find_report(unit, id).await?.ok_or(NO_REPORT)?;
    Ok(report_view(app, row)?)
}

/// Does to a post and its author what was decided.
async fn act(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (post_id, author, is_there): (u64, u64, bool),
    outcome: &Outcome,
    audience: &Audience,
) -> Result<(), SocialError> {
    let shown_again = store::posts::delete_hidden(unit, post_id).await?;
    let removes = matches!(outcome.action, ReportAction::RemovePost | ReportAction::SuspendUser);
    if outcome.action == ReportAction::SuspendUser {
        // With its own permission, and not above the actor's reach.
        users::suspend(app, unit, actor, author, outcome.note.clone()).await?;
    }
    if removes {
        access::require_permission(unit, actor, MODERATE).await?;
        if is_there {
            remove_post(app, unit, actor, (post_id, author), audience).await?;
        }
        return Ok(());
    }
    if outcome.action == ReportAction::Warn {
        // Nobody is told who of the moderators it was.
        let notice = Notice::new(NotificationKind::ContentWarned, author);
        notify(app, unit, notice.about(Morph::Post, post_id, format!("/posts/{post_id}"))).await?;
    }
    if shown_again && is_there {
        tell_shown(unit, post_id);
    }
    Ok(())
}

async fn note_deed(
    unit: &mut Unit,
    actor: &Actor,
    (id, post_id): (u64, u64),
    taken: &str,
) -> Result<(), SocialError> {
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: REVIEW,
        subject_type: "post_report",
        subject_id: id,
        before: json!({ "post_id": post_id }),
        after: json!({ "action_taken": taken }),
    };
    Ok(store::audit::insert_audit(unit, &deed).await?)
}
