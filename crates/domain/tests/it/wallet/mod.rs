//! Money: the ledger, refunds, escrow.

mod ledger;
mod refunds;
