//! Live rooms: who may come in, seats, the video pass, the chat (domain.md §5.6, realtime.md §3).

mod administer;
pub(crate) mod admission;
mod announce;
mod authority;
mod ban_user;
mod cancel_registration;
mod cancel_room;
mod clocks;
mod create_room;
mod delete_room;
mod delete_room_message;
mod end_room;
mod enter_channel;
mod facts;
mod find_room;
mod hear_jitsi;
mod jitsi;
mod join_room;
mod leave_room;
mod list_participants;
mod list_room_messages;
mod list_rooms;
mod list_user_rooms;
mod machines;
mod mute_user;
mod pin_message;
mod post_message;
mod react_to_message;
mod recordings;
mod register_for_room;
mod schedule;
mod seats;
mod set_slow_mode;
mod start_room;
mod tell_all;
mod threads;
mod update_room;
mod view;
mod write_posts;

use std::time::Duration;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;
use crate::uploads::UploadError;
use crate::wallet::WalletError;

pub use administer::{AdminRoomFilter, list_all_rooms, set_room_status};
pub use announce::announce;
pub use authority::{demand_manager, demand_message, demand_staff};
pub use ban_user::{ban_user, kick_user, unban_user};
pub use cancel_registration::{cancel_registration, refund_registration};
pub use cancel_room::cancel_room;
pub use clocks::{end_rooms_due, expire_holds_due, remind_rooms_due};
pub use create_room::create_room;
pub use delete_room::delete_room;
pub use delete_room_message::delete_room_message;
pub use end_room::end_room;
pub use enter_channel::{demand_entry, enter_channel};
pub(crate) use facts::{FactsRead, LOOK_EVERY, RoomLook};
pub use find_room::find_room;
pub use hear_jitsi::{JitsiNews, demand_video_server, hear_jitsi, is_video_server};
pub(crate) use jitsi::PassKey;
pub use join_room::join_room;
pub use leave_room::leave_room;
pub use list_participants::list_participants;
pub use list_room_messages::list_room_messages;
pub use list_rooms::list_rooms;
pub use list_user_rooms::list_user_rooms;
pub use mute_user::{mute_user, unmute_user};
pub use pin_message::{pin_message, unpin_message};
pub use post_message::post_message;
pub use react_to_message::react_to_message;
pub use recordings::{Recorder, add_recording, delete_recording, demand_recorder, list_recordings};
pub use register_for_room::register_for_room;
pub use set_slow_mode::set_slow_mode;
pub use start_room::start_room;
pub use tell_all::tell_rooms_due;
pub use threads::list_thread;
pub use update_room::update_room;
pub(crate) use write_posts::{AT_ONCE, LANES, Posts};

/// What can go wrong in and around rooms.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// The seat has to be paid, and could not be.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The room is not live.
    #[error("The room is not live now.")]
    NotActive,
    /// The room is over; there are no seats to be had.
    #[error("The room is over.")]
    Over,
    /// May not come in.
    #[error("You were banned from this room.")]
    Banned,
    /// May not write.
    #[error("You are muted in this room.")]
    Muted,
    /// Has written just now; wait so long.
    #[error("Slow mode: please wait {} s before the next message.", .0.as_secs().max(1))]
    SlowMode(Duration),
    /// No seat is left.
    #[error("All seats of the room are taken.")]
    RoomFull,
    /// Has a seat.
    #[error("You are registered already.")]
    AlreadyRegistered,
    /// Has no seat, and needs one.
    #[error("Register for this room first.")]
    NotRegistered,
    /// The host needs no seat.
    #[error("The host needs no registration.")]
    OwnRoom,
    /// The message to be answered is not there.
    #[error("The message replied to is not in this room.")]
    ParentNotFound,
    /// Three messages are on top already.
    #[error("A room has at most three pinned messages; unpin one first.")]
    TooManyPinned,
    /// The host, a moderator, or oneself: not to be muted, kicked or banned.
    #[error("The host and moderators cannot be muted, removed or banned.")]
    StaffProtected,
    /// Too early or too late to start.
    #[error("The room can be started from 15 minutes before its time until its end.")]
    OutsideWindow,
    /// The room is live, or somebody paid for a seat.
    #[error(
        "Price and dates cannot change while the room is live or once a seat was paid; cancel the room instead."
    )]
    TermsFixed,
    /// The room is live, or somebody has, or had, a seat.
    #[error("The room is live, or somebody has a seat in it: end or cancel it instead.")]
    InUse,
    /// Too late to be paid back; so many hours before the first session it would not have been.
    #[error("A paid seat can be given back until {0} hours before the first session.")]
    RefundWindowOver(u32),
    /// A file could not be taken as a recording.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl Fault for RoomError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::Wallet(fault) => fault.rule(),
            Self::NotActive | Self::Over => Rule::ROOM_NOT_ACTIVE,
            Self::Banned => Rule::ROOM_BANNED,
            Self::Muted => Rule::ROOM_MUTED,
            Self::SlowMode(_) => Rule::ROOM_SLOW_MODE,
            Self::RoomFull => Rule::ROOM_FULL,
            Self::AlreadyRegistered => Rule::ROOM_ALREADY_REGISTERED,
            Self::NotRegistered => Rule::ROOM_NOT_REGISTERED,
            Self::OwnRoom => Rule::ROOM_OWN,
            Self::ParentNotFound => Rule::ROOM_PARENT_NOT_FOUND,
            Self::TooManyPinned => Rule::ROOM_TOO_MANY_PINNED,
            Self::StaffProtected => Rule::ROOM_STAFF_PROTECTED,
            Self::OutsideWindow => Rule::ROOM_OUTSIDE_WINDOW,
            Self::TermsFixed => Rule::ROOM_TERMS_FIXED,
            Self::InUse => Rule::ROOM_IN_USE,
            Self::RefundWindowOver(_) => Rule::POLICY_VIOLATION,
            Self::Upload(fault) => fault.rule(),
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::Wallet(fault) => Some(fault),
            Self::Upload(fault) => Some(fault),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::SlowMode(wait) => Some(*wait),
            _ => self.inner().and_then(Fault::retry_after),
        }
    }
}

common_faults!(RoomError);

/// There is no such room, or the asker may not know of it (domain.md D23).
const NO_ROOM: CommonFault = CommonFault::NotFound("room");

/// There is no such message, or only its place is left, or the asker may not know of it.
const NO_MESSAGE: CommonFault = CommonFault::NotFound("message");
