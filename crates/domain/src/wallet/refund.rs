//! Money back (domain.md §8.4): one group of rows that undoes a sale in whole or in part, once.

use base::id::UserId;
use base::{CommonFault, Money, Time};
use protocol::notifications::NotificationKind;
use protocol::wallet::{Category, EntryType};
use serde_json::{Map, Value, json};
use store::wallet::{LedgerRow, Note};

use super::WalletError;
use super::escrow::{Terms, is_open, not_covered, payout, release, tell_seller};
use super::invoice::{InvoiceItem, Paper, issue_invoice};
use super::ledger::{Entry, Group, Purpose, post, proportional};
use super::view::category;
use crate::App;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;

/// The scope of the references: a sale is refunded once, whoever asks, so the debit's id is the key.
const OPERATION: &str = "wallet.refund_sale";

/// How much of a sale is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    All,
    /// So many ten-thousandths, rounded half up to the halala.
    BasisPoints(u32),
    /// Exactly so much, at most what was paid.
    Amount(Money),
}

impl Part {
    /// How much of a total; `None` for more than that.
    pub(super) fn of(self, total: Money) -> Option<Money> {
        let amount = match self {
            Self::All => total,
            Self::BasisPoints(points) => total.fraction(i64::from(points), 10_000)?,
            Self::Amount(amount) => amount,
        };
        (amount >= Money::ZERO && amount <= total).then_some(amount)
    }
}

/// A refund to be made.
#[derive(Clone, Copy, Debug)]
pub struct Refund<'a> {
    /// The buyer's debit (`Sold::debit_id`, the `transaction_id` of what was bought).
    pub debit_id: u64,
    /// How much of it.
    pub part: Part,
    /// Why, for the ledger.
    pub reason: &'a str,
    /// When, in whole seconds.
    pub at: Time,
}

/// What a refund did. Ends with [`Refunded::credit_note`].
#[derive(Clone, Debug)]
#[must_use = "a refund ends with its credit note"]
pub struct Refunded {
    /// The buyer's credit; nothing where nothing was given back.
    pub refund_id: Option<u64>,
    /// Who has it back.
    pub buyer: UserId,
    /// How much they have back.
    pub amount: Money,
    /// Their balance afterwards; `None` where nothing was given back.
    pub balance: Option<Money>,
    /// What the seller gave of it.
    pub seller_amount: Money,
    /// What the seller owes the platform, which gave it for them.
    pub receivable: Money,
    /// What the seller received of an escrow, of which only a part was given back.
    pub settled: Money,
    vat: Money,
    debit_id: u64,
    description: String,
    at: Option<Time>,
}

/// A sale with the wallets of all concerned locked, and its debit.
pub(super) struct Original {
    pub(super) debit: LedgerRow,
    pub(super) category: Category,
    pub(super) platform: UserId,
    /// The wallets, locked.
    wallets: Vec<store::wallet::WalletRow>,
    /// The credits to be undone; none while the money is held.
    credits: Vec<LedgerRow>,
}

impl Original {
    pub(super) fn related(&self) -> Option<(&str, u64)> {
        self.debit.related_type.as_deref().zip(self.debit.related_id)
    }

    /// A note that names the debit.
    pub(super) fn notes(&self, name: &str) -> Map<String, Value> {
        Map::from_iter([(name.to_owned(), self.debit.id.into())])
    }

    fn balance_of(&self, user_id: UserId) -> Money {
        let wallet = self.wallets.iter().find(|wallet| wallet.user_id == user_id);
        wallet.map_or(Money::ZERO, |wallet| wallet.balance)
    }
}

