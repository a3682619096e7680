//! Books as they are made, shown and taken away.

use base::Fault;
use base::conditional::IfMatch;
use base::paging::{NumberedRequest, PageRequest, Sort};
use domain::books;
use domain::machine::{Machine, may};
use protocol::admin::Trashed;
use protocol::books::{BookFilter, BookStatus, CreateBook, SetBookStatus, UpdateBook};
use protocol::uploads::UploadKind;

use super::{FREE, Shop, code, version};
use crate::samples;
use crate::stage::money;

const BY_PRICE: Sort = Sort { by: "price", descending: false };

#[tokio::test]
async fn a_book_is_written_published_and_archived() {
    let shop = Shop::new().await;
    let (app, author) = (shop.app(), &shop.author);
    let stranger = shop.stage.person("stranger").await;
    assert_eq!(code(books::create_book(app, &stranger, shop.draft("x", "1.00")).await), "forbidden");
    let bad = CreateBook {
        isbn: Some("978-0-306-40615-8".to_owned()),
        category_id: 99,
        price: money("-1.00"),
        ..shop.draft(" ", "1.00")
    };
    let error = books::create_book(app, author, bad).await.unwrap_err();
    let fields = error.violations().unwrap().sentences(base::Lang::En);
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["category_id", "isbn", "price", "title"]);

    let draft = CreateBook {
        isbn: Some("978-0-306-40615-7".to_owned()),
        ..shop.draft("الخط العربي", "35.00")
    };
    let book = books::create_book(app, author, draft).await.unwrap();
    assert_eq!((book.status, book.slug.as_str(), book.page_count), (BookStatus::Draft, "الخط-العربي", 0));
    assert_eq!(book.isbn.as_deref(), Some("9780306406157"));
    let twin = books::create_book(app, author, shop.draft("الخط العربي", "35.00")).await.unwrap();
    assert!(twin.slug.starts_with("الخط-العربي-"), "{}", twin.slug);

    // Nobody else knows of a draft; it is not complete.
    assert_eq!(code(shop.find(Some(&stranger), book.id).await), "not_found");
    assert_eq!(code(shop.find(None, book.id).await), "not_found");
    assert_eq!(code(books::publish_book(app, author, book.id).await), "validation_failed");
    assert_eq!(code(books::publish_book(app, &stranger, book.id).await), "not_found");

    // A change names the version that it changes, and takes files of one's own.
    let pdf = shop.upload(author, UploadKind::Book, &samples::book(12)).await;
    let picture = shop.upload(author, UploadKind::Image, &samples::png()).await;
    let foreign = shop.upload(&stranger, UploadKind::Book, &samples::book(3)).await;
    let change = |pdf: u64, preview: u32| UpdateBook {
        pdf_upload_id: Some(pdf),
        cover_upload_id: Some(Some(picture)),
        preview_pages: Some(preview),
        ..UpdateBook::default()
    };
    let update = async |input: UpdateBook, if_match: IfMatch| {
        books::update_book(app, author, book.id, input, if_match).await
    };
    assert_eq!(code(update(change(pdf, 3), IfMatch::ANY).await), "precondition_required");
    assert_eq!(code(update(change(pdf, 3), version(&twin)).await), "precondition_failed");
    for input in [change(foreign, 3), change(picture, 3), change(pdf, 13)] {
        assert_eq!(code(update(input, version(&book)).await), "validation_failed");
    }
    let book = update(change(pdf, 3), version(&book)).await.unwrap();
    assert_eq!((book.page_count, book.preview_pages), (12, 3));
    assert!(book.cover.as_deref().is_some_and(|url| url.contains("/files/")), "{:?}", book.cover);
    assert_eq!(code(update(change(pdf, 3), version(&book)).await), "validation_failed");

    let published = books::publish_book(app, author, book.id).await.unwrap();
    assert_eq!(shop.find(None, book.id).await.unwrap(), published);
    assert_eq!(books::find_book(app, None, &book.slug).await.unwrap().id, book.id);
    assert_eq!(
        code(books::update_book(app, &stranger, book.id, UpdateBook::default(), IfMatch::ANY).await),
        "forbidden"
    );
    let admin = shop.stage.admin();
    let dearer = UpdateBook { price: Some(money("40.00")), ..UpdateBook::default() };
    let dearer = books::update_book(app, admin, book.id, dearer, version(&published)).await.unwrap();
    assert_eq!(dearer.price, money("40.00"));

    // Who has it keeps it; for others it is gone.
    let reader = shop.stage.rich("reader", "100.00").await;
    shop.buy(&reader, book.id).await.unwrap();
    books::archive_book(app, author, book.id).await.unwrap();
    assert_eq!(code(shop.find(Some(&stranger), book.id).await), "not_found");
    assert_eq!(shop.find(Some(&reader), book.id).await.unwrap().status, BookStatus::Archived);
    assert_eq!(code(shop.buy(&stranger, book.id).await), "not_found");
    assert_eq!(code(books::delete_book(app, author, book.id, IfMatch::ANY).await), "books.in_use");

    // Nobody has the other one.
    books::delete_book(app, author, twin.id, version(&twin)).await.unwrap();
    assert_eq!(code(shop.find(Some(author), twin.id).await), "not_found");
    assert_eq!(code(books::delete_book(app, author, twin.id, IfMatch::ANY).await), "not_found");
    shop.assert_holds().await;
}

