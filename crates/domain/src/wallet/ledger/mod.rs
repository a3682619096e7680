//! The one way in which balances change (domain.md D5, D7, §8.2): a group of entries in one unit, with the wallets
//! locked, each entry a row with the balance after it.

mod arithmetic;

use std::collections::{BTreeMap, BTreeSet};

use base::id::UserId;
use base::{CommonFault, Money, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::wallet::{Category, EntryType};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use store::StoreError;
use store::wallet::{NewTransaction, WalletRow};

use super::WalletError;
use crate::unit::Unit;
use arithmetic::{Holdings, Refusal, apply};

pub(crate) use arithmetic::{Split, proportional};

/// What a movement has to do with what its wallet's owner earns (I-M5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A sale's credit is earned; a refund's debit, and the return of the platform's share, are lost again.
    #[default]
    Own,
    /// Money that the platform holds for others (domain.md §8.3): neither earned nor lost.
    Escrow,
    /// A withdrawal's debit: the money is held, until it is paid out or comes back (domain.md D6).
    Hold,
    /// The credit with which held money comes back.
    Release,
    /// The platform gives back what a seller cannot, who owes it from now on: not what the platform had earned.
    Cover {
        /// The seller.
        owed_by: UserId,
    },
}

/// One movement of one wallet.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    /// Whose wallet.
    pub user_id: UserId,
    /// In or out.
    pub entry_type: EntryType,
    /// What for.
    pub category: Category,
    /// Positive.
    pub amount: Money,
    /// Words for people.
    pub description: Option<&'a str>,
    /// Is it earned?
    pub purpose: Purpose,
    /// Further members of `transactions.metadata`.
    pub notes: Map<String, Value>,
}

impl Entry<'_> {
    /// `transactions.metadata` of the row.
    fn metadata(&self, group_id: &str) -> Value {
        let mut metadata = self.notes.clone();
        metadata.insert("group_id".to_owned(), group_id.into());
        match self.purpose {
            Purpose::Own | Purpose::Hold | Purpose::Release => {}
            Purpose::Escrow => {
                metadata.insert("escrow".to_owned(), true.into());
            }
            Purpose::Cover { owed_by } => {
                let owed = json!({ "user_id": owed_by, "amount": self.amount });
                metadata.insert("receivable".to_owned(), owed);
            }
        }
        Value::Object(metadata)
    }
}

/// Entries that are written together or not at all.
#[derive(Clone, Debug)]
pub(crate) struct Group<'a> {
    /// The user and operation that write it, with the key of the write: makes the references, so that the unique
    /// index of references is a second guard against charging twice.
    pub scope: (UserId, &'static str, &'a str),
    /// Morph type and id of what all rows belong to.
    pub related: Option<(&'a str, u64)>,
    /// How it was paid; `wallet` for what is bought inside the platform.
    pub payment_method: Option<&'a str>,
    /// Money moves between wallets of the platform only: the signed sum has to be nothing.
    pub internal: bool,
    /// ISO 4217, for the message of a refusal.
    pub currency: &'a str,
    /// In the order of their ids to be.
    pub entries: Vec<Entry<'a>>,
    /// When, in whole seconds.
    pub at: Time,
}

/// An entry that was written.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    /// The row's id.
    pub id: u64,
    /// `transactions.transaction_reference`.
    pub reference: String,
    /// The wallet's balance after it.
    pub balance_after: Money,
}

