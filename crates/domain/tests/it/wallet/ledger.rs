//! Wallets, the ledger, adjustments.

use base::paging::PageRequest;
use base::{Fault, Rule};
use domain::idempotency::Written;
use domain::wallet::{WalletError, adjust_wallet, find_transaction, find_wallet, list_transactions};
use protocol::channel::Channel;
use protocol::wallet::{
    AdjustWallet, Category, EntryType, TransactionFilter, TransactionStatus, WalletAdjusted,
};

use crate::stage::{Stage, key, money, open_room, paid_room, to_room};

fn adjustment(user_id: u64, direction: EntryType, amount: &str) -> AdjustWallet {
    AdjustWallet {
        client_id: key(),
        user_id,
        amount: money(amount),
        direction,
        reason: "a correction تصحيح".to_owned(),
    }
}

fn refused(outcome: Result<Written<WalletAdjusted>, WalletError>) -> (Rule, WalletError) {
    let error = outcome.unwrap_err();
    (error.rule(), error)
}

#[tokio::test]
async fn an_adjustment_moves_money_once_and_is_written_down() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let user = stage.person("user").await;
    let input = adjustment(user.user_id(), EntryType::Credit, "100.00");
    let first = adjust_wallet(app, stage.admin(), input.clone()).await.unwrap();
    assert!(!first.replayed);
    assert_eq!(first.answer.wallet.balance, money("100.00"));
    assert_eq!(first.answer.transaction.category, Category::Adjustment);

    let again = adjust_wallet(app, stage.admin(), input.clone()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.answer, first.answer, "the same key gets the same answer");
    let other = AdjustWallet { amount: money("1.00"), ..input };
    assert_eq!(refused(adjust_wallet(app, stage.admin(), other).await).0, Rule::IDEMPOTENCY_KEY_REUSED);

    let taken = adjustment(user.user_id(), EntryType::Debit, "30.50");
    adjust_wallet(app, stage.admin(), taken).await.unwrap();
    assert_eq!(stage.balance(&user).await, "69.50");
    let wallet = find_wallet(app, &user).await.unwrap();
    assert_eq!(
        (wallet.available, wallet.total_earned),
        (money("69.50"), money("0.00")),
        "nothing was earned"
    );

    // The stream has what the repeat published again, with the same event id.
    let mut heard = stage.heard(Channel::User(user.user_id())).await;
    heard.retain(|event| event["type"] == "wallet.updated");
    let mut ids: Vec<&str> = heard.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    ids.dedup();
    assert_eq!(ids.len(), 2);
    assert_eq!(heard[0]["type"], "wallet.updated");
    assert_eq!(heard[0]["data"]["balance"], "100.00");
    assert_eq!(heard[2]["data"]["balance"], "69.50");

    let audit = "SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'wallets.adjust' AND subject_type = 'user' \
                 AND JSON_UNQUOTE(JSON_EXTRACT(`before`, '$.balance')) = '100.00' \
                 AND JSON_UNQUOTE(JSON_EXTRACT(`after`, '$.balance')) = '69.50'";
    assert_eq!(stage.count(audit).await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_audit_logs").await, 2);
    assert_eq!(stage.count("SELECT COUNT(*) FROM invoices").await, 0, "no purchase, no invoice");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn adjustments_are_for_administrators_within_the_limit() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let user = stage.person("user").await;
    let id = user.user_id();
    let stranger = adjust_wallet(app, &user, adjustment(id, EntryType::Credit, "1.00")).await;
    assert_eq!(refused(stranger).0, Rule::FORBIDDEN);
    for (input, rule) in [
        (adjustment(999_999, EntryType::Credit, "1.00"), Rule::NOT_FOUND),
        (adjustment(id, EntryType::Credit, "0.00"), Rule::VALIDATION_FAILED),
        (adjustment(id, EntryType::Credit, "-5.00"), Rule::VALIDATION_FAILED),
        (
            AdjustWallet { reason: " x ".to_owned(), ..adjustment(id, EntryType::Credit, "1.00") },
            Rule::VALIDATION_FAILED,
        ),
        (adjustment(id, EntryType::Credit, "1000.01"), Rule::SECOND_APPROVER_REQUIRED),
        (adjustment(id, EntryType::Debit, "0.01"), Rule::INSUFFICIENT_FUNDS),
    ] {
        assert_eq!(refused(adjust_wallet(app, stage.admin(), input).await).0, rule);
    }
    adjust_wallet(app, stage.admin(), adjustment(id, EntryType::Credit, "1000.00")).await.unwrap();
    adjust_wallet(app, stage.admin(), adjustment(id, EntryType::Debit, "1000.00")).await.unwrap();
    let beyond = adjust_wallet(app, stage.admin(), adjustment(id, EntryType::Debit, "0.01")).await;
    assert_eq!(refused(beyond).0, Rule::INSUFFICIENT_FUNDS);
    assert_eq!(stage.count("SELECT COUNT(*) FROM transactions").await, 2, "refusals leave no row");
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_idempotency_keys").await, 2, "nor a used key");
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn the_ledger_is_read_in_pages_by_its_owner_alone() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "2.00").await;
    for _ in 0..4 {
        domain::gifts::send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    }
    let per_page = |cursor| PageRequest { cursor, per_page: 2 };
    let all = TransactionFilter::default();
    let first = list_transactions(app, &giver, all.clone(), per_page(None)).await.unwrap();
    let second = list_transactions(app, &giver, all.clone(), per_page(first.next)).await.unwrap();
    let third = list_transactions(app, &giver, all.clone(), per_page(second.next)).await.unwrap();
    let balances = [&first, &second, &third]
        .iter()
        .flat_map(|page| page.items.iter().map(|line| line.balance_after.to_string()))
        .collect::<Vec<_>>();
    assert_eq!(balances, ["42.00", "44.00", "46.00", "48.00", "50.00"]);
    assert_eq!(third.next, None);
    let back = list_transactions(app, &giver, all.clone(), per_page(third.previous)).await.unwrap();
    assert_eq!(back.items, second.items);

    let gifts = TransactionFilter {
        entry_type: Some(EntryType::Debit),
        category: Some(Category::Gift),
        ..all.clone()
    };
    let gifts = list_transactions(app, &giver, gifts, PageRequest::default()).await.unwrap();
    assert_eq!(gifts.items.len(), 4);
    let made = gifts.items[0].created_at.unwrap();
    let count = async |filter| {
        list_transactions(app, &giver, filter, PageRequest::default()).await.unwrap().items.len()
    };
    let status = |status| TransactionFilter { status: Some(status), ..all.clone() };
    assert_eq!(count(status(TransactionStatus::Completed)).await, 5);
    assert_eq!(count(status(TransactionStatus::Failed)).await, 0);
    let from = |seconds| TransactionFilter { from: Some(made.plus_seconds(seconds)), ..all.clone() };
    let to = |seconds| TransactionFilter { to: Some(made.plus_seconds(seconds)), ..all.clone() };
    assert_eq!((count(from(-3600)).await, count(from(1)).await), (5, 0));
    assert_eq!((count(to(0)).await, count(to(-3600)).await), (5, 0));
    let line = &gifts.items[0];
    assert_eq!(
        line.related_type.as_deref(),
        Some("gift_transaction"),
        "the short name, whatever the column says"
    );
    assert_eq!(
        stage.text("SELECT related_type FROM transactions WHERE category = 'vat' LIMIT 1").await,
        r"App\Models\GiftTransaction"
    );
    assert_eq!(find_transaction(app, &giver, line.id).await.unwrap(), *line);
    assert_eq!(find_transaction(app, &host, line.id).await.unwrap_err().rule(), Rule::NOT_FOUND);
    stage.assert_ledger_holds().await;
}