#[tokio::test]
async fn another_pdf_does_not_end_before_what_readers_have_marked() {
    let shop = Shop::new().await;
    let (app, author) = (shop.app(), &shop.author);
    let book = shop.book("Marks", FREE, 10).await;
    let reader = shop.stage.person("reader").await;
    shop.buy(&reader, book.id).await.unwrap();
    let at = protocol::books::UpdateProgress { current_page: 8, minutes_delta: 0 };
    books::update_progress(app, &reader, book.id, at).await.unwrap();
    let seen = shop.find(Some(author), book.id).await.unwrap();
    let swap = async |pages: u32| {
        let pdf = shop.upload(author, UploadKind::Book, &samples::book(pages)).await;
        let input = UpdateBook { pdf_upload_id: Some(pdf), ..UpdateBook::default() };
        books::update_book(app, author, book.id, input, version(&seen)).await
    };
    assert_eq!(code(swap(7).await), "validation_failed");
    assert_eq!(swap(8).await.unwrap().page_count, 8);
    let released = "SELECT COUNT(*) FROM hub_uploads WHERE status = 'released'";
    assert_eq!(shop.stage.count(released).await, 1, "the file before it is given up");
    shop.assert_holds().await;
}

#[tokio::test]
async fn random_steps_go_where_the_table_says() {
    let shop = Shop::new().await;
    let (app, author) = (shop.app(), &shop.author);
    let book = shop.book("Steps", FREE, 2).await;
    let mut status = BookStatus::Published;
    let mut readers = 0;
    let mut seed = 20_261_201_u64;
    for step in 0..60 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let outcome = match (seed >> 33) % 8 {
            0..=2 => (BookStatus::Published, books::publish_book(app, author, book.id).await),
            3 | 4 => (BookStatus::Archived, books::archive_book(app, author, book.id).await),
            5 | 6 => (BookStatus::Draft, books::unpublish_book(app, author, book.id).await),
            _ => {
                if step > 40 {
                    let reader = shop.stage.person(&format!("reader{step}")).await;
                    let bought = shop.buy(&reader, book.id).await;
                    assert_eq!(bought.is_ok(), status == BookStatus::Published, "{bought:?}");
                    readers += u32::from(bought.is_ok());
                }
                continue;
            }
        };
        let (to, outcome) = outcome;
        if may(status, to) && !(to == BookStatus::Draft && readers > 0) {
            assert_eq!(outcome.unwrap().status, to);
            status = to;
        } else {
            let error = outcome.unwrap_err();
            assert_eq!(error.rule().code, "illegal_transition", "{status:?} to {to:?}");
            let details = error.details().unwrap();
            assert_eq!(details["from"], status.name());
            assert!(!details["allowed"].as_array().unwrap().contains(&to.name().into()));
        }
    }
    let seen = shop.find(Some(author), book.id).await.unwrap();
    assert_eq!((seen.status, seen.purchases_count), (status, readers));
    shop.assert_holds().await;
}

