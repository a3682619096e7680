//! `GET /books/{id}/content` (domain.md §5.5): a book for those who have it.

use std::io::Write;

use base::id::UserId;
use base::{CommonFault, Time};
use chrono::Datelike;
use futures_util::TryStreamExt;
use protocol::books::BookContent;
use sha2::{Digest, Sha256};
use store::books::{BookListRow, CopyRow, NewCopy};
use tokio::sync::SemaphorePermit;

use super::BookError;
use super::access::{Right, find_with_right, is_completed};
use super::preview::is_ours;
use crate::unit::Unit;
use crate::uploads::{COPIES, signed_url_until};
use crate::{Actor, App, in_unit};

/// Seconds that an address of a book is good for.
pub(super) const SIGNED_FOR: i64 = 300;
/// Seconds after which a reader's copy is stamped anew.
const COPY_KEPT: i64 = 12 * 3_600;
/// The PDF is not there.
const NO_FILE: CommonFault = CommonFault::NotFound("file");

/// An address of the book's PDF for its readers, its seller and administrators. Where printing or copying is off, it is a
/// copy of the reader's own: each page shows the name, a digest of the e-mail address, and the time. The address ends
/// after five minutes, and at once with a refund.
///
/// # Errors
/// [`CommonFault::NotFound`]; [`BookError::NotPurchased`].
pub async fn open_content(app: &App, actor: &Actor, id: u64) -> Result<BookContent, BookError> {
    actor.require("read")?;
    let (book, right) = {
        let mut conn = app.store.reader().await?;
        find_with_right(&mut conn, actor, id).await?
    };
    if right == Right::Visitor {
        return Err(BookError::NotPurchased);
    }
    let source = book.pdf_url.as_deref().filter(|path| !path.is_empty()).ok_or(NO_FILE)?;
    let expires_at = Time::now_in_seconds().plus_seconds(SIGNED_FOR);
    let watermarked =
        is_ours(source) && right != Right::Owner && !(book.allow_printing && book.allow_copying);
    let url = if is_ours(source) {
        let copy = reader_copy(app, actor, (&book, right), source, watermarked).await?;
        signed_url_until(app, &copy.name, expires_at)
    } else {
        source.to_owned()
    };
    Ok(BookContent {
        url,
        expires_at,
        watermarked,
        allow_printing: book.allow_printing,
        allow_copying: book.allow_copying,
        page_count: book.page_count,
    })
}

async fn reader_copy(
    app: &App,
    actor: &Actor,
    (book, right): (&BookListRow, Right),
    source: &str,
    watermarked: bool,
) -> Result<CopyRow, BookError> {
    let user_id = actor.user_id();
    let variant = format!("reader:{user_id}:{}", if watermarked { "stamped" } else { "plain" });
    let which = (book.id, variant.as_str());
    if let Some(copy) = find_fresh(app, which, source).await? {
        return Ok(copy);
    }
    let new = NewFile {
        book_id: book.id,
        user_id: Some(user_id),
        variant: &variant,
        source,
        pages: book.page_count,
    };
    let reader = (right == Right::Reader).then_some(user_id);
    if watermarked {
        let _permit = with_permit(app).await?;
        if let Some(copy) = find_fresh(app, which, source).await? {
            return Ok(copy);
        }
        let words = stamp_words(app, user_id).await?;
        let pdf = read_source(app, source).await?;
        let stamped = tokio::task::spawn_blocking(move || documents::stamp_pages(&pdf, &words));
        let bytes = stamped.await.map_err(CommonFault::internal)?.map_err(CommonFault::internal)?;
        keep_copy(app, &new, bytes, reader).await?;
    } else {
        note_original(app, &new, reader).await?;
    }
    find_fresh(app, which, source).await?.ok_or_else(|| NO_FILE.into())
}

async fn find_fresh(app: &App, which: (u64, &str), source: &str) -> Result<Option<CopyRow>, BookError> {
    let since = Time::now_in_seconds().plus_seconds(-COPY_KEPT).as_chrono();
    let mut conn = app.store.reader().await?;
    Ok(store::books::find_copy(&mut conn, which, source, since).await?)
}

