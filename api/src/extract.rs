//! What handlers are given. Order of refusals (domain.md §2.2): 401, 403 for abilities, then the body's form (400, 413,
//! 415); what the body says is judged after the access to what the path names ([`JsonBody::input_after`]).
//!
//! What a token may do is the operations' rule, the same through both doors; it is asked here by the method as well, only
//! because here it has to be told before path, query and body are read.

use std::future::Future;
use std::marker::PhantomData;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use base::conditional::IfMatch;
use base::id::UserId;
use base::paging::{Cursor, DEFAULT_PER_PAGE, MAX_PER_PAGE, NumberedRequest, PageRequest, Place, Sort};
use base::{CommonFault, Lang, Problem, Time, Violations};
use domain::Actor;
use domain::users::ClientContext;
use protocol::IdempotencyKey;
use protocol::rpc::decode_input;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use url::form_urlencoded;

use crate::Door;
use crate::context::RequestContext;
use crate::error::{DoorFault, Refusal, invalid};
use crate::middleware::Identity;
use crate::response::is_read;

/// A signed-in user whose token covers the method: `read` for GET, `write` for the rest (domain.md §3).
pub(crate) struct Caller(pub(crate) Actor);
/// A signed-in user whose token may move money (`wallet`).
pub(crate) struct Payer(pub(crate) Actor);
/// A signed-in user, whatever the token covers.
pub(crate) struct Bearer(pub(crate) Actor);
/// A signed-in user with `read`, or a guest. A token that does not hold is refused, not taken for a guest's.
pub(crate) struct MaybeCaller(pub(crate) Option<Actor>);

fn signed_in(parts: &Parts) -> Result<Actor, Refusal> {
    match parts.extensions.get::<Identity>() {
        Some(Identity::Known(actor)) => Ok(actor.clone()),
        Some(Identity::Refused(refusal)) => Err(refusal.clone()),
        Some(Identity::Guest) | None => Err(CommonFault::Unauthenticated.into()),
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let actor = signed_in(parts)?;
        actor.require(if is_read(&parts.method) { "read" } else { "write" })?;
        Ok(Self(actor))
    }
}

impl<S: Sync> FromRequestParts<S> for Payer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let actor = signed_in(parts)?;
        actor.require("wallet")?;
        Ok(Self(actor))
    }
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        signed_in(parts).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for MaybeCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        if matches!(parts.extensions.get::<Identity>(), Some(Identity::Guest) | None) {
            return Ok(Self(None));
        }
        let actor = signed_in(parts)?;
        actor.require("read")?;
        Ok(Self(Some(actor)))
    }
}

/// Address and program of the client, for sign-in.
pub(crate) struct Client(pub(crate) ClientContext);

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(ClientContext {
            ip: parts.extensions.get::<RequestContext>().and_then(|context| context.ip),
            user_agent: user_agent.map(str::to_owned),
        }))
    }
}

/// The language that `Accept-Language` asks for, if it is one of ours; else what the operation falls back to counts.
pub(crate) struct Language(pub(crate) Option<Lang>);

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        Ok(Self(parts.extensions.get::<RequestContext>().and_then(|context| context.asked_lang)))
    }
}

/// The number in the path. Anything else names nothing: 404.
pub(crate) struct PathId(pub(crate) u64);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        row_id(&text).map(Self).ok_or_else(|| CommonFault::NotFound("resource").into())
    }
}

/// The text in the path.
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(CommonFault::NotFound("resource").into());
        };
        Ok(Self(text))
    }
}

/// The id of a row as paths write it.
pub(crate) fn row_id(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|&id| id > 0)
}

/// A user's id as clients write it: a number, or `me`.
pub(crate) fn user_id(text: &str, actor: &Actor) -> Option<UserId> {
    if text == "me" { Some(actor.user_id()) } else { row_id(text) }
}

/// `Idempotency-Key`.
pub(crate) struct KeyHeader(pub(crate) Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for KeyHeader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        key_header(&parts.headers).map(Self)
    }
}

fn key_header(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| IdempotencyKey::from_str(text).ok());
    key.map(Some).ok_or_else(|| {
        DoorFault::Malformed("Idempotency-Key must be a UUID, or 1 to 255 visible ASCII characters.").into()
    })
}

