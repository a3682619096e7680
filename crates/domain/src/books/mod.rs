//! Books: the catalogue, buying, and reading with marks (domain.md §5.5).

mod access;
mod annotations;
mod book_file;
mod checks;
mod content;
mod create_book;
mod delete_book;
mod find_book;
mod isbn;
mod list_books;
mod list_library;
mod list_user_books;
mod machines;
mod preview;
mod progress;
mod purchase_book;
mod purge_copies;
mod refund_book;
mod set_status;
mod slug;
mod update_book;
mod view;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;
use crate::uploads::UploadError;
use crate::wallet::WalletError;

pub use access::{demand_book, demand_control, demand_copy};
pub use annotations::{
    Exported, create_annotation, delete_annotation, demand_annotation, export_annotations, list_annotations,
    sync_annotations, update_annotation,
};
pub use content::open_content;
pub use create_book::create_book;
pub use delete_book::delete_book;
pub use find_book::find_book;
pub use list_books::{list_books, list_managed_books};
pub use list_library::list_library;
pub use list_user_books::list_user_books;
pub use preview::find_preview;
pub use progress::{find_progress, tell_progress_due, update_progress};
pub use purchase_book::purchase_book;
pub use purge_copies::purge_copies;
pub use refund_book::{demand_refund, refund_book};
pub use set_status::{archive_book, publish_book, set_book_status, unpublish_book};
pub use update_book::update_book;

/// What can go wrong with books.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// The book has to be paid, and could not be.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A file could not be used.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Has it.
    #[error("You have this book already.")]
    AlreadyPurchased,
    /// One's own book is not bought.
    #[error("You cannot buy your own book.")]
    OwnBook,
    /// It is a draft, or archived.
    #[error("This book is not for sale now.")]
    NotForSale,
    /// Only who bought it reads it.
    #[error("Buy this book first.")]
    NotPurchased,
    /// Too late, or too much was read.
    #[error("A book can be given back within {days} days, as long as {percent} % of it at most were read.")]
    RefundPolicy {
        /// Days after the purchase.
        days: i64,
        /// Of a hundred pages.
        percent: i64,
    },
    /// People have it: it can be archived, not deleted.
    #[error("People have bought this book: archive it instead.")]
    InUse,
}

impl Fault for BookError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::Wallet(fault) => fault.rule(),
            Self::Upload(fault) => fault.rule(),
            Self::AlreadyPurchased => Rule::BOOK_ALREADY_PURCHASED,
            Self::OwnBook => Rule::BOOK_OWN,
            Self::NotForSale => Rule::BOOK_NOT_FOR_SALE,
            Self::NotPurchased => Rule::BOOK_NOT_PURCHASED,
            Self::RefundPolicy { .. } => Rule::POLICY_VIOLATION,
            Self::InUse => Rule::BOOK_IN_USE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            Self::Wallet(fault) => Some(fault),
            Self::Upload(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(BookError);

/// There is no such book, or the asker may not know of it (domain.md D23).
const NO_BOOK: CommonFault = CommonFault::NotFound("book");
/// The permission over the books of others.
const MANAGE: &str = "books.manage";
