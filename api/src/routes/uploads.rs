//! Files (domain.md §5.11, §9.5): taken from forms, shown by signed addresses.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use domain::App;
use domain::uploads;
use protocol::uploads::{PresignUpload, PresignedUpload, Upload, UploadKind};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Door;
use crate::error::Problem;
use crate::extract::{Caller, JsonBody, PathId, PathText};
use crate::file;
use crate::form::{UploadForm, read_body};
use crate::response::{Answer, Condition, Data, created, data, no_content, tagged};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(upload_file))
        .routes(routes!(find_upload, delete_upload))
        .routes(routes!(presign_upload))
        .routes(routes!(complete_upload))
}

/// What needs no token beside the one in its address.
pub(crate) fn files() -> OpenApiRouter<Door> {
    OpenApiRouter::new().routes(routes!(read_file, receive_file))
}

/// A form with a file; its fields come in any order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read by `UploadForm`")]
struct UploadBody {
    /// What the file is meant as, which decides what it may hold and how large it may be. Sent first, a file that is
    /// too large is refused early.
    kind: UploadKind,
    /// The file; its own name is kept for showing.
    #[schema(format = Binary)]
    file: String,
}

/// Keeps a file, to be named in the `media` of a message within a day.
#[utoipa::path(
    post, path = "/api/v1/uploads", tag = "uploads", operation_id = "upload_file", security(("bearer" = [])),
    description = "What the file is, its content says, not its name: `image` jpeg, png, webp, gif up to 10 MiB and 40 \
        million pixels; `video` mp4, webm, mov up to 100 MiB; `audio` mp3, m4a, ogg, wav up to 100 MiB; `document` pdf, \
        docx, pptx, xlsx, zip, txt up to 50 MiB; `book` pdf up to 200 MiB, without scripts and files in it. Of one user, 1 \
        GiB altogether and 30 files in half an hour. What nothing uses after a day is deleted. Pictures are drawn anew, \
        so that nothing else that was in the file (place, camera) is kept; large ones have a small one beside them.",
    request_body(
        content = UploadBody, content_type = "multipart/form-data",
        example = json!({"kind": "image", "file": "(the bytes of photo.jpg)"})
    ),
    responses(
        (status = 201, description = "The file", body = Data<Upload>),
        (status = 400, description = "The form cannot be read, or stopped coming."),
        (status = 409, description = "`quota_exceeded`: delete some files first."),
        (status = 413, description = "`too_large`: more than the kind admits."),
        (status = 415, description = "`type_not_allowed`: the content is not what the kind admits. \
            `unsupported_media_type`: the body is no form."),
        (status = 422, description = "No file, no kind, one of them twice, or a field that is not known.")
    )
)]
async fn upload_file(State(app): State<App>, Caller(actor): Caller, form: UploadForm) -> Answer {
    let (input, incoming) = form.read(uploads::open_upload(&app, &actor)).await?;
    let upload = uploads::upload_file(&app, &actor, input, incoming).await?;
    created(&format!("/api/v1/uploads/{}", upload.id), upload)
}

/// Keeps room for a large file, which is sent by itself to the address that this gives (PUT), and then completed.
#[utoipa::path(
    post, path = "/api/v1/uploads/presign", tag = "uploads", operation_id = "presign_upload",
    security(("bearer" = [])),
    description = "For videos of up to 2 GiB, and for whatever else is not to be sent in a form. The file is exactly as long \
        as is said here, and arrives within the hour.",
    request_body(content = PresignUpload, example = json!({"kind": "video", "size": 734_003_200, "name": "lesson.mp4"})),
    responses(
        (status = 201, description = "Where to send it", body = Data<PresignedUpload>),
        (status = 409, description = "`quota_exceeded`: delete some files first."),
        (status = 413, description = "`too_large`: more than the kind admits.")
    )
)]
async fn presign_upload(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<PresignUpload>,
) -> Answer {
    let presigned = uploads::presign_upload(&app, &actor, body.input()?).await?;
    created(&format!("/api/v1/uploads/{}", presigned.id), presigned)
}

/// Ends an upload whose file was sent to its address: the content is judged as that of a form. Again, it gives the same.
#[utoipa::path(
    post, path = "/api/v1/uploads/{id}/complete", tag = "uploads", operation_id = "complete_upload",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The upload")),
    responses(
        (status = 200, description = "The file", body = Data<Upload>),
        (status = 409, description = "`not_arrived`: it was not sent yet."),
        (status = 415, description = "`type_not_allowed`: the content is not what the kind admits; the file is gone.")
    )
)]
async fn complete_upload(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    Ok(data(uploads::complete_upload(&app, &actor, id).await?))
}

/// Takes the bytes of a file for which there is room (`POST /uploads/presign`), as the whole body.
#[utoipa::path(
    put, path = "/files/{token}", tag = "uploads", operation_id = "receive_file",
    params(("token" = String, Path, description = "Names the room and when the address ends, signed")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 204, description = "It is there; complete the upload now"),
        (status = 403, description = "`link_invalid`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The room is given up", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`link_expired`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too_large`: longer than announced", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Shorter than announced", body = Problem, content_type = "application/problem+json")
    )
)]
async fn receive_file(State(app): State<App>, PathText(token): PathText, body: Body) -> Answer {
    let (expected, incoming) = uploads::expect_file(&app, &token).await?;
    let incoming = read_body(body, incoming).await?;
    uploads::receive_file(&app, expected, incoming).await?;
    Ok(no_content())
}

/// A file of one's own, with a fresh address.
#[utoipa::path(
    get, path = "/api/v1/uploads/{id}", tag = "uploads", operation_id = "find_upload", security(("bearer" = [])),
    params(("id" = u64, Path, description = "The file")),
    responses((status = 200, description = "The file", body = Data<Upload>))
)]
async fn find_upload(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), uploads::find_upload(&app, &actor, id).await?)
}

/// Deletes a file of one's own that nothing uses.
#[utoipa::path(
    delete, path = "/api/v1/uploads/{id}", tag = "uploads", operation_id = "delete_upload", security(("bearer" = [])),
    params(("id" = u64, Path, description = "The file")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`in_use`: a message has it.")
    )
)]
async fn delete_upload(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    uploads::delete_upload(&app, &actor, id).await?;
    Ok(no_content())
}

/// The bytes of a file, for whoever has its address (`url`, `media_urls`). HEAD works, too.
#[utoipa::path(
    get, path = "/files/{token}", tag = "uploads", operation_id = "read_file",
    params(
        ("token" = String, Path, description = "Names the file and when the address ends, signed"),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=0-1023`"),
        ("If-Range" = Option<String>, Header, description = "The `ETag` that the range is a part of"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that the client has")
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client's copy is right"),
        (status = 403, description = "`link_invalid`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The file is gone", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`link_expired`", body = Problem, content_type = "application/problem+json"),
        (
            status = 416, description = "`range_not_satisfiable`: it has no such part", body = Problem,
            content_type = "application/problem+json"
        )
    )
)]
async fn read_file(
    State(app): State<App>,
    method: Method,
    PathText(token): PathText,
    headers: HeaderMap,
) -> Answer {
    let stored = uploads::find_file(&app, &token).await?;
    file::answer(&app, &method, &headers, stored).await
}
