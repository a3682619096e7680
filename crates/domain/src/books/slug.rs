//! Names of books in addresses: the title in small letters, Arabic kept as it is, with hyphens between the words.

/// Characters at most, so that there is room for what tells two of the same apart.
const LONGEST: usize = 80;

/// The slug of a title; never only digits, which would be an id.
pub(super) fn slug_of(title: &str) -> String {
    let mut slug = String::new();
    for character in title.chars().flat_map(char::to_lowercase) {
        // Vowel signs and the stretching stroke of Arabic are not a part of the word.
        if matches!(character, '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{0640}' | '\'' | '’') {
            continue;
        }
        if character.is_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.chars().count() >= LONGEST {
            break;
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() || slug.chars().all(|character| character.is_ascii_digit()) {
        return format!("book-{slug}").trim_matches('-').to_owned();
    }
    slug.to_owned()
}

/// The same, told apart from others of its kind.
pub(super) fn another(slug: &str) -> String {
    format!("{slug}-{}", base::id::random_text(5, base::id::BASE32_LOWER))
}

#[cfg(test)]
mod tests {
    use super::{another, slug_of};

    #[test]
    fn titles_are_read_in_addresses() {
        for (title, slug) in [
            ("Listening as a Method!", "listening-as-a-method"),
            ("الأنظمةُ المُوزَّعة  ببساطة", "الأنظمة-الموزعة-ببساطة"),
            ("1984", "book-1984"),
            ("?!", "book"),
            ("It’s — fine", "its-fine"),
        ] {
            assert_eq!(slug_of(title), slug);
        }
        assert!(slug_of(&"word ".repeat(100)).chars().count() <= 80);
        assert_ne!(another("a"), another("a"));
    }
}
