//! Refunds and escrow: what sales move is undone to the halala, once.

use base::{Fault, Rule, Time};
use domain::unit::Unit;
use domain::wallet::{
    InvoiceItem, Part, Refund, Refunded, Sale, Settled, Sold, WalletError, refund_escrow, refund_sale, sell,
    sell_into_escrow, settle_escrow,
};
use domain::{Actor, App, in_unit};
use protocol::IdempotencyKey;
use protocol::channel::Channel;
use protocol::wallet::{AdjustWallet, Category, EntryType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::stage::{Stage, key, money};

#[derive(Clone, Copy)]
enum How {
    AtOnce,
    Escrow,
}

async fn write_sale(app: &App, unit: &mut Unit, how: How, sale: &Sale<'_>) -> Result<Sold, WalletError> {
    let sold = match how {
        How::AtOnce => sell(app, unit, sale).await?,
        How::Escrow => sell_into_escrow(app, unit, sale).await?,
    };
    sold.invoice(app, unit, sale).await?;
    Ok(sold)
}

/// A sale of a thing that exists in the ledger alone.
async fn sold(app: &App, how: How, buyer: &Actor, seller: &Actor, price: &str) -> Result<Sold, WalletError> {
    let key: IdempotencyKey = key();
    let sale = Sale {
        key: ("tests.sell", &key),
        buyer: buyer.user_id(),
        seller: seller.user_id(),
        category: Category::Consultation,
        fee_basis_points: 1_500,
        related: ("consultation_booking", 7),
        item: InvoiceItem {
            description: "An hour of advice نصيحة".to_owned(),
            quantity: 1,
            unit_price: money(price),
            total: money(price),
        },
        at: Time::now_in_seconds(),
    };
    in_unit!(app, |unit| write_sale(app, unit, how, &sale))
}

async fn write_refund(
    app: &App,
    unit: &mut Unit,
    from_escrow: bool,
    refund: &Refund<'_>,
) -> Result<Refunded, WalletError> {
    let refunded = if from_escrow {
        refund_escrow(app, unit, refund).await?
    } else {
        refund_sale(app, unit, refund).await?
    };
    refunded.clone().credit_note(app, unit).await?;
    Ok(refunded)
}

async fn refund(app: &App, debit_id: u64, part: Part) -> Result<Refunded, WalletError> {
    let refund = Refund { debit_id, part, reason: "asked for", at: Time::now_in_seconds() };
    in_unit!(app, |unit| write_refund(app, unit, false, &refund))
}

async fn back_from_escrow(app: &App, debit_id: u64, part: Part) -> Result<Refunded, WalletError> {
    let refund = Refund { debit_id, part, reason: "cancelled", at: Time::now_in_seconds() };
    in_unit!(app, |unit| write_refund(app, unit, true, &refund))
}

async fn settle(app: &App, debit_id: u64) -> Result<Settled, WalletError> {
    let at = Time::now_in_seconds();
    in_unit!(app, |unit| settle_escrow(app, unit, debit_id, at))
}

async fn take(stage: &Stage, from: &Actor, amount: &str) {
    let input = AdjustWallet {
        client_id: key(),
        user_id: from.user_id(),
        amount: money(amount),
        direction: EntryType::Debit,
        reason: "spent elsewhere".to_owned(),
    };
    domain::wallet::adjust_wallet(&stage.app, stage.admin(), input).await.unwrap();
}

async fn earned(stage: &Stage, actor: &Actor) -> String {
    domain::wallet::find_wallet(&stage.app, actor).await.unwrap().total_earned.to_string()
}

fn rule<T: std::fmt::Debug>(outcome: Result<T, WalletError>) -> Rule {
    outcome.unwrap_err().rule()
}

#[tokio::test]
async fn a_whole_refund_undoes_the_sale_and_happens_once() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (buyer, seller) = (stage.rich("buyer", "100.00").await, stage.person("seller").await);
    let bought = sold(app, How::AtOnce, &buyer, &seller, "33.33").await.unwrap();
    assert_eq!(stage.balance(&buyer).await, "66.67");
    let had = stage.balance(&seller).await;
    assert_eq!(earned(&stage, &seller).await, had);

    let refunded = refund(app, bought.debit_id, Part::All).await.unwrap();
    assert_eq!(refunded.balance, Some(money("100.00")));
    assert_eq!((stage.balance(&seller).await, earned(&stage, &seller).await), ("0.00".into(), "0.00".into()));
    assert_eq!(stage.count("SELECT SUM(total_earned) * 100 FROM wallets").await, 0, "nor the platform");
    stage.assert_ledger_holds().await;

    assert_eq!(rule(refund(app, bought.debit_id, Part::All).await), Rule::ALREADY_REFUNDED);
    let refund_id = refunded.refund_id.unwrap();
    assert_eq!(rule(refund(app, refund_id, Part::All).await), Rule::NOT_REFUNDABLE);
    assert_eq!(rule(refund(app, bought.debit_id + 1, Part::All).await), Rule::NOT_REFUNDABLE);
    assert_eq!(rule(refund(app, 999_999, Part::All).await), Rule::NOT_FOUND);

    let invoices = "SELECT GROUP_CONCAT(CONCAT(status, ' ', total, ' ', RIGHT(invoice_number, 6)) ORDER BY id) \
                    FROM invoices";
    assert_eq!(stage.text(invoices).await, "credited 33.33 000001,issued -33.33 000002");
    let note = format!("SELECT CAST(items AS CHAR) FROM invoices WHERE transaction_id = {refund_id}");
    assert!(stage.text(&note).await.contains("-33.33"));
    let told = stage.heard_of(Channel::User(buyer.user_id()), "notification.created").await;
    assert!(told.iter().any(|one| one["notification"]["kind"] == "refund.issued"), "{told:?}");
    let balances = stage.heard_of(Channel::User(buyer.user_id()), "wallet.updated").await;
    assert_eq!(balances.last().unwrap()["balance"], "100.00");
}

