//! Withdrawals: held, let go, paid or given back, whatever else happens to the wallet meanwhile.

use base::{Fault, Rule, Secret};
use domain::machine::{Machine, may};
use domain::wallet::{
    Processing, WalletError, cancel_withdrawal, find_wallet, process_withdrawal, request_withdrawal,
};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::wallet::{BankAccount, RequestWithdrawal, WithdrawalCase, WithdrawalStatus};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::stage::{Stage, key, money, open_room, to_room};
use crate::world::PASSWORD;

const IBAN: &str = "SA03 8000 0000 6080 1016 7519";

fn wish(amount: &str) -> RequestWithdrawal {
    RequestWithdrawal {
        client_id: key(),
        amount: money(amount),
        bank: BankAccount { iban: IBAN.to_owned(), name: "سارة أحمد".to_owned() },
        password: Secret::new(PASSWORD.to_owned()),
    }
}

async fn asked(app: &App, actor: &Actor, amount: &str) -> u64 {
    request_withdrawal(app, actor, wish(amount)).await.unwrap().answer.id
}

fn paid() -> Processing {
    Processing::MarkPaid { reference: "FT1".to_owned() }
}

fn reject() -> Processing {
    Processing::Reject { reason: "the names differ".to_owned() }
}

fn fail() -> Processing {
    Processing::Fail { reason: "the account is closed".to_owned() }
}

async fn holdings(app: &App, actor: &Actor) -> (String, String, String) {
    let wallet = find_wallet(app, actor).await.unwrap();
    (wallet.balance.to_string(), wallet.pending_balance.to_string(), wallet.total_withdrawn.to_string())
}

fn amounts(balance: &str, held: &str, withdrawn: &str) -> (String, String, String) {
    (balance.to_owned(), held.to_owned(), withdrawn.to_owned())
}

fn rule<T: std::fmt::Debug>(outcome: Result<T, WalletError>) -> Rule {
    outcome.unwrap_err().rule()
}

#[tokio::test]
async fn money_is_held_until_it_is_paid_out_or_comes_back() {
    let stage = Stage::new().await;
    let (app, admin) = (&stage.app, stage.admin());
    let person = stage.rich("person", "500.00").await;
    let input = wish("200.00");
    let first = request_withdrawal(app, &person, input.clone()).await.unwrap();
    assert_eq!(holdings(app, &person).await, amounts("300.00", "200.00", "0.00"));
    assert_eq!(first.answer.iban_last4, "7519");
    assert!(request_withdrawal(app, &person, input).await.unwrap().replayed);
    assert_eq!(rule(request_withdrawal(app, &person, wish("100.00")).await), Rule::WITHDRAWAL_OPEN);
    stage.assert_ledger_holds().await;

    let id = first.answer.id;
    assert_eq!(rule(process_withdrawal(app, admin, id, paid()).await), Rule::ILLEGAL_TRANSITION);
    process_withdrawal(app, admin, id, Processing::Approve).await.unwrap();
    assert_eq!(rule(cancel_withdrawal(app, &person, id).await), Rule::ILLEGAL_TRANSITION);
    let done = process_withdrawal(app, admin, id, paid()).await.unwrap();
    assert_eq!(done.withdrawal.bank_reference.as_deref(), Some("FT1"));
    assert_eq!(holdings(app, &person).await, amounts("300.00", "0.00", "200.00"));
    stage.assert_ledger_holds().await;

    let second = asked(app, &person, "100.00").await;
    process_withdrawal(app, admin, second, reject()).await.unwrap();
    assert_eq!(holdings(app, &person).await, amounts("300.00", "0.00", "200.00"));
    let third = asked(app, &person, "300.00").await;
    process_withdrawal(app, admin, third, Processing::Approve).await.unwrap();
    process_withdrawal(app, admin, third, fail()).await.unwrap();
    let fourth = asked(app, &person, "300.00").await;
    let cancelled = cancel_withdrawal(app, &person, fourth).await.unwrap();
    assert_eq!(cancelled.status, WithdrawalStatus::Cancelled);
    assert_eq!(holdings(app, &person).await, amounts("300.00", "0.00", "200.00"));
    let statuses = "SELECT GROUP_CONCAT(status ORDER BY id) FROM transactions \
                    WHERE category = 'withdrawal' AND type = 'debit'";
    assert_eq!(stage.text(statuses).await, "completed,cancelled,failed,cancelled");
    stage.assert_ledger_holds().await;

    let own = Channel::User(person.user_id());
    for (event, times) in [
        ("withdrawal.requested", 5),
        ("withdrawal.approved", 2),
        ("withdrawal.paid", 1),
        ("withdrawal.rejected", 1),
        ("withdrawal.failed", 1),
        ("withdrawal.cancelled", 1),
    ] {
        // The repeat published its event again.
        assert_eq!(stage.heard_of(own, event).await.len(), times, "{event}");
    }
    let told = stage.heard_of(own, "notification.created").await;
    let kinds: Vec<&str> = told.iter().map(|one| one["notification"]["kind"].as_str().unwrap()).collect();
    for kind in ["withdrawal.requested", "withdrawal.approved", "withdrawal.paid", "withdrawal.rejected"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert_eq!(
        stage.count("SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'withdrawals.process'").await,
        5
    );
}

#[tokio::test]
async fn who_may_withdraw_and_process() {
    let stage = Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.money.withdrawal_limit_minor = 10_000;
    })
    .await;
    let (app, admin) = (&stage.app, stage.admin());
    let (person, other) = (stage.rich("person", "900.00").await, stage.person("other").await);
    let second = stage.person("second").await;
    stage.appoint(&second, "admin").await;
    let bank = |iban: &str, name: &str| RequestWithdrawal {
        bank: BankAccount { iban: iban.to_owned(), name: name.to_owned() },
        ..wish("100.00")
    };
    let wrong = RequestWithdrawal { password: Secret::new("a guess of mine".to_owned()), ..wish("100.00") };
    for (input, expected) in [
        (wish("49.99"), Rule::VALIDATION_FAILED),
        (bank("SA0380000000608010167518", "x"), Rule::VALIDATION_FAILED),
        (bank(IBAN, "  "), Rule::VALIDATION_FAILED),
        (wrong, Rule::INVALID_CREDENTIALS),
        (wish("900.01"), Rule::INSUFFICIENT_FUNDS),
    ] {
        assert_eq!(rule(request_withdrawal(app, &person, input).await), expected);
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_withdrawals").await, 0);

    let id = asked(app, &person, "100.01").await;
    assert_eq!(rule(cancel_withdrawal(app, &other, id).await), Rule::NOT_FOUND);
    assert_eq!(rule(process_withdrawal(app, &other, id, Processing::Approve).await), Rule::FORBIDDEN);
    assert_eq!(rule(process_withdrawal(app, admin, 999_999, Processing::Approve).await), Rule::NOT_FOUND);
    let brief = Processing::Reject { reason: " x ".to_owned() };
    assert_eq!(rule(process_withdrawal(app, admin, id, brief).await), Rule::VALIDATION_FAILED);
    process_withdrawal(app, admin, id, Processing::Approve).await.unwrap();
    // Above the limit two people are needed.
    assert_eq!(rule(process_withdrawal(app, admin, id, paid()).await), Rule::SECOND_APPROVER_REQUIRED);
    process_withdrawal(app, &second, id, paid()).await.unwrap();

    // Nobody decides over their own.
    stage.appoint(&person, "admin").await;
    let own = asked(app, &person, "60.00").await;
    assert_eq!(rule(process_withdrawal(app, &person, own, Processing::Approve).await), Rule::FORBIDDEN);
    stage.assert_ledger_holds().await;
}

