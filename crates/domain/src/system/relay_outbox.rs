//! Durable events whose process ended between commit and publishing (domain.md D13).

use base::CommonFault;
use protocol::Envelope;

use crate::App;
use crate::fault::of_store;

/// A commit publishes its own events; one that has not done so after this many seconds never will.
const LEFT_AFTER_SECONDS: u32 = 2;
/// Rows at a time.
const BATCH: u32 = 100;

/// Publishes what commits left behind, in their order, at most 100 commits. Gives how many commits that were.
/// An event may be heard twice, with the same id.
///
/// # Errors
/// [`CommonFault::Unavailable`]: what is left comes again.
pub async fn relay_outbox(app: &App) -> Result<usize, CommonFault> {
    // Rows that another process marks just now are skipped. They are not kept locked while Redis is asked.
    let mut tx = app.store.begin().await.map_err(of_store)?;
    let rows = store::outbox::lock_unpublished(&mut tx, LEFT_AFTER_SECONDS, BATCH).await;
    drop(tx);
    let rows = rows.map_err(of_store)?;
    let mut published = Vec::with_capacity(rows.len());
    let mut failure = None;
    for row in rows {
        // Of a newer release that was taken back: it stays for when that one returns.
        let envelopes: Vec<Envelope> = match serde_json::from_value(row.events.0) {
            Ok(envelopes) => envelopes,
            Err(error) => {
                tracing::error!(%error, outbox_id = row.id, "the events of an outbox row cannot be read");
                continue;
            }
        };
        if let Err(error) = app.publish(&envelopes).await {
            failure = Some(error);
            break;
        }
        published.push(row.id);
    }
    if !published.is_empty() {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::outbox::update_published(&mut conn, &published).await.map_err(of_store)?;
        metrics::counter!("outbox_relayed_total")
            .increment(u64::try_from(published.len()).unwrap_or(u64::MAX));
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(published.len()),
    }
}
