//! Who hears of what.

use base::id::UserId;
use protocol::Event;
use protocol::channel::Channel;

use crate::unit::Unit;

/// Those who look at a speaker's slots read them again.
pub(super) fn slots_changed(unit: &mut Unit, speaker_id: UserId) {
    unit.emit(Channel::Speaker(speaker_id), Event::SlotsChanged { speaker_id });
}