#[tokio::test]
async fn a_seller_who_is_short_owes_what_the_platform_gives() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (buyer, seller) = (stage.rich("buyer", "100.00").await, stage.person("seller").await);
    stage.rich("other", "500.00").await;
    let bought = sold(app, How::AtOnce, &buyer, &seller, "80.00").await.unwrap();
    let had = domain::wallet::find_wallet(app, &seller).await.unwrap().balance;
    take(&stage, &seller, &had.minus(money("10.00")).unwrap().to_string()).await;
    // The platform has its own share of one sale alone: not enough.
    assert_eq!(rule(refund(app, bought.debit_id, Part::All).await), Rule::REFUND_NOT_COVERED);
    stage.assert_ledger_holds().await;
    assert_eq!(stage.balance(&buyer).await, "20.00", "a refused refund leaves nothing behind");

    let platform = stage.count("SELECT value * 1 FROM settings WHERE `key` = 'platform_user_id'").await;
    let fill = AdjustWallet {
        client_id: key(),
        user_id: u64::try_from(platform).unwrap(),
        amount: money("200.00"),
        direction: EntryType::Credit,
        reason: "a reserve".to_owned(),
    };
    domain::wallet::adjust_wallet(app, stage.admin(), fill).await.unwrap();
    let refunded = refund(app, bought.debit_id, Part::All).await.unwrap();
    assert_eq!(refunded.seller_amount, money("10.00"));
    assert_eq!(refunded.receivable, had.minus(money("10.00")).unwrap());
    assert_eq!((stage.balance(&buyer).await, stage.balance(&seller).await), ("100.00".into(), "0.00".into()));
    let owed = "SELECT JSON_UNQUOTE(JSON_EXTRACT(metadata, '$.receivable.amount')) FROM transactions \
                WHERE JSON_EXTRACT(metadata, '$.receivable') IS NOT NULL";
    assert_eq!(stage.text(owed).await, refunded.receivable.to_string());
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn an_escrow_is_paid_on_or_given_back_but_never_both() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (buyer, seller) = (stage.rich("buyer", "400.00").await, stage.person("seller").await);
    let mut debits = Vec::new();
    for _ in 0..4 {
        debits.push(sold(app, How::Escrow, &buyer, &seller, "100.00").await.unwrap().debit_id);
    }
    assert_eq!(stage.balance(&seller).await, "0.00", "nothing is earned yet");
    assert_eq!(stage.count("SELECT SUM(total_earned) * 100 FROM wallets").await, 0);
    stage.assert_ledger_holds().await;

    // 100.00: 86.96 without VAT, of which the seller has 85 %.
    let settled = settle(app, debits[0]).await.unwrap();
    assert_eq!(settled.seller_amount, money("73.92"));
    assert_eq!(rule(settle(app, debits[0]).await), Rule::ESCROW_CLOSED);
    assert_eq!(rule(back_from_escrow(app, debits[0], Part::All).await), Rule::ESCROW_CLOSED);
    // The release itself is no purchase.
    assert_eq!(rule(refund(app, settled.release_id, Part::All).await), Rule::NOT_REFUNDABLE);

    let _given = back_from_escrow(app, debits[1], Part::All).await.unwrap();
    assert_eq!(rule(settle(app, debits[1]).await), Rule::ESCROW_CLOSED);
    assert_eq!(stage.balance(&buyer).await, "100.00");

    let half = back_from_escrow(app, debits[2], Part::BasisPoints(5_000)).await.unwrap();
    assert_eq!((half.amount, half.settled), (money("50.00"), money("36.96")));
    assert_eq!(stage.balance(&seller).await, "110.88");

    let nothing = back_from_escrow(app, debits[3], Part::BasisPoints(0)).await.unwrap();
    assert_eq!((nothing.refund_id, nothing.settled), (None, money("73.92")));
    stage.assert_ledger_holds().await;

    // What was settled can still be refunded by an administrator: then of the seller.
    let refunded = refund(app, debits[0], Part::All).await.unwrap();
    assert_eq!(refunded.seller_amount, money("73.92"));
    assert_eq!(rule(refund(app, debits[0], Part::All).await), Rule::ALREADY_REFUNDED);
    stage.assert_ledger_holds().await;
    assert_eq!(earned(&stage, &seller).await, "110.88");
}

