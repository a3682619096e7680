//! Text that people write: cleaned, measured in characters, safe to show, and comparable.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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

/// A text that may be missing, cleaned ([`clean`]); nothing where nothing is left.
#[must_use]
pub fn cleaned(text: Option<String>) -> Option<String> {
    text.map(|text| clean(&text)).filter(|text| !text.is_empty())
}

/// Length in Unicode characters, which is what limits in the specification count.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().count()
}

/// A text as search compares it: without case, accents, tashkeel and tatweel; the forms of hamza are one letter, alef maqsura is
/// yeh, teh marbuta is heh; Arabic-Indic and Persian digits are 0 to 9, Persian letters their Arabic twins. Everything else
/// that is neither letter nor digit is a single space.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    // Compatibility decomposition takes presentation forms and ligatures apart, and hamza and accents off their letters.
    for character in text.nfkd().flat_map(char::to_lowercase) {
        let letter = match character {
            // Marks of any script, and the line that only stretches a word.
            mark if is_combining_mark(mark) => continue,
            '\u{0640}' => continue,
            'ٱ' => 'ا',
            'ى' | 'ی' => 'ي',
            'ة' | 'ہ' | 'ە' => 'ه',
            'ک' => 'ك',
            'ء' => continue,
            digit @ '٠'..='٩' => digit_of(digit, '٠'),
            digit @ '۰'..='۹' => digit_of(digit, '۰'),
            other => other,
        };
        if letter.is_alphanumeric() {
            folded.push(letter);
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

fn digit_of(digit: char, zero: char) -> char {
    let value = u32::from(digit).saturating_sub(u32::from(zero));
    char::from_digit(value, 10).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::{clean, fold, length};

    #[test]
    fn folding_makes_spellings_one() {
        for (text, folded) in [
            ("مُحَمَّدٌ", "محمد"),
            ("أحمد إسلام آمال ٱلله", "احمد اسلام امال الله"),
            ("مدرسة على شاطئ، مسؤول", "مدرسه علي شاطي مسوول"),
            ("العـــربية", "العربيه"),
            ("سنة ١٤٤٧ / ۱۴۴۷", "سنه 1447 1447"),
            ("ﻻ ﷲ", "لا الله"),
            ("Café RÉSUMÉ — naïve!", "cafe resume naive"),
            ("  x__y  ", "x y"),
            ("سماء", "سما"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
        assert_eq!(fold("?!،"), "");
    }

    #[test]
    fn controls_and_overrides_go_while_arabic_stays() {
        assert_eq!(clean(" \u{202E}مرحبا\u{0000} بك\r\n "), "مرحبا بك");
        assert_eq!(length("مرحبا"), 5);
    }
}
