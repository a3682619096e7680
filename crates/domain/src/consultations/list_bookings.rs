//! Lists of sessions: one's own, and everybody's.

use base::Time;
use base::paging::{NumberedPage, NumberedRequest, Page, PageRequest, Sort};
use protocol::consultations::{Booking, BookingFilter, BookingRole, BookingStatus, Party};
use store::consultations::{BookingOrder, BookingQuery};

use super::booking_view::bookings_view;
use super::{ConsultationError, MANAGE};
use crate::{Actor, App, access};

/// A page of the actor's sessions, the latest booked first, of one of the two roles or of both. Two statements.
///
/// # Errors
/// Those of the store.
pub async fn list_bookings(
    app: &App,
    actor: &Actor,
    role: Option<BookingRole>,
    filter: BookingFilter,
    page: PageRequest,
) -> Result<Page<Booking>, ConsultationError> {
    actor.require("read")?;
    let own = |wanted| Some(actor.user_id()).filter(|_| role == Some(wanted));
    let which = BookingQuery {
        student_id: own(Party::Student),
        speaker_id: own(Party::Speaker),
        ..query_of(&filter)
    };
    let place = (page.cursor.map(|cursor| cursor.id), page.forward(), page.fetch());
    let mut conn = app.store.reader().await?;
    let rows = store::consultations::list_bookings(&mut conn, actor.user_id(), &which, place).await?;
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = bookings_view(app, &mut conn, items).await?;
    Ok(Page { items, next, previous, per_page })
}

/// A page of all sessions, for whoever holds `bookings.manage`. `sort` is `created_at` or `scheduled_at`.
///
/// # Errors
/// [`base::CommonFault::Forbidden`].
pub async fn list_all_bookings(
    app: &App,
    actor: &Actor,
    filter: BookingFilter,
    sort: Option<Sort>,
    page: NumberedRequest,
) -> Result<NumberedPage<Booking>, ConsultationError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MANAGE).await?;
    let which =
        BookingQuery { student_id: filter.student_id, speaker_id: filter.speaker_id, ..query_of(&filter) };
    let order = match sort {
        Some(Sort { by: "scheduled_at", descending }) => (BookingOrder::Begins, descending),
        sort => (BookingOrder::Booked, sort.is_none_or(|sort| sort.descending)),
    };
    let part = (page.offset(), page.fetch());
    let rows = store::consultations::list_all_bookings(&mut conn, &which, order, part).await?;
    let total = if page.with_total {
        Some(store::consultations::count_bookings(&mut conn, &which).await?)
    } else {
        None
    };
    let NumberedPage { items, request, has_more, total } = NumberedPage::from_rows(page, rows, total);
    let items = bookings_view(app, &mut conn, items).await?;
    Ok(NumberedPage { items, request, has_more, total })
}

fn query_of(filter: &BookingFilter) -> BookingQuery {
    BookingQuery {
        status: filter.status.map(BookingStatus::as_str),
        from: filter.from.map(Time::as_chrono),
        to: filter.to.map(Time::as_chrono),
        student_id: None,
        speaker_id: None,
    }
}
