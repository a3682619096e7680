//! What an author writes of a lesson: the rules of its values, and its files (domain.md §5.4).

use base::text::{clean, cleaned, length};
use base::{Problem, Violations};
use protocol::courses::{CreateLesson, LessonType, Resource, UpdateLesson};
use protocol::uploads::UploadKind;
use serde_json::{Value, json};
use store::courses::{LessonRow, NewLesson};

use super::CourseError;
use super::view::lesson_type;
use crate::Actor;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::{ClaimedUpload, attach, claim_files, release_file};

const MAX_TITLE: usize = 255;
const MAX_DESCRIPTION: usize = 15_000;
const MAX_DURATION: u32 = 86_400;
const MAX_LINK: usize = 255;
const MAX_RESOURCES: usize = 10;
const MAX_RESOURCE_URL: usize = 2_000;
const MAX_ATTACHMENTS: usize = 10;

/// What a lesson says of itself, whole, and the files that it is to have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LessonWords {
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) content_type: LessonType,
    pub(super) content_url: Option<String>,
    pub(super) link: Option<String>,
    pub(super) duration_seconds: u32,
    pub(super) is_preview: bool,
    attachments: Value,
    resources: Value,
}

/// Files as an input names them: left out, taken away, or uploads.
#[derive(Clone, Debug, Default)]
pub(super) struct LessonFiles {
    content: Option<Option<u64>>,
    attachments: Option<Vec<u64>>,
}

/// Files that were claimed for a lesson and are attached once it has its id.
#[derive(Clone, Debug, Default)]
pub(super) struct ClaimedForLesson {
    ids: Vec<u64>,
    replaced: Vec<String>,
}

fn is_https(address: &str) -> bool {
    address.len() > "https://".len()
        && address.starts_with("https://")
        && !address.contains(char::is_whitespace)
}

impl LessonWords {
    /// Of a new lesson, still without its files.
    pub(super) fn new(input: CreateLesson) -> (Self, LessonFiles) {
        let files = LessonFiles {
            content: input.content_id.map(Some),
            attachments: Some(input.attachment_ids).filter(|ids| !ids.is_empty()),
        };
        let words = Self {
            title: clean(&input.title),
            description: cleaned(input.description),
            content_type: input.content_type,
            content_url: None,
            link: cleaned(input.link),
            duration_seconds: input.duration_seconds,
            is_preview: input.is_preview,
            attachments: json!([]),
            resources: json!(input.resources),
        };
        (words, files)
    }

    /// Of a lesson that is there.
    pub(super) fn of(row: &LessonRow) -> Result<Self, CourseError> {
        let attachments = row.attachments.as_ref().map(|json| json.0.clone());
        let resources = row.resources.as_ref().map(|json| json.0.clone());
        Ok(Self {
            title: row.title.clone(),
            description: row.description.clone(),
            content_type: lesson_type(&row.content_type)?,
            content_url: row.content_url.clone(),
            link: row.link.clone(),
            duration_seconds: row.duration_seconds,
            is_preview: row.is_preview,
            attachments: attachments.unwrap_or_else(|| json!([])),
            resources: resources.unwrap_or_else(|| json!([])),
        })
    }

    /// With what an update gives; files are [`LessonFiles::claim`]'s.
    pub(super) fn changed(self, changes: UpdateLesson) -> (Self, LessonFiles) {
        let files = LessonFiles { content: changes.content_id, attachments: changes.attachment_ids };
        let words = Self {
            title: changes.title.map_or(self.title, |title| clean(&title)),
            description: changes.description.map_or(self.description, cleaned),
            content_type: changes.content_type.unwrap_or(self.content_type),
            link: changes.link.map_or(self.link, cleaned),
            duration_seconds: changes.duration_seconds.unwrap_or(self.duration_seconds),
            is_preview: changes.is_preview.unwrap_or(self.is_preview),
            resources: changes.resources.map_or(self.resources, |resources| json!(resources)),
            ..self
        };
        (words, files)
    }

