//! Sections and lessons: totals under concurrency, places, files, and what students are told.

use base::conditional::IfMatch;
use base::{Fault, Rule};
use domain::courses::{
    create_lesson, create_section, delete_lesson, delete_section, move_lesson, order_lessons, order_sections,
    tell_new_lessons, update_lesson,
};
use protocol::channel::Channel;
use protocol::courses::{CreateLesson, CreateSection, LessonType, MoveLesson, NewOrder, UpdateLesson};
use tokio::task::JoinSet;

use super::link;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_and_places_are_exact_after_concurrent_writes() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let course = stage.draft(&author, "A course", "10.00").await;
    let (one, two) =
        (stage.section(&author, course.id, "One").await, stage.section(&author, course.id, "Two").await);
    let mut old = Vec::new();
    for number in 0..20 {
        old.push(stage.lesson(&author, one.id, &format!("Old {number}"), 10).await.id);
    }
    let mut writes: JoinSet<Result<(), Rule>> = JoinSet::new();
    for number in 0..60_u32 {
        let (app, author) = (stage.app.clone(), author.clone());
        let mine = usize::try_from(number).unwrap() / 6;
        let (section, lesson) = (if number % 2 == 0 { one.id } else { two.id }, old[mine]);
        let course_id = course.id;
        writes.spawn(async move {
            let done = match number % 6 {
                0 | 1 => create_lesson(&app, &author, section, link("New", number)).await.map(drop),
                2 => delete_lesson(&app, &author, lesson, &IfMatch::ANY).await,
                3 => {
                    let to = MoveLesson { section_id: section, position: Some(0) };
                    move_lesson(&app, &author, lesson, to).await.map(drop)
                }
                4 => {
                    let change = UpdateLesson { duration_seconds: Some(number), ..UpdateLesson::default() };
                    update_lesson(&app, &author, lesson, &IfMatch::ANY, change).await.map(drop)
                }
                _ => {
                    let new = CreateSection { title: "New".to_owned(), description: None };
                    create_section(&app, &author, course_id, new).await.map(drop)
                }
            };
            done.map_err(|error| error.rule())
        });
    }
    let outcomes = writes.join_all().await;
    // What was deleted before it was moved or changed is not there any more; nothing else goes wrong.
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(Rule::NOT_FOUND))), "{outcomes:?}");
    stage.assert_courses_add_up().await;
    let total = stage.count(&format!("SELECT total_lessons FROM courses WHERE id = {}", course.id)).await;
    assert_eq!(total, 20 + 20 - 10);
    delete_section(&stage.app, &author, one.id, &IfMatch::ANY).await.unwrap();
    stage.assert_courses_add_up().await;
}

#[tokio::test]
async fn an_order_is_a_permutation_and_a_lesson_moves_within_its_course() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let app = &stage.app;
    let course = stage.draft(&author, "A course", "10.00").await;
    let other = stage.draft(&author, "Another", "10.00").await;
    let (one, two) =
        (stage.section(&author, course.id, "One").await, stage.section(&author, course.id, "Two").await);
    let foreign = stage.section(&author, other.id, "Foreign").await;
    assert_eq!((one.order, two.order, foreign.order), (0, 1, 0));
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(stage.lesson(&author, one.id, &format!("Lesson {number}"), 60).await.id);
    }
    let order = NewOrder { ids: vec![two.id, one.id] };
    let sections = order_sections(app, &author, course.id, order).await.unwrap();
    assert_eq!(sections.iter().map(|section| section.id).collect::<Vec<_>>(), [two.id, one.id]);
    for wrong in [vec![one.id], vec![one.id, one.id], vec![one.id, foreign.id], vec![]] {
        let refused = order_sections(app, &author, course.id, NewOrder { ids: wrong }).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    }
    let order = NewOrder { ids: vec![ids[2], ids[0], ids[1]] };
    let lessons = order_lessons(app, &author, one.id, order.clone()).await.unwrap();
    assert_eq!(lessons.iter().map(|lesson| lesson.id).collect::<Vec<_>>(), order.ids);
    assert_eq!(lessons.iter().map(|lesson| lesson.order).collect::<Vec<_>>(), [0, 1, 2]);

    let to = |section_id, position| MoveLesson { section_id, position };
    let moved = move_lesson(app, &author, ids[2], to(two.id, None)).await.unwrap();
    assert_eq!((moved.section_id, moved.order), (two.id, 0));
    let moved = move_lesson(app, &author, ids[0], to(two.id, Some(0))).await.unwrap();
    assert_eq!((moved.section_id, moved.order), (two.id, 0));
    let moved = move_lesson(app, &author, ids[0], to(two.id, Some(99))).await.unwrap();
    assert_eq!(moved.order, 1, "within its section, to its end");
    for nowhere in [foreign.id, 999_999] {
        let refused = move_lesson(app, &author, ids[0], to(nowhere, None)).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    }
    stage.assert_courses_add_up().await;
}

