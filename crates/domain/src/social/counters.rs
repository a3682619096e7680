//! Telling a post's listeners of its counters (domain.md §5.3): at most every 500 ms a post, as room reactions are told.

use std::time::Duration;

use protocol::channel::Channel;
use protocol::{Envelope, Event};

use super::SocialError;
use super::view::counters_view;
use crate::App;

/// A post's listeners hear of its counters at most so often.
const EVERY: Duration = Duration::from_millis(500);
/// Tries to tell, while MySQL or Redis do not answer.
const TRIES: u32 = 3;

/// Tells the listeners of a post of its counters, half a second from now at the latest; after the commit that changed them.
///
/// Who finds no mark sets one, waits until it has run out, and then reads and tells. Who finds one has committed before
/// it ran out, hence before that reading: the last state is always told. Without Redis nobody listens.
pub(super) async fn tell_soon(app: &App, post_id: u64) {
    match app.bus.set_ephemeral(&format!("post-counters:{post_id}"), EVERY).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            tracing::warn!(%error, post_id, "counters of a post are not told");
            return;
        }
    }
    let app = app.clone();
    tokio::spawn(async move {
        for left in (0..TRIES).rev() {
            tokio::time::sleep(EVERY).await;
            match tell_now(&app, post_id).await {
                Ok(()) => return,
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, post_id, left, "counters of a post could not be told");
                }
            }
        }
    });
}

/// Reads and publishes while the post's row is locked, since another node may be about to tell newer ones: it waits for
/// this one, so that no older state is heard after a newer one.
async fn tell_now(app: &App, post_id: u64) -> Result<(), SocialError> {
    let mut unit = app.begin().await?;
    let Some(post) = store::posts::lock_post(&mut unit, post_id).await? else { return Ok(()) };
    let event = Event::PostCounters(counters_view(post_id, &post));
    app.signal(&Envelope::new(Channel::Post(post_id), event)).await?;
    Ok(unit.commit(app).await?)
}
