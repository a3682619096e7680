//! Writing down in MySQL who is online and when users were last seen: what another application reads there, and what is
//! left of it when Redis is emptied (realtime.md §6, domain.md D10).

use std::collections::HashMap;

use base::id::UserId;
use base::{CommonFault, Time};
use store::StoreError;

use crate::App;
use crate::fault::{of_bus, of_store};

/// Users written down between two looks at Redis.
const CHUNK: usize = 500;
/// How often users whose state moved on meanwhile are written down once more; the rest is left to the reconciler.
const ROUNDS: u32 = 4;

/// Writes what Redis says of these users: `users.is_online`, one autocommit statement a row, and when those were last
/// seen who are gone. Then looks whether it is still true, since another node may have written at the same time.
///
/// # Errors
/// [`CommonFault::Unavailable`]: the reconciler writes it later.
pub async fn record_presence(app: &App, user_ids: &[UserId]) -> Result<(), CommonFault> {
    for chunk in user_ids.chunks(CHUNK) {
        let mut written: HashMap<UserId, bool> = HashMap::with_capacity(chunk.len());
        let mut left: Vec<UserId> = chunk.to_vec();
        for _round in 0..ROUNDS {
            let mut states = app.bus.online(&left).await.map_err(of_bus)?;
            states.retain(|state| written.get(&state.user_id) != Some(&state.online));
            if states.is_empty() {
                break;
            }
            left = states.iter().map(|state| state.user_id).collect();
            write_states(app, &states).await?;
            written.extend(states.into_iter().map(|state| (state.user_id, state.online)));
        }
    }
    Ok(())
}

async fn write_states(app: &App, states: &[bus::PresenceState]) -> Result<(), CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    for state in states {
        match store::presence::update_is_online(&mut conn, state.user_id, state.online).await {
            Ok(()) => {}
            // Somebody holds the user's row for long.
            Err(error @ (StoreError::LockTimeout(_) | StoreError::Deadlock(_))) => {
                tracing::warn!(%error, user_id = state.user_id, "is_online was not written");
            }
            Err(error) => return Err(of_store(error)),
        }
    }
    let mut seen: Vec<_> = states
        .iter()
        .filter(|state| !state.online)
        .filter_map(|state| Some((state.user_id, Time::from_unix_millis(state.last_seen_ms?)?.as_chrono())))
        .collect();
    seen.sort_unstable();
    store::presence::update_last_seen(&mut conn, &seen).await.map_err(of_store)
}

/// Tells Redis, where it is new or was emptied, when users were last seen. Does nothing where that was done.
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub(super) async fn restore_last_seen(app: &App) -> Result<(), CommonFault> {
    /// Rows read in one round trip.
    const PAGE: u32 = 2_000;
    if app.bus.is_last_seen_restored().await.map_err(of_bus)? {
        return Ok(());
    }
    let mut after = 0;
    loop {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let rows = store::presence::list_last_seen(&mut conn, after, PAGE).await;
        drop(conn);
        let rows = rows.map_err(of_store)?;
        let Some(&(last, _)) = rows.last() else { break };
        after = last;
        let seen: Vec<_> = rows.into_iter().map(|(id, at)| (id, at.timestamp_millis())).collect();
        app.bus.restore_last_seen(&seen).await.map_err(of_bus)?;
    }
    app.bus.note_last_seen_restored().await.map_err(of_bus)
}
