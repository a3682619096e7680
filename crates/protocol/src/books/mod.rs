//! Books: inputs and views (domain.md §5.5).

mod reader;

use base::id::UserId;
use base::{Lang, Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Trashed;
use crate::users::{UserCard, given};

pub use reader::{
    Annotation, AnnotationFilter, AnnotationType, AnnotationsSynced, CreateAnnotation, ExportFormat,
    ReadingProgress, SyncAnnotations, SyncConflict, SyncedAnnotation, UpdateAnnotation, UpdateProgress,
    UpsertAnnotation,
};

/// `books.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BookStatus {
    /// Being written: its seller and administrators see it.
    Draft,
    /// For sale.
    Published,
    /// Not for sale any more; whoever bought it keeps it.
    Archived,
}

impl BookStatus {
    /// Their names.
    pub const NAMES: &'static [&'static str] = &["draft", "published", "archived"];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }
}

/// `book_purchases.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PurchaseStatus {
    /// Paid: the book may be read.
    Completed,
    /// Given back.
    Refunded,
}

impl PurchaseStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refunded => "refunded",
        }
    }
}

/// The category of a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BookCategory {
    /// Its id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// In English.
    pub name_en: String,
    /// In Arabic.
    pub name_ar: String,
}

/// A book as the catalogue shows it. Its PDF is not in here: `/preview` and `/content` give it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Book {
    /// Its id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Who sells it.
    pub user: UserCard,
    /// Its category.
    pub category: BookCategory,
    /// Its title.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// What it is about.
    pub description: Option<String>,
    /// Address of its cover.
    pub cover: Option<String>,
    /// ISBN-10 or ISBN-13, without hyphens.
    pub isbn: Option<String>,
    /// What it is written in.
    pub language: Lang,
    /// Pages of its PDF; 0 while it has none.
    pub page_count: u32,
    /// Pages that everybody may read.
    pub preview_pages: u32,
    /// What it costs.
    pub price: Money,
    /// ISO 4217.
    pub currency: String,
    /// Where it stands.
    pub status: BookStatus,
    /// Readers may print it.
    pub allow_printing: bool,
    /// Readers may copy out of it.
    pub allow_copying: bool,
    /// How many have it.
    pub purchases_count: u32,
    /// Of its reviews, 0.00 to 5.00.
    pub average_rating: String,
    /// The asker's own purchase, if there is one.
    pub my_purchase: Option<PurchaseStatus>,
    /// When it was made.
    pub created_at: Option<Time>,
    /// When it was changed.
    pub updated_at: Option<Time>,
}

/// A book as administrators see it in their list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ManagedBook {
    /// The book.
    #[serde(flatten)]
    pub book: Book,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
}

/// Body of `POST /books`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBook {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// Who wrote it, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub author: String,
    /// At most 20,000 characters.
    #[serde(default)]
    #[schema(max_length = 20_000)]
    pub description: Option<String>,
    /// An active category.
    #[schema(minimum = 1)]
    pub category_id: u64,
    /// What it is written in.
    pub language: Lang,
    /// What it costs; nothing for a free book.
    #[serde(default)]
    #[schema(value_type = String, pattern = r"^[0-9]{1,10}(\.[0-9]{1,2})?$")]
    pub price: Money,
    /// An upload of kind `book`; needed before it is published.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub pdf_upload_id: Option<u64>,
    /// An upload of kind `image`.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub cover_upload_id: Option<u64>,
    /// ISBN-10 or ISBN-13, with hyphens or without.
    #[serde(default)]
    #[schema(max_length = 20)]
    pub isbn: Option<String>,
    /// Pages that everybody may read, at most as many as the PDF has.
    #[serde(default)]
    pub preview_pages: u32,
    /// Readers may print it.
    #[serde(default)]
    pub allow_printing: bool,
    /// Readers may copy out of it.
    #[serde(default)]
    pub allow_copying: bool,
}

/// Body of `PATCH /books/{id}`: what is left out stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateBook {
    /// 1 to 255 characters.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    pub title: Option<String>,
    /// 1 to 255 characters.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    pub author: Option<String>,
    /// At most 20,000 characters; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 20_000)]
    pub description: Option<Option<String>>,
    /// An active category.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub category_id: Option<u64>,
    /// What it is written in.
    #[serde(default)]
    pub language: Option<Lang>,
    /// What it costs.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = r"^[0-9]{1,10}(\.[0-9]{1,2})?$")]
    pub price: Option<Money>,
    /// Another PDF: an upload of kind `book`. It may not end before a page that a reader has marked.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub pdf_upload_id: Option<u64>,
    /// Another cover: an upload of kind `image`; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    pub cover_upload_id: Option<Option<u64>>,
    /// ISBN-10 or ISBN-13; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 20)]
    pub isbn: Option<Option<String>>,
    /// Pages that everybody may read.
    #[serde(default)]
    pub preview_pages: Option<u32>,
    /// Readers may print it.
    #[serde(default)]
    pub allow_printing: Option<bool>,
    /// Readers may copy out of it.
    #[serde(default)]
    pub allow_copying: Option<bool>,
}

/// Body of `PATCH /admin/books/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBookStatus {
    /// Where it shall stand.
    pub status: BookStatus,
    /// Why, for the audit log; at most 255 characters.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub reason: Option<String>,
}

/// Filters of the lists of books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookFilter {
    /// Words of title, author and description.
    pub q: Option<String>,
    /// Id of a category.
    pub category_id: Option<u64>,
    /// What it is written in.
    pub language: Option<Lang>,
    /// Who sells it.
    pub user_id: Option<UserId>,
    /// A part of the name of who wrote it.
    pub author: Option<String>,
    /// With hyphens or without.
    pub isbn: Option<String>,
    /// That much or more.
    pub price_min: Option<Money>,
    /// That much or less.
    pub price_max: Option<Money>,
    /// Only free, or only paid ones.
    pub free: Option<bool>,
    /// Rated so or better, in hundredths.
    pub rating_min: Option<u32>,
    /// Where they stand; for administrators and the own ones.
    pub status: Option<BookStatus>,
    /// Deleted ones; for administrators.
    pub trashed: Trashed,
}

/// A purchase of a book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BookPurchase {
    /// Its id; buying again after a refund is the same one.
    pub id: u64,
    /// The book.
    pub book_id: u64,
    /// Who has it.
    pub user_id: UserId,
    /// Where it stands.
    pub status: PurchaseStatus,
    /// What was paid.
    pub price_paid: Money,
    /// ISO 4217.
    pub currency: String,
    /// When it was bought, the last time.
    pub purchased_at: Option<Time>,
    /// When it was given back.
    pub refunded_at: Option<Time>,
}

/// A book of the own library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LibraryItem {
    /// The purchase.
    pub purchase: BookPurchase,
    /// The book.
    pub book: Book,
    /// How far it was read.
    pub progress: ReadingProgress,
}

/// Body of `POST /books/{id}/refund`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundBook {
    /// Whose purchase, for administrators (`refunds.issue`); one's own where left out.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub user_id: Option<UserId>,
    /// Why; at most 255 characters.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub reason: Option<String>,
}

/// Where a book can be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BookContent {
    /// Address of the PDF, without a token; takes ranges. It ends with the purchase at the latest.
    pub url: String,
    /// Until then.
    pub expires_at: Time,
    /// Its pages show who it was given to.
    pub watermarked: bool,
    /// The reader may print it.
    pub allow_printing: bool,
    /// The reader may copy out of it.
    pub allow_copying: bool,
    /// Pages of the PDF.
    pub page_count: u32,
}
