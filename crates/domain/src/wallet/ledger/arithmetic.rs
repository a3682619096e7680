//! The ledger's arithmetic, without a database: what each wallet holds after each entry, and how a price is split.

use std::collections::BTreeMap;

use base::Money;
use base::id::UserId;
use protocol::wallet::{Category, EntryType};

use super::{Entry, Purpose};

/// What a wallet holds, as far as entries change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// Money at hand.
    pub balance: Money,
    /// Money that is held for withdrawals.
    pub held: Money,
    /// Everything ever earned.
    pub total_earned: Money,
}

/// Why entries cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A debit is more than its wallet holds.
    Short {
        /// The debit.
        required: Money,
        /// What the wallet holds.
        available: Money,
    },
    /// A balance leaves the range of its column.
    OutOfRange,
    /// Entries that nobody should have made: an amount that is not positive, a wallet that is not there, a group
    /// that makes or loses money.
    Wrong(&'static str),
}

/// Applies entries to wallets in their order and gives the balance after each. `internal` groups move money
/// between wallets of the platform: their signed sum has to be nothing (I-M6).
pub(crate) fn apply(
    entries: &[Entry<'_>],
    internal: bool,
    wallets: &mut BTreeMap<UserId, Holdings>,
) -> Result<Vec<Money>, Refusal> {
    let mut sum = Money::ZERO;
    let mut balances = Vec::with_capacity(entries.len());
    for entry in entries {
        if !entry.amount.is_positive() {
            return Err(Refusal::Wrong("an amount is not positive"));
        }
        let wallet = wallets.get_mut(&entry.user_id).ok_or(Refusal::Wrong("a wallet is missing"))?;
        match entry.entry_type {
            EntryType::Debit => {
                if entry.amount > wallet.balance {
                    return Err(Refusal::Short { required: entry.amount, available: wallet.balance });
                }
                wallet.balance = wallet.balance.minus(entry.amount).ok_or(Refusal::OutOfRange)?;
                sum = sum.minus(entry.amount).ok_or(Refusal::OutOfRange)?;
            }
            EntryType::Credit => {
                wallet.balance = wallet.balance.plus(entry.amount).ok_or(Refusal::OutOfRange)?;
                sum = sum.plus(entry.amount).ok_or(Refusal::OutOfRange)?;
            }
        }
        let earned = match earning(entry) {
            Earning::None => Some(wallet.total_earned),
            Earning::Gain => wallet.total_earned.plus(entry.amount),
            Earning::Loss => wallet.total_earned.minus(entry.amount),
        };
        let held = match entry.purpose {
            Purpose::Hold => wallet.held.plus(entry.amount),
            Purpose::Release => wallet.held.minus(entry.amount),
            Purpose::Own | Purpose::Escrow | Purpose::Cover { .. } => Some(wallet.held),
        };
        wallet.held = held.ok_or(Refusal::OutOfRange)?;
        if wallet.held < Money::ZERO {
            return Err(Refusal::Wrong("more comes back than is held"));
        }
        wallet.total_earned = earned.ok_or(Refusal::OutOfRange)?;
        balances.push(wallet.balance);
    }
    if internal && sum != Money::ZERO {
        return Err(Refusal::Wrong("the entries of a group do not add up to nothing"));
    }
    Ok(balances)
}

/// What an entry does to `wallets.total_earned`.
enum Earning {
    None,
    Gain,
    Loss,
}

/// Sales are earned, and lost again when they are reversed (I-M5).
fn earning(entry: &Entry<'_>) -> Earning {
    match (entry.purpose, entry.entry_type, entry.category) {
        (Purpose::Escrow | Purpose::Cover { .. } | Purpose::Hold | Purpose::Release, _, _) => Earning::None,
        (Purpose::Own, EntryType::Credit, category) if category.is_sale() => Earning::Gain,
        (Purpose::Own, EntryType::Debit, Category::Refund | Category::Commission) => Earning::Loss,
        (Purpose::Own, _, _) => Earning::None,
    }
}

/// The share of each part when only `amount` of their sum is meant: the shares add up to it exactly, none is negative or
/// more than its part, and of the whole each is its part. `None` for an amount that is negative or above the sum.
pub(crate) fn proportional(parts: &[Money], amount: Money) -> Option<Vec<Money>> {
    let whole = parts.iter().try_fold(Money::ZERO, |sum, &part| sum.plus(part))?;
    if amount < Money::ZERO || amount > whole {
        return None;
    }
    if !whole.is_positive() {
        return Some(vec![Money::ZERO; parts.len()]);
    }
    // Rounded are the sums from the first part on, so that no halala is made or lost.
    let (mut before, mut before_share) = (Money::ZERO, Money::ZERO);
    let mut shares = Vec::with_capacity(parts.len());
    for &part in parts {
        let after = before.plus(part)?;
        let after_share = after.fraction(amount.minor(), whole.minor())?;
        shares.push(after_share.minus(before_share)?);
        (before, before_share) = (after, after_share);
    }
    Some(shares)
}

/// How a price is divided (domain.md §8.3, §8.5). The four add up to the halala:
/// `total = subtotal + vat` and `subtotal = seller + commission`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// What the buyer pays, VAT included.
    pub total: Money,
    /// Without VAT.
    pub subtotal: Money,
    /// The state's.
    pub vat: Money,
    /// The seller's share of the subtotal.
    pub seller: Money,
    /// The platform's share of the subtotal; the rounding stays here.
    pub commission: Money,
}

