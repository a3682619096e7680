//! The operations of `domain::search`.

use base::paging::NumberedRequest;
use base::{Fault, Rule};
use domain::Actor;
use domain::search::{self, SearchInput};
use protocol::search::{SearchHit, SearchType};

use crate::society::unlimited;
use crate::world::World;

async fn find(world: &World, viewer: Option<&Actor>, q: &str, kind: Option<SearchType>) -> Vec<SearchHit> {
    let input = SearchInput { q: q.to_owned(), kind };
    let page = search::search(world, viewer, &input, NumberedRequest::default(), "test").await.unwrap();
    assert_eq!(page.total, u64::try_from(page.items.len()).ok());
    page.items
}

fn ids(hits: &[SearchHit]) -> Vec<u64> {
    let mut ids: Vec<u64> = hits.iter().map(|hit| hit.id).collect();
    ids.sort_unstable();
    ids
}

/// An author, courses, a book, a room, posts.
async fn library(world: &World) -> (u64, Actor) {
    let (author, actor) = world.user("author").await;
    world
        .execute(
            "INSERT INTO categories (id, name_en, name_ar, slug) VALUES (1, 'Language', 'لغة', 'language')",
        )
        .await;
    for (id, title, status) in [
        (1, "النَّحوُ المُيسَّر للمدرسة", "published"),
        (2, "مبادئ الفيزياء ١٠١", "published"),
        (3, "النحو للخاصة", "draft"),
    ] {
        world
            .execute(&format!(
                "INSERT INTO courses (id, user_id, category_id, title, slug, description, language, level, status, \
                 created_at, updated_at) VALUES ({id}, {author}, 1, '{title}', 'c{id}', 'دورة مسؤولة', 'ar', 'all', \
                 '{status}', UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL {id} DAY)"
            ))
            .await;
    }
    world
        .execute(&format!(
            "INSERT INTO books (id, user_id, category_id, title, slug, author, description, pdf_url, language, page_count, \
             preview_pages, status, created_at, updated_at) VALUES (1, {author}, 1, 'Grammar of Arabic', 'b1', 'إبراهيم', \
             'كتاب', 'x.pdf', 'en', 10, 2, 'published', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        ))
        .await;
    for (id, content) in [(1, "أحبُّ النحو كثيرًا"), (2, "رحلة إلى مكة المكرمة")]
    {
        world
            .execute(&format!(
                "INSERT INTO posts (id, user_id, post_type, content, created_at, updated_at) \
                 VALUES ({id}, {author}, 'text', '{content}', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
            ))
            .await;
    }
    (author, actor)
}

#[tokio::test]
async fn spellings_of_arabic_are_one() {
    let world = unlimited().await;
    library(&world).await;
    assert!(search::refresh_index(&world).await.unwrap() >= 6);
    let courses = async |q| ids(&find(&world, None, q, Some(SearchType::Courses)).await);
    assert_eq!(courses("النحو").await, [1], "a draft is nobody's to find");
    assert_eq!(courses("نحو").await, [0; 0], "words are compared from their beginning");
    assert_eq!(courses("الميسر مدرسه").await, [0; 0]);
    assert_eq!(courses("الميسّر للمدرسه").await, [1]);
    assert_eq!(courses("مسوولة").await, [1, 2], "in the description, too");
    assert_eq!(courses("الفيزيا 101").await, [2]);
    assert_eq!(courses("مباد").await, [2]);
    let books = async |q| ids(&find(&world, None, q, Some(SearchType::Books)).await);
    assert_eq!((books("GRAMMAR arab").await, books("ابراهيم").await), (vec![1], vec![1]));
    // Two letters find longer words by their beginning.
    assert_eq!(ids(&find(&world, None, "مك", Some(SearchType::Posts)).await), [2]);
    let together = find(&world, None, "النحو", None).await;
    let kinds: Vec<SearchType> = together.iter().map(|hit| hit.kind).collect();
    assert_eq!(kinds, [SearchType::Courses, SearchType::Posts]);
    assert_eq!(together[0].path, "/api/v1/courses/1");

    let begun = search::suggest(&world, None, "الن", "test").await.unwrap();
    assert_eq!(begun.iter().map(|hit| hit.title.as_str()).collect::<Vec<_>>(), ["النَّحوُ المُيسَّر للمدرسة"]);
    for q in ["", "x", "،؟", &"x".repeat(101)] {
        let fault = search::suggest(&world, None, q, "test").await.unwrap_err();
        assert_eq!(fault.rule(), Rule::VALIDATION_FAILED, "{q}");
    }
}

#[tokio::test]
async fn what_changes_is_found_as_it_is_and_by_whom_it_may() {
    let world = unlimited().await;
    let (author, _) = library(&world).await;
    let (viewer_id, viewer) = world.user("viewer").await;
    search::refresh_index(&world).await.unwrap();
    let posts =
        async |viewer: Option<&Actor>| ids(&find(&world, viewer, "النحو", Some(SearchType::Posts)).await);
    assert_eq!((posts(None).await, posts(Some(&viewer)).await), (vec![1], vec![1]));

    world.execute(&format!("UPDATE user_profiles SET is_private = 1 WHERE user_id = {author}")).await;
    assert_eq!((posts(None).await, posts(Some(&viewer)).await), (vec![], vec![]));
    world.follow(viewer_id, author).await;
    assert_eq!((posts(None).await, posts(Some(&viewer)).await), (vec![], vec![1]));
    world.block(author, viewer_id).await;
    assert_eq!(posts(Some(&viewer)).await, [0; 0]);
    assert_eq!(find(&world, Some(&viewer), "النحو", Some(SearchType::Courses)).await.len(), 0);
    assert_eq!(find(&world, None, "author", Some(SearchType::Users)).await.len(), 1);
    world.suspend(author).await;
    assert_eq!(find(&world, None, "author", Some(SearchType::Users)).await.len(), 0);

    // Another title, and a row that is gone.
    world.execute("UPDATE users SET is_active = 1").await;
    world.execute("UPDATE courses SET title = 'البلاغة', updated_at = UTC_TIMESTAMP() WHERE id = 1").await;
    world.execute("DELETE FROM books").await;
    search::refresh_index(&world).await.unwrap();
    assert_eq!(find(&world, None, "البلاغه", Some(SearchType::Courses)).await.len(), 1);
    assert_eq!(find(&world, None, "الميسر", Some(SearchType::Courses)).await.len(), 0);
    assert_eq!(find(&world, None, "grammar", Some(SearchType::Books)).await.len(), 0);
    assert_eq!(search::purge_index(&world).await.unwrap(), 1);
    assert_eq!(search::purge_index(&world).await.unwrap(), 0);
}
