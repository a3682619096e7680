//! The key by which a repeated write is recognised: `client_id` on the socket, `Idempotency-Key` over REST.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// 1 to 255 visible ASCII characters. A UUID is brought to its canonical lower-case spelling, so that header and
/// `client_id` are one key however they are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

/// The text cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is a UUID, or 1 to 255 visible ASCII characters")]
pub struct NotAKey;

impl IdempotencyKey {
    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it a UUID, as a `client_id` has to be?
    #[must_use]
    pub fn is_uuid(&self) -> bool {
        uuid::Uuid::parse_str(&self.0).is_ok()
    }
}

impl FromStr for IdempotencyKey {
    type Err = NotAKey;

    /// Reads a header's value too: an RFC 8941 string (`"…"`) or the bare token.
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bare = text.trim();
        let bare = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(bare);
        if let Ok(uuid) = uuid::Uuid::parse_str(bare) {
            return Ok(Self(uuid.hyphenated().to_string()));
        }
        if bare.is_empty() || bare.len() > 255 || !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotAKey);
        }
        Ok(Self(bare.to_owned()))
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for IdempotencyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for IdempotencyKey {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::Custom("uuid".to_owned())))
            .description(Some("A UUID made by the client; the same one again gives the same answer"))
            .into()
    }
}
impl utoipa::ToSchema for IdempotencyKey {}

#[cfg(test)]
mod tests {
    use super::{IdempotencyKey, NotAKey};

    #[test]
    fn header_and_client_id_are_one_key() {
        let header: IdempotencyKey = "\"6BA7B810-9DAD-11D1-80B4-00C04FD430C8\"".parse().unwrap();
        let member: IdempotencyKey =
            serde_json::from_str("\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"").unwrap();
        assert_eq!(header, member);
        assert!(header.is_uuid());
        assert_eq!("".parse::<IdempotencyKey>(), Err(NotAKey));
        assert_eq!("a b".parse::<IdempotencyKey>(), Err(NotAKey));
        assert!(!"order-7".parse::<IdempotencyKey>().unwrap().is_uuid());
    }
}