/// A whole in basis points.
const WHOLE: u32 = 10_000;

impl Split {
    /// Divides a price that includes VAT. `None` for a negative total or rates out of range (fee above the whole).
    pub(crate) fn of(total: Money, vat_basis_points: u32, fee_basis_points: u32) -> Option<Self> {
        if total < Money::ZERO {
            return None;
        }
        let whole = i64::from(WHOLE);
        let subtotal = total.fraction(whole, whole + i64::from(vat_basis_points))?;
        let seller = subtotal.fraction(i64::from(WHOLE.checked_sub(fee_basis_points)?), whole)?;
        Some(Self {
            total,
            subtotal,
            vat: total.minus(subtotal)?,
            seller,
            commission: subtotal.minus(seller)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base::Money;
    use proptest::prelude::*;
    use protocol::wallet::{Category, EntryType};

    use serde_json::Map;

    use super::{Holdings, Refusal, Split, apply, proportional};
    use crate::wallet::ledger::{Entry, Purpose};

    fn entry(user_id: u64, entry_type: EntryType, minor: i64) -> Entry<'static> {
        Entry {
            user_id,
            entry_type,
            category: Category::Gift,
            amount: Money::from_minor(minor),
            description: None,
            purpose: Purpose::Own,
            notes: Map::new(),
        }
    }

    fn wallets(balances: &[i64]) -> BTreeMap<u64, Holdings> {
        (1..)
            .zip(balances)
            .map(|(id, &minor)| {
                (
                    id,
                    Holdings {
                        balance: Money::from_minor(minor),
                        held: Money::ZERO,
                        total_earned: Money::ZERO,
                    },
                )
            })
            .collect()
    }

    fn sum(wallets: &BTreeMap<u64, Holdings>) -> i64 {
        wallets.values().map(|wallet| wallet.balance.minor()).sum()
    }

    #[test]
    fn a_gift_of_ten_is_split_as_the_specification_says() {
        // 10.00 with 15 % inside: 8.70 net, 1.30 VAT; 30 % of the net is 2.61, the seller has 6.09.
        let split = Split::of(Money::from_minor(1000), 1500, 3000).unwrap();
        let minors = [split.subtotal, split.vat, split.seller, split.commission].map(Money::minor);
        assert_eq!(minors, [870, 130, 609, 261]);
        assert_eq!(Split::of(Money::from_minor(1000), 1500, 10_001), None);
        assert_eq!(Split::of(Money::from_minor(-1), 1500, 0), None);
    }

    #[test]
    fn a_debit_above_the_balance_is_refused_with_both_amounts() {
        let mut held = wallets(&[500, 0]);
        let short =
            apply(&[entry(1, EntryType::Debit, 501), entry(2, EntryType::Credit, 501)], true, &mut held);
        let (required, available) = (Money::from_minor(501), Money::from_minor(500));
        assert_eq!(short, Err(Refusal::Short { required, available }));
    }

    #[test]
    fn groups_that_make_money_and_entries_of_nothing_are_refused() {
        let mut held = wallets(&[500, 0]);
        let unbalanced = [entry(1, EntryType::Debit, 10), entry(2, EntryType::Credit, 11)];
        assert!(matches!(apply(&unbalanced, true, &mut held.clone()), Err(Refusal::Wrong(_))));
        assert!(apply(&unbalanced, false, &mut held.clone()).is_ok());
        assert!(matches!(apply(&[entry(1, EntryType::Debit, 0)], true, &mut held), Err(Refusal::Wrong(_))));
        assert!(matches!(apply(&[entry(9, EntryType::Credit, 1)], false, &mut held), Err(Refusal::Wrong(_))));
    }

    #[test]
    fn several_entries_of_one_wallet_form_a_chain() {
        let mut held = wallets(&[500, 0]);
        let entries = [
            entry(1, EntryType::Debit, 100),
            entry(2, EntryType::Credit, 60),
            entry(2, EntryType::Credit, 40),
        ];
        let after = apply(&entries, true, &mut held).unwrap();
        assert_eq!(after.into_iter().map(Money::minor).collect::<Vec<_>>(), [400, 60, 100]);
        assert_eq!(held[&2].total_earned.minor(), 100);
    }

    #[test]
    fn a_reversed_sale_is_not_earned_and_money_held_for_others_never_is() {
        let mut held = wallets(&[500, 500]);
        let refund =
            |entry_type, purpose| Entry { category: Category::Refund, purpose, ..entry(2, entry_type, 60) };
        let escrow = Entry { purpose: Purpose::Escrow, ..entry(2, EntryType::Credit, 100) };
        let entries = [entry(2, EntryType::Credit, 100), escrow, refund(EntryType::Debit, Purpose::Own)];
        apply(&entries, false, &mut held).unwrap();
        assert_eq!(held[&2].total_earned.minor(), 40);
        let covered = refund(EntryType::Debit, Purpose::Cover { owed_by: 1 });
        apply(&[covered, refund(EntryType::Credit, Purpose::Own)], false, &mut held).unwrap();
        assert_eq!(held[&2].total_earned.minor(), 40);
    }

    #[test]
    fn what_is_held_comes_back_once() {
        let mut held = wallets(&[500]);
        let hold = Entry { purpose: Purpose::Hold, ..entry(1, EntryType::Debit, 300) };
        let release = Entry { purpose: Purpose::Release, ..entry(1, EntryType::Credit, 300) };
        apply(&[hold], false, &mut held).unwrap();
        assert_eq!((held[&1].balance.minor(), held[&1].held.minor()), (200, 300));
        apply(std::slice::from_ref(&release), false, &mut held).unwrap();
        assert_eq!((held[&1].balance.minor(), held[&1].held.minor()), (500, 0));
        assert!(matches!(apply(&[release], false, &mut held), Err(Refusal::Wrong(_))));
    }

    #[test]
    fn the_whole_in_proportion_is_the_parts_themselves() {
        let parts = [609, 130, 261].map(Money::from_minor);
        assert_eq!(proportional(&parts, Money::from_minor(1000)).unwrap(), parts);
        let half: Vec<i64> =
            proportional(&parts, Money::from_minor(500)).unwrap().into_iter().map(Money::minor).collect();
        assert_eq!(half, [305, 65, 130]);
        assert_eq!(proportional(&parts, Money::from_minor(1001)), None);
        assert_eq!(proportional(&[], Money::ZERO), Some(vec![]));
    }

    proptest! {
        #[test]
        fn shares_add_up_and_stay_within_their_parts(
            minors in prop::collection::vec(0_i64..1_000_000, 1..5),
            part in 0_u32..=10_000,
        ) {
            let parts: Vec<Money> = minors.iter().map(|&minor| Money::from_minor(minor)).collect();
            let whole = Money::from_minor(minors.iter().sum());
            let amount = whole.fraction(i64::from(part), 10_000).unwrap();
            let shares = proportional(&parts, amount).unwrap();
            prop_assert_eq!(shares.iter().map(|share| share.minor()).sum::<i64>(), amount.minor());
            for (share, part) in shares.iter().zip(&parts) {
                prop_assert!(*share >= Money::ZERO && share <= part);
            }
        }

        #[test]
        fn a_split_adds_up_to_the_halala(
            minor in 0_i64..=base::money::MAX.minor(),
            vat in 0_u32..=10_000,
            fee in 0_u32..=10_000,
        ) {
            let split = Split::of(Money::from_minor(minor), vat, fee).unwrap();
            prop_assert_eq!(split.subtotal.minor() + split.vat.minor(), minor);
            prop_assert_eq!(split.seller.minor() + split.commission.minor(), split.subtotal.minor());
            for part in [split.subtotal, split.vat, split.seller, split.commission] {
                prop_assert!(part >= Money::ZERO && part <= split.total);
            }
        }

        #[test]
        fn sales_never_change_the_sum_and_never_leave_a_wallet_below_nothing(
            balances in prop::collection::vec(0_i64..100_000, 3),
            sales in prop::collection::vec((0_usize..3, 0_usize..3, 1_i64..50_000, 0_u32..=10_000), 1..40),
        ) {
            let mut held = wallets(&balances);
            let before = sum(&held);
            for (buyer, seller, minor, fee) in sales {
                let split = Split::of(Money::from_minor(minor), 1500, fee).unwrap();
                let parts = [(seller, split.seller), (2, split.commission), (2, split.vat)];
                let mut entries = vec![entry(u64::try_from(buyer).unwrap() + 1, EntryType::Debit, minor)];
                entries.extend(parts.iter().filter(|(_, amount)| amount.is_positive()).map(|&(to, amount)| {
                    entry(u64::try_from(to).unwrap() + 1, EntryType::Credit, amount.minor())
                }));
                let mut next = held.clone();
                match apply(&entries, true, &mut next) {
                    Ok(after) => {
                        prop_assert_eq!(after.len(), entries.len());
                        held = next;
                    }
                    Err(Refusal::Short { required, available }) => prop_assert!(required > available),
                    Err(other) => prop_assert!(false, "{:?}", other),
                }
                prop_assert_eq!(sum(&held), before);
                prop_assert!(held.values().all(|wallet| wallet.balance >= Money::ZERO));
            }
        }
    }
}
