//! Text that people write: cleaned, measured in characters, safe to show.

/// Removes what must not be stored or shown: control characters other than line breaks and tabs, and the
/// invisible characters that override text direction (they can disguise what a sentence says); then trims.
#[must_use]
pub fn clean(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|&character| match character {
            '\n' | '\t' => true,
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
            other => !other.is_control(),
        })
        .collect();
    kept.trim().to_owned()
}

/// Length in Unicode characters, which is what limits in the specification count.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::{clean, length};

    #[test]
    fn controls_and_overrides_go_while_arabic_stays() {
        assert_eq!(clean(" \u{202E}مرحبا\u{0000} بك\r\n "), "مرحبا بك");
        assert_eq!(length("مرحبا"), 5);
    }
}
