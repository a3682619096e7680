//! `POST /posts/{id}/view` (domain.md §4.2, §5.3): counted in Redis, written by the clock.

use std::net::IpAddr;
use std::time::Duration;

use base::CommonFault;

use super::SocialError;
use super::visibility::find_visible;
use crate::fault::{of_bus, of_store};
use crate::{Actor, App};

/// One viewer, or one address of guests, counts for one view of a post in this time.
const ONCE_IN: Duration = Duration::from_secs(1_800);
/// Where views wait to be written.
const TALLY: &str = "post_views";
/// Posts that are taken from there at once, and parts of that which are written in one statement.
const AT_ONCE: u32 = 500;
const WRITTEN: usize = 100;
/// Rounds of one call.
const ROUNDS: u32 = 20;

/// Counts that the viewer has seen a post. Roughly: what Redis loses is lost.
///
/// # Errors
/// `not_found` for a post that the viewer may not see.
pub async fn view_post(
    app: &App,
    viewer: Option<&Actor>,
    ip: Option<IpAddr>,
    id: u64,
) -> Result<(), SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    {
        let mut conn = app.store.reader().await?;
        find_visible(&mut conn, viewer, id).await?;
    }
    let who = match (viewer, ip) {
        (Some(viewer), _) => viewer.user_id().to_string(),
        (None, Some(ip)) => ip.to_canonical().to_string(),
        (None, None) => "nowhere".to_owned(),
    };
    let counted = async {
        if app.bus.set_ephemeral(&format!("viewed:{id}:{who}"), ONCE_IN).await? {
            app.bus.tally(TALLY, id, 1).await?;
        }
        Ok::<(), bus::BusError>(())
    };
    if let Err(error) = counted.await {
        tracing::warn!(%error, "a view is not counted");
    }
    Ok(())
}

/// Writes the views that wait, for the clock; gives how many posts were seen.
///
/// # Errors
/// Those of store and bus.
pub async fn flush_views(app: &App) -> Result<u64, CommonFault> {
    let mut posts = 0_u64;
    for _ in 0..ROUNDS {
        let views = app.bus.take_tally(TALLY, AT_ONCE).await.map_err(of_bus)?;
        if views.is_empty() {
            break;
        }
        for part in views.chunks(WRITTEN) {
            let written = async {
                let mut conn = app.store.reader().await?;
                store::posts::update_views(&mut conn, part).await
            };
            if let Err(error) = written.await {
                // They wait for the next time.
                for (id, count) in part {
                    app.bus.tally(TALLY, *id, *count).await.map_err(of_bus)?;
                }
                return Err(of_store(error));
            }
        }
        posts = posts.saturating_add(u64::try_from(views.len()).unwrap_or(0));
    }
    Ok(posts)
}
