//! Reading: previews, one's own copy, and how far it was read.

use std::time::Duration;

use domain::uploads::{self, StoredFile};
use domain::{Actor, books};
use futures_util::StreamExt;
use protocol::books::UpdateProgress;
use protocol::channel::Channel;

use super::{FREE, Shop, code};

async fn bytes(shop: &Shop, file: &StoredFile) -> Vec<u8> {
    let mut stream = uploads::read_file(shop.app(), file, 0..file.size).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk.unwrap());
    }
    bytes
}

async fn fetch(shop: &Shop, url: &str) -> Option<Vec<u8>> {
    let token = url.rsplit('/').next().unwrap();
    let file = uploads::find_file(shop.app(), token).await.ok()?;
    Some(bytes(shop, &file).await)
}

#[tokio::test]
async fn everybody_sees_the_first_pages_and_no_more() {
    let shop = Shop::new().await;
    let app = shop.app();
    let book = shop.book_with("Preview", "9.00", 6, |draft| draft.preview_pages = 2).await;
    let first = books::find_preview(app, None, book.id).await.unwrap();
    let pdf = bytes(&shop, &first).await;
    assert_eq!(documents::page_count(&pdf).unwrap(), 2);
    let again = books::find_preview(app, None, book.id).await.unwrap();
    assert_eq!((again.sha256, again.size), (first.sha256, first.size));
    assert_eq!(shop.stage.count("SELECT COUNT(*) FROM hub_book_copies").await, 1, "it is made once");

    // Never the whole of it.
    let whole = shop.book_with("Whole", "9.00", 3, |draft| draft.preview_pages = 3).await;
    let pdf = bytes(&shop, &books::find_preview(app, None, whole.id).await.unwrap()).await;
    assert_eq!(documents::page_count(&pdf).unwrap(), 2);
    let none = shop.book("None", "9.00", 3).await;
    assert_eq!(code(books::find_preview(app, None, none.id).await), "not_found");
    books::unpublish_book(app, &shop.author, book.id).await.unwrap();
    assert_eq!(code(books::find_preview(app, None, book.id).await), "not_found");
}

#[tokio::test]
async fn a_reader_has_a_copy_of_their_own() {
    let shop = Shop::new().await;
    let (app, stage) = (shop.app(), &shop.stage);
    let book = shop.book("Content", FREE, 3).await;
    let (reader, stranger) = (stage.person("reader").await, stage.person("stranger").await);
    assert_eq!(code(books::open_content(app, &stranger, book.id).await), "books.not_purchased");
    shop.buy(&reader, book.id).await.unwrap();
    let content = books::open_content(app, &reader, book.id).await.unwrap();
    assert!(content.watermarked && !content.allow_copying && !content.allow_printing);
    let left = content.expires_at.unix_seconds() - base::Time::now().unix_seconds();
    assert!((290..=300).contains(&left), "{left}");
    let stamped = fetch(&shop, &content.url).await.unwrap();
    assert_eq!(documents::page_count(&stamped).unwrap(), 3);
    let mine = books::open_content(app, &shop.author, book.id).await.unwrap();
    assert!(!mine.watermarked);
    let original = fetch(&shop, &mine.url).await.unwrap();
    assert_eq!(original, crate::samples::book(3));
    assert!(stamped.len() > original.len());
    let managed = books::open_content(app, stage.admin(), book.id).await.unwrap();
    assert!(managed.watermarked && managed.url != content.url);

    // The same copy for hours; with both allowed, the book's own file, under a name of the reader's.
    let rows = "SELECT COUNT(*) FROM hub_book_copies WHERE variant LIKE 'reader:%:stamped'";
    books::open_content(app, &reader, book.id).await.unwrap();
    assert_eq!(stage.count(rows).await, 2);
    stage.run("UPDATE books SET allow_printing = 1, allow_copying = 1").await;
    let open = books::open_content(app, &reader, book.id).await.unwrap();
    assert!(!open.watermarked && open.allow_printing);
    assert_eq!(fetch(&shop, &open.url).await.unwrap(), original);

    // What is released is seen no more, and the clock takes the copies away, never the book's own file.
    stage
        .run(&format!("UPDATE hub_book_copies SET status = 'released' WHERE user_id = {}", reader.user_id()))
        .await;
    assert!(fetch(&shop, &open.url).await.is_none() && fetch(&shop, &content.url).await.is_none());
    assert_eq!(books::purge_copies(app).await.unwrap(), 2);
    assert_eq!(fetch(&shop, &mine.url).await.unwrap(), original);
}