    /// Everything that can be judged without asking anybody. `before` is the lesson as it was.
    pub(super) fn check(&self, before: Option<&Self>, files: &LessonFiles) -> Result<(), Violations> {
        let mut violations = Violations::none();
        violations.require(!self.title.is_empty(), "title", Problem::Required);
        violations.require(length(&self.title) <= MAX_TITLE, "title", Problem::TooLong(MAX_TITLE));
        let fits = self.description.as_deref().is_none_or(|text| length(text) <= MAX_DESCRIPTION);
        violations.require(fits, "description", Problem::TooLong(MAX_DESCRIPTION));
        let short = self.duration_seconds <= MAX_DURATION;
        violations.require(short, "duration_seconds", Problem::TooGreat(MAX_DURATION.to_string()));
        if let Some(link) = &self.link {
            violations.require(is_https(link), "link", Problem::Format("an https address"));
            violations.require(length(link) <= MAX_LINK, "link", Problem::TooLong(MAX_LINK));
            let kinds = !matches!(self.content_type, LessonType::Article | LessonType::Pdf);
            violations.require(kinds, "link", Problem::NotAllowed("lessons of this type have none"));
        }
        let has_file = match files.content {
            Some(named) => named.is_some(),
            None => self.content_url.is_some(),
        };
        let takes = !upload_kinds(self.content_type).is_empty();
        violations.require(
            !has_file || takes,
            "content_id",
            Problem::NotAllowed("lessons of this type have no file"),
        );
        let kept = files.content.is_none() && self.content_url.is_some();
        let other = before.is_some_and(|before| before.content_type != self.content_type);
        violations.require(
            !(kept && other && takes),
            "content_type",
            Problem::NotAllowed("the file is of the former type: name another one"),
        );
        let few = files.attachments.as_ref().is_none_or(|ids| ids.len() <= MAX_ATTACHMENTS);
        violations.require(few, "attachment_ids", Problem::NotAllowed("a lesson has at most ten"));
        if before.is_none_or(|before| before.resources != self.resources) {
            self.check_resources(&mut violations);
        }
        violations.into_result()
    }

    fn check_resources(&self, violations: &mut Violations) {
        let resources: Vec<Resource> = serde_json::from_value(self.resources.clone()).unwrap_or_default();
        let few = resources.len() <= MAX_RESOURCES;
        violations.require(few, "resources", Problem::NotAllowed("a lesson has at most ten"));
        for (number, Resource { title, url }) in resources.iter().enumerate() {
            if title.trim().is_empty() {
                violations.add(format!("resources.{number}.title"), Problem::Required);
            }
            if length(title) > MAX_TITLE {
                violations.add(format!("resources.{number}.title"), Problem::TooLong(MAX_TITLE));
            }
            if !is_https(url) {
                violations.add(format!("resources.{number}.url"), Problem::Format("an https address"));
            }
            if length(url) > MAX_RESOURCE_URL {
                violations.add(format!("resources.{number}.url"), Problem::TooLong(MAX_RESOURCE_URL));
            }
        }
    }

    pub(super) fn row(&self) -> NewLesson<'_> {
        NewLesson {
            title: &self.title,
            description: self.description.as_deref(),
            content_type: self.content_type.as_str(),
            content_url: self.content_url.as_deref(),
            duration_seconds: self.duration_seconds,
            link: self.link.as_deref(),
            attachments: &self.attachments,
            is_preview: self.is_preview,
            resources: &self.resources,
        }
    }
}

/// What a lesson's file may be.
const fn upload_kinds(content_type: LessonType) -> &'static [UploadKind] {
    match content_type {
        LessonType::Video => &[UploadKind::Video],
        LessonType::Audio => &[UploadKind::Audio],
        LessonType::Pdf => &[UploadKind::Document],
        LessonType::Article | LessonType::Link | LessonType::Live => &[],
    }
}

