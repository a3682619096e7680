//! Rows as clients see them.

use base::Time;
use protocol::rooms::{
    AccessType, LiveRoom, Participant, ReactionType, RegistrationStatus, RoomMember, RoomMessage,
    RoomMessageType, RoomStatus,
};
use protocol::users::UserCard;
use store::StoreError;
use store::rooms::{ParticipantRow, RoomListRow, RoomMessageRow};

use crate::App;
use crate::uploads::picture_url;

pub(super) fn room_status(column: &str) -> Result<RoomStatus, StoreError> {
    let all = [RoomStatus::Scheduled, RoomStatus::Active, RoomStatus::Completed, RoomStatus::Cancelled];
    let found = all.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "live_rooms", column: "status" })
}

pub(super) fn access_type(column: &str) -> Result<AccessType, StoreError> {
    let found = [AccessType::Free, AccessType::Paid].into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "live_rooms", column: "access_type" })
}

pub(super) fn registration_status(column: &str) -> Result<RegistrationStatus, StoreError> {
    let all = [
        RegistrationStatus::Pending,
        RegistrationStatus::Registered,
        RegistrationStatus::Attended,
        RegistrationStatus::Missed,
        RegistrationStatus::Cancelled,
    ];
    let found = all.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "live_room_registrations", column: "status" })
}

/// `viewers`: users listening now; a room that is not live has none.
pub(super) fn room_view(app: &App, row: RoomListRow, viewers: u32) -> Result<LiveRoom, StoreError> {
    let taken = u32::try_from(row.seats_taken).unwrap_or(u32::MAX);
    Ok(LiveRoom {
        id: row.id,
        host: UserCard {
            id: row.host_id,
            name: row.host_name,
            username: row.host_username,
            avatar: picture_url(app, row.host_avatar),
            is_verified: row.host_is_verified,
        },
        category_id: row.category_id,
        title: row.title,
        description: row.description,
        cover_url: row.cover_url,
        start_date: row.start_date.to_string(),
        end_date: row.end_date.to_string(),
        start_time: row.start_time.to_string(),
        end_time: row.end_time.to_string(),
        timezone: row.timezone,
        duration_type: row.duration_type,
        access_type: access_type(&row.access_type)?,
        price: row.price,
        currency: app.settings.money.currency.clone(),
        max_participants: row.max_participants,
        status: room_status(&row.status)?,
        started_at: row.started_at.map(Time::from),
        registered_count: taken,
        seats_left: row.max_participants.map(|seats| seats.saturating_sub(taken)),
        viewers,
        my_registration: row.my_registration.as_deref().map(registration_status).transpose()?,
    })
}

pub(super) fn reaction_type(column: &str) -> Result<ReactionType, StoreError> {
    let found = ReactionType::ALL.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "reactions", column: "type" })
}

pub(super) fn participant_view(app: &App, row: ParticipantRow) -> Result<Participant, StoreError> {
    Ok(Participant {
        registration_id: row.id,
        user: UserCard {
            id: row.user_id,
            name: row.name,
            username: row.username,
            avatar: picture_url(app, row.avatar),
            is_verified: row.is_verified,
        },
        status: registration_status(&row.status)?,
        registered_at: row.registered_at.map(Time::from),
        attended_at: row.attended_at.map(Time::from),
        muted: row.is_muted,
        banned: row.is_banned,
    })
}

/// A deleted message is a tombstone: its place without its words, pin and reactions (domain.md §4.4).
pub(super) fn message_view(app: &App, row: RoomMessageRow) -> Result<RoomMessage, StoreError> {
    let kinds = [
        RoomMessageType::Text,
        RoomMessageType::Emoji,
        RoomMessageType::System,
        RoomMessageType::Announcement,
    ];
    let kind = kinds.into_iter().find(|one| one.as_str() == row.message_type);
    let corrupt = |column| StoreError::Corrupt { table: "live_room_messages", column };
    Ok(RoomMessage {
        id: row.id,
        room_id: row.live_room_id,
        user_id: row.user_id,
        user: Some(RoomMember {
            id: row.user_id,
            name: row.user_name,
            avatar: picture_url(app, row.user_avatar),
        }),
        message_type: kind.ok_or_else(|| corrupt("type"))?,
        body: (!row.is_deleted).then_some(row.message),
        parent_id: row.parent_id,
        pinned: row.is_pinned && !row.is_deleted,
        deleted: row.is_deleted,
        reactions_count: if row.is_deleted { 0 } else { row.reactions_count },
        my_reaction: None,
        created_at: row.created_at.map(Time::from).ok_or_else(|| corrupt("created_at"))?,
    })
}
