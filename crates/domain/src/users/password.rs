//! Passwords as Laravel keeps them: bcrypt `$2y$` (domain.md D21, §7.4, §9.4).

use base::{CommonFault, Problem, Violations};
use tokio::sync::SemaphorePermit;

use crate::App;

/// bcrypt's limit. What is set must fit; what is verified is cut there, as PHP does.
pub(super) const MAX_BYTES: usize = 72;
/// The fewest characters of a new password.
pub(super) const MIN_CHARACTERS: usize = 8;

/// Passwords of eight or more characters that everybody tries first (ASVS 6.2.4), one a line, lower case.
const COMMON: &str = include_str!("common_passwords.txt");

/// Adds what is wrong with a new password.
pub(super) fn check_new(password: &str, violations: &mut Violations) {
    if password.is_empty() {
        violations.add("password", Problem::Required);
    } else if base::text::length(password) < MIN_CHARACTERS {
        violations.add("password", Problem::TooShort(MIN_CHARACTERS));
    } else if password.len() > MAX_BYTES {
        violations.add("password", Problem::TooManyBytes(MAX_BYTES));
    } else if password.contains('\0') {
        // bcrypt ends at a NUL byte; PHP refuses it too.
        violations.add("password", Problem::Format("without NUL characters"));
    } else if is_common(password) {
        violations.add("password", Problem::CommonPassword);
    }
}

fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let mut characters = lower.chars();
    let first = characters.next();
    let one_character = characters.all(|character| Some(character) == first);
    one_character || COMMON.lines().any(|common| common == lower)
}

/// The right to hash: as many at a time as there are cores.
pub(super) async fn hashing_permit(app: &App) -> Result<SemaphorePermit<'_>, CommonFault> {
    app.hashing.acquire().await.map_err(CommonFault::internal)
}

/// Hashes a password that may be up to 72 bytes long, at the configured cost.
///
/// # Errors
/// [`CommonFault::Invalid`] above 72 bytes, [`CommonFault::Internal`].
pub async fn hash_password(app: &App, password: &str) -> Result<String, CommonFault> {
    let permit = hashing_permit(app).await?;
    hash_with_permit(app, &permit, password).await
}

/// As [`hash_password`], by who holds the permit already.
pub(super) async fn hash_with_permit(
    app: &App,
    _permit: &SemaphorePermit<'_>,
    password: &str,
) -> Result<String, CommonFault> {
    if password.len() > MAX_BYTES {
        return Err(Violations::one("password", Problem::TooManyBytes(MAX_BYTES)).into());
    }
    let (password, cost) = (password.to_owned(), app.settings.auth.bcrypt_rounds);
    let hashing = move || bcrypt::hash_with_result(password.as_bytes(), cost);
    let parts = tokio::task::spawn_blocking(hashing).await.map_err(CommonFault::internal)?;
    Ok(parts.map_err(CommonFault::internal)?.format_for_version(bcrypt::Version::TwoY))
}

/// Is it the password of this hash? `None` instead of a hash, for an account that does not exist, takes as long
/// and says no (ASVS 6.3.8).
pub(super) async fn verify_password(
    app: &App,
    _permit: &SemaphorePermit<'_>,
    password: &str,
    hash: Option<&str>,
) -> Result<bool, CommonFault> {
    let (password, hash) = (password.to_owned(), hash.map(ToOwned::to_owned));
    let cost = app.settings.auth.bcrypt_rounds;
    tokio::task::spawn_blocking(move || {
        let matches = hash.as_deref().map(|hash| matches_hash(&password, hash));
        matches.unwrap_or_else(|| {
            // The work is the point, its outcome is not.
            let _outcome = bcrypt::hash_with_salt(password.as_bytes(), cost, [0; 16]);
            false
        })
    })
    .await
    .map_err(CommonFault::internal)
}

/// Takes `$2y$`, `$2a$` and `$2b$`. The password is cut at 72 bytes, so that a Laravel user with a long or
/// Arabic passphrase (two bytes a letter) still gets in.
fn matches_hash(password: &str, hash: &str) -> bool {
    let ours = ["$2y$", "$2a$", "$2b$"].iter().any(|version| hash.starts_with(version));
    ours && bcrypt::verify(password.as_bytes(), hash).unwrap_or(false)
}

/// Was the hash made at a lower cost than is configured now?
pub(super) fn needs_rehash(app: &App, hash: &str) -> bool {
    hash.parse::<bcrypt::HashParts>().is_ok_and(|parts| parts.get_cost() < app.settings.auth.bcrypt_rounds)
}

#[cfg(test)]
mod tests {
    use base::Violations;

    use super::{COMMON, check_new, matches_hash};

    fn refused(password: &str) -> bool {
        let mut violations = Violations::none();
        check_new(password, &mut violations);
        violations.into_result().is_err()
    }

    #[test]
    fn new_passwords_have_eight_characters_to_72_bytes_and_are_not_everybodys() {
        for bad in ["", "seven77", "password", "Password", "PASSWORD1", "11111111", "12345678", "a\0bcdefgh"]
        {
            assert!(refused(bad), "{bad:?}");
        }
        assert!(refused(&"x1".repeat(37)) && !refused(&"x1".repeat(36)));
        // 37 Arabic letters are 74 bytes.
        assert!(refused(&"سلام".repeat(9).chars().chain(['س']).collect::<String>()));
        assert!(!refused("قهوة ونعناع"));
        assert!(COMMON.lines().count() >= 190, "{}", COMMON.lines().count());
        assert!(COMMON.lines().all(|line| line.chars().count() >= 8 && line == line.to_lowercase()));
    }

    #[test]
    fn laravel_hashes_are_verified() {
        // The example of PHP's manual for password_verify(), vectors of bcrypt's public test suites, and one of the
        // cost that Laravel 11 writes; each agrees with libxcrypt's crypt(3).
        for (password, hash) in [
            ("rasmuslerdorf", "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"),
            ("rasmuslerdorf", "$2y$12$9QsOTqJTxRuvFYqDBXYQ4.wxuET7hf3U9PHFmfBsrQxkYXNp/qO0i"),
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
        ] {
            assert!(matches_hash(password, hash), "{hash}");
            assert!(!matches_hash("something else", hash), "{hash}");
        }
    }

    #[test]
    fn verifying_cuts_at_72_bytes_as_php_does() {
        // 45 Arabic letters with spaces, more than 72 bytes.
        let long = "في التأني السلامة وفي العجلة الندامة يا صديقي العزيز";
        assert!(long.len() > 72);
        let hash = bcrypt::hash_with_result(long, 4).unwrap().format_for_version(bcrypt::Version::TwoY);
        assert!(hash.starts_with("$2y$04$") && matches_hash(long, &hash));
        let cut = String::from_utf8_lossy(&long.as_bytes()[..72]).into_owned();
        assert!(matches_hash(&format!("{cut} and whatever follows"), &hash));
        let shorter: String = cut.chars().take(20).collect();
        assert!(!matches_hash(&shorter, &hash));
    }

    #[test]
    fn what_is_not_bcrypt_is_nobodys_password() {
        for hash in ["", "!", "$argon2id$v=19$m=65536", "$2x$05$abc", "$2y$12$short", "plain"] {
            assert!(!matches_hash("plain", hash), "{hash}");
        }
    }
}
