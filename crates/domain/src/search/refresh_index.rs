//! Keeping the documents that search looks through: a clock writes what changed since it last looked, whoever changed it, this
//! product or another application on the same tables.

use base::text::fold;
use base::{CommonFault, Time};
use chrono::{DateTime, TimeDelta, Utc};
use protocol::search::SearchType;
use store::search::{ChangedRow, Kind};

use super::kind_of;
use crate::App;
use crate::fault::of_store;

/// Rows of one batch.
const BATCH: u32 = 200;
/// Batches of one kind in one call.
const MOST_BATCHES: u32 = 50;
/// A row may be committed so long after the time that it says it was changed at; rows younger than this are read again.
const LATE: TimeDelta = TimeDelta::seconds(30);
/// Characters of a document's title and content: more is not searched.
const MAX_TITLE: usize = 255;
const MAX_CONTENT: usize = 15_000;
/// Documents that one purge takes away.
const PURGED: u32 = 1_000;

/// Writes the documents of what changed, at most 10,000 of each kind; gives how many. For the clocks, and for whoever
/// wants to find what was written just now.
///
/// # Errors
/// Those of the store; what was written stays.
pub async fn refresh_index(app: &App) -> Result<u64, CommonFault> {
    let mut written = 0_u64;
    for searched in SearchType::ALL {
        let kind = kind_of(searched);
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let known = store::search::find_progress(&mut conn, kind).await.map_err(of_store)?;
        let (mut at, mut id) = known.unwrap_or((DateTime::UNIX_EPOCH + TimeDelta::seconds(1), 0));
        // What is young is read once more, from its beginning.
        let young = Time::now_in_seconds().as_chrono() - LATE;
        if at > young {
            (at, id) = (young, 0);
        }
        for _ in 0..MOST_BATCHES {
            let rows =
                store::search::list_changed(&mut conn, kind, (at, id), BATCH).await.map_err(of_store)?;
            let Some((last_at, last_id)) = rows.last().map(|row| (row.updated_at, row.id)) else { break };
            let count = rows.len();
            write(&mut conn, kind, rows, (last_at, last_id)).await?;
            written = written.saturating_add(u64::try_from(count).unwrap_or_default());
            (at, id) = (last_at, last_id);
            if count < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                break;
            }
        }
    }
    Ok(written)
}

async fn write(
    conn: &mut store::Conn,
    kind: Kind,
    rows: Vec<ChangedRow>,
    (at, id): (DateTime<Utc>, u64),
) -> Result<(), CommonFault> {
    let cut = |text: &str, most: usize| -> String { fold(text).chars().take(most).collect() };
    let documents: Vec<_> =
        rows.iter().map(|row| (row.id, cut(&row.title, MAX_TITLE), cut(&row.content, MAX_CONTENT))).collect();
    store::search::upsert_documents(conn, kind, &documents).await.map_err(of_store)?;
    store::search::upsert_progress(conn, kind, at, id).await.map_err(of_store)
}

/// Takes away documents of what is not there any more, at most 1,000 of each kind; gives how many. For the clocks.
///
/// # Errors
/// Those of the store.
pub async fn purge_index(app: &App) -> Result<u64, CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let mut purged = 0_u64;
    for searched in SearchType::ALL {
        let gone = store::search::delete_orphans(&mut conn, kind_of(searched), PURGED);
        purged = purged.saturating_add(gone.await.map_err(of_store)?);
    }
    Ok(purged)
}
