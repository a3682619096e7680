//! Rows as clients see them.

use std::collections::HashMap;

use base::id::UserId;
use base::{CommonFault, Lang, Money, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::courses::{
    Attachment, Category, Course, CourseLevel, CourseStatus, Lesson, LessonType, Resource, Section,
};
use protocol::users::UserCard;
use serde_json::Value;
use store::courses::{CategoryRow, CourseRow, LessonRow, SectionRow};
use store::{Conn, StoreError};

use super::CourseError;
use crate::unit::Unit;
use crate::uploads::{picture_url, signed_url};
use crate::users::{card_view, gone};
use crate::{Actor, App};

/// The texts of a list, whoever wrote it.
fn lines(column: Option<&Value>) -> Vec<String> {
    let items = column.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

pub(crate) fn course_status(column: &str) -> Result<CourseStatus, StoreError> {
    CourseStatus::from_name(column).ok_or(StoreError::Corrupt { table: "courses", column: "status" })
}

pub(super) fn course_level(column: &str) -> Result<CourseLevel, StoreError> {
    CourseLevel::from_name(column).ok_or(StoreError::Corrupt { table: "courses", column: "level" })
}

pub(super) fn course_language(column: &str) -> Result<Lang, StoreError> {
    Lang::from_code(column).ok_or(StoreError::Corrupt { table: "courses", column: "language" })
}

pub(crate) fn lesson_type(column: &str) -> Result<LessonType, StoreError> {
    let corrupt = StoreError::Corrupt { table: "course_lessons", column: "content_type" };
    LessonType::from_name(column).ok_or(corrupt)
}

pub(crate) fn discount_of(row: &CourseRow) -> Result<Option<Money>, StoreError> {
    let corrupt = |_error| StoreError::Corrupt { table: "courses", column: "discount_price" };
    row.discount_price.map(Money::from_decimal).transpose().map_err(corrupt)
}

/// The further categories; an id may have been written as text.
pub(super) fn additional_categories(row: &CourseRow) -> Vec<u64> {
    let column = row.additional_categories.as_ref().map(|json| &json.0);
    let items = column.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let id = |item: &Value| item.as_u64().or_else(|| item.as_str().and_then(|text| text.parse().ok()));
    items.iter().filter_map(id).collect()
}

pub(super) fn requirements(row: &CourseRow) -> Vec<String> {
    lines(row.requirements.as_ref().map(|json| &json.0))
}

pub(super) fn outcomes(row: &CourseRow) -> Vec<String> {
    lines(row.outcomes.as_ref().map(|json| &json.0))
}

pub(super) fn category_view(row: CategoryRow, lang: Lang) -> Category {
    let name = lang.pick(&row.name_ar, &row.name_en).clone();
    Category {
        id: row.id,
        name,
        name_en: row.name_en,
        name_ar: row.name_ar,
        slug: row.slug,
        icon: row.icon,
        order: row.order,
        is_active: row.is_active,
    }
}

/// Courses with the faces of their authors: one statement, whatever the number of courses.
///
/// # Errors
/// Those of the store.
pub(super) async fn course_views(
    app: &App,
    conn: &mut Conn,
    rows: Vec<CourseRow>,
) -> Result<Vec<Course>, CourseError> {
    let mut ids: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let cards = store::users::list_cards_of(conn, &ids).await?;
    let cards: HashMap<UserId, UserCard> =
        cards.into_iter().map(|row| (row.id, card_view(app, row))).collect();
    let author = |id| cards.get(&id).cloned().unwrap_or_else(|| gone(id));
    Ok(rows.into_iter().map(|row| view(app, author(row.user_id), row)).collect::<Result<_, _>>()?)
}

/// One course without company: what its version is taken of.
///
/// # Errors
/// Those of the store.
pub(super) async fn course_view(app: &App, conn: &mut Conn, row: CourseRow) -> Result<Course, CourseError> {
    let mut views = course_views(app, conn, vec![row]).await?;
    Ok(views.pop().ok_or_else(|| CommonFault::internal("a course has no view"))?)
}

fn view(app: &App, author: UserCard, row: CourseRow) -> Result<Course, StoreError> {
    Ok(Course {
        id: row.id,
        author,
        category_id: row.category_id,
        category: None,
        additional_category_ids: additional_categories(&row),
        language: course_language(&row.language)?,
        level: course_level(&row.level)?,
        price: row.price,
        discount_price: discount_of(&row)?,
        currency: app.settings.money.currency.clone(),
        status: course_status(&row.status)?,
        total_lessons: row.total_lessons,
        students_count: row.students_count,
        average_rating: format!("{:.2}", row.average_rating),
        requirements: requirements(&row),
        outcomes: outcomes(&row),
        title: row.title,
        slug: row.slug,
        description: row.description,
        thumbnail: picture_url(app, row.thumbnail),
        promo_video: picture_url(app, row.promo_video),
        published_at: row.published_at.map(Time::from),
        created_at: row.created_at.map(Time::from),
        updated_at: row.updated_at.map(Time::from),
        deleted_at: row.deleted_at.map(Time::from),
        sections: None,
    })
}

pub(super) fn section_view(row: SectionRow) -> Section {
    Section {
        id: row.id,
        course_id: row.course_id,
        title: row.title,
        description: row.description,
        order: row.order,
        duration_seconds: row.duration_seconds,
        lessons: None,
    }
}

/// A lesson for somebody who may have the content of the whole course (`open`), or only of what is shown to all.
pub(crate) fn lesson_view(app: &App, row: LessonRow, open: bool) -> Result<Lesson, StoreError> {
    let content_type = lesson_type(&row.content_type)?;
    let open = open || row.is_preview;
    let attachments = row.attachments.as_ref().map(|json| &json.0);
    let resources = row.resources.as_ref().map(|json| &json.0);
    Ok(Lesson {
        id: row.id,
        course_id: row.course_id,
        section_id: row.course_section_id,
        title: row.title,
        // The words of an article are its content.
        description: row.description.filter(|_| open || content_type != LessonType::Article),
        content_type,
        content_url: picture_url(app, row.content_url.filter(|_| open)),
        link: row.link.filter(|_| open),
        duration_seconds: row.duration_seconds,
        order: row.order,
        is_preview: row.is_preview,
        locked: !open,
        attachments: if open { attachment_views(app, attachments) } else { Vec::new() },
        resources: if open { resource_views(resources) } else { Vec::new() },
    })
}

/// Files of a lesson: ours have a path, another application's an address.
fn attachment_views(app: &App, column: Option<&Value>) -> Vec<Attachment> {
    let items = column.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let view = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let place = item.as_str().or_else(|| text("path")).or_else(|| text("url"))?;
        Some(Attachment {
            name: text("name").map(str::to_owned),
            url: signed_url(app, place),
            mime: text("mime").map(str::to_owned),
            size: item.get("size").and_then(Value::as_u64),
        })
    };
    items.iter().filter_map(view).collect()
}

fn resource_views(column: Option<&Value>) -> Vec<Resource> {
    let items = column.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| serde_json::from_value(item.clone()).ok()).collect()
}

/// Those who listen to the course learn that it is to be read again.
pub(super) fn tell_change(
    unit: &mut Unit,
    course: &CourseRow,
    total_lessons: u32,
) -> Result<(), CourseError> {
    let event = Event::CourseUpdated {
        course_id: course.id,
        status: course_status(&course.status)?,
        total_lessons,
        updated_at: Time::now_in_seconds(),
    };
    unit.emit(Channel::Course(course.id), event);
    Ok(())
}

/// The language of bilingual fields: what the request asks for, else the viewer's own; a guest's is English.
///
/// # Errors
/// Those of the store.
pub(super) async fn language_for(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    asked: Option<Lang>,
) -> Result<Lang, CourseError> {
    if let Some(lang) = asked {
        return Ok(lang);
    }
    let Some(viewer) = viewer else { return Ok(Lang::En) };
    let own = store::profiles::find_language(conn, viewer.user_id()).await?;
    Ok(own.as_deref().and_then(Lang::from_code).unwrap_or(Lang::En))
}
