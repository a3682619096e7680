//! What answers look like (domain.md §2.1, §2.3): `{"data":…}`, lists with Laravel's links and meta, ETags.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::CommonFault;
use base::paging::Page;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::idempotency::Written;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::error::Refusal;
use crate::extract::Listing;

/// What a handler gives back.
pub(crate) type Answer = Result<Response, Refusal>;

/// The name of the header that marks a repeated answer.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// For what belongs to one person.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
/// For what is the same for everybody.
const CATALOGUE: HeaderValue = HeaderValue::from_static("public, max-age=60");
/// How much of the digest an ETag shows, bytes.
const ETAG_BYTES: usize = 12;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Room for most answers, bytes, so that a body does not move as it grows.
const USUAL_BODY: usize = 4_096;

/// One thing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Data<T> {
    /// The thing.
    data: T,
}

/// A page of a list, in the shape of Laravel's cursor paginator.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items.
    data: Vec<T>,
    /// Where the neighbouring pages are.
    links: Links,
    /// The same as cursors.
    meta: Meta,
}

/// Addresses of neighbouring pages.
#[derive(Serialize, ToSchema)]
pub(crate) struct Links {
    /// Always `null`: the list has no numbered pages.
    first: Option<String>,
    /// Always `null`: the list has no numbered pages.
    last: Option<String>,
    /// The page before.
    prev: Option<String>,
    /// The page after.
    next: Option<String>,
}

/// About a page.
#[derive(Serialize, ToSchema)]
pub(crate) struct Meta {
    /// The list's address.
    path: String,
    /// How many items were asked for.
    per_page: u32,
    /// `cursor` of the page after.
    next_cursor: Option<String>,
    /// `cursor` of the page before.
    prev_cursor: Option<String>,
}

fn encode(body: &impl Serialize) -> Result<Bytes, CommonFault> {
    let mut bytes = Vec::with_capacity(USUAL_BODY);
    serde_json::to_writer(&mut bytes, body).map_err(CommonFault::internal)?;
    Ok(Bytes::from(bytes))
}

/// A document that is not to be kept by anybody.
fn private(status: StatusCode, body: &impl Serialize) -> Response {
    let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, PRIVATE)];
    match encode(body) {
        Ok(bytes) => (status, headers, bytes).into_response(),
        Err(fault) => Refusal::from(fault).into_response(),
    }
}

/// `200 {"data":…}`, not to be kept by anybody.
pub(crate) fn data<T: Serialize>(data: T) -> Response {
    private(StatusCode::OK, &Data { data })
}

/// `201 {"data":…}` with its address.
pub(crate) fn created<T: Serialize>(location: &str, data: T) -> Answer {
    let location = HeaderValue::try_from(location).map_err(CommonFault::internal)?;
    let mut response = private(StatusCode::CREATED, &Data { data });
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// A write with a key whose result has no address that the asker may read: `201 {"data":…}`.
pub(crate) fn recorded<T: Serialize>(written: Written<T>) -> Response {
    marked(private(StatusCode::CREATED, &Data { data: written.answer }), written.replayed)
}

fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// [`created`] for a write with a key: a repeat has the same status and body, and says that it is one.
pub(crate) fn written<T, D: Serialize>(written: Written<T>, split: impl FnOnce(T) -> (String, D)) -> Answer {
    let (location, data) = split(written.answer);
    Ok(marked(created(&location, data)?, written.replayed))
}

/// `204`, for what is gone or has nothing to say.
pub(crate) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// A page of a list.
pub(crate) fn list<K, T: Serialize>(listing: &Listing<K>, page: Page<T>) -> Answer {
    let next_cursor = page.next.map(base::paging::Cursor::encode);
    let prev_cursor = page.previous.map(base::paging::Cursor::encode);
    let links = Links {
        first: None,
        last: None,
        prev: prev_cursor.as_deref().map(|cursor| listing.url_of(cursor)),
        next: next_cursor.as_deref().map(|cursor| listing.url_of(cursor)),
    };
    let mut relations = Vec::new();
    for (relation, url) in [("prev", &links.prev), ("next", &links.next)] {
        if let Some(url) = url {
            relations.push(format!("<{url}>; rel=\"{relation}\""));
        }
    }
    let meta = Meta { path: listing.path().to_owned(), per_page: page.per_page, next_cursor, prev_cursor };
    let mut response = private(StatusCode::OK, &List { data: page.items, links, meta });
    if !relations.is_empty() {
        let value = HeaderValue::try_from(relations.join(", ")).map_err(CommonFault::internal)?;
        response.headers_mut().insert(header::LINK, value);
    }
    Ok(response)
}

/// What the request says about a copy that the client has.
pub(crate) struct Condition {
    if_none_match: Option<String>,
}

impl Condition {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut tags = Vec::new();
        for value in headers.get_all(header::IF_NONE_MATCH) {
            tags.extend(value.to_str().ok().map(str::to_owned));
        }
        Self { if_none_match: (!tags.is_empty()).then(|| tags.join(",")) }
    }

    /// Does the client have this version already?
    pub(crate) fn has(&self, etag: &str) -> bool {
        self.if_none_match.as_deref().is_some_and(|tags| {
            tags.split(',').map(str::trim).any(|tag| {
                // If-None-Match compares weakly (RFC 9110 §13.1.2).
                tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
            })
        })
    }
}

/// `200 {"data":…}` of one person's thing with an ETag, or 304.
pub(crate) fn tagged<T: Serialize>(condition: &Condition, data: T) -> Answer {
    conditional(condition, &Data { data }, PRIVATE)
}

/// `200 {"data":…}` of something public with an ETag, or 304.
pub(crate) fn catalogue<T: Serialize>(condition: &Condition, data: T) -> Answer {
    conditional(condition, &Data { data }, CATALOGUE)
}

/// A body as it stands, with an ETag, or 304.
pub(crate) fn conditional(
    condition: &Condition,
    body: &impl Serialize,
    cache_control: HeaderValue,
) -> Answer {
    let body = encode(body)?;
    let etag = etag(&body);
    let tag = HeaderValue::try_from(&etag).map_err(CommonFault::internal)?;
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, cache_control)];
    if condition.has(&etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, [(header::CONTENT_TYPE, JSON)], body).into_response())
}

/// Strong: base64url of the digest's first 12 bytes.
fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let short = digest.get(..ETAG_BYTES).unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(short))
}

/// Is it one that reads only?
pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{Condition, etag};

    #[test]
    fn if_none_match_is_a_list_compared_weakly() {
        let tag = etag(b"{}");
        // printf '{}' | sha256sum begins with 44136fa355b3678a1146ad16.
        assert_eq!(tag, "\"RBNvo1WzZ4oRRq0W\"");
        let has = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("if-none-match", value.parse().unwrap());
            Condition::of(&headers).has(&tag)
        };
        assert!(has(&format!("\"x\", W/{tag}")));
        assert!(has("*"));
        assert!(!has("\"x\""));
        assert!(!Condition::of(&HeaderMap::new()).has(&tag));
    }
}
