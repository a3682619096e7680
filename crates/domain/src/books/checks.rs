//! What the values of a book have to be.

use base::text::length;
use base::{Money, Problem, Violations};
use store::Conn;

use super::{BookError, isbn};

/// Characters of a description at most.
const MAX_DESCRIPTION: usize = 20_000;

/// A book's values as they will be written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) category_id: u64,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) description: Option<String>,
    pub(super) cover: Option<String>,
    pub(super) pdf_url: Option<String>,
    pub(super) isbn: Option<String>,
    pub(super) language: &'static str,
    pub(super) page_count: u32,
    pub(super) price: Money,
    pub(super) preview_pages: u32,
    pub(super) allow_printing: bool,
    pub(super) allow_copying: bool,
}

/// The fields that say something by themselves. The ISBN is brought to how it is kept.
pub(super) fn check_fields(draft: &mut Draft, violations: &mut Violations) {
    for (field, text) in [("title", &draft.title), ("author", &draft.author)] {
        match length(text) {
            0 => violations.add(field, Problem::Required),
            256.. => violations.add(field, Problem::TooLong(255)),
            _ => {}
        }
    }
    let description = draft.description.as_deref().is_none_or(|text| length(text) <= MAX_DESCRIPTION);
    violations.require(description, "description", Problem::TooLong(MAX_DESCRIPTION));
    violations.require(draft.price >= Money::ZERO, "price", Problem::TooSmall("0.00".to_owned()));
    let greatest = base::money::MAX;
    violations.require(draft.price <= greatest, "price", Problem::TooGreat(greatest.to_string()));
    if let Some(text) = &draft.isbn {
        match isbn::normalized(text) {
            Some(number) => draft.isbn = Some(number),
            None => violations
                .add("isbn", Problem::Format("an ISBN with 10 or 13 digits and a right check digit")),
        }
    }
}

/// Is the category one that takes new books?
///
/// # Errors
/// Those of the store.
pub(super) async fn check_category(
    conn: &mut Conn,
    category_id: u64,
    violations: &mut Violations,
) -> Result<(), BookError> {
    let known = store::rooms::has_active_category(conn, category_id).await?;
    violations.require(known, "category_id", Problem::NotFound);
    Ok(())
}

/// A preview is no longer than the book.
pub(super) fn check_preview(draft: &Draft) -> Result<(), Violations> {
    if draft.preview_pages > draft.page_count {
        return Err(Violations::one("preview_pages", Problem::TooGreat(draft.page_count.to_string())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base::{Money, Violations};

    use super::{Draft, check_fields, check_preview};

    fn draft() -> Draft {
        Draft {
            category_id: 1,
            title: "A book".to_owned(),
            author: "Somebody".to_owned(),
            description: None,
            cover: None,
            pdf_url: None,
            isbn: None,
            language: "en",
            page_count: 10,
            price: Money::ZERO,
            preview_pages: 10,
            allow_printing: false,
            allow_copying: false,
        }
    }

    #[test]
    fn values_hold_or_are_told_apart() {
        let told = |change: fn(&mut Draft)| {
            let mut draft = draft();
            change(&mut draft);
            let mut violations = Violations::none();
            check_fields(&mut draft, &mut violations);
            violations.to_string()
        };
        assert_eq!(told(|_| {}), "");
        assert_eq!(told(|draft| draft.isbn = Some("978-0-306-40615-7".to_owned())), "");
        assert!(told(|draft| draft.title.clear()).contains("title"));
        assert!(told(|draft| draft.author = "x".repeat(256)).contains("author"));
        assert!(told(|draft| draft.description = Some("x".repeat(20_001))).contains("description"));
        assert!(told(|draft| draft.price = Money::from_minor(-1)).contains("price"));
        assert!(told(|draft| draft.isbn = Some("123".to_owned())).contains("isbn"));
        assert!(check_preview(&draft()).is_ok());
        assert!(check_preview(&Draft { preview_pages: 11, ..draft() }).is_err());
    }
}
