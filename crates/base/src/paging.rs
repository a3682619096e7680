//! Keyset pages (domain.md D18): a cursor is opaque base64url JSON in Laravel's own shape, so either server reads the other's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};

/// Items a page holds unless asked otherwise.
pub const DEFAULT_PER_PAGE: u32 = 20;
/// The most items a page can hold.
pub const MAX_PER_PAGE: u32 = 100;

/// A place in a list ordered by descending id (`{"id":123,"_pointsToNextItems":true}` in Laravel's `Cursor::encode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The id next to which the page begins (itself not on the page).
    pub id: u64,
    /// Towards the following items (`true`) or back to the preceding ones.
    #[serde(rename = "_pointsToNextItems")]
    pub forward: bool,
}

/// A place in a list ordered by descending time and then descending UUID, as Laravel's paginator of notifications names it
/// (`{"created_at":"2026-01-31 10:00:00","id":"…","_pointsToNextItems":true}`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedCursor {
    /// Unix seconds.
    pub at: i64,
    /// The UUID as a number, which orders as its text does.
    pub uuid: u128,
    /// Towards the following items (`true`) or back to the preceding ones.
    pub forward: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimedText {
    created_at: String,
    id: String,
    #[serde(rename = "_pointsToNextItems")]
    forward: bool,
}

/// How times are written in the database and in cursors.
const SECONDS: &str = "%Y-%m-%d %H:%M:%S";

/// A UUID's text.
#[must_use]
pub fn uuid_text(uuid: u128) -> String {
    let digits = format!("{uuid:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// The number of a UUID in its usual spelling.
#[must_use]
pub fn uuid_number(text: &str) -> Option<u128> {
    let number = u128::from_str_radix(&text.replace('-', ""), 16).ok()?;
    (uuid_text(number) == text.to_ascii_lowercase()).then_some(number)
}

/// A place in a list: what cursors say.
pub trait Place: Copy {
    /// Towards the following items (`true`) or back to the preceding ones.
    fn is_forward(&self) -> bool;
    /// The text handed to clients.
    fn encode(self) -> String;
    /// Reads a text handed out before.
    ///
    /// # Errors
    /// [`NotACursor`] for anything else.
    fn decode(text: &str) -> Result<Self, NotACursor>;
}

impl Place for Cursor {
    fn is_forward(&self) -> bool {
        self.forward
    }

    fn encode(self) -> String {
        Self::encode(self)
    }

    fn decode(text: &str) -> Result<Self, NotACursor> {
        Self::decode(text)
    }
}

impl Place for TimedCursor {
    fn is_forward(&self) -> bool {
        self.forward
    }

    fn encode(self) -> String {
        let at = DateTime::from_timestamp(self.at, 0).unwrap_or_default().format(SECONDS);
        let (id, forward) = (uuid_text(self.uuid), self.forward);
        URL_SAFE_NO_PAD
            .encode(format!("{{\"created_at\":\"{at}\",\"id\":\"{id}\",\"_pointsToNextItems\":{forward}}}"))
    }

    fn decode(text: &str) -> Result<Self, NotACursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_error| NotACursor)?;
        let text: TimedText = serde_json::from_slice(&bytes).map_err(|_error| NotACursor)?;
        let at = NaiveDateTime::parse_from_str(&text.created_at, SECONDS).map_err(|_error| NotACursor)?;
        let uuid = uuid_number(&text.id).ok_or(NotACursor)?;
        Ok(Self { at: at.and_utc().timestamp(), uuid, forward: text.forward })
    }
}

/// The text is not a cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a list gave out")]
pub struct NotACursor;

impl Cursor {
    /// The text handed to clients.
    #[must_use]
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{{\"id\":{},\"_pointsToNextItems\":{}}}", self.id, self.forward))
    }

    /// Reads a text handed out before.
    ///
    /// # Errors
    /// [`NotACursor`] for anything else.
    pub fn decode(text: &str) -> Result<Self, NotACursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_error| NotACursor)?;
        serde_json::from_slice(&bytes).map_err(|_error| NotACursor)
    }
}

/// What a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest<C = Cursor> {
    /// Where the page begins; `None` is the start of the list.
    pub cursor: Option<C>,
    /// How many items, 1 to [`MAX_PER_PAGE`].
    pub per_page: u32,
}

