//! Files that people upload (domain.md §5.11, §9.5): inputs and views.

use base::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `hub_uploads.kind`: what the file is meant as, which decides what it may hold and how large it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UploadKind {
    /// jpeg, png, webp, gif.
    Image,
    /// mp4, webm, mov.
    Video,
    /// mp3, m4a, ogg, wav.
    Audio,
    /// pdf, docx, pptx, xlsx, zip, txt.
    Document,
    /// The PDF of a book.
    Book,
}

impl UploadKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Image, Self::Video, Self::Audio, Self::Document, Self::Book];
    /// Their names, in the order of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["image", "video", "audio", "document", "book"];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Book => "book",
        }
    }

    /// What a column or a form says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An uploaded file as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// What `media` of a message names.
    pub id: u64,
    /// What it is meant as.
    pub kind: UploadKind,
    /// Its media type, found out from its content.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// What its owner called it.
    pub name: Option<String>,
    /// Pixels, of pictures.
    pub width: Option<u32>,
    /// Pixels, of pictures.
    pub height: Option<u32>,
    /// Pages, of books.
    pub pages: Option<u32>,
    /// Seconds, of sounds and videos that say so.
    pub duration: Option<u32>,
    /// Where a JPEG of 320 pixels at most can be fetched, of pictures that are larger.
    pub thumbnail_url: Option<String>,
    /// Where it can be fetched without a token, for a day at least.
    pub url: String,
    /// When it came.
    pub created_at: Time,
}

/// Body of `POST /uploads/presign`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresignUpload {
    /// What the file is meant as.
    pub kind: UploadKind,
    /// Its bytes, exactly.
    #[schema(minimum = 1)]
    pub size: u64,
    /// What its owner calls it.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: Option<String>,
}

/// Where a file is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresignedUpload {
    /// The upload, to be completed once the file was sent.
    pub id: u64,
    /// With which HTTP method it is sent.
    pub method: String,
    /// Where it is sent, as the whole body, without a token.
    pub url: String,
    /// How many bytes it has to have.
    pub size: u64,
    /// Until when it is to be sent and completed.
    pub expires_at: Time,
}

#[cfg(test)]
mod tests {
    use super::UploadKind;

    #[test]
    fn kinds_have_the_names_of_the_column() {
        for (kind, name) in UploadKind::ALL.into_iter().zip(UploadKind::NAMES) {
            assert_eq!(kind.as_str(), *name);
            assert_eq!(UploadKind::from_name(name), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), *name);
        }
        assert_eq!(UploadKind::from_name("Image"), None);
    }
}
