//! The form of an upload (multipart/form-data): its file goes to the disk as it comes, and everything else is refused by
//! name.

use std::future::Future;
use std::time::Duration;

use axum::RequestExt;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use base::{Problem, Violations};
use domain::uploads::{Incoming, NewUpload, largest};
use futures_util::StreamExt;
use protocol::uploads::UploadKind;

use crate::Door;
use crate::error::{DoorFault, Refusal, invalid};

/// What a form may have beside the bytes of its file.
const ENVELOPE_BYTES: u64 = 64 << 10;
/// The longest word in a field that is no file, bytes.
const WORD_BYTES: usize = 64;
/// How long a form may bring nothing.
const STILLNESS: Duration = Duration::from_secs(30);
/// How long a refused form is read on, so that its sender comes to hear the answer instead of a broken connection.
const READ_ON: Duration = Duration::from_secs(10);

/// A form that is still to be read. Larger than other bodies.
pub(crate) struct UploadForm(Multipart);

impl FromRequest<Door> for UploadForm {
    type Rejection = Refusal;

    async fn from_request(mut request: Request, door: &Door) -> Result<Self, Refusal> {
        let limit = largest(&door.app.settings.uploads).saturating_add(ENVELOPE_BYTES);
        DefaultBodyLimit::max(usize::try_from(limit).unwrap_or(usize::MAX)).apply(&mut request);
        let is_form =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(
                |kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"),
            );
        if !is_form {
            return Err(DoorFault::NotMultipart.into());
        }
        match request.extract::<Multipart, _>().await {
            Ok(form) => Ok(Self(form)),
            Err(MultipartRejection::InvalidBoundary(_)) => {
                Err(DoorFault::Malformed("The form's Content-Type names no boundary.").into())
            }
            Err(_) => Err(DoorFault::Malformed("The form could not be read.").into()),
        }
    }
}

impl UploadForm {
    /// Reads the form to its end, its file into `incoming`, which is opened before anything is read.
    ///
    /// # Errors
    /// Those of `incoming` and of its writing; 422 for a field that is missing, unknown, or there twice; 400 for what is
    /// no form or stops coming; 413.
    pub(crate) async fn read<E>(
        mut self,
        incoming: impl Future<Output = Result<Incoming, E>>,
    ) -> Result<(NewUpload, Incoming), Refusal>
    where
        Refusal: From<E>,
    {
        let read = async {
            let incoming = incoming.await?;
            read_fields(&mut self.0, incoming).await
        };
        let outcome = read.await;
        if outcome.is_err() {
            let rest = async { while let Ok(Some(_field)) = self.0.next_field().await {} };
            let _in_time = tokio::time::timeout(READ_ON, rest).await;
        }
        outcome
    }
}

async fn read_fields(form: &mut Multipart, mut incoming: Incoming) -> Result<(NewUpload, Incoming), Refusal> {
    let (mut kind, mut name, mut has_file) = (None, None, false);
    while let Some(mut field) = still(form.next_field()).await? {
        match field.name() {
            Some("kind") if kind.is_none() => kind = Some(read_kind(&mut field).await?),
            Some("file") if !has_file => {
                has_file = true;
                name = field.file_name().map(str::to_owned);
                while let Some(bytes) = still(field.chunk()).await? {
                    incoming.write(kind, &bytes).await?;
                }
            }
            Some("file") => return Err(invalid("file", Problem::NotAllowed("one file at a time"))),
            Some("kind") => return Err(invalid("kind", Problem::NotAllowed("it is there twice"))),
            other => {
                let other: String = other.unwrap_or_default().chars().take(WORD_BYTES).collect();
                return Err(invalid(other, Problem::Unknown));
            }
        }
    }
    let mut missing = Violations::none();
    missing.require(kind.is_some(), "kind", Problem::Required);
    missing.require(has_file, "file", Problem::Required);
    missing.into_result().map_err(base::CommonFault::Invalid)?;
    let kind = kind.ok_or_else(|| invalid("kind", Problem::Required))?;
    Ok((NewUpload { kind, name }, incoming))
}

/// Reads a body that is a file by itself to its end.
///
/// # Errors
/// Those of writing; 400 for one that stops coming.
pub(crate) async fn read_body(body: Body, mut incoming: Incoming) -> Result<Incoming, Refusal> {
    let mut pieces = body.into_data_stream();
    loop {
        match tokio::time::timeout(STILLNESS, pieces.next()).await {
            Ok(None) => return Ok(incoming),
            Ok(Some(Ok(bytes))) => incoming.write(None, &bytes).await?,
            Ok(Some(Err(_))) => return Err(DoorFault::Malformed("The file ended early.").into()),
            Err(_elapsed) => return Err(DoorFault::Malformed("The file stopped coming.").into()),
        }
    }
}

async fn read_kind(field: &mut Field<'_>) -> Result<UploadKind, Refusal> {
    let unknown = || invalid("kind", Problem::NotOneOf(UploadKind::NAMES));
    let mut word = Vec::new();
    while let Some(bytes) = still(field.chunk()).await? {
        word.extend_from_slice(&bytes);
        if word.len() > WORD_BYTES {
            return Err(unknown());
        }
    }
    std::str::from_utf8(&word).ok().map(str::trim).and_then(UploadKind::from_name).ok_or_else(unknown)
}

/// The next piece, unless nothing comes for too long.
async fn still<T>(piece: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Refusal> {
    match tokio::time::timeout(STILLNESS, piece).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(DoorFault::FormTooLarge.into())
        }
        Ok(Err(_)) => Err(DoorFault::Malformed("The form could not be read, or ended early.").into()),
        Err(_elapsed) => Err(DoorFault::Malformed("The form stopped coming.").into()),
    }
}
