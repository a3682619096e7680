//! Invoices and what is read of the ledger; refunds by administrators; what the events say is what is there.

use base::paging::PageRequest;
use base::{Fault, Rule};
use domain::wallet::{
    find_invoice, find_invoice_qr, find_wallet, issue_refund, list_all_invoices, list_invoices, list_ledger,
    reconcile, render_invoice,
};
use domain::{Actor, App};
use futures_util::TryStreamExt;
use protocol::channel::Channel;
use protocol::wallet::{InvoiceFilter, InvoiceStatus, InvoiceType, IssueRefund, TransactionFilter, Wallet};

use crate::stage::{Stage, key, money, open_room, paid_room, to_room};

fn refund_of(transaction_id: u64) -> IssueRefund {
    IssueRefund { client_id: key(), transaction_id, amount: None, reason: "it did not take place".to_owned() }
}

/// The buyer's line of the one seat that was sold.
async fn seat_sold(stage: &Stage, buyer: &Actor, price: &str) -> u64 {
    let (_, room) = stage.announced("speaker", paid_room(price)).await;
    domain::rooms::register_for_room(&stage.app, buyer, room, Some(key())).await.unwrap();
    let id = stage.count("SELECT transaction_id FROM live_room_registrations").await;
    u64::try_from(id).unwrap()
}

#[tokio::test]
async fn an_administrator_refunds_a_seat_once_and_it_is_free_again() {
    let stage = Stage::new().await;
    let (app, admin) = (&stage.app, stage.admin());
    let buyer = stage.rich("buyer", "100.00").await;
    let debit = seat_sold(&stage, &buyer, "40.00").await;
    assert_eq!(issue_refund(app, &buyer, refund_of(debit)).await.unwrap_err().rule(), Rule::FORBIDDEN);
    let unknown = issue_refund(app, admin, refund_of(999_999)).await.unwrap_err();
    assert!(unknown.violations().unwrap().sentences(base::Lang::En).contains_key("transaction_id"));
    let brief = IssueRefund { reason: " ".to_owned(), ..refund_of(debit) };
    assert_eq!(issue_refund(app, admin, brief).await.unwrap_err().rule(), Rule::VALIDATION_FAILED);

    let input = refund_of(debit);
    let done = issue_refund(app, admin, input.clone()).await.unwrap();
    assert_eq!((done.answer.amount, done.answer.user_id), (money("40.00"), buyer.user_id()));
    assert!(issue_refund(app, admin, input).await.unwrap().replayed);
    assert_eq!(issue_refund(app, admin, refund_of(debit)).await.unwrap_err().rule(), Rule::ALREADY_REFUNDED);
    assert_eq!(stage.balance(&buyer).await, "100.00");
    assert_eq!(stage.text("SELECT status FROM live_room_registrations").await, "cancelled");
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'refunds.issue'").await, 1);
    stage.assert_ledger_holds().await;
}