/// The query's pairs. Unknown ones are ignored.
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The first value of a name, if it is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The first value of a name, an empty one too: for what is no free text, nothing is no value.
    fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A value of a type, or 422.
    pub(crate) fn parsed<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.given(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_error| invalid(name, Problem::Format("a whole number")))
    }

    /// A time as JSON has it, or 422. (In a query `+` stands for a space; here it was meant.)
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Time>, Refusal> {
        let Some(text) = self.given(name) else { return Ok(None) };
        serde_json::from_value(text.replace(' ', "+").into())
            .map(Some)
            .map_err(|_error| invalid(name, Problem::Format("an RFC 3339 time")))
    }

    /// `true`, `false`, `1` or `0`, or 422.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.given(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(invalid(name, Problem::NotOneOf(&["true", "false"]))),
        }
    }

    /// One of an enumeration's names, as JSON spells them, or 422.
    pub(crate) fn one_of<T: DeserializeOwned>(
        &self,
        name: &'static str,
        names: &'static [&'static str],
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.given(name) else { return Ok(None) };
        serde_json::from_value(Value::from(text))
            .map(Some)
            .map_err(|_error| invalid(name, Problem::NotOneOf(names)))
    }

    /// How many items, 1 to 100, or 422.
    pub(crate) fn count(&self, name: &'static str, default: u32) -> Result<u32, Refusal> {
        let count = self.parsed(name)?.unwrap_or(default);
        if count < 1 {
            return Err(invalid(name, Problem::TooSmall("1".to_owned())));
        }
        if count > MAX_PER_PAGE {
            return Err(invalid(name, Problem::TooGreat(MAX_PER_PAGE.to_string())));
        }
        Ok(count)
    }

    /// User ids of `name=…` and `name[]=…`, also several between commas; `me` is the asker. 422 for anything else.
    pub(crate) fn user_ids(&self, name: &'static str, actor: &Actor) -> Result<Vec<UserId>, Refusal> {
        let bracketed = format!("{name}[]");
        let mut ids = Vec::new();
        for (key, value) in &self.0 {
            if key != name && *key != bracketed {
                continue;
            }
            for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                let id = user_id(item, actor);
                ids.push(id.ok_or_else(|| invalid(name, Problem::Format("a list of user ids")))?);
            }
        }
        Ok(ids)
    }
}

impl Params {
    /// Refuses filters that the list does not have, and orders and companions where it offers none (domain.md D19).
    /// What is not meant as one of these is ignored.
    fn require_built(&self, filters: &[&str], has_sorts: bool, has_includes: bool) -> Result<(), Refusal> {
        for (name, _) in &self.0 {
            let unknown = (name == "sort" && !has_sorts)
                || (name == "include" && !has_includes)
                || (name.starts_with("filter[") && !filters.contains(&name.as_str()));
            if unknown {
                return Err(invalid(name.clone(), Problem::Unknown));
            }
        }
        Ok(())
    }

    /// The names after `include=`, between commas: what to send along (domain.md §2.1). 422 for one that is not offered.
    pub(crate) fn includes(&self, offered: &'static [&'static str]) -> Result<Vec<&'static str>, Refusal> {
        let mut included = Vec::new();
        let names = self.get("include").unwrap_or_default().split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            let known = offered.iter().copied().find(|one| *one == name);
            let known = known.ok_or_else(|| invalid("include", Problem::NotOneOf(offered)))?;
            if !included.contains(&known) {
                included.push(known);
            }
        }
        Ok(included)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await else {
            return Err(DoorFault::Malformed("The query could not be read.").into());
        };
        Ok(Self(pairs))
    }
}

/// What a list takes.
pub(crate) trait Takes {
    /// Its filters, as the query spells them. Others are refused.
    const FILTERS: &'static [&'static str] = &[];
    /// Its orders, as `sort` spells them without the minus; the first, downwards, unless asked otherwise. A list without
    /// any has one order.
    const SORTS: &'static [&'static str] = &[];
    /// What can be sent along, as `include` spells it.
    const INCLUDES: &'static [&'static str] = &[];
    /// Items on a page unless asked otherwise.
    const PER_PAGE: u32 = DEFAULT_PER_PAGE;
}

/// A list that is walked, and no more.
pub(crate) struct NoFilters;

impl Takes for NoFilters {}

/// The query of a list without pages, filters and orders: it asks for none of them.
pub(crate) struct WholeList;

