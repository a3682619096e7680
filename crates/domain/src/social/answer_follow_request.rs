//! `POST /follow-requests/{id}/accept` and `/reject`, and what happens to requests when an account turns public
//! (domain.md §5.2, §5.3).

use base::id::UserId;
use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::social::{FollowRequest, FollowRequestStatus, RequestDirection};
use store::social::FollowRequestRow;

use super::SocialError;
use super::follow_user::{lock_pair, pair};
use super::view::request_status;
use crate::fault::of_store;
use crate::machine;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Requests that one call accepts at most; the clock comes back for the rest.
const AT_ONCE: u32 = 200;

const NO_REQUEST: CommonFault = CommonFault::NotFound("follow request");

/// Accepts a request: the other follows the actor from now on.
///
/// # Errors
/// `not_found` for a request to somebody else; `illegal_transition` where it does not wait.
pub async fn accept_follow_request(app: &App, actor: &Actor, id: u64) -> Result<FollowRequest, SocialError> {
    actor.require("write")?;
    let asked = Some(actor.user_id());
    in_unit!(app, |unit| write_answer(app, unit, asked, id, FollowRequestStatus::Accepted))
}

/// Refuses a request; the other is not told, and may ask again a day later.
///
/// # Errors
/// As [`accept_follow_request`].
pub async fn reject_follow_request(app: &App, actor: &Actor, id: u64) -> Result<FollowRequest, SocialError> {
    actor.require("write")?;
    let asked = Some(actor.user_id());
    in_unit!(app, |unit| write_answer(app, unit, asked, id, FollowRequestStatus::Rejected))
}

/// Accepts the requests that wait for an account which is not private any more, some at once. Gives how many.
///
/// # Errors
/// Those of the store.
pub(crate) async fn accept_requests_of(app: &App, user_id: UserId) -> Result<u32, SocialError> {
    let ids = {
        let mut conn = app.store.reader().await?;
        store::social::list_overdue_requests(&mut conn, Some(user_id), AT_ONCE).await?
    };
    let accepted = accept_all(app, ids).await?;
    if accepted >= AT_ONCE {
        accept_rest_of(app.clone(), user_id);
    }
    Ok(accepted)
}

/// Accepts requests that wait though the account asked is public: those that [`accept_requests_of`] left, and those of
/// accounts that another application made public. For the clock.
///
/// # Errors
/// Those of the store.
pub async fn accept_overdue_requests(app: &App) -> Result<u64, CommonFault> {
    let ids = {
        let mut conn = app.store.reader().await.map_err(of_store)?;
        store::social::list_overdue_requests(&mut conn, None, AT_ONCE).await.map_err(of_store)?
    };
    Ok(u64::from(accept_all(app, ids).await?))
}

async fn accept_all(app: &App, ids: Vec<u64>) -> Result<u32, SocialError> {
    let mut accepted = 0_u32;
    for id in ids {
        let answered: Result<FollowRequest, SocialError> =
            in_unit!(app, |unit| write_answer(app, unit, None, id, FollowRequestStatus::Accepted));
        match answered {
            Ok(_) => accepted = accepted.saturating_add(1),
            // Answered or withdrawn meanwhile.
            Err(SocialError::Common(CommonFault::NotFound(_) | CommonFault::IllegalTransition { .. })) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(accepted)
}

/// Answers a request for the one who was asked, or for the platform where `asked` is nobody.
async fn write_answer(
    app: &App,
    unit: &mut Unit,
    asked: Option<UserId>,
    id: u64,
    answer: FollowRequestStatus,
) -> Result<FollowRequest, SocialError> {
    let found = store::social::find_follow_request(unit, id).await?;
    let theirs = |row: &FollowRequestRow| asked.is_none_or(|asked| row.following_id == asked);
    let found = found.filter(theirs).ok_or(NO_REQUEST)?;
    let (follower, following) = (found.follower_id, found.following_id);
    lock_pair(unit, follower, following).await?;
    // As it is now that nobody else can change it.
    let row = store::social::lock_follow_request(unit, follower, following).await?;
    let row = row.filter(|row| row.id == id).ok_or(NO_REQUEST)?;
    machine::step(request_status(&row.status)?, answer)?;
    let now = Time::now_in_seconds();
    let responded_at = Some(now.as_chrono());
    store::social::update_follow_request(unit, id, answer.as_str(), responded_at, now.as_chrono()).await?;
    let follow = pair(app, unit, follower, following).await?;
    if answer == FollowRequestStatus::Accepted {
        let between = store::social::find_between(unit, follower, following).await?;
        if !between.is_some_and(|between| between.is_followed) {
            store::social::insert_follow(unit, follower, following, now).await?;
        }
        for channel in [Channel::User(follower), Channel::User(following)] {
            unit.emit(channel, Event::FollowAccepted { request_id: id, follow: follow.clone() });
        }
        let notice = Notice::new(NotificationKind::FollowAccepted, follower).by(following);
        notify(app, unit, notice.about(Morph::User, following, format!("/users/{following}"))).await?;
    }
    Ok(FollowRequest {
        id,
        user: follow.follower,
        direction: RequestDirection::In,
        status: answer,
        created_at: row.created_at.map(Time::from),
    })
}

/// Accepts what [`accept_requests_of`] left, in the background: an account that turns public may have thousands waiting.
fn accept_rest_of(app: App, user_id: UserId) {
    tokio::spawn(async move {
        // Boxed: each part begins the next.
        if let Err(error) = Box::pin(accept_requests_of(&app, user_id)).await {
            // The clock comes back for them.
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, user_id, "follow requests wait for the clock");
        }
    });
}
