//! Rows as clients see them.

use base::{Lang, Time};
use protocol::books::{
    Annotation, AnnotationType, Book, BookCategory, BookPurchase, BookStatus, PurchaseStatus, ReadingProgress,
};
use protocol::users::UserCard;
use store::StoreError;
use store::books::{AnnotationRow, BookListRow, ProgressRow, PurchaseRow};

use crate::App;
use crate::uploads::picture_url;

pub(super) fn book_status(column: &str) -> Result<BookStatus, StoreError> {
    let all = [BookStatus::Draft, BookStatus::Published, BookStatus::Archived];
    let found = all.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "books", column: "status" })
}

pub(super) fn purchase_status(column: &str) -> Result<PurchaseStatus, StoreError> {
    let found =
        [PurchaseStatus::Completed, PurchaseStatus::Refunded].into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "book_purchases", column: "status" })
}

pub(super) fn annotation_type(column: &str) -> Result<AnnotationType, StoreError> {
    let found = AnnotationType::ALL.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "book_annotations", column: "type" })
}

pub(super) fn book_view(app: &App, row: BookListRow) -> Result<Book, StoreError> {
    let language = Lang::from_code(&row.language);
    Ok(Book {
        id: row.id,
        slug: row.slug,
        user: UserCard {
            id: row.user_id,
            name: row.user_name,
            username: row.user_username,
            avatar: picture_url(app, row.user_avatar),
            is_verified: row.user_is_verified,
        },
        category: BookCategory {
            id: row.category_id,
            slug: row.category_slug,
            name_en: row.category_name_en,
            name_ar: row.category_name_ar,
        },
        title: row.title,
        author: row.author,
        description: row.description,
        cover: picture_url(app, row.cover),
        isbn: row.isbn,
        language: language.ok_or(StoreError::Corrupt { table: "books", column: "language" })?,
        page_count: row.page_count,
        preview_pages: row.preview_pages,
        price: row.price,
        currency: app.settings.money.currency.clone(),
        status: book_status(&row.status)?,
        allow_printing: row.allow_printing,
        allow_copying: row.allow_copying,
        purchases_count: row.purchases_count,
        average_rating: format!("{:.2}", row.average_rating),
        my_purchase: row.my_purchase.as_deref().map(purchase_status).transpose()?,
        created_at: row.created_at.map(Time::from),
        updated_at: row.updated_at.map(Time::from),
    })
}

pub(super) fn purchase_view(app: &App, row: PurchaseRow) -> Result<BookPurchase, StoreError> {
    Ok(BookPurchase {
        id: row.id,
        book_id: row.book_id,
        user_id: row.user_id,
        status: purchase_status(&row.status)?,
        price_paid: row.price_paid,
        currency: app.settings.money.currency.clone(),
        purchased_at: row.purchased_at.map(Time::from),
        refunded_at: row.refunded_at.map(Time::from),
    })
}

/// What was noted, or that nothing was read yet.
pub(super) fn progress_view(book_id: u64, page_count: u32, row: Option<&ProgressRow>) -> ReadingProgress {
    let furthest = row.map_or(0, |row| row.total_pages_read);
    let percentage = u64::from(furthest).saturating_mul(100) / u64::from(page_count.max(1));
    ReadingProgress {
        book_id,
        current_page: row.map_or(1, |row| row.current_page),
        total_pages_read: furthest,
        percentage: u32::try_from(percentage.min(100)).unwrap_or(100),
        reading_time_minutes: row.map_or(0, |row| row.reading_time_minutes),
        last_read_at: row.and_then(|row| row.last_read_at).map(Time::from),
    }
}

pub(super) fn annotation_view(book_id: u64, row: AnnotationRow) -> Result<Annotation, StoreError> {
    let written = row.updated_at.or(row.created_at).map(Time::from);
    let edited = row.edited_at.and_then(|millis| Time::from_unix_millis(i64::try_from(millis).ok()?));
    let corrupt = StoreError::Corrupt { table: "book_annotations", column: "updated_at" };
    Ok(Annotation {
        id: row.id,
        book_id,
        client_id: row.client_id,
        annotation_type: annotation_type(&row.annotation_type)?,
        page_number: row.page_number,
        color: row.color,
        content: row.content,
        position_data: row.position_data.and_then(|data| match data.0 {
            serde_json::Value::Object(members) => Some(members),
            _ => None,
        }),
        created_at: row.created_at.map(Time::from),
        updated_at: edited.or(written).ok_or(corrupt)?,
    })
}
