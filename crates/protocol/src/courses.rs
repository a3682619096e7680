//! Categories, courses, sections and lessons (domain.md §5.4): inputs and views.

use base::id::UserId;
use base::{Lang, Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::users::{UserCard, given};

/// `courses.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CourseStatus {
    /// Being made; only its author and administrators see it.
    Draft,
    /// On the marketplace.
    Published,
    /// Takes no more students; those who are in keep it.
    Archived,
}

impl CourseStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Published, Self::Archived];
    /// Their names, in the order of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["draft", "published", "archived"];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }

    /// What a column says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// `courses.level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CourseLevel {
    /// Nothing has to be known before.
    Beginner,
    /// The basics have to be known.
    Intermediate,
    /// For those who know much.
    Advanced,
    /// For everybody.
    #[default]
    All,
}

impl CourseLevel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Beginner, Self::Intermediate, Self::Advanced, Self::All];
    /// Their names, in the order of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["beginner", "intermediate", "advanced", "all"];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Beginner => "beginner",
            Self::Intermediate => "intermediate",
            Self::Advanced => "advanced",
            Self::All => "all",
        }
    }

    /// What a column says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// `course_lessons.content_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LessonType {
    /// A film: a file, or a link to one.
    #[default]
    Video,
    /// A sound: a file, or a link to one.
    Audio,
    /// Words: the lesson's description.
    Article,
    /// A PDF file.
    Pdf,
    /// A page elsewhere.
    Link,
    /// A live session elsewhere.
    Live,
}

impl LessonType {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Video, Self::Audio, Self::Article, Self::Pdf, Self::Link, Self::Live];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Article => "article",
            Self::Pdf => "pdf",
            Self::Link => "link",
            Self::Live => "live",
        }
    }

    /// What a column says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A subject of courses, books and rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Its id.
    pub id: u64,
    /// Its name in the language of the request.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// Its name in Arabic.
    pub name_ar: String,
    /// Its unique name in addresses.
    pub slug: String,
    /// The name of its picture among the apps' own.
    pub icon: Option<String>,
    /// Its place among the categories, from 0.
    pub order: u32,
    /// Open for new things?
    pub is_active: bool,
}

/// Input of `create_category`, the body of `POST /admin/categories`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCategory {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub name_en: String,
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub name_ar: String,
    /// At most 255 characters.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub icon: Option<String>,
    /// Open for new things? Yes where left out.
    #[serde(default)]
    pub is_active: Option<bool>,
}

/// Input of `update_category`, the body of `PATCH /admin/categories/{id}`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCategory {
    /// 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name_en: Option<String>,
    /// 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name_ar: Option<String>,
    /// At most 255 characters; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub icon: Option<Option<String>>,
    /// Open for new things?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

/// The body of the three `…/order`: all ids, in their new order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Each one once, and no other.
    pub ids: Vec<u64>,
}

/// Filters of `GET /courses`, `GET /users/{id}/courses` and `GET /admin/courses`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourseFilter {
    /// Words of title and description.
    pub q: Option<String>,
    /// Of this category, primary or further.
    pub category_id: Option<u64>,
    /// In this language.
    pub language: Option<Lang>,
    /// For this level.
    pub level: Option<CourseLevel>,
    /// What it costs now is not less.
    pub price_min: Option<Money>,
    /// What it costs now is not more.
    pub price_max: Option<Money>,
    /// Costs nothing now (`true`), or something (`false`).
    pub free: Option<bool>,
    /// Of this author.
    pub author_id: Option<UserId>,
    /// Rated so or better: hundredths of a star.
    pub rating_min: Option<u32>,
    /// In this state; not on the marketplace.
    pub status: Option<CourseStatus>,
    /// Deleted ones, too, or only these; for administrators.
    pub trashed: Option<Trashed>,
}

/// `filter[trashed]` of administrators' lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trashed {
    /// Deleted ones, too.
    With,
    /// Only deleted ones.
    Only,
}

