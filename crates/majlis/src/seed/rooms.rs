//! Live rooms: announced, started, entered and talked in through their operations.

use domain::morph::Morph;
use std::collections::BTreeMap;

use anyhow::{Context, Result};
use base::Money;
use base::id::RoomId;
use chrono::{Duration, NaiveDate, NaiveTime};
use domain::Actor;
use domain::rooms::RoomError;
use domain::unit::Unit;
use protocol::rooms::{AccessType, CreateRoom, JoinRoom, PostMessage, RoomMessageType};
use serde_json::json;
use store::demo::{
    DoneRoomRow, ReactionRow, RoomMessageRow, RoomRow, insert_done_room, insert_reactions,
    insert_registration, insert_room_message, list_categories, list_room_messages, list_rooms,
    update_message_reactions, update_room_completed, update_room_pin, update_slow_mode,
};

use super::people::PEOPLE;
use super::rooms_texts::{ARCHIVE, ARCHIVE_SAID, ARCHIVE_SEATS, GUESTS, PINNED, ROOMS, Room, SAID, SEATS};
use super::{Seeder, key};

/// The zone of all demo rooms. Its clocks never change.
const ZONE: &str = "Asia/Riyadh";
const ZONE_HOURS: i64 = 3;
/// The part of the keys of registrations and of messages.
const SEAT_KEYS: u32 = 4;
const MESSAGE_KEYS: u32 = 5;

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    let ids = ensure_rooms(seeder).await?;
    if !seeder.has("rooms") {
        take_seats(seeder, &ids).await?;
        let messages = talk(seeder, &ids).await?;
        write_marks(seeder, &ids, &messages).await?;
        let open = *ids.get(&0).context("the open room is missing")?;
        for username in GUESTS {
            domain::rooms::join_room(seeder.app, &seeder.actor(username)?, JoinRoom { room_id: open })
                .await
                .with_context(|| format!("{username} cannot join"))?;
        }
        seeder.finish("rooms").await?;
    }
    seeder.part("room_archive", async |unit| write_archive(seeder, unit).await).await
}

/// Makes the rooms that are missing, and the two live ones live again wherever they are not. Gives the rooms by their
/// place in [`ROOMS`]; those that were only made once may be missing.
async fn ensure_rooms(seeder: &Seeder<'_>) -> Result<BTreeMap<usize, RoomId>> {
    let titles: Vec<&str> = ROOMS.iter().map(|room| room.title).collect();
    let mut conn = seeder.app.store.reader().await?;
    let rows = list_rooms(&mut conn, &titles).await?;
    let categories = list_categories(&mut conn).await?;
    drop(conn);
    let mut ids = BTreeMap::new();
    for (ordinal, room) in ROOMS.iter().enumerate() {
        let host_id = seeder.id(room.by)?;
        let of_room: Vec<&RoomRow> =
            rows.iter().filter(|row| row.title == room.title && row.user_id == host_id).collect();
        let found = if room.live {
            find_live(seeder, room, &of_room).await?
        } else {
            of_room.last().map(|row| row.id)
        };
        let id = match found {
            Some(id) => id,
            None if room.live || !seeder.has("rooms") => {
                let category = categories.iter().find(|(slug, _)| slug == room.category).map(|(_, id)| *id);
                announce(seeder, room, category).await?
            }
            None => continue,
        };
        ids.insert(ordinal, id);
    }
    Ok(ids)
}

/// Today in the rooms' time zone.
fn today(seeder: &Seeder<'_>) -> NaiveDate {
    (seeder.now + Duration::hours(ZONE_HOURS)).date_naive()
}