impl<C> Default for PageRequest<C> {
    fn default() -> Self {
        Self { cursor: None, per_page: DEFAULT_PER_PAGE }
    }
}

impl<C: Place> PageRequest<C> {
    /// Rows to fetch: one more than the page holds, to learn whether there are more.
    #[must_use]
    pub fn fetch(self) -> u32 {
        self.per_page.saturating_add(1)
    }

    /// Towards the following items?
    #[must_use]
    pub fn forward(self) -> bool {
        self.cursor.is_none_or(|cursor| cursor.is_forward())
    }
}

/// A page of a list, in the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C = Cursor> {
    /// The items.
    pub items: Vec<T>,
    /// Where the following page begins, if there is one.
    pub next: Option<C>,
    /// Where the preceding page ends, if there is one.
    pub previous: Option<C>,
    /// How many items were asked for.
    pub per_page: u32,
}

impl<T> Page<T> {
    /// Makes a page of what was fetched for `request` ([`PageRequest::fetch`] rows at most). `rows` come in the order
    /// of the walk: descending ids forward, ascending ids when walking back.
    pub fn from_rows(request: PageRequest, rows: Vec<T>, id: impl Fn(&T) -> u64) -> Self {
        Self::from_places(request, rows, |row, forward| Cursor { id: id(row), forward })
    }

    /// Makes a page of a conversation, whose list is shown with ascending ids: the following page is the older one.
    /// `has_older` and `has_newer` say what is known to be on either side of `items`.
    pub fn ascending(
        per_page: u32,
        items: Vec<T>,
        (has_older, has_newer): (bool, bool),
        id: impl Fn(&T) -> u64,
    ) -> Self {
        let oldest = items.first().map(&id).filter(|_| has_older);
        let newest = items.last().map(&id).filter(|_| has_newer);
        Self {
            next: oldest.map(|id| Cursor { id, forward: true }),
            previous: newest.map(|id| Cursor { id, forward: false }),
            items,
            per_page,
        }
    }
}

impl<T, C: Place> Page<T, C> {
    /// As [`Page::from_rows`], for any kind of place.
    pub fn from_places(request: PageRequest<C>, mut rows: Vec<T>, place: impl Fn(&T, bool) -> C) -> Self {
        let limit = usize::try_from(request.per_page).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let forward = request.forward();
        if !forward {
            rows.reverse();
        }
        let has_next = if forward { more } else { !rows.is_empty() };
        let has_previous = if forward { request.cursor.is_some() } else { more };
        Self {
            next: rows.last().filter(|_| has_next).map(|row| place(row, true)),
            previous: rows.first().filter(|_| has_previous).map(|row| place(row, false)),
            items: rows,
            per_page: request.per_page,
        }
    }

    /// The same page of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U, C> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
            previous: self.previous,
            per_page: self.per_page,
        }
    }
}

/// What a catalogue or a table of administrators is asked for: lists with an order of the asker's choice are walked by
/// page number (domain.md D18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedRequest {
    /// From 1.
    pub page: u32,
    /// How many items, 1 to [`MAX_PER_PAGE`].
    pub per_page: u32,
    /// Is the number of all items wanted? Counting them costs a query.
    pub with_total: bool,
}

impl Default for NumberedRequest {
    fn default() -> Self {
        Self { page: 1, per_page: DEFAULT_PER_PAGE, with_total: true }
    }
}

impl NumberedRequest {
    /// Rows before the page.
    #[must_use]
    pub fn offset(self) -> u64 {
        u64::from(self.page.saturating_sub(1)).saturating_mul(u64::from(self.per_page))
    }

    /// Rows to fetch: one more than the page holds, to learn whether there are more without counting them.
    #[must_use]
    pub const fn fetch(self) -> u32 {
        self.per_page.saturating_add(1)
    }
}

/// A page of a list that is walked by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedPage<T> {
    /// The items.
    pub items: Vec<T>,
    /// What was asked for.
    pub request: NumberedRequest,
    /// Are there items after these?
    pub has_more: bool,
    /// How many items the list has, where that was asked for.
    pub total: Option<u64>,
}

impl<T> NumberedPage<T> {
    /// Makes a page of what was fetched for `request` ([`NumberedRequest::fetch`] rows at most).
    #[must_use]
    pub fn from_rows(request: NumberedRequest, mut rows: Vec<T>, total: Option<u64>) -> Self {
        let limit = usize::try_from(request.per_page).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { items: rows, request, has_more, total }
    }