/// Locks the wallets of all concerned, then the debit, and reads what is to be undone.
pub(super) async fn lock_original(unit: &mut Unit, debit_id: u64) -> Result<Original, WalletError> {
    let debit = store::wallet::find_ledger_row(unit, debit_id).await?;
    let debit = debit.ok_or(CommonFault::NotFound("transaction"))?;
    let bought = category(&debit.category)
        .filter(|category| category.is_sale() && *category != Category::Commission)
        .filter(|_| debit.entry_type == EntryType::Debit.as_str() && debit.status == "completed");
    // The release of an escrow is a debit too, but of nobody who bought.
    let bought = bought.filter(|_| debit.note("settles").is_none());
    let (Some(category), Some(group_id)) = (bought, debit.group_id().map(str::to_owned)) else {
        return Err(WalletError::NotRefundable);
    };
    let platform = crate::system::platform_wallet(unit).await?.user_id;
    // Who is concerned does not change; what was refunded or settled may, and is read under the locks.
    let terms = Terms::of(&debit);
    let mut credits = match terms {
        Some(_) => Vec::new(),
        None => credits_of(unit, debit.id, &group_id).await?,
    };
    let mut owners: Vec<UserId> = vec![debit.user_id, platform];
    owners.extend(terms.map(|terms| terms.seller));
    owners.extend(credits.iter().map(|credit| credit.user_id));
    owners.sort_unstable();
    owners.dedup();
    let wallets = store::wallet::lock_wallets(unit, &owners).await?;
    let debit = store::wallet::lock_ledger_row(unit, debit_id).await?;
    let debit = debit.ok_or(CommonFault::NotFound("transaction"))?;
    if let Some(release_id) = debit.note("settled_by").and_then(Value::as_u64) {
        let release = store::wallet::find_ledger_row(unit, release_id).await?;
        let group_id = release.as_ref().and_then(LedgerRow::group_id).map(str::to_owned);
        let group_id = group_id.ok_or_else(|| CommonFault::internal("a settlement is not there"))?;
        credits = credits_of(unit, release_id, &group_id).await?;
    }
    Ok(Original { debit, category, platform, wallets, credits })
}

/// The credits of the group that begins with a debit.
async fn credits_of(unit: &mut Unit, first_id: u64, group_id: &str) -> Result<Vec<LedgerRow>, WalletError> {
    let rows = store::wallet::list_group(unit, first_id, group_id).await?;
    Ok(rows.into_iter().filter(|row| row.entry_type == EntryType::Credit.as_str()).collect())
}

/// Gives a buyer back what they paid, or a part of it, in one group: credit `refund` for the buyer; of the seller, of the
/// platform's share and of the VAT the same part is taken, so that the group's sum is nothing and a whole refund undoes the
/// sale exactly. What the seller's wallet does not hold the platform gives for them, and the row's `metadata.receivable`
/// says what the seller owes. Money still in escrow goes back from there, and what is not given back is settled.
///
/// The caller has locked the thing that was bought; afterwards they change its state and counters, and end with
/// [`Refunded::credit_note`]. A sale is refunded once, in whole or in part; a part of nothing does nothing at all.
///
/// # Errors
/// [`WalletError::AlreadyRefunded`]; [`WalletError::NotRefundable`] for a row that is no purchase;
/// [`WalletError::RefundNotCovered`] when the platform's wallet is short, too; [`WalletError::OutOfRange`] for more than
/// was paid.
pub async fn refund_sale(app: &App, unit: &mut Unit, refund: &Refund<'_>) -> Result<Refunded, WalletError> {
    let original = lock_original(unit, refund.debit_id).await?;
    let debit = &original.debit;
    if debit.note("refunded_by").is_some() {
        return Err(WalletError::AlreadyRefunded);
    }
    let amount = refund.part.of(debit.amount).ok_or(WalletError::OutOfRange)?;
    if !amount.is_positive() {
        return Ok(Refunded::nothing(&original, Money::ZERO));
    }
    let mut refunded = Refunded::nothing(&original, Money::ZERO);
    (refunded.amount, refunded.at) = (amount, Some(refund.at));
    let mut entries = vec![Entry {
        user_id: debit.user_id,
        entry_type: EntryType::Credit,
        category: Category::Refund,
        amount,
        description: Some(refund.reason),
        purpose: Purpose::Own,
        notes: original.notes("refunds"),
    }];
    let terms = Terms::of(debit).filter(|_| is_open(debit));
    match terms {
        Some(terms) => {
            entries.push(release(&original, debit.amount));
            let rest = debit.amount.minus(amount).ok_or(WalletError::OutOfRange)?;
            let split = terms.split(rest)?;
            entries.extend(payout(&original, terms, split));
            refunded.settled = split.seller;
            refunded.vat = terms.split(amount)?.vat;
        }
        None => undo(&original, refund, &mut refunded, &mut entries)?,
    }
    let buyers_last = entries.iter().rposition(|entry| entry.user_id == debit.user_id);
    let group = Group {
        scope: (debit.user_id, OPERATION, &debit.id.to_string()),
        related: original.related(),
        payment_method: Some("wallet"),
        internal: true,
        currency: &app.settings.money.currency,
        entries,
        at: refund.at,
    };
    let posted = post(unit, group).await.map_err(not_covered)?;
    let no_rows = || CommonFault::internal("a refund without rows");
    let credit = posted.first().ok_or_else(no_rows)?;
    refunded.refund_id = Some(credit.id);
    refunded.balance = buyers_last.and_then(|ordinal| posted.get(ordinal)).map(|row| row.balance_after);
    store::wallet::update_note(unit, debit.id, Note::RefundedBy, credit.id).await?;
    if let Some(terms) = terms {
        tell_seller(app, unit, &original, terms, refunded.settled).await?;
    }
    Ok(refunded)
}