/// The live room among these, or a scheduled one after starting it. Programmes whose last day is past are ended.
async fn find_live(seeder: &Seeder<'_>, room: &Room, rows: &[&RoomRow]) -> Result<Option<RoomId>> {
    let limited = room.slow_mode_seconds > 0;
    let mut startable = None;
    for row in rows {
        let over = row.end_date < today(seeder);
        match row.status.as_str() {
            "active" | "scheduled" if over => {
                let mut unit = seeder.app.begin().await?;
                update_room_completed(&mut unit, row.id).await?;
                unit.commit(seeder.app).await?;
            }
            "active" if limited || row.is_open == 1 => return Ok(Some(row.id)),
            "scheduled" if limited || row.is_open == 1 => startable = Some(row.id),
            _ => {}
        }
    }
    if let Some(id) = startable {
        start(seeder, room, id).await?;
    }
    Ok(startable)
}

async fn announce(seeder: &Seeder<'_>, room: &Room, category_id: Option<u64>) -> Result<RoomId> {
    let (days, duration_type, from, until) = room.later;
    let input = CreateRoom {
        title: room.title.to_owned(),
        description: Some(room.description.to_owned()),
        category_id,
        cover_url: Some(format!("https://cdn.majlis.test/rooms/{}.webp", room.by)),
        start_date: (today(seeder) + Duration::days(days)).to_string(),
        duration_type,
        start_time: from.to_owned(),
        end_time: until.to_owned(),
        timezone: Some(ZONE.to_owned()),
        access_type: if room.price > 0 { AccessType::Paid } else { AccessType::Free },
        price: Money::from_minor(room.price),
        max_participants: room.max_participants,
    };
    let made = domain::rooms::create_room(seeder.app, &seeder.actor(room.by)?, input)
        .await
        .with_context(|| format!("the room {} cannot be made", room.title))?;
    if room.live {
        start(seeder, room, made.id).await?;
    }
    Ok(made.id)
}

async fn start(seeder: &Seeder<'_>, room: &Room, id: RoomId) -> Result<()> {
    if room.slow_mode_seconds > 0 {
        // No operation sets it yet. Before the start, whose commit makes stale what is remembered of the room.
        let mut unit = seeder.app.begin().await?;
        update_slow_mode(&mut unit, id, room.slow_mode_seconds).await?;
        unit.commit(seeder.app).await?;
    }
    domain::rooms::start_room(seeder.app, &seeder.actor(room.by)?, id)
        .await
        .with_context(|| format!("the room {} cannot be started", room.title))?;
    Ok(())
}

async fn take_seats(seeder: &Seeder<'_>, ids: &BTreeMap<usize, RoomId>) -> Result<()> {
    let mut number = 0;
    for (room, people) in SEATS {
        let Some(&room_id) = ids.get(&room) else { continue };
        for username in people {
            number += 1;
            let key = key(SEAT_KEYS, number)?;
            let actor = seeder.actor(username)?;
            match domain::rooms::register_for_room(seeder.app, &actor, room_id, Some(key)).await {
                Ok(_) | Err(RoomError::AlreadyRegistered) => {}
                Err(error) => return Err(error).with_context(|| format!("{username} gets no seat")),
            }
        }
    }
    Ok(())
}

/// Says what is not said yet; gives the messages' ids by their place in [`SAID`].
async fn talk(seeder: &Seeder<'_>, ids: &BTreeMap<usize, RoomId>) -> Result<BTreeMap<usize, u64>> {
    let mut said = BTreeMap::new();
    let mut messages = BTreeMap::new();
    for (&ordinal, &room_id) in ids {
        let mut conn = seeder.app.store.reader().await?;
        said.insert(ordinal, list_room_messages(&mut conn, room_id).await?);
    }
    for (place, (room, by, text, parent)) in SAID.into_iter().enumerate() {
        let (Some(&room_id), Some(before)) = (ids.get(&room), said.get(&room)) else { continue };
        let actor = seeder.actor(by)?;
        let known = before.iter().find(|(_, author, words)| *author == actor.user_id() && words == text);
        let id = match known {
            Some((id, ..)) => *id,
            None => {
                let parent_id = parent.and_then(|parent| messages.get(&parent)).copied();
                post(seeder, &actor, room_id, (place, text, parent_id)).await?
            }
        };
        messages.insert(place, id);
    }
    Ok(messages)
}

