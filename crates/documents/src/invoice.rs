//! An invoice or a credit note: A4, in Arabic and English, on as many sheets as its lines need.

use krilla::Document;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;

use crate::DocumentError;
use crate::sheet::{GREEN, Hold, INK, MIST, PALE, Sheet, bold, regular};
use crate::text::{Letters, Line, Way, Weight};

const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const LEFT: f32 = 48.0;
const RIGHT: f32 = WIDTH - 48.0;
/// Where the columns of figures end.
const QUANTITY: f32 = 372.0;
const PRICE: f32 = 458.0;
const TOTAL: f32 = RIGHT - 8.0;
/// Of the column of descriptions.
const WORDS: f32 = 270.0;
/// The letters of the table.
const SMALL: f32 = 10.0;
const LEADING: f32 = 15.0;
/// Where the table starts on the first sheet, and on each that follows.
const FIRST_TABLE: f32 = 316.0;
const NEXT_TABLE: f32 = 96.0;
/// Nothing is drawn below it but the number of the sheet.
const BOTTOM: f32 = HEIGHT - 64.0;
/// What the sums need.
const SUMS: f32 = 110.0;

/// What it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InvoiceKind {
    /// A simplified tax invoice.
    Invoice,
    /// A credit note: takes an invoice back.
    CreditNote,
}

/// Who sells.
#[derive(Clone, Copy, Debug)]
pub struct Seller<'a> {
    /// In both languages or either.
    pub name: &'a str,
    /// Fifteen digits.
    pub vat_number: &'a str,
    /// Where they are, if that is to be said.
    pub address: Option<&'a str>,
}

/// A line: texts, as they are to be read.
#[derive(Clone, Copy, Debug)]
pub struct InvoiceLine<'a> {
    /// What was sold.
    pub description: &'a str,
    /// How many.
    pub quantity: &'a str,
    /// What one costs.
    pub unit_price: &'a str,
    /// What they cost.
    pub total: &'a str,
}

/// What an invoice says. Amounts are texts such as `115.00`, without the currency.
#[derive(Clone, Copy, Debug)]
pub struct Invoice<'a> {
    /// What it is.
    pub kind: InvoiceKind,
    /// Its number.
    pub number: &'a str,
    /// Of a credit note: the invoice that it takes back.
    pub refers_to: Option<&'a str>,
    /// The moment, as `2026-01-31 10:00`.
    pub issued_at: &'a str,
    /// ISO 4217.
    pub currency: &'a str,
    /// Who sells.
    pub seller: Seller<'a>,
    /// Who buys.
    pub buyer: &'a str,
    /// At least one.
    pub lines: &'a [InvoiceLine<'a>],
    /// Without VAT.
    pub subtotal: &'a str,
    /// In percent, as `15`.
    pub vat_rate: &'a str,
    /// The VAT.
    pub vat_amount: &'a str,
    /// With VAT.
    pub total: &'a str,
    /// What the QR code says: ZATCA's TLV in base64, made by the caller.
    pub qr: &'a str,
}

/// The PDF of an invoice.
///
/// # Errors
/// [`DocumentError::TooLongForQr`].
pub fn invoice_pdf(invoice: &Invoice<'_>) -> Result<Vec<u8>, DocumentError> {
    let letters = Letters::read()?;
    let sheets = lay_out(&letters, invoice);
    let of = sheets.len();
    let mut document = Document::new();
    for (ordinal, rows) in sheets.iter().enumerate() {
        let settings =
            PageSettings::from_wh(WIDTH, HEIGHT).ok_or(DocumentError::Internal("no such size of page"))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let sheet = &mut Sheet::new(&mut surface, &letters);
        let top = if ordinal == 0 {
            draw_head(sheet, invoice)?;
            FIRST_TABLE
        } else {
            sheet.text(invoice.number, Way::Ltr, bold(11.0, INK), Hold::Left, (LEFT, 60.0));
            NEXT_TABLE
        };
        let y = draw_table(sheet, rows, top);
        if ordinal + 1 == of {
            draw_sums(sheet, invoice, y + 14.0);
        }
        let foot = format!("{} / {of}", ordinal + 1);
        sheet.text(&foot, Way::Ltr, regular(9.0, PALE), Hold::Middle, (WIDTH / 2.0, HEIGHT - 34.0));
        surface.finish();
        page.finish();
    }
    document.set_metadata(
        Metadata::new()
            .title(invoice.number.to_owned())
            .authors(vec![invoice.seller.name.to_owned()])
            .language("ar".to_owned()),
    );
    document.finish().map_err(|_why| DocumentError::Internal("the invoice cannot be written"))
}

/// A line of the table, its description broken into lines.
struct Row<'a> {
    words: Vec<Line>,
    line: &'a InvoiceLine<'a>,
    height: f32,
}

/// The rows of each sheet. The sums go under the last row.
fn lay_out<'a>(letters: &Letters, invoice: &'a Invoice<'a>) -> Vec<Vec<Row<'a>>> {
    let mut sheets = vec![Vec::new()];
    let mut y = FIRST_TABLE + 30.0;
    let mut lines = invoice.lines.iter().peekable();
    while let Some(line) = lines.next() {
        let mut words = letters.wrap(line.description, Weight::Regular, Way::Auto, WORDS / SMALL);
        words.truncate(12);
        let height = words.iter().map(|_| LEADING).sum::<f32>() + 8.0;
        let below = if lines.peek().is_none() { SUMS } else { 0.0 };
        if y + height + below > BOTTOM {
            sheets.push(Vec::new());
            y = NEXT_TABLE + 30.0;
        }
        y += height;
        if let Some(sheet) = sheets.last_mut() {
            sheet.push(Row { words, line, height });
        }
    }
    sheets
}

