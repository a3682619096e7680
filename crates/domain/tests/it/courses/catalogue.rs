//! Categories, the marketplace, and who sees what of a course.

use base::paging::{NumberedRequest, Sort};
use base::{Fault, Lang, Rule};
use domain::courses::{
    Include, create_category, create_course, delete_category, enter_channel, find_course, list_all_courses,
    list_categories, list_courses, list_courses_of, order_categories, update_category,
};
use domain::{Actor, App};
use protocol::courses::{
    Course, CourseFilter, CourseLevel, CourseStatus, CreateCategory, CreateCourse, NewOrder, Trashed,
    UpdateCategory,
};
use tokio::task::JoinSet;

use super::plain;
use crate::stage::{Stage, money, statements};

const LESSONS: Include = Include { category: false, sections: true, lessons: true };

async fn titles(app: &App, filter: CourseFilter, sort: &str) -> Vec<String> {
    let sort = Sort::parse(sort, &["created_at", "students_count", "average_rating", "price"]);
    let page = NumberedRequest::default();
    let (_, page) = list_courses(app, None, None, &filter, (sort, page), false).await.unwrap();
    assert_eq!(page.total, Some(u64::try_from(page.items.len()).unwrap()));
    page.items.into_iter().map(|course| course.title).collect()
}

async fn sees(app: &App, viewer: Option<&Actor>, name: &str) -> Result<Course, Rule> {
    let found = find_course(app, viewer, name, None, LESSONS).await;
    found.map(|(_, course)| course).map_err(|error| error.rule())
}

#[tokio::test]
async fn categories_are_kept_by_administrators_in_both_languages() {
    let stage = Stage::new().await;
    let app = &stage.app;
    let (reader, admin) = (stage.person("reader").await, stage.admin());
    let category = |name_en: &str| CreateCategory {
        name_en: name_en.to_owned(),
        name_ar: "علوم".to_owned(),
        icon: None,
        is_active: None,
    };
    let refused = create_category(app, &reader, None, category("Science")).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::FORBIDDEN);
    let science = create_category(app, admin, Some(Lang::En), category("Science")).await.unwrap();
    let twin = create_category(app, admin, Some(Lang::En), category("Science")).await.unwrap();
    assert_eq!((science.slug.as_str(), twin.slug.as_str(), twin.order), ("science", "science-2", 1));
    let off = UpdateCategory { is_active: Some(false), ..UpdateCategory::default() };
    update_category(app, admin, None, twin.id, off).await.unwrap();

    let (lang, shown) = list_categories(app, None, None).await.unwrap();
    assert_eq!((lang, shown.len(), shown[0].name.as_str()), (Lang::En, 1, "Science"));
    let (lang, shown) = list_categories(app, Some(&reader), None).await.unwrap();
    assert_eq!((lang, shown[0].name.as_str()), (Lang::Ar, "علوم"), "the reader's own language");
    let (_, shown) = list_categories(app, Some(admin), Some(Lang::En)).await.unwrap();
    assert_eq!(shown.len(), 2, "inactive ones, too");

    let turned = NewOrder { ids: vec![twin.id, science.id] };
    let ordered = order_categories(app, admin, None, turned).await.unwrap();
    assert_eq!(
        ordered.iter().map(|one| (one.id, one.order)).collect::<Vec<_>>(),
        [(twin.id, 0), (science.id, 1)]
    );
    let refused = order_categories(app, admin, None, NewOrder { ids: vec![twin.id] }).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);

    let author = stage.speaker("author").await;
    let closed = create_course(app, &author, plain("A course", twin.id, "0.00")).await.unwrap_err();
    assert_eq!(closed.rule(), Rule::VALIDATION_FAILED, "an inactive category takes nothing new");
    create_course(app, &author, plain("A course", science.id, "0.00")).await.unwrap();
    let used = delete_category(app, admin, science.id).await.unwrap_err();
    assert_eq!((used.rule(), used.rule().reason()), (Rule::CATEGORY_IN_USE, "in_use"));
    delete_category(app, admin, twin.id).await.unwrap();
    assert_eq!(stage.count("SELECT MAX(`order`) FROM categories").await, 0, "no hole is left");
    assert_eq!(delete_category(app, admin, twin.id).await.unwrap_err().rule(), Rule::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn courses_of_one_title_have_addresses_of_their_own() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let category = stage.category("Language").await;
    let mut making = JoinSet::new();
    for _ in 0..12 {
        let (app, author) = (stage.app.clone(), author.clone());
        making.spawn(async move {
            create_course(&app, &author, plain("النَّحْو  الميسر!", category, "1.00")).await.unwrap().slug
        });
    }
    let mut slugs = making.join_all().await;
    assert!(slugs.iter().any(|slug| slug == "النحو-الميسر"), "{slugs:?}");
    assert!(slugs.iter().all(|slug| slug.starts_with("النحو-الميسر")));
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 12);
    for slug in slugs.iter().take(2) {
        assert_eq!(&sees(&stage.app, Some(&author), slug).await.unwrap().slug, slug);
    }
    let reader = stage.person("reader").await;
    let refused = create_course(&stage.app, &reader, plain("Mine", category, "1.00")).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::FORBIDDEN);
    let number = create_course(&stage.app, &author, plain("2026", category, "1.00")).await.unwrap();
    assert_eq!(number.slug, "n2026", "digits alone would be an id");
}