/// Writes a group: locks the wallets in one statement in the order of their ids, checks that every debit is covered,
/// writes the rows in order and the balances, and emits one `wallet.updated` to each owner. Answers in the order of
/// the entries.
///
/// # Errors
/// [`WalletError::InsufficientFunds`]; [`CommonFault::IdempotencyKeyReused`] when the key moved money before but
/// its answer is no longer kept; [`CommonFault::Internal`] for a group that does not add up.
pub(crate) async fn post(unit: &mut Unit, group: Group<'_>) -> Result<Vec<Posted>, WalletError> {
    let owners: BTreeSet<UserId> = group.entries.iter().map(|entry| entry.user_id).collect();
    let owners: Vec<UserId> = owners.into_iter().collect();
    let mut wallets = store::wallet::lock_wallets(unit, &owners).await?;

    let mut holdings: BTreeMap<UserId, Holdings> =
        wallets.iter().map(|row| (row.user_id, held(row))).collect();
    let balances = apply(&group.entries, group.internal, &mut holdings).map_err(|refusal| match refusal {
        Refusal::Short { required, available } => {
            WalletError::InsufficientFunds { required, available, currency: group.currency.to_owned() }
        }
        Refusal::OutOfRange => WalletError::OutOfRange,
        Refusal::Wrong(why) => WalletError::Common(CommonFault::internal(why)),
    })?;

    let group_id = base::id::ulid();
    let mut rows = Vec::with_capacity(group.entries.len());
    for ((ordinal, entry), &balance_after) in (0_u32..).zip(&group.entries).zip(&balances) {
        let wallet = wallets.iter().find(|wallet| wallet.user_id == entry.user_id);
        let wallet = wallet.ok_or_else(|| CommonFault::internal("a wallet is missing"))?;
        rows.push(NewTransaction {
            wallet_id: wallet.id,
            user_id: entry.user_id,
            entry_type: entry.entry_type.as_str(),
            category: entry.category.as_str(),
            related: group.related,
            amount: entry.amount,
            balance_after,
            payment_method: group.payment_method,
            reference: reference(group.scope, ordinal),
            status: if entry.purpose == Purpose::Hold { "pending" } else { "completed" },
            description: entry.description,
            metadata: entry.metadata(&group_id),
            created_at: group.at.as_chrono(),
        });
    }
    let ids = store::wallet::insert_transactions(unit, &rows).await.map_err(|error| {
        if error.is_unique("transactions_transaction_reference_unique") {
            WalletError::Common(CommonFault::IdempotencyKeyReused)
        } else {
            error.into()
        }
    })?;
    for wallet in &mut wallets {
        if let Some(now) = holdings.get(&wallet.user_id) {
            (wallet.balance, wallet.total_earned) = (now.balance, now.total_earned);
            wallet.pending_balance = now.held;
        }
    }
    store::wallet::update_balances(unit, &wallets, group.at.as_chrono()).await?;

    let posted: Vec<Posted> = ids
        .into_iter()
        .zip(rows)
        .map(|(id, row)| Posted { id, reference: row.reference, balance_after: row.balance_after })
        .collect();
    tell(unit, &wallets, &group.entries, &posted)?;
    Ok(posted)
}

/// Held money leaves the wallet for good (domain.md D6 "paid"): no row, since the balance has gone before.
///
/// # Errors
/// [`CommonFault::Internal`] when less is held.
pub(crate) async fn pay_out(
    unit: &mut Unit,
    user_id: UserId,
    amount: Money,
    transaction_id: u64,
    at: Time,
) -> Result<(), WalletError> {
    let mut wallets = store::wallet::lock_wallets(unit, &[user_id]).await?;
    let wallet = wallets.first_mut().ok_or(CommonFault::NotFound("wallet"))?;
    let held = wallet.pending_balance.minus(amount).filter(|held| *held >= Money::ZERO);
    wallet.pending_balance = held.ok_or_else(|| CommonFault::internal("less is held than is paid out"))?;
    wallet.total_withdrawn = wallet.total_withdrawn.plus(amount).ok_or(WalletError::OutOfRange)?;
    let (balance, pending_balance) = (wallet.balance, wallet.pending_balance);
    store::wallet::update_balances(unit, &wallets, at.as_chrono()).await?;
    unit.emit(Channel::User(user_id), Event::WalletUpdated { balance, pending_balance, transaction_id });
    Ok(())
}

/// One `wallet.updated` for each wallet, with its final balance and its last row.
fn tell(
    unit: &mut Unit,
    wallets: &[WalletRow],
    entries: &[Entry<'_>],
    posted: &[Posted],
) -> Result<(), WalletError> {
    for wallet in wallets {
        let last = entries.iter().zip(posted).rfind(|(entry, _)| entry.user_id == wallet.user_id);
        let (_, row) = last.ok_or(StoreError::Corrupt { table: "wallets", column: "user_id" })?;
        unit.emit(
            Channel::User(wallet.user_id),
            Event::WalletUpdated {
                balance: wallet.balance,
                pending_balance: wallet.pending_balance,
                transaction_id: row.id,
            },
        );
    }
    Ok(())
}

fn held(row: &WalletRow) -> Holdings {
    Holdings { balance: row.balance, held: row.pending_balance, total_earned: row.total_earned }
}

/// `TX-` and 26 characters of Crockford's base 32, made of the scope, the key and the entry's place in its group.
fn reference((user_id, operation, key): (UserId, &str, &str), ordinal: u32) -> String {
    let digest = Sha256::digest(format!("{user_id}:{operation}|{key}|{ordinal}"));
    let number = digest.iter().take(16).fold(0_u128, |number, &byte| (number << 8) | u128::from(byte));
    format!("TX-{}", ulid::Ulid::from(number))
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn references_follow_from_the_key_and_differ_within_a_group() {
        let (key, other) = ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c9");
        let first = reference((7, "gifts.send_gift", key), 0);
        assert_eq!(first, reference((7, "gifts.send_gift", key), 0));
        assert_eq!(first.len(), 29);
        assert_ne!(first, reference((7, "gifts.send_gift", key), 1));
        assert_ne!(first, reference((8, "gifts.send_gift", key), 0));
        assert_ne!(first, reference((7, "gifts.send_gift", other), 0));
    }
}