/// Input of `create_course`, the body of `POST /courses`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCourse {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// An active category.
    pub category_id: u64,
    /// At most five further active categories.
    #[serde(default)]
    #[schema(max_items = 5)]
    pub additional_category_ids: Vec<u64>,
    /// At most 20,000 characters.
    #[serde(default)]
    #[schema(max_length = 20000)]
    pub description: Option<String>,
    /// The language of the course; Arabic where left out.
    #[serde(default)]
    pub language: Lang,
    /// For whom it is.
    #[serde(default)]
    pub level: CourseLevel,
    /// What it costs, not less than nothing.
    #[serde(default)]
    pub price: Money,
    /// What it costs now: less than `price`.
    #[serde(default)]
    pub discount_price: Option<Money>,
    /// Id of an upload of the kind `image`.
    #[serde(default)]
    pub thumbnail_id: Option<u64>,
    /// Id of an upload of the kind `video`.
    #[serde(default)]
    pub promo_video_id: Option<u64>,
    /// What one must know: at most 20 lines of 1 to 255 characters.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub requirements: Vec<String>,
    /// What one learns: at most 20 lines of 1 to 255 characters.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub outcomes: Vec<String>,
}

/// Input of `update_course`, the body of `PATCH /courses/{id}`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCourse {
    /// 1 to 255 characters. The course's address stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub title: Option<String>,
    /// An active category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category_id: Option<u64>,
    /// At most five further active categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 5)]
    pub additional_category_ids: Option<Vec<u64>>,
    /// At most 20,000 characters; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 20000)]
    pub description: Option<Option<String>>,
    /// The language of the course.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Lang>,
    /// For whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<CourseLevel>,
    /// What it costs, not less than nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// What it costs now: less than `price`; `null` ends the discount.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub discount_price: Option<Option<Money>>,
    /// Id of an upload of the kind `image`; `null` takes the picture away, which a published course needs.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub thumbnail_id: Option<Option<u64>>,
    /// Id of an upload of the kind `video`; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub promo_video_id: Option<Option<u64>>,
    /// What one must know: at most 20 lines of 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20)]
    pub requirements: Option<Vec<String>>,
    /// What one learns: at most 20 lines of 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20)]
    pub outcomes: Option<Vec<String>>,
}

/// Input of `moderate_course`, the body of `PATCH /admin/courses/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModerateCourse {
    /// The state that the course is to have, in one step.
    pub status: CourseStatus,
    /// Why, for the audit log: at most 255 characters.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub reason: Option<String>,
}

/// A course, in lists and on its own page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Course {
    /// Its id.
    pub id: u64,
    /// Its author.
    pub author: UserCard,
    /// Its primary category.
    pub category_id: u64,
    /// The primary category itself, with `include=category`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Its further categories.
    pub additional_category_ids: Vec<u64>,
    /// Its title.
    pub title: String,
    /// Its unique name in addresses.
    pub slug: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its language.
    pub language: Lang,
    /// For whom it is.
    pub level: CourseLevel,
    /// What it costs.
    pub price: Money,
    /// What it costs now, if less.
    pub discount_price: Option<Money>,
    /// The currency of both.
    pub currency: String,
    /// Where its picture is.
    pub thumbnail: Option<String>,
    /// Where its promotional film is.
    pub promo_video: Option<String>,
    /// Its state.
    pub status: CourseStatus,
    /// How many lessons it has.
    pub total_lessons: u32,
    /// How many are enrolled, or have completed it.
    pub students_count: u32,
    /// The mean of its reviews, `0.00` where there is none.
    #[schema(pattern = r"^[0-5]\.[0-9]{2}$", example = "4.50")]
    pub average_rating: String,
    /// What one must know.
    pub requirements: Vec<String>,
    /// What one learns.
    pub outcomes: Vec<String>,
    /// When it was first published.
    pub published_at: Option<Time>,
    /// When it was made.
    pub created_at: Option<Time>,
    /// When it was last changed.
    pub updated_at: Option<Time>,
    /// When it was deleted; in administrators' lists only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Time>,
    /// Its sections in their order, with `include=sections` or `include=sections.lessons`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sections: Option<Vec<Section>>,
}

/// Input of `create_section`, the body of `POST /courses/{id}/sections`; it comes last.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSection {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// At most 5,000 characters.
    #[serde(default)]
    #[schema(max_length = 5000)]
    pub description: Option<String>,
}

