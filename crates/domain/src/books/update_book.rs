//! `PATCH /books/{id}` (domain.md §5.5).

use base::conditional::IfMatch;
use base::text::clean;
use base::{CommonFault, Lang, Problem, Time, Violations};
use protocol::books::{Book, UpdateBook};
use store::StoreError;
use store::books::{BookName, BookRow};

use super::access::lock_controlled;
use super::book_file::{attach_files, claim_book_files, row};
use super::checks::{Draft, check_category, check_fields, check_preview};
use super::view::book_view;
use super::{BookError, NO_BOOK};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::release_file;
use crate::{Actor, App, in_unit};

/// Changes what is given of a book. Readers keep what they have marked: another PDF may not end before it.
///
/// # Errors
/// [`CommonFault::NotFound`], [`CommonFault::Forbidden`]; [`CommonFault::PreconditionRequired`],
/// [`CommonFault::PreconditionFailed`]; violations of each field.
pub async fn update_book(
    app: &App,
    actor: &Actor,
    id: u64,
    input: UpdateBook,
    if_match: IfMatch,
) -> Result<Book, BookError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_changes(app, unit, actor, id, &input, &if_match))
}

async fn write_changes(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    input: &UpdateBook,
    if_match: &IfMatch,
) -> Result<Book, BookError> {
    let (before, seen) = lock_controlled(unit, actor, id).await?;
    if_match.require(&book_view(app, seen)?)?;
    let mut draft = changed(&before, input)?;
    let mut violations = Violations::none();
    check_fields(&mut draft, &mut violations);
    if draft.category_id != before.category_id {
        check_category(unit, draft.category_id, &mut violations).await?;
    }
    violations.into_result()?;
    let files = (input.pdf_upload_id, input.cover_upload_id.flatten());
    claim_book_files(unit, actor, files, &mut draft).await?;
    check_preview(&draft)?;
    if draft.page_count < before.page_count {
        let marked = store::books::find_greatest_page(unit, id).await?;
        if marked > draft.page_count {
            let why = Problem::NotAllowed("readers have marked pages behind its last one");
            return Err(Violations::one("pdf_upload_id", why).into());
        }
    }
    store::books::update_book(unit, id, &row(&draft, Time::now_in_seconds())).await?;
    for (earlier, now) in [(&before.pdf_url, &draft.pdf_url), (&before.cover, &draft.cover)] {
        if let Some(path) = earlier.as_ref().filter(|_| earlier != now) {
            release_file(unit, Morph::Book, id, path).await?;
        }
    }
    if before.pdf_url != draft.pdf_url {
        store::books::update_copies_released(unit, id, None).await?;
    }
    attach_files(unit, files, id).await?;
    let seen = store::books::find_listed_book(unit, actor.user_id(), BookName::Id(id)).await?;
    Ok(book_view(app, seen.ok_or(NO_BOOK)?)?)
}

fn changed(before: &BookRow, input: &UpdateBook) -> Result<Draft, CommonFault> {
    let cleaned = |text: &Option<String>| text.as_deref().map(clean).filter(|text| !text.is_empty());
    let row = before.clone();
    let language = match input.language {
        Some(language) => language,
        None => Lang::from_code(&row.language)
            .ok_or(StoreError::Corrupt { table: "books", column: "language" })
            .map_err(crate::fault::of_store)?,
    };
    Ok(Draft {
        category_id: input.category_id.unwrap_or(row.category_id),
        title: input.title.as_deref().map_or(row.title, clean),
        author: input.author.as_deref().map_or(row.author, clean),
        description: input.description.as_ref().map_or(row.description, cleaned),
        cover: if input.cover_upload_id == Some(None) { None } else { row.cover },
        pdf_url: row.pdf_url,
        isbn: input.isbn.as_ref().map_or(row.isbn, cleaned),
        language: language.code(),
        page_count: row.page_count,
        price: input.price.unwrap_or(row.price),
        preview_pages: input.preview_pages.unwrap_or(row.preview_pages),
        allow_printing: input.allow_printing.unwrap_or(row.allow_printing),
        allow_copying: input.allow_copying.unwrap_or(row.allow_copying),
    })
}
