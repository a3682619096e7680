//! The table of this door: failures of operations → errors in replies, ends of connections (realtime.md §1).

use base::rule::Kind;
use base::{Fault, Lang, Rule};
use protocol::codes::{CloseCode, ProtocolError};
use protocol::frame::ErrorReply;
use protocol::rpc::NotACall;

/// What a failed operation is to a client: the rule's number, its stable code leading the message. Failures of ours are
/// logged here, once, and their causes told to nobody.
pub(crate) fn reply_of<F: Fault>(fault: &F, lang: Lang) -> ErrorReply {
    log(fault);
    let rule = fault.rule();
    ErrorReply {
        code: rule.number,
        message: format!("{}: {}", rule.code, fault.message(lang)),
        temporary: rule.temporary(),
    }
}

/// What a call that could not be read is to a client.
pub(crate) fn reply_of_call(problem: NotACall, lang: Lang) -> ErrorReply {
    match problem {
        NotACall::UnknownMethod => ProtocolError::MethodNotFound.into(),
        NotACall::Invalid(violations) => reply_of(&base::CommonFault::Invalid(violations), lang),
    }
}

/// How `connect` and `refresh` can fail (realtime.md §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotSignedIn {
    /// The client may try again on this socket.
    Reply(ErrorReply),
    /// The socket is closed.
    Close(CloseCode),
}

impl From<ProtocolError> for NotSignedIn {
    fn from(error: ProtocolError) -> Self {
        Self::Reply(error.into())
    }
}

/// What a token that was refused means to the socket.
pub(crate) fn of_authentication(error: &domain::users::UserError) -> NotSignedIn {
    use domain::users::UserError;
    if matches!(error, UserError::AccountDeleted) {
        return NotSignedIn::Close(CloseCode::AccountSuspended);
    }
    match error.rule() {
        Rule::TOKEN_EXPIRED => ProtocolError::TokenExpired.into(),
        Rule::ACCOUNT_SUSPENDED => NotSignedIn::Close(CloseCode::AccountSuspended),
        rule => match rule.kind {
            Kind::Unavailable | Kind::Internal | Kind::Limited => {
                log(error);
                ProtocolError::Internal.into()
            }
            Kind::Forbidden => ProtocolError::PermissionDenied.into(),
            Kind::Invalid | Kind::Unauthenticated | Kind::NotFound | Kind::Conflict => {
                NotSignedIn::Close(CloseCode::InvalidToken)
            }
        },
    }
}

/// The bus does not answer: temporary, SDKs try again.
pub(crate) fn of_bus(error: &bus::BusError) -> ErrorReply {
    tracing::warn!(%error, "the bus does not answer a command");
    ErrorReply { temporary: true, ..ProtocolError::Internal.into() }
}

/// Logs a failure of ours, once, with all its causes; what clients do wrong is not logged.
pub(crate) fn log<F: Fault>(fault: &F) {
    match fault.rule().kind {
        Kind::Internal => tracing::error!(error = %Chain(fault), "an operation failed"),
        Kind::Unavailable => tracing::warn!(error = %Chain(fault), "an operation is not available"),
        Kind::Invalid
        | Kind::Unauthenticated
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Conflict
        | Kind::Limited => {}
    }
}

/// An error with all its causes.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::{CommonFault, Lang};
    use domain::users::UserError;
    use protocol::codes::{CloseCode, ProtocolError};

    use super::{NotSignedIn, of_authentication, reply_of};

    #[test]
    fn the_stable_code_leads_the_message() {
        let reply = reply_of(&CommonFault::Forbidden, Lang::En);
        assert_eq!(reply.code, 1004);
        assert_eq!(reply.message, "forbidden: User does not have the right permissions.");
        assert!(!reply.temporary);
        let reply = reply_of(&CommonFault::Unavailable("redis".into()), Lang::Ar);
        assert!(reply.temporary && !reply.message.contains("redis"));
    }

    #[test]
    fn tokens() {
        let of = |fault: CommonFault| of_authentication(&UserError::Common(fault));
        assert_eq!(of(CommonFault::TokenExpired), ProtocolError::TokenExpired.into());
        assert_eq!(of(CommonFault::Unauthenticated), NotSignedIn::Close(CloseCode::InvalidToken));
        assert_eq!(of(CommonFault::Suspended), NotSignedIn::Close(CloseCode::AccountSuspended));
        let deleted = of_authentication(&UserError::AccountDeleted);
        assert_eq!(deleted, NotSignedIn::Close(CloseCode::AccountSuspended));
        assert_eq!(of(CommonFault::Unavailable("x".into())), ProtocolError::Internal.into());
    }
}
