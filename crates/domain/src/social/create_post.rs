//! `POST /posts` (domain.md §5.3).

use base::text::{cleaned, length};
use base::{CommonFault, Problem, Time, Violations};
use protocol::social::{CreatePost, Post, PostType};
use protocol::uploads::UploadKind;
use protocol::{Event, IdempotencyKey};
use store::posts::NewPost;

use super::SocialError;
use super::audience::Audience;
use super::limits::{self, POSTS};
use super::view::{post_view, told_post};
use super::visibility::viewer_of;
use crate::idempotency::{self, Claim, Written};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::{Actor, App, in_unit, uploads};

/// The scope of its keys.
const OPERATION: &str = "social.create_post";
/// Characters of a post.
pub(super) const LONGEST: usize = 5_000;
/// Files of a post.
const MOST_MEDIA: usize = 10;

/// Posts something: words, or one to ten of the actor's own files of the post's type. The author's devices and the
/// followers who are online hear of it.
///
/// # Errors
/// Violations of each field; [`CommonFault::RateLimited`].
pub async fn create_post(
    app: &App,
    actor: &Actor,
    input: CreatePost,
    key: Option<IdempotencyKey>,
) -> Result<Written<Post>, SocialError> {
    actor.require("write")?;
    let input = CreatePost { content: cleaned(input.content), ..input };
    check(&input)?;
    limits::take(app, actor, POSTS, key.as_ref().map(|key| (OPERATION, key))).await?;
    let audience = Audience::of(app, actor.user_id()).await?;
    let written: Result<Written<Post>, SocialError> =
        in_unit!(app, |unit| write_post(app, unit, actor, (&input, key.as_ref()), &audience));
    let written = written?;
    if !written.replayed {
        audience.hint(app);
    }
    Ok(written)
}

fn check(input: &CreatePost) -> Result<(), Violations> {
    let mut violations = check_content(input.post_type, input.content.as_deref());
    let of_words = input.post_type == PostType::Text;
    if of_words {
        let none = Problem::NotAllowed("a post of words has no media");
        violations.require(input.media.is_empty(), "media", none);
    } else {
        violations.require(!input.media.is_empty(), "media", Problem::Required);
        let most = Problem::NotAllowed("a post has at most ten files");
        violations.require(input.media.len() <= MOST_MEDIA, "media", most);
    }
    violations.into_result()
}

/// A text that may be missing has `most` characters at most.
pub(super) fn require_length(field: &'static str, text: Option<&str>, most: usize) -> Result<(), Violations> {
    let fits = text.is_none_or(|text| length(text) <= most);
    if fits { Ok(()) } else { Err(Violations::one(field, Problem::TooLong(most))) }
}

/// A post of words has some; none is too long.
pub(super) fn check_content(post_type: PostType, content: Option<&str>) -> Violations {
    let mut violations = Violations::none();
    let said = post_type != PostType::Text || content.is_some();
    violations.require(said, "content", Problem::Required);
    let fits = content.is_none_or(|content| length(content) <= LONGEST);
    violations.require(fits, "content", Problem::TooLong(LONGEST));
    violations
}

async fn write_post(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    (input, key): (&CreatePost, Option<&IdempotencyKey>),
    audience: &Audience,
) -> Result<Written<Post>, SocialError> {
    let ticket = match key {
        None => None,
        Some(key) => match idempotency::claim(unit, actor, OPERATION, key, input).await? {
            Claim::First(ticket) => Some(ticket),
            Claim::Answered(written) => return Ok(written),
        },
    };
    let kinds: &[UploadKind] = match input.post_type {
        PostType::Text => &[],
        PostType::Image => &[UploadKind::Image],
        PostType::Video => &[UploadKind::Video],
        PostType::Audio => &[UploadKind::Audio],
    };
    let files = uploads::claim_files(unit, actor.user_id(), "media", &input.media, kinds).await?;
    let media: Vec<String> = files.into_iter().map(|file| file.path).collect();
    let new = NewPost {
        user_id: actor.user_id(),
        post_type: input.post_type.as_str(),
        content: input.content.as_deref(),
        media: &media,
        at: Time::now_in_seconds().as_chrono(),
    };
    let id = store::posts::insert_post(unit, &new).await?;
    uploads::attach(unit, &input.media, Morph::Post, id).await?;
    let row = store::posts::find_post(unit, viewer_of(Some(actor), Morph::Post), id).await?;
    let post = post_view(app, row.ok_or_else(|| CommonFault::internal("a post just made is not there"))?)?;
    audience.tell(unit, &Event::PostCreated { post: told_post(&post) });
    match ticket {
        Some(ticket) => Ok(idempotency::remember(unit, ticket, post).await?),
        None => Ok(Written { answer: post, replayed: false }),
    }
}
