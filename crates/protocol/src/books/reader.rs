//! What a reader does in a book: marks, and how far it was read.

use base::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;
use crate::users::given;

/// `book_annotations.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnnotationType {
    /// Marked words; needs `position_data`.
    Highlight,
    /// A remark; needs `content`.
    Note,
    /// Underlined words; needs `position_data`.
    Underline,
    /// A marked page, one a page.
    Bookmark,
}

impl AnnotationType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Highlight, Self::Note, Self::Underline, Self::Bookmark];
    /// Their names.
    pub const NAMES: &'static [&'static str] = &["highlight", "note", "underline", "bookmark"];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Highlight => "highlight",
            Self::Note => "note",
            Self::Underline => "underline",
            Self::Bookmark => "bookmark",
        }
    }
}

/// A mark in a book, its reader's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Annotation {
    /// Its id.
    pub id: u64,
    /// The book.
    pub book_id: u64,
    /// The name that the device which made it gave it.
    pub client_id: Option<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub annotation_type: AnnotationType,
    /// From 1.
    pub page_number: u32,
    /// `#RRGGBB`.
    pub color: Option<String>,
    /// The reader's own words.
    pub content: Option<String>,
    /// Where on the page, as the app that made it says; its member `quote`, if there is one, is the marked text.
    #[schema(value_type = Option<Object>)]
    pub position_data: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: Option<Time>,
    /// When it was last changed by its reader: of two versions the later counts.
    pub updated_at: Time,
}

/// Filters of the annotations of a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnnotationFilter {
    /// Only of this kind.
    pub annotation_type: Option<AnnotationType>,
    /// On this page or later.
    pub page_from: Option<u32>,
    /// On this page or earlier.
    pub page_to: Option<u32>,
    /// Of this colour, as a number.
    pub color: Option<u32>,
}

/// Body of `POST /books/{id}/annotations`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAnnotation {
    /// What it is.
    #[serde(rename = "type")]
    pub annotation_type: AnnotationType,
    /// From 1 to the book's last page.
    #[schema(minimum = 1)]
    pub page_number: u32,
    /// `#RRGGBB`.
    #[serde(default)]
    #[schema(pattern = "^#[0-9A-Fa-f]{6}$")]
    pub color: Option<String>,
    /// The reader's own words, at most 5,000 characters; a note has some.
    #[serde(default)]
    #[schema(max_length = 5000)]
    pub content: Option<String>,
    /// Where on the page, at most 16 KiB of JSON; highlights and underlines have it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub position_data: Option<Map<String, Value>>,
    /// A name of the device's own (a UUID): the same name again gives the same annotation.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub client_id: Option<IdempotencyKey>,
}

/// Body of `PATCH /annotations/{id}`: what is left out stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAnnotation {
    /// From 1 to the book's last page.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub page_number: Option<u32>,
    /// `#RRGGBB`; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^#[0-9A-Fa-f]{6}$")]
    pub color: Option<Option<String>>,
    /// At most 5,000 characters; `null` takes it away, but a note's.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 5000)]
    pub content: Option<Option<String>>,
    /// At most 16 KiB of JSON; `null` takes it away, but a highlight's or an underline's.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub position_data: Option<Option<Map<String, Value>>>,
}

/// An annotation that a device made or changed while it was offline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpsertAnnotation {
    /// The device's own name for it (a UUID): the same name is the same annotation.
    #[schema(value_type = String)]
    pub client_id: IdempotencyKey,
    /// Its id, where the device knows it.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub id: Option<u64>,
    /// What it is; a change of an annotation that is there keeps what that is.
    #[serde(rename = "type")]
    pub annotation_type: AnnotationType,
    /// From 1 to the book's last page.
    #[schema(minimum = 1)]
    pub page_number: u32,
    /// `#RRGGBB`.
    #[serde(default)]
    #[schema(pattern = "^#[0-9A-Fa-f]{6}$")]
    pub color: Option<String>,
    /// At most 5,000 characters.
    #[serde(default)]
    #[schema(max_length = 5000)]
    pub content: Option<String>,
    /// At most 16 KiB of JSON.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub position_data: Option<Map<String, Value>>,
    /// When the reader made or changed it, by the device's clock; the later version counts.
    pub updated_at: Time,
}

/// Body of `POST /books/{id}/annotations/sync`; at most 500 upserts and deletes together.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncAnnotations {
    /// `revision` of the last sync of this device; left out, or 0, it is told everything.
    #[serde(default)]
    pub since: u64,
    /// Made or changed on the device.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub upserts: Vec<UpsertAnnotation>,
    /// Deleted on the device; a deletion is final.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub deletes: Vec<u64>,
}

/// What became of an upsert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SyncedAnnotation {
    /// The device's name for it.
    #[schema(value_type = String)]
    pub client_id: IdempotencyKey,
    /// As it is now.
    pub annotation: Annotation,
}

/// An upsert that was not taken, for something later is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SyncConflict {
    /// The device's name for it.
    #[schema(value_type = String)]
    pub client_id: IdempotencyKey,
    /// What is there instead; `null` where it was deleted.
    pub annotation: Option<Annotation>,
}

/// Answer of `POST /books/{id}/annotations/sync`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnnotationsSynced {
    /// To be given as `since` the next time.
    pub revision: u64,
    /// Upserts that count now, in their order.
    pub applied: Vec<SyncedAnnotation>,
    /// Upserts that lost to something later.
    pub conflicts: Vec<SyncConflict>,
    /// Ids that were deleted by this.
    pub deleted: Vec<u64>,
    /// Changed elsewhere since `since`: at most 1,000, the earliest first.
    pub changes: Vec<Annotation>,
    /// Deleted elsewhere since `since`.
    pub removals: Vec<u64>,
    /// More was changed than is told here: sync again from `revision`.
    pub has_more: bool,
}

/// How far a book was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadingProgress {
    /// The book.
    pub book_id: u64,
    /// Where the reader is.
    pub current_page: u32,
    /// The furthest page that was reached.
    pub total_pages_read: u32,
    /// Of `page_count`, rounded down: 100 means all.
    #[schema(maximum = 100)]
    pub percentage: u32,
    /// Time spent.
    pub reading_time_minutes: u32,
    /// When it was last read.
    pub last_read_at: Option<Time>,
}

/// Body of `PUT /books/{id}/progress`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProgress {
    /// From 1 to the book's last page; going back is free.
    #[schema(minimum = 1)]
    pub current_page: u32,
    /// Minutes read since the last report. What is more than passed on the clock (and one) does not count.
    #[serde(default)]
    #[schema(maximum = 1440)]
    pub minutes_delta: u32,
}

/// How annotations are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Markdown.
    Md,
    /// The annotations as this interface has them.
    Json,
    /// W3C Web Annotations, in a set as EPUB Annotations 1.0 has it.
    W3c,
}

impl ExportFormat {
    /// Their names.
    pub const NAMES: &'static [&'static str] = &["md", "json", "w3c"];
}