async fn post(
    seeder: &Seeder<'_>,
    actor: &Actor,
    room_id: RoomId,
    (place, text, parent_id): (usize, &str, Option<u64>),
) -> Result<u64> {
    let input = PostMessage {
        client_id: key(MESSAGE_KEYS, place)?,
        room_id,
        body: text.to_owned(),
        message_type: RoomMessageType::Text,
        parent_id,
    };
    let posted = domain::rooms::post_message(seeder.app, actor, input)
        .await
        .with_context(|| format!("“{text}” cannot be said"))?;
    Ok(posted.answer.message.id)
}

/// Written straight into the tables: there is nobody yet whom the operations could tell of pins and reactions.
async fn write_marks(
    seeder: &Seeder<'_>,
    ids: &BTreeMap<usize, RoomId>,
    messages: &BTreeMap<usize, u64>,
) -> Result<()> {
    seeder
        .part("room_marks", async |unit| {
            for place in PINNED {
                let (Some((_, by, ..)), Some(&id)) = (SAID.get(place), messages.get(&place)) else {
                    continue;
                };
                update_room_pin(unit, id, seeder.id(by)?).await?;
            }
            let morph = seeder.morph(Morph::LiveRoomMessage);
            let mut reactions = Vec::new();
            for (&place, &id) in messages {
                let author = SAID.get(place).map_or("", |(_, by, ..)| by);
                for (ordinal, person) in PEOPLE.iter().enumerate() {
                    if (place * 5 + ordinal * 3) % 13 == 0 && person.username != author {
                        let user_id = seeder.id(person.username)?;
                        let kind = if ordinal % 3 == 0 { "love" } else { "like" };
                        let at = seeder.now;
                        reactions.push(ReactionRow {
                            user_id,
                            reactable_type: morph,
                            reactable_id: id,
                            kind,
                            at,
                        });
                    }
                }
            }
            insert_reactions(unit, &reactions).await?;
            for &room_id in ids.values() {
                update_message_reactions(unit, room_id, morph).await?;
            }
            Ok(())
        })
        .await
}

/// A programme that is over: there is no operation that makes the past.
async fn write_archive(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let (by, title, description) = ARCHIVE;
    let categories = list_categories(unit).await?;
    let category = categories.iter().find(|(slug, _)| slug == "design").context("no such category")?;
    let date = today(seeder) - Duration::days(20);
    let clock = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
    let started_at = date.and_time(clock(18)).and_utc() - Duration::hours(ZONE_HOURS);
    let ended_at = started_at + Duration::minutes(85);
    let row = DoneRoomRow {
        user_id: seeder.id(by)?,
        category_id: category.1,
        title,
        description,
        date,
        start_time: clock(18),
        end_time: clock(20),
        started_at,
        ended_at,
        recordings: json!([{
            "id": "rec-1",
            "url": "https://cdn.majlis.test/recordings/interview-lab.mp4",
            "started_at": started_at,
            "duration": 5_100,
            "size": 412_000_000,
        }]),
    };
    let room_id = insert_done_room(unit, &row).await?;
    for (username, status) in ARCHIVE_SEATS {
        insert_registration(unit, (seeder.id(username)?, room_id), status, started_at).await?;
    }
    let mut ids = Vec::new();
    for (place, (by, kind, message, parent)) in (0_i64..).zip(ARCHIVE_SAID) {
        let at = started_at + Duration::minutes(place * 11);
        let parent_id = parent.and_then(|parent: usize| ids.get(parent)).copied();
        let row = RoomMessageRow { room_id, user_id: seeder.id(by)?, parent_id, kind, message, at };
        ids.push(insert_room_message(unit, &row).await?);
    }
    Ok(())
}