#[tokio::test]
async fn the_marketplace_is_searched_filtered_and_sorted() {
    let stage = Stage::new().await;
    let (author, other) = (stage.speaker("author").await, stage.speaker("other").await);
    let (one, two) = (stage.category("One").await, stage.category("Two").await);
    let app = &stage.app;
    let publish = async |actor: &Actor, input: CreateCourse, students: u32, rating: &str| {
        let course = create_course(app, actor, input).await.unwrap();
        stage
            .run(&format!(
                "UPDATE courses SET status = 'published', students_count = {students}, average_rating = {rating}, \
                 created_at = created_at + INTERVAL id SECOND WHERE id = {}",
                course.id
            ))
            .await;
        course.id
    };
    let grammar = CreateCourse {
        description: Some("Sentences and words".to_owned()),
        level: CourseLevel::Beginner,
        discount_price: Some(money("50.00")),
        ..plain("Arabic grammar", one, "100.00")
    };
    publish(&author, grammar, 5, "4.50").await;
    let poems = CreateCourse {
        language: Lang::En,
        additional_category_ids: vec![one],
        ..plain("Poems of the desert", two, "70.00")
    };
    publish(&author, poems, 9, "3.00").await;
    publish(&other, plain("الخط العربي", two, "0.00"), 1, "0").await;
    let suspended = publish(&stage.speaker("suspended").await, plain("Hidden", one, "1.00"), 0, "0").await;
    stage.run("UPDATE users SET is_active = 0 WHERE username = 'suspended'").await;
    stage.draft(&author, "A draft", "1.00").await;

    let all = CourseFilter::default;
    let newest = ["الخط العربي", "Poems of the desert", "Arabic grammar"];
    assert_eq!(titles(app, all(), "-created_at").await, newest);
    assert_eq!(titles(app, all(), "-students_count").await, [newest[1], newest[2], newest[0]]);
    assert_eq!(titles(app, all(), "-average_rating").await, [newest[2], newest[1], newest[0]]);
    assert_eq!(titles(app, all(), "price").await, [newest[0], newest[2], newest[1]], "by what it costs now");
    for (filter, expected) in [
        (CourseFilter { category_id: Some(one), ..all() }, vec![newest[1], newest[2]]),
        (CourseFilter { category_id: Some(two), ..all() }, vec![newest[0], newest[1]]),
        (CourseFilter { language: Some(Lang::En), ..all() }, vec![newest[1]]),
        (CourseFilter { level: Some(CourseLevel::Beginner), ..all() }, vec![newest[2]]),
        (CourseFilter { price_min: Some(money("50.01")), ..all() }, vec![newest[1]]),
        (CourseFilter { price_max: Some(money("50.00")), ..all() }, vec![newest[0], newest[2]]),
        (CourseFilter { free: Some(true), ..all() }, vec![newest[0]]),
        (CourseFilter { free: Some(false), ..all() }, vec![newest[1], newest[2]]),
        (CourseFilter { author_id: Some(other.user_id()), ..all() }, vec![newest[0]]),
        (CourseFilter { rating_min: Some(450), ..all() }, vec![newest[2]]),
        (CourseFilter { q: Some("sentences gram".to_owned()), ..all() }, vec![newest[2]]),
        (CourseFilter { q: Some("العربي".to_owned()), ..all() }, vec![newest[0]]),
        (CourseFilter { q: Some("of".to_owned()), ..all() }, vec![newest[1]]),
        (CourseFilter { q: Some("+\"*(".to_owned()), ..all() }, vec![]),
    ] {
        assert_eq!(titles(app, filter.clone(), "-created_at").await, expected, "{filter:?}");
    }
    assert_eq!(sees(app, None, &suspended.to_string()).await.unwrap_err(), Rule::NOT_FOUND);

    let page = NumberedRequest { page: 1, per_page: 2, with_total: false };
    let mine = list_courses_of(app, Some(&author), author.user_id(), None, page).await.unwrap();
    assert_eq!((mine.items.len(), mine.has_more, mine.total), (2, true, None));
    let seen = list_courses_of(app, Some(&other), author.user_id(), None, page).await.unwrap();
    assert!(seen.items.iter().all(|course| course.status == CourseStatus::Published) && !seen.has_more);
    let drafts = Some(CourseStatus::Draft);
    assert!(
        list_courses_of(app, Some(&other), author.user_id(), drafts, page).await.unwrap().items.is_empty()
    );
    assert_eq!(
        list_courses_of(app, Some(&author), author.user_id(), drafts, page).await.unwrap().items.len(),
        1
    );
    let nobody = list_courses_of(app, None, 999_999, None, page).await.unwrap_err();
    assert_eq!(nobody.rule(), Rule::NOT_FOUND);

    let refused = list_all_courses(app, &author, &all(), None, page).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::FORBIDDEN);
    let page = NumberedRequest::default();
    let everything = list_all_courses(app, stage.admin(), &all(), None, page).await.unwrap();
    assert_eq!(everything.total, Some(5), "drafts and those of suspended authors, too");
    stage.run(&format!("UPDATE courses SET deleted_at = UTC_TIMESTAMP() WHERE id = {suspended}")).await;
    let deleted = CourseFilter { trashed: Some(Trashed::Only), ..all() };
    let deleted = list_all_courses(app, stage.admin(), &deleted, None, page).await.unwrap();
    assert!(deleted.items.len() == 1 && deleted.items[0].deleted_at.is_some());
    assert_eq!(list_all_courses(app, stage.admin(), &all(), None, page).await.unwrap().total, Some(4));
}

