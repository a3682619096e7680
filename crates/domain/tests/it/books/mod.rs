//! Books (domain.md §5.5): the shelf, buying, reading, marks.

mod annotations;
mod buying;
mod reading;
mod refunds;
mod shelf;

use base::conditional::{Data, IfMatch, etag};
use base::{Lang, Money};
use config::Settings;
use domain::books::{self, BookError};
use domain::uploads::{self, NewUpload};
use domain::{Actor, App};
use protocol::books::{Book, BookPurchase, CreateBook};
use protocol::uploads::UploadKind;
use tempfile::TempDir;

use crate::samples;
use crate::stage::{Stage, key, money};

/// A stage with somebody who sells books, a category, and a folder of its own for files.
pub(crate) struct Shop {
    pub(crate) stage: Stage,
    pub(crate) author: Actor,
    pub(crate) category: u64,
    _folder: TempDir,
}

impl Shop {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::new().unwrap();
        let stage = Stage::with(|settings| {
            settings.limits.enabled = false;
            settings.uploads.folder = folder.path().join("files");
            change(settings);
        })
        .await;
        stage
            .run("INSERT INTO categories (id, name_en, name_ar, slug, is_active) VALUES (7, 'Arts', 'فنون', 'arts', 1)")
            .await;
        let author = stage.person("author").await;
        stage.appoint(&author, "speaker").await;
        Self { stage, author, category: 7, _folder: folder }
    }

    pub(crate) fn app(&self) -> &App {
        &self.stage.app
    }

    /// The id of an upload of somebody's.
    pub(crate) async fn upload(&self, actor: &Actor, kind: UploadKind, bytes: &[u8]) -> u64 {
        let mut incoming = uploads::open_upload(self.app(), actor).await.unwrap();
        incoming.write(Some(kind), bytes).await.unwrap();
        let input = NewUpload { kind, name: Some("a book.pdf".to_owned()) };
        uploads::upload_file(self.app(), actor, input, incoming).await.unwrap().id
    }

    pub(crate) fn draft(&self, title: &str, price: &str) -> CreateBook {
        CreateBook {
            title: title.to_owned(),
            author: "كاتبة".to_owned(),
            description: None,
            category_id: self.category,
            language: Lang::Ar,
            price: money(price),
            pdf_upload_id: None,
            cover_upload_id: None,
            isbn: None,
            preview_pages: 0,
            allow_printing: false,
            allow_copying: false,
        }
    }

    /// A book for sale with a PDF of so many pages.
    pub(crate) async fn book(&self, title: &str, price: &str, pages: u32) -> Book {
        self.book_with(title, price, pages, |_| {}).await
    }

    pub(crate) async fn book_with(
        &self,
        title: &str,
        price: &str,
        pages: u32,
        change: impl FnOnce(&mut CreateBook),
    ) -> Book {
        let pdf = self.upload(&self.author, UploadKind::Book, &samples::book(pages)).await;
        let mut draft = CreateBook { pdf_upload_id: Some(pdf), ..self.draft(title, price) };
        change(&mut draft);
        let book = books::create_book(self.app(), &self.author, draft).await.unwrap();
        books::publish_book(self.app(), &self.author, book.id).await.unwrap()
    }

    pub(crate) async fn buy(&self, actor: &Actor, book_id: u64) -> Result<BookPurchase, BookError> {
        let bought = books::purchase_book(self.app(), actor, book_id, Some(key())).await?;
        assert!(!bought.replayed);
        Ok(bought.answer)
    }

    pub(crate) async fn find(&self, viewer: Option<&Actor>, id: u64) -> Result<Book, BookError> {
        books::find_book(self.app(), viewer, &id.to_string()).await
    }

    /// Counters and rows agree, and the ledger holds.
    pub(crate) async fn assert_holds(&self) {
        for check in [
            "SELECT b.id FROM books b WHERE b.purchases_count <> (SELECT COUNT(*) FROM book_purchases p \
             WHERE p.book_id = b.id AND p.status = 'completed')",
            "SELECT a.id FROM book_annotations a JOIN book_purchases p ON p.id = a.book_purchase_id \
             JOIN books b ON b.id = p.book_id WHERE a.page_number NOT BETWEEN 1 AND b.page_count \
             OR a.user_id <> p.user_id",
            "SELECT p.id FROM book_purchases p LEFT JOIN book_reading_progress r ON r.book_purchase_id = p.id \
             WHERE r.id IS NULL",
            "SELECT p.id FROM book_purchases p JOIN books b ON b.id = p.book_id AND b.user_id = p.user_id",
            "SELECT p.id FROM book_purchases p LEFT JOIN transactions t ON t.id = p.transaction_id \
             AND t.amount = p.price_paid WHERE p.price_paid > 0 AND t.id IS NULL",
        ] {
            assert_eq!(
                self.stage.count(&format!("SELECT COUNT(*) FROM ({check}) broken")).await,
                0,
                "{check}"
            );
        }
        self.stage.assert_ledger_holds().await;
    }
}

/// The version of a book as a client names it.
pub(crate) fn version(book: &Book) -> IfMatch {
    IfMatch::of(vec![etag(&serde_json::to_vec(&Data { data: book }).unwrap())])
}

/// What a failure's rule is called.
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug>(outcome: Result<T, BookError>) -> &'static str {
    base::Fault::rule(&outcome.unwrap_err()).code
}

/// Nothing to pay.
pub(crate) const FREE: &str = "0.00";

#[test]
fn nothing_is_nothing() {
    assert_eq!(money(FREE), Money::ZERO);
}
