//! Reviews of courses and books (domain.md §4.3 `hub_reviews`).

mod access;
mod create_review;
mod delete_review;
mod list_reviews;
mod update_review;
mod view;

use base::{CommonFault, Fault, Rule};
use protocol::reviews::Reviewable;

use crate::common_faults;

pub use access::{demand_own_review, demand_review, demand_share};
pub use create_review::create_review;
pub use delete_review::{delete_own_review, delete_review};
pub use list_reviews::{list_reviews, list_reviews_by};
pub use update_review::{update_own_review, update_review};

/// What can go wrong with reviews.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// Has not got what is to be reviewed.
    #[error("Only those who have it can review it.")]
    NotEntitled,
    /// Has done too little of the course.
    #[error("A course can be reviewed once a fifth of it is done.")]
    TooEarly,
    /// Has reviewed it already.
    #[error("You have reviewed it already.")]
    Duplicate,
}

impl Fault for ReviewError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::NotEntitled => Rule::REVIEW_NOT_ENTITLED,
            Self::TooEarly => Rule::REVIEW_TOO_EARLY,
            Self::Duplicate => Rule::REVIEW_DUPLICATE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(ReviewError);

/// There is no such review, or the asker may not know of it (domain.md D23).
const NO_REVIEW: CommonFault = CommonFault::NotFound("review");

/// What may be read where one may not know of the thing itself.
const fn missing(kind: Reviewable) -> CommonFault {
    match kind {
        Reviewable::Course => CommonFault::NotFound("course"),
        Reviewable::Book => CommonFault::NotFound("book"),
    }
}
