//! `GET /follow-requests` (domain.md §5.3).

use base::Time;
use base::paging::{Page, PageRequest};
use protocol::social::{FollowRequest, RequestDirection};
use store::StoreError;
use store::social::ListedRequestRow;

use super::SocialError;
use super::view::request_status;
use crate::{Actor, App, users};

/// A page of the requests that wait, received or sent by the actor, the newest first.
///
/// # Errors
/// Those of the store.
pub async fn list_follow_requests(
    app: &App,
    actor: &Actor,
    direction: RequestDirection,
    page: PageRequest,
) -> Result<Page<FollowRequest>, SocialError> {
    actor.require("read")?;
    let cursor = page.cursor.map(|cursor| (cursor.id, cursor.forward));
    let whose = (actor.user_id(), direction == RequestDirection::In);
    let rows = {
        let mut conn = app.store.reader().await?;
        store::social::list_follow_requests(&mut conn, whose, cursor, page.fetch()).await?
    };
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.request_id);
    let view = |row: ListedRequestRow| {
        Ok(FollowRequest {
            id: row.request_id,
            user: users::card_view(app, row.card),
            direction,
            status: request_status(&row.status)?,
            created_at: row.requested_at.map(Time::from),
        })
    };
    let items = items.into_iter().map(view).collect::<Result<_, StoreError>>()?;
    Ok(Page { items, next, previous, per_page })
}
