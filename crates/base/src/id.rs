//! Identifiers. Rows have MySQL's `BIGINT UNSIGNED` ids; events, sessions and requests have ULIDs.

/// Row id of a table (`BIGINT UNSIGNED AUTO_INCREMENT`); 0 names nothing.
pub type RowId = u64;
/// Id of a `users` row.
pub type UserId = u64;
/// Id of a `conversations` row.
pub type ConversationId = u64;
/// Id of a `messages` row.
pub type MessageId = u64;
/// Id of a `live_rooms` row.
pub type RoomId = u64;
/// Id of a `gifts` row.
pub type GiftId = u64;
/// Id of a `wallets` row.
pub type WalletId = u64;

/// A new ULID as 26 upper-case characters of Crockford's base 32: unique for ever, ordered by time.
#[must_use]
pub fn ulid() -> String {
    ulid::Ulid::generate().to_string()
}

/// The ULID of something that has a name of its own already: always the same for the same moment (Unix milliseconds) and
/// the same two numbers, of which the lower 40 bits count.
#[must_use]
pub fn ulid_of(unix_millis: i64, one: u64, other: u64) -> String {
    const FORTY_BITS: u64 = (1 << 40) - 1;
    let random = (u128::from(one & FORTY_BITS) << 40) | u128::from(other & FORTY_BITS);
    ulid::Ulid::from_parts(u64::try_from(unix_millis).unwrap_or(0), random).to_string()
}

/// `length` characters drawn from `alphabet` by the operating system's generator.
/// An empty alphabet gives an empty string.
#[must_use]
pub fn random_text(length: usize, alphabet: &[u8]) -> String {
    use rand::seq::IndexedRandom;
    let mut rng = rand::rng();
    (0..length).filter_map(|_| alphabet.choose(&mut rng).map(|&byte| char::from(byte))).collect()
}

/// Letters and digits, the alphabet of Laravel's `Str::random`.
pub const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Lower-case base 32 without look-alikes, for room names that people may have to read out.
pub const BASE32_LOWER: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
