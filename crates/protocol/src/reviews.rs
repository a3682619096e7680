//! Reviews of courses and books (domain.md §4.3 `hub_reviews`): inputs and views.

use base::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::users::{UserCard, given};

/// `hub_reviews.reviewable_type`: what is reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reviewable {
    /// A course.
    Course,
    /// A book.
    Book,
}

impl Reviewable {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Course => "course",
            Self::Book => "book",
        }
    }

    /// What a column says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Course, Self::Book].into_iter().find(|one| one.as_str() == name)
    }
}

/// Input of `create_review`, the body of `POST /courses/{id}/reviews` and `POST /books/{id}/reviews`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateReview {
    /// Stars, 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
    /// At most 2,000 characters.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub body: Option<String>,
}

/// Input of `update_review`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateReview {
    /// Stars, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<u8>,
    /// At most 2,000 characters; `null` takes the words away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub body: Option<Option<String>>,
}

/// What somebody thinks of a course or a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// Its id.
    pub id: u64,
    /// Who.
    pub user: UserCard,
    /// What is reviewed.
    pub subject: ReviewSubject,
    /// Stars, 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
    /// In words.
    pub body: Option<String>,
    /// When it was written.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What is reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewSubject {
    /// A course or a book.
    #[serde(rename = "type")]
    pub kind: Reviewable,
    /// Its id.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Its unique name in addresses.
    pub slug: String,
}

#[cfg(test)]
mod tests {
    use super::Reviewable;

    #[test]
    fn things_have_the_names_of_the_column() {
        for kind in [Reviewable::Course, Reviewable::Book] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(Reviewable::from_name(kind.as_str()), Some(kind));
        }
    }
}