impl LessonFiles {
    /// Claims the files and writes them into `words`.
    ///
    /// # Errors
    /// Violations of `content_id` and `attachment_ids`.
    pub(super) async fn claim(
        self,
        unit: &mut Unit,
        actor: &Actor,
        words: &mut LessonWords,
    ) -> Result<ClaimedForLesson, CourseError> {
        let mut claimed = ClaimedForLesson::default();
        if let Some(asked) = self.content {
            let mut path = None;
            if let Some(id) = asked {
                let kinds = upload_kinds(words.content_type);
                let files = claim_files(unit, actor.user_id(), "content_id", &[id], kinds).await?;
                if let Some(file) = files.into_iter().next() {
                    let is_pdf = file.mime == "application/pdf";
                    if words.content_type == LessonType::Pdf && !is_pdf {
                        let problem = Problem::NotAllowed("the file is no PDF");
                        return Err(Violations::one("content_id", problem).into());
                    }
                    // What was measured is truer than what was said.
                    words.duration_seconds = file.duration.unwrap_or(words.duration_seconds);
                    path = Some(file.path);
                }
                claimed.ids.push(id);
            }
            claimed.replaced.extend(std::mem::replace(&mut words.content_url, path));
        }
        if let Some(ids) = self.attachments {
            let files = claim_files(unit, actor.user_id(), "attachment_ids", &ids, &UploadKind::ALL).await?;
            claimed.replaced.extend(paths_of(&words.attachments));
            words.attachments = files.iter().map(attachment).collect();
            claimed.ids.extend(ids);
        }
        Ok(claimed)
    }
}

/// As the column keeps it.
fn attachment(file: &ClaimedUpload) -> Value {
    json!({"name": file.name, "path": file.path, "mime": file.mime, "size": file.size})
}

fn paths_of(attachments: &Value) -> Vec<String> {
    let items = attachments.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.get("path")?.as_str().map(str::to_owned)).collect()
}

impl ClaimedForLesson {
    /// The lesson uses these now, and those that they replace no more.
    pub(super) async fn settle(self, unit: &mut Unit, lesson_id: u64) -> Result<(), CourseError> {
        for path in &self.replaced {
            release_file(unit, Morph::CourseLesson, lesson_id, path).await?;
        }
        Ok(attach(unit, &self.ids, Morph::CourseLesson, lesson_id).await?)
    }
}

#[cfg(test)]
mod tests {
    use protocol::courses::CreateLesson;

    use super::LessonWords;

    fn violations_of(body: &str) -> String {
        let input: CreateLesson = serde_json::from_str(body).unwrap();
        let (words, files) = LessonWords::new(input);
        words.check(None, &files).err().map(|violations| violations.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_lesson_has_what_its_type_has() {
        for body in [
            r#"{"title":"One"}"#,
            r#"{"title":"One","content_type":"video","content_id":3}"#,
            r#"{"title":"One","content_type":"link","link":"https://example.com/x"}"#,
            r#"{"title":"One","content_type":"article","description":"Words"}"#,
        ] {
            assert_eq!(violations_of(body), "", "{body}");
        }
        for (body, field) in [
            (r#"{"title":" "}"#, "title"),
            (r#"{"title":"One","duration_seconds":86401}"#, "duration seconds"),
            (r#"{"title":"One","content_type":"article","content_id":3}"#, "content id"),
            (r#"{"title":"One","content_type":"pdf","link":"https://example.com"}"#, "link"),
            (r#"{"title":"One","content_type":"link","link":"http://example.com"}"#, "link"),
            (r#"{"title":"One","resources":[{"title":"","url":"https://e.com"}]}"#, "resources.0.title"),
            (r#"{"title":"One","resources":[{"title":"x","url":"ftp://e.com"}]}"#, "resources.0.url"),
            (r#"{"title":"One","attachment_ids":[1,2,3,4,5,6,7,8,9,10,11]}"#, "attachment ids"),
        ] {
            assert!(violations_of(body).contains(field), "{body}: {}", violations_of(body));
        }
    }
}
