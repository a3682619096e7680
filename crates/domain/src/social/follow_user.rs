//! `POST /users/{id}/follow` (domain.md §5.3).

use std::time::Duration;

use base::id::UserId;
use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::social::{Follow, FollowRequestStatus, FollowState, FollowStatus};

use super::view::request_status;
use super::{NO_USER, SocialError};
use crate::fault::of_store;
use crate::machine;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit, users};

/// Seconds after which somebody who was refused may ask again.
const AGAIN_AFTER: i64 = 24 * 3_600;

/// Follows somebody, or asks a private account for it. Doing it again changes nothing.
///
/// # Errors
/// [`SocialError::SelfFollow`]; `not_found`; [`SocialError::Blocked`], whichever blocks the other;
/// [`SocialError::FollowTooSoon`] within a day after a refusal.
pub async fn follow_user(app: &App, actor: &Actor, user_id: UserId) -> Result<FollowState, SocialError> {
    actor.require("write")?;
    if user_id == actor.user_id() {
        return Err(SocialError::SelfFollow);
    }
    in_unit!(app, |unit| write_follow(app, unit, actor.user_id(), user_id))
}

async fn write_follow(
    app: &App,
    unit: &mut Unit,
    follower: UserId,
    following: UserId,
) -> Result<FollowState, SocialError> {
    // Asked before anything is locked: of who is not there no profile can be made.
    store::social::find_between(unit, follower, following).await?.ok_or(NO_USER)?;
    lock_pair(unit, follower, following).await?;
    let between = store::social::find_between(unit, follower, following).await?.ok_or(NO_USER)?;
    if between.is_blocked_by || between.is_blocking {
        return Err(SocialError::Blocked);
    }
    let following_already = FollowState { user_id: following, status: FollowStatus::Following };
    if between.is_followed {
        return Ok(following_already);
    }
    let earlier = store::social::lock_follow_request(unit, follower, following).await?;
    if between.is_private {
        let status = match &earlier {
            Some(row) => Some(request_status(&row.status)?),
            None => None,
        };
        if status != Some(FollowRequestStatus::Pending) {
            ask(app, unit, (follower, following), earlier).await?;
        }
        return Ok(FollowState { user_id: following, status: FollowStatus::Requested });
    }
    // What was asked before is of no use any more.
    if let Some(row) = earlier {
        store::social::delete_follow_request(unit, row.id).await?;
    }
    store::social::insert_follow(unit, follower, following, Time::now_in_seconds()).await?;
    let follow = pair(app, unit, follower, following).await?;
    for channel in [Channel::User(following), Channel::User(follower)] {
        unit.emit(channel, Event::FollowCreated(follow.clone()));
    }
    let notice = Notice::new(NotificationKind::FollowNew, following).by(follower);
    notify(app, unit, notice.about(Morph::User, following, format!("/users/{follower}"))).await?;
    Ok(following_already)
}

/// Writes a request that waits, in place of an earlier one that does not.
async fn ask(
    app: &App,
    unit: &mut Unit,
    (follower, following): (UserId, UserId),
    earlier: Option<store::social::FollowRequestRow>,
) -> Result<(), SocialError> {
    let now = Time::now_in_seconds();
    let request_id = match earlier {
        None => store::social::insert_follow_request(unit, follower, following, now.as_chrono()).await?,
        Some(row) => match request_status(&row.status)? {
            FollowRequestStatus::Rejected => {
                let again = row.responded_at.map(|at| Time::from(at).plus_seconds(AGAIN_AFTER));
                if let Some(again) = again.filter(|again| *again > now) {
                    let wait = again.unix_seconds().saturating_sub(now.unix_seconds());
                    let wait = Duration::from_secs(u64::try_from(wait).unwrap_or(0));
                    return Err(SocialError::FollowTooSoon(wait));
                }
                machine::step(FollowRequestStatus::Rejected, FollowRequestStatus::Pending)?;
                let status = FollowRequestStatus::Pending.as_str();
                store::social::update_follow_request(unit, row.id, status, None, now.as_chrono()).await?;
                row.id
            }
            // Accepted, but the follow was ended by somebody who knows of no requests: it begins anew.
            FollowRequestStatus::Accepted | FollowRequestStatus::Pending => {
                store::social::delete_follow_request(unit, row.id).await?;
                store::social::insert_follow_request(unit, follower, following, now.as_chrono()).await?
            }
        },
    };
    let follow = pair(app, unit, follower, following).await?;
    for channel in [Channel::User(following), Channel::User(follower)] {
        unit.emit(channel, Event::FollowRequested { request_id, follow: follow.clone() });
    }
    let notice = Notice::new(NotificationKind::FollowRequested, following).by(follower);
    Ok(notify(app, unit, notice.about(Morph::User, following, "/follow-requests")).await?)
}

/// Locks the profiles of two users in the order of their ids, and makes those that another application left out.
///
/// # Errors
/// Those of the store.
pub(super) async fn lock_pair(unit: &mut Unit, one: UserId, other: UserId) -> Result<(), CommonFault> {
    for id in [one.min(other), one.max(other)] {
        users::lock_profile(unit, id).await?;
    }
    Ok(())
}

/// The faces of two users.
///
/// # Errors
/// Those of the store.
pub(super) async fn pair(
    app: &App,
    unit: &mut Unit,
    follower: UserId,
    following: UserId,
) -> Result<Follow, CommonFault> {
    let cards = store::users::list_cards_of(unit, &[follower, following]).await.map_err(of_store)?;
    let card = |id: UserId| {
        let row = cards.iter().find(|row| row.id == id).cloned();
        row.map_or_else(|| users::gone(id), |row| users::card_view(app, row))
    };
    Ok(Follow { follower: card(follower), following: card(following) })
}