impl<S: Send + Sync> FromRequestParts<S> for WholeList {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Params::from_request_parts(parts, state).await?.require_built(NoFilters::FILTERS, false, false)?;
        Ok(Self)
    }
}

/// The last page that can be asked for by number; what is further behind is found by filters.
const MAX_PAGE: u32 = 10_000;
/// The parameters that say where a page is.
const PLACES: [&str; 4] = ["cursor", "before", "after", "around"];

/// What a list is asked for, and where its neighbouring pages are.
pub(crate) struct Listing<T = NoFilters, C = Cursor> {
    /// For the operation.
    pub(crate) page: PageRequest<C>,
    /// For filters.
    pub(crate) params: Params,
    path: String,
    takes: PhantomData<fn() -> T>,
}

impl<T, C> Listing<T, C> {
    /// The list's address without a query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The address of the page at a cursor, with the same filters.
    pub(crate) fn url_of(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.params.0.iter().filter(|(name, _)| !PLACES.contains(&name.as_str())) {
            query.append_pair(name, value);
        }
        format!("{}?{}", self.path, query.append_pair("cursor", cursor).finish())
    }
}

impl<T: Takes, C: Place> FromRequestParts<Door> for Listing<T, C> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Refusal> {
        let params = Params::from_request_parts(parts, door).await?;
        params.require_built(T::FILTERS, !T::SORTS.is_empty(), !T::INCLUDES.is_empty())?;
        let cursor = match params.get("cursor") {
            None => None,
            Some(text) => Some(C::decode(text).map_err(|_error| DoorFault::InvalidCursor)?),
        };
        let page = PageRequest { cursor, per_page: params.count("per_page", T::PER_PAGE)? };
        let path = format!("{}{}", door.app.settings.http.public_url, parts.uri.path());
        Ok(Self { page, params, path, takes: PhantomData })
    }
}

/// What a list that is walked by number is asked for (domain.md D18: catalogues and tables of administrators).
pub(crate) struct Numbered<T = NoFilters> {
    /// For the operation.
    pub(crate) page: NumberedRequest,
    /// The list's order; nothing where it offers none.
    pub(crate) sort: Option<Sort>,
    /// What to send along.
    pub(crate) include: Vec<&'static str>,
    /// The whole query, for filters.
    pub(crate) params: Params,
    path: String,
    takes: PhantomData<T>,
}

impl<T> Numbered<T> {
    /// The list's address without a query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The address of another page, with the same filters and order.
    pub(crate) fn url_of(&self, page: u32) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.params.0.iter().filter(|(name, _)| name != "page") {
            query.append_pair(name, value);
        }
        format!("{}?{}", self.path, query.append_pair("page", &page.to_string()).finish())
    }
}

impl<T: Takes> FromRequestParts<Door> for Numbered<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Refusal> {
        let params = Params::from_request_parts(parts, door).await?;
        params.require_built(T::FILTERS, !T::SORTS.is_empty(), !T::INCLUDES.is_empty())?;
        let sort = match params.get("sort") {
            Some(text) => {
                let problem = || invalid("sort", Problem::NotOneOf(T::SORTS));
                Some(Sort::parse(text, T::SORTS).ok_or_else(problem)?)
            }
            None => T::SORTS.first().map(|by| Sort { by, descending: true }),
        };
        let page: u32 = params.parsed("page")?.unwrap_or(1);
        if page < 1 {
            return Err(invalid("page", Problem::TooSmall("1".to_owned())));
        }
        if page > MAX_PAGE {
            return Err(invalid("page", Problem::TooGreat(MAX_PAGE.to_string())));
        }
        let page = NumberedRequest {
            page,
            per_page: params.count("per_page", T::PER_PAGE)?,
            with_total: params.flag("with_total")?.unwrap_or(true),
        };
        let include = params.includes(T::INCLUDES)?;
        let path = format!("{}{}", door.app.settings.http.public_url, parts.uri.path());
        Ok(Self { page, sort, include, params, path, takes: PhantomData })
    }
}

/// `If-Match`: the version that a write changes (domain.md §2.3).
pub(crate) struct Precondition(pub(crate) IfMatch);

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Ok(Self(IfMatch::ANY));
        }
        let mut tags = Vec::new();
        for value in values {
            let text =
                value.to_str().map_err(|_error| DoorFault::Malformed("If-Match is not a list of ETags."))?;
            tags.extend(text.split(',').map(|tag| tag.trim().to_owned()));
        }
        Ok(Self(IfMatch::of(tags)))
    }
}

