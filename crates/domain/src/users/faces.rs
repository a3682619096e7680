//! Users as others see them at a glance.

use base::id::UserId;
use protocol::users::UserCard;
use store::users::CardRow;

use crate::App;
use crate::uploads::picture_url;

/// A face as clients see it.
pub(crate) fn card_view(app: &App, row: CardRow) -> UserCard {
    UserCard {
        id: row.id,
        name: row.name,
        username: row.username,
        avatar: picture_url(app, row.avatar),
        is_verified: row.is_verified,
    }
}

/// The face of somebody whose account is gone, spelt as anonymised accounts are (domain.md §4.4).
pub(crate) fn gone(id: UserId) -> UserCard {
    UserCard {
        id,
        name: "Deleted user".to_owned(),
        username: format!("deleted_{id}"),
        avatar: None,
        is_verified: false,
    }
}
