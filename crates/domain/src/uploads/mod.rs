//! Files that people upload (domain.md §5.11, §9.5): taken in without being held in memory, judged by their content,
//! kept under names that nobody chose, used by one thing once, and shown by signed addresses that expire.
//!
//! Pictures are drawn anew, with a small one beside them; of sounds and videos the length is told.

mod address;
mod archive;
mod claim;
mod complete_upload;
mod content;
mod delete_upload;
mod duration;
mod find_file;
mod find_upload;
mod incoming;
mod keep_document;
mod name;
mod picture;
mod presign_upload;
mod purge_uploads;
mod receive_file;
mod storage;
mod upload_file;
mod view;

pub(crate) use address::AddressKey;
pub(crate) use address::signed_url_until;
pub use address::{picture_url, signed_url};
pub(crate) use claim::{ClaimedUpload, attach, claim_files, claim_for_message, release, release_file};
pub use complete_upload::complete_upload;
pub use delete_upload::delete_upload;
pub(crate) use find_file::COPIES;
pub use find_file::{StoredFile, find_file, read_file};
pub use find_upload::find_upload;
pub use incoming::{Incoming, largest, open_upload};
pub(crate) use keep_document::{Made, keep_document};
pub use presign_upload::presign_upload;
pub use purge_uploads::purge_uploads;
pub use receive_file::{Expected, expect_file, receive_file};
pub(crate) use storage::Storage;
pub use upload_file::{NewUpload, upload_file};

use base::{CommonFault, Fault, Rule};

use crate::common_faults;

/// With what the tokens of addresses to send to begin, before the file's name.
const PUT: &str = "put:";

/// What can go wrong with files.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// No such file, or another's.
    #[error("There is no such upload.")]
    NotFound,
    /// The content is of no type that the kind admits, or not what it pretends to be; the sentence says which.
    #[error("{0}")]
    TypeNotAllowed(&'static str),
    /// Larger than the kind admits; bytes.
    #[error("The file is larger than {0} bytes.")]
    TooLarge(u64),
    /// The user may keep so many bytes.
    #[error("You may keep {0} bytes of files: delete some first.")]
    QuotaExceeded(u64),
    /// The address was not made by us.
    #[error("This address of a file was not given out by us.")]
    LinkInvalid,
    /// The address is past its time.
    #[error("This address of a file has expired; ask for a new one.")]
    LinkExpired,
    /// The file was not sent yet.
    #[error("The file has not arrived yet: send it to its address first.")]
    NotArrived,
    /// A message (or whatever else) uses the file.
    #[error("The file is in use.")]
    InUse,
}

impl Fault for UploadError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::NotFound => Rule::NOT_FOUND,
            Self::TypeNotAllowed(_) => Rule::UPLOAD_TYPE_NOT_ALLOWED,
            Self::TooLarge(_) => Rule::UPLOAD_TOO_LARGE,
            Self::QuotaExceeded(_) => Rule::UPLOAD_QUOTA,
            Self::LinkInvalid => Rule::UPLOAD_LINK_INVALID,
            Self::LinkExpired => Rule::UPLOAD_LINK_EXPIRED,
            Self::NotArrived => Rule::UPLOAD_NOT_ARRIVED,
            Self::InUse => Rule::UPLOAD_IN_USE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(UploadError);
