//! Those who offer consultations.

use std::collections::HashMap;

use base::id::UserId;
use base::paging::{Page, PageRequest};
use base::text::length;
use base::{Problem, Time, Violations};
use protocol::consultations::{Slot, Speaker, SpeakerFilter};
use store::Conn;
use store::consultations::{SpeakerQuery, SpeakerRow};
use store::users::CardRow;

use super::ConsultationError;
use super::calendar::{Calendars, FURTHEST, zone_of};
use super::view::{average, slot_view};
use crate::users::card_view;
use crate::{Actor, App};

/// Characters that can be looked for.
const LONGEST_QUERY: usize = 100;

/// A page of the speakers, the newest accounts first, each with the next slot that is free for the viewer. Six statements,
/// whatever the page.
///
/// # Errors
/// Violations of the filters.
pub async fn list_speakers(
    app: &App,
    viewer: Option<&Actor>,
    filter: SpeakerFilter,
    page: PageRequest,
) -> Result<Page<Speaker>, ConsultationError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut violations = Violations::none();
    let within = |text: &Option<String>| text.as_deref().is_none_or(|text| length(text) <= LONGEST_QUERY);
    violations.require(within(&filter.q), "filter.q", Problem::TooLong(LONGEST_QUERY));
    violations.require(within(&filter.expertise), "filter.expertise", Problem::TooLong(LONGEST_QUERY));
    violations.into_result()?;
    let pattern = filter.q.as_deref().map(store::users::like_prefix);
    let which = SpeakerQuery {
        viewer: viewer.map_or(0, Actor::user_id),
        pattern: pattern.as_deref(),
        expertise: filter.expertise.as_deref(),
        is_verified: filter.is_verified,
    };
    let cursor = page.cursor.map(|cursor| cursor.id);
    let mut conn = app.store.reader().await?;
    let rows =
        store::consultations::list_speakers(&mut conn, which, (cursor, page.forward(), page.fetch())).await?;
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.id);
    let items = speakers_view(app, &mut conn, viewer, items, 1).await?;
    let items = items.into_iter().map(|(speaker, _)| speaker).collect();
    Ok(Page { items, next, previous, per_page })
}

/// Speakers with the next slots of each.
pub(super) async fn speakers_view(
    app: &App,
    conn: &mut Conn,
    viewer: Option<&Actor>,
    rows: Vec<SpeakerRow>,
    slots: usize,
) -> Result<Vec<(Speaker, Vec<Slot>)>, ConsultationError> {
    let ids: Vec<UserId> = rows.iter().map(|row| row.id).collect();
    let mut expertises: HashMap<UserId, Vec<String>> = HashMap::new();
    for row in store::consultations::list_expertises(conn, &ids).await? {
        expertises.entry(row.user_id).or_default().push(row.expertise);
    }
    let sums = store::consultations::list_rating_sums(conn, &ids).await?;
    let sums: HashMap<UserId, _> = sums.into_iter().map(|row| (row.rated_id, row)).collect();
    let now = Time::now().as_chrono();
    let calendars = Calendars::read(conn, &ids, viewer, (now, now + FURTHEST), now).await?;
    let currency = app.settings.money.currency.as_str();
    let mut speakers = Vec::with_capacity(rows.len());
    for row in rows {
        let zone = zone_of(row.timezone.as_deref());
        let free = calendars.next_slots(row.id, zone, slots);
        let next: Vec<Slot> = free.iter().map(|slot| slot_view(slot, zone, currency)).collect();
        let rated = sums.get(&row.id);
        let speaker = Speaker {
            headline: row.headline,
            expertises: expertises.remove(&row.id).unwrap_or_default(),
            average_rating: rated.and_then(|rated| average(rated.count, rated.sum)),
            ratings_count: rated.map_or(0, |rated| u32::try_from(rated.count).unwrap_or(u32::MAX)),
            price_from: calendars.windows(row.id).iter().map(|window| window.price).min(),
            currency: currency.to_owned(),
            timezone: zone.name().to_owned(),
            next_slot: next.first().cloned(),
            card: card_view(
                app,
                CardRow {
                    id: row.id,
                    name: row.name,
                    username: row.username,
                    avatar: row.avatar,
                    is_verified: row.is_verified,
                },
            ),
        };
        speakers.push((speaker, next));
    }
    Ok(speakers)
}
