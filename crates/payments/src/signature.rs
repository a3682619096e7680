//! Signatures of events: `t=<Unix seconds>,v1=<HMAC-SHA256 of "seconds.body" in hexadecimal>`.

use base::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// An event that was signed longer ago, or further ahead, is not taken.
pub const MAX_AGE_SECONDS: i64 = 300;

/// The header for a body: what a provider sends, and tests do.
#[must_use]
pub fn sign(secret: &str, body: &[u8], at: Time) -> String {
    let seconds = at.unix_seconds();
    format!("t={seconds},v1={}", digest(secret, seconds, body))
}

/// Does the header hold for the body? Compared in constant time.
pub(crate) fn holds(secret: &str, header: &str, body: &[u8], now: Time) -> bool {
    let part =
        |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (Some(seconds), Some(given)) = (part("t").and_then(|text| text.parse::<i64>().ok()), part("v1"))
    else {
        return false;
    };
    let age = now.unix_seconds().saturating_sub(seconds);
    let right = equal(given, &digest(secret, seconds, body));
    right && (-MAX_AGE_SECONDS..=MAX_AGE_SECONDS).contains(&age)
}

/// In a time that says nothing of where they differ.
pub(crate) fn equal(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}

fn digest(secret: &str, seconds: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let mut digits = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        digits
            .extend([byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap_or('0')));
    }
    digits
}

#[cfg(test)]
mod tests {
    use base::Time;

    use super::{holds, sign};

    #[test]
    fn a_signature_holds_for_its_body_its_secret_and_five_minutes() {
        let now = Time::now_in_seconds();
        let header = sign("secret", b"{}", now);
        assert!(holds("secret", &header, b"{}", now));
        assert!(holds("secret", &header, b"{}", now.plus_seconds(300)));
        assert!(!holds("secret", &header, b"{}", now.plus_seconds(301)));
        assert!(!holds("secret", &header, b"{}", now.plus_seconds(-301)));
        assert!(!holds("other", &header, b"{}", now));
        assert!(!holds("secret", &header, b"{ }", now));
        for header in ["", "t=1", "v1=ab", "t=x,v1=y", "t=1,v1="] {
            assert!(!holds("secret", header, b"{}", now), "{header}");
        }
    }
}
