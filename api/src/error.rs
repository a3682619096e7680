//! THE table from a broken rule to HTTP, and the problem body (RFC 9457 with Laravel's `message` and `errors`,
//! domain.md §2.2). The cause of a failure is logged here, once, and never sent.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{CommonFault, Fault, Kind, Lang, Rule, Violations};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::context::RequestContext;

/// Before a rule's code: `type` of a problem.
const TYPE_BASE: &str = "https://majlis.example/errors/";
/// `type` of a spent quota (draft-ietf-httpapi-ratelimit-headers).
const TYPE_QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
/// The media type of problems.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What the door itself refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorFault {
    /// The request cannot be read; the sentence says why.
    #[error("{0}")]
    Malformed(&'static str),
    /// `cursor` is none of ours.
    #[error("The cursor is not one that a list gave out.")]
    InvalidCursor,
    /// The body has more than a mebibyte.
    #[error("The request is larger than 1 MiB.")]
    TooLarge,
    /// The body is not said to be JSON.
    #[error("Send JSON (Content-Type: application/json).")]
    NotJson,
    /// The body is not said to be a form.
    #[error("Send a form (Content-Type: multipart/form-data).")]
    NotMultipart,
    /// The form is larger than any file may be.
    #[error("The form is larger than any file may be.")]
    FormTooLarge,
    /// A range behind the file's end.
    #[error("The file has no such part.")]
    NoSuchPart,
    /// No such path.
    #[error("There is no such path.")]
    RouteNotFound,
    /// The path does not take this method.
    #[error("This path does not take this method.")]
    MethodNotAllowed,
    /// Thirty seconds have passed.
    #[error("The answer took too long; please try again.")]
    TimedOut,
    /// A handler panicked; the text is for the log.
    #[error("Something went wrong on our side.")]
    Panicked(#[source] Panic),
    /// A policy's share is spent (domain.md §2.5).
    #[error("Too many requests; try again in {} s.", .wait.as_secs().max(1))]
    QuotaExceeded {
        /// The policy's name.
        policy: &'static str,
        /// Until one more may run.
        wait: Duration,
    },
}

/// What a panic said.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
pub(crate) struct Panic(pub(crate) String);

impl Fault for DoorFault {
    fn rule(&self) -> Rule {
        match self {
            Self::Malformed(_) => Rule::MALFORMED_REQUEST,
            Self::InvalidCursor => Rule::INVALID_CURSOR,
            Self::TooLarge => Rule::PAYLOAD_TOO_LARGE,
            Self::FormTooLarge => Rule::UPLOAD_TOO_LARGE,
            Self::NotJson | Self::NotMultipart => Rule::UNSUPPORTED_MEDIA_TYPE,
            Self::NoSuchPart => Rule::UPLOAD_RANGE,
            Self::RouteNotFound => Rule::ROUTE_NOT_FOUND,
            Self::MethodNotAllowed => Rule::METHOD_NOT_ALLOWED,
            Self::TimedOut => Rule::TIMEOUT,
            Self::Panicked(_) => Rule::INTERNAL,
            Self::QuotaExceeded { .. } => Rule::RATE_LIMITED,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QuotaExceeded { wait, .. } => Some(*wait),
            Self::TimedOut => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    fn details(&self) -> Option<Map<String, Value>> {
        match self {
            Self::QuotaExceeded { policy, .. } => {
                Some(Map::from_iter([("violated-policies".to_owned(), Value::from(vec![*policy]))]))
            }
            _ => None,
        }
    }
}

/// A refused request on its way out: what it becomes on the wire is decided where the request is known
/// ([`Refusal::render`]).
#[derive(Clone, Debug)]
pub(crate) struct Refusal(Arc<dyn Fault>);

impl<F: Fault> From<F> for Refusal {
    fn from(fault: F) -> Self {
        Self(Arc::new(fault))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = status(self.0.rule()).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// One violation of one field, as a refusal.
pub(crate) fn invalid(field: impl Into<std::borrow::Cow<'static, str>>, problem: base::Problem) -> Refusal {
    CommonFault::Invalid(Violations::one(field, problem)).into()
}

/// The status of a broken rule.
pub(crate) fn status(rule: Rule) -> StatusCode {
    match rule {
        Rule::MALFORMED_REQUEST
        | Rule::INVALID_CURSOR
        | Rule::IDEMPOTENCY_KEY_REQUIRED
        | Rule::INVALID_SIGNATURE => StatusCode::BAD_REQUEST,
        Rule::INSUFFICIENT_FUNDS | Rule::PAYMENT_FAILED => StatusCode::PAYMENT_REQUIRED,
        Rule::METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        Rule::CURSOR_TOO_OLD | Rule::UPLOAD_LINK_EXPIRED => StatusCode::GONE,
        Rule::PAYLOAD_TOO_LARGE | Rule::UPLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        Rule::UNSUPPORTED_MEDIA_TYPE | Rule::UPLOAD_TYPE_NOT_ALLOWED => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Rule::UPLOAD_RANGE => StatusCode::RANGE_NOT_SATISFIABLE,
        Rule::IDEMPOTENCY_KEY_REUSED => StatusCode::UNPROCESSABLE_ENTITY,
        Rule::ACCOUNT_LOCKED => StatusCode::LOCKED,
        Rule::TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
        Rule::PRECONDITION_FAILED => StatusCode::PRECONDITION_FAILED,
        Rule::PRECONDITION_REQUIRED => StatusCode::PRECONDITION_REQUIRED,
        other => match other.kind {
            Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Limited => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "https://majlis.example/errors/validation_failed", "title": "Unprocessable Content", "status": 422,
    "detail": "The email has already been taken.", "instance": "/api/v1/auth/register",
    "code": "validation_failed", "rule": "validation_failed", "number": 1002,
    "request_id": "01JD2X5V0M6Y8Q3T7R9W4Z1ABC",
    "message": "The email has already been taken.", "errors": {"email": ["The email has already been taken."]}
}))]
pub(crate) struct Problem {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    problem_type: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A sentence for people, in the language of the request.
    detail: String,
    /// The path that was asked for.
    instance: String,
    /// The stable code to react to.
    code: &'static str,
    /// The same rule under the name that the socket gives it (`domain.reason`).
    rule: &'static str,
    /// The same rule's number on the socket.
    number: u32,
    /// Names this request in our log.
    request_id: String,
    /// The sentence again, where Laravel clients look for it.
    message: String,
    /// With `validation_failed`: field → sentences.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Vec<String>>>)]
    errors: Option<std::collections::BTreeMap<String, Vec<String>>>,
    /// Members of single rules: `required`, `available`, `from`, `to`, `allowed`, `violated-policies`.
    #[serde(flatten)]
    #[schema(ignore)]
    details: Map<String, Value>,
}

impl Refusal {
    /// The answer to this request; `kept` are headers that the refused response already had (`Allow`, CORS …).
    pub(crate) fn render(&self, context: &RequestContext, kept: &HeaderMap) -> Response {
        let fault = self.0.as_ref();
        let rule = fault.rule();
        let status = status(rule);
        log_cause(fault, context);
        let lang = context.lang;
        let detail = fault.message(lang);
        // Laravel's own clients look for exactly this sentence, whatever the reason and the language.
        let message = match rule {
            Rule::UNAUTHENTICATED | Rule::TOKEN_EXPIRED => {
                Rule::UNAUTHENTICATED.sentence(Lang::En).to_owned()
            }
            _ => detail.clone(),
        };
        let problem = Problem {
            problem_type: match rule {
                Rule::RATE_LIMITED => TYPE_QUOTA.to_owned(),
                other => format!("{TYPE_BASE}{}", other.reason()),
            },
            title: title(status),
            status: status.as_u16(),
            detail,
            instance: context.path.clone(),
            code: rule.reason(),
            rule: rule.code,
            number: rule.number,
            request_id: context.id.clone(),
            message,
            errors: fault.violations().map(|violations| violations.sentences(lang)),
            details: fault.details().unwrap_or_default(),
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        for (name, value) in kept {
            if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
                headers.append(name, value.clone());
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.code()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = match rule {
                Rule::TOKEN_EXPIRED => r#"Bearer realm="majlis", error="invalid_token""#,
                _ => r#"Bearer realm="majlis""#,
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(wait) = fault.retry_after() {
            // Rounded up: who comes back exactly then must not be refused again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// RFC 9110's words, where the `http` crate still has older ones.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        other => other.canonical_reason().unwrap_or("Error"),
    }
}

fn log_cause(fault: &dyn Fault, context: &RequestContext) {
    let rule = fault.rule();
    if !matches!(rule.kind, Kind::Internal | Kind::Unavailable) {
        return;
    }
    let mut cause = String::new();
    let mut source = fault.source();
    while let Some(error) = source {
        if !cause.is_empty() {
            cause.push_str(": ");
        }
        cause.push_str(&error.to_string());
        source = error.source();
    }
    let (request_id, path, code) = (context.id.as_str(), context.path.as_str(), rule.code);
    if rule.kind == Kind::Internal {
        tracing::error!(request_id, path, code, %cause, "a request failed");
    } else {
        tracing::warn!(request_id, path, code, %cause, "a request could not be served");
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base::Rule;

    use super::status;

    #[test]
    fn every_rule_has_the_status_of_the_specification() {
        for (rule, expected) in [
            (Rule::MALFORMED_REQUEST, 400),
            (Rule::INVALID_CURSOR, 400),
            (Rule::IDEMPOTENCY_KEY_REQUIRED, 400),
            (Rule::INVALID_SIGNATURE, 400),
            (Rule::PAYMENT_FAILED, 402),
            (Rule::WITHDRAWAL_OPEN, 409),
            (Rule::NOT_REFUNDABLE, 422),
            (Rule::UNAUTHENTICATED, 401),
            (Rule::TOKEN_EXPIRED, 401),
            (Rule::INVALID_CREDENTIALS, 401),
            (Rule::INSUFFICIENT_FUNDS, 402),
            (Rule::FORBIDDEN, 403),
            (Rule::MISSING_ABILITY, 403),
            (Rule::ACCOUNT_SUSPENDED, 403),
            (Rule::BLOCKED, 403),
            (Rule::NOT_FOUND, 404),
            (Rule::ROUTE_NOT_FOUND, 404),
            (Rule::METHOD_NOT_ALLOWED, 405),
            (Rule::ILLEGAL_TRANSITION, 409),
            (Rule::ROOM_FULL, 409),
            (Rule::REQUEST_IN_PROGRESS, 409),
            (Rule::UPLOAD_LINK_INVALID, 403),
            (Rule::UPLOAD_QUOTA, 409),
            (Rule::UPLOAD_IN_USE, 409),
            (Rule::CURSOR_TOO_OLD, 410),
            (Rule::UPLOAD_LINK_EXPIRED, 410),
            (Rule::UPLOAD_TOO_LARGE, 413),
            (Rule::UPLOAD_TYPE_NOT_ALLOWED, 415),
            (Rule::UPLOAD_RANGE, 416),
            (Rule::PAYLOAD_TOO_LARGE, 413),
            (Rule::PRECONDITION_FAILED, 412),
            (Rule::PRECONDITION_REQUIRED, 428),
            (Rule::UNSUPPORTED_MEDIA_TYPE, 415),
            (Rule::VALIDATION_FAILED, 422),
            (Rule::IDEMPOTENCY_KEY_REUSED, 422),
            (Rule::POLICY_VIOLATION, 422),
            (Rule::ACCOUNT_LOCKED, 423),
            (Rule::RATE_LIMITED, 429),
            (Rule::INTERNAL, 500),
            (Rule::UNAVAILABLE, 503),
            (Rule::TIMEOUT, 504),
        ] {
            assert_eq!(status(rule).as_u16(), expected, "{}", rule.code);
        }
        for rule in Rule::ALL {
            assert!(status(*rule) >= StatusCode::BAD_REQUEST, "{}", rule.code);
        }
    }
}
