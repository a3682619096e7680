//! Changing and deleting a course: versions, files, prices.

use base::conditional::{Data, IfMatch, etag};
use base::{Fault, Rule};
use domain::courses::{Include, delete_course, find_course, publish_course, update_course};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::courses::{Course, UpdateCourse};
use tokio::task::JoinSet;

use crate::stage::{Stage, money};

async fn read(app: &App, viewer: &Actor, id: u64) -> Course {
    find_course(app, Some(viewer), &id.to_string(), None, Include::default()).await.unwrap().1
}

fn version(course: &Course) -> IfMatch {
    IfMatch::of(vec![etag(&serde_json::to_vec(&Data { data: course }).unwrap())])
}

fn title(text: &str) -> UpdateCourse {
    UpdateCourse { title: Some(text.to_owned()), ..UpdateCourse::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_who_change_one_version_one_does() {
    let stage = Stage::new().await;
    let (author, app) = (stage.speaker("author").await, &stage.app);
    let course = stage.draft(&author, "A course", "10.00").await;
    let read_version = version(&read(app, &author, course.id).await);
    let mut changes = JoinSet::new();
    for number in 0..20 {
        let (app, author, version) = (app.clone(), author.clone(), read_version.clone());
        changes.spawn(async move {
            let change = title(&format!("Title {number}"));
            update_course(&app, &author, course.id, &version, change).await.map_err(|error| error.rule())
        });
    }
    let outcomes = changes.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Rule::PRECONDITION_FAILED))));
    assert_eq!(stage.heard_of(Channel::Course(course.id), "course.updated").await.len(), 1);
}

#[tokio::test]
async fn an_author_names_the_version_and_an_administrator_need_not() {
    let stage = Stage::new().await;
    let (author, other, app) = (stage.speaker("author").await, stage.speaker("other").await, &stage.app);
    let course = stage.published(&author, "A course", "10.00", 1).await;
    let change = async |actor: &Actor, version: &IfMatch, change: UpdateCourse| {
        update_course(app, actor, course.id, version, change).await.map_err(|error| error.rule())
    };
    // Refusals in their order: who, which version, what.
    let bad = UpdateCourse { price: Some(money("-1.00")), ..UpdateCourse::default() };
    assert_eq!(change(&other, &IfMatch::ANY, bad.clone()).await, Err(Rule::FORBIDDEN));
    assert_eq!(change(&author, &IfMatch::ANY, bad.clone()).await, Err(Rule::PRECONDITION_REQUIRED));
    let stale = IfMatch::of(vec!["\"stale\"".to_owned()]);
    assert_eq!(change(&author, &stale, bad.clone()).await, Err(Rule::PRECONDITION_FAILED));
    let now = version(&read(app, &author, course.id).await);
    assert_eq!(change(&author, &now, bad).await, Err(Rule::VALIDATION_FAILED));
    let changed = change(&author, &now, title("Another")).await.unwrap();
    assert_eq!((changed.title.as_str(), &changed.slug), ("Another", &course.slug), "its address stays");
    assert_eq!(version(&changed), version(&read(app, &author, course.id).await));
    assert_eq!(change(stage.admin(), &IfMatch::ANY, title("Mended")).await.unwrap().title, "Mended");
    assert_eq!(change(stage.admin(), &stale, title("x")).await, Err(Rule::PRECONDITION_FAILED));

    for (what, wrong) in [
        ("discount", UpdateCourse { discount_price: Some(Some(money("10.00"))), ..UpdateCourse::default() }),
        ("category", UpdateCourse { category_id: Some(999_999), ..UpdateCourse::default() }),
        ("picture", UpdateCourse { thumbnail_id: Some(None), ..UpdateCourse::default() }),
        ("picture of another", UpdateCourse { thumbnail_id: Some(Some(999_999)), ..UpdateCourse::default() }),
        ("title", title("   ")),
    ] {
        assert_eq!(change(stage.admin(), &IfMatch::ANY, wrong).await, Err(Rule::VALIDATION_FAILED), "{what}");
    }
    let cheaper = UpdateCourse { discount_price: Some(Some(money("9.99"))), ..UpdateCourse::default() };
    assert_eq!(
        change(stage.admin(), &IfMatch::ANY, cheaper).await.unwrap().discount_price,
        Some(money("9.99"))
    );
    let price = UpdateCourse { price: Some(money("5.00")), ..UpdateCourse::default() };
    assert_eq!(
        change(stage.admin(), &IfMatch::ANY, price).await,
        Err(Rule::VALIDATION_FAILED),
        "below its discount"
    );
}

#[tokio::test]
async fn a_courses_files_are_taken_up_and_given_back() {
    let stage = Stage::new().await;
    let (author, app) = (stage.speaker("author").await, &stage.app);
    let course = stage.draft(&author, "A course", "10.00").await;
    let (first, second) =
        (stage.file(&author, "image", "image/png").await, stage.file(&author, "image", "image/png").await);
    let film = stage.file(&author, "video", "video/mp4").await;
    let set = async |thumbnail: Option<Option<u64>>, promo_video: Option<Option<u64>>| {
        let change =
            UpdateCourse { thumbnail_id: thumbnail, promo_video_id: promo_video, ..UpdateCourse::default() };
        let any = IfMatch::of(vec!["*".to_owned()]);
        update_course(app, &author, course.id, &any, change).await.map_err(|error| error.rule())
    };
    let changed = set(Some(Some(first)), Some(Some(film))).await.unwrap();
    assert!(
        changed.thumbnail.unwrap().contains("/files/") && changed.promo_video.unwrap().contains("/files/")
    );
    assert_eq!(set(Some(Some(film)), None).await, Err(Rule::VALIDATION_FAILED), "no picture, and in use");
    set(Some(Some(second)), None).await.unwrap();
    let status = async |id: u64| stage.text(&format!("SELECT status FROM hub_uploads WHERE id = {id}")).await;
    assert_eq!((status(first).await.as_str(), status(second).await.as_str()), ("released", "attached"));
    assert_eq!(set(None, Some(None)).await.unwrap().promo_video, None);
    assert_eq!(status(film).await, "released");
}

#[tokio::test]
async fn only_a_course_that_nobody_was_in_is_deleted() {
    let stage = Stage::new().await;
    let (author, other, app) = (stage.speaker("author").await, stage.speaker("other").await, &stage.app);
    let course = stage.published(&author, "A course", "10.00", 1).await;
    let student = stage.person("student").await;
    let delete = async |actor: &Actor, id: u64| {
        delete_course(app, actor, id, &IfMatch::ANY).await.map_err(|error| error.rule())
    };
    assert_eq!(delete(&other, course.id).await, Err(Rule::FORBIDDEN));
    stage.enrolled(&student, course.id, "cancelled", "0").await;
    assert_eq!(delete(&author, course.id).await, Err(Rule::COURSE_IN_USE));
    assert_eq!(delete(stage.admin(), course.id).await, Err(Rule::COURSE_IN_USE));
    let empty = stage.draft(&author, "Empty", "10.00").await;
    assert_eq!(delete(&other, empty.id).await, Err(Rule::NOT_FOUND), "a draft is not theirs to know");
    assert_eq!(delete(&author, empty.id).await, Ok(()));
    assert_eq!(delete(&author, empty.id).await, Err(Rule::NOT_FOUND));
    assert_eq!(publish_course(app, &author, empty.id).await.unwrap_err().rule(), Rule::NOT_FOUND);
    let twin = stage.draft(&author, "Empty", "10.00").await;
    assert_ne!(twin.slug, empty.slug, "an address is never given twice");
}
