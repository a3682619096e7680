//! What happens by the clock: revocations are read again in every process; the rest is done by one elected node.

use std::time::Duration;

use base::CommonFault;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{purge_expired, relay_outbox};
use crate::App;
use crate::presence::reconcile_presence;

/// Beat of the clocks: what a commit left behind is published within a few seconds.
const BEAT: Duration = Duration::from_secs(1);
/// How long a node stays elected to relay without renewing.
const LEASE: Duration = Duration::from_secs(5);
/// Between two readings of the revocations, for what no message brought.
const REVOCATIONS_EVERY: Duration = Duration::from_secs(30);
/// Between two looks for suspensions that another application wrote.
const SUSPENSIONS_EVERY: Duration = Duration::from_secs(30);
/// Between two writings of how often posts were seen.
const VIEWS_EVERY: Duration = Duration::from_secs(10);
/// Between two looks for rooms that are past their end, or about to begin.
const ROOMS_EVERY: Duration = Duration::from_secs(20);
/// Between two looks for what may wait some seconds: ends of bookings and enrollments, announcements, what search finds.
const SOON: Duration = Duration::from_secs(5);
const LEASE_NAME: &str = "clocks";

/// From the start to the first upkeep: the nodes have entered their users again by then.
const UPKEEP_AFTER: Duration = Duration::from_secs(5);
/// Between two repairs of `users.is_online`.
const UPKEEP_EVERY: Duration = Duration::from_secs(60);
/// How long a node stays elected for the upkeep: longer than [`UPKEEP_EVERY`], so that it stays one and the same.
const UPKEEP_LEASE: Duration = Duration::from_secs(90);
/// Between two purges.
const PURGE_EVERY: Duration = Duration::from_secs(600);
/// Between two comparisons of counters with what they count.
const DRIFT_EVERY: Duration = Duration::from_secs(3_600);
const UPKEEP_LEASE_NAME: &str = "upkeep";
/// Between two looks for mail that waits.
const MAIL_EVERY: Duration = Duration::from_secs(2);
/// How long a node stays elected to send mail: longer than a slow mail server takes for a letter.
const MAIL_LEASE: Duration = Duration::from_secs(60);
const MAIL_LEASE_NAME: &str = "mail";
/// Its own: not every node sees the files.
const UPLOADS_LEASE_NAME: &str = "uploads";

/// Runs until `shutdown`. Failures are logged and tried again at the next beat.
pub async fn run_clocks(app: &App, shutdown: CancellationToken) {
    // Side by side: the upkeep may take its time, and events must not wait for it.
    tokio::join!(
        Box::pin(run_beat(app, &shutdown)),
        Box::pin(run_upkeep(app, &shutdown)),
        Box::pin(run_mail(app, &shutdown))
    );
}

/// What nobody should wait for.
async fn run_beat(app: &App, shutdown: &CancellationToken) {
    let mut beat = interval(Instant::now(), BEAT);
    let mut revocations = Every::new(REVOCATIONS_EVERY);
    let (mut soon, mut rooms) = (Every::new(SOON), Every::new(ROOMS_EVERY));
    let (mut views, mut suspensions) = (Every::new(VIEWS_EVERY), Every::new(SUSPENSIONS_EVERY));
    let work = async {
        loop {
            beat.tick().await;
            if revocations.is_due() {
                told("revocations", crate::users::load_revocations(app).await);
            }
            if !is_elected(app, LEASE_NAME, LEASE).await {
                continue;
            }
            told("relay_outbox", relay_outbox(app).await.map(drop));
            told("end_streaks", crate::gifts::end_streaks(app).await.map(drop));
            told("tell_rooms", crate::rooms::tell_rooms_due(app).await.map(drop));
            if soon.is_due() {
                told("tell_progress_due", crate::books::tell_progress_due(app).await.map(drop));
                told("tell_announcements", crate::admin::tell_announcements(app).await.map(drop));
                told("tell_new_lessons", crate::courses::tell_new_lessons(app).await.map(drop));
                told("expire_enrollments", crate::learning::expire_due(app).await.map(drop));
                told("bookings_due", crate::consultations::bookings_due(app).await.map(drop));
                told("refresh_index", crate::search::refresh_index(app).await.map(drop));
            }
            if views.is_due() {
                told("flush_views", crate::social::flush_views(app).await.map(drop));
            }
            if rooms.is_due() {
                told("end_rooms", crate::rooms::end_rooms_due(app).await.map(drop));
                told("remind_rooms", crate::rooms::remind_rooms_due(app).await.map(drop));
                told("expire_holds", crate::rooms::expire_holds_due(app).await.map(drop));
            }
            if suspensions.is_due() {
                told("apply_suspensions", crate::users::apply_suspensions(app).await.map(drop));
            }
        }
    };
    run_until(shutdown, work).await;
    give_back(app, LEASE_NAME).await;
}

