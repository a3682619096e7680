//! `/debug/nodes`: all processes of the cluster at a glance, for operators who have the token. What stands on the page
//! is the caller's business; here is who gets to see it and in which form.

use std::pin::Pin;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::Secret;
use subtle::ConstantTimeEq;

/// Said to whoever asks where no token is set.
const CLOSED: &str = "This page is closed. Set MAJLIS_ADMIN_TOKEN (at least 16 bytes) and send it as \
                      `Authorization: Bearer TOKEN`.";

/// The page in both of its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodesPage {
    /// For programs.
    pub json: serde_json::Value,
    /// For people, who ask with `Accept: text/plain`: a table with aligned columns.
    pub text: String,
}

type Asked = Pin<Box<dyn Future<Output = Result<NodesPage, String>> + Send>>;
type Page = dyn Fn() -> Asked + Send + Sync + 'static;

/// A page behind a token.
pub(crate) struct Guarded {
    open: Option<(Secret, Box<Page>)>,
}

impl Guarded {
    pub(crate) const fn closed() -> Self {
        Self { open: None }
    }

    pub(crate) fn new<F>(token: Option<Secret>, page: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<NodesPage, String>> + Send + 'static,
    {
        let page: Box<Page> = Box::new(move || -> Asked { Box::pin(page()) });
        Self { open: token.map(|token| (token, page)) }
    }

    /// 200; 401 without the token, 403 where none is set, 503 where the page cannot be had.
    pub(crate) async fn answer(&self, headers: &HeaderMap) -> Response {
        let Some((token, page)) = &self.open else {
            return (StatusCode::FORBIDDEN, format!("{CLOSED}\n")).into_response();
        };
        if !bears(headers, token) {
            let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
            return (StatusCode::UNAUTHORIZED, challenge, "This page needs the admin token.\n")
                .into_response();
        }
        match page().await {
            Ok(page) if wants_text(headers) => page.text.into_response(),
            Ok(page) => axum::Json(page.json).into_response(),
            Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
        }
    }
}

/// Whether the request bears the token. How long the comparison takes tells nothing but the token's length.
fn bears(headers: &HeaderMap, token: &Secret) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split_once(' '));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer")
            && bool::from(given.trim().as_bytes().ct_eq(token.expose().as_bytes()))
    })
}

fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.trim_start().starts_with("text/plain"))
}
