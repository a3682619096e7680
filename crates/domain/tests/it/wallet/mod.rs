//! Money: the ledger, refunds, escrow, top-ups, withdrawals, invoices.

mod ledger;
mod papers;
mod refunds;
mod top_ups;
mod withdrawals;
