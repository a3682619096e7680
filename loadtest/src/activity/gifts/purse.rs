//! Whether the money is right: what givers paid and hosts earned, against what was acknowledged. No I/O.

use base::Money;
use serde::Deserialize;

/// `GET /wallet`, as far as it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Wallet {
    /// Money at hand.
    pub(super) balance: Money,
    /// Everything ever earned by sales and gifts.
    pub(super) total_earned: Money,
}

/// One account before and after the gifts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purse {
    /// Whose.
    pub(super) user_id: u64,
    /// Its wallet before the first gift.
    pub(super) before: Wallet,
    /// Its wallet after the last.
    pub(super) after: Wallet,
}

impl Purse {
    /// What has left it, apart from what it earned meanwhile, in halalas.
    fn spent(&self) -> i64 {
        self.before.balance.minor() + self.earned() - self.after.balance.minor()
    }

    /// What it earned, in halalas.
    fn earned(&self) -> i64 {
        self.after.total_earned.minor() - self.before.total_earned.minor()
    }
}

/// How many gifts of an account (given or received) are known to be done, and how many may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Acknowledged.
    pub(super) acknowledged: u64,
    /// Sent and never answered.
    pub(super) open: u64,
}

impl Count {
    /// The number between the two that makes `total` out of `each`, if there is one.
    fn explains(self, total: i64, each: i64) -> bool {
        let range = self.acknowledged..=self.acknowledged + self.open;
        each > 0 && total % each == 0 && u64::try_from(total / each).is_ok_and(|count| range.contains(&count))
    }
}

/// A giver's fault: the balance before less the acknowledged gifts is not the balance after.
pub(super) fn judge_giver(purse: &Purse, count: Count, price: Money) -> Option<String> {
    if count.explains(purse.spent(), price.minor()) {
        return None;
    }
    Some(format!(
        "user {} paid {} for {} acknowledged gifts of {price} (balance {} before, {} after)",
        purse.user_id,
        Money::from_minor(purse.spent()),
        count.acknowledged,
        purse.before.balance,
        purse.after.balance,
    ))
}

/// The hosts' faults. What a host gets of a gift is the server's rule (fee, tax), but it is the same for equal gifts, above
/// nothing, and not more than was paid.
pub(super) fn judge_hosts(hosts: &[(Purse, Count)], price: Money) -> Vec<String> {
    let sure = hosts.iter().find(|(_, count)| count.acknowledged > 0 && count.open == 0);
    let share = sure
        .map(|(purse, count)| purse.earned() / i64::try_from(count.acknowledged).unwrap_or(i64::MAX).max(1));
    let mut faults = Vec::new();
    if let Some(share) = share.filter(|share| *share <= 0 || *share > price.minor()) {
        faults.push(format!("a host earned {} by a gift of {price}", Money::from_minor(share)));
    }
    for (purse, count) in hosts {
        let right = match share {
            Some(share) => count.explains(purse.earned(), share),
            None => count.acknowledged + count.open > 0 || purse.earned() == 0,
        };
        if !right {
            faults.push(format!(
                "user {} earned {} by {} acknowledged gifts",
                purse.user_id,
                Money::from_minor(purse.earned()),
                count.acknowledged
            ));
        }
    }
    faults
}

/// How many gifts at this price all these balances pay for.
pub(super) fn affordable(balances: impl Iterator<Item = Money>, price: Money) -> u64 {
    balances.map(|balance| u64::try_from(balance.minor() / price.minor().max(1)).unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use base::Money;

    use super::{Count, Purse, Wallet, affordable, judge_giver, judge_hosts};

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn purse(before: (&str, &str), after: (&str, &str)) -> Purse {
        let wallet =
            |(balance, earned): (&str, &str)| Wallet { balance: money(balance), total_earned: money(earned) };
        Purse { user_id: 7, before: wallet(before), after: wallet(after) }
    }

    fn count(acknowledged: u64, open: u64) -> Count {
        Count { acknowledged, open }
    }

    #[test]
    fn a_giver_pays_each_acknowledged_gift_once() {
        let price = money("0.50");
        let paid_three = purse(("10.00", "0.00"), ("8.50", "0.00"));
        assert_eq!(judge_giver(&paid_three, count(3, 0), price), None);
        assert_eq!(judge_giver(&paid_three, count(2, 1), price), None, "the open one may have been done");
        for wrong in [count(2, 0), count(4, 0), count(4, 2)] {
            assert!(judge_giver(&paid_three, wrong, price).is_some(), "{wrong:?}");
        }
        let earned_too = purse(("10.00", "1.00"), ("8.80", "1.30"));
        assert_eq!(judge_giver(&earned_too, count(3, 0), price), None);
        assert!(judge_giver(&purse(("10.00", "0.00"), ("8.60", "0.00")), count(3, 0), price).is_some());
    }

    #[test]
    fn hosts_earn_the_same_for_equal_gifts() {
        let price = money("1.00");
        let two = (purse(("5.00", "0.00"), ("5.60", "0.60")), count(2, 0));
        let four = (purse(("0.00", "9.00"), ("1.20", "10.20")), count(4, 0));
        let none = (purse(("1.00", "1.00"), ("1.00", "1.00")), count(0, 0));
        assert_eq!(judge_hosts(&[two, four, none], price), Vec::<String>::new());
        assert_eq!(judge_hosts(&[two, (four.0, count(5, 0))], price).len(), 1);
        assert_eq!(judge_hosts(&[two, (four.0, count(3, 1))], price), Vec::<String>::new());
        assert_eq!(judge_hosts(&[(two.0, count(0, 0))], price).len(), 1, "paid for nothing");
        let dear = (purse(("0.00", "0.00"), ("2.00", "2.00")), count(1, 0));
        assert_eq!(judge_hosts(&[dear], price).len(), 1, "more than the price");
    }

    #[test]
    fn balances_pay_for_whole_gifts() {
        let balances = ["1.20", "0.40", "2.00"].map(money);
        assert_eq!(affordable(balances.into_iter(), money("0.50")), 6);
    }
}
