//! What happens to every request around its handler, from the outside in: one line, one measurement and problems instead
//! of refusals; cross-origin rules; panics and the time limit; and for `/api`: who asks, and how often.
//!
//! Few layers, because each costs a copy of all that are inside of it with every request.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::CommonFault;
use domain::Actor;
use domain::system::rate::{DEFAULT, GUEST, RateState};
use domain::users::{authenticate, authenticate_from_cache};
use futures_util::FutureExt;
use tower_http::cors::{AllowOrigin, Any as AnyOrigin, CorsLayer};
use url::form_urlencoded;

use crate::Door;
use crate::context::RequestContext;
use crate::error::{DoorFault, PROBLEM_JSON, Panic, Refusal};

/// The longest that a request may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The longest that a file may take to come in; one that stops coming is given up before (`form.rs`).
const UPLOAD_TIME_LIMIT: Duration = Duration::from_secs(900);
/// The path that takes files.
const UPLOADS: &str = "/api/v1/uploads";
/// The path that looks at large files.
const COMPLETIONS: &str = "/api/v1/uploads/{id}/complete";
/// The path that takes large files.
const FILES: &str = "/files/{token}";
/// The longest that a large file may take to come in: as long as its address is good.
const PRESIGNED_TIME_LIMIT: Duration = Duration::from_secs(3_300);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// Names under which tokens are sent in queries elsewhere. Here they are refused: queries end up in logs.
const TOKEN_PARAMETERS: [&str; 4] = ["access_token", "api_token", "bearer_token", "token"];

/// Gives the request its context and, when it is answered, its line in the log and its place in the metrics. A refusal
/// becomes a problem here.
pub(crate) async fn observe(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let context = RequestContext::of(&request, &door.app.settings.http.trusted_proxies);
    let method = method_label(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(context.clone());
    let since = Instant::now();
    let mut response = render_problem(&context, next.run(request).await);
    let elapsed = since.elapsed();
    // The template, not the path: paths are without number, and may hold what is nobody's business.
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let status = response.status().as_u16();
    metrics::histogram!(
        "http_requests_seconds", "method" => method, "route" => route.to_owned(), "status" => status.to_string()
    )
    .record(elapsed);
    let milliseconds = elapsed.as_secs_f64() * 1000.0;
    let user_id = context.user_id();
    tracing::info!(method, route, status, ms = %format_args!("{milliseconds:.1}"), user_id, request_id = context.id, "request");
    if let Ok(id) = HeaderValue::try_from(context.id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// A bounded set of names, whatever a client sends.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// A problem in place of a refusal; also of the router's own: no such path, no such method. Other answers stay as they are.
fn render_problem(context: &RequestContext, mut response: Response) -> Response {
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        return refusal.render(context, response.headers());
    }
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_document(response.headers()) {
        return response;
    }
    let refusal: Refusal = match status {
        StatusCode::NOT_FOUND => DoorFault::RouteNotFound.into(),
        StatusCode::METHOD_NOT_ALLOWED => DoorFault::MethodNotAllowed.into(),
        StatusCode::PAYLOAD_TOO_LARGE => DoorFault::TooLarge.into(),
        client if client.is_client_error() => DoorFault::Malformed("The request could not be read.").into(),
        other => CommonFault::internal(format!("a bare answer of status {other}")).into(),
    };
    refusal.render(context, response.headers())
}

fn is_document(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json") || kind.starts_with(PROBLEM_JSON))
}

/// A panic of a handler is a 500 of one request.
fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without words".to_owned());
    Refusal::from(DoorFault::Panicked(Panic(text))).into_response()
}

/// Lives through panics, and ends what takes too long; its transaction is rolled back by being dropped, unless its commit
/// has begun: that goes on by itself, with all that follows it.
pub(crate) async fn confine(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let limit = match (request.method(), path) {
        (&Method::POST, Some(UPLOADS | COMPLETIONS)) => UPLOAD_TIME_LIMIT,
        (&Method::PUT, Some(FILES)) => PRESIGNED_TIME_LIMIT,
        _ => TIME_LIMIT,
    };
    // What a request left half-done when it panicked is its own: handles are shared, states are not.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => panicked(panic.as_ref()),
        Err(_elapsed) => Refusal::from(DoorFault::TimedOut).into_response(),
    }
}

/// Who asks, as far as the `Authorization` header says.
#[derive(Clone)]
pub(crate) enum Identity {
    /// No token.
    Guest,
    /// A token that holds.
    Known(Actor),
    /// A token that does not hold, or that could not be checked.
    Refused(Refusal),
}

