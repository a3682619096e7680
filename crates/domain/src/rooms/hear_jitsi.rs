//! What the video server tells (domain.md §5.6, D26): Prosody's `event_sync` says who came and went. Everything here can be
//! told twice, and late: what is not of the running session is ignored.

use base::id::{RoomId, UserId};
use base::{CommonFault, Fault, Kind, Time};
use protocol::rooms::{JitsiEvent, JoinRoom, LeaveRoom, RegistrationStatus, RoomStatus};
use sha2::{Digest, Sha256};
use store::rooms::RoomRow;
use subtle::ConstantTimeEq;

use super::view::room_status;
use super::{RoomError, join_room, leave_room};
use crate::unit::Unit;
use crate::{Actor, App, in_unit, machine};

/// A session ends so many seconds after its video room was left by all, unless somebody comes back.
const EMPTY_FOR: i64 = 5 * 60;
/// People marked with one statement.
const TOGETHER: usize = 500;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitsiNews {
    /// The first has come.
    RoomCreated,
    /// The last has gone.
    RoomDestroyed,
    /// Somebody has come.
    OccupantJoined,
    /// Somebody has gone.
    OccupantLeft,
}

/// Demands the secret that the video server presents, compared without telling by time how much of it is right.
///
/// # Errors
/// [`CommonFault::Unauthenticated`], also where none is configured.
pub async fn demand_video_server(app: &App, secret: Option<&str>) -> Result<(), CommonFault> {
    if is_video_server(app, secret) { Ok(()) } else { Err(CommonFault::Unauthenticated) }
}

/// Is it the secret that the video server presents?
#[must_use]
pub fn is_video_server(app: &App, secret: Option<&str>) -> bool {
    let expected = app.settings.jitsi.as_ref().and_then(|jitsi| jitsi.hook_secret.as_ref());
    let (Some(expected), Some(secret)) = (expected, secret) else { return false };
    // Digests are of one length, whatever was presented.
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(expected.expose()).ct_eq(&digest(secret)).into()
}

/// Takes note of what the video server tells: who comes in attends, and a room that everybody has left is ended in five
/// minutes. For whoever presents its secret.
///
/// # Errors
/// [`CommonFault::Unauthenticated`]; those of store and bus, after which the video server tells it again.
pub async fn hear_jitsi(
    app: &App,
    secret: Option<&str>,
    news: JitsiNews,
    event: JitsiEvent,
) -> Result<(), RoomError> {
    demand_video_server(app, secret).await?;
    let name = event.room_name.to_ascii_lowercase();
    let Some(room_id) = room_of(&name) else { return Ok(()) };
    let running = in_unit!(app, |unit| write_news(unit, room_id, &name, news, &event))?;
    let Some(user_id) = event.occupant.as_ref().and_then(|occupant| user_of(occupant.id.as_deref())) else {
        return Ok(());
    };
    if !running {
        return Ok(());
    }
    let occupant = Actor::on_behalf_of(user_id);
    let outcome = match news {
        JitsiNews::OccupantJoined => join_room(app, &occupant, JoinRoom { room_id }).await.map(drop),
        JitsiNews::OccupantLeft => leave_room(app, &occupant, LeaveRoom { room_id }).await,
        JitsiNews::RoomCreated | JitsiNews::RoomDestroyed => Ok(()),
    };
    match outcome {
        Err(error) if matches!(error.rule().kind, Kind::Unavailable | Kind::Internal) => Err(error),
        // Banned meanwhile, or an account that is gone: there is nothing to note.
        _ => Ok(()),
    }
}

/// Is the news of the session that runs?
async fn write_news(
    unit: &mut Unit,
    room_id: RoomId,
    name: &str,
    news: JitsiNews,
    event: &JitsiEvent,
) -> Result<bool, RoomError> {
    let Some(room) = store::rooms::lock_room(unit, room_id).await? else { return Ok(false) };
    let current = room.current_jitsi_room_id.as_deref().map(str::to_ascii_lowercase);
    if current.as_deref() != Some(name) || room_status(&room.status)? != RoomStatus::Active {
        return Ok(false);
    }
    match news {
        JitsiNews::RoomCreated | JitsiNews::OccupantJoined => {
            store::rooms::delete_ending(unit, room_id).await?;
        }
        // Those of a breakout room go back to the room.
        JitsiNews::RoomDestroyed if !event.is_breakout => write_empty(unit, &room, event).await?,
        JitsiNews::RoomDestroyed | JitsiNews::OccupantLeft => {}
    }
    Ok(true)
}

async fn write_empty(unit: &mut Unit, room: &RoomRow, event: &JitsiEvent) -> Result<(), RoomError> {
    let now = Time::now_in_seconds();
    let name = room.current_jitsi_room_id.as_deref().unwrap_or_default();
    let due_at = now.plus_seconds(EMPTY_FOR).as_chrono();
    store::rooms::upsert_ending(unit, room.id, name, due_at).await?;
    // Whose coming was not told: Prosody gives up after some tries.
    machine::step(RegistrationStatus::Registered, RegistrationStatus::Attended)?;
    let mut there: Vec<UserId> =
        event.all_occupants.iter().filter_map(|occupant| user_of(occupant.id.as_deref())).collect();
    there.sort_unstable();
    there.dedup();
    for some in there.chunks(TOGETHER) {
        store::rooms::update_all_attended(unit, room.id, some, now.as_chrono()).await?;
    }
    Ok(())
}

/// The room that a video room's name is of: `r{id}-…`.
fn room_of(name: &str) -> Option<RoomId> {
    let (id, _) = name.strip_prefix('r')?.split_once('-')?;
    id.parse().ok()
}

/// The user whom a pass was for.
fn user_of(id: Option<&str>) -> Option<UserId> {
    id?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{room_of, user_of};

    #[test]
    fn names_of_video_rooms() {
        assert_eq!(room_of("r12-abcdefghijklmnopqrstuvwx"), Some(12));
        for other in ["", "r12", "12-a", "r-a", "rx-a", "r99999999999999999999-a"] {
            assert_eq!(room_of(other), None, "{other}");
        }
        assert_eq!(user_of(Some("7")), Some(7));
        assert_eq!((user_of(None), user_of(Some("00380324-a840"))), (None, None));
    }
}
