//! What the values of an account may be (domain.md §5.1).

use std::str::FromStr;

use base::{Problem, Violations};

/// Names that people would take for the platform's own, or that paths use.
const RESERVED: &[&str] = &[
    "about",
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "app",
    "auth",
    "billing",
    "blog",
    "books",
    "bot",
    "cdn",
    "chat",
    "contact",
    "courses",
    "deleted",
    "docs",
    "everyone",
    "explore",
    "feed",
    "finance",
    "gifts",
    "guest",
    "health",
    "help",
    "home",
    "host",
    "hostmaster",
    "info",
    "invoices",
    "legal",
    "live",
    "login",
    "logout",
    "mail",
    "majlis",
    "me",
    "media",
    "messages",
    "metrics",
    "moderator",
    "news",
    "noreply",
    "no.reply",
    "no_reply",
    "notifications",
    "null",
    "official",
    "openapi",
    "owner",
    "password",
    "payments",
    "platform",
    "posts",
    "postmaster",
    "privacy",
    "register",
    "relationships",
    "root",
    "search",
    "security",
    "settings",
    "speaker",
    "speakers",
    "staff",
    "static",
    "status",
    "super.admin",
    "super_admin",
    "superadmin",
    "support",
    "system",
    "team",
    "terms",
    "undefined",
    "user",
    "username",
    "users",
    "wallet",
    "wallets",
    "webhook",
    "webmaster",
    "www",
];

const MAX_TEXT: usize = 255;

/// 1 to 255 characters, cleaned.
pub(super) fn check_name(name: &str, violations: &mut Violations) {
    violations.require(!name.is_empty(), "name", Problem::Required);
    violations.require(base::text::length(name) <= MAX_TEXT, "name", Problem::TooLong(MAX_TEXT));
}

/// `^[a-z0-9_.]{3,30}$` and not reserved.
pub(super) fn check_username(username: &str, violations: &mut Violations) {
    let form = (3..=30).contains(&username.len())
        && username.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'));
    if username.is_empty() {
        violations.add("username", Problem::Required);
    } else if !form {
        let form = "3 to 30 lower-case letters, digits, dots and underscores";
        violations.add("username", Problem::Format(form));
    } else if RESERVED.contains(&username) || username.starts_with("deleted_") {
        violations.add("username", Problem::NotAllowed("it is reserved"));
    }
}

/// An address that mail could be sent to.
pub(super) fn check_email(email: &str, violations: &mut Violations) {
    if email.is_empty() {
        violations.add("email", Problem::Required);
    } else if email.len() > MAX_TEXT {
        violations.add("email", Problem::TooLong(MAX_TEXT));
    } else if !is_email(email) {
        violations.add("email", Problem::Email);
    }
}

/// E.164, such as `+966501234567`.
pub(super) fn check_phone(phone: &str, violations: &mut Violations) {
    violations.require(
        is_e164(phone),
        "phone",
        Problem::Format("a number in E.164 form, such as +966501234567"),
    );
}

/// An IANA name.
pub(super) fn check_timezone(timezone: &str, violations: &mut Violations) {
    let known = chrono_tz::Tz::from_str(timezone).is_ok();
    violations.require(known, "timezone", Problem::Format("an IANA time zone, such as Asia/Riyadh"));
}

/// At most 255 characters.
pub(super) fn check_device_name(name: Option<&str>, violations: &mut Violations) {
    let fits = name.is_none_or(|name| base::text::length(name) <= MAX_TEXT);
    violations.require(fits, "device_name", Problem::TooLong(MAX_TEXT));
}

fn is_e164(phone: &str) -> bool {
    phone.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The common form of RFC 5321: a dot-atom of at most 64 bytes, and a host name with a dot. No quoted local parts,
/// no address literals, no comments.
fn is_email(email: &str) -> bool {
    let Some((local, host)) = email.rsplit_once('@') else { return false };
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let top_level = host.rsplit('.').next().unwrap_or_default();
    local.len() <= 64
        && local.split('.').all(atom)
        && host.len() <= 253
        && host.contains('.')
        && host.split('.').all(label)
        && top_level.len() >= 2
        && !top_level.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use base::Violations;

    use super::{check_timezone, check_username, is_e164, is_email};

    #[test]
    fn addresses() {
        for good in
            ["sara@example.com", "a.b+c@mail.example.co", "x@xn--mgbai9azgqp6j.sa", "o'neil@example.org"]
        {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "sara",
            "@example.com",
            "sara@",
            "sara@localhost",
            "a b@example.com",
            "a..b@example.com",
            ".a@b.co",
            "a@-b.com",
            "a@b-.com",
            "a@b..com",
            "a@1.2.3.4",
            "a@b.c",
            "سارة@example.com",
            "a@b.com\n",
            "a@@b.com",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn phones() {
        assert!(is_e164("+966501234567") && is_e164("+1234567"));
        for bad in ["966501234567", "+0501234567", "+12345", "+96650123456789012", "+9665O1234567", "+"] {
            assert!(!is_e164(bad), "{bad}");
        }
    }

    #[test]
    fn usernames_and_zones() {
        let refused = |username: &str| {
            let mut violations = Violations::none();
            check_username(username, &mut violations);
            violations.into_result().is_err()
        };
        for good in ["sara", "a.b", "abc_123", "x".repeat(30).as_str()] {
            assert!(!refused(good), "{good}");
        }
        for bad in
            ["", "ab", "Sara", "سارة", "a b c", "admin", "majlis", "deleted_7", "x".repeat(31).as_str()]
        {
            assert!(refused(bad), "{bad}");
        }
        let mut violations = Violations::none();
        check_timezone("Asia/Riyadh", &mut violations);
        assert!(violations.clone().into_result().is_ok());
        check_timezone("Asia/Atlantis", &mut violations);
        assert!(violations.into_result().is_err());
    }
}
