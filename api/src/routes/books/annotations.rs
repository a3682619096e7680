//! Marks in one's own copy of a book (domain.md §5.5).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use base::{CommonFault, Problem};
use domain::App;
use domain::books::{self, Exported};
use protocol::books::{
    Annotation, AnnotationFilter, AnnotationType, AnnotationsSynced, CreateAnnotation, ExportFormat,
    SyncAnnotations, UpdateAnnotation,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::PageParams;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{Caller, JsonBody, Listing, Params, PathId, Precondition, Takes};
use crate::file::disposition;
use crate::response::{Answer, Data, List, changed, created, data, list, no_content};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_annotations, create_annotation))
        .routes(routes!(sync_annotations))
        .routes(routes!(export_annotations))
        .routes(routes!(update_annotation, delete_annotation))
}

/// What the list of annotations takes.
struct Annotations;

impl Takes for Annotations {
    const FILTERS: &'static [&'static str] =
        &["filter[type]", "filter[page_from]", "filter[page_to]", "filter[color]"];
}

/// One's own marks in a book.
#[utoipa::path(
    get, path = "/api/v1/books/{id}/annotations", tag = "books", operation_id = "list_annotations",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        PageParams,
        ("filter[type]" = Option<String>, Query, description = "`highlight`, `note`, `underline` or `bookmark`"),
        ("filter[page_from]" = Option<u32>, Query, description = "On this page or later"),
        ("filter[page_to]" = Option<u32>, Query, description = "On this page or earlier"),
        ("filter[color]" = Option<String>, Query, description = "`#RRGGBB`")
    ),
    responses(
        (status = 200, description = "A page, newest first", body = List<Annotation>),
        (status = 403, description = "`not_purchased`")
    )
)]
async fn list_annotations(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    listing: Listing<Annotations>,
) -> Answer {
    let filter = match annotation_filter(&listing.params) {
        Ok(filter) => filter,
        Err(refusal) => {
            // A stranger does not learn the rules of what is not theirs.
            books::demand_copy(&app, &actor, id).await?;
            return Err(refusal);
        }
    };
    list(&listing, books::list_annotations(&app, &actor, id, filter, listing.page).await?)
}

fn annotation_filter(params: &Params) -> Result<AnnotationFilter, Refusal> {
    let color = match params.get("filter[color]") {
        None => None,
        Some(text) => {
            let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
            let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let color = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let problem = Problem::Format("a colour such as #FFEE00");
            Some(color.ok_or_else(|| invalid("filter[color]", problem))?)
        }
    };
    Ok(AnnotationFilter {
        annotation_type: params.one_of("filter[type]", AnnotationType::NAMES)?,
        page_from: params.parsed("filter[page_from]")?,
        page_to: params.parsed("filter[page_to]")?,
        color,
    })
}

/// Marks something. A page has one bookmark: a second one takes the first away.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/annotations", tag = "books", operation_id = "create_annotation",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    request_body(content = CreateAnnotation, example = json!({
        "type": "highlight", "page_number": 12, "color": "#FFEE00", "content": "للمراجعة",
        "position_data": {"quote": "العلم نور", "rects": [[72, 120, 210, 16]]}
    })),
    responses(
        (status = 201, description = "The annotation; the same one for the same `client_id`", body = Data<Annotation>),
        (status = 204, description = "The page's bookmark is gone"),
        (status = 403, description = "`not_purchased`")
    )
)]
async fn create_annotation(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<CreateAnnotation>,
) -> Answer {
    let input = body.input_after(books::demand_copy(&app, &actor, id)).await?;
    match books::create_annotation(&app, &actor, id, input).await? {
        Some(annotation) => created(&format!("/api/v1/books/{id}/annotations"), annotation),
        None => Ok(no_content()),
    }
}

/// Takes what a device did while it was offline, and tells what it missed. Of two versions the later counts.
#[utoipa::path(
    post, path = "/api/v1/books/{id}/annotations/sync", tag = "books", operation_id = "sync_annotations",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The book")),
    description = "At most 500 upserts and deletes together, all of them or none. An upsert that is not later than what is \
        there, or whose annotation was deleted, is a conflict, answered with what is there. The same batch again changes \
        nothing more.",
    request_body(content = SyncAnnotations, example = json!({
        "since": 0,
        "upserts": [{
            "client_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "type": "note", "page_number": 3,
            "content": "Ask about this", "updated_at": "2026-01-31T10:00:00.000000Z"
        }],
        "deletes": []
    })),
    responses(
        (status = 200, description = "What counts now", body = Data<AnnotationsSynced>),
        (status = 403, description = "`not_purchased`")
    )
)]
async fn sync_annotations(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    body: JsonBody<SyncAnnotations>,
) -> Answer {
    let input = body.input_after(books::demand_copy(&app, &actor, id)).await?;
    Ok(data(books::sync_annotations(&app, &actor, id, input).await?))
}

/// All of one's own marks in a book as a document.
#[utoipa::path(
    get, path = "/api/v1/books/{id}/annotations/export", tag = "books", operation_id = "export_annotations",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The book"),
        ("format" = Option<ExportFormat>, Query, description = "`md` (unless asked otherwise), `json` or `w3c`: Web \
            Annotations. Words of the book are in it only where it may be copied from")
    ),
    responses(
        (
            status = 200, description = "The document",
            content(
                (String = "text/markdown"),
                (serde_json::Value = "application/json"),
                (serde_json::Value = "application/ld+json")
            )
        ),
        (status = 403, description = "`not_purchased`")
    )
)]
async fn export_annotations(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    params: Params,
) -> Answer {
    let format = match params.one_of("format", ExportFormat::NAMES) {
        Ok(format) => format.unwrap_or(ExportFormat::Md),
        Err(refusal) => {
            books::demand_copy(&app, &actor, id).await?;
            return Err(refusal);
        }
    };
    let Exported { content_type, name, body } = books::export_annotations(&app, &actor, id, format).await?;
    let name = HeaderValue::try_from(disposition(false, &name)).map_err(CommonFault::internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    Ok((headers, body).into_response())
}

/// Changes a mark of one's own; what kind it is stays.
#[utoipa::path(
    patch, path = "/api/v1/annotations/{id}", tag = "books", operation_id = "update_annotation",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The annotation"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the annotation after the last change")
    ),
    request_body(content = UpdateAnnotation, example = json!({"color": "#00CCFF", "content": null})),
    responses(
        (status = 200, description = "The annotation, with its new `ETag`", body = Data<Annotation>),
        (status = 412, description = "`precondition_failed`: it was changed meanwhile")
    )
)]
async fn update_annotation(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(if_match): Precondition,
    body: JsonBody<UpdateAnnotation>,
) -> Answer {
    let input = body.input_after(books::demand_annotation(&app, &actor, id)).await?;
    changed(books::update_annotation(&app, &actor, id, input, if_match).await?)
}

/// Takes a mark of one's own away.
#[utoipa::path(
    delete, path = "/api/v1/annotations/{id}", tag = "books", operation_id = "delete_annotation",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The annotation"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the annotation after the last change")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "`precondition_failed`: it was changed meanwhile")
    )
)]
async fn delete_annotation(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(if_match): Precondition,
) -> Answer {
    books::delete_annotation(&app, &actor, id, if_match).await?;
    Ok(no_content())
}