#[tokio::test]
async fn books_that_do_more_than_be_read_are_not_taken() {
    let shop = Shop::new().await;
    let upload = async |bytes: Vec<u8>| {
        let mut incoming = uploads::open_upload(shop.app(), &shop.author).await.unwrap();
        let kind = protocol::uploads::UploadKind::Book;
        incoming.write(Some(kind), &bytes).await.unwrap();
        uploads::upload_file(shop.app(), &shop.author, uploads::NewUpload { kind, name: None }, incoming)
            .await
    };
    assert_eq!(upload(crate::samples::book(5)).await.unwrap().pages, Some(5));
    for bytes in [
        crate::samples::png(),
        b"%PDF-1.5 and nothing".to_vec(),
        crate::samples::book_with(2, "/OpenAction<</S/JavaScript/JS(app.alert(1))>>"),
        crate::samples::book_with(2, "/Names<</EmbeddedFiles<</Names[]>>>>"),
    ] {
        let error = upload(bytes).await.unwrap_err();
        assert_eq!(base::Fault::rule(&error).code, "uploads.type_not_allowed");
    }
}

async fn read_on(
    shop: &Shop,
    reader: &Actor,
    id: u64,
    page: u32,
    minutes: u32,
) -> protocol::books::ReadingProgress {
    let input = UpdateProgress { current_page: page, minutes_delta: minutes };
    books::update_progress(shop.app(), reader, id, input).await.unwrap()
}

#[tokio::test]
async fn progress_is_the_furthest_page_and_time_that_passed() {
    let shop = Shop::new().await;
    let (app, stage) = (shop.app(), &shop.stage);
    let book = shop.book("Progress", FREE, 40).await;
    let reader = stage.person("reader").await;
    let input = UpdateProgress { current_page: 1, minutes_delta: 0 };
    assert_eq!(code(books::update_progress(app, &reader, book.id, input).await), "books.not_purchased");
    shop.buy(&reader, book.id).await.unwrap();
    let start = books::find_progress(app, &reader, book.id).await.unwrap();
    assert_eq!((start.current_page, start.total_pages_read, start.last_read_at), (1, 0, None));
    for (page, minutes) in [(0, 0), (41, 0), (1, 1_441)] {
        let input = UpdateProgress { current_page: page, minutes_delta: minutes };
        assert_eq!(code(books::update_progress(app, &reader, book.id, input).await), "validation_failed");
    }
    let one = read_on(&shop, &reader, book.id, 30, 600).await;
    assert_eq!((one.current_page, one.total_pages_read, one.percentage), (30, 30, 75));
    assert_eq!(one.reading_time_minutes, 1, "no more than passed on the clock, and one");
    let back = read_on(&shop, &reader, book.id, 3, 0).await;
    assert_eq!((back.current_page, back.total_pages_read), (3, 30));
    stage.run("UPDATE book_reading_progress SET last_read_at = last_read_at - INTERVAL 10 MINUTE").await;
    let later = read_on(&shop, &reader, book.id, 40, 600).await;
    assert_eq!((later.reading_time_minutes, later.percentage), (12, 100));

    // Told at once, then after five seconds, with what is true by then.
    let heard = async || stage.heard_of(Channel::User(reader.user_id()), "reading.progress").await;
    assert_eq!(heard().await.len(), 1);
    assert_eq!(books::tell_progress_due(app).await.unwrap(), 0, "not yet");
    stage.run("UPDATE hub_reading_tells SET told_at = told_at - 5000, due_at = due_at - 5000").await;
    let (left, right) = tokio::join!(books::tell_progress_due(app), books::tell_progress_due(app));
    assert_eq!(left.unwrap() + right.unwrap(), 1, "two nodes tell it once");
    let told = heard().await;
    assert_eq!((told.len(), &told[1]["current_page"]), (2, &40.into()));
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(books::tell_progress_due(app).await.unwrap(), 0);
    shop.assert_holds().await;
}
