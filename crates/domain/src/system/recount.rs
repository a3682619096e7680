//! Counters that are kept beside what they count, compared with it (domain.md §4.2): by `majlis recount`, and by a clock for the
//! metric `counter_drift`.

use base::CommonFault;
use store::recount::{COUNTERS, Counter, DriftRow};

use crate::App;
use crate::fault::of_store;

/// Rows of one look.
const BATCH: u32 = 500;

/// A counter of a row that says something else than its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// `table.column`.
    pub counter: &'static str,
    /// The row.
    pub id: u64,
    /// What the counter says.
    pub kept: String,
    /// What it must say.
    pub counted: String,
    /// It was mended. Money is not: what is wrong there is mended by an adjustment, which leaves a row.
    pub fixed: bool,
}

/// The names of all counters that are compared.
pub fn counters() -> impl Iterator<Item = &'static str> {
    COUNTERS.iter().map(|counter| counter.name)
}

/// Compares every counter with what it counts; with `fix`, mends what has drifted. `progress` hears of each counter before it is
/// looked at.
///
/// # Errors
/// Those of the store; what was mended stays so.
pub async fn recount(
    app: &App,
    fix: bool,
    mut progress: impl FnMut(&'static str),
) -> Result<Vec<Drift>, CommonFault> {
    let mut drifts = Vec::new();
    for counter in COUNTERS {
        progress(counter.name);
        let mut after = 0;
        loop {
            let rows = {
                let mut conn = app.store.reader().await.map_err(of_store)?;
                store::recount::list_drift(&mut conn, counter, after, BATCH).await.map_err(of_store)?
            };
            let Some(last) = rows.last().map(|row| row.id) else { break };
            for row in rows {
                drifts.push(settle(app, counter, row, fix && !counter.is_money).await?);
            }
            after = last;
        }
    }
    Ok(drifts)
}

async fn settle(app: &App, counter: &Counter, row: DriftRow, fix: bool) -> Result<Drift, CommonFault> {
    if fix {
        let mut tx = app.store.begin().await.map_err(of_store)?;
        store::recount::update_counter(&mut tx, counter, row.id).await.map_err(of_store)?;
        tx.commit().await.map_err(|error| of_store(error.into()))?;
    }
    let word = |text: Option<String>| text.unwrap_or_else(|| "NULL".to_owned());
    Ok(Drift {
        counter: counter.name,
        id: row.id,
        kept: word(row.kept),
        counted: word(row.counted),
        fixed: fix,
    })
}

/// Sets the metric `counter_drift{name}` of every counter; gives how many rows have drifted. For the clocks.
///
/// # Errors
/// Those of the store.
pub async fn measure_drift(app: &App) -> Result<u64, CommonFault> {
    let drifts = recount(app, false, |_| {}).await?;
    for name in counters() {
        let rows = drifts.iter().filter(|drift| drift.counter == name).count();
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        metrics::gauge!("counter_drift", "name" => name).set(f64::from(rows));
    }
    if !drifts.is_empty() {
        tracing::warn!(rows = drifts.len(), "counters have drifted: run `majlis recount --fix`");
    }
    Ok(u64::try_from(drifts.len()).unwrap_or(u64::MAX))
}
