//! When API tokens were last used (`personal_access_tokens.last_used_at`), written behind the requests' backs: a
//! request only notes the token's id in memory.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::Time;

use crate::App;

/// The column is written at most so often for a token.
const EVERY: Duration = Duration::from_secs(60);
/// The same in whole seconds.
const EVERY_SECONDS: i64 = 60;
/// Tokens remembered at most; a use beyond that is noted with one of the next.
const MOST: usize = 50_000;
/// Tokens written by one statement.
const BATCH: usize = 200;

/// The uses a process has seen and not written yet.
#[derive(Debug, Default)]
pub struct LastUses {
    state: Mutex<Uses>,
}

#[derive(Debug, Default)]
struct Uses {
    /// What was noted since `since`: need not be noted again.
    noted: HashSet<u64>,
    since: Option<Instant>,
    /// Those of `noted` that are still to be written.
    waiting: Vec<u64>,
    /// A task is writing them: there is one at most.
    writing: bool,
}

impl LastUses {
    /// Notes a use; says whether somebody has to begin writing.
    fn note(&self, token_id: u64, now: Instant) -> bool {
        let mut uses = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.since.is_none_or(|since| now.saturating_duration_since(since) >= EVERY) {
            uses.since = Some(now);
            // What waits stays noted, so `waiting` never holds more than `noted` does.
            uses.noted = uses.waiting.iter().copied().collect();
        }
        if uses.noted.len() >= MOST || !uses.noted.insert(token_id) {
            return false;
        }
        uses.waiting.push(token_id);
        !std::mem::replace(&mut uses.writing, true)
    }

    /// What is to be written next; the task that hears of nothing has ended.
    fn next_batch(&self) -> Vec<u64> {
        let mut uses = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = uses.waiting.len().saturating_sub(BATCH);
        let batch = uses.waiting.split_off(rest);
        if batch.is_empty() {
            uses.writing = false;
        }
        batch
    }
}

/// Notes that a token was used. Costs the request nothing but a look into memory; one task a process writes what was
/// noted. A failure is only logged: the next use within another minute is written instead.
pub(super) fn note_use(app: &App, token_id: u64) {
    if app.last_uses.note(token_id, Instant::now()) {
        let app = app.clone();
        tokio::spawn(async move {
            loop {
                let batch = app.last_uses.next_batch();
                if batch.is_empty() {
                    break;
                }
                write(&app, &batch).await;
            }
        });
    }
}

async fn write(app: &App, batch: &[u64]) {
    let now = Time::now_in_seconds();
    // Other processes note the same tokens: who comes second writes nothing.
    let unless_since = now.plus_seconds(-EVERY_SECONDS).as_chrono();
    let written = async {
        let mut conn = app.store.reader().await?;
        store::tokens::update_last_used(&mut conn, batch, now.as_chrono(), unless_since).await
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, tokens = batch.len(), "the last use of tokens was not written");
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{BATCH, LastUses, MOST};

    #[test]
    fn a_token_is_noted_once_a_minute_and_one_task_writes() {
        let uses = LastUses::default();
        let start = Instant::now();
        assert!(uses.note(1, start), "the first one begins to write");
        assert!(!uses.note(2, start) && !uses.note(1, start));
        let mut batch = uses.next_batch();
        batch.sort_unstable();
        assert_eq!(batch, [1, 2]);
        assert!(!uses.note(3, start), "the task is still there");
        assert_eq!(uses.next_batch(), [3]);
        assert!(uses.next_batch().is_empty());
        assert!(!uses.note(1, start + Duration::from_secs(59)));
        assert!(uses.note(1, start + Duration::from_secs(60)));
    }

    #[test]
    fn what_waits_is_bounded() {
        let uses = LastUses::default();
        let start = Instant::now();
        for minute in 0..3 {
            for id in 0..200_000 {
                uses.note(id, start + Duration::from_secs(60 * minute));
            }
        }
        let mut waiting = 0;
        loop {
            let batch = uses.next_batch();
            assert!(batch.len() <= BATCH);
            if batch.is_empty() {
                break;
            }
            waiting += batch.len();
        }
        assert_eq!(waiting, MOST);
    }
}
