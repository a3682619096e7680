//! The two languages of the product.

use serde::{Deserialize, Serialize};

/// Arabic or English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Arabic, the platform's default (`user_profiles.language`).
    #[default]
    Ar,
    /// English.
    En,
}

impl Lang {
    /// The two-letter code stored in `user_profiles.language`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ar => "ar",
            Self::En => "en",
        }
    }

    /// Reads a stored two-letter code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "ar" => Some(Self::Ar),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The first of our languages in an `Accept-Language` header, by weight (RFC 9110 §12.5.4).
    #[must_use]
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for item in header.split(',') {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
            if let Some(lang) = Self::from_code(&primary)
                && weight > 0.0
                && best.is_none_or(|(found, _)| weight > found)
            {
                best = Some((weight, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }

    /// Chooses between the two spellings of one text.
    #[must_use]
    pub fn pick<T>(self, ar: T, en: T) -> T {
        match self {
            Self::Ar => ar,
            Self::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[test]
    fn accept_language_follows_the_weights() {
        assert_eq!(Lang::from_accept_language("fr, en;q=0.4, ar-SA;q=0.8"), Some(Lang::Ar));
        assert_eq!(Lang::from_accept_language("en-GB,en;q=0.9"), Some(Lang::En));
        assert_eq!(Lang::from_accept_language("ar;q=0"), None);
        assert_eq!(Lang::from_accept_language("*"), None);
    }
}
