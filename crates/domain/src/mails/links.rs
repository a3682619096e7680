//! Links as Laravel makes and reads them (domain.md §7.4): signed addresses with the key as it is written, tokens to choose
//! a new password with the key decoded.

use base::{CommonFault, Secret, Time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use crate::App;

/// How long links are good for, seconds.
pub(crate) const LIFE: i64 = 60 * 60;

/// What is found of a signed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// We, or Laravel, signed it, and it is in time.
    Good,
    /// It was signed, and is past its time.
    Expired,
    /// It was not signed with a key that counts.
    Bad,
}

/// The present key, as it is written.
fn present_key(app: &App) -> Result<&Secret, CommonFault> {
    let key = app.settings.auth.app_keys.first().filter(|key| !key.expose().is_empty());
    key.ok_or_else(|| CommonFault::internal("there is no key to sign addresses with: set APP_KEY"))
}

fn hmac_hex(key: &[u8], text: &str) -> Result<String, CommonFault> {
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(CommonFault::internal)?;
    Ok(hex(&mac.chain_update(text.as_bytes()).finalize().into_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-1 in hexadecimal: `sha1($email)`.
pub(crate) fn sha1_hex(text: &str) -> String {
    hex(&Sha1::digest(text.as_bytes()))
}

/// An address with `expires` and `signature`, as `URL::temporarySignedRoute` makes it: signed with the key as it is written,
/// its `base64:` included.
///
/// # Errors
/// [`CommonFault::Internal`] without a key.
pub fn sign_address(app: &App, address: &str, expires_at: i64) -> Result<String, CommonFault> {
    let unsigned = format!("{address}?expires={expires_at}");
    let signature = hmac_hex(present_key(app)?.expose().as_bytes(), &unsigned)?;
    Ok(format!("{unsigned}&signature={signature}"))
}

/// What Laravel's `hasValidSignature` finds of an address with this query, as it came: the signature is of everything else,
/// in the order received; each of the keys that count may have made it.
///
/// # Errors
/// [`CommonFault::Internal`], which no key gives.
pub fn check_signature(app: &App, address: &str, query: &str) -> Result<Signature, CommonFault> {
    let named = |name: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let others: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("signature"))
        .collect();
    let signed = format!("{address}?{}", others.join("&"));
    let signed = signed.trim_end_matches('?');
    let given = named("signature").unwrap_or_default();
    let mut good = false;
    for key in app.settings.auth.app_keys.iter().filter(|key| !key.expose().is_empty()) {
        let made = hmac_hex(key.expose().as_bytes(), signed)?;
        good |= bool::from(made.as_bytes().ct_eq(given.as_bytes()));
    }
    if !good {
        return Ok(Signature::Bad);
    }
    // One without an end has none, as in Laravel.
    let ends = named("expires").and_then(|text| text.parse::<i64>().ok());
    let expired = ends.is_some_and(|end| Time::now().unix_seconds() > end);
    Ok(if expired { Signature::Expired } else { Signature::Good })
}

/// The token to choose a new password that Laravel's broker makes of forty random characters: an HMAC with the key, decoded
/// where it says `base64:`.
///
/// # Errors
/// [`CommonFault::Internal`] without a key, or with one that is no base64.
pub fn reset_token(app: &App, seed: &str) -> Result<String, CommonFault> {
    let key = present_key(app)?.expose();
    match key.strip_prefix("base64:") {
        Some(encoded) => {
            let key =
                STANDARD.decode(encoded).map_err(|_error| CommonFault::internal("APP_KEY is no base64"))?;
            hmac_hex(&key, seed)
        }
        None => hmac_hex(key.as_bytes(), seed),
    }
}

/// Where to confirm an address.
pub(crate) fn verification_link(
    app: &App,
    user_id: u64,
    email: &str,
    now: i64,
) -> Result<String, CommonFault> {
    let base = &app.settings.http.public_url;
    let address = format!("{base}/api/v1/auth/email/verify/{user_id}/{}", sha1_hex(email));
    sign_address(app, &address, now.saturating_add(LIFE))
}

/// Where to choose a new password: a page of the web application.
pub(crate) fn reset_link(app: &App, seed: &str, email: &str) -> Result<String, CommonFault> {
    let token = reset_token(app, seed)?;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", &token)
        .append_pair("email", email)
        .finish();
    Ok(format!("{}/reset-password?{query}", app.settings.auth.frontend_url))
}
