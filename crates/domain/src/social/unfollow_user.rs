//! `DELETE /users/{id}/follow` and `DELETE /users/{id}/follower` (domain.md §5.3).

use base::id::UserId;
use bus::ControlMessage;
use protocol::Event;
use protocol::channel::Channel;

use super::follow_user::lock_pair;
use super::{NO_USER, SocialError};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Follows somebody no more, or takes the request back. Doing it again changes nothing.
///
/// # Errors
/// [`SocialError::SelfFollow`]; `not_found` for an account that is not there.
pub async fn unfollow_user(app: &App, actor: &Actor, user_id: UserId) -> Result<(), SocialError> {
    actor.require("write")?;
    if user_id == actor.user_id() {
        return Err(SocialError::SelfFollow);
    }
    in_unit!(app, |unit| end_follow(unit, (actor.user_id(), user_id), user_id))
}

/// Takes a follower away, or that somebody has asked to be one. Doing it again changes nothing.
///
/// # Errors
/// [`SocialError::SelfFollow`]; `not_found` for an account that is not there.
pub async fn remove_follower(app: &App, actor: &Actor, user_id: UserId) -> Result<(), SocialError> {
    actor.require("write")?;
    if user_id == actor.user_id() {
        return Err(SocialError::SelfFollow);
    }
    in_unit!(app, |unit| end_follow(unit, (user_id, actor.user_id()), user_id))
}

async fn end_follow(
    unit: &mut Unit,
    (follower, following): (UserId, UserId),
    other: UserId,
) -> Result<(), SocialError> {
    // A suspended account can be left, too.
    if store::users::list_states(unit, &[other]).await?.is_empty() {
        return Err(NO_USER.into());
    }
    lock_pair(unit, follower, following).await?;
    let followed = store::social::delete_follow(unit, follower, following).await?;
    let request = store::social::lock_follow_request(unit, follower, following).await?;
    if let Some(row) = &request {
        store::social::delete_follow_request(unit, row.id).await?;
    }
    // That it was refused is nobody's news.
    let asked = request.is_some_and(|row| row.status != "rejected");
    if followed || asked {
        for channel in [Channel::User(following), Channel::User(follower)] {
            unit.emit(channel, Event::FollowRemoved { follower_id: follower, following_id: following });
        }
    }
    // Said again by a repeat too: the first one may have ended between its commit and this.
    unit.control(ControlMessage::PostsRevoked { user_id: follower });
    Ok(())
}
