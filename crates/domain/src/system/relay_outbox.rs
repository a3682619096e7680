//! Durable events whose process ended, or lost Redis, between commit and publishing (domain.md D13).

use base::CommonFault;

use crate::App;
use crate::fault::of_store;
use crate::unit::Aftermath;

/// A commit publishes its own events; one that has not done so after this many seconds never will.
const LEFT_AFTER_SECONDS: u32 = 2;
/// Rows at a time.
const BATCH: u32 = 100;
/// Rows relayed by one call at most (and up to a batch more): the node that was elected for it has other work, too.
const MOST: usize = 500;

/// Tells what commits left behind, in their order, at most some 500 rows; gives how many rows that were. An event may
/// be heard twice, with the same id. Rows that cannot be told (those of a newer release that was taken back, those that
/// Redis refuses) stay for later and keep no other back.
///
/// # Errors
/// [`CommonFault::Unavailable`]: what is left comes again.
pub async fn relay_outbox(app: &App) -> Result<usize, CommonFault> {
    let mut relayed = 0;
    let mut after_id = 0;
    let mut refused = Refused::default();
    let outcome = loop {
        // Rows that another process marks just now are skipped. They are not kept locked while Redis is asked.
        let rows = {
            let mut tx = app.store.begin().await.map_err(of_store)?;
            store::outbox::lock_unpublished(&mut tx, after_id, LEFT_AFTER_SECONDS, BATCH).await
        };
        let rows = rows.map_err(of_store)?;
        let was_full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= BATCH);
        let mut told = Vec::with_capacity(rows.len());
        let mut failure = None;
        for row in rows {
            after_id = row.id;
            let outcome = match serde_json::from_value::<Aftermath>(row.events.0) {
                Ok(after) => app.tell(&after).await,
                Err(error) => Err(CommonFault::internal(error)),
            };
            match outcome {
                Ok(()) => told.push(row.id),
                Err(error @ CommonFault::Unavailable(_)) => {
                    failure = Some(error);
                    break;
                }
                Err(error) => refused.add(row.id, error),
            }
        }
        if !told.is_empty() {
            let mut conn = app.store.reader().await.map_err(of_store)?;
            store::outbox::update_published(&mut conn, &told).await.map_err(of_store)?;
            metrics::counter!("outbox_relayed_total")
                .increment(u64::try_from(told.len()).unwrap_or(u64::MAX));
            relayed += told.len();
        }
        match failure {
            Some(failure) => break Err(failure),
            None if was_full && relayed < MOST => {}
            None => break Ok(relayed),
        }
    };
    refused.log();
    outcome
}

/// The rows of one pass that cannot be told: one line in the log, however many they are.
#[derive(Default)]
struct Refused {
    rows: u64,
    first: Option<(u64, CommonFault)>,
}

impl Refused {
    fn add(&mut self, id: u64, error: CommonFault) {
        self.rows += 1;
        self.first.get_or_insert((id, error));
    }

    fn log(&self) {
        if let Some((outbox_id, error)) = &self.first {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(
                rows = self.rows,
                outbox_id,
                cause,
                "outbox rows cannot be told; the first is named"
            );
        }
    }
}
