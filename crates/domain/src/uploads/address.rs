//! Addresses of files: `{files_url}/files/{token}`. The token names the file and when the address ends, and is signed, so
//! that whoever has it needs nothing else, and nobody can make one.

use base::{CommonFault, Time};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::UploadError;
use crate::App;

/// Seconds that an address is good for, at least.
const LIFE: i64 = 24 * 3_600;
/// Addresses end at whole multiples of so many seconds, so that one file has one address for hours: caches go by it.
const STEP: i64 = 6 * 3_600;
/// What the key is for: another use of the same secret has another key.
const PURPOSE: &[u8] = b"majlis addresses of files 1";

/// Signs and checks. The same in every process that has the same secret.
#[derive(Clone)]
pub(crate) struct AddressKey(Hmac<Sha256>);

impl std::fmt::Debug for AddressKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("AddressKey(***)")
    }
}

/// What a token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The file's name on the disk.
    pub(super) path: String,
    /// When the address ends.
    pub(super) expires_at: i64,
}

impl AddressKey {
    /// Of the configured secret, which signs nothing itself.
    ///
    /// # Errors
    /// None for any secret; the library's signature has one.
    pub(crate) fn derive(secret: &str) -> Result<Self, CommonFault> {
        let key = |bytes: &[u8]| Hmac::<Sha256>::new_from_slice(bytes).map_err(CommonFault::internal);
        let derived = key(secret.as_bytes())?.chain_update(PURPOSE).finalize().into_bytes();
        Ok(Self(key(&derived)?))
    }

    /// The token of a file, good for 24 to 30 hours from `now` (Unix seconds).
    fn token(&self, path: &str, now: i64) -> String {
        self.token_until(path, now.saturating_add(LIFE + STEP).div_euclid(STEP).saturating_mul(STEP))
    }

    /// The token of a file, good until an instant (Unix seconds).
    fn token_until(&self, path: &str, expires_at: i64) -> String {
        let named = URL_SAFE_NO_PAD.encode(format!("{expires_at}:{path}"));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(&named));
        format!("{named}.{signature}")
    }

    fn signature(&self, named: &str) -> [u8; 32] {
        self.0.clone().chain_update(named.as_bytes()).finalize().into_bytes().into()
    }

    /// What a token names at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`UploadError::LinkInvalid`] for what we did not sign, [`UploadError::LinkExpired`] for what is past its time.
    pub(super) fn read(&self, token: &str, now: i64) -> Result<Address, UploadError> {
        let (named, signature) = token.split_once('.').ok_or(UploadError::LinkInvalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_error| UploadError::LinkInvalid)?;
        if !bool::from(self.signature(named).as_slice().ct_eq(&signature)) {
            return Err(UploadError::LinkInvalid);
        }
        let text = URL_SAFE_NO_PAD.decode(named).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let (expires_at, path) = text
            .as_deref()
            .and_then(|text| text.split_once(':'))
            .and_then(|(expires_at, path)| Some((expires_at.parse().ok()?, path)))
            .ok_or(UploadError::LinkInvalid)?;
        if now >= expires_at {
            return Err(UploadError::LinkExpired);
        }
        Ok(Address { path: path.to_owned(), expires_at })
    }
}

/// The address of a file for whoever may see the thing that it belongs to: good for 24 hours at least, 30 at most, and
/// the same for six. What is an absolute address already (another application's CDN) is given as it is.
#[must_use]
pub fn signed_url(app: &App, path: &str) -> String {
    if path.starts_with("https://") || path.starts_with("http://") {
        return path.to_owned();
    }
    let token = app.address_key.token(path, Time::now().unix_seconds());
    format!("{}/files/{token}", app.settings.uploads.public_url)
}

/// The address of a file for who may see it now, and perhaps not for long: good until `until`.
#[must_use]
pub(crate) fn signed_url_until(app: &App, path: &str, until: Time) -> String {
    let token = app.address_key.token_until(path, until.unix_seconds());
    format!("{}/files/{token}", app.settings.uploads.public_url)
}

/// What a view shows for a picture's column: an address as by [`signed_url`], or nothing.
#[must_use]
pub fn picture_url(app: &App, path: Option<String>) -> Option<String> {
    path.filter(|path| !path.is_empty()).map(|path| signed_url(app, &path))
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressKey, LIFE, STEP};
    use crate::uploads::UploadError;

    const PATH: &str = "uploads/2026/11/01JD2X5V0M6Y8Q3T7R9W4Z1ABC.jpg";

    fn key() -> AddressKey {
        AddressKey::derive("a test secret of more than 32 bytes!").unwrap()
    }

    #[test]
    fn an_address_is_read_back_until_it_expires() {
        let now = 1_795_391_223;
        let token = key().token(PATH, now);
        let Address { path, expires_at } = key().read(&token, now).unwrap();
        assert_eq!(path, PATH);
        assert!((LIFE..=LIFE + STEP).contains(&(expires_at - now)), "{}", expires_at - now);
        assert!(key().read(&token, expires_at - 1).is_ok());
        assert!(matches!(key().read(&token, expires_at), Err(UploadError::LinkExpired)));
        // The same for hours, then another.
        assert_eq!(key().token(PATH, expires_at - LIFE - 1), key().token(PATH, expires_at - LIFE - STEP));
        assert_ne!(key().token(PATH, expires_at - LIFE), token);
    }

    #[test]
    fn nobody_else_can_make_one() {
        let now = 1_795_391_223;
        let token = key().token(PATH, now);
        let (named, signature) = token.split_once('.').unwrap();
        let other = key().token("uploads/2026/11/01JD2X5V0M6Y8Q3T7R9W4Z1ABD.jpg", now);
        let foreign = AddressKey::derive("another test secret of 32 bytes!!").unwrap().token(PATH, now);
        // The secret itself signs nothing.
        for forged in [
            String::new(),
            ".".to_owned(),
            named.to_owned(),
            format!("{named}."),
            format!("{named}.{}", signature.replacen(|_: char| true, "", 1)),
            format!("{named}.{signature}A"),
            format!("{named}.{signature}.{signature}"),
            format!("{}.{signature}", other.split_once('.').unwrap().0),
            format!("{named}a.{signature}"),
            foreign,
        ] {
            assert!(matches!(key().read(&forged, now), Err(UploadError::LinkInvalid)), "{forged}");
        }
    }
}
