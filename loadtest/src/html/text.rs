//! Numbers and words as a reader wants them. Everything that comes from outside goes through [`escape`].

use std::borrow::Cow;

/// Text that may stand between tags and inside a quoted attribute. Control characters, which no page may hold, are left out.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let special =
        |character: char| matches!(character, '&' | '<' | '>' | '"' | '\'') || is_control(character);
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            control if is_control(control) => {}
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}

/// What stands where there is no figure.
pub(super) const NONE: &str = "–";

/// A figure with about three digits that matter: `1,234`, `98.7`, `4.32`, `0.0123`; a dash for what is no number.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if size >= 999.5 {
        return group(&format!("{value:.0}"));
    }
    let decimals = match size {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        size if size >= 0.09995 => 3,
        size if size >= 0.009_995 => 4,
        size if size >= 0.000_999_5 => 5,
        _ => return if size < 1e-9 { "0".to_owned() } else { format!("{value:.1e}") },
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number's digits with commas between the thousands.
fn group(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure with its unit: bytes in the unit that suits them, milliseconds from ten seconds on in seconds.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    let unit = unit.trim();
    if !value.is_finite() {
        return NONE.to_owned();
    }
    match unit {
        "B" | "bytes" => {
            let (divisor, name) = byte_scale(value);
            format!("{} {name}", number(value / divisor))
        }
        "ms" if value.abs() >= 10_000.0 => format!("{} s", number(value / 1000.0)),
        "" => number(value),
        "%" | "×" => format!("{}\u{202f}{unit}", number(value)),
        _ if unit.starts_with('/') => format!("{}{unit}", number(value)),
        _ => format!("{} {unit}", number(value)),
    }
}

/// The unit that suits so many bytes, and how many bytes it is.
pub(super) fn byte_scale(bytes: f64) -> (f64, &'static str) {
    let size = bytes.abs();
    if size >= 1024.0 * 1024.0 * 1024.0 {
        (1024.0 * 1024.0 * 1024.0, "GiB")
    } else if size >= 1024.0 * 1024.0 {
        (1024.0 * 1024.0, "MiB")
    } else if size >= 1024.0 {
        (1024.0, "KiB")
    } else {
        (1.0, "B")
    }
}

/// A time of a run: `42 s`, and `2:30` from two minutes on.
pub(super) fn clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NONE.to_owned();
    }
    if seconds < 120.0 {
        return format!("{} s", number(seconds));
    }
    minutes(seconds)
}

/// A time as minutes and seconds: `2:30`.
pub(super) fn minutes(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs().floor();
    let minutes = (whole / 60.0).floor();
    format!("{sign}{minutes:.0}:{:02.0}", whole - minutes * 60.0)
}

/// How many: `1 reason`, `3 reasons`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::{clock, escape, number, quantity};

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(escape("a < b & \"c\" 'd'>"), "a &lt; b &amp; &quot;c&quot; &#39;d&#39;&gt;");
        assert_eq!(escape("bell\u{7} and \u{0}"), "bell and ");
        assert_eq!(escape("مجلس"), "مجلس");
    }

    #[test]
    fn figures_have_three_digits_that_matter() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1.2345, "1.23"),
            (9.999, "10"),
            (98.76, "98.8"),
            (123.4, "123"),
            (999.7, "1,000"),
            (1_234_567.8, "1,234,568"),
            (-4321.0, "-4,321"),
            (0.4596, "0.46"),
            (0.01234, "0.0123"),
            (0.001_234, "0.00123"),
            (0.000_012, "1.2e-5"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn units_suit_their_figures() {
        for (value, unit, text) in [
            (512.0, "B", "512 B"),
            (8192.0, "bytes", "8 KiB"),
            (157_286_400.0, "B", "150 MiB"),
            (12.5, "ms", "12.5 ms"),
            (61_000.0, "ms", "61 s"),
            (40_000.0, "/s", "40,000/s"),
            (7.0, "", "7"),
            (f64::NAN, "ms", "–"),
        ] {
            assert_eq!(quantity(value, unit), text);
        }
        assert_eq!((clock(30.0), clock(150.4)), ("30 s".to_owned(), "2:30".to_owned()));
    }
}
