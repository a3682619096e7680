//! Giving books back: within a week and a tenth of the pages, once, exactly.

use domain::{Actor, books};
use protocol::books::{
    AnnotationType, BookPurchase, CreateAnnotation, PurchaseStatus, RefundBook, UpdateProgress,
};
use protocol::channel::Channel;
use tokio::task::JoinSet;

use super::{FREE, Shop, code};
use crate::stage::key;

async fn refund(
    shop: &Shop,
    actor: &Actor,
    book: u64,
    input: RefundBook,
) -> Result<BookPurchase, books::BookError> {
    Ok(books::refund_book(shop.app(), actor, book, input, Some(key())).await?.answer)
}

fn of(user_id: Option<u64>) -> RefundBook {
    RefundBook { user_id, reason: None }
}

#[tokio::test]
async fn a_book_is_given_back_and_bought_again() {
    let shop = Shop::new().await;
    let (app, stage) = (shop.app(), &shop.stage);
    let book = shop.book("Given back", "23.00", 20).await;
    let (reader, stranger) = (stage.rich("reader", "50.00").await, stage.person("stranger").await);
    assert_eq!(code(refund(&shop, &stranger, book.id, of(None)).await), "books.not_purchased");
    assert_eq!(code(refund(&shop, &stranger, 999_999, of(None)).await), "not_found");
    shop.buy(&reader, book.id).await.unwrap();
    assert_eq!(code(refund(&shop, &stranger, book.id, of(Some(reader.user_id()))).await), "forbidden");
    let none = books::refund_book(app, &reader, book.id, of(None), None).await;
    assert_eq!(code(none), "idempotency_key_required");
    let note = CreateAnnotation {
        annotation_type: AnnotationType::Note,
        page_number: 1,
        color: None,
        content: Some("mine".to_owned()),
        position_data: None,
        client_id: None,
    };
    books::create_annotation(app, &reader, book.id, note).await.unwrap();
    let content = books::open_content(app, &reader, book.id).await.unwrap();
    let token = content.url.rsplit('/').next().unwrap().to_owned();
    assert!(domain::uploads::find_file(app, &token).await.is_ok());
    let at = |page| UpdateProgress { current_page: page, minutes_delta: 0 };
    books::update_progress(app, &reader, book.id, at(2)).await.unwrap();

    let once = key();
    let back = books::refund_book(app, &reader, book.id, of(None), Some(once.clone())).await.unwrap();
    assert_eq!(back.answer.status, PurchaseStatus::Refunded);
    let again = books::refund_book(app, &reader, book.id, of(None), Some(once)).await.unwrap();
    assert!(again.replayed && again.answer == back.answer);
    assert_eq!(code(refund(&shop, &reader, book.id, of(None)).await), "illegal_transition");
    assert_eq!(
        (stage.balance(&reader).await, stage.balance(&shop.author).await),
        ("50.00".into(), "0.00".into())
    );
    // Access ends at once, marks are hidden, the library has it no more.
    assert!(domain::uploads::find_file(app, &token).await.is_err());
    assert_eq!(code(books::open_content(app, &reader, book.id).await), "books.not_purchased");
    let page = base::paging::PageRequest::default();
    assert_eq!(
        code(books::list_annotations(app, &reader, book.id, Default::default(), page).await),
        "books.not_purchased"
    );
    assert_eq!(books::list_library(app, &reader, page).await.unwrap().items.len(), 0);
    assert_eq!(shop.find(None, book.id).await.unwrap().purchases_count, 0);
    let told = stage.heard_of(Channel::User(reader.user_id()), "notification.created").await;
    assert!(told.iter().any(|one| one["notification"]["kind"] == "refund.issued"), "{told:?}");

    // The same row again, with its marks.
    let bought = shop.buy(&reader, book.id).await.unwrap();
    assert_eq!((bought.id, bought.refunded_at), (back.answer.id, None));
    let marks = books::list_annotations(app, &reader, book.id, Default::default(), page).await.unwrap();
    assert_eq!(marks.items.len(), 1);
    assert_eq!(stage.balance(&reader).await, "27.00");

    // More than a tenth was read, or a week is over: only staff gives it back.
    books::update_progress(app, &reader, book.id, at(3)).await.unwrap();
    assert_eq!(code(refund(&shop, &reader, book.id, of(None)).await), "policy_violation");
    stage.run("UPDATE book_reading_progress SET total_pages_read = 1, current_page = 1").await;
    stage.run("UPDATE book_purchases SET purchased_at = purchased_at - INTERVAL 169 HOUR").await;
    assert_eq!(code(refund(&shop, &reader, book.id, of(None)).await), "policy_violation");
    let by_staff = refund(&shop, stage.admin(), book.id, of(Some(reader.user_id()))).await.unwrap();
    assert_eq!(by_staff.user_id, reader.user_id());
    assert_eq!(code(refund(&shop, stage.admin(), book.id, of(None)).await), "not_found");
    shop.assert_holds().await;
}

#[tokio::test]
async fn one_refund_of_many_at_once_and_free_books_too() {
    let shop = Shop::new().await;
    let book = shop.book("Once", "11.50", 20).await;
    let reader = shop.stage.rich("reader", "11.50").await;
    shop.buy(&reader, book.id).await.unwrap();
    let mut giving = JoinSet::new();
    for _ in 0..20 {
        let (app, reader) = (shop.app().clone(), reader.clone());
        giving.spawn(async move {
            books::refund_book(&app, &reader, book.id, of(None), Some(key())).await.is_ok()
        });
    }
    let mut given = 0;
    while let Some(outcome) = giving.join_next().await {
        given += u32::from(outcome.unwrap());
    }
    assert_eq!(given, 1);
    assert_eq!(shop.stage.balance(&reader).await, "11.50");
    let free = shop.book("Free", FREE, 20).await;
    shop.buy(&reader, free.id).await.unwrap();
    assert_eq!(refund(&shop, &reader, free.id, of(None)).await.unwrap().status, PurchaseStatus::Refunded);
    shop.assert_holds().await;
}
