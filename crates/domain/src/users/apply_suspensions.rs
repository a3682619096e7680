//! Suspensions that another application wrote into the shared database.

use base::CommonFault;
use base::id::UserId;
use bus::ControlMessage;

use super::{UserState, state_key};
use crate::App;
use crate::fault::{of_bus, of_store};

/// Users looked at in one round trip.
const AT_ONCE: usize = 500;

/// Makes suspensions and deletions count that were not made through us (Laravel writes `is_active` itself): what Redis
/// remembers of such users is forgotten, and the sockets of those online are closed on every node (4503). Gives how
/// many were told. Suspensions made here need no clock.
///
/// # Errors
/// [`CommonFault::Unavailable`].
pub async fn apply_suspensions(app: &App) -> Result<usize, CommonFault> {
    let mut after = 0;
    let mut told = 0;
    loop {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        let ids = store::users::list_inactive_ids(&mut conn, after, AT_ONCE).await;
        drop(conn);
        let ids = ids.map_err(of_store)?;
        let Some(&last) = ids.last() else { return Ok(told) };
        after = last;
        forget_active(app, &ids).await?;
        for state in app.bus.online(&ids).await.map_err(of_bus)? {
            if state.online {
                app.bus
                    .control(&ControlMessage::UserSuspended { user_id: state.user_id })
                    .await
                    .map_err(of_bus)?;
                told += 1;
            }
        }
    }
}

/// Forgets the entries that still call one of these users active.
async fn forget_active(app: &App, ids: &[UserId]) -> Result<(), CommonFault> {
    let keys: Vec<String> = ids.iter().map(|&id| state_key(id)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let reads = app.bus.cache_get_many(&keys).await.map_err(of_bus)?;
    let is_active = |value: &[u8]| UserState::decode(value).is_some_and(|state| state.active);
    let stale: Vec<&str> = keys
        .into_iter()
        .zip(reads)
        .filter_map(|(key, read)| read.value.filter(|value| is_active(value)).map(|_| key))
        .collect();
    if stale.is_empty() { Ok(()) } else { app.bus.cache_invalidate(&stale).await.map_err(of_bus) }
}
