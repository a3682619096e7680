//! Documents for people: certificates and invoices as PDF, in Arabic and English, and the first pages of a PDF.
//! Bytes in, bytes out: no I/O, and nothing is known of courses, books or wallets. The work is of the processor; call
//! it where threads may be busy.
//!
//! Letters are IBM Plex Sans Arabic (`fonts/`, SIL Open Font License 1.1): Arabic and Latin. A character that it does not
//! have is drawn as an empty box, and can still be copied out of the document.

mod certificate;
mod cut;
mod inspect;
mod invoice;
mod qr;
mod sheet;
mod stamp;
mod text;

pub use certificate::{Certificate, certificate_pdf};
pub use cut::{cut_pages, page_count};
pub use inspect::{PdfFacts, inspect};
pub use invoice::{Invoice, InvoiceKind, InvoiceLine, Seller, invoice_pdf};
pub use stamp::stamp_pages;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are no PDF that can be read.
    #[error("The file is not a readable PDF.")]
    Unreadable,
    /// The PDF is locked with a password.
    #[error("The PDF is protected by a password.")]
    Encrypted,
    /// The text does not fit into a QR code: it holds up to 2,331 bytes.
    #[error("The text is too long for a QR code.")]
    TooLongForQr,
    /// A fault of this crate.
    #[error("The document could not be drawn: {0}.")]
    Internal(&'static str),
}
