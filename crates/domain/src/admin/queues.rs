//! What waits in the background.

use protocol::admin::{Queue, Queues};

use super::AdminError;
use crate::{Actor, App, access};

/// How much waits to be published, and how deep Laravel's queues are: those are only read (domain.md §4.5).
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `queues.view`.
pub async fn find_queues(app: &App, actor: &Actor) -> Result<Queues, AdminError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, "queues.view").await?;
    let (outbox, lag) = store::admin::find_outbox_depth(&mut conn).await?;
    let jobs = store::admin::list_queues(&mut conn).await?;
    let failed = store::admin::count_failed_jobs(&mut conn).await?;
    let announcements = store::admin::count_running_announcements(&mut conn).await?;
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    Ok(Queues {
        outbox: count(outbox),
        outbox_lag_seconds: count(lag),
        jobs: jobs.into_iter().map(|(name, jobs)| Queue { name, jobs: count(jobs) }).collect(),
        failed_jobs: count(failed),
        announcements: count(announcements),
    })
}
