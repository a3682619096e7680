//! Who hears of what.

use base::id::UserId;
use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::consultations::Booking;
use protocol::notifications::NotificationKind;

use crate::App;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;

/// Those who look at a speaker's slots read them again.
pub(super) fn slots_changed(unit: &mut Unit, speaker_id: UserId) {
    unit.emit(Channel::Speaker(speaker_id), Event::SlotsChanged { speaker_id });
}

/// Tells both, on all their devices.
pub(super) fn tell_both(unit: &mut Unit, booking: &Booking, event: impl Fn(Box<Booking>) -> Event) {
    for user_id in [booking.student.id, booking.speaker.id] {
        unit.emit(Channel::User(user_id), event(Box::new(booking.clone())));
    }
}

/// Notifies one of the two of what the other, or the system, did.
pub(super) async fn notify_of(
    app: &App,
    unit: &mut Unit,
    booking: &Booking,
    kind: NotificationKind,
    (to, by): (UserId, Option<UserId>),
) -> Result<(), CommonFault> {
    let notice = Notice { actor: by, ..Notice::new(kind, to) }
        .about(Morph::ConsultationBooking, booking.id, format!("/bookings/{}", booking.id))
        .with("starts_at", Time::to_string(&booking.scheduled_at));
    notify(app, unit, notice).await
}

/// As [`notify_of`], both but whoever did it.
pub(super) async fn notify_both(
    app: &App,
    unit: &mut Unit,
    booking: &Booking,
    kind: NotificationKind,
    by: Option<UserId>,
) -> Result<(), CommonFault> {
    for user_id in [booking.student.id, booking.speaker.id] {
        notify_of(app, unit, booking, kind, (user_id, by)).await?;
    }
    Ok(())
}
