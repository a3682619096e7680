//! Money: whole halalas inside, `DECIMAL(12,2)` in MySQL, a string with two decimals in JSON (domain.md D4).

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in minor units (halalas, 1/100 of the currency). Never a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// The largest amount a `DECIMAL(12,2)` column holds, 9,999,999,999.99.
pub const MAX: Money = Money(999_999_999_999);

/// The text is not an amount with at most two decimals, or does not fit the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount with at most two decimals")]
pub struct NotMoney;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount given in halalas.
    #[must_use]
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// The amount in halalas.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The value for a `DECIMAL(12,2)` column.
    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// Reads a `DECIMAL(12,2)` column.
    ///
    /// # Errors
    /// [`NotMoney`] when the value has more than two decimals or does not fit.
    pub fn from_decimal(value: Decimal) -> Result<Self, NotMoney> {
        let mut scaled = value;
        scaled.rescale(2);
        if scaled != value {
            return Err(NotMoney);
        }
        i64::try_from(scaled.mantissa()).map(Self).map_err(|_error| NotMoney)
    }

    /// The sum, or `None` where it leaves the column's range.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self).filter(|sum| sum.0.abs() <= MAX.0)
    }

    /// The difference, which may be negative, or `None` where it leaves the column's range.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self).filter(|difference| difference.0.abs() <= MAX.0)
    }

    /// `count` times this amount, or `None` where it leaves the column's range.
    #[must_use]
    pub fn times(self, count: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(count)).map(Self).filter(|product| product.0.abs() <= MAX.0)
    }

    /// This amount times `numerator / denominator`, rounded half away from zero as Laravel's decimal cast does.
    /// `None` for a denominator that is not positive or a result out of range.
    #[must_use]
    pub fn fraction(self, numerator: i64, denominator: i64) -> Option<Self> {
        if denominator <= 0 {
            return None;
        }
        let product = i128::from(self.0).checked_mul(i128::from(numerator))?;
        let divisor = i128::from(denominator);
        let half = divisor / 2;
        let rounded = if product >= 0 { (product + half) / divisor } else { (product - half) / divisor };
        i64::try_from(rounded).ok().map(Self).filter(|amount| amount.0.abs() <= MAX.0)
    }

    /// Greater than nothing?
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

/// For rows: a column read as [`Money`] at once.
impl TryFrom<Decimal> for Money {
    type Error = NotMoney;

    fn try_from(value: Decimal) -> Result<Self, NotMoney> {
        Self::from_decimal(value)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let absolute = self.0.unsigned_abs();
        write!(out, "{sign}{}.{:02}", absolute / 100, absolute % 100)
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, cents) = digits.split_once('.').unwrap_or((digits, "0"));
        let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !only_digits(whole) || !only_digits(cents) || cents.len() > 2 || whole.len() > 10 {
            return Err(NotMoney);
        }
        let whole: i64 = whole.parse().map_err(|_error| NotMoney)?;
        let scale = if cents.len() == 1 { 10 } else { 1 };
        let cents: i64 = cents.parse().map_err(|_error| NotMoney)?;
        let minor = whole * 100 + cents * scale;
        Ok(Self(if negative { -minor } else { minor }))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Money;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an amount as a string with at most two decimals, such as \"12.50\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some(r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$"))
            .description(Some("An amount with two decimals in the wallet's currency"))
            .examples(["12.50"])
            .into()
    }
}
impl utoipa::ToSchema for Money {}

#[cfg(test)]
mod tests {
    use super::{Money, NotMoney};

    #[test]
    fn text_and_back() {
        for (text, minor) in [("12.50", 1250), ("12.5", 1250), ("0.01", 1), ("7", 700), ("-3.05", -305)] {
            assert_eq!(text.parse::<Money>().unwrap().minor(), minor, "{text}");
        }
        assert_eq!(Money::from_minor(-305).to_string(), "-3.05");
        assert_eq!(Money::from_minor(1250).to_string(), "12.50");
        for text in ["", ".", "1.", ".5", "1.005", "1e3", "NaN", "+1", "1,5", "99999999999.00", "١٢"] {
            assert_eq!(text.parse::<Money>(), Err(NotMoney), "{text}");
        }
    }

    #[test]
    fn fractions_round_half_up() {
        // 10.00 with 15 % inside it: 8.70 net (8.6956…).
        assert_eq!(Money::from_minor(1000).fraction(100, 115).unwrap().minor(), 870);
        assert_eq!(Money::from_minor(5).fraction(1, 2).unwrap().minor(), 3);
        assert_eq!(Money::from_minor(-5).fraction(1, 2).unwrap().minor(), -3);
        assert_eq!(Money::from_minor(1).fraction(1, 0), None);
    }

    #[test]
    fn decimals_with_more_than_two_places_are_refused() {
        let parse = |text: &str| Money::from_decimal(text.parse().unwrap());
        assert_eq!(parse("12.5").unwrap().minor(), 1250);
        assert_eq!(parse("12.505"), Err(NotMoney));
    }
}
