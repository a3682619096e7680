//! One invoice for each customer purchase (domain.md §5.8, §8.5): numbers without gaps, VAT included, each with the hash
//! of the one before.

use base::id::UserId;
use base::{Money, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Datelike;
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::wallet::{InvoiceRow, NewInvoice};

use super::WalletError;
use crate::App;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;

/// A line of an invoice.
#[derive(Clone, Debug, Serialize)]
pub struct InvoiceItem {
    /// What was bought, for people.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// What one costs, VAT included.
    pub unit_price: Money,
    /// What they cost, VAT included.
    pub total: Money,
}

/// What an invoice, or a credit note with its negative amounts, says.
#[derive(Clone, Debug)]
pub(super) struct Paper<'a> {
    /// The buyer's debit; of a credit note, the credit that gave back.
    pub(super) transaction_id: u64,
    /// The buyer.
    pub(super) user_id: UserId,
    /// Without VAT.
    pub(super) subtotal: Money,
    /// The rate.
    pub(super) vat_basis_points: u32,
    /// `total` − `subtotal`.
    pub(super) vat: Money,
    /// With VAT.
    pub(super) total: Money,
    /// Its line.
    pub(super) item: &'a InvoiceItem,
    /// Is the buyer notified, beside the event? Not of each gift.
    pub(super) notified: bool,
    /// When.
    pub(super) at: Time,
}

/// Issues an invoice, tells its owner, and gives its number. The last write of a unit: the year's sequence stays locked
/// until the commit (domain.md D8). Credit notes are numbered with the invoices, so that a year has one sequence without
/// gaps.
pub(super) async fn issue_invoice(
    app: &App,
    unit: &mut Unit,
    paper: &Paper<'_>,
) -> Result<String, WalletError> {
    let year = paper.at.as_chrono().year();
    let ordinal = store::wallet::update_sequence(unit, &format!("invoice:{year}")).await?;
    let number = number_of(year, ordinal);
    let previous = match ordinal.checked_sub(1).filter(|&before| before > 0) {
        Some(before) => store::wallet::find_invoice_by_number(unit, &number_of(year, before)).await?,
        None => None,
    };
    let mut line = json!(paper.item);
    if let (Some(line), Some(previous)) = (line.as_object_mut(), &previous) {
        line.insert("prev_hash".to_owned(), hash(previous).into());
    }
    let invoice = NewInvoice {
        transaction_id: paper.transaction_id,
        user_id: paper.user_id,
        number: &number,
        subtotal: paper.subtotal,
        vat_basis_points: paper.vat_basis_points,
        vat_amount: paper.vat,
        total: paper.total,
        items: json!([line]),
        issued_at: paper.at.as_chrono(),
    };
    let id = store::wallet::insert_invoice(unit, &invoice).await?;
    let ready = Event::InvoiceReady {
        invoice_id: id,
        invoice_number: number.clone(),
        total: paper.total,
        transaction_id: paper.transaction_id,
    };
    unit.emit(Channel::User(paper.user_id), ready);
    if paper.notified {
        let notice = Notice::new(NotificationKind::InvoiceReady, paper.user_id)
            .about(Morph::Invoice, id, format!("/invoices/{id}"))
            .with("number", number.as_str());
        notify(app, unit, notice).await?;
    }
    Ok(number)
}

fn number_of(year: i32, ordinal: u64) -> String {
    format!("INV-{year}-{ordinal:06}")
}

/// SHA-256 of what an invoice says that never changes, the hash of the one before it included.
fn hash(row: &InvoiceRow) -> String {
    let at = row.issued_at.map(|at| at.timestamp()).unwrap_or_default();
    let items = row.items.as_ref().map(|items| &items.0);
    let said = json!([row.invoice_number, at, row.user_id, row.subtotal, row.vat_amount, row.total, items]);
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(said.to_string()) {
        digits
            .extend([byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap_or('0')));
    }
    digits
}

/// ZATCA's QR code, phase 1: seller, VAT number, time, total and VAT as tag, length and value, in base64. A length is one
/// byte, of the UTF-8 text, which is cut where it does not fit.
pub(super) fn tlv(values: [&str; 5]) -> String {
    let mut bytes = Vec::new();
    for (tag, value) in (1_u8..).zip(values) {
        let mut end = value.len().min(255);
        while !value.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let value = value.as_bytes().get(..end).unwrap_or_default();
        bytes.push(tag);
        bytes.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(value);
    }
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::tlv;

    #[test]
    fn lengths_are_of_bytes_and_five_tags_follow_each_other() {
        let encoded = tlv(["مجلس", "300000000000003", "2026-01-31T10:00:00Z", "115.00", "15.00"]);
        let bytes = STANDARD.decode(encoded).unwrap();
        assert_eq!(bytes[..2], [1, 8], "four letters are eight bytes");
        let (mut rest, mut values) = (bytes.as_slice(), Vec::new());
        while let [tag, length, tail @ ..] = rest {
            assert_eq!(usize::from(*tag), values.len() + 1);
            let (value, tail) = tail.split_at(usize::from(*length));
            values.push(std::str::from_utf8(value).unwrap().to_owned());
            rest = tail;
        }
        assert_eq!(values, ["مجلس", "300000000000003", "2026-01-31T10:00:00Z", "115.00", "15.00"]);
        let long = "م".repeat(200);
        let bytes = STANDARD.decode(tlv([&long, "", "", "", ""])).unwrap();
        assert_eq!(bytes[1], 254, "cut between two letters");
    }
}