#[tokio::test]
async fn a_lessons_files_fit_its_type_and_go_with_it() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let app = &stage.app;
    let course = stage.draft(&author, "A course", "10.00").await;
    let section = stage.section(&author, course.id, "One").await;
    let film = stage.file(&author, "video", "video/mp4").await;
    let sheet = stage.file(&author, "document", "application/zip").await;
    let paper = stage.file(&author, "document", "application/pdf").await;
    let picture = stage.file(&author, "image", "image/png").await;
    let stranger = stage.person("stranger").await;
    let foreign = stage.file(&stranger, "video", "video/mp4").await;
    let with = |content_type, content_id| CreateLesson {
        content_type,
        content_id: Some(content_id),
        link: None,
        ..link("Lesson", 60)
    };
    for (content_type, file) in [
        (LessonType::Video, picture),
        (LessonType::Video, foreign),
        (LessonType::Video, 999_999),
        (LessonType::Pdf, sheet),
        (LessonType::Article, paper),
    ] {
        let refused = create_lesson(app, &author, section.id, with(content_type, file)).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED, "{content_type:?}");
    }
    let input = CreateLesson { attachment_ids: vec![paper, sheet], ..with(LessonType::Video, film) };
    let lesson = create_lesson(app, &author, section.id, input.clone()).await.unwrap();
    assert!(lesson.content_url.as_deref().unwrap().contains("/files/"));
    assert_eq!(lesson.attachments.iter().map(|file| file.size).collect::<Vec<_>>(), [Some(1234); 2]);
    assert_eq!(lesson.attachments[0].mime.as_deref(), Some("application/pdf"));
    let again = create_lesson(app, &author, section.id, input).await.unwrap_err();
    assert_eq!(again.rule(), Rule::VALIDATION_FAILED, "a file is of one thing");

    let attached =
        "SELECT COUNT(*) FROM hub_uploads WHERE status = 'attached' AND attached_type = 'course_lesson'";
    assert_eq!(stage.count(attached).await, 3);
    let change = UpdateLesson { attachment_ids: Some(vec![picture]), ..UpdateLesson::default() };
    let changed = update_lesson(app, &author, lesson.id, &IfMatch::ANY, change).await.unwrap();
    assert_eq!(changed.attachments.len(), 1);
    assert_eq!(stage.count(attached).await, 2, "the film and the picture");
    let other_type = UpdateLesson { content_type: Some(LessonType::Audio), ..UpdateLesson::default() };
    let refused = update_lesson(app, &author, lesson.id, &IfMatch::ANY, other_type).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    let none = UpdateLesson {
        content_type: Some(LessonType::Article),
        content_id: Some(None),
        description: Some(Some("Words".to_owned())),
        ..UpdateLesson::default()
    };
    let article = update_lesson(app, &author, lesson.id, &IfMatch::ANY, none).await.unwrap();
    assert_eq!((article.content_url, article.content_type), (None, LessonType::Article));
    assert_eq!(stage.count(attached).await, 1);
    delete_lesson(app, &author, lesson.id, &IfMatch::ANY).await.unwrap();
    assert_eq!(stage.count(attached).await, 0);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_uploads WHERE status = 'released'").await, 4);
}