/// A JSON body: there, of the right media type, not too large, syntactically right. Whether it says what the
/// operation needs is asked later.
pub(crate) struct JsonBody<T> {
    decoded: Result<T, Violations>,
}

impl<T> JsonBody<T> {
    /// The operation's input.
    pub(crate) fn input(self) -> Result<T, Refusal> {
        self.decoded.map_err(|violations| CommonFault::Invalid(violations).into())
    }

    /// The operation's input; where there is none, the access is tried first and its refusal goes before the
    /// body's: a stranger does not learn the rules of what is not his.
    pub(crate) async fn input_after<V, E>(
        self,
        access: impl Future<Output = Result<V, E>>,
    ) -> Result<T, Refusal>
    where
        Refusal: From<E>,
    {
        if self.decoded.is_err() {
            access.await?;
        }
        self.input()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = json_bytes(request, state).await?;
        Ok(Self { decoded: decode_input(&bytes) })
    }
}

/// A JSON body with a key: `Idempotency-Key`, or the member `client_id`, or both with the same value.
pub(crate) struct KeyedBody<T> {
    /// The body, its `client_id` filled in from the header where it was left out.
    pub(crate) body: JsonBody<T>,
    /// From header or body.
    pub(crate) key: Option<IdempotencyKey>,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for KeyedBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        const MEMBER: &str = "client_id";
        let header = key_header(request.headers())?;
        let bytes = json_bytes(request, state).await?;
        let Some(header) = header else {
            return Ok(Self { key: member_key(&bytes), body: JsonBody { decoded: decode_input(&bytes) } });
        };
        let mut document: Value = if bytes.is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            serde_json::from_slice(&bytes).map_err(CommonFault::internal)?
        };
        let mut decoded = None;
        if let Some(members) = document.as_object_mut() {
            match members.get(MEMBER).filter(|value| !value.is_null()) {
                None => {
                    members.insert(MEMBER.to_owned(), Value::from(header.as_str()));
                    let bytes = serde_json::to_vec(&document).map_err(CommonFault::internal)?;
                    decoded = Some(decode_input(&bytes));
                }
                Some(member) => {
                    let member = member.as_str().and_then(|text| IdempotencyKey::from_str(text).ok());
                    if member.is_some_and(|member| member != header) {
                        let problem = Problem::NotAllowed("it differs from the Idempotency-Key header");
                        decoded = Some(Err(Violations::one(MEMBER, problem)));
                    }
                }
            }
        }
        let decoded = decoded.unwrap_or_else(|| decode_input(&bytes));
        Ok(Self { key: Some(header), body: JsonBody { decoded } })
    }
}

fn member_key(bytes: &[u8]) -> Option<IdempotencyKey> {
    #[derive(serde::Deserialize)]
    struct Member {
        client_id: IdempotencyKey,
    }
    serde_json::from_slice::<Member>(bytes).ok().map(|member| member.client_id)
}

async fn json_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Refusal> {
    let media_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let bytes = match Bytes::from_request(request, state).await {
        Ok(bytes) => bytes,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(DoorFault::TooLarge.into());
        }
        Err(_) => return Err(DoorFault::Malformed("The body did not arrive.").into()),
    };
    if bytes.is_empty() {
        return Ok(bytes);
    }
    if !media_type.as_ref().and_then(|value| value.to_str().ok()).is_some_and(is_json) {
        return Err(DoorFault::NotJson.into());
    }
    if serde_json::from_slice::<IgnoredAny>(&bytes).is_err() {
        return Err(DoorFault::Malformed("The body is not JSON.").into());
    }
    Ok(bytes)
}

/// `application/json`, `application/anything+json`, with parameters or without.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::{is_json, row_id};

    #[test]
    fn ids_are_plain_numbers() {
        assert_eq!(row_id("18446744073709551615"), Some(u64::MAX));
        for text in ["", "0", "-1", "+1", "1.0", "18446744073709551616", "me"] {
            assert_eq!(row_id(text), None, "{text}");
        }
    }

    #[test]
    fn json_by_any_name() {
        assert!(is_json("application/json; charset=utf-8"));
        assert!(is_json("Application/Problem+JSON"));
        assert!(!is_json("text/json"));
        assert!(!is_json("application/x-www-form-urlencoded"));
    }
}
