//! QR codes, as squares.

use qrcode::types::Color;
use qrcode::{EcLevel, QrCode};

use crate::DocumentError;

/// The modules of a code, row by row, without the quiet zone.
#[derive(Debug)]
pub(crate) struct Modules {
    /// Modules in a row, and rows.
    pub width: usize,
    /// Dark is true.
    pub dark: Vec<bool>,
}

/// The code of a text. It survives the loss of 15 % of its area.
pub(crate) fn modules(text: &str) -> Result<Modules, DocumentError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    let code = code.map_err(|_too_long| DocumentError::TooLongForQr)?;
    let width = code.width();
    Ok(Modules { width, dark: code.into_colors().into_iter().map(|color| color == Color::Dark).collect() })
}

#[cfg(test)]
mod tests {
    use super::modules;
    use crate::DocumentError;

    #[test]
    fn a_reader_reads_what_was_written() {
        for text in
            ["https://majlis.example/certificates/verify/CERT-2026-7ZK3M9QX4B", "مجلس", &"QR".repeat(400)]
        {
            let code = modules(text).unwrap();
            let side = (code.width + 8) * 4;
            let mut image = rqrr::PreparedImage::prepare_from_bitmap(side, side, |x, y| {
                let (Some(column), Some(row)) = ((x / 4).checked_sub(4), (y / 4).checked_sub(4)) else {
                    return false;
                };
                column < code.width && code.dark.get(row * code.width + column).copied().unwrap_or(false)
            });
            let grids = image.detect_grids();
            let (_, read) = grids.first().unwrap().decode().unwrap();
            assert_eq!(read, text);
        }
        assert!(matches!(modules(&"x".repeat(3000)), Err(DocumentError::TooLongForQr)));
    }
}
