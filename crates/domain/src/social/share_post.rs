//! `POST /posts/{id}/shares` and `DELETE /shares/{id}` (domain.md §5.3).

use base::text::cleaned;
use base::{CommonFault, Time};
use protocol::IdempotencyKey;
use protocol::notifications::NotificationKind;
use protocol::social::{Share, SharePost};
use serde::Serialize;
use store::posts::PostCounter;

use super::create_post::require_length;
use super::limits::{self, POSTS};
use super::view::share_view;
use super::visibility::{find_visible, hold_open_post};
use super::{SocialError, counters};
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// The scope of its keys.
const OPERATION: &str = "social.share_post";
/// Characters of what is said with a share.
const LONGEST: usize = 1_000;

const NO_SHARE: CommonFault = CommonFault::NotFound("share");

/// What a key stands for.
#[derive(Serialize)]
struct Shared<'a> {
    post_id: u64,
    #[serde(flatten)]
    input: &'a SharePost,
}

/// Shares a post: it appears in the actor's timeline, for whoever may see it there. The author is told.
///
/// # Errors
/// `not_found`, also for a post that is hidden; a violation of `comment`; [`CommonFault::RateLimited`].
pub async fn share_post(
    app: &App,
    actor: &Actor,
    post_id: u64,
    input: SharePost,
    key: Option<IdempotencyKey>,
) -> Result<Written<Share>, SocialError> {
    actor.require("write")?;
    let input = SharePost { comment: cleaned(input.comment) };
    limits::take(app, actor, POSTS, key.as_ref().map(|key| (OPERATION, key))).await?;
    let shared = Shared { post_id, input: &input };
    let written: Result<Written<Share>, SocialError> =
        in_unit!(app, |unit| write_share(app, unit, actor, &shared, key.as_ref()));
    let written = written?;
    counters::tell_soon(app, post_id).await;
    Ok(written)
}

async fn write_share(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    shared: &Shared<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Written<Share>, SocialError> {
    let ticket = match key {
        None => None,
        Some(key) => match idempotency::claim(unit, actor, OPERATION, key, shared).await? {
            Claim::First(ticket) => Some(ticket),
            Claim::Answered(written) => return Ok(written),
        },
    };
    let Shared { post_id, input } = *shared;
    let (post, _) = hold_open_post(unit, actor, post_id).await?;
    require_length("comment", input.comment.as_deref(), LONGEST)?;
    let count = post.shares_count.saturating_add(1);
    store::posts::update_post_counter(unit, post_id, PostCounter::Shares, count).await?;
    let at = Time::now_in_seconds().as_chrono();
    let comment = input.comment.as_deref();
    let id = store::posts::insert_share(unit, actor.user_id(), post_id, comment, at).await?;
    let row = store::posts::find_share(unit, id).await?;
    let share = share_view(app, row.ok_or_else(|| CommonFault::internal("a share just made is not there"))?);
    let notice = Notice::new(NotificationKind::PostShared, post.user_id).by(actor.user_id());
    notify(app, unit, notice.about(Morph::Post, post_id, format!("/posts/{post_id}"))).await?;
    match ticket {
        Some(ticket) => Ok(idempotency::remember(unit, ticket, share).await?),
        None => Ok(Written { answer: share, replayed: false }),
    }
}

/// Takes one's own share back.
///
/// # Errors
/// `not_found`; [`CommonFault::Forbidden`] for another's share of a post that the actor sees.
pub async fn delete_share(app: &App, actor: &Actor, id: u64) -> Result<(), SocialError> {
    actor.require("write")?;
    let written: Result<u64, SocialError> = in_unit!(app, |unit| write_deletion(unit, actor, id));
    counters::tell_soon(app, written?).await;
    Ok(())
}

async fn write_deletion(unit: &mut Unit, actor: &Actor, id: u64) -> Result<u64, SocialError> {
    let share = store::posts::find_share(unit, id).await?.ok_or(NO_SHARE)?;
    if share.card.id != actor.user_id() {
        let seen = find_visible(unit, Some(actor), share.post_id).await;
        return Err(if seen.is_ok() { CommonFault::Forbidden } else { NO_SHARE }.into());
    }
    // A deleted post's shares can be taken back, too; nobody counts them any more.
    let post = store::posts::lock_post(unit, share.post_id).await?;
    if !store::posts::lock_share(unit, id).await? {
        return Err(NO_SHARE.into());
    }
    if let Some(post) = post {
        let count = post.shares_count.saturating_sub(1);
        store::posts::update_post_counter(unit, share.post_id, PostCounter::Shares, count).await?;
    }
    store::posts::delete_share(unit, id).await?;
    Ok(share.post_id)
}
