//! What answers look like (domain.md §2.1, §2.3): `{"data":…}`, lists with Laravel's links and meta, ETags.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::CommonFault;
use base::conditional::etag;
use base::paging::{NumberedPage, Page, Place};
use domain::idempotency::Written;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Refusal;
use crate::extract::{Listing, Numbered};

/// What a handler gives back.
pub(crate) type Answer = Result<Response, Refusal>;

/// The name of the header that marks a repeated answer.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// For what belongs to one person.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
/// For what is the same for everybody.
const CATALOGUE: HeaderValue = HeaderValue::from_static("public, max-age=60");
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
    /// The first page; `null` where pages have no numbers.
    first: Option<String>,
    /// The last page; `null` where pages have no numbers.
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

/// `202 {"data":…}`: noted, and done in the background.
pub(crate) fn accepted<T: Serialize>(data: T) -> Response {
    private(StatusCode::ACCEPTED, &Data { data })
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

/// A change with a key: `200 {"data":…}`.
pub(crate) fn repeatable<T: Serialize>(written: Written<T>) -> Response {
    marked(data(written.answer), written.replayed)
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
pub(crate) fn list<K, T: Serialize, C: Place>(listing: &Listing<K, C>, page: Page<T, C>) -> Answer {
    let (page, relations) = page_of(listing, page);
    related(private(StatusCode::OK, &page), &relations)
}

/// A page of a list, with what is true of the whole list.
#[derive(Serialize, ToSchema)]
pub(crate) struct SummedList<T, S> {
    /// The page.
    #[serde(flatten)]
    page: List<T>,
    /// What is true of the whole list.
    summary: S,
}

/// A page of a list, with what is true of the whole list.
pub(crate) fn summed<K, T: Serialize, S: Serialize, C: Place>(
    listing: &Listing<K, C>,
    page: Page<T, C>,
    summary: S,
) -> Answer {
    let (page, relations) = page_of(listing, page);
    related(private(StatusCode::OK, &SummedList { page, summary }), &relations)
}

/// The document of a page, and the values of its `Link`.
fn page_of<K, T, C: Place>(listing: &Listing<K, C>, page: Page<T, C>) -> (List<T>, Vec<String>) {
    let next_cursor = page.next.map(Place::encode);
    let prev_cursor = page.previous.map(Place::encode);
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
    (List { data: page.items, links, meta }, relations)
}

fn related(mut response: Response, relations: &[String]) -> Answer {
    if !relations.is_empty() {
        let value = HeaderValue::try_from(relations.join(", ")).map_err(CommonFault::internal)?;
        response.headers_mut().insert(header::LINK, value);
    }
    Ok(response)
}

/// A page of a list that is walked by number, in the shape of Laravel's length-aware paginator.
#[derive(Serialize, ToSchema)]
pub(crate) struct NumberedList<T> {
    /// The items.
    data: Vec<T>,
    /// Where other pages are.
    links: Links,
    /// The same as numbers.
    meta: NumberedMeta,
}

/// About a page of a list that is walked by number.
#[derive(Serialize, ToSchema)]
pub(crate) struct NumberedMeta {
    /// The page's number, from 1.
    current_page: u32,
    /// The number of its first item, from 1; `null` where there is none.
    from: Option<u64>,
    /// The last page's number; `null` with `with_total=false`.
    last_page: Option<u32>,
    /// The buttons of a pager.
    links: Vec<PagerLink>,
    /// The list's address.
    path: String,
    /// How many items were asked for.
    per_page: u32,
    /// The number of its last item; `null` where there is none.
    to: Option<u64>,
    /// How many items there are; `null` with `with_total=false`.
    total: Option<u64>,
}

/// A button of a pager.
#[derive(Serialize, ToSchema)]
pub(crate) struct PagerLink {
    /// Where it leads; `null` where there is no such page.
    url: Option<String>,
    /// What is written on it.
    label: String,
    /// Is it the present page?
    active: bool,
}

/// Pages on either side of the present one that a pager shows.
const PAGER_REACH: u32 = 3;

/// A page of a list that is walked by number.
pub(crate) fn numbered<K, T: Serialize>(listing: &Numbered<K>, page: NumberedPage<T>) -> Answer {
    let current = page.request.page;
    let last_page = page.total.map(|total| {
        let pages = total.div_ceil(u64::from(page.request.per_page.max(1))).max(1);
        u32::try_from(pages).unwrap_or(u32::MAX)
    });
    let previous = current.checked_sub(1).filter(|&number| number > 0);
    let next = page.has_more.then(|| current.saturating_add(1));
    let url = |number: u32| listing.url_of(number);
    let links =
        Links { first: Some(url(1)), last: last_page.map(url), prev: previous.map(url), next: next.map(url) };
    let mut pager =
        vec![PagerLink { url: links.prev.clone(), label: "&laquo; Previous".to_owned(), active: false }];
    if let Some(last) = last_page {
        for number in
            current.saturating_sub(PAGER_REACH).max(1)..=current.saturating_add(PAGER_REACH).min(last)
        {
            pager.push(PagerLink {
                url: Some(url(number)),
                label: number.to_string(),
                active: number == current,
            });
        }
    }
    pager.push(PagerLink { url: links.next.clone(), label: "Next &raquo;".to_owned(), active: false });
    let count = u64::try_from(page.items.len()).unwrap_or(u64::MAX);
    let before = page.request.offset();
    let mut relations = Vec::new();
    for (relation, url) in [("prev", &links.prev), ("next", &links.next)] {
        if let Some(url) = url {
            relations.push(format!("<{url}>; rel=\"{relation}\""));
        }
    }
    let meta = NumberedMeta {
        current_page: current,
        from: (count > 0).then(|| before.saturating_add(1)),
        last_page,
        links: pager,
        path: listing.path().to_owned(),
        per_page: page.request.per_page,
        to: (count > 0).then(|| before.saturating_add(count)),
        total: page.total,
    };
    let mut response = private(StatusCode::OK, &NumberedList { data: page.items, links, meta });
    if !relations.is_empty() {
        let value = HeaderValue::try_from(relations.join(", ")).map_err(CommonFault::internal)?;
        response.headers_mut().insert(header::LINK, value);
    }
    Ok(response)
}

/// `200 {"data":…}` after a change, with the ETag of the new version.
pub(crate) fn changed<T: Serialize>(data: T) -> Answer {
    let body = encode(&Data { data })?;
    let tag = HeaderValue::try_from(etag(&body)).map_err(CommonFault::internal)?;
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, PRIVATE), (header::CONTENT_TYPE, JSON)];
    Ok((headers, body).into_response())
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

/// Is it one that reads only?
pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use base::conditional::etag;

    use super::Condition;

    #[test]
    fn if_none_match_is_a_list_compared_weakly() {
        let tag = etag(b"{}");
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
