//! The operations of `domain::learning`.

mod certificates;
mod enrolling;
mod progress;
mod states;

use domain::learning;
use domain::{Actor, courses};
use protocol::courses::{Course, CreateLesson, LessonType};
use protocol::learning::{Enrollment, Progress, ReportProgress};

use crate::courses::link;
use crate::stage::Stage;

/// A film of so many seconds, kept elsewhere.
fn film(title: &str, seconds: u32) -> CreateLesson {
    CreateLesson { content_type: LessonType::Video, ..link(title, seconds) }
}

fn report(watched: u32) -> ReportProgress {
    ReportProgress { watched_duration_seconds: watched, position: Some(watched) }
}

impl Stage {
    /// A published course with so many films of 100 seconds; with the ids of its lessons.
    async fn films(&self, author: &Actor, price: &str, number: u32) -> (Course, Vec<u64>) {
        let course = self.draft(author, "A course", price).await;
        let section = self.section(author, course.id, "One").await;
        let mut lessons = Vec::new();
        for ordinal in 0..number {
            let lesson = film(&format!("Film {ordinal}"), 100);
            lessons.push(courses::create_lesson(&self.app, author, section.id, lesson).await.unwrap().id);
        }
        self.picture(course.id).await;
        (courses::publish_course(&self.app, author, course.id).await.unwrap(), lessons)
    }

    /// The ids of a course's lessons in their order.
    async fn lessons_of(&self, course_id: u64) -> Vec<u64> {
        let mut conn = self.app.store.reader().await.unwrap();
        store::courses::list_lessons(&mut conn, course_id)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect()
    }

    /// Into a course that costs nothing.
    async fn join(&self, user: &Actor, course_id: u64) -> Enrollment {
        learning::enroll(&self.app, user, course_id, None).await.unwrap().answer
    }

    async fn watch(&self, user: &Actor, lesson_id: u64, watched: u32) -> Progress {
        learning::report_progress(&self.app, user, lesson_id, report(watched)).await.unwrap()
    }

    /// As if the last reports had been so long ago.
    async fn wait(&self, seconds: u32) {
        self.run(&format!("UPDATE lesson_progress SET updated_at = updated_at - INTERVAL {seconds} SECOND"))
            .await;
    }

    async fn number_of(&self, sql: &str) -> u64 {
        u64::try_from(self.count(sql).await).unwrap()
    }

    /// The invariants of domain.md §12 and §4.2 that learning has to keep.
    async fn assert_learning_holds(&self) {
        for (what, broken) in [
            (
                "I-L1",
                "SELECT e.id FROM enrollments e LEFT JOIN certificates c ON c.enrollment_id = e.id \
                 WHERE (e.status = 'completed') <> (e.completed_at IS NOT NULL) \
                 OR (e.status = 'completed') <> (c.id IS NOT NULL)",
            ),
            (
                "I-L2",
                "SELECT e.id FROM enrollments e JOIN courses c ON c.id = e.course_id WHERE e.status <> 'completed' \
                 AND (e.completed_lessons <> (SELECT COUNT(*) FROM lesson_progress p WHERE p.enrollment_id = e.id \
                   AND p.is_completed = 1) \
                 OR e.progress_percentage <> COALESCE(FLOOR(10000 * e.completed_lessons / NULLIF(c.total_lessons, 0)) \
                   / 100, 0))",
            ),
            ("I-L3", "SELECT enrollment_id FROM certificates GROUP BY enrollment_id HAVING COUNT(*) > 1"),
            (
                "I-L3 below a hundred",
                "SELECT c.id FROM certificates c JOIN enrollments e ON e.id = c.enrollment_id \
                 WHERE e.progress_percentage <> 100",
            ),
            (
                "I-L4",
                "SELECT p.id FROM lesson_progress p JOIN course_lessons l ON l.id = p.lesson_id \
                 WHERE p.watched_duration_seconds > l.duration_seconds",
            ),
            (
                "I-L7",
                "SELECT e.id FROM enrollments e JOIN courses c ON c.id = e.course_id WHERE c.user_id = e.user_id",
            ),
            (
                "I-M13",
                "SELECT e.id FROM enrollments e LEFT JOIN transactions t ON t.id = e.transaction_id \
                 WHERE e.price_paid > 0 AND (t.id IS NULL OR t.amount <> e.price_paid)",
            ),
        ] {
            assert_eq!(self.count(&format!("SELECT COUNT(*) FROM ({broken}) broken")).await, 0, "{what}");
        }
        self.assert_courses_add_up().await;
        self.assert_ledger_holds().await;
    }
}
