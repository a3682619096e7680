//! One session.

use protocol::consultations::Booking;

use super::ConsultationError;
use super::booking_view::booking_view;
use super::party::find_known;
use crate::{Actor, App};

/// A session, for its two and whoever holds `bookings.manage`.
///
/// # Errors
/// [`base::CommonFault::NotFound`], also for a stranger (domain.md D23).
pub async fn find_booking(app: &App, actor: &Actor, id: u64) -> Result<Booking, ConsultationError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let (row, _) = find_known(&mut conn, actor, id).await?;
    booking_view(app, &mut conn, row).await
}
