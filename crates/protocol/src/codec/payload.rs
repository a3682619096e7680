//! Payloads: what applications put into the protocol's `bytes` fields, which is always one JSON value.
//!
//! Memory and Protobuf hold the JSON text itself, JSON frames embed it unquoted, MessagePack frames carry the same value
//! as MessagePack (realtime.md §1).

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

/// How deep arrays and objects of a payload may nest. Below every parser's own limit, so that what we accepted can be
/// parsed again by us and by the SDKs.
pub const MAX_DEPTH: usize = 64;

/// One JSON value as text: UTF-8, checked, without line breaks (they would end a JSON frame's message), at most
/// [`MAX_DEPTH`] deep, and with numbers and strings that MessagePack can hold too. Clones share the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Bytes);

/// Why bytes are not a payload.
#[derive(Debug, thiserror::Error)]
#[error("the payload is not one JSON value that every encoding can carry")]
pub struct PayloadError(#[from] serde_json::Error);

impl Payload {
    /// Checks JSON text; line breaks between its tokens become spaces.
    ///
    /// # Errors
    /// No single JSON value, deeper than [`MAX_DEPTH`], a number beyond `f64`, a lone surrogate, or not UTF-8.
    pub fn from_json(text: impl Into<Bytes>) -> Result<Self, PayloadError> {
        let text = text.into();
        check(&text)?;
        // In valid JSON a raw line break can only be white space: inside strings it must be escaped.
        if text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            let spaced = text.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
            return Ok(Self(spaced.collect()));
        }
        Ok(Self(text))
    }

    /// The JSON of a value of ours.
    ///
    /// # Errors
    /// The value has no JSON form (a map whose keys are no strings) or is deeper than [`MAX_DEPTH`].
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        Self::from_json(serde_json::to_vec(value)?)
    }

    /// The JSON text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The JSON text, sharing the memory.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<Payload> for Bytes {
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({})", String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserialize(deserializer)?;
        // An absent or null member is the JSON value null here, since a payload is never empty.
        Ok(if text.is_empty() { Self(Bytes::from_static(b"null")) } else { Self(text) })
    }
}

/// Walks the whole text without keeping anything.
pub(crate) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    Walk { room: MAX_DEPTH, before: b"", out: None }.deserialize(&mut parser)?;
    parser.end()
}

/// Writes JSON text into a serializer: raw in JSON, as values elsewhere.
pub(crate) fn serialize<S: Serializer>(text: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        let raw: &RawValue = serde_json::from_slice(text).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    } else {
        // rmpv keeps the order of members and knows every length before it is written.
        let value: rmpv::Value = serde_json::from_slice(text).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

/// Reads JSON text out of a deserializer; null and absent give no bytes.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    if deserializer.is_human_readable() {
        // Not borrowed: a `&RawValue` cannot be read from every JSON source.
        let raw: Option<Box<RawValue>> = serde::Deserialize::deserialize(deserializer)?;
        raw.map_or(Ok(Bytes::new()), |raw| {
            let text = Box::<str>::from(raw).into_boxed_bytes();
            Ok(Payload::from_json(Vec::from(text)).map_err(D::Error::custom)?.into_bytes())
        })
    } else {
        let mut text = Vec::new();
        Walk { room: MAX_DEPTH, before: b"", out: Some(&mut text) }.deserialize(deserializer)?;
        Ok(if text == b"null" { Bytes::new() } else { Bytes::from(text) })
    }
}

/// Visits one self-describing value, refuses what JSON lacks, and writes its JSON text if asked to.
struct Walk<'a> {
    /// Levels that may still be opened.
    room: usize,
    /// What separates the value from the one before it.
    before: &'static [u8],
    out: Option<&'a mut Vec<u8>>,
}

impl Walk<'_> {
    fn raw(&mut self, text: &[u8]) {
        if let Some(out) = self.out.as_deref_mut() {
            out.extend_from_slice(text);
        }
    }

    fn json<E: serde::de::Error>(mut self, value: impl Serialize) -> Result<(), E> {
        match self.out.as_deref_mut() {
            Some(out) => serde_json::to_writer(out, &value).map_err(E::custom),
            None => Ok(()),
        }
    }

    fn child<E: serde::de::Error>(&mut self, before: &'static [u8]) -> Result<Walk<'_>, E> {
        let room = self.room.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Walk { room, before, out: self.out.as_deref_mut() })
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<(), D::Error> {
        self.raw(self.before);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_unit<E: serde::de::Error>(mut self) -> Result<(), E> {
        self.raw(b"null");
        Ok(())
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.json(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.json(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.json(value)
    }

    fn visit_f32<E: serde::de::Error>(self, value: f32) -> Result<(), E> {
        if !value.is_finite() {
            return Err(E::invalid_value(Unexpected::Float(f64::from(value)), &self));
        }
        self.json(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        if !value.is_finite() {
            return Err(E::invalid_value(Unexpected::Float(value), &self));
        }
        self.json(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.json(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.raw(b"[");
        let mut before: &'static [u8] = b"";
        while let Some(()) = items.next_element_seed(self.child(before)?)? {
            before = b",";
        }
        self.raw(b"]");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        self.raw(b"{");
        let mut before: &'static [u8] = b"";
        while let Some(()) = members.next_key_seed(Key { before, out: self.out.as_deref_mut() })? {
            members.next_value_seed(self.child(b":")?)?;
            before = b",";
        }
        self.raw(b"}");
        Ok(())
    }
}

/// The key of an object: a string and nothing else, though MessagePack would allow more.
struct Key<'a> {
    before: &'static [u8],
    out: Option<&'a mut Vec<u8>>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string as the key of an object")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        let Some(out) = self.out else { return Ok(()) };
        out.extend_from_slice(self.before);
        serde_json::to_writer(out, key).map_err(E::custom)
    }
}