/// Every state, and every step that somebody could try from it: those of the table happen, others are refused.
#[tokio::test]
async fn random_steps_follow_the_table() {
    let stage = Stage::new().await;
    let (app, admin) = (&stage.app, stage.admin());
    let person = stage.rich("person", "1000.00").await;
    let mut random = StdRng::seed_from_u64(7);
    let mut id = asked(app, &person, "50.00").await;
    let mut state = WithdrawalStatus::Pending;
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..70 {
        let to = WithdrawalStatus::STATES[random.random_range(1..WithdrawalStatus::STATES.len())];
        let outcome: Result<WithdrawalStatus, WalletError> = match to {
            WithdrawalStatus::Cancelled => cancel_withdrawal(app, &person, id).await.map(|one| one.status),
            staff => {
                let step = match staff {
                    WithdrawalStatus::Approved => Processing::Approve,
                    WithdrawalStatus::Paid => paid(),
                    WithdrawalStatus::Rejected => reject(),
                    _ => fail(),
                };
                let done: Result<WithdrawalCase, _> = process_withdrawal(app, admin, id, step).await;
                done.map(|case| case.withdrawal.status)
            }
        };
        if may(state, to) {
            assert_eq!(outcome.unwrap(), to, "{state:?}");
            state = to;
            taken += 1;
        } else {
            let error = outcome.unwrap_err();
            assert_eq!(error.rule(), Rule::ILLEGAL_TRANSITION, "{state:?} to {to:?}");
            assert!(error.details().unwrap()["allowed"].is_array());
            refused += 1;
        }
        if !matches!(state, WithdrawalStatus::Pending | WithdrawalStatus::Approved) {
            id = asked(app, &person, "50.00").await;
            state = WithdrawalStatus::Pending;
        }
    }
    assert!(taken > 15 && refused > 15, "{taken} {refused}");
    stage.assert_ledger_holds().await;
}

/// Gifts and withdrawals of the same wallet at once: the chain is never broken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawals_beside_purchases_keep_the_chain() {
    let stage = Stage::new().await;
    let person = stage.rich("person", "1000.00").await;
    let (_, room) = stage.live("host", open_room()).await;
    let rose = stage.gift("rose", "7.00").await;
    let mut work = JoinSet::new();
    for number in 0..40 {
        let (app, person, admin) = (stage.app.clone(), person.clone(), stage.admin().clone());
        work.spawn(async move {
            if number % 2 == 0 {
                domain::gifts::send_gift(&app, &person, to_room(rose, room)).await.unwrap();
                return;
            }
            match request_withdrawal(&app, &person, wish("60.00")).await {
                Ok(request) if number % 4 == 1 => {
                    cancel_withdrawal(&app, &person, request.answer.id).await.unwrap();
                }
                Ok(request) => {
                    let id = request.answer.id;
                    process_withdrawal(&app, &admin, id, Processing::Approve).await.unwrap();
                    process_withdrawal(&app, &admin, id, paid()).await.unwrap();
                }
                Err(error) => assert_eq!(error.rule(), Rule::WITHDRAWAL_OPEN, "{error:?}"),
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.unwrap();
    }
    let wallet = find_wallet(&stage.app, &person).await.unwrap();
    assert_eq!(wallet.pending_balance, money("0.00"));
    let spent = wallet.balance.plus(wallet.total_withdrawn).unwrap();
    assert_eq!(spent, money("860.00"), "20 gifts of 7.00");
    stage.assert_ledger_holds().await;
}
