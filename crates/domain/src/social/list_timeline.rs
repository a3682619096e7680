//! `GET /users/{id}/posts` (domain.md §5.2, §5.3): what somebody has posted and shared, by time.

use base::Time;
use base::id::UserId;
use base::paging::{Cursor, Page, PageRequest};
use chrono::{DateTime, Utc};
use protocol::social::{PostType, TimelineEntry, TimelineFilter, TimelineShare};
use store::StoreError;
use store::posts::{PostRow, SharedPostRow, TimelinePlace, TimelineQuery};

use super::SocialError;
use super::view::post_view;
use super::visibility::{MODERATE, require_open_account, viewer_of};
use crate::morph::Morph;
use crate::{Actor, App, access};

/// Whether a place of a timeline is that of a share: of one second shares come before posts.
const SHARE: u64 = 1;
/// Bits of a place that tell what happened within one second apart: one for the kind, the others of the id.
const ID_BITS: u32 = 30;

/// A page of somebody's timeline, the newest first; of shares those whose posts the viewer may see. Of a private account
/// for its followers.
///
/// # Errors
/// `not_found`; [`SocialError::PrivateAccount`].
pub async fn list_timeline(
    app: &App,
    viewer: Option<&Actor>,
    user_id: UserId,
    filter: TimelineFilter,
    page: PageRequest,
) -> Result<Page<TimelineEntry>, SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    require_open_account(&mut conn, viewer, user_id).await?;
    let mut seen_by = viewer_of(viewer, Morph::Post);
    if seen_by.id != 0 && seen_by.id != user_id {
        seen_by.sees_all = access::has_permission(&mut conn, seen_by.id, MODERATE).await?;
    }
    let which = TimelineQuery {
        user_id,
        viewer: seen_by,
        post_type: filter.post_type.map(PostType::as_str),
        is_pinned: filter.is_pinned,
        place: None,
        forward: page.forward(),
        limit: page.fetch(),
    };
    let of_kind = |kind| TimelineQuery { place: page.cursor.and_then(|cursor| place(cursor, kind)), ..which };
    let posts = store::posts::list_timeline_posts(&mut conn, &of_kind(0)).await?;
    // Shares are of all kinds, and never on top.
    let shares = if filter == TimelineFilter::default() {
        store::posts::list_timeline_shares(&mut conn, &of_kind(SHARE)).await?
    } else {
        Vec::new()
    };
    drop(conn);
    let mut entries: Vec<(u64, PostRow, Option<TimelineShare>)> = Vec::new();
    entries.extend(posts.into_iter().map(|row| (key(row.created_at, 0, row.post_id), row, None)));
    entries.extend(shares.into_iter().map(|row| {
        let SharedPostRow { share_id, share_comment, shared_at, post } = row;
        let share =
            TimelineShare { id: share_id, comment: share_comment, shared_at: shared_at.map(Time::from) };
        (key(shared_at, SHARE, share_id), post, Some(share))
    }));
    entries.sort_by_key(|(key, ..)| *key);
    if which.forward {
        entries.reverse();
    }
    entries.truncate(usize::try_from(page.fetch()).unwrap_or(usize::MAX));
    let Page { items, next, previous, per_page } = Page::from_rows(page, entries, |(key, ..)| *key);
    let view = |(_, row, share)| Ok(TimelineEntry { post: post_view(app, row)?, share });
    let items = items.into_iter().map(view).collect::<Result<_, StoreError>>()?;
    Ok(Page { items, next, previous, per_page })
}

/// The place of an entry among all of its timeline: by time, of one second shares before posts, of those by id.
fn key(at: Option<DateTime<Utc>>, kind: u64, id: u64) -> u64 {
    let seconds = at.map_or(0, |at| u64::try_from(at.timestamp()).unwrap_or(0));
    let within = id % (1 << ID_BITS);
    (((seconds << 1) | kind) << ID_BITS) | within
}

/// Where the entries of a kind begin that follow the place which a cursor names.
fn place(cursor: Cursor, kind: u64) -> Option<TimelinePlace> {
    let (rest, within) = (cursor.id >> ID_BITS, cursor.id % (1 << ID_BITS));
    let at = DateTime::from_timestamp(i64::try_from(rest >> 1).ok()?, 0)?;
    let named = rest & 1;
    let within = match (kind.cmp(&named), cursor.forward) {
        (std::cmp::Ordering::Equal, _) => i64::try_from(within).ok()?,
        // The kind comes after the named one: all of that second are still to come.
        (std::cmp::Ordering::Less, true) => TimelinePlace::SPAN,
        (std::cmp::Ordering::Greater, false) => -1,
        // It came before.
        (std::cmp::Ordering::Greater, true) => 0,
        (std::cmp::Ordering::Less, false) => TimelinePlace::SPAN,
    };
    Some(TimelinePlace { at, within })
}

#[cfg(test)]
mod tests {
    use base::paging::Cursor;
    use chrono::DateTime;
    use store::posts::TimelinePlace;

    use super::{SHARE, key, place};

    #[test]
    fn places_are_in_the_order_of_time_and_lead_back() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let keys = [
            key(None, 0, 9),
            key(at(1_700_000_000), 0, 1_000),
            key(at(1_700_000_000), 0, 1_001),
            key(at(1_700_000_000), SHARE, 5),
            key(at(1_700_000_001), 0, 2),
        ];
        assert!(keys.is_sorted());
        let named = |forward, kind| {
            place(Cursor { id: keys[2], forward }, kind).map(|place| (place.at, place.within)).unwrap()
        };
        let second = at(1_700_000_000).unwrap();
        assert_eq!(named(true, 0), (second, 1_001));
        assert_eq!(named(true, SHARE), (second, 0), "shares of that second were before it");
        assert_eq!(named(false, SHARE), (second, -1), "and are after it on the way back");
        let of_share = |forward, kind| place(Cursor { id: keys[3], forward }, kind).unwrap().within;
        assert_eq!((of_share(true, 0), of_share(false, 0)), (TimelinePlace::SPAN, TimelinePlace::SPAN));
    }
}
