//! What can go wrong with accounts and sessions.

use std::time::Duration;

use base::{CommonFault, Fault, Rule};

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
    /// One blocks oneself.
    #[error("You cannot block yourself.")]
    SelfBlock,
    /// The link to choose a new password does not hold: a wrong token, an old one, or no such account.
    #[error("This link to choose a new password is not valid any more; ask for another one.")]
    ResetTokenInvalid,
    /// The link to confirm an address was not signed by us, or the account has another address now.
    #[error("This link to confirm an e-mail address is not valid.")]
    VerificationLinkInvalid,
    /// The link to confirm an address is past its time.
    #[error("This link to confirm an e-mail address has expired; ask for another one.")]
    VerificationLinkExpired,
    /// The account is above the one who acts, or their own, or the last super-admin's.
    #[error("This account is above your reach.")]
    ProtectedAccount,
}

impl Fault for UserError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::InvalidCredentials => Rule::INVALID_CREDENTIALS,
            Self::AccountLocked(_) => Rule::ACCOUNT_LOCKED,
            Self::RefreshTokenReused => Rule::REFRESH_TOKEN_REUSED,
            Self::AccountDeleted => Rule::UNAUTHENTICATED,
            Self::SelfBlock => Rule::SELF_BLOCK,
            Self::ResetTokenInvalid => Rule::RESET_TOKEN_INVALID,
            Self::VerificationLinkInvalid => Rule::VERIFICATION_LINK_INVALID,
            Self::VerificationLinkExpired => Rule::VERIFICATION_LINK_EXPIRED,
            Self::ProtectedAccount => Rule::PROTECTED_ACCOUNT,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::AccountLocked(wait) => Some(*wait),
            _ => self.inner().and_then(Fault::retry_after),
        }
    }
}

common_faults!(UserError);