/// The checks of the other tests would notice.
#[tokio::test]
async fn what_is_wrong_with_the_ledger_is_found() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let giver = stage.rich("giver", "50.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let (_, paid) = stage.live("speaker", paid_room("10.00")).await;
    let rose = stage.gift("rose", "2.00").await;
    for _ in 0..3 {
        domain::gifts::send_gift(app, &giver, to_room(rose, room)).await.unwrap();
    }
    domain::rooms::register_for_room(app, &giver, paid, Some(key())).await.unwrap();
    stage.assert_ledger_holds().await;
    let debit =
        "(SELECT MIN(id) FROM (SELECT id FROM transactions WHERE category = 'gift' AND type = 'debit') t)";
    for (damage, repair, found) in [
        (
            "UPDATE wallets SET balance = balance + 1 WHERE balance > 5".to_owned(),
            "UPDATE wallets SET balance = balance - 1 WHERE balance > 6",
            vec!["I-M3", "I-M7"],
        ),
        (
            format!("UPDATE transactions SET balance_after = balance_after + 1 WHERE id = {debit}"),
            "UPDATE transactions SET balance_after = balance_after - 1 WHERE id = (SELECT MIN(id) FROM (SELECT id FROM transactions WHERE category = 'gift' AND type = 'debit') t)",
            vec!["I-M2"],
        ),
        (
            "UPDATE wallets SET total_earned = total_earned + 1".to_owned(),
            "UPDATE wallets SET total_earned = total_earned - 1",
            vec!["I-M5"],
        ),
        (
            "UPDATE invoices SET vat_amount = vat_amount + 1 LIMIT 1".to_owned(),
            "UPDATE invoices SET vat_amount = total - subtotal",
            vec!["I-M11 one"],
        ),
        (
            "UPDATE invoices SET invoice_number = REPLACE(invoice_number, '000004', '000005')".to_owned(),
            "UPDATE invoices SET invoice_number = REPLACE(invoice_number, '000005', '000004')",
            vec!["I-M11 gaps"],
        ),
        (
            "UPDATE gift_transactions SET quantity = 2".to_owned(),
            "UPDATE gift_transactions SET quantity = 1",
            vec!["I-G1 price"],
        ),
        (
            "UPDATE live_room_registrations SET price_paid = 9".to_owned(),
            "UPDATE live_room_registrations SET price_paid = 10",
            vec!["I-M13 rooms"],
        ),
    ] {
        assert!(stage.run(&damage).await > 0, "{damage}");
        assert_eq!(stage.broken_invariants().await, found, "{damage}");
        stage.run(repair).await;
        stage.assert_ledger_holds().await;
    }
}
