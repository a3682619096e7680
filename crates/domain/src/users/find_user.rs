//! `GET /users/{id|username}` (domain.md §5.2).

use base::CommonFault;
use base::id::UserId;
use protocol::users::{User, UserCard};
use store::users::{ProfileName, ProfileRow, RelationshipRow};

use super::message_policy::relationship;
use super::{UserError, social_links};
use crate::uploads::picture_url;
use crate::{Actor, App};

/// Somebody's profile as the viewer, or a guest, may see it: of a private account that the viewer does not follow
/// only name, username, picture and counts. `me` is the viewer.
///
/// # Errors
/// [`CommonFault::NotFound`] for deleted and suspended accounts, and for whoever blocks the viewer (domain.md D23).
pub async fn find_user(app: &App, viewer: Option<&Actor>, id_or_username: &str) -> Result<User, UserError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let viewer_id = viewer.map(Actor::user_id);
    let name = profile_name(viewer_id, id_or_username).ok_or(CommonFault::NotFound("user"))?;
    let mut conn = app.store.reader().await?;
    let profile = store::users::find_profile(&mut conn, name).await?.ok_or(CommonFault::NotFound("user"))?;
    let own = viewer_id == Some(profile.id);
    let between = match viewer_id {
        Some(viewer_id) if !own => {
            store::users::list_relationships(&mut conn, viewer_id, &[profile.id]).await?.pop()
        }
        _ => None,
    };
    drop(conn);
    if between.as_ref().is_some_and(|row| row.blocked_by != 0) {
        return Err(CommonFault::NotFound("user").into());
    }
    let follows = between.as_ref().is_some_and(|row| row.following != 0);
    let private = profile.is_private.unwrap_or(false);
    let open = own || follows || !private;
    // Neither sees whether the other is online where one blocks the other (realtime.md §3).
    let blocking = between.as_ref().is_some_and(|row| row.blocking != 0);
    let online = if open && (own || (profile.show_online_status.unwrap_or(true) && !blocking)) {
        Some(is_online(app, &profile).await)
    } else {
        None
    };
    Ok(view(app, profile, open, own, online, between.as_ref()))
}

fn profile_name(viewer_id: Option<UserId>, text: &str) -> Option<ProfileName<'_>> {
    if text == "me" {
        return viewer_id.map(ProfileName::Id);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(ProfileName::Id);
    }
    Some(ProfileName::Username(text))
}

/// Redis knows; while it does not answer, the column that edges of presence are written to does.
async fn is_online(app: &App, profile: &ProfileRow) -> bool {
    match app.bus.online(&[profile.id]).await {
        Ok(states) => states.first().is_some_and(|state| state.online),
        Err(error) => {
            tracing::warn!(%error, "who is online is read from MySQL");
            profile.is_online
        }
    }
}

fn view(
    app: &App,
    row: ProfileRow,
    open: bool,
    own: bool,
    online: Option<bool>,
    between: Option<&RelationshipRow>,
) -> User {
    let shown = |value: Option<String>| value.filter(|_| open);
    let email_shown = own || (open && row.show_email.unwrap_or(false));
    let phone_shown = own || (open && row.show_phone.unwrap_or(false));
    User {
        headline: shown(row.headline),
        cover: picture_url(app, shown(row.cover)),
        bio: shown(row.bio),
        location: shown(row.location),
        social_links: social_links::read(row.social_links.filter(|_| open).map(|links| links.0)),
        email: Some(row.email).filter(|_| email_shown),
        phone: row.phone.filter(|_| phone_shown),
        is_private: row.is_private.unwrap_or(false),
        followers_count: row.followers_count.unwrap_or(0),
        following_count: row.following_count.unwrap_or(0),
        online,
        relationship: between.map(relationship),
        card: UserCard {
            id: row.id,
            name: row.name,
            username: row.username,
            avatar: picture_url(app, row.avatar),
            is_verified: row.is_verified,
        },
    }
}
