//! The description of the door, made from the handlers themselves (OpenAPI 3.1).

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, HeaderBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use crate::error::{PROBLEM_JSON, Problem};
use crate::routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Majlis API",
        description = "The REST door of Majlis: profiles, one-to-one chat, live rooms, gifts, wallet, presence. What both \
            doors can do is one operation; the socket's description is in the project's documents.\n\n\
            Errors are `application/problem+json` with Laravel's `message` and `errors` members. Money is a string with \
            two decimals. Lists are walked with `cursor`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    servers((url = "/", description = "This server")),
    components(schemas(Problem, protocol::books::ExportFormat)),
    modifiers(&Shared),
    tags(
        (name = "auth", description = "Sign-in, sessions, tokens"),
        (name = "users", description = "Profiles and what is between people"),
        (name = "chat", description = "One-to-one conversations"),
        (name = "rooms", description = "Live rooms"),
        (name = "gifts", description = "The gift catalogue, and giving"),
        (name = "wallet", description = "Balance and ledger"),
        (name = "presence", description = "Who is online"),
        (name = "uploads", description = "Files, and the addresses that show them"),
        (name = "social", description = "Follows, the feed, posts, comments, reactions, shares, reports"),
        (name = "courses", description = "The catalogue of courses, and writing them"),
        (name = "reviews", description = "What people think of courses and books"),
        (name = "learning", description = "Enrollments, progress, notes, certificates"),
        (name = "books", description = "Books, the reader and its annotations"),
        (name = "consultations", description = "Availabilities, slots, bookings, ratings"),
        (name = "notifications", description = "What happened to somebody"),
        (name = "search", description = "Over everything that is public"),
        (name = "admin", description = "For administrators and moderators"),
        (name = "system", description = "For operators")
    )
)]
struct Description;

/// What all operations share: how one signs in, and the errors.
struct Shared;

impl Modify for Shared {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The access token of `log_in` (a JWT), or an API token `{id}|{plain}` in Laravel Sanctum's format.",
            ))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let common = COMMON.iter().map(|(_, name, when)| ((*name).to_owned(), problem(when).into()));
        components.responses.extend(common);
    }
}

/// The description of every path, in OpenAPI 3.1.
#[must_use]
pub fn openapi() -> Value {
    let router = OpenApiRouter::with_openapi(Description::openapi())
        .merge(routes::operators())
        .merge(routes::files())
        .merge(routes::hooks())
        .merge(routes::api());
    let mut openapi = router.into_openapi();
    let schemas =
        openapi.components.as_ref().map(|components| components.schemas.clone()).unwrap_or_default();
    for (path, item) in &mut openapi.paths.paths {
        let methods = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                describe_errors(path, &method, operation);
                describe_body(operation, &schemas);
            }
        }
    }
    // As JSON, whose numbers have 64 bits without a sign, which utoipa's have not.
    let mut document = serde_json::to_value(&openapi).unwrap_or_default();
    describe_numbers(&mut document);
    document
}

/// What counts upwards from nothing has all of its 32 or 64 bits: as `int32` or `int64` half of the values would be said to be
/// wrong.
fn describe_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let most = match members.get("format").and_then(Value::as_str) {
                Some("int32") => u64::from(u32::MAX),
                Some("int64") => u64::MAX,
                _ => 0,
            };
            if most > 0 && members.get("minimum").and_then(Value::as_f64) == Some(0.0) {
                members.remove("format");
                members.entry("maximum").or_insert_with(|| Value::from(most));
            }
            members.values_mut().for_each(describe_numbers);
        }
        Value::Array(items) => items.iter_mut().for_each(describe_numbers),
        _ => {}
    }
}

/// A body without a member that must be there may be left out: it counts as `{}`.
fn describe_body(operation: &mut Operation, schemas: &BTreeMap<String, RefOr<Schema>>) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let needs_nothing = body.content.get("application/json").is_some_and(|content| {
        let RefOr::T(content) = content else { return false };
        let mut schema = content.schema.as_ref();
        while let Some(RefOr::Ref(reference)) = schema {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            schema = schemas.get(name);
        }
        matches!(schema, Some(RefOr::T(Schema::Object(object))) if object.required.is_empty())
    });
    if needs_nothing {
        body.required = Some(Required::False);
    }
}

/// The errors that many operations have in common: status, name among the components, and when it happens.
const COMMON: &[(&str, &str, &str)] = &[
    ("400", "BadRequest", "The request cannot be read: its JSON, cursor, key, or a token in the query."),
    ("401", "Unauthenticated", "No valid token."),
    ("403", "Forbidden", "Not for this user, or not with this token."),
    ("404", "NotFound", "There is no such thing, or the asker may not know of it."),
    ("409", "Conflict", "The state of things does not allow it now."),
    ("413", "TooLarge", "The body is larger than 1 MiB."),
    ("415", "UnsupportedMediaType", "The body is not JSON."),
    ("422", "Invalid", "Values that break their rules; `errors` names the fields."),
    ("429", "TooManyRequests", "Too many requests; `Retry-After` says when to come back."),
    ("500", "Internal", "Our fault; tell us the `request_id`."),
    ("503", "Unavailable", "MySQL or Redis does not answer; repeat the request, with the same key."),
    ("504", "Timeout", "It took longer than 30 s."),
];

/// Every operation's errors have the same body; which of them can occur follows from what the operation takes. Those that are
/// not described beside their handlers are those of [`COMMON`].
fn describe_errors(path: &str, method: &HttpMethod, operation: &mut Operation) {
    if !path.starts_with("/api/") {
        return;
    }
    let signed_in = operation.security.as_ref().is_some_and(|required| !required.is_empty());
    let has_body = operation.request_body.is_some();
    let takes = has_body || operation.parameters.is_some();
    for (status, name, _) in COMMON {
        let occurs = match *status {
            "401" | "403" => signed_in,
            "404" => takes || path.contains('{'),
            "409" => signed_in && *method != HttpMethod::Get,
            "413" | "415" => has_body,
            "422" => takes,
            _ => true,
        };
        if occurs {
            let reference = RefOr::Ref(Ref::from_response_name(*name));
            operation.responses.responses.entry((*status).to_owned()).or_insert(reference);
        }
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) {
            *response = problem(&response.description);
        } else {
            name_request(response);
        }
    }
}

/// Every answer says which request it is of.
fn name_request(response: &mut utoipa::openapi::Response) {
    let schema = utoipa::openapi::schema::Schema::Object(
        utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String).build(),
    );
    let header = HeaderBuilder::new().description(Some("Names this request in our log")).schema(Some(schema));
    response.headers.insert("X-Request-Id".to_owned(), header.build().into());
}

fn problem(description: &str) -> utoipa::openapi::Response {
    let mut response = ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, Content::new(Some(Ref::from_schema_name("Problem"))))
        .build();
    name_request(&mut response);
    response
}
