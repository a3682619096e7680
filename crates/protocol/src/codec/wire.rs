//! How one declaration of a message serves three encodings: `prost` derives Protobuf from the tags, `serde` JSON and
//! MessagePack from the names, and both leave zero and empty fields out (the rule of proto3).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A field of a message as serde sees it.
pub(crate) trait Field: Sized + Default {
    /// Whether the field is left out of a frame.
    fn is_zero(&self) -> bool;

    /// Writes the field.
    fn put<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads the field; null is the zero value, as other servers of this protocol read it.
    fn take<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

macro_rules! fields {
    ($([$($generics:tt)*] $type:ty, $is_zero:expr;)*) => {$(
        impl<$($generics)*> Field for $type {
            fn is_zero(&self) -> bool {
                let is_zero: fn(&Self) -> bool = $is_zero;
                is_zero(self)
            }

            fn put<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }

            fn take<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Option::<Self>::deserialize(deserializer)?.unwrap_or_default())
            }
        }
    )*};
}

fields! {
    [] String, |text| text.is_empty();
    [] bool, |flag| !*flag;
    [] i32, |number| *number == 0;
    [] i64, |number| *number == 0;
    [] u32, |number| *number == 0;
    [] u64, |number| *number == 0;
    [T: Serialize + serde::de::DeserializeOwned] Option<T>, |value| value.is_none();
    [T: Serialize + serde::de::DeserializeOwned] Vec<T>, |list| list.is_empty();
    [T: Serialize + serde::de::DeserializeOwned] BTreeMap<String, T>, |map| map.is_empty();
}

/// A payload (see [`super::payload`]); no bytes: absent.
impl Field for Bytes {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }

    fn put<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::payload::serialize(self, serializer)
    }

    fn take<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::payload::deserialize(deserializer)
    }
}

pub(crate) fn is_zero<T: Field>(field: &T) -> bool {
    field.is_zero()
}

pub(crate) fn put<T: Field, S: Serializer>(field: &T, serializer: S) -> Result<S::Ok, S::Error> {
    field.put(serializer)
}

pub(crate) fn take<'de, T: Field, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::take(deserializer)
}

/// Declares messages: plain structs whose fields carry their `prost` attribute; the serde side is the same for every field.
macro_rules! messages {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident { $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty, )* }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, ::prost::Message, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default)]
        $vis struct $name {
            $(
                $(#[$field_meta])*
                #[serde(
                    skip_serializing_if = "crate::codec::wire::is_zero",
                    serialize_with = "crate::codec::wire::put",
                    deserialize_with = "crate::codec::wire::take"
                )]
                $field_vis $field: $type,
            )*
        }
    )*};
}

/// Declares the closed enum of which a frame holds exactly one member, and the struct of optional members it is read from.
/// (The protocol has no `oneof`, because JSON has none.)
macro_rules! one_of {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, read from $members:ident { $( $(#[$head_meta:meta])* $head:ident : $head_type:ty, )* } {
            $( $(#[$variant_meta:meta])* $tag:literal $wire_name:literal $field:ident => $variant:ident($type:ty), )*
        }
        $( without a member: $( #[$unit_meta:meta] )* $unit:ident )?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant($type), )*
            $( $( #[$unit_meta] )* $unit, )?
        }

        crate::codec::wire::messages! {
            pub(crate) struct $members {
                $( $(#[$head_meta])* pub(crate) $head: $head_type, )*
                $( #[prost(message, optional, tag = $tag)] #[serde(rename = $wire_name)] pub(crate) $field: Option<$type>, )*
            }
        }

        impl $members {
            /// The one member that is present, if any.
            pub(crate) fn take_member(&mut self) -> Result<Option<$name>, crate::codec::Problem> {
                let mut found = None;
                $(
                    if let Some(member) = self.$field.take() {
                        if found.is_some() {
                            return Err(crate::codec::Problem::SeveralMembers);
                        }
                        found = Some($name::$variant(member));
                    }
                )*
                Ok(found)
            }
        }

        impl $name {
            /// The member's name in JSON and MessagePack.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $wire_name, )*
                    $( Self::$unit => stringify!($unit), )?
                }
            }

            /// How many members a frame with this value has: 0 or 1.
            pub(crate) fn member_count(&self) -> usize {
                match self {
                    $( Self::$variant(_) => 1, )*
                    $( Self::$unit => 0, )?
                }
            }

            pub(crate) fn serialize_member<S: ::serde::ser::SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error> {
                match self {
                    $( Self::$variant(member) => out.serialize_field($wire_name, member), )*
                    $( Self::$unit => Ok(()), )?
                }
            }

            /// The length in bytes of the member in Protobuf: key, length and content.
            pub(crate) fn member_len(&self) -> usize {
                match self {
                    $( Self::$variant(member) => crate::codec::protobuf::nested_len(member), )*
                    $( Self::$unit => 0, )?
                }
            }

            pub(crate) fn encode_member(&self, out: &mut Vec<u8>) -> Result<(), ::prost::EncodeError> {
                match self {
                    $( Self::$variant(member) => crate::codec::protobuf::put_nested($tag, member, out), )*
                    $( Self::$unit => Ok(()), )?
                }
            }
        }
    };
}

pub(crate) use {messages, one_of};
