//! The lists of each domain in their default order, over a hundred thousand rows (domain.md D18): the statements are taken from the
//! server's own log and explained. None reads a whole table or sorts what it has found, and their number does not grow with the
//! page.

use store::testing::PlanLine;

use crate::world::{Person, World};

/// Digits, to be crossed with themselves.
const DIGITS: &str = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
/// What may be read as a whole, or sorted: a page and what belongs to it.
const FEW: u64 = 1_000;
/// Connections of a world's pool.
const CONNECTIONS: usize = 8;

/// What is in the tables; `{me}` is who asks, `{you}` somebody else, `n` the row's number from 0.
const CONTENT: &[(&str, &str)] = &[
    (
        "users (name, username, email, password, is_active, created_at, updated_at)",
        "CONCAT('Person ', n), CONCAT('p', n), CONCAT('p', n, '@example.com'), 'x', 1, \
         UTC_TIMESTAMP() - INTERVAL n SECOND, UTC_TIMESTAMP()",
    ),
    ("followers (follower_id, following_id, created_at)", "{me}, {base} + n, UTC_TIMESTAMP()"),
    (
        "posts (user_id, post_type, content, created_at, updated_at)",
        "{base} + n, 'text', 'x', UTC_TIMESTAMP() - INTERVAL n SECOND, UTC_TIMESTAMP()",
    ),
    (
        "comments (post_id, user_id, content, created_at, updated_at)",
        "1, {base} + n, 'x', UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "reactions (user_id, reactable_type, reactable_id, type, created_at)",
        "{base} + n, 'post', 1, 'like', UTC_TIMESTAMP()",
    ),
    ("post_shares (user_id, post_id, created_at)", "{base} + n, 1, UTC_TIMESTAMP()"),
    (
        "post_reports (user_id, post_id, reason, status, created_at)",
        "{base} + n, n + 1, 'spam', 'pending', UTC_TIMESTAMP() - INTERVAL n SECOND",
    ),
    (
        "courses (user_id, category_id, title, slug, language, level, price, status, created_at, updated_at)",
        "{you}, 1, CONCAT('Course ', n), CONCAT('c', n), 'ar', 'all', 0, 'published', \
         UTC_TIMESTAMP() - INTERVAL n SECOND, UTC_TIMESTAMP()",
    ),
    (
        "enrollments (user_id, course_id, status, enrolled_at, created_at)",
        "{me}, n + 1, 'active', UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "hub_reviews (user_id, reviewable_type, reviewable_id, rating, body)",
        "{base} + n, 'course', 1, 5, 'x'",
    ),
    (
        "books (user_id, category_id, title, slug, author, pdf_url, language, page_count, preview_pages, price, status, created_at, \
         updated_at)",
        "{you}, 1, CONCAT('Book ', n), CONCAT('b', n), 'x', 'x.pdf', 'ar', 100, 5, 0, 'published', \
         UTC_TIMESTAMP() - INTERVAL n SECOND, UTC_TIMESTAMP()",
    ),
    (
        "book_purchases (user_id, book_id, status, price_paid, purchased_at, created_at)",
        "{me}, n + 1, 'completed', 0, UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "book_annotations (book_purchase_id, user_id, page_number, type, content, created_at, updated_at)",
        "1, {me}, 1 + n MOD 100, 'note', 'x', UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "book_reading_progress (book_purchase_id, current_page, total_pages_read, created_at, updated_at)",
        "n + 1, 1, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    ("hub_annotation_versions (annotation_id, book_purchase_id, edited_at, revision)", "n + 1, 1, 1, n + 1"),
    (
        "live_rooms (user_id, title, start_date, end_date, start_time, end_time, timezone, duration_type, access_type, price, \
         status, created_at, updated_at)",
        "{you}, CONCAT('Room ', n), '2027-01-01', '2027-01-01', '10:00', '11:00', 'Asia/Riyadh', 'day', 'free', 0, \
         'scheduled', UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "live_room_messages (live_room_id, user_id, type, message, created_at, updated_at)",
        "1, {you}, 'text', 'x', UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "live_room_registrations (user_id, live_room_id, status, price_paid, registered_at, created_at)",
        "{base} + n, 1, 'registered', 0, UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "consultation_bookings (student_id, speaker_id, scheduled_at, duration_minutes, price_paid, status, created_at)",
        "{me}, {you}, '2027-01-01' + INTERVAL 30 * n MINUTE, 30, 0, 'scheduled', UTC_TIMESTAMP()",
    ),
    ("hub_bookings (booking_id)", "n + 1"),
    (
        "consultation_ratings (booking_id, rater_id, rated_id, rating, created_at)",
        "n + 1, {me}, {you}, 5, UTC_TIMESTAMP()",
    ),
    (
        "transactions (wallet_id, user_id, type, category, amount, balance_after, transaction_reference, status, created_at)",
        "{wallet}, {me}, 'credit', 'adjustment', 1, 1, CONCAT('TX-', n), 'completed', UTC_TIMESTAMP()",
    ),
    (
        "invoices (transaction_id, user_id, invoice_number, subtotal, vat_rate, vat_amount, total, items, status, issued_at, created_at)",
        "n + 1, {me}, CONCAT('INV-', n), 1, 15, 0, 1, '[]', 'issued', UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "gift_transactions (gift_id, sender_id, receiver_id, giftable_type, giftable_id, quantity, total_price, created_at)",
        "1, {me}, {you}, 'live_room', 1, 1, 1, UTC_TIMESTAMP()",
    ),
    (
        "conversations (user_one_id, user_two_id, created_at, updated_at)",
        "{me}, {base} + n, UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "messages (conversation_id, sender_id, type, body, created_at, updated_at)",
        "1 + n MOD 1000, {me}, 'text', 'x', UTC_TIMESTAMP(), UTC_TIMESTAMP()",
    ),
    (
        "notifications (id, type, notifiable_type, notifiable_id, data, created_at, updated_at)",
        "UUID(), 'X', 'App\\\\Models\\\\User', {me}, '{}', UTC_TIMESTAMP() - INTERVAL n SECOND, UTC_TIMESTAMP()",
    ),
    ("hub_audit_logs (actor_id, action, subject_type, subject_id)", "{me}, 'users.suspend', 'user', n"),
];

/// The lists, below `/api/v1`.
const LISTS: &[&str] = &[
    "/users",
    "/feed",
    "/posts/1/comments",
    "/posts/1/reactions",
    "/posts/1/shares",
    "/users/me/following",
    "/admin/reports",
    "/courses",
    "/me/enrollments",
    "/courses/1/reviews",
    "/books",
    "/me/library",
    "/books/1/annotations",
    "/live-rooms",
    "/live-rooms/1/messages",
    "/live-rooms/1/participants",
    "/me/bookings?role=student",
    "/wallet/transactions",
    "/invoices",
    "/me/gifts?direction=sent",
    "/conversations",
    "/conversations/1/messages",
    "/notifications",
    "/admin/audit-logs",
    "/admin/users",
    "/admin/users?filter[trashed]=with",
    "/admin/posts",
    "/admin/comments",
    "/admin/courses",
    "/admin/books",
    "/admin/live-rooms",
    "/admin/bookings",
    "/admin/transactions",
];

/// What a line of a plan does that no list may do. An index that is read in its order is read as far as the page goes.
fn fault(statement: &str, line: &PlanLine) -> Option<&'static str> {
    let (own, sorts) = (line.table.starts_with('<'), line.extra.contains("Using filesort"));
    let stops = line.access == "index" && !sorts && statement.contains(" LIMIT ");
    match line.access.as_str() {
        "ALL" | "index" if !own && !stops && line.rows > FEW => Some("reads all of a table"),
        _ if sorts && !own && line.rows > FEW => Some("sorts"),
        _ => None,
    }
}

