//! The clock that tells the students of a course of its new lessons (domain.md §5.4): a hundred at a time, since a course
//! may have many, and each at most once a day.

use base::{CommonFault, Time};
use chrono::TimeDelta;
use protocol::notifications::NotificationKind;

use crate::fault::of_store;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{App, in_unit};

/// Students of one transaction.
const BATCH: u32 = 100;
/// Transactions of one run.
const BATCHES: u32 = 10;
/// Who was told within this time is not told again.
const DAY: TimeDelta = TimeDelta::hours(24);

/// Tells who is to be told, a thousand at most; gives how many were.
///
/// # Errors
/// Those of the store and the bus.
pub async fn tell_new_lessons(app: &App) -> Result<u64, CommonFault> {
    let mut told: u64 = 0;
    for _ in 0..BATCHES {
        match in_unit!(app, |unit| write_batch(app, unit))? {
            Some(count) => told = told.saturating_add(count),
            None => break,
        }
    }
    Ok(told)
}

/// Nothing where nothing is left.
async fn write_batch(app: &App, unit: &mut Unit) -> Result<Option<u64>, CommonFault> {
    let Some(news) = store::courses::lock_news(unit).await.map_err(of_store)? else { return Ok(None) };
    let course = store::courses::find_course(unit, news.course_id).await.map_err(of_store)?;
    let kind = NotificationKind::CourseLessonAdded;
    let since = Time::now_in_seconds().as_chrono() - DAY;
    let students = store::courses::list_untold_students(unit, news, kind.as_str(), since, BATCH);
    let students = students.await.map_err(of_store)?;
    let mut told: u64 = 0;
    // A course that was deleted or taken off the marketplace meanwhile has nothing new to say.
    let title = course.filter(|course| course.status == "published").map(|course| course.title);
    if let Some(title) = &title {
        for (_, user_id, _) in students.iter().filter(|(_, _, told)| !told) {
            let notice = Notice::new(kind, *user_id)
                .about(Morph::Course, news.course_id, format!("/courses/{}", news.course_id))
                .with("title", title.clone());
            notify(app, unit, notice).await?;
            told = told.saturating_add(1);
        }
    }
    let full = u32::try_from(students.len()).is_ok_and(|count| count == BATCH);
    match students.last().filter(|_| full && title.is_some()) {
        Some((last, _, _)) => {
            store::courses::update_news(unit, news.course_id, *last).await.map_err(of_store)?
        }
        None => store::courses::delete_news(unit, news.course_id).await.map_err(of_store)?,
    }
    Ok(Some(told))
}
