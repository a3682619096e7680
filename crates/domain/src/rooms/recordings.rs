//! Recorded sessions (domain.md §5.6): entries of the room's JSON column, shown with signed addresses to those with a seat.

use base::id::RoomId;
use base::{CommonFault, Problem, Time, Violations};
use protocol::notifications::NotificationKind;
use protocol::rooms::{AddRecording, Recording, RoomStatus};
use protocol::uploads::UploadKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Conn;
use store::rooms::RoomRow;

use super::admission::{has_seat, is_moderator};
use super::authority::{demand_manager, lock_as_manager};
use super::tell_all::note;
use super::view::{registration_status, room_status};
use super::{NO_ROOM, RoomError};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::{attach, claim_files, signed_url};
use crate::{Actor, App, access, in_unit};

/// A room keeps so many.
const MOST: usize = 200;
/// A recording lasts a week at most, in seconds.
const LONGEST: u32 = 7 * 24 * 3_600;
const MAX_URL: usize = 2_000;

/// There is no such recording.
const NO_RECORDING: CommonFault = CommonFault::NotFound("recording");

/// Who adds a recording.
#[derive(Clone, Copy, Debug)]
pub enum Recorder<'a> {
    /// The host, or whoever manages rooms.
    Person(&'a Actor),
    /// The video server's recorder, which has presented its secret.
    VideoServer,
}

/// An entry of the column.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    id: String,
    /// A name on our disk, or an address.
    url: String,
    started_at: Time,
    #[serde(default)]
    duration: Option<u32>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload_id: Option<u64>,
}

/// The recordings of a room, the latest session last: for those who have, or had, a seat, its host, moderators, and whoever
/// manages rooms.
///
/// # Errors
/// `not_found`; [`RoomError::Banned`], [`RoomError::NotRegistered`].
pub async fn list_recordings(app: &App, actor: &Actor, room_id: RoomId) -> Result<Vec<Recording>, RoomError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let room = store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
    require_listener(&mut conn, actor, &room).await?;
    let mut entries = entries(store::rooms::find_recordings(&mut conn, room_id).await?);
    drop(conn);
    entries.sort_by_key(|entry| entry.started_at);
    Ok(entries.into_iter().map(|entry| view(app, entry)).collect())
}

async fn require_listener(conn: &mut Conn, actor: &Actor, room: &RoomRow) -> Result<(), RoomError> {
    let user_id = actor.user_id();
    let standing = store::rooms::find_standing(conn, room.id, user_id).await?.ok_or(NO_ROOM)?;
    let registration = standing.registration.as_deref().map(registration_status).transpose()?;
    let refusal = if room.user_id == user_id {
        return Ok(());
    } else if room_status(&room.status)? == RoomStatus::Cancelled {
        NO_ROOM.into()
    } else if standing.is_banned {
        RoomError::Banned
    } else if !has_seat(registration) {
        RoomError::NotRegistered
    } else {
        return Ok(());
    };
    let staff =
        is_moderator(conn, user_id).await? || access::has_permission(conn, user_id, "rooms.manage").await?;
    if staff { Ok(()) } else { Err(refusal) }
}

/// Demands whoever may add recordings to a room, for a door that has to refuse others before it tells what is wrong with a
/// body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found`.
pub async fn demand_recorder(app: &App, recorder: Recorder<'_>, room_id: RoomId) -> Result<(), RoomError> {
    match recorder {
        Recorder::Person(actor) => demand_manager(app, actor, room_id).await,
        Recorder::VideoServer => {
            let mut conn = app.store.reader().await?;
            store::rooms::find_room(&mut conn, room_id).await?.ok_or(NO_ROOM)?;
            Ok(())
        }
    }
}

/// Adds a recording and has everybody with a seat told. A person names a file of their own, or an address; the video
/// server an address. The same address again is the same recording.
///
/// # Errors
/// [`CommonFault::Forbidden`], `not_found`; violations of each field; [`RoomError::Over`] for a cancelled room.
pub async fn add_recording(
    app: &App,
    recorder: Recorder<'_>,
    room_id: RoomId,
    input: AddRecording,
) -> Result<Recording, RoomError> {
    if let Recorder::Person(actor) = recorder {
        actor.require("write")?;
    }
    let entry = in_unit!(app, |unit| write_recording(unit, recorder, room_id, &input))?;
    Ok(view(app, entry))
}