/// Checks the token once for all that comes after, and counts the request against a rate policy.
pub(crate) async fn identify(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    if let Some(query) = request.uri().query()
        && form_urlencoded::parse(query.as_bytes()).any(|(name, _)| TOKEN_PARAMETERS.contains(&name.as_ref()))
    {
        let fault = DoorFault::Malformed("Tokens in the query are refused: send Authorization: Bearer.");
        return Refusal::from(fault).into_response();
    }
    let context = request.extensions().get::<RequestContext>().cloned();
    let ip = context.as_ref().and_then(|context| context.ip);
    // Nothing is counted by it where limits are off.
    let limited = door.app.settings.limits.enabled;
    let address = ip.filter(|_| limited).map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
    // From an address that has used its share up, a token that nobody knows yet is not worth a query.
    let refused = door.limiter.find_refused(GUEST, &address);
    let identity = match bearer(request.headers()) {
        None => Some(Identity::Guest),
        Some(None) => Some(Identity::Refused(CommonFault::Unauthenticated.into())),
        Some(Some(token)) => {
            let known = match refused {
                None => authenticate(&door.app, token).await.map(Some),
                Some(_) => authenticate_from_cache(&door.app, token).await,
            };
            match known {
                Ok(known) => known.map(|known| Identity::Known(known.actor)),
                Err(error) => Some(Identity::Refused(error.into())),
            }
        }
    };
    if let (Some(Identity::Known(actor)), Some(context)) = (&identity, &context) {
        context.set_user(actor.user_id());
    }
    let state = match &identity {
        // A session keeps its share when its access token is renewed.
        Some(Identity::Known(actor)) => {
            let who = actor.session_id().unwrap_or_else(|| actor.token_id());
            door.limiter.take_request(&door.app, DEFAULT, who).await
        }
        Some(_) => door.limiter.take_request(&door.app, GUEST, &address).await,
        None => refused,
    };
    let mut response = match state {
        Some(RateState { allowed: false, policy, retry_after, .. }) => {
            let fault = DoorFault::QuotaExceeded { policy: policy.name, wait: retry_after };
            Refusal::from(fault).into_response()
        }
        _ => {
            request
                .extensions_mut()
                .insert(identity.unwrap_or_else(|| Identity::Refused(CommonFault::Unauthenticated.into())));
            next.run(request).await
        }
    };
    if let Some(state) = state {
        rate_headers(response.headers_mut(), state);
    }
    response
}

/// The token of `Authorization: Bearer …`; `Some(None)` where the header is there but holds none.
fn bearer(headers: &HeaderMap) -> Option<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return Some(None);
    }
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
    });
    Some(token)
}

/// Laravel's names and the IETF draft's (domain.md §2.5).
fn rate_headers(headers: &mut HeaderMap, state: RateState) {
    let seconds = |wait: Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let policy = state.policy;
    let reset = base::Time::now().unix_seconds().saturating_add_unsigned(seconds(state.reset_after));
    headers.insert("x-ratelimit-limit", HeaderValue::from(policy.quota));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(state.remaining));
    headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    let described = format!("\"{}\";q={};w={}", policy.name, policy.quota, policy.window_seconds);
    let left = format!("\"{}\";r={};t={}", policy.name, state.remaining, seconds(state.reset_after));
    for (name, value) in [("ratelimit-policy", described), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// Which web origins may call. Tokens travel in a header, so credentials (cookies) are never allowed.
pub(crate) fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = if allowed_origins.iter().any(|origin| origin == "*") {
        AllowOrigin::from(AnyOrigin)
    } else {
        AllowOrigin::list(allowed_origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()))
    };
    let request_headers = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::ACCEPT_LANGUAGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_RANGE,
        header::RANGE,
        REQUEST_ID,
        HeaderName::from_static("idempotency-key"),
    ];
    let response_headers = [
        header::ACCEPT_RANGES,
        header::CONTENT_DISPOSITION,
        header::CONTENT_RANGE,
        header::ETAG,
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        REQUEST_ID,
        HeaderName::from_static("idempotent-replayed"),
        HeaderName::from_static("ratelimit"),
        HeaderName::from_static("ratelimit-policy"),
        HeaderName::from_static("x-ratelimit-limit"),
        HeaderName::from_static("x-ratelimit-remaining"),
        HeaderName::from_static("x-ratelimit-reset"),
    ];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(request_headers)
        .expose_headers(response_headers)
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::http::HeaderMap;
    use axum::middleware::from_fn;
    use axum::response::Response;
    use axum::routing::{MethodRouter, get};
    use tower::Service as _;

    use super::{bearer, confine, render_problem};
    use crate::context::RequestContext;

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        let mut service: MethodRouter =
            get(async || -> Response { panic!("the secret cause") }).layer(from_fn(confine));
        let request = Request::new(Body::empty());
        let context = RequestContext::of(&request, &[]);
        let response = render_problem(&context, service.call(request).await.unwrap());
        assert_eq!(response.status(), 500);
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&problem["code"], &problem["request_id"]),
            (&"internal".into(), &context.id.as_str().into())
        );
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }

    #[test]
    fn only_one_bearer_token_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.insert("authorization", "bearer 12|abc".parse().unwrap());
        assert_eq!(bearer(&headers), Some(Some("12|abc")));
        headers.append("authorization", "Bearer other".parse().unwrap());
        assert_eq!(bearer(&headers), Some(None));
        headers.insert("authorization", "Basic dTpw".parse().unwrap());
        assert_eq!(bearer(&headers), Some(None));
    }
}