/// Input of `update_section`, the body of `PATCH /sections/{id}`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSection {
    /// 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub title: Option<String>,
    /// At most 5,000 characters; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 5000)]
    pub description: Option<Option<String>>,
}

/// A part of a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Section {
    /// Its id.
    pub id: u64,
    /// Its course.
    pub course_id: u64,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its place in the course, from 0.
    pub order: u32,
    /// How long its lessons take together.
    pub duration_seconds: u32,
    /// Its lessons in their order, with `include=sections.lessons`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lessons: Option<Vec<Lesson>>,
}

/// Input of `create_lesson`, the body of `POST /sections/{id}/lessons`; it comes last.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateLesson {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// At most 15,000 characters; of an article, its words.
    #[serde(default)]
    #[schema(max_length = 15000)]
    pub description: Option<String>,
    /// What it is.
    #[serde(default)]
    pub content_type: LessonType,
    /// Id of an upload that fits: of the kind `video` or `audio`, or a PDF of the kind `document`.
    #[serde(default)]
    pub content_id: Option<u64>,
    /// An `https` address: of a link or a live session, or of a video or sound that is kept elsewhere.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub link: Option<String>,
    /// How long it takes, at most a day.
    #[serde(default)]
    #[schema(maximum = 86400)]
    pub duration_seconds: u32,
    /// Ids of at most ten uploads of any kind.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub attachment_ids: Vec<u64>,
    /// At most ten addresses to go with it.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub resources: Vec<Resource>,
    /// For everybody to see?
    #[serde(default)]
    pub is_preview: bool,
}

/// Input of `update_lesson`, the body of `PATCH /lessons/{id}`: what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateLesson {
    /// 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub title: Option<String>,
    /// At most 15,000 characters; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 15000)]
    pub description: Option<Option<String>>,
    /// What it is. A lesson with a file keeps its type, unless another file or none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<LessonType>,
    /// Id of an upload that fits; `null` takes the file away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub content_id: Option<Option<u64>>,
    /// An `https` address; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub link: Option<Option<String>>,
    /// How long it takes, at most a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 86400)]
    pub duration_seconds: Option<u32>,
    /// Ids of at most ten uploads, in place of all that there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10)]
    pub attachment_ids: Option<Vec<u64>>,
    /// At most ten addresses, in place of all that there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10)]
    pub resources: Option<Vec<Resource>>,
    /// For everybody to see?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_preview: Option<bool>,
}

/// Input of `move_lesson`, the body of `POST /lessons/{id}/move`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveLesson {
    /// A section of the same course.
    pub section_id: u64,
    /// Its place there, from 0; the last where left out or greater.
    #[serde(default)]
    pub position: Option<u32>,
}

/// An address that goes with a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What it is, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// An `https` address.
    #[schema(max_length = 2000)]
    pub url: String,
}

/// A file that goes with a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// What its author called it.
    pub name: Option<String>,
    /// Where it is.
    pub url: String,
    /// Its media type.
    pub mime: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
}

/// A lesson. Whoever may not have its content sees that it is there (domain.md §5.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lesson {
    /// Its id.
    pub id: u64,
    /// Its course.
    pub course_id: u64,
    /// Its section.
    pub section_id: u64,
    /// Its title.
    pub title: String,
    /// What it is about; of an article, its words, which are `null` when locked.
    pub description: Option<String>,
    /// What it is.
    pub content_type: LessonType,
    /// Where its content is; `null` when locked.
    pub content_url: Option<String>,
    /// An address elsewhere; `null` when locked.
    pub link: Option<String>,
    /// How long it takes.
    pub duration_seconds: u32,
    /// Its place in its section, from 0.
    pub order: u32,
    /// For everybody to see?
    pub is_preview: bool,
    /// Is its content kept from the asker?
    pub locked: bool,
    /// Files to go with it; none when locked.
    pub attachments: Vec<Attachment>,
    /// Addresses to go with it; none when locked.
    pub resources: Vec<Resource>,
}

/// A course's state for those who listen to it: the `data` of the reply to subscribing `course:{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourseState {
    /// Its id.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Its state.
    pub status: CourseStatus,
    /// How many lessons it has.
    pub total_lessons: u32,
    /// When it was last changed.
    pub updated_at: Option<Time>,
}
