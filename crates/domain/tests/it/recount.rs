//! Counters are found where they have drifted, and mended.

use domain::system::{counters, recount};

use crate::society::unlimited;
use crate::world::World;

async fn set(world: &World, statement: &str) {
    world.execute(statement).await;
}

/// Every counter that `majlis recount` compares says what its rows say, after a storm upon it.
pub(crate) async fn assert_no_drift(app: &domain::App, storm: &str) {
    let drift = recount(app, false, |_| {}).await.unwrap();
    println!("{storm}: {} of {} counters have drifted", drift.len(), counters().count());
    assert_eq!(drift, []);
}

#[tokio::test]
async fn drift_is_found_and_mended_but_for_money() {
    let world = unlimited().await;
    let (one, _) = world.user("one").await;
    let (two, _) = world.user("two").await;
    assert_eq!(recount(&world, false, |_| {}).await.unwrap(), []);
    set(&world, &format!("INSERT INTO followers (follower_id, following_id) VALUES ({one}, {two})")).await;
    set(&world, "INSERT INTO categories (id, name_en, name_ar, slug) VALUES (1, 'a', 'a', 'a')").await;
    set(
        &world,
        &format!(
            "INSERT INTO posts (id, user_id, post_type, content, reactions_count, comments_count, shares_count) \
             VALUES (1, {one}, 'text', 'x', 5, 5, 5), (2, {one}, 'text', 'x', 1, 1, 0)"
        ),
    )
    .await;
    // Both spellings of a model count; what is deleted does not.
    set(
        &world,
        &format!(
            "INSERT INTO reactions (user_id, reactable_type, reactable_id, type) VALUES \
             ({one}, 'post', 1, 'like'), ({two}, 'App\\\\Models\\\\Post', 1, 'like'), ({two}, 'comment', 1, 'like'), \
             ({two}, 'post', 2, 'like')"
        ),
    )
    .await;
    set(
        &world,
        &format!(
            "INSERT INTO comments (post_id, user_id, content, deleted_at) VALUES (1, {one}, 'x', NULL), \
             (1, {one}, 'x', UTC_TIMESTAMP()), (2, {one}, 'x', NULL)"
        ),
    )
    .await;
    set(
        &world,
        &format!(
            "INSERT INTO courses (id, user_id, category_id, title, slug, language, level, status, students_count) \
             VALUES (1, {one}, 1, 'x', 'x', 'ar', 'all', 'published', 9)"
        ),
    )
    .await;
    set(&world, "INSERT INTO course_sections (id, course_id, title, `order`) VALUES (1, 1, 'x', 0)").await;
    for id in 1..=3 {
        set(
            &world,
            &format!(
                "INSERT INTO course_lessons (id, course_section_id, course_id, title, duration_seconds, `order`) \
                 VALUES ({id}, 1, 1, 'x', 60, {id})"
            ),
        )
        .await;
    }
    set(
        &world,
        &format!(
            "INSERT INTO enrollments (id, user_id, course_id, status, progress_percentage, completed_lessons) \
             VALUES (1, {two}, 1, 'active', 0, 0)"
        ),
    )
    .await;
    set(
        &world,
        "INSERT INTO lesson_progress (enrollment_id, lesson_id, is_completed) VALUES (1, 1, 1), (1, 2, 0)",
    )
    .await;
    set(&world, &format!("UPDATE wallets SET balance = 5 WHERE user_id = {one}")).await;

    let found = recount(&world, false, |_| {}).await.unwrap();
    let lines: Vec<String> =
        found.iter().map(|drift| format!("{} {} {}", drift.counter, drift.kept, drift.counted)).collect();
    assert_eq!(
        lines,
        [
            "user_profiles.followers_count 0 1",
            "user_profiles.following_count 0 1",
            "posts.reactions_count 5 2",
            "posts.comments_count 5 1",
            "posts.shares_count 5 0",
            "courses.total_lessons 0 3",
            "course_sections.duration_seconds 0 180",
            "courses.students_count 9 1",
            "enrollments.completed_lessons 0 1",
            "enrollments.progress_percentage 0.00 33.33",
            "wallets.balance 5.00 0.00",
        ]
    );
    let mut looked = Vec::new();
    let mended = recount(&world, true, |counter| looked.push(counter)).await.unwrap();
    assert_eq!(looked, counters().collect::<Vec<_>>());
    assert_eq!(
        mended.iter().filter(|drift| !drift.fixed).map(|drift| drift.counter).collect::<Vec<_>>(),
        ["wallets.balance"]
    );
    let left = recount(&world, false, |_| {}).await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(domain::system::measure_drift(&world).await.unwrap(), 1);
}
