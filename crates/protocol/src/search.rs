//! Search over users, courses, books, rooms and posts (domain.md §5.11): inputs and views.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchType {
    /// People.
    Users,
    /// Published courses.
    Courses,
    /// Published books.
    Books,
    /// Live rooms that are not cancelled.
    Rooms,
    /// Posts that the asker may see.
    Posts,
}

impl SearchType {
    /// All of them, in the order in which they are shown together.
    pub const ALL: [Self; 5] = [Self::Users, Self::Courses, Self::Books, Self::Rooms, Self::Posts];
    /// Their names, in the same order.
    pub const NAMES: &'static [&'static str] = &["users", "courses", "books", "rooms", "posts"];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Courses => "courses",
            Self::Books => "books",
            Self::Rooms => "rooms",
            Self::Posts => "posts",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: SearchType,
    /// Its id.
    pub id: u64,
    /// Name or title; the beginning of a post.
    pub title: String,
    /// Username, author, host.
    pub subtitle: Option<String>,
    /// Its picture.
    pub image: Option<String>,
    /// Where the API has it.
    pub path: String,
}