#[tokio::test]
async fn lessons_that_come_and_go_change_what_active_students_have_done() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let course = stage.published(&author, "A course", "10.00", 3).await;
    let (active, done) = (stage.person("active").await, stage.person("done").await);
    let enrollment = stage.enrolled(&active, course.id, "active", "0").await;
    let completed = stage.enrolled(&done, course.id, "completed", "100").await;
    stage
        .run(&format!(
            "INSERT INTO lesson_progress (enrollment_id, lesson_id, is_completed) \
             SELECT {enrollment}, id, `order` < 2 FROM course_lessons WHERE course_id = {}",
            course.id
        ))
        .await;
    let progress = async |id: u64| {
        stage
            .text(&format!(
                "SELECT CONCAT(completed_lessons, ' ', progress_percentage) FROM enrollments WHERE id = {id}"
            ))
            .await
    };
    let section = stage.count("SELECT MIN(id) FROM course_sections").await;
    let fourth = stage.lesson(&author, u64::try_from(section).unwrap(), "Fourth", 60).await;
    assert_eq!(progress(enrollment).await, "2 50.00");
    assert_eq!(progress(completed).await, "0 100.00", "a completion stays");
    delete_lesson(&stage.app, &author, fourth.id, &IfMatch::ANY).await.unwrap();
    assert_eq!(progress(enrollment).await, "2 66.66");
    let first = stage.count("SELECT MIN(id) FROM course_lessons").await;
    delete_lesson(&stage.app, &author, u64::try_from(first).unwrap(), &IfMatch::ANY).await.unwrap();
    assert_eq!(progress(enrollment).await, "1 50.00");
    stage.assert_courses_add_up().await;
}

#[tokio::test]
async fn active_students_are_told_of_a_new_lesson_once_a_day() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let app = &stage.app;
    let course = stage.published(&author, "A course", "10.00", 1).await;
    let draft = stage.draft(&author, "Unseen", "10.00").await;
    let hidden = stage.section(&author, draft.id, "One").await;
    let mut students = Vec::new();
    for number in 0..3 {
        let student = stage.person(&format!("student{number}")).await;
        stage.enrolled(&student, course.id, "active", "0").await;
        students.push(student);
    }
    let gone = stage.person("gone").await;
    stage.enrolled(&gone, course.id, "cancelled", "0").await;
    let told =
        async |user_id: u64| stage.heard_of(Channel::User(user_id), "notification.created").await.len();
    assert_eq!(tell_new_lessons(app).await.unwrap(), 0, "the lessons of a draft are no news");

    let section = u64::try_from(stage.count("SELECT MIN(id) FROM course_sections").await).unwrap();
    for number in 0..3 {
        stage.lesson(&author, section, &format!("New {number}"), 60).await;
    }
    stage.lesson(&author, hidden.id, "Unseen", 60).await;
    assert_eq!(tell_new_lessons(app).await.unwrap(), 3);
    assert_eq!(tell_new_lessons(app).await.unwrap(), 0);
    for student in &students {
        assert_eq!(told(student.user_id()).await, 1);
    }
    assert_eq!(told(gone.user_id()).await, 0);
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_course_news").await, 0);

    stage.lesson(&author, section, "The same day", 60).await;
    assert_eq!(tell_new_lessons(app).await.unwrap(), 0);
    stage.run("UPDATE hub_notification_heads SET updated_at = UTC_TIMESTAMP() - INTERVAL 25 HOUR").await;
    stage.lesson(&author, section, "The next day", 60).await;
    let mut telling = JoinSet::new();
    for _ in 0..4 {
        let app = app.clone();
        telling.spawn(async move { tell_new_lessons(&app).await.unwrap() });
    }
    assert_eq!(telling.join_all().await.iter().sum::<u64>(), 3, "once, whoever runs the clock");
    let heard = stage.heard_of(Channel::Course(course.id), "course.updated").await;
    assert_eq!(heard.last().unwrap()["total_lessons"], 6);
}
