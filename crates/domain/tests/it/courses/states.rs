//! The states of a course: every step of random walks is the table's, and what a step asks for is asked.

use base::{Fault, Rule};
use domain::Actor;
use domain::courses::{archive_course, moderate_course, publish_course, unpublish_course};
use domain::machine::{allowed, may};
use protocol::channel::Channel;
use protocol::courses::{CourseStatus, ModerateCourse};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::stage::Stage;

async fn step(
    stage: &Stage,
    actor: &Actor,
    id: u64,
    to: CourseStatus,
) -> Result<CourseStatus, (Rule, Vec<String>)> {
    let app = &stage.app;
    let outcome = match to {
        CourseStatus::Published => publish_course(app, actor, id).await,
        CourseStatus::Draft => unpublish_course(app, actor, id).await,
        CourseStatus::Archived => archive_course(app, actor, id).await,
    };
    outcome.map(|course| course.status).map_err(|error| {
        let allowed = error.details().map(|details| details["allowed"].clone()).unwrap_or_default();
        (error.rule(), serde_json::from_value(allowed).unwrap_or_default())
    })
}

#[tokio::test]
async fn random_walks_go_where_the_table_leads_and_nowhere_else() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let student = stage.person("student").await;
    let mut random = StdRng::seed_from_u64(1_729);
    for walk in 0..4 {
        let course = stage.published(&author, "A course", "10.00", 1).await;
        let mut now = CourseStatus::Published;
        let mut has_students = false;
        for number in 0..20 {
            if walk % 2 == 1 && number == 6 {
                stage.enrolled(&student, course.id, "active", "0").await;
                has_students = true;
            }
            let to = *CourseStatus::ALL.choose(&mut random).unwrap();
            let kept = has_students && to == CourseStatus::Draft;
            match step(&stage, &author, course.id, to).await {
                Ok(after) => {
                    assert!(may(now, to) && !kept, "{now:?} became {to:?}");
                    assert_eq!(after, to);
                    now = to;
                }
                Err((rule, told)) => {
                    assert!(!may(now, to) || kept, "{now:?} did not become {to:?}: {rule:?}");
                    assert_eq!(rule, Rule::ILLEGAL_TRANSITION);
                    let mut expected = allowed(now);
                    expected.retain(|name| !(kept && may(now, to)) || *name != "draft");
                    assert_eq!(told, expected);
                }
            }
            let column = stage.text(&format!("SELECT status FROM courses WHERE id = {}", course.id)).await;
            assert_eq!(column, now.as_str());
        }
        // Each step was told, once.
        let told = stage.heard_of(Channel::Course(course.id), "course.updated").await;
        assert_eq!(told.last().unwrap()["status"], now.as_str());
    }
    stage.assert_courses_add_up().await;
}

#[tokio::test]
async fn of_twenty_who_publish_at_once_one_does() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let course = stage.draft(&author, "A course", "0.00").await;
    let section = stage.section(&author, course.id, "One").await;
    stage.lesson(&author, section.id, "Lesson", 60).await;
    stage.picture(course.id).await;
    let mut steps = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (app, author) = (stage.app.clone(), author.clone());
        steps.spawn(
            async move { publish_course(&app, &author, course.id).await.map_err(|error| error.rule()) },
        );
    }
    let outcomes = steps.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Rule::ILLEGAL_TRANSITION))));
}

#[tokio::test]
async fn what_is_published_has_a_picture_a_section_and_a_lesson_with_content() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let course = stage.draft(&author, "A course", "10.00").await;
    let lacks = async || {
        let refused = publish_course(&stage.app, &author, course.id).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
        let sentences = refused.violations().unwrap().sentences(base::Lang::En);
        sentences.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(lacks().await, ["lessons", "sections", "thumbnail_id"]);
    let section = stage.section(&author, course.id, "One").await;
    assert_eq!(lacks().await, ["lessons", "thumbnail_id"]);
    stage.picture(course.id).await;
    let empty = protocol::courses::CreateLesson { link: None, ..super::link("Empty", 0) };
    domain::courses::create_lesson(&stage.app, &author, section.id, empty).await.unwrap();
    assert_eq!(lacks().await, ["lessons"]);
    stage.lesson(&author, section.id, "Full", 60).await;
    let first = publish_course(&stage.app, &author, course.id).await.unwrap();
    assert!(first.published_at.is_some());
    archive_course(&stage.app, &author, course.id).await.unwrap();
    stage.run("UPDATE courses SET published_at = '2026-01-01 00:00:00'").await;
    let again = publish_course(&stage.app, &author, course.id).await.unwrap();
    assert_eq!(
        serde_json::to_value(again.published_at).unwrap(),
        "2026-01-01T00:00:00.000000Z",
        "the first time"
    );
}

#[tokio::test]
async fn administrators_steps_are_in_the_audit_log() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let other = stage.speaker("other").await;
    let course = stage.published(&author, "A course", "10.00", 1).await;
    let input = ModerateCourse { status: CourseStatus::Archived, reason: Some("Copyright".to_owned()) };
    for stranger in [&author, &other] {
        let refused = moderate_course(&stage.app, stranger, course.id, input.clone()).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::FORBIDDEN);
    }
    assert_eq!(step(&stage, &other, course.id, CourseStatus::Archived).await.unwrap_err().0, Rule::FORBIDDEN);
    let done = moderate_course(&stage.app, stage.admin(), course.id, input).await.unwrap();
    assert_eq!(done.status, CourseStatus::Archived);
    // What is not public is not there for others.
    assert_eq!(
        step(&stage, &other, course.id, CourseStatus::Published).await.unwrap_err().0,
        Rule::NOT_FOUND
    );
    let logged = "SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'courses.manage' AND subject_type = 'course' \
                  AND JSON_UNQUOTE(JSON_EXTRACT(after, '$.reason')) = 'Copyright'";
    assert_eq!(stage.count(logged).await, 1);
    step(&stage, &author, course.id, CourseStatus::Published).await.unwrap();
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'courses.manage'").await, 1);
}
