//! Telling everybody (domain.md §5.11): noted at once, told by a clock, so that no request waits for a hundred thousand
//! accounts and none of them is left out or told twice.

use base::text::{clean, length};
use base::{CommonFault, Problem, Time, Violations};
use protocol::admin::{Announcement, SendAnnouncement};
use protocol::notifications::NotificationKind;
use serde_json::json;
use store::admin::AnnouncementRow;
use store::audit::NewAudit;

use super::AdminError;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

const SEND: &str = "announcements.send";
const MAX_TITLE: usize = 500;
/// Accounts that one transaction tells.
const AT_ONCE: u32 = 100;
/// Transactions of one beat of the clock.
const MOST_BATCHES: u32 = 20;

/// Notes an announcement; the clock tells it to every active account.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `announcements.send`; violations.
pub async fn send_announcement(
    app: &App,
    actor: &Actor,
    input: SendAnnouncement,
) -> Result<Announcement, AdminError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_announcement(unit, actor, &input))
}

async fn write_announcement(
    unit: &mut Unit,
    actor: &Actor,
    input: &SendAnnouncement,
) -> Result<Announcement, AdminError> {
    access::require_permission(unit, actor, SEND).await?;
    let (english, arabic) = (clean(&input.title_en), clean(&input.title_ar));
    let url = input.url.as_deref().map(clean).filter(|url| !url.is_empty());
    let mut violations = Violations::none();
    for (field, title) in [("title_en", &english), ("title_ar", &arabic)] {
        violations.require(!title.is_empty(), field, Problem::Required);
        violations.require(length(title) <= MAX_TITLE, field, Problem::TooLong(MAX_TITLE));
    }
    if let Some(url) = &url {
        violations.require(length(url) <= MAX_TITLE, "url", Problem::TooLong(MAX_TITLE));
        let leads = url.starts_with("https://") || (url.starts_with('/') && !url.starts_with("//"));
        violations.require(leads, "url", Problem::Format("a path, or an https address"));
    }
    violations.into_result()?;
    let now = Time::now_in_seconds();
    let new = (english.as_str(), arabic.as_str(), url.as_deref());
    let id = store::admin::insert_announcement(unit, actor.user_id(), new, now.as_chrono()).await?;
    let announcement = Announcement {
        id,
        title_en: english,
        title_ar: arabic,
        url,
        told: 0,
        created_at: now,
        finished_at: None,
    };
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: SEND,
        subject_type: "announcement",
        subject_id: id,
        before: serde_json::Value::Null,
        after: json!(announcement),
    };
    store::audit::insert_audit(unit, &deed).await?;
    Ok(announcement)
}

/// Tells what was announced to accounts that were not told yet, at most 2,000 a call; gives how many were told. For the
/// clocks.
///
/// # Errors
/// Those of the store; what was told stays told.
pub async fn tell_announcements(app: &App) -> Result<u64, CommonFault> {
    let mut told = 0_u64;
    for _ in 0..MOST_BATCHES {
        let outcome: Result<Option<u64>, AdminError> = in_unit!(app, |unit| tell_batch(app, unit));
        match outcome {
            Ok(Some(accounts)) => told = told.saturating_add(accounts),
            Ok(None) => break,
            Err(AdminError::Common(fault)) => return Err(fault),
            Err(other) => return Err(CommonFault::internal(other)),
        }
    }
    Ok(told)
}

/// The next accounts of the oldest announcement that is not told to all; nothing where there is none.
async fn tell_batch(app: &App, unit: &mut Unit) -> Result<Option<u64>, AdminError> {
    let Some(row) = store::admin::lock_announcement(unit).await? else { return Ok(None) };
    let AnnouncementRow { id, title_en, title_ar, url, last_user_id } = row;
    let ids = store::notifications::list_active_ids(unit, last_user_id, AT_ONCE).await?;
    for &user_id in &ids {
        let code = store::profiles::find_language(unit, user_id).await?;
        let title = if code.as_deref() == Some("en") { &title_en } else { &title_ar };
        let mut notice = Notice::new(NotificationKind::SystemAnnouncement, user_id)
            .with("title", title.as_str())
            .with("announcement_id", id);
        notice.url.clone_from(&url);
        notify(app, unit, notice).await?;
    }
    let count = u64::try_from(ids.len()).unwrap_or_default();
    let now = Time::now_in_seconds().as_chrono();
    store::admin::update_announcement(unit, id, ids.last().copied(), count, now).await?;
    Ok(Some(count))
}
