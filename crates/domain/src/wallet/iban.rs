//! Numbers of bank accounts (ISO 13616): two letters of the country, two check digits, and what the country makes of it.

/// Lengths of the countries' numbers, where customers have accounts; others are 15 to 34 characters long.
const LENGTHS: &[(&str, usize)] = &[
    ("SA", 24),
    ("AE", 23),
    ("BH", 22),
    ("KW", 30),
    ("OM", 23),
    ("QA", 29),
    ("EG", 29),
    ("JO", 30),
    ("DE", 22),
    ("FR", 27),
    ("GB", 22),
];

/// The number without spaces and in capitals, if its check digits hold.
pub(super) fn normalized(text: &str) -> Option<String> {
    let iban: String =
        text.chars().filter(|character| *character != ' ').map(|one| one.to_ascii_uppercase()).collect();
    let sound = (15..=34).contains(&iban.len())
        && iban.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    if !sound {
        return None;
    }
    let (country, rest) = iban.split_at_checked(2)?;
    let (check, account) = rest.split_at_checked(2)?;
    let letters = country.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = check.bytes().all(|byte| byte.is_ascii_digit());
    let known = LENGTHS.iter().find(|(name, _)| *name == country);
    let fits = known.is_none_or(|(_, length)| iban.len() == *length);
    // The first four last, letters as 10 to 35: of the whole number 1 is left when divided by 97.
    let remainder =
        account.chars().chain(country.chars()).chain(check.chars()).try_fold(0_u32, |sum, one| {
            let value = one.to_digit(36)?;
            Some(if value < 10 { sum * 10 + value } else { sum * 100 + value } % 97)
        })?;
    (letters && digits && fits && remainder == 1).then_some(iban)
}

/// What is shown of it.
pub(super) fn last_four(iban: &str) -> String {
    let skipped = iban.chars().count().saturating_sub(4);
    iban.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::{last_four, normalized};

    #[test]
    fn numbers_with_their_check_digits() {
        for text in [
            "SA03 8000 0000 6080 1016 7519",
            "sa0380000000608010167519",
            "GB82 WEST 1234 5698 7654 32",
            "DE89370400440532013000",
        ] {
            assert!(normalized(text).is_some(), "{text}");
        }
        assert_eq!(last_four("SA0380000000608010167519"), "7519");
        for text in [
            "",
            "SA0380000000608010167518",
            "SA038000000060801016751",
            "SA03 8000 0000 6080 1016 7519 0",
            "0380000000608010167519SA",
            "SA٠٣80000000608010167519",
            "DE893704004405320130-00",
        ] {
            assert_eq!(normalized(text), None, "{text}");
        }
    }
}