/// A mail server may take its time, and nothing else must wait for it.
async fn run_mail(app: &App, shutdown: &CancellationToken) {
    let mut beat = interval(Instant::now(), MAIL_EVERY);
    let work = async {
        loop {
            beat.tick().await;
            if is_elected(app, MAIL_LEASE_NAME, MAIL_LEASE).await {
                told("send_mails", crate::mails::send_mails(app).await.map(drop));
            }
        }
    };
    run_until(shutdown, work).await;
    give_back(app, MAIL_LEASE_NAME).await;
}

/// What goes through many rows.
async fn run_upkeep(app: &App, shutdown: &CancellationToken) {
    let mut beat = interval(Instant::now() + UPKEEP_AFTER, UPKEEP_EVERY);
    // Not at once at the start: there is enough to do.
    let mut purge = Every { period: PURGE_EVERY, due: Instant::now() + PURGE_EVERY / 10 };
    let mut files = Every { period: PURGE_EVERY, due: Instant::now() + PURGE_EVERY / 10 };
    let mut drift = Every::new(DRIFT_EVERY);
    let work = async {
        loop {
            beat.tick().await;
            if app.storage.is_here()
                && files.is_due()
                && is_elected(app, UPLOADS_LEASE_NAME, PURGE_EVERY).await
            {
                told("purge_uploads", crate::uploads::purge_uploads(app).await.map(drop));
                told("purge_copies", crate::books::purge_copies(app).await.map(drop));
            }
            if !is_elected(app, UPKEEP_LEASE_NAME, UPKEEP_LEASE).await {
                continue;
            }
            told("expire_top_ups", crate::wallet::expire_top_ups_due(app).await.map(drop));
            told("reconcile_presence", reconcile_presence(app).await.map(drop));
            told("accept_overdue_requests", crate::social::accept_overdue_requests(app).await.map(drop));
            told("complete_due", crate::learning::complete_due(app).await.map(drop));
            told("remind_due", crate::learning::remind_due(app).await.map(drop));
            if drift.is_due() {
                told("measure_drift", crate::system::measure_drift(app).await.map(drop));
            }
            if purge.is_due() {
                told("purge_expired", purge_expired(app).await.map(drop));
                told("purge_index", crate::search::purge_index(app).await.map(drop));
                told("purge_accounts", crate::users::purge_accounts_due(app).await.map(drop));
            }
        }
    };
    run_until(shutdown, work).await;
    give_back(app, UPKEEP_LEASE_NAME).await;
}

/// What comes round less often than the beat that it is looked at with.
struct Every {
    period: Duration,
    due: Instant,
}

impl Every {
    /// Due for the first time a period from now.
    fn new(period: Duration) -> Self {
        Self { period, due: Instant::now() + period }
    }

    /// Once a period.
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = now >= self.due;
        if is_due {
            self.due = now + self.period;
        }
        is_due
    }
}

fn interval(start: Instant, period: Duration) -> Interval {
    let mut interval = tokio::time::interval_at(start, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn run_until(shutdown: &CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = work => {}
    }
}

/// No where it is another node's turn, or Redis is away, without which there is nothing to relay to or to compare with.
async fn is_elected(app: &App, lease: &str, ttl: Duration) -> bool {
    matches!(app.bus.lease(lease, ttl).await, Ok(true))
}

/// Another node need not wait until the lease runs out; if Redis is away, it does.
async fn give_back(app: &App, lease: &str) {
    let _given_back = app.bus.release_lease(lease).await;
}

fn told(clock: &'static str, outcome: Result<(), CommonFault>) {
    if let Err(error) = outcome {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%error, cause, clock, "a clock's work failed, it is tried again");
    }
}
