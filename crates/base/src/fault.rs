//! Failures as the doors see them: a rule, a message for the client, and what the client needs to react.

use std::error::Error;
use std::time::Duration;

use crate::{Lang, Rule, Violations};

/// A failed operation. `Display` is the English message for the client; it never contains the source, which is
/// logged once, at the door.
pub trait Fault: Error + Send + Sync + 'static {
    /// The rule that was broken.
    fn rule(&self) -> Rule;

    /// The failure that this one only passes on, if it does: its particulars are this one's.
    fn inner(&self) -> Option<&dyn Fault> {
        None
    }

    /// How long to wait before the same request can succeed.
    fn retry_after(&self) -> Option<Duration> {
        self.inner().and_then(Fault::retry_after)
    }

    /// The fields at fault, for [`Rule::VALIDATION_FAILED`].
    fn violations(&self) -> Option<&Violations> {
        self.inner().and_then(Fault::violations)
    }

    /// Further members of the answer (`required`, `available`, `from`, `to`, `allowed`).
    fn details(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        self.inner().and_then(Fault::details)
    }

    /// The message for the client in one of the two languages.
    fn message(&self, lang: Lang) -> String {
        match (self.violations(), lang) {
            (Some(violations), _) => violations.summary(lang),
            (None, Lang::En) => self.to_string(),
            (None, Lang::Ar) => self.rule().sentence(lang).to_owned(),
        }
    }
}

/// What every domain can fail with.
#[derive(Debug, thiserror::Error)]
pub enum CommonFault {
    /// Values that break their rules.
    #[error("{0}")]
    Invalid(#[from] Violations),
    /// There is no such thing, or the asker may not know of it (domain.md D23).
    #[error("There is no such {0}.")]
    NotFound(&'static str),
    /// The asker lacks the permission.
    #[error("User does not have the right permissions.")]
    Forbidden,
    /// The token's abilities do not cover the operation.
    #[error("The token lacks the ability \"{0}\".")]
    MissingAbility(&'static str),
    /// No valid credentials.
    #[error("Unauthenticated.")]
    Unauthenticated,
    /// The token was good but is past its time.
    #[error("The token has expired; get a new one.")]
    TokenExpired,
    /// The account may not act.
    #[error("This account is suspended.")]
    Suspended,
    /// The same idempotency key came with other content.
    #[error("This key was used before with other content; use a new one for a new request.")]
    IdempotencyKeyReused,
    /// An operation that moves money came without a key.
    #[error(
        "This request moves money: send an Idempotency-Key (a UUID) so that a repeat cannot charge twice."
    )]
    IdempotencyKeyRequired,
    /// The first request with this key still runs.
    #[error("The first request with this key is still running; repeat it in a moment.")]
    RequestInProgress,
    /// A rate limit was met.
    #[error("Too many requests; try again in {} s.", .0.as_secs().max(1))]
    RateLimited(Duration),
    /// A step that the state machine does not have.
    #[error("{what} is {from} and cannot become {to}.")]
    IllegalTransition {
        /// The thing, as a word at the start of a sentence.
        what: &'static str,
        /// Its present state.
        from: String,
        /// The state asked for.
        to: &'static str,
        /// The states that can follow.
        allowed: Vec<&'static str>,
    },
    /// `If-Match` names another version than the present one (RFC 9110 §13.1.1).
    #[error("It was changed meanwhile: read it again, then repeat the change.")]
    PreconditionFailed,
    /// The write must say which version it changes (RFC 6585 §3).
    #[error("Send If-Match with the ETag of what you read, so that nobody's change is lost.")]
    PreconditionRequired,
    /// MySQL or Redis does not answer.
    #[error("The service is briefly unavailable; please try again.")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A failure of ours.
    #[error("Something went wrong on our side.")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl CommonFault {
    /// A failure of ours with its cause as a sentence.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

impl Fault for CommonFault {
    fn rule(&self) -> Rule {
        match self {
            Self::Invalid(_) => Rule::VALIDATION_FAILED,
            Self::NotFound(_) => Rule::NOT_FOUND,
            Self::Forbidden => Rule::FORBIDDEN,
            Self::MissingAbility(_) => Rule::MISSING_ABILITY,
            Self::Unauthenticated => Rule::UNAUTHENTICATED,
            Self::TokenExpired => Rule::TOKEN_EXPIRED,
            Self::Suspended => Rule::ACCOUNT_SUSPENDED,
            Self::IdempotencyKeyReused => Rule::IDEMPOTENCY_KEY_REUSED,
            Self::IdempotencyKeyRequired => Rule::IDEMPOTENCY_KEY_REQUIRED,
            Self::RequestInProgress => Rule::REQUEST_IN_PROGRESS,
            Self::RateLimited(_) => Rule::RATE_LIMITED,
            Self::IllegalTransition { .. } => Rule::ILLEGAL_TRANSITION,
            Self::PreconditionFailed => Rule::PRECONDITION_FAILED,
            Self::PreconditionRequired => Rule::PRECONDITION_REQUIRED,
            Self::Unavailable(_) => Rule::UNAVAILABLE,
            Self::Internal(_) => Rule::INTERNAL,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(wait) => Some(*wait),
            Self::RequestInProgress | Self::Unavailable(_) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    fn violations(&self) -> Option<&Violations> {
        match self {
            Self::Invalid(violations) => Some(violations),
            _ => None,
        }
    }

    fn details(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        match self {
            Self::IllegalTransition { from, to, allowed, .. } => {
                let mut details = serde_json::Map::new();
                details.insert("from".to_owned(), from.as_str().into());
                details.insert("to".to_owned(), (*to).into());
                details.insert("allowed".to_owned(), allowed.clone().into());
                Some(details)
            }
            _ => None,
        }
    }
}