fn draw_head(sheet: &mut Sheet<'_, '_>, invoice: &Invoice<'_>) -> Result<(), DocumentError> {
    let (english, arabic) = match invoice.kind {
        InvoiceKind::Invoice => ("Simplified tax invoice", "فاتورة ضريبية مبسّطة"),
        InvoiceKind::CreditNote => ("Credit note", "إشعار دائن"),
    };
    sheet.area(GREEN, (0.0, 0.0, WIDTH, 8.0));
    sheet.text(english, Way::Ltr, bold(18.0, GREEN), Hold::Left, (LEFT, 58.0));
    sheet.text(arabic, Way::Rtl, bold(20.0, GREEN), Hold::Right, (RIGHT, 58.0));

    let side = 124.0;
    sheet.qr(invoice.qr, (RIGHT - side + 8.0, 76.0), side)?;
    sheet.within(invoice.seller.name, bold(13.0, INK), Hold::Left, (LEFT, 98.0), 350.0);
    let vat = format!("VAT number · الرقم الضريبي: {}", invoice.seller.vat_number);
    sheet.text(&vat, Way::Ltr, regular(SMALL, INK), Hold::Left, (LEFT, 118.0));
    if let Some(address) = invoice.seller.address {
        sheet.within(address, regular(SMALL, PALE), Hold::Left, (LEFT, 136.0), 350.0);
    }

    let mut facts = vec![
        ("Invoice number", "رقم الفاتورة", invoice.number),
        ("Issued at", "تاريخ الإصدار", invoice.issued_at),
        ("Customer", "العميل", invoice.buyer),
    ];
    if invoice.kind == InvoiceKind::CreditNote
        && let Some(fact) = facts.first_mut()
    {
        *fact = ("Credit note number", "رقم الإشعار", invoice.number);
    }
    if let Some(original) = invoice.refers_to {
        facts.push(("Original invoice", "الفاتورة الأصلية", original));
    }
    let mut y = 222.0;
    for (english, arabic, value) in facts {
        sheet.text(english, Way::Ltr, regular(SMALL, PALE), Hold::Left, (LEFT, y));
        sheet.within(value, bold(SMALL, INK), Hold::Middle, (WIDTH / 2.0, y), 300.0);
        sheet.text(arabic, Way::Rtl, regular(SMALL, PALE), Hold::Right, (RIGHT, y));
        y += 20.0;
    }
    Ok(())
}

/// The table of a sheet; answers with where it ends.
fn draw_table(sheet: &mut Sheet<'_, '_>, rows: &[Row<'_>], top: f32) -> f32 {
    sheet.area(MIST, (LEFT, top, RIGHT - LEFT, 30.0));
    let heads = [
        ("Description", "الوصف", Hold::Left, LEFT + 8.0),
        ("Quantity", "الكمية", Hold::Right, QUANTITY),
        ("Unit price", "سعر الوحدة", Hold::Right, PRICE),
        ("Total", "الإجمالي", Hold::Right, TOTAL),
    ];
    for (english, arabic, hold, x) in heads {
        sheet.text(arabic, Way::Rtl, bold(9.0, INK), hold, (x, top + 13.0));
        sheet.text(english, Way::Ltr, regular(8.5, PALE), hold, (x, top + 25.0));
    }
    let mut y = top + 30.0;
    for row in rows {
        let mut baseline = y + LEADING + 1.0;
        for (text, x) in
            [(row.line.quantity, QUANTITY), (row.line.unit_price, PRICE), (row.line.total, TOTAL)]
        {
            sheet.text(text, Way::Ltr, regular(SMALL, INK), Hold::Right, (x, baseline));
        }
        for words in &row.words {
            let (hold, x) =
                if words.rtl { (Hold::Right, LEFT + 8.0 + WORDS) } else { (Hold::Left, LEFT + 8.0) };
            sheet.line(words, regular(SMALL, INK), hold, (x, baseline));
            baseline += LEADING;
        }
        y += row.height;
        sheet.area((226, 232, 230), (LEFT, y, RIGHT - LEFT, 0.6));
    }
    y
}

fn draw_sums(sheet: &mut Sheet<'_, '_>, invoice: &Invoice<'_>, top: f32) {
    let vat_english = format!("VAT {} %", invoice.vat_rate);
    let vat_arabic = format!("ضريبة القيمة المضافة {}٪", invoice.vat_rate);
    let sums = [
        ("Total without VAT", "الإجمالي غير شامل الضريبة", invoice.subtotal, false),
        (vat_english.as_str(), vat_arabic.as_str(), invoice.vat_amount, false),
        ("Total with VAT", "الإجمالي شامل الضريبة", invoice.total, true),
    ];
    let mut y = top;
    for (english, arabic, amount, last) in sums {
        let style = if last { bold(11.0, GREEN) } else { regular(SMALL, INK) };
        if last {
            sheet.area(MIST, (LEFT, y, RIGHT - LEFT, 28.0));
        }
        sheet.text(english, Way::Ltr, style, Hold::Left, (LEFT + 8.0, y + 18.0));
        sheet.text(arabic, Way::Rtl, style, Hold::Right, (QUANTITY, y + 18.0));
        let amount = format!("{amount} {}", invoice.currency);
        sheet.text(&amount, Way::Ltr, style, Hold::Right, (TOTAL, y + 18.0));
        y += 26.0;
    }
}
