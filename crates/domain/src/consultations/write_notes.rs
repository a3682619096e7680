//! What the speaker writes down of a session; both read it.

use base::conditional::IfMatch;
use base::text::{clean, length};
use base::{Problem, Time, Violations};
use protocol::Event;
use protocol::consultations::{Booking, WriteNotes};

use super::ConsultationError;
use super::booking_view::{booking_view, read_booking};
use super::party::{lock_known, require_speaker};
use super::tell::tell_both;
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Characters of notes at most.
const LONGEST: usize = 10_000;

/// Writes the notes of a session.
///
/// # Errors
/// [`base::CommonFault::NotFound`]; [`base::CommonFault::Forbidden`] for whoever is not its speaker;
/// [`base::CommonFault::PreconditionFailed`]; violations of `session_notes`.
pub async fn write_notes(
    app: &App,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: WriteNotes,
) -> Result<Booking, ConsultationError> {
    actor.require("write")?;
    in_unit!(app, |unit| write(app, unit, actor, id, version, &input))
}

async fn write(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: &WriteNotes,
) -> Result<Booking, ConsultationError> {
    let (row, standing) = lock_known(unit, actor, id).await?;
    require_speaker(standing)?;
    version.check(&booking_view(app, unit, row).await?)?;
    let notes = input.session_notes.as_deref().map(clean).filter(|notes| !notes.is_empty());
    if notes.as_deref().is_some_and(|notes| length(notes) > LONGEST) {
        return Err(Violations::one("session_notes", Problem::TooLong(LONGEST)).into());
    }
    let at = Time::now_in_seconds().as_chrono();
    store::consultations::update_notes(unit, id, notes.as_deref(), at).await?;
    let booking = read_booking(app, unit, id).await?;
    tell_both(unit, &booking, Event::BookingNotesChanged);
    Ok(booking)
}
