//! `PUT /books/{id}/progress` (domain.md §5.5).

use base::{Problem, Time, Violations};
use protocol::Event;
use protocol::books::{ReadingProgress, UpdateProgress};
use protocol::channel::Channel;
use store::books::ProgressRow;

use super::TOLD_EVERY;
use crate::books::BookError;
use crate::books::access::{OwnCopy, lock_copy};
use crate::books::view::progress_view;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Minutes of one report at most.
const MOST_MINUTES: u32 = 1_440;

/// Notes where the actor is in a book. Going back is free; the furthest page stays. Minutes count as far as they have
/// passed on the clock since the last report, and one more. The reader's other devices are told, at most every 5 s.
///
/// # Errors
/// [`base::CommonFault::NotFound`], [`BookError::NotPurchased`]; violations of `current_page` and `minutes_delta`.
pub async fn update_progress(
    app: &App,
    actor: &Actor,
    book_id: u64,
    input: UpdateProgress,
) -> Result<ReadingProgress, BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_progress(unit, actor, book_id, input))
}

async fn write_progress(
    unit: &mut Unit,
    actor: &Actor,
    book_id: u64,
    input: UpdateProgress,
) -> Result<ReadingProgress, BookError> {
    let copy = lock_copy(unit, actor, book_id).await?;
    check(input, copy.book.page_count)?;
    let now = Time::now_in_seconds();
    let purchase_id = copy.purchase.id;
    let before = match store::books::lock_progress(unit, purchase_id).await? {
        Some(row) => row,
        None => {
            store::books::insert_progress(unit, purchase_id, now.as_chrono()).await?;
            ProgressRow { current_page: 1, total_pages_read: 0, reading_time_minutes: 0, last_read_at: None }
        }
    };
    let minutes = input.minutes_delta.min(minutes_since(&copy, &before, now));
    let row = ProgressRow {
        current_page: input.current_page,
        total_pages_read: before.total_pages_read.max(input.current_page),
        reading_time_minutes: before.reading_time_minutes.saturating_add(minutes),
        last_read_at: Some(now.as_chrono()),
    };
    store::books::update_progress(unit, purchase_id, &row).await?;
    let progress = progress_view(book_id, copy.book.page_count, Some(&row));
    tell(unit, actor, purchase_id, &progress).await?;
    Ok(progress)
}

fn check(input: UpdateProgress, page_count: u32) -> Result<(), Violations> {
    let mut violations = Violations::none();
    violations.require(input.current_page >= 1, "current_page", Problem::TooSmall("1".to_owned()));
    let within = input.current_page <= page_count;
    violations.require(within, "current_page", Problem::TooGreat(page_count.to_string()));
    let minutes = input.minutes_delta <= MOST_MINUTES;
    violations.require(minutes, "minutes_delta", Problem::TooGreat(MOST_MINUTES.to_string()));
    violations.into_result()
}

/// Minutes that have passed since the last report, or since the book was bought, and one.
fn minutes_since(copy: &OwnCopy, before: &ProgressRow, now: Time) -> u32 {
    let since = before.last_read_at.or(copy.purchase.purchased_at);
    let passed = since.map_or(0, |since| now.as_chrono().signed_duration_since(since).num_minutes());
    u32::try_from(passed.max(0)).unwrap_or(u32::MAX).saturating_add(1)
}

/// Tells the other devices now, or has it told when the time has come.
async fn tell(
    unit: &mut Unit,
    actor: &Actor,
    purchase_id: u64,
    progress: &ReadingProgress,
) -> Result<(), BookError> {
    let now = u64::try_from(Time::now().unix_millis()).unwrap_or(0);
    let earlier = store::books::lock_tell(unit, purchase_id).await?;
    match earlier.map(|row| row.told_at).filter(|told| now < told.saturating_add(TOLD_EVERY)) {
        None => {
            unit.emit(Channel::User(actor.user_id()), Event::ReadingProgress(progress.clone()));
            store::books::upsert_tell(unit, purchase_id, now, None).await?;
        }
        Some(told) => {
            let due = Some(told.saturating_add(TOLD_EVERY));
            store::books::upsert_tell(unit, purchase_id, told, due).await?;
        }
    }
    Ok(())
}