fn check(recorder: Recorder<'_>, input: &AddRecording) -> Result<(), Violations> {
    let mut violations = Violations::none();
    let by_person = matches!(recorder, Recorder::Person(_));
    match (input.upload_id, &input.url) {
        (None, None) => violations.add(if by_person { "upload_id" } else { "url" }, Problem::Required),
        (Some(_), Some(_)) => violations.add("url", Problem::NotAllowed("either this or upload_id")),
        (Some(_), None) if !by_person => {
            violations.add("upload_id", Problem::NotAllowed("the video server names an address"));
        }
        _ => {}
    }
    if let Some(url) = &input.url {
        violations.require(url.len() <= MAX_URL, "url", Problem::TooLong(MAX_URL));
        let plain = url.chars().all(|character| character.is_ascii_graphic());
        let https = url.len() > 8 && url.starts_with("https://") && plain;
        violations.require(https, "url", Problem::Format("an https address"));
    }
    if input.size.is_some() && input.url.is_none() {
        violations.add("size", Problem::NotAllowed("the file says it"));
    }
    let over = input.started_at <= Time::now();
    violations.require(over, "started_at", Problem::NotAllowed("it is still to come"));
    let short = input.duration.is_none_or(|duration| duration <= LONGEST);
    violations.require(short, "duration", Problem::TooGreat(LONGEST.to_string()));
    violations.into_result()
}

async fn write_recording(
    unit: &mut Unit,
    recorder: Recorder<'_>,
    room_id: RoomId,
    input: &AddRecording,
) -> Result<Entry, RoomError> {
    let room = match recorder {
        Recorder::Person(actor) => lock_as_manager(unit, actor, room_id).await?.room,
        Recorder::VideoServer => store::rooms::lock_room(unit, room_id).await?.ok_or(NO_ROOM)?,
    };
    check(recorder, input)?;
    let mut column = raw(store::rooms::find_recordings(unit, room_id).await?);
    if column.len() >= MOST {
        let problem = Problem::NotAllowed("a room keeps at most 200 recordings");
        return Err(Violations::one("url", problem).into());
    }
    let known = |entry: &Entry| input.url.as_ref() == Some(&entry.url);
    if let Some(entry) = entries(Some(Value::Array(column.clone()))).into_iter().find(known) {
        return Ok(entry);
    }
    let mut entry = Entry {
        id: base::id::ulid(),
        url: input.url.clone().unwrap_or_default(),
        started_at: input.started_at,
        duration: input.duration,
        size: input.size,
        upload_id: input.upload_id,
    };
    if let (Some(upload_id), Recorder::Person(actor)) = (input.upload_id, recorder) {
        let kinds = [UploadKind::Video, UploadKind::Audio];
        let files = claim_files(unit, actor.user_id(), "upload_id", &[upload_id], &kinds).await?;
        let file =
            files.into_iter().next().ok_or_else(|| CommonFault::internal("a claimed file is missing"))?;
        (entry.url, entry.size) = (file.path, Some(file.size));
        entry.duration = file.duration.or(entry.duration);
    }
    if room_status(&room.status)? == RoomStatus::Cancelled {
        return Err(RoomError::Over);
    }
    column.push(serde_json::to_value(&entry).map_err(CommonFault::internal)?);
    let at = Time::now_in_seconds();
    store::rooms::update_recordings(unit, room_id, &Value::Array(column), at.as_chrono()).await?;
    if let Some(upload_id) = entry.upload_id {
        attach(unit, &[upload_id], Morph::LiveRoom, room_id).await?;
    }
    let kind = NotificationKind::RoomRecordingReady;
    note(unit, room_id, kind, &entry.id, Some(room.user_id), at).await?;
    Ok(entry)
}

/// Takes a recording away: for the host and whoever manages rooms. Its file goes with it.
///
/// # Errors
/// [`CommonFault::Forbidden`]; `not_found` for room or recording.
pub async fn delete_recording(
    app: &App,
    actor: &Actor,
    room_id: RoomId,
    recording: &str,
) -> Result<(), RoomError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_deletion(unit, actor, room_id, recording))
}

async fn write_deletion(
    unit: &mut Unit,
    actor: &Actor,
    room_id: RoomId,
    recording: &str,
) -> Result<(), RoomError> {
    lock_as_manager(unit, actor, room_id).await?;
    let column = raw(store::rooms::find_recordings(unit, room_id).await?);
    let id_of = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_owned);
    let (gone, kept): (Vec<Value>, Vec<Value>) =
        column.into_iter().partition(|value| id_of(value).as_deref() == Some(recording));
    if gone.is_empty() {
        return Err(NO_RECORDING.into());
    }
    let at = Time::now_in_seconds().as_chrono();
    store::rooms::update_recordings(unit, room_id, &Value::Array(kept), at).await?;
    for upload_id in gone.iter().filter_map(|value| value.get("upload_id").and_then(Value::as_u64)) {
        store::uploads::update_released_if(unit, upload_id, "attached").await?;
    }
    Ok(())
}

/// What the column holds, entries of other applications included, which stay as they are.
fn raw(column: Option<Value>) -> Vec<Value> {
    match column {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}

/// Those that say what an entry has to.
fn entries(column: Option<Value>) -> Vec<Entry> {
    raw(column).into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}

fn view(app: &App, entry: Entry) -> Recording {
    Recording {
        url: signed_url(app, &entry.url),
        id: entry.id,
        started_at: entry.started_at,
        duration: entry.duration,
        size: entry.size,
    }
}