#[tokio::test]
async fn invoices_are_their_owners_and_chained_by_their_hashes() {
    let stage = Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.uploads.folder = std::env::temp_dir().join(format!("majlis-papers-{}", base::id::ulid()));
    })
    .await;
    let (app, admin) = (&stage.app, stage.admin());
    let (buyer, other) = (stage.rich("buyer", "100.00").await, stage.person("other").await);
    let debit = seat_sold(&stage, &buyer, "23.00").await;
    issue_refund(app, admin, refund_of(debit)).await.unwrap();
    let page = list_invoices(app, &buyer, PageRequest::default()).await.unwrap();
    let [note, invoice] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((invoice.kind, invoice.status), (InvoiceType::Invoice, InvoiceStatus::Credited));
    assert_eq!(
        (invoice.subtotal, invoice.vat_amount, invoice.vat_rate.as_str()),
        (money("20.00"), money("3.00"), "15.00")
    );
    assert_eq!((note.kind, note.total), (InvoiceType::CreditNote, money("-23.00")));
    assert_eq!(invoice.previous_hash, None);
    assert_eq!(note.previous_hash.as_deref().map(str::len), Some(64));
    assert_eq!(invoice.items[0].total, money("23.00"));

    assert_eq!(find_invoice(app, &buyer, invoice.id).await.unwrap(), *invoice);
    assert_eq!(find_invoice(app, admin, invoice.id).await.unwrap(), *invoice);
    assert_eq!(find_invoice(app, &other, invoice.id).await.unwrap_err().rule(), Rule::NOT_FOUND);
    assert_eq!(render_invoice(app, &other, invoice.id).await.unwrap_err().rule(), Rule::NOT_FOUND);
    let qr = find_invoice_qr(app, &buyer, invoice.id).await.unwrap();
    assert!(qr.qr.starts_with("AQ"), "tag 1 first: {}", qr.qr);

    let drawn = render_invoice(app, &buyer, invoice.id).await.unwrap();
    assert!(drawn.pdf.starts_with(b"%PDF"));
    assert_eq!(
        stage.text("SELECT pdf_url FROM invoices ORDER BY id LIMIT 1").await,
        format!("invoices/{}.pdf", drawn.number)
    );
    // Kept: what would be drawn differently now is not drawn again.
    stage.run("UPDATE users SET name = 'Somebody else'").await;
    assert_eq!(render_invoice(app, &buyer, invoice.id).await.unwrap().pdf, drawn.pdf);
    assert!(render_invoice(app, &buyer, note.id).await.unwrap().pdf.starts_with(b"%PDF"));

    let notes = InvoiceFilter { kind: Some(InvoiceType::CreditNote), ..InvoiceFilter::default() };
    let found = list_all_invoices(app, admin, notes, PageRequest::default()).await.unwrap();
    assert_eq!(found.items, std::slice::from_ref(note));
    let stranger = list_all_invoices(app, &other, notes, PageRequest::default()).await;
    assert_eq!(stranger.unwrap_err().rule(), Rule::FORBIDDEN);
    let told = stage.heard_of(Channel::User(buyer.user_id()), "invoice.ready").await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["invoice_number"], invoice.invoice_number);
}

#[tokio::test]
async fn administrators_read_the_whole_ledger_and_whether_it_adds_up() {
    let stage = Stage::new().await;
    let (app, admin) = (&stage.app, stage.admin());
    let buyer = stage.rich("buyer", "100.00").await;
    seat_sold(&stage, &buyer, "10.00").await;
    let all = list_ledger(app, admin, None, TransactionFilter::default(), PageRequest::default());
    assert_eq!(all.await.unwrap().items.len(), 5);
    let own =
        list_ledger(app, admin, Some(buyer.user_id()), TransactionFilter::default(), PageRequest::default());
    let own = own.await.unwrap();
    assert_eq!(own.items.len(), 2);
    assert!(own.items.iter().all(|entry| entry.user_id == buyer.user_id() && entry.group_id.is_some()));
    let stranger = list_ledger(app, &buyer, None, TransactionFilter::default(), PageRequest::default()).await;
    assert_eq!(stranger.unwrap_err().rule(), Rule::FORBIDDEN);

    assert_eq!(reconcile(app, &buyer).await.unwrap_err().rule(), Rule::FORBIDDEN);
    let fine = reconcile(app, admin).await.unwrap();
    assert!(fine.balanced && fine.findings.is_empty() && fine.checks.len() > 15);
    stage.run("UPDATE wallets SET balance = balance + 1 WHERE balance > 80").await;
    let broken = reconcile(app, admin).await.unwrap();
    assert!(!broken.balanced);
    assert!(broken.findings.iter().any(|finding| finding.check == "I-M3" && finding.count == 1));
}

