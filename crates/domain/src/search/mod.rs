//! Search over users, courses, books, rooms and posts (domain.md §5.11). Arabic is compared by its folded spelling
//! ([`base::text::fold`]); who may see what is decided when it is read.

mod find_hits;
mod refresh_index;

use base::{CommonFault, Fault, Rule};
use protocol::search::SearchType;
use store::search::Kind;

use crate::common_faults;

pub use find_hits::{SearchInput, search, suggest};
pub use refresh_index::{purge_index, refresh_index};

/// What can go wrong with a search.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
}

impl Fault for SearchError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
        }
    }
}

common_faults!(SearchError);

const fn kind_of(searched: SearchType) -> Kind {
    match searched {
        SearchType::Users => Kind::Users,
        SearchType::Courses => Kind::Courses,
        SearchType::Books => Kind::Books,
        SearchType::Rooms => Kind::Rooms,
        SearchType::Posts => Kind::Posts,
    }
}
