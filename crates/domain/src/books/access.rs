//! Who may see a book, change it and read it.

use base::CommonFault;
use base::id::UserId;
use protocol::books::{BookStatus, PurchaseStatus};
use store::Conn;
use store::books::{BookListRow, BookName, BookRow, PurchaseRow};

use super::view::{book_status, purchase_status};
use super::{BookError, MANAGE, NO_BOOK};
use crate::unit::Unit;
use crate::{Actor, App, access};

/// What somebody may do with a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Sells it.
    Owner,
    /// Has bought it.
    Reader,
    /// Holds `books.manage`.
    Manager,
    /// Sees it in the catalogue.
    Visitor,
}

/// A book that the viewer may know of: published ones, one's own, those that one has, and all for administrators.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub(super) async fn find_seen(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    name: BookName<'_>,
) -> Result<BookListRow, BookError> {
    let viewer_id = viewer.map_or(0, Actor::user_id);
    let row = store::books::find_listed_book(conn, viewer_id, name).await?.ok_or(NO_BOOK)?;
    if is_public(&row)? || viewer_id == row.user_id || has_it(&row)? {
        return Ok(row);
    }
    if viewer_id != 0 && access::has_permission(conn, viewer_id, MANAGE).await? {
        return Ok(row);
    }
    Err(NO_BOOK.into())
}

/// As [`find_seen`], with what the actor may do.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub(super) async fn find_with_right(
    conn: &mut Conn,
    actor: &Actor,
    id: u64,
) -> Result<(BookListRow, Right), BookError> {
    let row = find_seen(conn, Some(actor), BookName::Id(id)).await?;
    let right = if row.user_id == actor.user_id() {
        Right::Owner
    } else if has_it(&row)? {
        Right::Reader
    } else if access::has_permission(conn, actor.user_id(), MANAGE).await? {
        Right::Manager
    } else {
        Right::Visitor
    };
    Ok((row, right))
}

fn is_public(row: &BookListRow) -> Result<bool, BookError> {
    Ok(row.user_is_active && book_status(&row.status)? == BookStatus::Published)
}

fn has_it(row: &BookListRow) -> Result<bool, BookError> {
    let purchase = row.my_purchase.as_deref().map(purchase_status).transpose()?;
    Ok(purchase == Some(PurchaseStatus::Completed))
}

/// Demands that the viewer may know of the book.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub async fn demand_book(app: &App, actor: &Actor, id: u64) -> Result<(), BookError> {
    let mut conn = app.store.reader().await?;
    find_seen(&mut conn, Some(actor), BookName::Id(id)).await.map(drop)
}

/// Demands that the actor may change the book, for a door that has to refuse others before it tells what is wrong with a
/// body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::NotFound`]; [`CommonFault::Forbidden`] for a book that everybody sees.
pub async fn demand_control(app: &App, actor: &Actor, id: u64) -> Result<(), BookError> {
    let mut conn = app.store.reader().await?;
    match find_with_right(&mut conn, actor, id).await?.1 {
        Right::Owner | Right::Manager => Ok(()),
        Right::Reader | Right::Visitor => Err(CommonFault::Forbidden.into()),
    }
}

/// The book, locked for who may change it, and as they see it.
///
/// # Errors
/// As [`demand_control`].
pub(super) async fn lock_controlled(
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
) -> Result<(BookRow, BookListRow), BookError> {
    // Asked first, so that a stranger holds up nobody by guessing ids.
    let (_, right) = find_with_right(unit, actor, id).await?;
    if !matches!(right, Right::Owner | Right::Manager) {
        return Err(CommonFault::Forbidden.into());
    }
    let row = store::books::lock_book(unit, id).await?.ok_or(NO_BOOK)?;
    // As it is now that nobody else can change it.
    let seen = store::books::find_listed_book(unit, actor.user_id(), BookName::Id(id)).await?;
    Ok((row, seen.ok_or(NO_BOOK)?))
}

/// A reader's own copy of a book.
#[derive(Clone, Debug)]
pub(super) struct OwnCopy {
    /// The purchase.
    pub(super) purchase: PurchaseRow,
    /// The book.
    pub(super) book: BookRow,
}

/// Demands that the actor has the book, for a door that has to refuse others first.
///
/// # Errors
/// [`CommonFault::NotFound`]; [`BookError::NotPurchased`] for a book that they may know of.
pub async fn demand_copy(app: &App, actor: &Actor, book_id: u64) -> Result<(), BookError> {
    let mut conn = app.store.reader().await?;
    find_copy(&mut conn, actor, book_id).await.map(drop)
}

/// The actor's own copy.
///
/// # Errors
/// As [`demand_copy`].
pub(super) async fn find_copy(conn: &mut Conn, actor: &Actor, book_id: u64) -> Result<OwnCopy, BookError> {
    let purchase = store::books::find_purchase(conn, book_id, actor.user_id()).await?;
    let Some(purchase) = purchase.filter(is_completed) else {
        find_seen(conn, Some(actor), BookName::Id(book_id)).await?;
        return Err(BookError::NotPurchased);
    };
    let book = store::books::find_book(conn, book_id).await?.ok_or(NO_BOOK)?;
    Ok(OwnCopy { purchase, book })
}

/// The actor's own copy, in which nobody else writes until the commit, and whose book does not change.
///
/// # Errors
/// As [`demand_copy`].
pub(super) async fn lock_copy(unit: &mut Unit, actor: &Actor, book_id: u64) -> Result<OwnCopy, BookError> {
    find_copy(unit, actor, book_id).await?;
    let book = store::books::lock_book_shared(unit, book_id).await?.ok_or(NO_BOOK)?;
    let purchase = store::books::lock_purchase(unit, book_id, actor.user_id()).await?;
    let purchase = purchase.filter(is_completed).ok_or(BookError::NotPurchased)?;
    Ok(OwnCopy { purchase, book })
}

pub(super) fn is_completed(row: &PurchaseRow) -> bool {
    row.status == PurchaseStatus::Completed.as_str()
}

/// Is the seller's account active, for what strangers may know of?
///
/// # Errors
/// Those of the store.
pub(super) async fn is_sold(unit: &mut Unit, seller: UserId) -> Result<bool, BookError> {
    Ok(store::books::has_active_seller(unit, seller).await?)
}
