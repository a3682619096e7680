//! Books and their readers. Buying a book has no operation yet, so people read the free ones.

use anyhow::{Context, Result};
use base::Money;
use domain::unit::Unit;
use serde_json::json;
use store::demo::{
    AnnotationRow, BookRow, PurchaseRow, ReadingRow, insert_annotation, insert_book, insert_purchase,
    insert_reading, list_categories, update_purchase_counts,
};

use super::Seeder;

struct Book {
    by: &'static str,
    category: &'static str,
    title: &'static str,
    slug: &'static str,
    author: &'static str,
    description: &'static str,
    isbn: &'static str,
    language: &'static str,
    pages: u32,
    /// Halalas.
    price: i64,
    status: &'static str,
}

/// ISBNs are of the range 979-0… that no book has (it is music's), with right check digits.
const BOOKS: [Book; 8] = [
    Book {
        by: "salma.o",
        category: "data",
        title: "حكايات بالأرقام",
        slug: "numbers-tales",
        author: "سلمى العتيبي",
        description: "عشرون حكاية قصيرة تشرح الإحصاء بلا معادلات.",
        isbn: "9790000000018",
        language: "ar",
        pages: 164,
        price: 0,
        status: "published",
    },
    Book {
        by: "yousef.q",
        category: "technology",
        title: "الأنظمة الموزعة ببساطة",
        slug: "distributed-simply",
        author: "يوسف القحطاني",
        description: "الترتيب والتكرار والفشل: ما يحدث حين تتحدث الحواسيب.",
        isbn: "9790000000025",
        language: "ar",
        pages: 312,
        price: 5_900,
        status: "published",
    },
    Book {
        by: "emily.c",
        category: "design",
        title: "Listening as a Method",
        slug: "listening-as-a-method",
        author: "Emily Carter",
        description: "A small field guide to conversations that change products.",
        isbn: "9790000000032",
        language: "en",
        pages: 140,
        price: 0,
        status: "published",
    },
    Book {
        by: "noura.f",
        category: "arts",
        title: "كراسة الثلث",
        slug: "thuluth-workbook",
        author: "نورة الفهد",
        description: "ستون تمرينًا مرتبًا من النقطة إلى السطر.",
        isbn: "9790000000049",
        language: "ar",
        pages: 88,
        price: 3_500,
        status: "published",
    },
    Book {
        by: "daniel.o",
        category: "self-development",
        title: "Three Minutes",
        slug: "three-minutes",
        author: "Daniel Okafor",
        description: "How to say something worth saying before the kettle boils.",
        isbn: "9790000000056",
        language: "en",
        pages: 96,
        price: 0,
        status: "published",
    },
    Book {
        by: "khalid.a",
        category: "business",
        title: "السنة الأولى",
        slug: "the-first-year",
        author: "خالد العمري",
        description: "يوميات مؤسس: ما نجح وما فشل وما كان حظًا.",
        isbn: "9790000000063",
        language: "ar",
        pages: 220,
        price: 4_500,
        status: "published",
    },
    Book {
        by: "maryam.z",
        category: "family",
        title: "أسئلة الصغار",
        slug: "little-questions",
        author: "مريم الزهراني",
        description: "كيف نجيب عن أصعب أسئلة الأطفال بصدق وهدوء.",
        isbn: "9790000000070",
        language: "ar",
        pages: 128,
        price: 0,
        status: "published",
    },
    Book {
        by: "hassan.i",
        category: "business",
        title: "Plain Money",
        slug: "plain-money",
        author: "Hassan Ibrahim",
        description: "Earning, keeping and giving, in plain words.",
        isbn: "9790000000087",
        language: "en",
        pages: 180,
        price: 2_900,
        status: "draft",
    },
];

