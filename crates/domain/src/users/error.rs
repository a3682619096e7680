//! What can go wrong with accounts and sessions.

use std::time::Duration;

use base::{CommonFault, Fault, Rule, Violations};

use crate::common_faults;

/// What can go wrong with accounts and sessions.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// No account has this login and password.
    #[error("These credentials do not match our records.")]
    InvalidCredentials,
    /// Too many failed attempts.
    #[error("Too many failed attempts; try again in {} s.", .0.as_secs().max(1))]
    AccountLocked(Duration),
    /// The refresh token was used before: its whole session was ended.
    #[error("This refresh token was used before; sign in again.")]
    RefreshTokenReused,
    /// The token is of an account that was deleted: 401 over REST (domain.md §7.1), close 4503 on the socket
    /// (realtime.md §2).
    #[error("Unauthenticated.")]
    AccountDeleted,
}

impl Fault for UserError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::InvalidCredentials => Rule::INVALID_CREDENTIALS,
            Self::AccountLocked(_) => Rule::ACCOUNT_LOCKED,
            Self::RefreshTokenReused => Rule::REFRESH_TOKEN_REUSED,
            Self::AccountDeleted => Rule::UNAUTHENTICATED,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Common(fault) => fault.retry_after(),
            Self::AccountLocked(wait) => Some(*wait),
            _ => None,
        }
    }

    fn violations(&self) -> Option<&Violations> {
        match self {
            Self::Common(fault) => fault.violations(),
            _ => None,
        }
    }

    fn details(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        match self {
            Self::Common(fault) => fault.details(),
            _ => None,
        }
    }
}

common_faults!(UserError);
