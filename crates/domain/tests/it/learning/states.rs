//! The states of an enrollment: every step of random walks is the table's.

use base::{Fault, Rule};
use domain::learning::{LearningError, cancel_enrollment, enroll, expire_due};
use domain::machine::may;
use domain::{Actor, learning};
use protocol::learning::EnrollmentStatus;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::stage::{Stage, key};

/// Tries the step with the operation that makes it.
async fn step(
    stage: &Stage,
    student: &Actor,
    (course_id, lesson_id, enrollment_id): (u64, u64, u64),
    to: EnrollmentStatus,
) -> Result<(), LearningError> {
    let app = &stage.app;
    match to {
        EnrollmentStatus::Active => enroll(app, student, course_id, Some(key())).await.map(drop),
        EnrollmentStatus::Cancelled => {
            cancel_enrollment(app, stage.admin(), enrollment_id, Some(key())).await.map(drop)
        }
        EnrollmentStatus::Completed => learning::complete_lesson(app, student, lesson_id).await.map(drop),
        EnrollmentStatus::Expired => {
            let end = "UPDATE enrollments SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE id =";
            stage.run(&format!("{end} {enrollment_id}")).await;
            expire_due(app).await.map(drop).map_err(LearningError::from)
        }
    }
}

#[tokio::test]
async fn random_walks_go_where_the_table_leads_and_nowhere_else() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let mut random = StdRng::seed_from_u64(1_729);
    for walk in 0..6 {
        let student = stage.rich(&format!("student{walk}"), "1000.00").await;
        let price = if walk % 2 == 0 { "10.00" } else { "0.00" };
        let course = stage.published(&author, &format!("Course {walk}"), price, 1).await;
        let lesson_id = stage.lessons_of(course.id).await[0];
        let first = enroll(&stage.app, &student, course.id, Some(key())).await.unwrap().answer;
        let ids = (course.id, lesson_id, first.id);
        let mut now = EnrollmentStatus::Active;
        for _ in 0..14 {
            // Rarely to the end, from which nothing leads.
            let choices = [
                EnrollmentStatus::Active,
                EnrollmentStatus::Active,
                EnrollmentStatus::Cancelled,
                EnrollmentStatus::Cancelled,
                EnrollmentStatus::Expired,
                EnrollmentStatus::Expired,
                EnrollmentStatus::Completed,
            ];
            let to = *choices.choose(&mut random).unwrap();
            let outcome = step(&stage, &student, ids, to).await;
            let column = stage.text(&format!("SELECT status FROM enrollments WHERE id = {}", first.id)).await;
            if may(now, to) {
                outcome.unwrap();
                assert_eq!(column, to.as_str(), "{now:?} to {to:?}");
                now = to;
            } else {
                assert_eq!(column, now.as_str(), "{now:?} to {to:?}");
                if let Err(error) = outcome {
                    let told = [Rule::ILLEGAL_TRANSITION, Rule::ALREADY_ENROLLED, Rule::FORBIDDEN];
                    assert!(told.contains(&error.rule()), "{error}");
                }
            }
        }
    }
    stage.assert_learning_holds().await;
}
