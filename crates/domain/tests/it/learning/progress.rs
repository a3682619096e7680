//! How far students are: the rules of domain.md §5.4, and races.

use base::paging::PageRequest;
use base::{Fault, Rule};
use domain::learning;
use protocol::channel::Channel;
use protocol::learning::{CreateNote, EnrollmentStatus, UpdateNote};
use tokio::task::JoinSet;

use super::report;
use crate::courses::link;
use crate::stage::Stage;

#[tokio::test]
async fn watching_counts_as_fast_as_time_and_ends_at_95_percent() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let student = stage.person("student").await;
    let (course, lessons) = stage.films(&author, "0.00", 3).await;
    stage.join(&student, course.id).await;
    let first = stage.watch(&student, lessons[0], 100).await;
    assert_eq!((first.lesson.watched_duration_seconds, first.lesson.position), (15, 100));
    stage.wait(20).await;
    let second = stage.watch(&student, lessons[0], 94).await;
    assert!(second.lesson.watched_duration_seconds >= 75 && !second.lesson.is_completed, "{second:?}");
    stage.wait(60).await;
    let third = stage.watch(&student, lessons[0], 94).await;
    assert_eq!((third.lesson.watched_duration_seconds, third.lesson.is_completed), (94, false));
    // Never less, and a jump back keeps its place.
    let back = stage.watch(&student, lessons[0], 3).await;
    assert_eq!((back.lesson.watched_duration_seconds, back.lesson.position), (94, 3));
    let done = stage.watch(&student, lessons[0], 95).await;
    assert!(done.lesson.is_completed && done.lesson.completed_at.is_some());
    assert_eq!(
        (done.progress_percentage.as_str(), done.completed_lessons, done.total_lessons),
        ("33.33", 1, 3)
    );
    let heard = stage.heard_of(Channel::User(student.user_id()), "progress.updated").await;
    assert_eq!(heard.len(), 5);
    assert_eq!(heard.last().unwrap()["progress_percentage"], "33.33");
    // Films are not marked by hand.
    for outcome in [
        learning::complete_lesson(&stage.app, &student, lessons[1]).await,
        learning::reopen_lesson(&stage.app, &student, lessons[0]).await,
    ] {
        assert_eq!(outcome.unwrap_err().rule(), Rule::WATCH_TO_COMPLETE);
    }
    let detail = {
        let page = learning::list_own_enrollments(&stage.app, &student, None, PageRequest::default()).await;
        let id = page.unwrap().items[0].id;
        learning::find_enrollment(&stage.app, &student, id).await.unwrap()
    };
    assert_eq!(detail.next_lesson.unwrap().id, lessons[1]);
    assert_eq!(detail.lessons.len(), 1);
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn lessons_that_are_not_watched_are_marked_and_unmarked() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let (student, stranger) = (stage.person("student").await, stage.person("stranger").await);
    let course = stage.published(&author, "A course", "0.00", 3).await;
    let lessons = stage.lessons_of(course.id).await;
    stage.join(&student, course.id).await;
    let app = &stage.app;
    for _ in 0..2 {
        let marked = learning::complete_lesson(app, &student, lessons[0]).await.unwrap();
        assert_eq!((marked.completed_lessons, marked.progress_percentage.as_str()), (1, "33.33"));
    }
    for _ in 0..2 {
        let unmarked = learning::reopen_lesson(app, &student, lessons[0]).await.unwrap();
        assert_eq!((unmarked.completed_lessons, unmarked.progress_percentage.as_str()), (0, "0.00"));
        assert!(!unmarked.lesson.is_completed && unmarked.lesson.completed_at.is_none());
    }
    let foreign = learning::complete_lesson(app, &stranger, lessons[0]).await.unwrap_err();
    assert_eq!(foreign.rule(), Rule::FORBIDDEN);
    // Opening is reading, where the settings say so.
    let page = learning::find_lesson(app, Some(&student), lessons[1]).await.unwrap();
    assert!(page.progress.is_none());
    stage
        .run(
            "INSERT INTO settings (`key`, value, type, `group`) \
             VALUES ('courses.auto_complete_non_video', '1', 'boolean', 'courses')",
        )
        .await;
    let page = learning::find_lesson(app, Some(&student), lessons[1]).await.unwrap();
    assert!(page.progress.unwrap().is_completed && page.lesson.link.is_some());
    assert!(learning::find_lesson(app, Some(&author), lessons[1]).await.unwrap().progress.is_none());
    let refused = learning::find_lesson(app, Some(&stranger), lessons[1]).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::FORBIDDEN);
    let guest = learning::find_lesson(app, None, lessons[1]).await.unwrap_err();
    assert_eq!(guest.rule(), Rule::UNAUTHENTICATED);
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn an_author_adds_and_removes_lessons_and_students_stay_exact() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let (one, two) = (stage.person("one").await, stage.person("two").await);
    let course = stage.published(&author, "A course", "0.00", 2).await;
    let lessons = stage.lessons_of(course.id).await;
    let app = &stage.app;
    let (first, second) = (stage.join(&one, course.id).await, stage.join(&two, course.id).await);
    for lesson in &lessons {
        learning::complete_lesson(app, &one, *lesson).await.unwrap();
    }
    learning::complete_lesson(app, &two, lessons[0]).await.unwrap();
    let section = {
        let mut conn = app.store.reader().await.unwrap();
        store::courses::list_section_ids(&mut conn, course.id).await.unwrap()[0]
    };
    let third = domain::courses::create_lesson(app, &author, section, link("Third", 60)).await.unwrap();
    let found = learning::find_enrollment(app, &two, second.id).await.unwrap().enrollment;
    assert_eq!((found.progress_percentage.as_str(), found.total_lessons), ("33.33", 3));
    // What was completed stays so, and its new lesson can be read.
    let found = learning::find_enrollment(app, &one, first.id).await.unwrap().enrollment;
    assert_eq!((found.status, found.progress_percentage.as_str()), (EnrollmentStatus::Completed, "100.00"));
    learning::complete_lesson(app, &one, third.id).await.unwrap();
    let locked = learning::reopen_lesson(app, &one, third.id).await.unwrap_err();
    assert_eq!(locked.rule(), Rule::ILLEGAL_TRANSITION);
    // Without the two that are open, the second student has done all.
    let any = base::conditional::IfMatch::default();
    for lesson in [third.id, lessons[1]] {
        domain::courses::delete_lesson(app, &author, lesson, &any).await.unwrap();
    }
    assert_eq!(learning::complete_due(app).await.unwrap(), 1);
    assert_eq!(learning::complete_due(app).await.unwrap(), 0);
    let found = learning::find_enrollment(app, &two, second.id).await.unwrap().enrollment;
    assert_eq!(found.status, EnrollmentStatus::Completed);
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn a_storm_of_reports_counts_each_lesson_once_and_makes_one_certificate() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let student = stage.person("student").await;
    let (course, lessons) = stage.films(&author, "0.00", 5).await;
    let enrollment = stage.join(&student, course.id).await;
    for lesson in &lessons {
        stage.watch(&student, *lesson, 10).await;
    }
    stage.wait(600).await;
    let mut tasks = JoinSet::new();
    for number in 0_usize..100 {
        let (app, student, lesson) = (stage.app.clone(), student.clone(), lessons[number % 5]);
        let watched = if number < 50 { 94 } else { 100 };
        tasks.spawn(async move { learning::report_progress(&app, &student, lesson, report(watched)).await });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.unwrap().unwrap();
    }
    stage.wait(600).await;
    for lesson in &lessons {
        stage.watch(&student, *lesson, 100).await;
    }
    let found = learning::find_enrollment(&stage.app, &student, enrollment.id).await.unwrap().enrollment;
    assert_eq!(found.status, EnrollmentStatus::Completed);
    assert_eq!((found.completed_lessons, found.progress_percentage.as_str()), (5, "100.00"));
    assert_eq!(stage.number_of("SELECT COUNT(*) FROM certificates").await, 1);
    let user = Channel::User(student.user_id());
    for event in ["course.completed", "certificate.issued"] {
        assert_eq!(stage.heard_of(user, event).await.len(), 1, "{event}");
    }
    stage.assert_learning_holds().await;
}

