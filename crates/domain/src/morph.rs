//! Laravel's polymorphic columns (domain.md §7.2): both spellings are read, the configured one is written, and
//! clients only ever see the short name.

use config::MorphStyle;

/// A model that polymorphic columns of ours name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Morph {
    /// A user.
    User,
    /// A post.
    Post,
    /// A comment on a post.
    Comment,
    /// A live room.
    LiveRoom,
    /// A message in a live room.
    LiveRoomMessage,
    /// A message of a conversation.
    Message,
    /// A gift that was given.
    GiftTransaction,
}

impl Morph {
    /// The value of the column.
    #[must_use]
    pub const fn column(self, style: MorphStyle) -> &'static str {
        match (style, self) {
            (MorphStyle::Class, Self::User) => r"App\Models\User",
            (MorphStyle::Class, Self::Post) => r"App\Models\Post",
            (MorphStyle::Class, Self::Comment) => r"App\Models\Comment",
            (MorphStyle::Class, Self::LiveRoom) => r"App\Models\LiveRoom",
            (MorphStyle::Class, Self::LiveRoomMessage) => r"App\Models\LiveRoomMessage",
            (MorphStyle::Class, Self::Message) => r"App\Models\Message",
            (MorphStyle::Class, Self::GiftTransaction) => r"App\Models\GiftTransaction",
            (MorphStyle::Alias, Self::User) => "user",
            (MorphStyle::Alias, Self::Post) => "post",
            (MorphStyle::Alias, Self::Comment) => "comment",
            (MorphStyle::Alias, Self::LiveRoom) => "live_room",
            (MorphStyle::Alias, Self::LiveRoomMessage) => "live_room_message",
            (MorphStyle::Alias, Self::Message) => "message",
            (MorphStyle::Alias, Self::GiftTransaction) => "gift_transaction",
        }
    }

    /// Both values that the column may have, for reading.
    #[must_use]
    pub const fn spellings(self) -> [&'static str; 2] {
        [self.column(MorphStyle::Class), self.column(MorphStyle::Alias)]
    }
}

/// The short name of what a column says, in whichever spelling: the class's own name in snake case.
#[must_use]
pub fn short_name(column: &str) -> String {
    let class = column.rsplit('\\').next().unwrap_or(column);
    let mut name = String::with_capacity(class.len() + 2);
    for character in class.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use config::MorphStyle;

    use super::{Morph, short_name};

    #[test]
    fn both_spellings_have_one_short_name() {
        for morph in [
            Morph::User,
            Morph::Post,
            Morph::Comment,
            Morph::LiveRoom,
            Morph::LiveRoomMessage,
            Morph::Message,
            Morph::GiftTransaction,
        ] {
            let alias = morph.column(MorphStyle::Alias);
            assert_eq!(short_name(morph.column(MorphStyle::Class)), alias);
            assert_eq!(short_name(alias), alias);
        }
    }
}
