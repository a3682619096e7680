//! Into a course and out of it, for money and for nothing.

use base::{Fault, Rule, Time};
use domain::{Actor, learning};
use protocol::channel::Channel;
use protocol::learning::{EnrollmentStatus, GrantEnrollment};
use tokio::task::JoinSet;

use super::report;
use crate::recount::assert_no_drift;
use crate::stage::{Stage, key};

#[tokio::test]
async fn a_paid_course_is_bought_given_back_and_bought_again() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let student = stage.rich("student", "300.00").await;
    let (course, lessons) = stage.films(&author, "100.00", 10).await;
    let app = &stage.app;

    let refused = learning::enroll(app, &student, course.id, None).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::IDEMPOTENCY_KEY_REQUIRED);
    let key_of_first = key();
    let bought = learning::enroll(app, &student, course.id, Some(key_of_first.clone())).await.unwrap();
    assert!(!bought.replayed);
    let bought = bought.answer;
    assert_eq!((bought.status, bought.price_paid.to_string().as_str()), (EnrollmentStatus::Active, "100.00"));
    assert_eq!(stage.balance(&student).await, "200.00");
    let again = learning::enroll(app, &student, course.id, Some(key_of_first)).await.unwrap();
    assert!(again.replayed && again.answer == bought);
    let twice = learning::enroll(app, &student, course.id, Some(key())).await.unwrap_err();
    assert_eq!(twice.rule(), Rule::ALREADY_ENROLLED);
    let own = learning::enroll(app, &author, course.id, Some(key())).await.unwrap_err();
    assert_eq!(own.rule(), Rule::OWN_COURSE);
    assert_eq!(
        stage.number_of(&format!("SELECT students_count FROM courses WHERE id = {}", course.id)).await,
        1
    );

    // Both are told.
    let user = Channel::User(student.user_id());
    let heard = stage.heard_of(user, "enrollment.created").await;
    assert_eq!(heard.last().unwrap()["enrollment"]["id"], bought.id);
    let told = stage.heard_of(Channel::User(author.user_id()), "notification.created").await;
    assert!(told.iter().any(|told| told["notification"]["kind"] == "course.enrolled"), "{told:?}");

    // A lesson of ten is less than a fifth.
    stage.watch(&student, lessons[0], 15).await;
    stage.wait(60).await;
    let progress = stage.watch(&student, lessons[0], 100).await;
    assert_eq!(progress.progress_percentage, "10.00");
    let refused = learning::cancel_enrollment(app, &student, bought.id, None).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::IDEMPOTENCY_KEY_REQUIRED);
    let key_of_cancel = key();
    let ended =
        learning::cancel_enrollment(app, &student, bought.id, Some(key_of_cancel.clone())).await.unwrap();
    assert_eq!(ended.answer.status, EnrollmentStatus::Cancelled);
    assert_eq!(stage.balance(&student).await, "300.00");
    assert!(
        learning::cancel_enrollment(app, &student, bought.id, Some(key_of_cancel)).await.unwrap().replayed
    );
    let over = learning::cancel_enrollment(app, &student, bought.id, Some(key())).await.unwrap_err();
    assert_eq!(over.rule(), Rule::ILLEGAL_TRANSITION);
    let told = stage.heard_of(user, "notification.created").await;
    assert!(told.iter().any(|told| told["notification"]["kind"] == "refund.issued"), "{told:?}");
    assert_eq!(
        stage.number_of(&format!("SELECT students_count FROM courses WHERE id = {}", course.id)).await,
        0
    );
    let locked = learning::report_progress(app, &student, lessons[1], report(5)).await.unwrap_err();
    assert_eq!(locked.rule(), Rule::FORBIDDEN);

    // The same row, and what was learnt.
    let back = learning::enroll(app, &student, course.id, Some(key())).await.unwrap().answer;
    assert_eq!((back.id, back.completed_lessons), (bought.id, 1));
    assert_eq!(back.progress_percentage, "10.00");
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn a_student_gives_back_in_time_and_an_administrator_at_any_time() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let student = stage.rich("student", "100.00").await;
    let stranger = stage.person("stranger").await;
    let (course, lessons) = stage.films(&author, "40.00", 4).await;
    let app = &stage.app;
    let bought = learning::enroll(app, &student, course.id, Some(key())).await.unwrap().answer;
    stage.run("UPDATE enrollments SET enrolled_at = enrolled_at - INTERVAL 15 DAY").await;
    let late = learning::cancel_enrollment(app, &student, bought.id, Some(key())).await.unwrap_err();
    assert_eq!(late.rule(), Rule::CANCEL_POLICY);
    stage
        .run(
            "INSERT INTO settings (`key`, value, type, `group`) VALUES ('courses.refund_days', '20', 'integer', 'courses') \
             ON DUPLICATE KEY UPDATE value = VALUES(value)",
        )
        .await;
    // A quarter is too much.
    stage.watch(&student, lessons[0], 15).await;
    stage.wait(60).await;
    stage.watch(&student, lessons[0], 100).await;
    let much = learning::cancel_enrollment(app, &student, bought.id, Some(key())).await.unwrap_err();
    assert_eq!(much.rule(), Rule::CANCEL_POLICY);
    let foreign = learning::cancel_enrollment(app, &stranger, bought.id, Some(key())).await.unwrap_err();
    assert_eq!(foreign.rule(), Rule::NOT_FOUND);
    learning::cancel_enrollment(app, stage.admin(), bought.id, Some(key())).await.unwrap();
    assert_eq!(stage.balance(&student).await, "100.00");
    assert_eq!(
        stage.number_of("SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'enrollments.cancel'").await,
        1
    );
    let poor = learning::enroll(app, &stranger, course.id, Some(key())).await.unwrap_err();
    assert_eq!(poor.rule(), Rule::INSUFFICIENT_FUNDS);
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn only_published_courses_take_students_unless_an_administrator_does() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let student = stage.person("student").await;
    let app = &stage.app;
    let draft = stage.draft(&author, "A draft", "0.00").await;
    let hidden = learning::enroll(app, &student, draft.id, None).await.unwrap_err();
    assert_eq!(hidden.rule(), Rule::NOT_FOUND);
    let course = stage.published(&author, "A course", "50.00", 1).await;
    domain::courses::archive_course(app, &author, course.id).await.unwrap();
    let archived = learning::enroll(app, &student, course.id, Some(key())).await.unwrap_err();
    assert_eq!(archived.rule(), Rule::NOT_FOUND);
    let grant = |user: &Actor, course_id, expires_at| GrantEnrollment {
        user_id: user.user_id(),
        course_id,
        expires_at,
        reason: Some("A prize".to_owned()),
    };
    let forbidden =
        learning::grant_enrollment(app, &author, grant(&student, course.id, None)).await.unwrap_err();
    assert_eq!(forbidden.rule(), Rule::FORBIDDEN);
    let past = Some(Time::now_in_seconds().plus_seconds(-5));
    let wrong =
        learning::grant_enrollment(app, stage.admin(), grant(&student, course.id, past)).await.unwrap_err();
    assert_eq!(wrong.rule(), Rule::VALIDATION_FAILED);
    let soon = Some(Time::now_in_seconds().plus_seconds(3 * 86_400));
    let granted =
        learning::grant_enrollment(app, stage.admin(), grant(&student, course.id, soon)).await.unwrap();
    assert_eq!((granted.price_paid.to_string().as_str(), granted.expires_at), ("0.00", soon));
    let own =
        learning::grant_enrollment(app, stage.admin(), grant(&author, course.id, None)).await.unwrap_err();
    assert_eq!(own.rule(), Rule::OWN_COURSE);

    // Told once that it ends, then it ends.
    assert_eq!(learning::remind_due(app).await.unwrap(), 1);
    assert_eq!(learning::remind_due(app).await.unwrap(), 0);
    let told = stage.heard_of(Channel::User(student.user_id()), "notification.created").await;
    assert!(told.iter().any(|told| told["notification"]["kind"] == "enrollment.expiring"), "{told:?}");
    assert_eq!(learning::expire_due(app).await.unwrap(), 0);
    stage.run("UPDATE enrollments SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND").await;
    assert_eq!(learning::expire_due(app).await.unwrap(), 1);
    let lesson = stage.lessons_of(course.id).await[0];
    let locked = learning::complete_lesson(app, &student, lesson).await.unwrap_err();
    assert_eq!(locked.rule(), Rule::NOT_FOUND);
    let again =
        learning::grant_enrollment(app, stage.admin(), grant(&student, course.id, None)).await.unwrap();
    assert_eq!(again.id, granted.id);
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn of_a_hundred_at_once_each_comes_in_once() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let (course, _) = stage.films(&author, "5.00", 2).await;
    let free = stage.published(&author, "A free course", "0.00", 1).await;
    let mut people = Vec::new();
    for number in 0..100 {
        people.push(stage.person(&format!("student{number}")).await);
    }
    let one = stage.rich("one", "50.00").await;
    let mut tasks = JoinSet::new();
    for person in people.clone() {
        let app = stage.app.clone();
        tasks.spawn(async move { learning::enroll(&app, &person, free.id, None).await.map(|_| ()) });
    }
    for _ in 0..100 {
        let (app, one) = (stage.app.clone(), one.clone());
        tasks.spawn(async move { learning::enroll(&app, &one, course.id, Some(key())).await.map(|_| ()) });
    }
    let mut refused = 0;
    while let Some(outcome) = tasks.join_next().await {
        if let Err(error) = outcome.unwrap() {
            assert_eq!(error.rule(), Rule::ALREADY_ENROLLED, "{error}");
            refused += 1;
        }
    }
    assert_eq!(refused, 99);
    assert_eq!(stage.balance(&one).await, "45.00");
    let count = |id| format!("SELECT students_count FROM courses WHERE id = {id}");
    assert_eq!(stage.number_of(&count(free.id)).await, 100);
    assert_eq!(stage.number_of(&count(course.id)).await, 1);
    stage.assert_learning_holds().await;
    assert_no_drift(&stage.app, "a hundred enroll in one course at once").await;
}
