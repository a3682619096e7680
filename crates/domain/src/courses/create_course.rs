//! `POST /courses` (domain.md §5.4).

use base::slug::slug;
use base::{CommonFault, Violations};
use protocol::courses::{Course, CreateCourse};
use store::StoreError;

use super::check::{Files, Words, now};
use super::view::course_view;
use super::{CourseError, NO_COURSE};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Characters of a slug at most, without what tells it from another one's.
const MAX_SLUG: usize = 200;
/// What makes a slug unlike any other: as many characters of [`base::id::BASE32_LOWER`].
const SUFFIX: usize = 6;
/// Other names are tried so often; each is one of a thousand million.
const TRIES: u32 = 4;

/// Makes a course, `draft`; the actor is its author.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `courses.create`; violations of each field.
pub async fn create_course(app: &App, actor: &Actor, input: CreateCourse) -> Result<Course, CourseError> {
    actor.require("write")?;
    access::demand_permission(app, actor, "courses.create").await?;
    let files =
        Files { thumbnail: input.thumbnail_id.map(Some), promo_video: input.promo_video_id.map(Some) };
    let words = Words::new(input);
    let mut violations = Violations::none();
    words.check(&mut violations);
    violations.into_result()?;
    in_unit!(app, |unit| write_course(app, unit, actor, words.clone(), files))
}

async fn write_course(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    mut words: Words,
    files: Files,
) -> Result<Course, CourseError> {
    let mut violations = Violations::none();
    words.check_categories(unit, None, &mut violations).await?;
    violations.into_result()?;
    let claimed = files.claim(unit, actor, &mut words).await?;
    let id = insert_under_free_slug(unit, actor, &words).await?;
    claimed.settle(unit, id).await?;
    let row = store::courses::find_course(unit, id).await?.ok_or(NO_COURSE)?;
    course_view(app, unit, row).await
}

/// Its title in letters that addresses have, and where another course has that, with a suffix.
async fn insert_under_free_slug(unit: &mut Unit, actor: &Actor, words: &Words) -> Result<u64, CourseError> {
    let title = slug(&words.title, MAX_SLUG);
    let title = if title.is_empty() { "course".to_owned() } else { title };
    let mut name = title.clone();
    for _ in 0..TRIES {
        if !store::courses::has_slug(unit, &name).await? {
            match store::courses::insert_course(unit, actor.user_id(), &name, &words.text(), now()).await {
                // Another one was faster with the same title.
                Err(error) if is_taken(&error) => {}
                outcome => return Ok(outcome?),
            }
        }
        name = format!("{title}-{}", base::id::random_text(SUFFIX, base::id::BASE32_LOWER));
    }
    Err(CommonFault::internal("no slug is free").into())
}

fn is_taken(error: &StoreError) -> bool {
    error.is_unique("courses_slug_unique")
}