/// Who reads what, and up to which page.
const READERS: [(&str, &str, u32); 12] = [
    ("numbers-tales", "layla.h", 164),
    ("numbers-tales", "fatimah.a", 71),
    ("numbers-tales", "faisal.d", 40),
    ("numbers-tales", "omar.k", 12),
    ("listening-as-a-method", "sara.m", 140),
    ("listening-as-a-method", "aisha.b", 55),
    ("listening-as-a-method", "hannah.s", 9),
    ("three-minutes", "james.w", 96),
    ("three-minutes", "grace.n", 33),
    ("little-questions", "amal.j", 128),
    ("little-questions", "hind.b", 20),
    ("little-questions", "layla.h", 64),
];

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    seeder.part("books", async |unit| write(seeder, unit).await).await
}

async fn write(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let categories = list_categories(unit).await?;
    for (ordinal, book) in (0_i64..).zip(&BOOKS) {
        let category =
            categories.iter().find(|(slug, _)| slug == book.category).context("no such category")?;
        let row = BookRow {
            user_id: seeder.id(book.by)?,
            category_id: category.1,
            title: book.title,
            slug: book.slug,
            author: book.author,
            description: book.description,
            isbn: book.isbn,
            language: book.language,
            page_count: book.pages,
            price: Money::from_minor(book.price),
            status: book.status,
            open: book.price == 0,
            at: seeder.ago(100 - ordinal * 8, 5),
        };
        let book_id = insert_book(unit, &row).await?;
        for (place, (_, username, page)) in
            (0_i64..).zip(READERS.iter().filter(|(slug, ..)| *slug == book.slug))
        {
            write_reader(seeder, unit, (seeder.id(username)?, book_id, book), *page, place).await?;
        }
        update_purchase_counts(unit, book_id).await?;
    }
    Ok(())
}

async fn write_reader(
    seeder: &Seeder<'_>,
    unit: &mut Unit,
    (user_id, book_id, book): (u64, u64, &Book),
    page: u32,
    place: i64,
) -> Result<()> {
    let at = seeder.ago(30 - place * 3, place);
    let row = PurchaseRow { user_id, book_id, price_paid: Money::ZERO, transaction_id: None, at };
    let purchase_id = insert_purchase(unit, &row).await?;
    let at = seeder.ago(2 + place, 1);
    let reading = ReadingRow {
        purchase_id,
        current_page: page,
        total_pages_read: page,
        reading_time_minutes: page * 2,
        at,
    };
    insert_reading(unit, &reading).await?;
    let arabic = book.language == "ar";
    let place_on_page = || Some(json!({ "rects": [{ "x": 0.12, "y": 0.34, "w": 0.66, "h": 0.03 }] }));
    let highlight = AnnotationRow {
        purchase_id,
        user_id,
        page_number: page.div_ceil(2),
        kind: "highlight",
        color: Some("#FFD54F"),
        content: None,
        position_data: place_on_page(),
        at,
    };
    insert_annotation(unit, &highlight).await?;
    if place == 0 {
        let words = if arabic {
            "أعود إلى هذه الفقرة قبل كل عرض."
        } else {
            "Come back to this before every talk."
        };
        let note = AnnotationRow { kind: "note", color: None, content: Some(words), ..highlight.clone() };
        insert_annotation(unit, &note).await?;
        let underline = AnnotationRow {
            kind: "underline",
            color: Some("#4FC3F7"),
            page_number: 3.min(page),
            ..highlight.clone()
        };
        insert_annotation(unit, &underline).await?;
    }
    let bookmark =
        AnnotationRow { kind: "bookmark", color: None, position_data: None, page_number: page, ..highlight };
    insert_annotation(unit, &bookmark).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BOOKS, READERS};

    #[test]
    fn readers_read_free_books_of_others_within_their_pages() {
        for (slug, username, page) in READERS {
            let book = BOOKS.iter().find(|book| book.slug == slug).unwrap();
            assert_eq!((book.price, book.status), (0, "published"));
            assert!(username != book.by && (1..=book.pages).contains(&page));
        }
    }

    #[test]
    fn isbns_have_their_check_digit() {
        for book in BOOKS {
            let sum: u32 = book
                .isbn
                .chars()
                .zip([1, 3].into_iter().cycle())
                .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
                .sum();
            assert_eq!((book.isbn.len(), sum % 10), (13, 0), "{}", book.isbn);
        }
    }
}
