//! `POST /books` (domain.md §5.5).

use base::text::clean;
use base::{Time, Violations};
use protocol::books::{Book, CreateBook};
use store::books::BookName;

use super::book_file::{attach_files, claim_book_files, row};
use super::checks::{Draft, check_category, check_fields, check_preview};
use super::slug::{another, slug_of};
use super::view::book_view;
use super::{BookError, NO_BOOK};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// Makes a book, a `draft`; the actor sells it.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `books.create`; violations of each field.
pub async fn create_book(app: &App, actor: &Actor, input: CreateBook) -> Result<Book, BookError> {
    actor.require("write")?;
    let files = (input.pdf_upload_id, input.cover_upload_id);
    let draft = {
        let mut conn = app.store.reader().await?;
        access::require_permission(&mut conn, actor, "books.create").await?;
        let mut draft = draft_of(input);
        let mut violations = Violations::none();
        check_fields(&mut draft, &mut violations);
        check_category(&mut conn, draft.category_id, &mut violations).await?;
        violations.into_result()?;
        draft
    };
    in_unit!(app, |unit| write_book(app, unit, actor, draft.clone(), files))
}

fn draft_of(input: CreateBook) -> Draft {
    let cleaned = |text: Option<String>| text.map(|text| clean(&text)).filter(|text| !text.is_empty());
    Draft {
        category_id: input.category_id,
        title: clean(&input.title),
        author: clean(&input.author),
        description: cleaned(input.description),
        cover: None,
        pdf_url: None,
        isbn: cleaned(input.isbn),
        language: input.language.code(),
        page_count: 0,
        price: input.price,
        preview_pages: input.preview_pages,
        allow_printing: input.allow_printing,
        allow_copying: input.allow_copying,
    }
}

async fn write_book(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    mut draft: Draft,
    files: (Option<u64>, Option<u64>),
) -> Result<Book, BookError> {
    claim_book_files(unit, actor, files, &mut draft).await?;
    check_preview(&draft)?;
    let mut slug = slug_of(&draft.title);
    if store::books::has_slug(unit, &slug).await? {
        slug = another(&slug);
    }
    let at = Time::now_in_seconds();
    let new = row(&draft, at);
    let id = match store::books::insert_book(unit, actor.user_id(), &slug, &new).await {
        // Somebody was faster with the same title.
        Err(error) if error.is_unique("books_slug_unique") => {
            store::books::insert_book(unit, actor.user_id(), &another(&slug), &new).await?
        }
        outcome => outcome?,
    };
    attach_files(unit, files, id).await?;
    let row = store::books::find_listed_book(unit, actor.user_id(), BookName::Id(id)).await?;
    Ok(book_view(app, row.ok_or(NO_BOOK)?)?)
}