    /// The same page of other items, unless one of them cannot be made.
    ///
    /// # Errors
    /// The first of `change`'s.
    pub fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<NumberedPage<U>, E> {
        let Self { items, request, has_more, total } = self;
        let items = items.into_iter().map(change).collect::<Result<_, _>>()?;
        Ok(NumberedPage { items, request, has_more, total })
    }

    /// The same page of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> NumberedPage<U> {
        NumberedPage {
            items: self.items.into_iter().map(change).collect(),
            request: self.request,
            has_more: self.has_more,
            total: self.total,
        }
    }
}

/// An order of a list: a column that the list offers, up or down (`sort=-created_at`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Its name, one of those that the list offers.
    pub by: &'static str,
    /// From the greatest to the least?
    pub descending: bool,
}

impl Sort {
    /// Reads `column` or `-column`, if it is one of `offered`.
    #[must_use]
    pub fn parse(text: &str, offered: &'static [&'static str]) -> Option<Self> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let by = offered.iter().copied().find(|by| *by == name)?;
        Some(Self { by, descending })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Cursor, NotACursor, NumberedPage, NumberedRequest, Page, PageRequest, Place, Sort, TimedCursor,
    };

    #[test]
    fn numbered_pages_know_whether_there_are_more() {
        let request = NumberedRequest { page: 3, per_page: 2, with_total: false };
        assert_eq!((request.offset(), request.fetch()), (4, 3));
        let page = NumberedPage::from_rows(request, vec![5, 6, 7], None);
        assert_eq!((page.items.as_slice(), page.has_more), ([5, 6].as_slice(), true));
        assert!(!NumberedPage::from_rows(request, vec![5, 6], None).has_more);
    }

    #[test]
    fn orders_are_those_offered() {
        assert_eq!(Sort::parse("-price", &["id", "price"]), Some(Sort { by: "price", descending: true }));
        assert_eq!(Sort::parse("id", &["id"]), Some(Sort { by: "id", descending: false }));
        assert_eq!(Sort::parse("--id", &["id"]), None);
        assert_eq!(Sort::parse("password", &["id"]), None);
    }

    #[test]
    fn cursors_are_laravels() {
        let cursor = Cursor { id: 123, forward: true };
        assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        // base64url of {"id":5,"_pointsToNextItems":true}, as PHP writes it.
        assert_eq!(
            Cursor::decode("eyJpZCI6NSwiX3BvaW50c1RvTmV4dEl0ZW1zIjp0cnVlfQ"),
            Ok(Cursor { id: 5, forward: true })
        );
        for text in ["", "%%%", "e30", "eyJpZCI6LTF9"] {
            assert_eq!(Cursor::decode(text), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn timed_cursors_are_laravels_too() {
        let uuid = super::uuid_number("0d9c2f0e-6a6b-4f0c-9c55-3d1f6f8f2b11").unwrap();
        assert_eq!(super::uuid_text(uuid), "0d9c2f0e-6a6b-4f0c-9c55-3d1f6f8f2b11");
        let cursor = TimedCursor { at: 1_769_853_600, uuid, forward: false };
        assert_eq!(TimedCursor::decode(&Place::encode(cursor)), Ok(cursor));
        for text in ["", "e30", &Cursor { id: 1, forward: true }.encode()] {
            assert_eq!(TimedCursor::decode(text), Err(NotACursor), "{text}");
        }
        assert_eq!(super::uuid_number("0d9c2f0e6a6b4f0c9c553d1f6f8f2b11"), None);
    }

    #[test]
    fn pages_lead_both_ways() {
        let ask = |cursor, per_page| PageRequest { cursor, per_page };
        let first = Page::from_rows(ask(None, 2), vec![9, 8, 7], |&id| id);
        assert_eq!((first.items.clone(), first.previous), (vec![9, 8], None));
        let second = Page::from_rows(ask(first.next, 2), vec![7, 6], |&id| id);
        assert_eq!((second.items.clone(), second.next), (vec![7, 6], None));
        let back = Page::from_rows(ask(second.previous, 2), vec![8, 9], |&id| id);
        assert_eq!((back.items, back.previous), (vec![9, 8], None));
        assert_eq!(back.next, Some(Cursor { id: 8, forward: true }));
    }
}
