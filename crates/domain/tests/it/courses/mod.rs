//! The operations of `domain::courses`.

mod catalogue;
mod editing;
mod lessons;
mod states;

use domain::Actor;
use domain::courses;
use protocol::courses::{
    Course, CourseLevel, CreateCategory, CreateCourse, CreateLesson, CreateSection, Lesson, LessonType,
    Section,
};

use crate::stage::{Stage, money};

/// A course without anything that may be left out.
pub(crate) fn plain(title: &str, category_id: u64, price: &str) -> CreateCourse {
    CreateCourse {
        title: title.to_owned(),
        category_id,
        additional_category_ids: Vec::new(),
        description: None,
        language: base::Lang::Ar,
        level: CourseLevel::All,
        price: money(price),
        discount_price: None,
        thumbnail_id: None,
        promo_video_id: None,
        requirements: Vec::new(),
        outcomes: Vec::new(),
    }
}

/// A lesson that is a link and takes so long.
pub(crate) fn link(title: &str, seconds: u32) -> CreateLesson {
    CreateLesson {
        title: title.to_owned(),
        description: None,
        content_type: LessonType::Link,
        content_id: None,
        link: Some("https://example.com/lesson".to_owned()),
        duration_seconds: seconds,
        attachment_ids: Vec::new(),
        resources: Vec::new(),
        is_preview: false,
    }
}

impl Stage {
    pub(crate) async fn category(&self, name: &str) -> u64 {
        let input = CreateCategory {
            name_en: name.to_owned(),
            name_ar: format!("{name} عربي"),
            icon: None,
            is_active: None,
        };
        courses::create_category(&self.app, self.admin(), None, input).await.unwrap().id
    }

    pub(crate) async fn speaker(&self, name: &str) -> Actor {
        let actor = self.person(name).await;
        self.appoint(&actor, "speaker").await;
        actor
    }

    /// A draft without lessons.
    pub(crate) async fn draft(&self, author: &Actor, title: &str, price: &str) -> Course {
        let category = self.count("SELECT COALESCE(MIN(id), 0) FROM categories").await;
        let category = match u64::try_from(category).unwrap() {
            0 => self.category("Language").await,
            id => id,
        };
        courses::create_course(&self.app, author, plain(title, category, price)).await.unwrap()
    }

    pub(crate) async fn section(&self, author: &Actor, course_id: u64, title: &str) -> Section {
        let input = CreateSection { title: title.to_owned(), description: None };
        courses::create_section(&self.app, author, course_id, input).await.unwrap()
    }

    pub(crate) async fn lesson(&self, author: &Actor, section_id: u64, title: &str, seconds: u32) -> Lesson {
        courses::create_lesson(&self.app, author, section_id, link(title, seconds)).await.unwrap()
    }

    /// A published course of one section with so many lessons of a minute.
    pub(crate) async fn published(&self, author: &Actor, title: &str, price: &str, lessons: u32) -> Course {
        let course = self.draft(author, title, price).await;
        let section = self.section(author, course.id, "One").await;
        for number in 0..lessons {
            self.lesson(author, section.id, &format!("Lesson {number}"), 60).await;
        }
        self.picture(course.id).await;
        courses::publish_course(&self.app, author, course.id).await.unwrap()
    }

    /// A course's picture, as another application left it.
    pub(crate) async fn picture(&self, course_id: u64) {
        let set = format!("UPDATE courses SET thumbnail = 'https://cdn.test/a.webp' WHERE id = {course_id}");
        self.run(&set).await;
    }

    /// Somebody in a course, as the row would be; the counter follows.
    pub(crate) async fn enrolled(&self, user: &Actor, course_id: u64, status: &str, progress: &str) -> u64 {
        let user_id = user.user_id();
        let completed = if status == "completed" { "UTC_TIMESTAMP()" } else { "NULL" };
        self.run(&format!(
            "INSERT INTO enrollments (user_id, course_id, status, progress_percentage, enrolled_at, completed_at) \
             VALUES ({user_id}, {course_id}, '{status}', {progress}, UTC_TIMESTAMP(), {completed})"
        ))
        .await;
        self.run(&format!(
            "UPDATE courses SET students_count = (SELECT COUNT(*) FROM enrollments e WHERE e.course_id = courses.id \
             AND e.status IN ('active', 'completed')) WHERE id = {course_id}"
        ))
        .await;
        let find =
            format!("SELECT id FROM enrollments WHERE user_id = {user_id} AND course_id = {course_id}");
        u64::try_from(self.count(&find).await).unwrap()
    }

    /// A file of somebody, as it is after its upload.
    pub(crate) async fn file(&self, owner: &Actor, kind: &str, mime: &str) -> u64 {
        let (path, owner) = (format!("uploads/2026/11/{}", base::id::ulid()), owner.user_id());
        self.run(&format!(
            "INSERT INTO hub_uploads (user_id, kind, disk, path, original_name, mime, size, sha256, status, \
               created_at, updated_at) \
             VALUES ({owner}, '{kind}', 'local', '{path}', 'a.bin', '{mime}', 1234, REPEAT('0', 64), 'ready', \
               UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        ))
        .await;
        u64::try_from(self.count("SELECT MAX(id) FROM hub_uploads").await).unwrap()
    }

    /// Totals, durations and places are those of the rows (domain.md §4.2, I-L5, I-L6).
    pub(crate) async fn assert_courses_add_up(&self) {
        for (what, broken) in [
            (
                "total_lessons",
                "SELECT c.id FROM courses c WHERE c.total_lessons <> \
                 (SELECT COUNT(*) FROM course_lessons l WHERE l.course_id = c.id)",
            ),
            (
                "students_count",
                "SELECT c.id FROM courses c WHERE c.students_count <> (SELECT COUNT(*) FROM enrollments e \
                 WHERE e.course_id = c.id AND e.status IN ('active', 'completed'))",
            ),
            (
                "duration_seconds",
                "SELECT s.id FROM course_sections s WHERE s.duration_seconds <> (SELECT \
                 COALESCE(SUM(l.duration_seconds), 0) FROM course_lessons l WHERE l.course_section_id = s.id)",
            ),
            (
                "order of sections",
                "SELECT course_id FROM course_sections GROUP BY course_id HAVING COUNT(*) <> MAX(`order`) + 1 \
                 OR COUNT(DISTINCT `order`) <> COUNT(*)",
            ),
            (
                "order of lessons",
                "SELECT course_section_id FROM course_lessons GROUP BY course_section_id \
                 HAVING COUNT(*) <> MAX(`order`) + 1 OR COUNT(DISTINCT `order`) <> COUNT(*)",
            ),
            (
                "course of lessons",
                "SELECT l.id FROM course_lessons l JOIN course_sections s ON s.id = l.course_section_id \
                 WHERE s.course_id <> l.course_id",
            ),
            (
                "average_rating",
                "SELECT c.id FROM courses c WHERE c.average_rating <> COALESCE((SELECT ROUND(AVG(r.rating), 2) \
                 FROM hub_reviews r WHERE r.reviewable_type = 'course' AND r.reviewable_id = c.id), 0)",
            ),
        ] {
            assert_eq!(self.count(&format!("SELECT COUNT(*) FROM ({broken}) broken")).await, 0, "{what}");
        }
    }
}
