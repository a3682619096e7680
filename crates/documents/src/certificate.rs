//! A certificate: one sheet, A4 across, in Arabic and English.

use krilla::Document;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;

use crate::DocumentError;
use crate::sheet::{GOLD, GREEN, Hold, INK, MIST, PALE, Sheet, bold, regular};
use crate::text::{Letters, Way};

const WIDTH: f32 = 841.89;
const HEIGHT: f32 = 595.28;
const MIDDLE: f32 = WIDTH / 2.0;

/// What a certificate says. Words may be of either script.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// Who certifies: the platform.
    pub issuer: &'a str,
    /// Whom.
    pub learner: &'a str,
    /// What was completed.
    pub course: &'a str,
    /// Who taught it.
    pub instructor: &'a str,
    /// The day, as `2026-01-31`.
    pub issued_on: &'a str,
    /// The certificate's number.
    pub number: &'a str,
    /// Where the number can be verified; this is what the QR code says.
    pub verification_url: &'a str,
}

/// The PDF of a certificate.
///
/// # Errors
/// [`DocumentError::TooLongForQr`] for an address that is too long.
pub fn certificate_pdf(certificate: &Certificate<'_>) -> Result<Vec<u8>, DocumentError> {
    let letters = Letters::read()?;
    let mut document = Document::new();
    let settings =
        PageSettings::from_wh(WIDTH, HEIGHT).ok_or(DocumentError::Internal("no such size of page"))?;
    let mut page = document.start_page_with(settings);
    let mut surface = page.surface();
    draw(&mut Sheet::new(&mut surface, &letters), certificate)?;
    surface.finish();
    page.finish();
    document.set_metadata(
        Metadata::new()
            .title(format!("{} {}", certificate.number, certificate.course))
            .authors(vec![certificate.issuer.to_owned()])
            .language("ar".to_owned()),
    );
    document.finish().map_err(|_why| DocumentError::Internal("the certificate cannot be written"))
}

fn draw(sheet: &mut Sheet<'_, '_>, certificate: &Certificate<'_>) -> Result<(), DocumentError> {
    sheet.area(MIST, (0.0, 0.0, WIDTH, HEIGHT));
    sheet.area((255, 255, 255), (28.0, 28.0, WIDTH - 56.0, HEIGHT - 56.0));
    sheet.frame(GREEN, 2.5, (28.0, 28.0, WIDTH - 56.0, HEIGHT - 56.0));
    sheet.frame(GOLD, 0.8, (36.0, 36.0, WIDTH - 72.0, HEIGHT - 72.0));

    sheet.within(certificate.issuer, bold(15.0, GOLD), Hold::Middle, (MIDDLE, 78.0), 640.0);
    sheet.text("شهادة إتمام", Way::Rtl, bold(34.0, GREEN), Hold::Middle, (MIDDLE, 128.0));
    sheet.text("Certificate of Completion", Way::Ltr, regular(20.0, GREEN), Hold::Middle, (MIDDLE, 160.0));
    sheet.area(GOLD, (MIDDLE - 60.0, 176.0, 120.0, 1.2));

    pair(sheet, "This certifies that", "نشهد بأنّ", 210.0);
    sheet.block(certificate.learner, bold(32.0, INK), (MIDDLE, 254.0), 680.0, 1);
    pair(sheet, "has successfully completed the course", "قد أتمّ بنجاح دورة", 292.0);
    let last = sheet.block(certificate.course, bold(24.0, GREEN), (MIDDLE, 332.0), 660.0, 2);
    sheet.text("المدرّب · Instructor", Way::Rtl, regular(11.0, PALE), Hold::Middle, (MIDDLE, last + 36.0));
    sheet.within(certificate.instructor, regular(16.0, INK), Hold::Middle, (MIDDLE, last + 58.0), 480.0);

    let (left, foot) = (70.0, 500.0);
    sheet.text("تاريخ الإصدار · Issued on", Way::Rtl, regular(10.5, PALE), Hold::Left, (left, foot - 36.0));
    sheet.text(certificate.issued_on, Way::Ltr, bold(13.0, INK), Hold::Left, (left, foot - 18.0));
    sheet.text("رقم الشهادة · Number", Way::Rtl, regular(10.5, PALE), Hold::Left, (left, foot + 6.0));
    sheet.text(certificate.number, Way::Ltr, bold(13.0, INK), Hold::Left, (left, foot + 24.0));
    let style = regular(8.5, PALE);
    sheet.within(certificate.verification_url, style, Hold::Left, (left, foot + 44.0), 480.0);

    let side = 104.0;
    sheet.qr(certificate.verification_url, (WIDTH - 60.0 - side, foot - 62.0), side)?;
    let under = (WIDTH - 60.0 - side / 2.0, foot + 52.0);
    sheet.text("للتحقّق · Verify", Way::Rtl, regular(10.0, PALE), Hold::Middle, under);
    Ok(())
}

/// The same words in both languages, beside each other.
fn pair(sheet: &mut Sheet<'_, '_>, english: &str, arabic: &str, y: f32) {
    let both = format!("{english} · {arabic}");
    sheet.text(&both, Way::Ltr, regular(14.0, PALE), Hold::Middle, (MIDDLE, y));
}
