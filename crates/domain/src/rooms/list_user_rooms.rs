//! The rooms of one host, on their profile (domain.md §5.2).

use base::paging::{Page, PageRequest};
use protocol::rooms::{LiveRoom, RoomFilter};

use super::{RoomError, list_rooms};
use crate::users::{UserError, find_user};
use crate::{Actor, App};

/// A page of the rooms of a user, newest first, as [`list_rooms`] shows them. `user` is an id, a handle or `me`.
///
/// # Errors
/// `not_found` for a user whom the viewer may not know of.
pub async fn list_user_rooms(
    app: &App,
    viewer: Option<&Actor>,
    user: &str,
    page: PageRequest,
) -> Result<Page<LiveRoom>, RoomError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let host = find_user(app, viewer, user).await.map_err(|error| match error {
        UserError::Common(fault) => fault,
        other => base::CommonFault::internal(other),
    })?;
    let filter = RoomFilter { host_id: Some(host.card.id), ..RoomFilter::default() };
    list_rooms(app, viewer, filter, page).await
}