async fn exported(app: &App, actor: &Actor) -> String {
    let lines = domain::wallet::export_transactions(app, actor, TransactionFilter::default()).await.unwrap();
    let bytes: Vec<bytes::Bytes> = lines.try_collect().await.unwrap();
    String::from_utf8(bytes.concat()).unwrap()
}

#[tokio::test]
async fn the_export_has_every_line_and_no_formula() {
    let stage = Stage::new().await;
    let person = stage.rich("person", "1.00").await;
    let text = exported(&stage.app, &person).await;
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("id,created_at,type,"));
    assert!(lines[1].contains(",credit,adjustment,1.00,1.00,SAR,completed,"), "{}", lines[1]);
    // More than a page of them, with words that a spreadsheet would run.
    let rows = "INSERT INTO transactions (wallet_id, user_id, type, category, amount, balance_after, \
                transaction_reference, status, description) SELECT w.id, w.user_id, 'credit', 'adjustment', 1, 1, \
                CONCAT('X', n.number), 'completed', '=1+1' FROM wallets w JOIN (SELECT a.n + 10 * b.n + 100 * c.n AS \
                number FROM (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 \
                UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) a, (SELECT 0 n UNION SELECT 1 UNION \
                SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 \
                UNION SELECT 9) b, (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION \
                SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) c) n";
    stage.run(&format!("{rows} WHERE w.user_id = {}", person.user_id())).await;
    let text = exported(&stage.app, &person).await;
    assert_eq!(text.lines().count(), 1_002);
    assert_eq!(text.matches("\"'=1+1\"").count(), 1_000);
}

/// Whoever knew a wallet before and heard its events since knows it now.
#[tokio::test]
async fn the_events_tell_what_a_fresh_read_says() {
    let stage = Stage::new().await;
    let (app, admin) = (&stage.app, stage.admin());
    let person = stage.rich("person", "300.00").await;
    let (host, room) = stage.live("host", open_room()).await;
    let mut known: Wallet = find_wallet(app, &person).await.unwrap();
    let before = stage.heard(Channel::User(person.user_id())).await.len();

    let rose = stage.gift("rose", "20.00").await;
    domain::gifts::send_gift(app, &person, to_room(rose, room)).await.unwrap();
    let debit = seat_sold(&stage, &person, "50.00").await;
    issue_refund(app, admin, refund_of(debit)).await.unwrap();
    let bank = protocol::wallet::BankAccount {
        iban: "SA0380000000608010167519".to_owned(),
        name: "Sara".to_owned(),
    };
    let wish = protocol::wallet::RequestWithdrawal {
        client_id: key(),
        amount: money("80.00"),
        bank,
        password: base::Secret::new(crate::world::PASSWORD.to_owned()),
    };
    let withdrawal = domain::wallet::request_withdrawal(app, &person, wish).await.unwrap().answer;
    for step in [
        domain::wallet::Processing::Approve,
        domain::wallet::Processing::MarkPaid { reference: "1".to_owned() },
    ] {
        domain::wallet::process_withdrawal(app, admin, withdrawal.id, step).await.unwrap();
    }
    let mut paid_out = money("0.00");
    for event in stage.heard(Channel::User(person.user_id())).await.into_iter().skip(before) {
        let data = &event["data"];
        match event["type"].as_str().unwrap() {
            "wallet.updated" => {
                known.balance = data["balance"].as_str().unwrap().parse().unwrap();
                known.pending_balance = data["pending_balance"].as_str().unwrap().parse().unwrap();
            }
            "withdrawal.paid" => {
                let amount: base::Money = data["withdrawal"]["amount"].as_str().unwrap().parse().unwrap();
                paid_out = paid_out.plus(amount).unwrap();
            }
            _ => {}
        }
    }
    known.available = known.balance;
    known.total_withdrawn = known.total_withdrawn.plus(paid_out).unwrap();
    assert_eq!(known, find_wallet(app, &person).await.unwrap());
    assert_ne!(stage.balance(&host).await, "0.00");
    stage.assert_ledger_holds().await;
}
