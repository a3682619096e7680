//! `GET /books` and `GET /admin/books` (domain.md §5.5, §5.11).

use base::paging::{NumberedPage, NumberedRequest, Sort};
use base::{Lang, Time};
use protocol::books::{Book, BookFilter, BookStatus, ManagedBook};
use store::Conn;
use store::books::{BookListRow, BookQuery, SellerScope};

use super::view::book_view;
use super::{BookError, MANAGE, isbn};
use crate::{Actor, App, access};

/// Words shorter than this are not in the full-text index (`innodb_ft_min_token_size`).
const SHORTEST_WORD: usize = 3;
/// Words that InnoDB leaves out of its indexes (`INNODB_FT_DEFAULT_STOPWORD`) and that are long enough to be asked for.
const STOPWORDS: [&str; 17] = [
    "about", "are", "com", "for", "from", "how", "that", "the", "this", "und", "was", "what", "when",
    "where", "who", "will", "with",
];
/// Words of a search that count.
const MOST_WORDS: usize = 8;

/// A page of the books for sale.
///
/// # Errors
/// Those of the store.
pub async fn list_books(
    app: &App,
    viewer: Option<&Actor>,
    filter: BookFilter,
    sort: Sort,
    page: NumberedRequest,
) -> Result<NumberedPage<Book>, BookError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut which = query_of(viewer, filter);
    which.status = Some(BookStatus::Published.as_str());
    which.deleted = Some(false);
    let mut conn = app.store.reader().await?;
    let rows = read_page(&mut conn, &which, sort, page).await?;
    drop(conn);
    rows.try_map(|row| Ok(book_view(app, row)?))
}

/// A page of all books, for administrators.
///
/// # Errors
/// [`base::CommonFault::Forbidden`] without `books.manage`.
pub async fn list_managed_books(
    app: &App,
    actor: &Actor,
    filter: BookFilter,
    sort: Sort,
    page: NumberedRequest,
) -> Result<NumberedPage<ManagedBook>, BookError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, MANAGE).await?;
    let deleted = filter.trashed.is_deleted();
    let mut which = query_of(Some(actor), filter);
    which.sellers = SellerScope::All;
    which.deleted = deleted;
    let rows = read_page(&mut conn, &which, sort, page).await?;
    drop(conn);
    rows.try_map(|row| {
        let deleted_at = row.deleted_at.map(Time::from);
        Ok(ManagedBook { book: book_view(app, row)?, deleted_at })
    })
}

async fn read_page(
    conn: &mut Conn,
    which: &BookQuery,
    sort: Sort,
    page: NumberedRequest,
) -> Result<NumberedPage<BookListRow>, BookError> {
    let rows = store::books::list_books(conn, which, sort, (page.fetch(), page.offset())).await?;
    let total = if page.with_total { Some(store::books::count_books(conn, which).await?) } else { None };
    Ok(NumberedPage::from_rows(page, rows, total))
}

/// What is asked for, as the store takes it.
pub(super) fn query_of(viewer: Option<&Actor>, filter: BookFilter) -> BookQuery {
    let (words, title_prefix) = filter.q.as_deref().map(search).unwrap_or_default();
    BookQuery {
        viewer: viewer.map_or(0, Actor::user_id),
        sellers: SellerScope::Active,
        words,
        title_prefix,
        category_id: filter.category_id,
        language: filter.language.map(Lang::code),
        user_id: filter.user_id,
        author: filter.author.map(|name| format!("%{}%", escaped(&name))),
        // What is no ISBN finds nothing.
        isbn: filter.isbn.map(|number| isbn::normalized(&number).unwrap_or(number)),
        price_min: filter.price_min,
        price_max: filter.price_max,
        free: filter.free,
        rating_min: filter.rating_min,
        status: filter.status.map(BookStatus::as_str),
        deleted: Some(false),
    }
}

/// All words, or what begins with them; where none is long enough for the index, titles that begin so.
fn search(text: &str) -> (Option<String>, Option<String>) {
    let words: Vec<String> = text
        .split(|character: char| !character.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| word.chars().count() >= SHORTEST_WORD && !STOPWORDS.contains(&word.as_str()))
        .take(MOST_WORDS)
        .map(|word| format!("+{word}*"))
        .collect();
    if words.is_empty() {
        (None, Some(format!("{}%", escaped(text.trim()))))
    } else {
        (Some(words.join(" ")), None)
    }
}

/// `LIKE`'s signs as letters.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

#[cfg(test)]
mod tests {
    use super::search;

    #[test]
    fn words_are_searched_as_the_index_has_them() {
        for (text, words, prefix) in [
            ("The first year", Some("+first* +year*"), None),
            ("الأنظمة (الموزعة)", Some("+الأنظمة* +الموزعة*"), None),
            ("+a -b \"c\"", None, Some("+a -b \"c\"%")),
            ("10%", None, Some("10\\%%")),
        ] {
            let found = search(text);
            assert_eq!((found.0.as_deref(), found.1.as_deref()), (words, prefix), "{text}");
        }
    }
}