#[tokio::test]
async fn a_page_costs_the_same_however_many_courses_it_has() {
    let stage = Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.database.max_connections = 4;
    })
    .await;
    let mut cost = Vec::new();
    for round in 0..2 {
        for number in 0..4 {
            let author = stage.speaker(&format!("author{round}{number}")).await;
            stage.published(&author, "A course", "1.00", 1).await;
        }
        let before = statements(&stage.app).await;
        let page = NumberedRequest::default();
        let (_, page) =
            list_courses(&stage.app, None, None, &CourseFilter::default(), (None, page), true).await.unwrap();
        assert!(page.items.iter().all(|course| course.category.is_some()));
        cost.push((statements(&stage.app).await - before, page.items.len()));
    }
    assert_eq!((cost[0].0, cost[0].1, cost[1].1), (cost[1].0, 4, 8), "{cost:?}");
}

#[tokio::test]
async fn content_is_for_those_who_have_the_course() {
    let stage = Stage::new().await;
    let (author, app) = (stage.speaker("author").await, &stage.app);
    let course = stage.published(&author, "A course", "10.00", 2).await;
    let (student, dropout, stranger) =
        (stage.person("student").await, stage.person("dropout").await, stage.person("stranger").await);
    stage.enrolled(&student, course.id, "active", "0").await;
    stage.enrolled(&dropout, course.id, "cancelled", "0").await;
    stage.run("UPDATE course_lessons SET is_preview = 1 WHERE `order` = 0").await;
    stage
        .run("UPDATE course_lessons SET content_type = 'article', description = 'Words' WHERE `order` = 1")
        .await;
    let id = course.id.to_string();
    let shut = async |viewer: Option<&Actor>| {
        let seen = sees(app, viewer, &id).await.unwrap();
        let lessons = seen.sections.unwrap().remove(0).lessons.unwrap();
        assert!(lessons[0].link.is_some() && !lessons[0].locked, "a preview is everybody's");
        assert_eq!(lessons[1].link.is_none(), lessons[1].locked);
        assert_eq!(lessons[1].description.is_none(), lessons[1].locked, "an article's words are its content");
        lessons[1].locked
    };
    assert!(shut(None).await && shut(Some(&stranger)).await && shut(Some(&dropout)).await);
    assert!(!shut(Some(&student)).await && !shut(Some(&author)).await && !shut(Some(stage.admin())).await);

    let listens =
        async |actor: &Actor| enter_channel(app, actor, course.id).await.map_err(|error| error.rule());
    assert_eq!(listens(&stranger).await, Err(Rule::FORBIDDEN));
    assert_eq!(listens(&student).await.unwrap().total_lessons, 2);
    for (status, seen) in [("archived", [true, false, true, true]), ("draft", [false, false, true, true])] {
        stage.run(&format!("UPDATE courses SET status = '{status}'")).await;
        let viewers = [&student, &stranger, &author, stage.admin()];
        for (viewer, expected) in viewers.into_iter().zip(seen) {
            assert_eq!(sees(app, Some(viewer), &id).await.is_ok(), expected, "{status}");
            assert_eq!(listens(viewer).await.is_ok(), expected, "{status}");
        }
        assert_eq!(sees(app, None, &id).await.unwrap_err(), Rule::NOT_FOUND);
    }
}