#[tokio::test]
async fn what_costs_nothing_makes_no_rows() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (buyer, seller) = (stage.rich("buyer", "10.00").await, stage.person("seller").await);
    assert_eq!(rule(sold(app, How::AtOnce, &buyer, &seller, "0.00").await), Rule::INTERNAL);
    let bought = sold(app, How::AtOnce, &buyer, &seller, "10.00").await.unwrap();
    let rows = stage.count("SELECT COUNT(*) FROM transactions").await;
    let refunded = refund(app, bought.debit_id, Part::BasisPoints(0)).await.unwrap();
    assert_eq!((refunded.refund_id, refunded.amount), (None, money("0.00")));
    assert_eq!(stage.count("SELECT COUNT(*) FROM transactions").await, rows);
    assert_eq!(
        rule(refund(app, bought.debit_id, Part::Amount(money("10.01"))).await),
        Rule::AMOUNT_OUT_OF_RANGE
    );
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn fifty_refunds_of_one_sale_are_one() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (buyer, seller) = (stage.rich("buyer", "100.00").await, stage.person("seller").await);
    let bought = sold(app, How::AtOnce, &buyer, &seller, "60.00").await.unwrap();
    let refunds = (0..50).map(|_| {
        let app = app.clone();
        tokio::spawn(async move { refund(&app, bought.debit_id, Part::BasisPoints(9_000)).await })
    });
    let mut done = 0;
    for refund in refunds.collect::<Vec<_>>() {
        match refund.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => assert_eq!(error.rule(), Rule::ALREADY_REFUNDED, "{error:?}"),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(stage.balance(&buyer).await, "94.00");
    stage.assert_ledger_holds().await;
}

/// Sales, settlements and refunds in any order and part: money is neither made nor lost, and each sale ends once.
#[tokio::test]
async fn random_sales_and_refunds_keep_every_invariant() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let people =
        [stage.rich("a", "900.00").await, stage.rich("b", "900.00").await, stage.rich("c", "900.00").await];
    let mut random = StdRng::seed_from_u64(20_261_201);
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        match random.random_range(0..10) {
            0..5 => {
                let buyer = random.random_range(0..3);
                let how = if random.random() { How::Escrow } else { How::AtOnce };
                let price = format!("{}.{:02}", random.random_range(0..60), random.random_range(1..100));
                let seller = &people[(buyer + 1) % 3];
                if let Ok(sold) = sold(app, how, &people[buyer], seller, &price).await {
                    open.push(sold.debit_id);
                }
            }
            5..7 if !open.is_empty() => {
                let debit_id = open[random.random_range(0..open.len())];
                if let Err(error) = settle(app, debit_id).await {
                    assert!(matches!(error.rule(), Rule::ESCROW_CLOSED | Rule::NOT_REFUNDABLE), "{error:?}");
                }
            }
            _ if !open.is_empty() => {
                let debit_id = open.swap_remove(random.random_range(0..open.len()));
                let part = Part::BasisPoints(random.random_range(1..=10_000));
                let _given = refund(app, debit_id, part).await.unwrap();
                closed.push(debit_id);
            }
            _ => {}
        }
    }
    assert!(closed.len() > 5, "{}", closed.len());
    for debit_id in closed {
        assert_eq!(rule(refund(app, debit_id, Part::All).await), Rule::ALREADY_REFUNDED);
    }
    stage.assert_ledger_holds().await;
}
