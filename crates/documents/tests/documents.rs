//! What the documents contain, read back from their bytes.
#![cfg(test)]

use documents::{
    Certificate, DocumentError, Invoice, InvoiceKind, InvoiceLine, Seller, certificate_pdf, cut_pages,
    invoice_pdf, page_count,
};
use lopdf::{Dictionary, Document, Object, Stream, dictionary};

fn certificate() -> Certificate<'static> {
    Certificate {
        issuer: "Majlis · مجلس",
        learner: "محمد بن عبد الله الأحمدي",
        course: "أساسيات البرمجة بلغة Rust للمبتدئين 2026",
        instructor: "د. سارة القحطاني",
        issued_on: "2026-01-31",
        number: "CERT-2026-7ZK3M9QX4B",
        verification_url: "https://majlis.example/certificates/verify/CERT-2026-7ZK3M9QX4B",
    }
}

fn invoice<'a>(lines: &'a [InvoiceLine<'a>]) -> Invoice<'a> {
    Invoice {
        kind: InvoiceKind::Invoice,
        number: "INV-2026-000001",
        refers_to: None,
        issued_at: "2026-01-31 10:00",
        currency: "SAR",
        seller: Seller {
            name: "شركة مجلس للتعليم · Majlis Learning Co.",
            vat_number: "310122393500003",
            address: Some("طريق الملك فهد، الرياض 12271"),
        },
        buyer: "نورة العتيبي",
        lines,
        subtotal: "100.00",
        vat_rate: "15",
        vat_amount: "15.00",
        total: "115.00",
        qr: "AQxNYWpsaXMgQ28uAg8zMTAxMjIzOTM1MDAwMDMDFDIwMjYtMDEtMzFUMTA6MDA6MDBaBAYxMTUuMDAFBTE1LjAw",
    }
}

/// Writes what was drawn to a folder for a person to look at, if one is named.
fn show(name: &str, pdf: &[u8]) {
    if let Some(folder) = option_env!("DOCUMENTS_FOLDER") {
        std::fs::write(std::path::Path::new(folder).join(name), pdf).unwrap();
    }
}

fn text(pdf: &[u8]) -> String {
    Document::load_mem(pdf).unwrap().extract_text(&[1]).unwrap()
}

#[test]
fn a_certificate_is_one_sheet_that_says_everything() {
    let pdf = certificate_pdf(&certificate()).unwrap();
    show("certificate.pdf", &pdf);
    assert!(pdf.starts_with(b"%PDF-"));
    assert_eq!(page_count(&pdf).unwrap(), 1);
    assert!(pdf.len() < 200_000, "{} bytes: the font was not cut to the letters that are used", pdf.len());
    let text = text(&pdf);
    for words in ["Certificate of Completion", "CERT-2026-7ZK3M9QX4B", "2026-01-31", "Rust"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert_eq!(pdf, certificate_pdf(&certificate()).unwrap(), "the same words make the same bytes");
}

#[test]
fn a_certificate_takes_any_words() {
    for words in ["", "x", "😀 漢字 \u{202e}abc", &"كلمة ".repeat(200), &"W".repeat(255)] {
        let odd = Certificate { learner: words, course: words, instructor: words, ..certificate() };
        assert_eq!(page_count(&certificate_pdf(&odd).unwrap()).unwrap(), 1);
    }
    let long = "x".repeat(3000);
    let odd = Certificate { verification_url: &long, ..certificate() };
    assert!(matches!(certificate_pdf(&odd), Err(DocumentError::TooLongForQr)));
}

#[test]
fn an_invoice_goes_over_as_many_sheets_as_it_needs() {
    let line = InvoiceLine {
        description: "دورة أساسيات البرمجة بلغة Rust للمبتدئين والمتوسطين مع تطبيقات عملية",
        quantity: "1",
        unit_price: "115.00",
        total: "115.00",
    };
    let one = [line];
    let pdf = invoice_pdf(&invoice(&one)).unwrap();
    show("invoice.pdf", &pdf);
    assert_eq!(page_count(&pdf).unwrap(), 1);
    let words = text(&pdf);
    for part in ["INV-2026-000001", "310122393500003", "100.00", "15.00 SAR", "115.00 SAR", "VAT 15 %"] {
        assert!(words.contains(part), "{part} in {words}");
    }
    let many = vec![line; 60];
    let pdf = invoice_pdf(&invoice(&many)).unwrap();
    show("invoice-long.pdf", &pdf);
    assert!(page_count(&pdf).unwrap() >= 3);

    let note = Invoice {
        kind: InvoiceKind::CreditNote,
        refers_to: Some("INV-2026-000001"),
        number: "INV-2026-000002",
        ..invoice(&one)
    };
    let pdf = invoice_pdf(&note).unwrap();
    show("credit-note.pdf", &pdf);
    let words = text(&pdf);
    assert!(words.contains("Credit note number") && words.contains("Original invoice"));
}

/// A book whose pages share one list of pictures, one of which is drawn on each page, with an outline and an attachment.
fn book(pages: u32) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let mut pictures = Dictionary::new();
    let mut kids = Vec::new();
    for number in 1..=pages {
        let picture = Stream::new(
            dictionary! { "Type" => "XObject", "Subtype" => "Form" },
            format!("picture-{number}-end").into_bytes(),
        );
        pictures.set(format!("Im{number}"), document.add_object(picture));
        let content =
            Stream::new(dictionary! {}, format!("q /Im{number} Do Q % page-{number}-end").into_bytes());
        let content = document.add_object(content);
        let page = dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => content };
        kids.push(Object::Reference(document.add_object(page)));
    }
    let last = kids.last().cloned().unwrap();
    let first = kids.first().unwrap().as_reference().unwrap();
    let link = dictionary! { "Subtype" => "Link", "Dest" => vec![last, "Fit".into()] };
    let link = document.add_object(link);
    document.get_dictionary_mut(first).unwrap().set("Annots", vec![Object::Reference(link)]);
    let nodes = dictionary! {
        "Type" => "Pages", "Kids" => kids, "Count" => pages,
        "MediaBox" => vec![0.into(), 0.into(), 300.into(), 400.into()],
        "Resources" => dictionary! { "XObject" => pictures },
    };
    document.objects.insert(tree, Object::Dictionary(nodes));
    let attached = document.add_object(Stream::new(dictionary! {}, b"attached-end".to_vec()));
    let catalog = dictionary! { "Type" => "Catalog", "Pages" => tree, "Names" => attached };
    let catalog = document.add_object(catalog);
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn has(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[test]
fn a_preview_holds_the_first_pages_and_nothing_of_the_others() {
    let whole = book(12);
    assert_eq!(page_count(&whole).unwrap(), 12);
    let cut = cut_pages(&whole, 3).unwrap();
    assert_eq!(page_count(&cut).unwrap(), 3);
    for number in 1..=3 {
        assert!(has(&cut, &format!("page-{number}-end")), "page {number}");
        assert!(has(&cut, &format!("picture-{number}-end")), "picture {number}");
    }
    for number in 4..=12 {
        assert!(!has(&cut, &format!("page-{number}-end")), "page {number}");
        assert!(!has(&cut, &format!("picture-{number}-end")), "picture {number}");
    }
    assert!(!has(&cut, "attached-end"));
    assert!(has(&cut, "MediaBox"), "the size is taken from the tree");
    assert_eq!(page_count(&cut_pages(&whole, 99).unwrap()).unwrap(), 12);
    assert!(matches!(cut_pages(&whole, 0), Err(DocumentError::Unreadable)));
}

#[test]
fn what_is_no_pdf_is_refused() {
    for bytes in [&b""[..], b"%PDF-1.7\n", b"hello", &[0; 4096]] {
        assert!(matches!(page_count(bytes), Err(DocumentError::Unreadable)));
        assert!(matches!(cut_pages(bytes, 1), Err(DocumentError::Unreadable)));
    }
}

#[test]
fn documents_of_ours_can_be_cut_too() {
    let line = InvoiceLine { description: "Course", quantity: "1", unit_price: "1.00", total: "1.00" };
    let lines = vec![line; 90];
    let pdf = invoice_pdf(&invoice(&lines)).unwrap();
    let cut = cut_pages(&pdf, 1).unwrap();
    assert_eq!(page_count(&cut).unwrap(), 1);
    assert!(text(&cut).contains("INV-2026-000001"));
}
