//! Publishing, withdrawing and archiving a book (domain.md §5.5, §5.4 `courses.status`).

use base::text::{clean, length};
use base::{CommonFault, Problem, Time, Violations};
use protocol::books::{Book, BookStatus, SetBookStatus};
use serde_json::json;
use store::audit::NewAudit;
use store::books::{BookName, BookRow};

use super::access::lock_controlled;
use super::view::{book_status, book_view};
use super::{BookError, MANAGE, NO_BOOK};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit, machine};

/// Puts a book up for sale. It needs its PDF and a category that is active.
///
/// # Errors
/// [`CommonFault::NotFound`], [`CommonFault::Forbidden`]; violations of what is missing;
/// [`CommonFault::IllegalTransition`].
pub async fn publish_book(app: &App, actor: &Actor, id: u64) -> Result<Book, BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_status(app, unit, actor, id, BookStatus::Published))
}

/// Makes a draft of a book again, as long as nobody has it.
///
/// # Errors
/// [`CommonFault::NotFound`], [`CommonFault::Forbidden`], [`CommonFault::IllegalTransition`].
pub async fn unpublish_book(app: &App, actor: &Actor, id: u64) -> Result<Book, BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_status(app, unit, actor, id, BookStatus::Draft))
}

/// Takes a book off the market for good or for a time; who has it keeps it.
///
/// # Errors
/// [`CommonFault::NotFound`], [`CommonFault::Forbidden`], [`CommonFault::IllegalTransition`].
pub async fn archive_book(app: &App, actor: &Actor, id: u64) -> Result<Book, BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_status(app, unit, actor, id, BookStatus::Archived))
}

/// Moves a book as an administrator, with an entry in the audit log.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `books.manage`; [`CommonFault::NotFound`]; a violation of `reason`;
/// [`CommonFault::IllegalTransition`].
pub async fn set_book_status(
    app: &App,
    actor: &Actor,
    id: u64,
    input: SetBookStatus,
) -> Result<Book, BookError> {
    actor.require("write")?;
    {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, MANAGE).await?;
    }
    let reason = input.reason.as_deref().map(clean).filter(|reason| !reason.is_empty());
    if reason.as_deref().is_some_and(|reason| length(reason) > 255) {
        return Err(Violations::one("reason", Problem::TooLong(255)).into());
    }
    in_unit!(app, |unit| write_managed(app, unit, actor, id, (input.status, reason.as_deref())))
}

async fn write_managed(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    (status, reason): (BookStatus, Option<&str>),
) -> Result<Book, BookError> {
    let before = store::books::find_book(unit, id).await?.ok_or(NO_BOOK)?.status;
    let book = write_status(app, unit, actor, id, status).await?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: MANAGE,
        subject_type: "book",
        subject_id: id,
        before: json!({ "status": before }),
        after: json!({ "status": status, "reason": reason }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    Ok(book)
}

async fn write_status(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    to: BookStatus,
) -> Result<Book, BookError> {
    let (row, _) = lock_controlled(unit, actor, id).await?;
    let from = book_status(&row.status)?;
    if to == BookStatus::Published && from != to {
        require_complete(unit, &row).await?;
    }
    machine::step(from, to)?;
    if to == BookStatus::Draft && store::books::count_purchases(unit, id).await? > 0 {
        let allowed = machine::allowed(from).into_iter().filter(|state| *state != to.as_str()).collect();
        let from = from.as_str().to_owned();
        return Err(
            CommonFault::IllegalTransition { what: "The book", from, to: to.as_str(), allowed }.into()
        );
    }
    let at = Time::now_in_seconds().as_chrono();
    if !store::books::update_book_status(unit, id, (from.as_str(), to.as_str()), at).await? {
        return Err(CommonFault::internal("a locked book has changed its state").into());
    }
    let seen = store::books::find_listed_book(unit, actor.user_id(), BookName::Id(id)).await?;
    Ok(book_view(app, seen.ok_or(NO_BOOK)?)?)
}

/// What buyers get has to be there.
async fn require_complete(unit: &mut Unit, row: &BookRow) -> Result<(), BookError> {
    let mut missing = Violations::none();
    let has_pdf = row.pdf_url.as_deref().is_some_and(|path| !path.is_empty()) && row.page_count > 0;
    missing.require(has_pdf, "pdf_upload_id", Problem::Required);
    let category = store::rooms::has_active_category(unit, row.category_id).await?;
    missing.require(category, "category_id", Problem::NotAllowed("the category is not active"));
    Ok(missing.into_result()?)
}
