//! Invoices as people read them (domain.md §5.8, §8.5).

use base::paging::{Page, PageRequest};
use base::{CommonFault, Time};
use documents::{InvoiceKind, Seller, invoice_pdf};
use protocol::wallet::{Invoice, InvoiceFilter, InvoiceLine, InvoiceQr, InvoiceStatus, InvoiceType};
use serde_json::Value;
use store::StoreError;
use store::wallet::{InvoiceQuery, InvoiceRow};

use super::WalletError;
use super::invoice::tlv;
use crate::{Actor, App, access};

/// Sees everybody's.
const PERMISSION: &str = "invoices.view";

/// One's own invoices and credit notes, newest first.
///
/// # Errors
/// Those of the store.
pub async fn list_invoices(
    app: &App,
    actor: &Actor,
    page: PageRequest,
) -> Result<Page<Invoice>, WalletError> {
    actor.require("read")?;
    let filter = InvoiceFilter { user_id: Some(actor.user_id()), ..InvoiceFilter::default() };
    list(app, filter, page).await
}

/// Everybody's, for administrators.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn list_all_invoices(
    app: &App,
    actor: &Actor,
    filter: InvoiceFilter,
    page: PageRequest,
) -> Result<Page<Invoice>, WalletError> {
    actor.require("read")?;
    access::demand_permission(app, actor, PERMISSION).await?;
    list(app, filter, page).await
}

async fn list(app: &App, filter: InvoiceFilter, page: PageRequest) -> Result<Page<Invoice>, WalletError> {
    let mut conn = app.store.reader().await?;
    let which = InvoiceQuery {
        user_id: filter.user_id,
        status: filter.status.map(InvoiceStatus::as_str),
        credit_notes: filter.kind.map(|kind| kind == InvoiceType::CreditNote),
        cursor: page.cursor.map(|cursor| cursor.id),
        forward: page.forward(),
        limit: page.fetch(),
    };
    let rows = store::wallet::list_invoices(&mut conn, which).await?;
    let invoices = rows.into_iter().map(|row| invoice_view(app, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(page, invoices, |invoice| invoice.id))
}

/// One's own invoice, or with `invoices.view` anybody's.
///
/// # Errors
/// [`CommonFault::NotFound`], also for somebody else's (domain.md D23).
pub async fn find_invoice(app: &App, actor: &Actor, id: u64) -> Result<Invoice, WalletError> {
    Ok(invoice_view(app, visible(app, actor, id).await?)?)
}

async fn visible(app: &App, actor: &Actor, id: u64) -> Result<InvoiceRow, WalletError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    let row = store::wallet::find_invoice(&mut conn, id, None).await?;
    let row = row.ok_or(CommonFault::NotFound("invoice"))?;
    if row.user_id != actor.user_id()
        && !access::has_permission(&mut conn, actor.user_id(), PERMISSION).await?
    {
        return Err(CommonFault::NotFound("invoice").into());
    }
    Ok(row)
}

/// What the QR code of an invoice says.
///
/// # Errors
/// As [`find_invoice`].
pub async fn find_invoice_qr(app: &App, actor: &Actor, id: u64) -> Result<InvoiceQr, WalletError> {
    let row = visible(app, actor, id).await?;
    Ok(InvoiceQr { qr: qr(app, &row), invoice_number: row.invoice_number })
}

/// The invoice on paper.
#[derive(Clone, Debug)]
pub struct InvoicePaper {
    /// Its number, for the file's name.
    pub number: String,
    /// A PDF.
    pub pdf: Vec<u8>,
}

/// The PDF of an invoice: drawn when it is asked for first, and kept.
///
/// # Errors
/// As [`find_invoice`].
pub async fn render_invoice(app: &App, actor: &Actor, id: u64) -> Result<InvoicePaper, WalletError> {
    let row = visible(app, actor, id).await?;
    if let Some(path) = row.pdf_url.as_deref()
        && let Some(pdf) = app.storage.find_document(path).await?
    {
        return Ok(InvoicePaper { number: row.invoice_number, pdf });
    }
    let (buyer, refers_to) = {
        let mut conn = app.store.reader().await?;
        let card = store::users::list_cards_of(&mut conn, &[row.user_id]).await?.pop();
        let refers_to = store::wallet::find_credited_number(&mut conn, row.transaction_id).await?;
        (card.map(|card| card.name).unwrap_or_default(), refers_to)
    };
    let (id, number) = (row.id, row.invoice_number.clone());
    let qr = qr(app, &row);
    let invoice = invoice_view(app, row)?;
    let (name, vat_number) = (app.settings.seller.name.clone(), app.settings.seller.vat_number.clone());
    let address = app.settings.seller.address.clone();
    // The work is the processor's.
    let drawn = tokio::task::spawn_blocking(move || {
        let seller = Seller { name: &name, vat_number: &vat_number, address: address.as_deref() };
        draw(&invoice, seller, &buyer, refers_to.as_deref(), &qr)
    });
    let pdf = drawn.await.map_err(CommonFault::internal)?.map_err(CommonFault::internal)?;
    let path = format!("invoices/{number}.pdf");
    app.storage.keep_document(&path, pdf.clone()).await?;
    let mut conn = app.store.reader().await?;
    store::wallet::update_invoice_pdf(&mut conn, id, &path).await?;
    Ok(InvoicePaper { number, pdf })
}

