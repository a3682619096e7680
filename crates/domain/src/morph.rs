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
    /// A course.
    Course,
    /// A lesson of a course.
    CourseLesson,
    /// A book.
    Book,
    /// A consultation that was booked.
    ConsultationBooking,
    /// Somebody in a course.
    Enrollment,
    /// The certificate of an enrollment.
    Certificate,
    /// A book that somebody bought.
    BookPurchase,
    /// A seat in a live room.
    LiveRoomRegistration,
    /// A report of a post.
    PostReport,
    /// A row of the ledger.
    Transaction,
    /// An invoice.
    Invoice,
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
            (MorphStyle::Class, Self::Course) => r"App\Models\Course",
            (MorphStyle::Class, Self::CourseLesson) => r"App\Models\CourseLesson",
            (MorphStyle::Class, Self::Book) => r"App\Models\Book",
            (MorphStyle::Class, Self::ConsultationBooking) => r"App\Models\ConsultationBooking",
            (MorphStyle::Class, Self::Enrollment) => r"App\Models\Enrollment",
            (MorphStyle::Class, Self::Certificate) => r"App\Models\Certificate",
            (MorphStyle::Class, Self::BookPurchase) => r"App\Models\BookPurchase",
            (MorphStyle::Class, Self::LiveRoomRegistration) => r"App\Models\LiveRoomRegistration",
            (MorphStyle::Class, Self::PostReport) => r"App\Models\PostReport",
            (MorphStyle::Class, Self::Transaction) => r"App\Models\Transaction",
            (MorphStyle::Class, Self::Invoice) => r"App\Models\Invoice",
            (MorphStyle::Alias, Self::User) => "user",
            (MorphStyle::Alias, Self::Post) => "post",
            (MorphStyle::Alias, Self::Comment) => "comment",
            (MorphStyle::Alias, Self::LiveRoom) => "live_room",
            (MorphStyle::Alias, Self::LiveRoomMessage) => "live_room_message",
            (MorphStyle::Alias, Self::Message) => "message",
            (MorphStyle::Alias, Self::GiftTransaction) => "gift_transaction",
            (MorphStyle::Alias, Self::Course) => "course",
            (MorphStyle::Alias, Self::CourseLesson) => "course_lesson",
            (MorphStyle::Alias, Self::Book) => "book",
            (MorphStyle::Alias, Self::ConsultationBooking) => "consultation_booking",
            (MorphStyle::Alias, Self::Enrollment) => "enrollment",
            (MorphStyle::Alias, Self::Certificate) => "certificate",
            (MorphStyle::Alias, Self::BookPurchase) => "book_purchase",
            (MorphStyle::Alias, Self::LiveRoomRegistration) => "live_room_registration",
            (MorphStyle::Alias, Self::PostReport) => "post_report",
            (MorphStyle::Alias, Self::Transaction) => "transaction",
            (MorphStyle::Alias, Self::Invoice) => "invoice",
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
            Morph::Course,
            Morph::CourseLesson,
            Morph::Book,
            Morph::ConsultationBooking,
            Morph::Enrollment,
            Morph::Certificate,
            Morph::BookPurchase,
            Morph::LiveRoomRegistration,
            Morph::PostReport,
            Morph::Transaction,
            Morph::Invoice,
        ] {
            let alias = morph.column(MorphStyle::Alias);
            assert_eq!(short_name(morph.column(MorphStyle::Class)), alias);
            assert_eq!(short_name(alias), alias);
        }
    }
}