/// Who it was given to, and when: a name, the beginning of the digest of the e-mail address, a time.
async fn stamp_words(app: &App, user_id: UserId) -> Result<String, BookError> {
    let mut conn = app.store.reader().await?;
    let person = store::books::find_reader(&mut conn, user_id).await?;
    let (name, email) = person.ok_or(CommonFault::NotFound("user"))?;
    let digest = Sha256::digest(email.trim().to_lowercase().as_bytes());
    let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{name} · {short} · {}", Time::now().as_chrono().format("%Y-%m-%d %H:%M UTC")))
}

/// A PDF that is to be kept.
pub(super) struct NewFile<'a> {
    pub(super) book_id: u64,
    pub(super) user_id: Option<UserId>,
    pub(super) variant: &'a str,
    pub(super) source: &'a str,
    pub(super) pages: u32,
}

/// Held while a whole PDF is in memory: not many are at once.
///
/// # Errors
/// None: the semaphore is never closed.
pub(super) async fn with_permit(app: &App) -> Result<SemaphorePermit<'_>, CommonFault> {
    app.documents.acquire().await.map_err(CommonFault::internal)
}

/// The book's own file, in memory.
///
/// # Errors
/// [`CommonFault::NotFound`] where this process does not see it.
pub(super) async fn read_source(app: &App, source: &str) -> Result<Vec<u8>, BookError> {
    let row = {
        let mut conn = app.store.reader().await?;
        store::uploads::find_upload_by_path(&mut conn, source).await?.ok_or(NO_FILE)?
    };
    let content = app.storage.read(source, 0..row.size).await?.ok_or(NO_FILE)?;
    let size = usize::try_from(row.size).unwrap_or(0);
    let read = content.try_fold(Vec::with_capacity(size), |mut all, bytes| async move {
        all.extend_from_slice(&bytes);
        Ok(all)
    });
    Ok(read.await.map_err(CommonFault::internal)?)
}

/// Notes a PDF, writes it, and lets it be seen; a reader who was refunded meanwhile does not see it.
pub(super) async fn keep_copy(
    app: &App,
    new: &NewFile<'_>,
    bytes: Vec<u8>,
    reader: Option<UserId>,
) -> Result<(), BookError> {
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let name = copy_name();
    let mut spool = app.storage.spool().await?;
    let spooled = tokio::task::spawn_blocking(move || spool.write_all(&bytes).map(|()| spool));
    let spool = spooled.await.map_err(CommonFault::internal)?.map_err(CommonFault::internal)?;
    let row = NewCopy {
        book_id: new.book_id,
        user_id: new.user_id,
        variant: new.variant,
        source: new.source,
        name: &name,
        object: &name,
        size,
        sha256: &sha256,
        pages: new.pages,
        at: Time::now_in_seconds().as_chrono(),
    };
    // Noted first: should the process die now, the clock knows what to take away.
    let id = {
        let mut conn = app.store.reader().await?;
        store::books::insert_copy(&mut conn, &row).await?
    };
    app.storage.write(&name, &spool).await?;
    in_unit!(app, |unit| show_copy(unit, id, new, reader))
}

/// A name of the book's own file that ends with the purchase.
async fn note_original(app: &App, new: &NewFile<'_>, reader: Option<UserId>) -> Result<(), BookError> {
    let name = copy_name();
    let upload = {
        let mut conn = app.store.reader().await?;
        store::uploads::find_upload_by_path(&mut conn, new.source).await?.ok_or(NO_FILE)?
    };
    let row = NewCopy {
        book_id: new.book_id,
        user_id: new.user_id,
        variant: new.variant,
        source: new.source,
        name: &name,
        object: new.source,
        size: upload.size,
        sha256: &upload.sha256,
        pages: new.pages,
        at: Time::now_in_seconds().as_chrono(),
    };
    let id = {
        let mut conn = app.store.reader().await?;
        store::books::insert_copy(&mut conn, &row).await?
    };
    in_unit!(app, |unit| show_copy(unit, id, new, reader))
}

async fn show_copy(
    unit: &mut Unit,
    id: u64,
    new: &NewFile<'_>,
    reader: Option<UserId>,
) -> Result<(), BookError> {
    if let Some(user_id) = reader {
        let purchase = store::books::lock_purchase(unit, new.book_id, user_id).await?;
        if !purchase.as_ref().is_some_and(is_completed) {
            return Err(BookError::NotPurchased);
        }
    }
    Ok(store::books::update_copy_ready(unit, id).await?)
}

fn copy_name() -> String {
    let now = Time::now().as_chrono();
    format!("{COPIES}{}/{:02}/{}.pdf", now.year(), now.month(), base::id::ulid())
}
