//! The invariants of money (domain.md §12): each is a query that gives the rows at fault, none where all is well. They
//! read the whole ledger: for administrators, tests and `majlis reconcile`.

use sqlx::{AssertSqlSafe, Row};

use crate::{Conn, StoreError};

/// Ids of rows at fault that are named at most.
const NAMED: u32 = 20;

/// A check that found something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The invariant's name in domain.md §12.
    pub check: &'static str,
    /// What the rows are.
    pub table: &'static str,
    /// How many are at fault.
    pub count: u64,
    /// The first of them.
    pub ids: Vec<u64>,
}

/// Categories of what customers buy.
macro_rules! bought {
    () => {
        "'course', 'book', 'consultation', 'live_room', 'gift'"
    };
}

/// A row's change of its wallet.
macro_rules! signed {
    () => {
        "IF(type = 'credit', amount, -amount)"
    };
}

/// Rows that moved a balance: a top-up of Laravel's that was never paid did not (domain.md §5.8).
macro_rules! effective {
    () => {
        "NOT (category = 'top-up' AND status <> 'completed')"
    };
}

/// Name, table and query of each check.
const CHECKS: &[(&str, &str, &str)] = &[
    ("I-M1", "wallets", "SELECT id FROM wallets WHERE balance < 0 OR pending_balance < 0"),
    (
        "I-M2",
        "transactions",
        concat!(
            "SELECT id FROM (SELECT id, balance_after, ",
            signed!(),
            " AS change_, COALESCE(LAG(balance_after) OVER (PARTITION BY wallet_id ORDER BY id), 0) AS before_ \
             FROM transactions WHERE ",
            effective!(),
            ") chain WHERE balance_after <> before_ + change_"
        ),
    ),
    (
        "I-M3",
        "wallets",
        concat!(
            "SELECT w.id FROM wallets w WHERE w.balance <> COALESCE((SELECT t.balance_after FROM transactions t \
             WHERE t.wallet_id = w.id AND ",
            effective!(),
            " ORDER BY t.id DESC LIMIT 1), 0)"
        ),
    ),
    (
        "I-M4",
        "wallets",
        "SELECT w.id FROM wallets w LEFT JOIN (SELECT wallet_id, SUM(amount) AS held FROM transactions \
         WHERE category = 'withdrawal' AND type = 'debit' AND status = 'pending' GROUP BY wallet_id) t \
         ON t.wallet_id = w.id WHERE w.pending_balance <> COALESCE(t.held, 0)",
    ),
    (
        "I-M5",
        "wallets",
        concat!(
            "SELECT w.id FROM wallets w LEFT JOIN (SELECT wallet_id, \
             SUM(IF(category = 'withdrawal' AND type = 'debit' AND status = 'completed', amount, 0)) AS withdrawn, \
             SUM(CASE WHEN JSON_CONTAINS_PATH(COALESCE(metadata, '{}'), 'one', '$.escrow', '$.receivable') THEN 0 \
             WHEN type = 'credit' AND category IN (",
            bought!(),
            ", 'commission') THEN amount WHEN type = 'debit' AND category IN ('refund', 'commission') THEN -amount \
             ELSE 0 END) AS earned FROM transactions GROUP BY wallet_id) t ON t.wallet_id = w.id \
             WHERE w.total_withdrawn <> COALESCE(t.withdrawn, 0) OR w.total_earned <> COALESCE(t.earned, 0)"
        ),
    ),
    (
        "I-M6",
        "transactions",
        concat!(
            "SELECT MIN(id) AS id FROM transactions WHERE category IN (",
            bought!(),
            ", 'commission', 'vat', 'refund') GROUP BY JSON_UNQUOTE(JSON_EXTRACT(metadata, '$.group_id')) \
             HAVING SUM(",
            signed!(),
            ") <> 0"
        ),
    ),
    (
        "I-M7",
        "wallets",
        concat!(
            "SELECT 0 AS id FROM DUAL WHERE (SELECT COALESCE(SUM(balance) + SUM(pending_balance), 0) FROM wallets) <> \
             (SELECT COALESCE(SUM(",
            signed!(),
            "), 0) FROM transactions WHERE category IN ('top-up', 'adjustment') AND ",
            effective!(),
            ") - (SELECT COALESCE(SUM(amount), 0) FROM transactions WHERE category = 'withdrawal' AND type = 'debit' \
             AND status = 'completed')"
        ),
    ),
    (
        "I-M8",
        "transactions",
        "SELECT id FROM transactions WHERE amount <= 0 OR (status <> 'completed' \
         AND NOT (category = 'withdrawal' AND type = 'debit') AND category <> 'top-up') \
         UNION ALL SELECT MIN(id) AS id FROM transactions GROUP BY transaction_reference HAVING COUNT(*) > 1",
    ),
    (
        "I-M9",
        "transactions",
        "SELECT d.id FROM transactions d LEFT JOIN transactions c ON c.related_id = d.id \
         AND c.related_type IN ('transaction', 'App\\\\Models\\\\Transaction') AND c.type = 'credit' \
         AND c.category = 'withdrawal' AND c.wallet_id = d.wallet_id AND c.amount = d.amount \
         WHERE d.type = 'debit' AND d.category = 'withdrawal' GROUP BY d.id, d.status \
         HAVING COUNT(c.id) <> IF(d.status IN ('failed', 'cancelled'), 1, 0)",
    ),
    (
        "I-M10 intents",
        "hub_payment_intents",
        "SELECT i.number AS id FROM hub_payment_intents i LEFT JOIN transactions t ON t.id = i.transaction_id \
         AND t.type = 'credit' AND t.category = 'top-up' AND t.status = 'completed' AND t.amount = i.amount \
         AND t.user_id = i.user_id WHERE (i.status IN ('succeeded', 'refunded')) <> (t.id IS NOT NULL)",
    ),
    (
        "I-M10 credits",
        "transactions",
        "SELECT t.id FROM transactions t LEFT JOIN hub_payment_intents i ON i.transaction_id = t.id \
         WHERE t.category = 'top-up' AND t.type = 'credit' \
         AND JSON_EXTRACT(t.metadata, '$.payment_intent') IS NOT NULL GROUP BY t.id HAVING COUNT(i.number) <> 1",
    ),
    (
        "I-M11 one",
        "transactions",
        concat!(
            "SELECT t.id FROM transactions t LEFT JOIN invoices i ON i.transaction_id = t.id \
             AND i.subtotal + i.vat_amount = i.total AND i.total = t.amount AND i.user_id = t.user_id \
             WHERE t.type = 'debit' AND t.status = 'completed' AND t.category IN (",
            bought!(),
            ") AND JSON_EXTRACT(COALESCE(t.metadata, '{}'), '$.settles') IS NULL AND i.id IS NULL"
        ),
    ),
    (
        "I-M11 other",
        "invoices",
        concat!(
            "SELECT i.id FROM invoices i JOIN transactions t ON t.id = i.transaction_id WHERE NOT (\
             (t.type = 'debit' AND t.category IN (",
            bought!(),
            ")) OR (t.type = 'credit' AND t.category = 'refund' AND i.total = -t.amount \
             AND i.subtotal + i.vat_amount = i.total AND i.user_id = t.user_id))"
        ),
    ),
    (
        "I-M11 gaps",
        "invoices",
        "SELECT MIN(id) AS id FROM invoices GROUP BY LEFT(invoice_number, 8) \
         HAVING COUNT(*) <> MAX(CAST(SUBSTRING(invoice_number, 10) AS UNSIGNED)) \
         OR MIN(CAST(SUBSTRING(invoice_number, 10) AS UNSIGNED)) <> 1",
    ),
    (
        "I-M12 refunded",
        "transactions",
        "SELECT d.id FROM transactions d LEFT JOIN transactions c \
         ON c.id = JSON_EXTRACT(d.metadata, '$.refunded_by') AND c.type = 'credit' AND c.category = 'refund' \
         AND c.user_id = d.user_id AND c.amount <= d.amount AND JSON_EXTRACT(c.metadata, '$.refunds') = d.id \
         LEFT JOIN invoices i ON i.transaction_id = d.id AND i.status = 'credited' \
         LEFT JOIN invoices n ON n.transaction_id = c.id \
         WHERE JSON_EXTRACT(d.metadata, '$.refunded_by') IS NOT NULL \
         AND (c.id IS NULL OR i.id IS NULL OR n.id IS NULL)",
    ),
    (
        "I-M12 refunds",
        "transactions",
        "SELECT c.id FROM transactions c LEFT JOIN transactions d ON d.id = JSON_EXTRACT(c.metadata, '$.refunds') \
         AND JSON_EXTRACT(d.metadata, '$.refunded_by') = c.id \
         WHERE c.type = 'credit' AND c.category = 'refund' AND d.id IS NULL",
    ),
    (
        "I-M12 books",
        "book_purchases",
        "SELECT p.id FROM book_purchases p LEFT JOIN transactions d ON d.id = p.transaction_id \
         WHERE p.price_paid > 0 AND (p.status = 'refunded') <> \
         (JSON_EXTRACT(COALESCE(d.metadata, '{}'), '$.refunded_by') IS NOT NULL)",
    ),
    (
        "I-M13 rooms",
        "live_room_registrations",
        "SELECT r.id FROM live_room_registrations r LEFT JOIN transactions t ON t.id = r.transaction_id \
         AND t.amount = r.price_paid WHERE r.price_paid > 0 AND t.id IS NULL",
    ),
    (
        "I-M13 courses",
        "enrollments",
        "SELECT r.id FROM enrollments r LEFT JOIN transactions t ON t.id = r.transaction_id \
         AND t.amount = r.price_paid WHERE r.price_paid > 0 AND t.id IS NULL",
    ),
    (
        "I-M13 books",
        "book_purchases",
        "SELECT r.id FROM book_purchases r LEFT JOIN transactions t ON t.id = r.transaction_id \
         AND t.amount = r.price_paid WHERE r.price_paid > 0 AND t.id IS NULL",
    ),
    (
        "I-M13 consultations",
        "consultation_bookings",
        "SELECT r.id FROM consultation_bookings r LEFT JOIN transactions t ON t.id = r.transaction_id \
         AND t.amount = r.price_paid WHERE r.price_paid > 0 AND t.id IS NULL AND r.status <> 'pending' \
         AND NOT (r.status = 'cancelled' AND r.transaction_id IS NULL)",
    ),
    (
        "I-G1",
        "gift_transactions",
        "SELECT g.id FROM gift_transactions g LEFT JOIN transactions t ON t.id = g.transaction_id \
         AND t.type = 'debit' AND t.category = 'gift' AND t.user_id = g.sender_id AND t.amount = g.total_price \
         AND t.related_id = g.id WHERE g.sender_id = g.receiver_id OR (g.total_price > 0 AND t.id IS NULL)",
    ),
];

/// The names of all checks.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(name, _, _)| *name)
}

/// Runs all checks, one after the other; gives those that found something. Outside of a transaction money may move between
/// two of them, but never within one: each is a single statement.
///
/// # Errors
/// Those of the driver.
pub async fn list_findings(conn: &mut Conn) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for (check, table, query) in CHECKS {
        let count = format!("SELECT COUNT(*) AS found FROM ({query}) AS broken");
        let row = sqlx::query(AssertSqlSafe(count)).fetch_one(&mut *conn).await?;
        let count: i64 = row.try_get("found")?;
        if count == 0 {
            continue;
        }
        let named = format!("SELECT CAST(id AS UNSIGNED) FROM ({query}) AS broken ORDER BY id LIMIT {NAMED}");
        let ids: Vec<u64> = sqlx::query_scalar(AssertSqlSafe(named)).fetch_all(&mut *conn).await?;
        findings.push(Finding { check, table, count: u64::try_from(count).unwrap_or_default(), ids });
    }
    Ok(findings)
}
