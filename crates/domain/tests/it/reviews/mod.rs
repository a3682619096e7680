//! The operations of `domain::reviews`: who may, once, and means that are exact under concurrency.

use base::conditional::IfMatch;
use base::paging::PageRequest;
use base::{CommonFault, Fault, Rule};
use domain::reviews::{
    create_review, delete_own_review, delete_review, list_reviews, list_reviews_by, update_own_review,
    update_review,
};
use domain::{Actor, App};
use protocol::channel::Channel;
use protocol::reviews::{CreateReview, Reviewable, UpdateReview};
use tokio::task::JoinSet;

use crate::stage::{Stage, statements};

fn stars(rating: u8) -> CreateReview {
    CreateReview { rating, body: Some("  واضح  ".to_owned()) }
}

fn other_stars(rating: u8) -> UpdateReview {
    UpdateReview { rating: Some(rating), ..UpdateReview::default() }
}

async fn review(app: &App, actor: &Actor, what: (Reviewable, u64), rating: u8) -> Result<u64, Rule> {
    let done = create_review(app, actor, what, stars(rating)).await;
    done.map(|review| review.id).map_err(|error| error.rule())
}

impl Stage {
    /// A published book of somebody.
    async fn book(&self, seller: &Actor) -> u64 {
        let category = match self.count("SELECT COALESCE(MIN(id), 0) FROM categories").await {
            0 => self.category("Language").await,
            id => u64::try_from(id).unwrap(),
        };
        let seller = seller.user_id();
        self.run(&format!(
            "INSERT INTO books (user_id, category_id, title, slug, author, description, cover, pdf_url, language, \
               page_count, price, preview_pages, status, created_at, updated_at) \
             VALUES ({seller}, {category}, 'A book', UUID(), 'Somebody', 'Words', 'https://e.com/c', 'x.pdf', 'ar', \
               10, 5, 1, 'published', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        ))
        .await;
        u64::try_from(self.count("SELECT MAX(id) FROM books").await).unwrap()
    }

    async fn bought(&self, user: &Actor, book_id: u64, status: &str) {
        let user = user.user_id();
        self.run(&format!(
            "INSERT INTO book_purchases (user_id, book_id, status, price_paid, purchased_at) \
             VALUES ({user}, {book_id}, '{status}', 0, UTC_TIMESTAMP())"
        ))
        .await;
    }

    async fn mean(&self, table: &str, id: u64) -> String {
        self.text(&format!("SELECT CAST(average_rating AS CHAR) FROM {table} WHERE id = {id}")).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reviews_at_once_have_an_exact_mean() {
    let stage = Stage::new().await;
    let author = stage.speaker("author").await;
    let course = stage.published(&author, "A course", "10.00", 1).await;
    let what = (Reviewable::Course, course.id);
    let mut students = Vec::new();
    for number in 0..100_u64 {
        let student = stage.person(&format!("student{number}")).await;
        students.push(student);
    }
    for student in &students {
        stage.enrolled(student, course.id, "active", "20").await;
    }
    let mut writing = JoinSet::new();
    for (number, student) in students.iter().cloned().enumerate() {
        let app = stage.app.clone();
        let rating = u8::try_from(number % 5 + 1).unwrap();
        writing.spawn(async move {
            let id = review(&app, &student, what, rating).await?;
            // Some change their minds at once, some take it back, some say it twice.
            match number % 10 {
                1 => update_review(&app, &student, id, &IfMatch::ANY, other_stars(5)).await.map(drop),
                2 => delete_review(&app, &student, id, &IfMatch::ANY).await,
                3 => {
                    assert_eq!(review(&app, &student, what, rating).await, Err(Rule::REVIEW_DUPLICATE));
                    Ok(())
                }
                _ => Ok(()),
            }
            .map_err(|error| error.rule())
        });
    }
    let outcomes = writing.join_all().await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_reviews").await, 90);
    // 20 of each of 1, 2, 3, 4, 5; ten twos have become fives; ten threes are gone.
    assert_eq!(stage.mean("courses", course.id).await, "3.33");
    stage.assert_courses_add_up().await;
    let mut twice = JoinSet::new();
    let eager = stage.person("eager").await;
    stage.enrolled(&eager, course.id, "completed", "100").await;
    for _ in 0..10 {
        let (app, eager) = (stage.app.clone(), eager.clone());
        twice.spawn(async move { review(&app, &eager, what, 1).await });
    }
    let outcomes = twice.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    stage.assert_courses_add_up().await;
}

#[tokio::test]
async fn a_course_is_reviewed_by_those_who_have_a_fifth_of_it_behind_them() {
    let stage = Stage::new().await;
    let (author, app) = (stage.speaker("author").await, &stage.app);
    let course = stage.published(&author, "A course", "10.00", 1).await;
    let what = (Reviewable::Course, course.id);
    for (name, enrollment, expected) in [
        ("nobody", None, Err(Rule::REVIEW_NOT_ENTITLED)),
        ("cancelled", Some(("cancelled", "90")), Err(Rule::REVIEW_NOT_ENTITLED)),
        ("early", Some(("active", "19.99")), Err(Rule::REVIEW_TOO_EARLY)),
        ("fifth", Some(("active", "20")), Ok(())),
        ("done", Some(("completed", "100")), Ok(())),
    ] {
        let person = stage.person(name).await;
        if let Some((status, progress)) = enrollment {
            stage.enrolled(&person, course.id, status, progress).await;
        }
        assert_eq!(review(app, &person, what, 4).await.map(drop), expected, "{name}");
    }
    assert_eq!(review(app, &author, what, 5).await, Err(Rule::REVIEW_NOT_ENTITLED), "not the author");
    assert_eq!(review(app, &author, (Reviewable::Course, 999_999), 5).await, Err(Rule::NOT_FOUND));
    let late = stage.person("late").await;
    let enrollment = stage.enrolled(&late, course.id, "active", "50").await;
    for (rating, body) in [(0, None), (6, None), (3, Some("x".repeat(2_001)))] {
        let refused = create_review(app, &late, what, CreateReview { rating, body }).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
    }
    stage
        .run(&format!(
            "UPDATE enrollments SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 DAY WHERE id = {enrollment}"
        ))
        .await;
    assert_eq!(review(app, &late, what, 4).await, Err(Rule::REVIEW_NOT_ENTITLED), "its time is over");
    stage.run("UPDATE courses SET status = 'draft'").await;
    assert_eq!(review(app, &late, what, 4).await, Err(Rule::NOT_FOUND));
}

#[tokio::test]
async fn a_review_is_its_writers_and_a_moderator_may_take_it_away() {
    let stage = Stage::new().await;
    let (seller, app) = (stage.speaker("seller").await, &stage.app);
    let book = stage.book(&seller).await;
    let what = (Reviewable::Book, book);
    let (reader, other) = (stage.person("reader").await, stage.person("other").await);
    let moderator = stage.person("moderator").await;
    stage.appoint(&moderator, "moderator").await;
    stage.bought(&reader, book, "completed").await;
    stage.bought(&other, book, "refunded").await;
    assert_eq!(review(app, &other, what, 4).await, Err(Rule::REVIEW_NOT_ENTITLED), "given back");
    let id = review(app, &reader, what, 2).await.unwrap();
    assert_eq!(stage.mean("books", book).await, "2.00");

    let change = async |actor: &Actor, version: &IfMatch, rating: u8| {
        let done = update_review(app, actor, id, version, other_stars(rating)).await;
        done.map_err(|error| error.rule())
    };
    for stranger in [&other, &moderator, &seller] {
        assert_eq!(change(stranger, &IfMatch::ANY, 5).await, Err(Rule::FORBIDDEN));
    }
    let stale = IfMatch::of(vec!["\"stale\"".to_owned()]);
    assert_eq!(change(&reader, &stale, 5).await, Err(Rule::PRECONDITION_FAILED));
    assert_eq!(change(&reader, &IfMatch::ANY, 9).await, Err(Rule::VALIDATION_FAILED));
    let changed = change(&reader, &IfMatch::ANY, 5).await.unwrap();
    assert_eq!((changed.rating, changed.body.as_deref()), (5, Some("واضح")));
    assert_eq!(changed.subject.title, "A book");
    let silent = UpdateReview { body: Some(None), ..UpdateReview::default() };
    let own = update_own_review(app, &reader, what, &IfMatch::ANY, silent).await.unwrap();
    assert_eq!((own.id, own.rating, own.body), (id, 5, None));
    assert_eq!(stage.mean("books", book).await, "5.00");

    let delete = async |actor: &Actor, id: u64| {
        delete_review(app, actor, id, &IfMatch::ANY).await.map_err(|error| error.rule())
    };
    assert_eq!(delete(&other, id).await, Err(Rule::FORBIDDEN));
    assert_eq!(delete(&moderator, id).await, Ok(()));
    assert_eq!(delete(&moderator, id).await, Err(Rule::NOT_FOUND));
    assert_eq!(stage.mean("books", book).await, "0.00");
    let told = stage.heard_of(Channel::User(reader.user_id()), "notification.created").await;
    assert_eq!(told[0]["notification"]["kind"], "content.removed");
    assert_eq!(stage.count("SELECT COUNT(*) FROM hub_audit_logs WHERE subject_type = 'review'").await, 1);

    // What was taken away may be said again, and taken back by its writer.
    let again = review(app, &reader, what, 3).await.unwrap();
    delete_own_review(app, &reader, what, &IfMatch::ANY).await.unwrap();
    assert_eq!(delete(&reader, again).await, Err(Rule::NOT_FOUND));
    let none = update_own_review(app, &reader, what, &IfMatch::ANY, other_stars(1)).await.unwrap_err();
    assert!(matches!(none.rule(), Rule::NOT_FOUND));
    // Of a book that is no more on offer a stranger learns nothing.
    let last = review(app, &reader, what, 1).await.unwrap();
    stage.run("UPDATE books SET status = 'archived'").await;
    assert_eq!(delete(&other, last).await, Err(Rule::NOT_FOUND));
    assert_eq!(delete(&reader, last).await, Ok(()));
}

#[tokio::test]
async fn lists_show_reviews_of_what_the_viewer_may_know_of() {
    let stage = Stage::with(|settings| {
        settings.limits.enabled = false;
        settings.database.max_connections = 4;
    })
    .await;
    let (author, app) = (stage.speaker("author").await, &stage.app);
    let course = stage.published(&author, "A course", "10.00", 1).await;
    let book = stage.book(&author).await;
    let what = (Reviewable::Course, course.id);
    let page = PageRequest::default();
    let mut costs = Vec::new();
    let mut students = Vec::new();
    for number in 0..6 {
        let student = stage.person(&format!("student{number}")).await;
        stage.enrolled(&student, course.id, "active", "50").await;
        review(app, &student, what, number + 1).await.unwrap_or(0);
        students.push(student);
        if number == 1 || number == 4 {
            let before = statements(app).await;
            list_reviews(app, None, what, None, page).await.unwrap();
            costs.push(statements(app).await - before);
        }
    }
    assert_eq!(costs[0], costs[1]);
    stage.bought(&students[0], book, "completed").await;
    review(app, &students[0], (Reviewable::Book, book), 5).await.unwrap();

    let ratings = |page: base::paging::Page<protocol::reviews::Review>| {
        page.items.into_iter().map(|review| review.rating).collect::<Vec<_>>()
    };
    assert_eq!(ratings(list_reviews(app, None, what, None, page).await.unwrap()), [5, 4, 3, 2, 1]);
    assert_eq!(ratings(list_reviews(app, None, what, Some(3), page).await.unwrap()), [3]);
    let small = PageRequest { per_page: 2, ..page };
    let first = list_reviews(app, None, what, None, small).await.unwrap();
    let next = PageRequest { cursor: first.next, per_page: 2 };
    assert_eq!(ratings(list_reviews(app, None, what, None, next).await.unwrap()), [3, 2]);
    stage.run(&format!("UPDATE users SET is_active = 0 WHERE id = {}", students[4].user_id())).await;
    assert_eq!(ratings(list_reviews(app, None, what, None, page).await.unwrap()), [4, 3, 2, 1]);

    let by = async |viewer: Option<&Actor>, user_id: u64| {
        list_reviews_by(app, viewer, user_id, page).await.map(ratings).map_err(|error| error.rule())
    };
    let writer = students[0].user_id();
    assert_eq!(by(None, writer).await, Ok(vec![5, 1]));
    assert_eq!(by(None, students[4].user_id()).await, Err(Rule::NOT_FOUND));
    stage.run("UPDATE courses SET status = 'archived'").await;
    assert_eq!(by(Some(&students[1]), writer).await, Ok(vec![5]));
    assert_eq!(by(Some(&students[0]), writer).await, Ok(vec![5, 1]), "one's own are all there");
    stage.world.block(writer, students[1].user_id()).await;
    assert_eq!(by(Some(&students[1]), writer).await, Err(Rule::NOT_FOUND));
    let stranger = stage.person("stranger").await;
    let hidden = list_reviews(app, Some(&stranger), what, None, page).await.unwrap_err();
    assert!(matches!(hidden, domain::reviews::ReviewError::Common(CommonFault::NotFound("course"))));
    assert!(list_reviews(app, Some(&students[1]), what, None, page).await.is_ok(), "who has it sees on");
}
