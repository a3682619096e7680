//! Versions of things as clients name them (RFC 9110 §8.8.3, §13.1; domain.md §2.3): the strong `ETag` of a representation,
//! and what a write says about the version that it changes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::CommonFault;

/// How much of the digest an `ETag` shows, bytes.
const ETAG_BYTES: usize = 12;

/// The strong `ETag` of a body: base64url of the first 12 bytes of its SHA-256, in quotes.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let short = digest.get(..ETAG_BYTES).unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(short))
}

/// One thing as the REST door wraps it; the version of a thing is the `ETag` of this.
#[derive(Clone, Debug, Serialize)]
pub struct Data<T> {
    /// The thing.
    pub data: T,
}

/// What a write says about the version that it changes (`If-Match`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// A write that says nothing: whatever there is, is changed.
    pub const ANY: Self = Self(None);

    /// The tags of the header, as they stand between its commas.
    #[must_use]
    pub fn of(tags: Vec<String>) -> Self {
        Self(Some(tags))
    }

    /// Goes on only for a write that names `present`, or says nothing. To be asked in the transaction, with the row locked.
    ///
    /// # Errors
    /// [`CommonFault::PreconditionFailed`].
    pub fn check(&self, present: &impl Serialize) -> Result<(), CommonFault> {
        match &self.0 {
            None => Ok(()),
            // If-Match compares strongly (RFC 9110 §13.1.1): a weak tag names no version.
            Some(tags) => {
                let body = serde_json::to_vec(&Data { data: present }).map_err(CommonFault::internal)?;
                let version = etag(&body);
                let named = tags.iter().any(|tag| tag == "*" || *tag == version);
                if named { Ok(()) } else { Err(CommonFault::PreconditionFailed) }
            }
        }
    }

    /// As [`Self::check`], for things of which several may write: the write has to say something.
    ///
    /// # Errors
    /// [`CommonFault::PreconditionRequired`], [`CommonFault::PreconditionFailed`].
    pub fn require(&self, present: &impl Serialize) -> Result<(), CommonFault> {
        if self.0.is_none() {
            return Err(CommonFault::PreconditionRequired);
        }
        self.check(present)
    }
}

#[cfg(test)]
mod tests {
    use super::{Data, IfMatch, etag};
    use crate::{CommonFault, Fault, Rule};

    #[test]
    fn etags_are_of_the_content() {
        // printf '{}' | sha256sum begins with 44136fa355b3678a1146ad16.
        assert_eq!(etag(b"{}"), "\"RBNvo1WzZ4oRRq0W\"");
    }

    #[test]
    fn a_write_names_the_version_that_it_changes() {
        let present = serde_json::json!({"id": 1});
        let version = etag(&serde_json::to_vec(&Data { data: &present }).unwrap());
        let rule = |outcome: Result<(), CommonFault>| outcome.map_err(|fault| fault.rule());
        assert_eq!(rule(IfMatch::ANY.check(&present)), Ok(()));
        assert_eq!(rule(IfMatch::ANY.require(&present)), Err(Rule::PRECONDITION_REQUIRED));
        for (tags, expected) in [
            (vec!["\"other\"".to_owned(), version.clone()], Ok(())),
            (vec!["*".to_owned()], Ok(())),
            (vec![format!("W/{version}")], Err(Rule::PRECONDITION_FAILED)),
            (vec!["\"other\"".to_owned()], Err(Rule::PRECONDITION_FAILED)),
        ] {
            assert_eq!(rule(IfMatch::of(tags.clone()).check(&present)), expected, "{tags:?}");
            assert_eq!(rule(IfMatch::of(tags.clone()).require(&present)), expected, "{tags:?}");
        }
    }
}