#[tokio::test]
async fn the_catalogue_is_filtered_sorted_and_counted() {
    let shop = Shop::new().await;
    let app = shop.app();
    shop.stage
        .run("INSERT INTO categories (id, name_en, name_ar, slug, is_active) VALUES (8, 'Data', 'بيانات', 'data', 1)")
        .await;
    let first = shop
        .book_with("Listening as a Method", "20.00", 3, |draft| {
            draft.language = base::Lang::En;
            draft.isbn = Some("0-306-40615-2".to_owned());
        })
        .await;
    let second = shop.book_with("حكايات بالأرقام", FREE, 3, |draft| draft.category_id = 8).await;
    let third =
        shop.book_with("Plain Money", "10.00", 3, |draft| draft.author = "Hassan Ibrahim".to_owned()).await;
    books::create_book(app, &shop.author, shop.draft("A draft", "1.00")).await.unwrap();
    let list = async |filter: BookFilter| {
        let page = NumberedRequest { page: 1, per_page: 10, with_total: true };
        let page = books::list_books(app, None, filter, BY_PRICE, page).await.unwrap();
        let ids: Vec<u64> = page.items.iter().map(|book| book.id).collect();
        assert_eq!(page.total, Some(u64::try_from(ids.len()).unwrap()));
        ids
    };
    let all = BookFilter::default();
    assert_eq!(list(all.clone()).await, [second.id, third.id, first.id]);
    for (filter, expected) in [
        (BookFilter { q: Some("method listen".to_owned()), ..all.clone() }, vec![first.id]),
        (BookFilter { q: Some("حكايات".to_owned()), ..all.clone() }, vec![second.id]),
        (BookFilter { q: Some("Pl".to_owned()), ..all.clone() }, vec![third.id]),
        (BookFilter { q: Some("100%".to_owned()), ..all.clone() }, vec![]),
        (BookFilter { category_id: Some(8), ..all.clone() }, vec![second.id]),
        (BookFilter { language: Some(base::Lang::En), ..all.clone() }, vec![first.id]),
        (BookFilter { author: Some("ibrahim".to_owned()), ..all.clone() }, vec![third.id]),
        (BookFilter { author: Some("%".to_owned()), ..all.clone() }, vec![]),
        (BookFilter { isbn: Some("0306406152".to_owned()), ..all.clone() }, vec![first.id]),
        (BookFilter { free: Some(true), ..all.clone() }, vec![second.id]),
        (BookFilter { free: Some(false), ..all.clone() }, vec![third.id, first.id]),
        (BookFilter { price_min: Some(money("10.01")), ..all.clone() }, vec![first.id]),
        (BookFilter { price_max: Some(money("10.00")), ..all.clone() }, vec![second.id, third.id]),
        (BookFilter { rating_min: Some(1), ..all.clone() }, vec![]),
        (BookFilter { user_id: Some(shop.stage.admin().user_id()), ..all.clone() }, vec![]),
    ] {
        assert_eq!(list(filter.clone()).await, expected, "{filter:?}");
    }
    let one = NumberedRequest { page: 2, per_page: 2, with_total: false };
    let page = books::list_books(app, None, all.clone(), BY_PRICE, one).await.unwrap();
    assert_eq!((page.items.len(), page.has_more, page.total), (1, false, None));

    // The own drafts, what others see, and what administrators see.
    let of = async |viewer: Option<&domain::Actor>, status| {
        let user_id = shop.author.user_id();
        let page =
            books::list_user_books(app, viewer, user_id, status, PageRequest::default()).await.unwrap();
        page.items.len()
    };
    let stranger = shop.stage.person("stranger").await;
    assert_eq!((of(None, None).await, of(Some(&stranger), Some(BookStatus::Draft)).await), (3, 0));
    assert_eq!(
        (of(Some(&shop.author), None).await, of(Some(&shop.author), Some(BookStatus::Draft)).await),
        (4, 1)
    );
    books::delete_book(app, &shop.author, second.id, IfMatch::ANY).await.unwrap();
    let managed = async |trashed| {
        let filter = BookFilter { trashed, ..BookFilter::default() };
        let page = NumberedRequest::default();
        let list = books::list_managed_books(app, shop.stage.admin(), filter, BY_PRICE, page).await.unwrap();
        list.total.unwrap()
    };
    assert_eq!(
        (managed(Trashed::Without).await, managed(Trashed::With).await, managed(Trashed::Only).await),
        (3, 4, 1)
    );
    let page = NumberedRequest::default();
    let refused = books::list_managed_books(app, &stranger, all, BY_PRICE, page).await;
    assert_eq!(code(refused), "forbidden");

    // A suspended seller's books are not for sale.
    shop.stage.run(&format!("UPDATE users SET is_active = 0 WHERE id = {}", shop.author.user_id())).await;
    assert_eq!(list(BookFilter::default()).await, Vec::<u64>::new());
    assert_eq!(code(shop.find(None, first.id).await), "not_found");
}

#[tokio::test]
async fn administrators_move_books_and_are_remembered() {
    let shop = Shop::new().await;
    let (app, admin) = (shop.app(), shop.stage.admin());
    let book = shop.book("Rights", "5.00", 2).await;
    let input = SetBookStatus { status: BookStatus::Archived, reason: Some("Rights unclear".to_owned()) };
    assert_eq!(code(books::set_book_status(app, &shop.author, book.id, input.clone()).await), "forbidden");
    let moved = books::set_book_status(app, admin, book.id, input.clone()).await.unwrap();
    assert_eq!(moved.status, BookStatus::Archived);
    assert_eq!(code(books::set_book_status(app, admin, book.id, input).await), "illegal_transition");
    let noted = "SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'books.manage' AND subject_type = 'book' \
                 AND JSON_UNQUOTE(JSON_EXTRACT(`after`, '$.reason')) = 'Rights unclear'";
    assert_eq!(shop.stage.count(noted).await, 1);
}
