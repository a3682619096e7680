//! When people are free: a constant number of statements for any number of speakers.

use std::collections::HashMap;

use base::id::UserId;
use chrono::{DateTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use store::consultations::{AvailabilityRow, BusyRow, SpeakerRow};
use store::{Conn, StoreError};

use super::rules::ConsultRules;
use super::slots::{SlotAt, Span, Window, overlap, slots_in};
use super::view::weekday;
use super::{ConsultationError, NO_SPEAKER, OFFER};
use crate::{Actor, access};

/// Used where a profile names no zone that exists (`user_profiles.timezone`'s default).
const DEFAULT_ZONE: Tz = Tz::Asia__Riyadh;
/// A session that began earlier than so long before is over.
pub(super) const LONGEST: TimeDelta = TimeDelta::days(1);
/// How long a row is held that says nothing of it.
pub(super) const HOLD: TimeDelta = TimeDelta::minutes(15);

/// A speaker that the viewer may know of.
pub(super) async fn find_visible_speaker(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    speaker_id: UserId,
) -> Result<SpeakerRow, ConsultationError> {
    let row = store::consultations::find_speaker(conn, speaker_id).await?.ok_or(NO_SPEAKER)?;
    if !access::has_permission(conn, speaker_id, OFFER).await? {
        return Err(NO_SPEAKER.into());
    }
    if let Some(viewer) = viewer.map(Actor::user_id)
        && viewer != speaker_id
        && store::social::has_block(conn, viewer, speaker_id).await?
    {
        return Err(NO_SPEAKER.into());
    }
    Ok(row)
}

/// The zone that a profile names.
pub(super) fn zone_of(timezone: Option<&str>) -> Tz {
    timezone.and_then(|name| name.parse().ok()).unwrap_or(DEFAULT_ZONE)
}

/// The windows that can be booked; one of a weekday or length that cannot be is none.
pub(super) fn window_of(row: &AvailabilityRow) -> Result<Window, StoreError> {
    let weekday = match weekday(&row.day_of_week)? {
        protocol::consultations::Weekday::Mon => Weekday::Mon,
        protocol::consultations::Weekday::Tue => Weekday::Tue,
        protocol::consultations::Weekday::Wed => Weekday::Wed,
        protocol::consultations::Weekday::Thu => Weekday::Thu,
        protocol::consultations::Weekday::Fri => Weekday::Fri,
        protocol::consultations::Weekday::Sat => Weekday::Sat,
        protocol::consultations::Weekday::Sun => Weekday::Sun,
    };
    Ok(Window {
        id: row.id,
        weekday,
        start: row.start_time,
        end: row.end_time,
        length: TimeDelta::minutes(i64::from(row.session_duration)),
        price: row.price_per_session,
    })
}

/// When a hold ends; `None` for a booking that is no hold, or whose row does not say when it was made.
pub(super) fn hold_end(
    status: &str,
    expires_at: Option<DateTime<Utc>>,
    created_at: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    if status != "pending" {
        return None;
    }
    expires_at.or_else(|| created_at.map(|at| at + HOLD))
}

/// Does it still keep its two busy?
pub(super) fn in_force(row: &BusyRow, now: DateTime<Utc>) -> bool {
    hold_end(&row.status, row.expires_at, row.created_at).is_none_or(|end| end > now)
}

/// The time of a session.
pub(super) fn span_of(row: &BusyRow) -> Span {
    (row.scheduled_at, row.scheduled_at + TimeDelta::minutes(i64::from(row.duration_minutes)))
}

/// Time that is busy with the buffer of a speaker around it.
pub(super) fn with_buffer((start, end): Span, buffer: TimeDelta) -> Span {
    (start - buffer, end + buffer)
}

/// When speakers can be booked by a viewer.
#[derive(Debug)]
pub(super) struct Calendars {
    windows: HashMap<UserId, Vec<Window>>,
    busy: HashMap<UserId, Vec<Span>>,
    viewer: UserId,
    rules: ConsultRules,
    now: DateTime<Utc>,
}

impl Calendars {
    /// Reads what there is to know of some speakers, for sessions that begin in a span.
    pub(super) async fn read(
        conn: &mut Conn,
        speakers: &[UserId],
        viewer: Option<&Actor>,
        (from, to): Span,
        now: DateTime<Utc>,
    ) -> Result<Self, ConsultationError> {
        let rules = ConsultRules::read(conn).await?;
        let mut windows: HashMap<UserId, Vec<Window>> = HashMap::new();
        for row in store::consultations::list_open_availabilities(conn, speakers).await? {
            windows.entry(row.user_id).or_default().push(window_of(&row)?);
        }
        let viewer = viewer.map_or(0, Actor::user_id);
        let mut people = speakers.to_vec();
        people.extend(Some(viewer).filter(|&viewer| viewer != 0 && !speakers.contains(&viewer)));
        let mut busy: HashMap<UserId, Vec<Span>> = HashMap::new();
        let rows = store::consultations::list_busy(conn, &people, (from - LONGEST, to + LONGEST)).await?;
        for row in rows.iter().filter(|row| in_force(row, now)) {
            for user_id in [row.student_id, row.speaker_id] {
                busy.entry(user_id).or_default().push(span_of(row));
            }
        }
        Ok(Self { windows, busy, viewer, rules, now })
    }

    /// A speaker's windows.
    pub(super) fn windows(&self, speaker_id: UserId) -> &[Window] {
        self.windows.get(&speaker_id).map_or(&[], Vec::as_slice)
    }

    /// A speaker's free slots that begin in a span.
    pub(super) fn free_slots(&self, speaker_id: UserId, zone: Tz, (from, to): Span) -> Vec<SlotAt> {
        let earliest = from.max(self.now + self.rules.min_notice);
        // A slot may begin at the horizon itself.
        let latest = to.min(self.now + self.rules.horizon + TimeDelta::seconds(1));
        if earliest >= latest {
            return Vec::new();
        }
        let busy_with = |user_id: UserId| self.busy.get(&user_id).map_or(&[][..], Vec::as_slice);
        let mut slots = slots_in(self.windows(speaker_id), zone, (earliest, latest));
        slots.retain(|slot| {
            let span = (slot.start, slot.end);
            let speaker = busy_with(speaker_id).iter();
            let speaker = speaker.map(|&busy| with_buffer(busy, self.rules.buffer));
            let viewer = busy_with(self.viewer).iter().copied();
            !speaker.chain(viewer).any(|busy| overlap(busy, span))
        });
        slots
    }

    /// A speaker's next free slots, so many at most. Walks week by week, since most have one in the first.
    pub(super) fn next_slots(&self, speaker_id: UserId, zone: Tz, most: usize) -> Vec<SlotAt> {
        let mut found = Vec::new();
        let end = self.now + self.rules.horizon + TimeDelta::seconds(1);
        let mut from = self.now;
        while from < end && found.len() < most && !self.windows(speaker_id).is_empty() {
            let to = (from + TimeDelta::weeks(1)).min(end);
            found.extend(self.free_slots(speaker_id, zone, (from, to)));
            from = to;
        }
        found.truncate(most);
        found
    }
}

/// The longest horizon that can be set: what is read where the set one is not known yet.
pub(super) const FURTHEST: TimeDelta = TimeDelta::days(366);