#[tokio::test]
async fn notes_are_private_and_stay_readable() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let (student, other) = (stage.person("student").await, stage.person("other").await);
    let (course, lessons) = stage.films(&author, "0.00", 2).await;
    let (mine, _) = (stage.join(&student, course.id).await, stage.join(&other, course.id).await);
    let app = &stage.app;
    let note = |content: &str, moment| CreateNote { content: content.to_owned(), timestamp_seconds: moment };
    for (wrong, field) in [
        (note("  ", None), "content"),
        (note(&"x".repeat(5_001), None), "content"),
        (note("x", Some(101)), "timestamp_seconds"),
    ] {
        let refused = learning::create_note(app, &student, lessons[0], wrong).await.unwrap_err();
        assert!(refused.violations().unwrap().sentences(base::Lang::En).contains_key(field));
    }
    let first = learning::create_note(app, &student, lessons[0], note(" المبتدأ ", Some(42))).await.unwrap();
    let second = learning::create_note(app, &student, lessons[1], note("two", None)).await.unwrap();
    assert_eq!((first.content.as_str(), first.timestamp_seconds), ("المبتدأ", Some(42)));
    let page = PageRequest::default();
    let list = learning::list_notes(app, &student, lessons[0], page).await.unwrap();
    assert_eq!(list.items, std::slice::from_ref(&first));
    let all = learning::list_course_notes(app, &student, course.id, page).await.unwrap();
    assert_eq!(all.items, [second.clone(), first.clone()]);
    assert!(learning::list_notes(app, &other, lessons[0], page).await.unwrap().items.is_empty());
    let foreign = learning::delete_note(app, &other, first.id).await.unwrap_err();
    assert_eq!(foreign.rule(), Rule::NOT_FOUND);
    let change = UpdateNote { content: None, timestamp_seconds: Some(None) };
    let changed = learning::update_note(app, &student, first.id, change).await.unwrap();
    assert_eq!((changed.content.as_str(), changed.timestamp_seconds), ("المبتدأ", None));
    // Gone from the course: read and delete, write no more.
    learning::cancel_enrollment(app, &student, mine.id, None).await.unwrap();
    assert_eq!(learning::list_course_notes(app, &student, course.id, page).await.unwrap().items.len(), 2);
    let locked = learning::create_note(app, &student, lessons[0], note("late", None)).await.unwrap_err();
    assert_eq!(locked.rule(), Rule::FORBIDDEN);
    learning::delete_note(app, &student, second.id).await.unwrap();
    assert_eq!(learning::list_course_notes(app, &student, course.id, page).await.unwrap().items.len(), 1);
}
