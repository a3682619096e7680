//! Buying: money and counters exact, whoever comes at once.

use domain::books;
use protocol::books::PurchaseStatus;
use protocol::channel::Channel;
use tokio::task::JoinSet;

use super::{FREE, Shop, code};
use crate::recount::assert_no_drift;
use crate::stage::key;

#[tokio::test]
async fn a_book_is_paid_once_and_told() {
    let shop = Shop::new().await;
    let (app, stage) = (shop.app(), &shop.stage);
    let book = shop.book("A book", "23.00", 4).await;
    let (buyer, poor) = (stage.rich("buyer", "50.00").await, stage.person("poor").await);
    assert_eq!(code(shop.buy(&shop.author, book.id).await), "books.own_book");
    assert_eq!(code(shop.buy(&poor, book.id).await), "wallet.insufficient_funds");
    assert_eq!(stage.count("SELECT COUNT(*) FROM book_purchases").await, 0);
    assert_eq!(code(books::purchase_book(app, &buyer, book.id, None).await), "idempotency_key_required");
    assert_eq!(code(books::purchase_book(app, &buyer, 999, None).await), "not_found");

    let once = key();
    let bought = books::purchase_book(app, &buyer, book.id, Some(once.clone())).await.unwrap();
    assert_eq!((bought.answer.status, bought.answer.price_paid), (PurchaseStatus::Completed, book.price));
    let again = books::purchase_book(app, &buyer, book.id, Some(once.clone())).await.unwrap();
    assert!(again.replayed && again.answer == bought.answer);
    assert_eq!(code(shop.buy(&buyer, book.id).await), "books.already_purchased");
    let other = shop.book("Another", FREE, 2).await;
    assert_eq!(code(books::purchase_book(app, &buyer, other.id, Some(once)).await), "idempotency_key_reused");
    // 23.00 with 15 % inside: 20.00 net, of which the seller has 80 %.
    assert_eq!(
        (stage.balance(&buyer).await, stage.balance(&shop.author).await),
        ("27.00".into(), "16.00".into())
    );

    let of = (&buyer, &shop.author);
    for actor in [of.0, of.1] {
        let heard = stage.heard_of(Channel::User(actor.user_id()), "book.purchased").await;
        // The repeat with the same key told it once more.
        assert!(!heard.is_empty() && heard.iter().all(|one| one["user_id"] == buyer.user_id()), "{heard:?}");
    }
    let told = stage.heard_of(Channel::User(shop.author.user_id()), "notification.created").await;
    assert_eq!(told[0]["notification"]["kind"], "book.purchased");
    assert_eq!(told[0]["notification"]["params"]["title"], "A book");

    // A free one moves no money; the library has both, newest first.
    shop.buy(&buyer, other.id).await.unwrap();
    let library = books::list_library(app, &buyer, base::paging::PageRequest::default()).await.unwrap();
    let ids: Vec<u64> = library.items.iter().map(|item| item.book.id).collect();
    assert_eq!(ids, [other.id, book.id]);
    assert_eq!((library.items[0].progress.current_page, library.items[0].progress.percentage), (1, 0));
    assert_eq!(library.items[1].book.my_purchase, Some(PurchaseStatus::Completed));
    shop.assert_holds().await;
}

#[tokio::test]
async fn a_hundred_buyers_at_once_and_one_who_tries_a_hundred_times() {
    let shop = Shop::with(|settings| settings.database.max_connections = 24).await;
    let book = shop.book("Wanted", "11.50", 2).await;
    let mut buyers = Vec::new();
    for number in 0..100 {
        buyers.push(shop.stage.person(&format!("buyer{number}")).await);
    }
    // Pocket money for all, in the ledger's own words.
    let eager = shop.stage.rich("eager", "1000.00").await;
    for buyer in &buyers {
        let input = protocol::wallet::AdjustWallet {
            client_id: key(),
            user_id: buyer.user_id(),
            amount: crate::stage::money("11.50"),
            direction: protocol::wallet::EntryType::Credit,
            reason: "pocket money".to_owned(),
        };
        domain::wallet::adjust_wallet(shop.app(), shop.stage.admin(), input).await.unwrap();
    }
    let mut buying = JoinSet::new();
    for buyer in buyers.iter().cloned().chain(std::iter::repeat_n(eager.clone(), 100)) {
        let (app, id) = (shop.app().clone(), book.id);
        buying.spawn(async move { books::purchase_book(&app, &buyer, id, Some(key())).await });
    }
    let (mut bought, mut refused) = (0, 0);
    while let Some(outcome) = buying.join_next().await {
        match outcome.unwrap() {
            Ok(_) => bought += 1,
            Err(error) => {
                assert_eq!(base::Fault::rule(&error).code, "books.already_purchased", "{error:?}");
                refused += 1;
            }
        }
    }
    assert_eq!((bought, refused), (101, 99));
    let seen = shop.find(None, book.id).await.unwrap();
    assert_eq!(seen.purchases_count, 101);
    assert_eq!(shop.stage.balance(&eager).await, "988.50");
    assert_eq!(shop.stage.balance(&buyers[7]).await, "0.00");
    // 11.50 is 10.00 net; 8.00 of each are the seller's.
    assert_eq!(shop.stage.balance(&shop.author).await, "808.00");
    shop.assert_holds().await;
    assert_no_drift(&shop.stage.app, "a hundred buy one book at once").await;
}