fn draw(
    invoice: &Invoice,
    seller: Seller<'_>,
    buyer: &str,
    refers_to: Option<&str>,
    qr: &str,
) -> Result<Vec<u8>, documents::DocumentError> {
    let texts: Vec<[String; 3]> = invoice
        .items
        .iter()
        .map(|line| [line.quantity.to_string(), line.unit_price.to_string(), line.total.to_string()])
        .collect();
    let lines: Vec<documents::InvoiceLine<'_>> = invoice
        .items
        .iter()
        .zip(&texts)
        .map(|(line, [quantity, unit_price, total])| documents::InvoiceLine {
            description: &line.description,
            quantity,
            unit_price,
            total,
        })
        .collect();
    let issued_at = invoice.issued_at.as_chrono().format("%Y-%m-%d %H:%M").to_string();
    let kind = match invoice.kind {
        InvoiceType::Invoice => InvoiceKind::Invoice,
        InvoiceType::CreditNote => InvoiceKind::CreditNote,
    };
    invoice_pdf(&documents::Invoice {
        kind,
        number: &invoice.invoice_number,
        refers_to,
        issued_at: &issued_at,
        currency: &invoice.currency,
        seller,
        buyer,
        lines: &lines,
        subtotal: &invoice.subtotal.to_string(),
        vat_rate: invoice.vat_rate.trim_end_matches('0').trim_end_matches('.'),
        vat_amount: &invoice.vat_amount.to_string(),
        total: &invoice.total.to_string(),
        qr,
    })
}

fn qr(app: &App, row: &InvoiceRow) -> String {
    let at = row.issued_at.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    let seller = &app.settings.seller;
    tlv([&seller.name, &seller.vat_number, &at, &row.total.to_string(), &row.vat_amount.to_string()])
}

fn invoice_view(app: &App, row: InvoiceRow) -> Result<Invoice, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "invoices", column };
    let status = match row.status.as_str() {
        "issued" => InvoiceStatus::Issued,
        "credited" => InvoiceStatus::Credited,
        _ => return Err(corrupt("status")),
    };
    let items = row.items.map(|items| items.0).unwrap_or_default();
    let previous_hash = items.get(0).and_then(|item| item.get("prev_hash")).and_then(Value::as_str);
    let previous_hash = previous_hash.map(str::to_owned);
    // Laravel's own lines may have more members than ours, or fewer.
    let lines = items.as_array().into_iter().flatten().map(line_view).collect();
    let credit_note = row.total < base::Money::ZERO;
    Ok(Invoice {
        id: row.id,
        invoice_number: row.invoice_number,
        kind: if credit_note { InvoiceType::CreditNote } else { InvoiceType::Invoice },
        user_id: row.user_id,
        transaction_id: row.transaction_id,
        status,
        subtotal: row.subtotal,
        vat_rate: format!("{:.2}", row.vat_rate),
        vat_amount: row.vat_amount,
        total: row.total,
        currency: app.settings.money.currency.clone(),
        items: lines,
        previous_hash,
        issued_at: row.issued_at.map(Time::from).ok_or_else(|| corrupt("issued_at"))?,
    })
}

fn line_view(item: &Value) -> InvoiceLine {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let money = |name: &str| text(name).parse().unwrap_or_default();
    let quantity = item.get("quantity").and_then(Value::as_u64).and_then(|many| u32::try_from(many).ok());
    InvoiceLine {
        description: text("description").to_owned(),
        quantity: quantity.unwrap_or(1),
        unit_price: money("unit_price"),
        total: money("total"),
    }
}