async fn fill(world: &World, me: &Person, you: &Person) {
    world.sql("INSERT INTO categories (id, name_en, name_ar, slug) VALUES (1, 'x', 'x', 'x')").await;
    world
        .sql("INSERT INTO gifts (id, name, icon, price, `order`, is_active) VALUES (1, 'x', 'x', 1, 1, 1)")
        .await;
    let wallet = world.number(&format!("SELECT id FROM wallets WHERE user_id = {}", me.id)).await;
    let mut base = 0;
    for (into, values) in CONTENT {
        let values = values
            .replace("{me}", &me.id.to_string())
            .replace("{you}", &you.id.to_string())
            .replace("{base}", &base.to_string())
            .replace("{wallet}", &wallet.to_string());
        world
            .sql(&format!(
                "INSERT INTO {into} SELECT {values} FROM (SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS n \
                 FROM {DIGITS} a, {DIGITS} b, {DIGITS} c, {DIGITS} d, {DIGITS} e) numbers ORDER BY n"
            ))
            .await;
        let table = into.split(' ').next().unwrap();
        world.database.text(&format!("ANALYZE TABLE {table}")).await.unwrap();
        if table == "users" {
            base = world.number("SELECT MIN(id) FROM users WHERE username = 'p0'").await;
        }
    }
    world.sql("UPDATE conversations SET last_message_id = id").await;
}

#[tokio::test]
async fn lists_read_an_index_and_no_more() {
    let world = World::new().await;
    let me = world.person_with_role("super-admin").await;
    let you = world.person_with_role("speaker").await;
    fill(&world, &me, &you).await;
    let mut lent = Vec::new();
    for _ in 0..CONNECTIONS {
        lent.push(world.app.store.reader().await.unwrap());
    }
    let mut connections = Vec::new();
    for conn in &mut lent {
        connections.push(store::testing::connection_id(conn).await.unwrap());
        store::testing::forget_statements(conn).await.unwrap();
    }
    drop(lent);
    let mut faults = Vec::new();
    for list in LISTS {
        let join = if list.contains('?') { '&' } else { '?' };
        let ask = async |per_page: u32| {
            world.get(&format!("{list}{join}per_page={per_page}&with_total=false"), &me).await.expect(200)
        };
        // What is read once and then known is no part of it.
        world.database.log_statements(&connections, ask(50)).await.unwrap();
        let mut shapes: Vec<Vec<String>> = Vec::new();
        for per_page in [10, 50] {
            let (reply, statements) =
                world.database.log_statements(&connections, ask(per_page)).await.unwrap();
            let items = reply.body["data"].as_array().unwrap().len();
            assert_eq!(items, usize::try_from(per_page).unwrap(), "{list}");
            let reads = |sql: &String| {
                sql.trim_start_matches([' ', '('])
                    .get(..6)
                    .is_some_and(|word| word.eq_ignore_ascii_case("select"))
            };
            let statements: Vec<String> = statements.into_iter().filter(reads).collect();
            for statement in &statements {
                for line in world.database.explain(statement).await.unwrap() {
                    if let Some(fault) = fault(statement, &line) {
                        faults.push(format!("{list} {fault}: {line:?}\n    {statement}"));
                    }
                }
            }
            shapes.push(statements);
        }
        let counts = [shapes[0].len(), shapes[1].len()];
        if counts[0] != counts[1] || counts[0] == 0 {
            faults.push(format!("{list}: {counts:?} statements with 10 and with 50 items: {shapes:#?}"));
        }
        println!("{list}: {} statements a page", counts[0]);
    }
    faults.dedup();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    world.close().await;
}
