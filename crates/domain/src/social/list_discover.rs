//! `GET /feed/discover` (domain.md §5.3): what anybody may see, by how fresh it is and how much people do with it.

use std::collections::HashMap;
use std::time::Duration;

use base::paging::{Cursor, Page, PageRequest};
use base::{CommonFault, Time};
use protocol::social::Post;
use store::posts::RankedRow;

use super::SocialError;
use super::view::post_view;
use super::visibility::viewer_of;
use crate::morph::Morph;
use crate::{Actor, App};

/// A ranking holds for so many seconds, for everybody; whoever walks through one stays in it.
const EVERY: i64 = 60;
/// How long a ranking is remembered for those who walk through it. After that it is made again from what is there now.
const KEPT: Duration = Duration::from_secs(1_800);
/// Posts in a ranking at most.
const RANKED: u32 = 500;
/// Newest posts of all that a ranking is made of.
const AMONG: u32 = 2_000;
/// Places in a ranking that a cursor can tell apart.
const SPAN: u64 = 1_000;

/// A page of the ranking. A page may hold fewer posts than asked for, where the viewer may not see all of them.
///
/// # Errors
/// Those of the store.
pub async fn list_discover(
    app: &App,
    viewer: Option<&Actor>,
    page: PageRequest,
) -> Result<Page<Post>, SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let now = Time::now().unix_seconds().div_euclid(EVERY);
    let newest = u64::try_from(now).unwrap_or(0);
    // A cursor names the ranking and a place in it.
    let (ranking, place, forward) = match page.cursor {
        None => (newest, 0, true),
        Some(Cursor { id, forward }) => ((id / SPAN).min(newest), id % SPAN, forward),
    };
    let ids = rank(app, ranking).await?;
    let (all, wanted) = (u64::try_from(ids.len()).unwrap_or(0), u64::from(page.per_page));
    let (from, to) = if forward {
        (place.min(all), place.saturating_add(wanted).min(all))
    } else {
        (place.min(all).saturating_sub(wanted), place.min(all))
    };
    let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let part = ids.get(index(from)..index(to)).unwrap_or_default();
    let rows = {
        let mut conn = app.store.reader().await?;
        store::posts::list_posts(&mut conn, viewer_of(viewer, Morph::Post), part).await?
    };
    let mut rows: HashMap<u64, _> = rows.into_iter().map(|row| (row.post_id, row)).collect();
    let found = part.iter().filter_map(|id| rows.remove(id));
    let cursor =
        |place: u64, forward| Cursor { id: ranking.saturating_mul(SPAN).saturating_add(place), forward };
    Ok(Page {
        items: found.map(|row| post_view(app, row)).collect::<Result<_, _>>()?,
        next: (to < all).then(|| cursor(to, true)),
        previous: (from > 0).then(|| cursor(from, false)),
        per_page: page.per_page,
    })
}

/// The posts of a ranking, from Redis or made now.
async fn rank(app: &App, ranking: u64) -> Result<Vec<u64>, SocialError> {
    let key = format!("discover:{ranking}");
    let cached = match app.bus.cache_get(&key).await {
        Ok(cached) => Some(cached),
        Err(error) => {
            tracing::warn!(%error, "the ranking of posts is made without Redis");
            None
        }
    };
    let known = cached.as_ref().and_then(|cached| cached.value.as_deref());
    // An entry of another release's shape counts as none.
    if let Some(ids) = known.and_then(|bytes| serde_json::from_slice(bytes).ok()) {
        return Ok(ids);
    }
    let made = i64::try_from(ranking).unwrap_or(i64::MAX).saturating_add(1).saturating_mul(EVERY);
    let until = Time::from_unix_millis(made.saturating_mul(1_000)).unwrap_or_else(Time::now);
    let mut rows = {
        let mut conn = app.store.reader().await?;
        store::posts::list_discoverable(&mut conn, until.as_chrono(), AMONG, AMONG).await?
    };
    rows.sort_by(|one, other| {
        let (one_score, other_score) = (score(one, until), score(other, until));
        other_score.total_cmp(&one_score).then(other.id.cmp(&one.id))
    });
    rows.truncate(usize::try_from(RANKED).unwrap_or(usize::MAX));
    let ids: Vec<u64> = rows.iter().map(|row| row.id).collect();
    if let Some(cached) = cached {
        let bytes = serde_json::to_vec(&ids).map_err(CommonFault::internal)?;
        app.bus.cache_fill(&key, cached.version, &bytes, KEPT).await?;
    }
    Ok(ids)
}

/// What people do with a post, over how long it has been there: a share counts for three reactions, a comment for two, a
/// hundred views for one.
fn score(row: &RankedRow, at: Time) -> f64 {
    let engagement = 1.0
        + f64::from(row.reactions_count)
        + 2.0 * f64::from(row.comments_count)
        + 3.0 * f64::from(row.shares_count)
        + f64::from(row.views_count) / 100.0;
    let made = row.created_at.map_or(0, |made| made.timestamp());
    let age = at.unix_seconds().saturating_sub(made).max(0);
    let hours = f64::from(u32::try_from(age).unwrap_or(u32::MAX)) / 3_600.0;
    engagement / (hours + 2.0).powf(1.5)
}

#[cfg(test)]
mod tests {
    use base::Time;
    use store::posts::RankedRow;

    use super::score;

    #[test]
    fn what_is_fresh_or_liked_comes_first() {
        let now = Time::from_unix_millis(1_800_000_000_000).unwrap();
        let row = |hours: i64, reactions_count, shares_count| RankedRow {
            id: 1,
            reactions_count,
            comments_count: 0,
            shares_count,
            views_count: 0,
            created_at: Some(now.plus_seconds(-3_600 * hours).as_chrono()),
        };
        assert!(score(&row(0, 0, 0), now) > score(&row(5, 0, 0), now));
        assert!(score(&row(5, 20, 0), now) > score(&row(0, 0, 0), now));
        assert!(score(&row(5, 0, 2), now) > score(&row(5, 5, 0), now));
        assert!(score(&row(1_000, 20, 0), now) < score(&row(0, 0, 0), now));
    }
}
