//! `POST /posts/{id}/comments` (domain.md §5.3).

use base::id::UserId;
use base::text::{clean, length};
use base::{CommonFault, Problem, Time, Violations};
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::social::{Comment, CreateComment};
use protocol::uploads::UploadKind;
use protocol::{Event, IdempotencyKey};
use serde::Serialize;
use store::Conn;
use store::posts::{NewComment, PostCounter};

use super::limits::{self, COMMENTS};
use super::view::{comment_view, told_comment};
use super::visibility::{hold_open_post, viewer_of};
use super::{SocialError, counters};
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit, uploads};

/// The scope of its keys.
const OPERATION: &str = "social.create_comment";
/// Characters of a comment.
const LONGEST: usize = 2_000;

/// What a key stands for.
#[derive(Serialize)]
struct Commented<'a> {
    post_id: u64,
    #[serde(flatten)]
    input: &'a CreateComment,
}

/// Comments on a post, or answers a comment on it, three levels deep. Its author is told, or who is answered.
///
/// # Errors
/// `not_found`, also for a post that is hidden; violations of each field; [`CommonFault::RateLimited`].
pub async fn create_comment(
    app: &App,
    actor: &Actor,
    post_id: u64,
    input: CreateComment,
    key: Option<IdempotencyKey>,
) -> Result<Written<Comment>, SocialError> {
    actor.require("write")?;
    let input = CreateComment { content: clean(&input.content), ..input };
    limits::take(app, actor, COMMENTS, key.as_ref().map(|key| (OPERATION, key))).await?;
    let commented = Commented { post_id, input: &input };
    let written: Result<Written<Comment>, SocialError> =
        in_unit!(app, |unit| write_comment(app, unit, actor, &commented, key.as_ref()));
    let written = written?;
    counters::tell_soon(app, post_id).await;
    Ok(written)
}

/// 1 to 2,000 characters.
pub(super) fn check_words(content: &str) -> Violations {
    let mut violations = Violations::none();
    match length(content) {
        0 => violations.add("content", Problem::Required),
        characters if characters > LONGEST => violations.add("content", Problem::TooLong(LONGEST)),
        _ => {}
    }
    violations
}

async fn write_comment(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    commented: &Commented<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Written<Comment>, SocialError> {
    let ticket = match key {
        None => None,
        Some(key) => match idempotency::claim(unit, actor, OPERATION, key, commented).await? {
            Claim::First(ticket) => Some(ticket),
            Claim::Answered(written) => return Ok(written),
        },
    };
    let Commented { post_id, input } = *commented;
    let (post, _) = hold_open_post(unit, actor, post_id).await?;
    check_words(&input.content).into_result()?;
    let answered = match input.parent_id {
        None => None,
        Some(parent_id) => Some((parent_id, find_answered(unit, actor, post_id, parent_id).await?)),
    };
    let ids = Vec::from_iter(input.image);
    let image = uploads::claim_files(unit, actor.user_id(), "image", &ids, &[UploadKind::Image]).await?;
    let image = image.into_iter().next().map(|file| file.path);

    let count = post.comments_count.saturating_add(1);
    store::posts::update_post_counter(unit, post_id, PostCounter::Comments, count).await?;
    let new = NewComment {
        post_id,
        user_id: actor.user_id(),
        parent_id: input.parent_id,
        content: &input.content,
        image: image.as_deref(),
        at: Time::now_in_seconds().as_chrono(),
    };
    let id = store::posts::insert_comment(unit, &new).await?;
    uploads::attach(unit, &ids, Morph::Comment, id).await?;
    let row = store::posts::find_comment(unit, viewer_of(Some(actor), Morph::Comment), id).await?;
    let row = row.ok_or_else(|| CommonFault::internal("a comment just made is not there"))?;
    let comment = comment_view(app, row)?;
    unit.emit(Channel::Post(post_id), Event::CommentCreated { comment: told_comment(&comment) });
    tell_people(app, unit, actor, (post_id, post.user_id), answered).await?;
    match ticket {
        Some(ticket) => Ok(idempotency::remember(unit, ticket, comment).await?),
        None => Ok(Written { answer: comment, replayed: false }),
    }
}

/// The author of the comment to be answered.
async fn find_answered(
    conn: &mut Conn,
    actor: &Actor,
    post_id: u64,
    parent_id: u64,
) -> Result<UserId, SocialError> {
    let refuse = |problem| SocialError::from(Violations::one("parent_id", problem));
    let place = store::posts::find_comment_place(conn, parent_id).await?;
    let place = place.filter(|place| place.post_id == post_id && !place.is_deleted);
    let place = place.ok_or_else(|| refuse(Problem::NotFound))?;
    // Of somebody across a block there is no comment to be seen.
    if store::social::has_block(conn, actor.user_id(), place.user_id).await? {
        return Err(refuse(Problem::NotFound));
    }
    if place.parent_id.is_some() && place.grandparent_id.is_some() {
        return Err(refuse(Problem::NotAllowed("answers go three levels deep")));
    }
    Ok(place.user_id)
}

/// Tells who is answered, and the author of the post where that is another one.
async fn tell_people(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (post_id, author): (u64, UserId),
    answered: Option<(u64, UserId)>,
) -> Result<(), SocialError> {
    let url = format!("/posts/{post_id}");
    if let Some((parent_id, user_id)) = answered {
        let notice = Notice::new(NotificationKind::CommentReplied, user_id).by(actor.user_id());
        notify(app, unit, notice.about(Morph::Comment, parent_id, url.clone())).await?;
    }
    if answered.is_none_or(|(_, user_id)| user_id != author) {
        let notice = Notice::new(NotificationKind::PostCommented, author).by(actor.user_id());
        notify(app, unit, notice.about(Morph::Post, post_id, url)).await?;
    }
    Ok(())
}