/// The debits that undo the sale's credits.
fn undo<'a>(
    original: &'a Original,
    refund: &Refund<'a>,
    refunded: &mut Refunded,
    entries: &mut Vec<Entry<'a>>,
) -> Result<(), WalletError> {
    let amounts: Vec<Money> = original.credits.iter().map(|credit| credit.amount).collect();
    let paid = amounts.iter().try_fold(Money::ZERO, |sum, &amount| sum.plus(amount));
    if paid != Some(original.debit.amount) {
        return Err(CommonFault::internal("the rows of a sale do not add up").into());
    }
    let shares = proportional(&amounts, refunded.amount).ok_or(WalletError::OutOfRange)?;
    let debit = |user_id, category, amount, purpose| Entry {
        user_id,
        entry_type: EntryType::Debit,
        category,
        amount,
        description: Some(refund.reason),
        purpose,
        notes: original.notes("refunds"),
    };
    for (credit, share) in original.credits.iter().zip(shares) {
        match category(&credit.category) {
            Some(kept @ (Category::Commission | Category::Vat)) => {
                if kept == Category::Vat {
                    refunded.vat = share;
                }
                entries.push(debit(credit.user_id, kept, share, Purpose::Own));
            }
            _ => {
                let held = if credit.user_id == original.platform {
                    share
                } else {
                    share.min(original.balance_of(credit.user_id))
                };
                let owed = share.minus(held).ok_or(WalletError::OutOfRange)?;
                entries.push(debit(credit.user_id, Category::Refund, held, Purpose::Own));
                let cover = Purpose::Cover { owed_by: credit.user_id };
                entries.push(debit(original.platform, Category::Refund, owed, cover));
                (refunded.seller_amount, refunded.receivable) = (held, owed);
            }
        }
    }
    entries.retain(|entry| entry.amount.is_positive());
    Ok(())
}

impl Refunded {
    /// Nothing was given back.
    pub(super) fn nothing(original: &Original, settled: Money) -> Self {
        Self {
            refund_id: None,
            buyer: original.debit.user_id,
            amount: Money::ZERO,
            balance: None,
            seller_amount: Money::ZERO,
            receivable: Money::ZERO,
            settled,
            vat: Money::ZERO,
            debit_id: original.debit.id,
            description: original.debit.description.clone().unwrap_or_default(),
            at: None,
        }
    }

    /// Marks the sale's invoice as credited, issues the credit note and tells the buyer (`refund.issued`): the last writes
    /// of the unit (domain.md D8). Gives the note's number; nothing where nothing was given back.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn credit_note(self, app: &App, unit: &mut Unit) -> Result<Option<String>, WalletError> {
        let (Some(refund_id), Some(at)) = (self.refund_id, self.at) else { return Ok(None) };
        let minus = |amount: Money| Money::ZERO.minus(amount).ok_or(WalletError::OutOfRange);
        let vat_basis_points = store::wallet::find_vat_rate(unit, self.debit_id).await?.unwrap_or_default();
        store::wallet::update_invoice_credited(unit, self.debit_id, at.as_chrono()).await?;
        let total = minus(self.amount)?;
        let vat = minus(self.vat)?;
        let item = InvoiceItem { description: self.description, quantity: 1, unit_price: total, total };
        let paper = Paper {
            transaction_id: refund_id,
            user_id: self.buyer,
            subtotal: total.minus(vat).ok_or(WalletError::OutOfRange)?,
            vat_basis_points,
            vat,
            total,
            item: &item,
            // `refund.issued` names it.
            notified: false,
            at,
        };
        let number = issue_invoice(app, unit, &paper).await?;
        let notice = Notice::new(NotificationKind::RefundIssued, self.buyer)
            .about(Morph::Transaction, refund_id, format!("/wallet/transactions/{refund_id}"))
            .with("amount", self.amount.to_string())
            .with("currency", app.settings.money.currency.as_str())
            .with("number", json!(number));
        notify(app, unit, notice).await?;
        Ok(Some(number))
    }
}
