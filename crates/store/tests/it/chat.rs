//! Chat statements on a table with history: what they give, and how many rows they look at for it.

use base::Time;
use sqlx::{AssertSqlSafe, Executor};
use store::Conn;
use store::chat::{self, ChangePlace, ConversationsFrom, MessagesFrom, UnreadAdded, UnreadTotal};
use store::testing::TestDatabase;

use crate::setup::fresh;

/// Users 1 to 62. User 1 has conversations 1 to 60 with users 2 to 61; conversation 61 is of 61 and 62. Messages are
/// written round and round, one a second, so 61 · 300 = 18,300 of them; the other one of the pair writes every second round.
const CONVERSATIONS: u64 = 61;
const ROUNDS: u64 = 300;

async fn planted() -> (TestDatabase, Conn) {
    let database = fresh().await;
    let mut conn = database.connect().await.unwrap();
    let digits = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
                   UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let numbers = |count: u64| {
        format!(
            "(SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d AS n FROM {digits} a JOIN {digits} b \
             JOIN {digits} c JOIN {digits} e JOIN {digits} f) numbers WHERE n < {count} ORDER BY n"
        )
    };
    for statement in [
        format!(
            "INSERT INTO users (id, name, username, email, password) \
             SELECT n + 1, 'N', CONCAT('u', n + 1), CONCAT('u', n + 1, '@example.com'), 'x' FROM {}",
            numbers(CONVERSATIONS + 1)
        ),
        format!(
            "INSERT INTO conversations (id, user_one_id, user_two_id, created_at) \
             SELECT n + 1, IF(n = 60, 61, 1), IF(n = 60, 62, n + 2), '2026-01-01' FROM {}",
            numbers(CONVERSATIONS)
        ),
        format!(
            "INSERT INTO messages (id, conversation_id, sender_id, body, media_urls, created_at, updated_at, read_at) \
             SELECT n + 1, n MOD 61 + 1, \
               IF(n MOD 61 = 60, 61, IF(n DIV 61 MOD 2 = 0, 1, n MOD 61 + 2)), 'hello', '[]', \
               TIMESTAMP('2026-01-01') + INTERVAL n SECOND, TIMESTAMP('2026-01-01') + INTERVAL n SECOND, \
               IF(n DIV 61 < 298, TIMESTAMP('2026-01-02'), NULL) FROM {}",
            numbers(CONVERSATIONS * ROUNDS)
        ),
        "UPDATE conversations c SET last_message_id = (SELECT MAX(m.id) FROM messages m WHERE m.conversation_id = c.id), \
           updated_at = (SELECT MAX(m.updated_at) FROM messages m WHERE m.conversation_id = c.id)"
            .to_owned(),
        "ANALYZE TABLE conversations, messages".to_owned(),
    ] {
        conn.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    (database, conn)
}

/// Rows and index entries that the session has read so far.
async fn reads(conn: &mut Conn) -> u64 {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SHOW SESSION STATUS LIKE 'Handler_read%'").fetch_all(conn).await.unwrap();
    rows.iter().map(|(_, value)| value.parse::<u64>().unwrap()).sum()
}

/// Runs a statement and fails if it looked at more than `most`.
macro_rules! within {
    ($conn:expr, $most:expr, $what:literal, $query:expr) => {{
        let before = reads($conn).await;
        let answer = $query.await.unwrap();
        // The question itself reads a few rows of status.
        let read = reads($conn).await - before;
        println!("{}: {read} read", $what);
        assert!(read <= $most, "{}: {read} read, more than {}", $what, $most);
        answer
    }};
}

#[tokio::test]
async fn chat_statements_look_at_what_they_need() {
    let (database, mut conn) = planted().await;
    let conn = &mut conn;
    let total = CONVERSATIONS * ROUNDS;

    // A client that missed the last round and a half.
    let after = total - 90;
    let ids = within!(conn, 250, "list_conversations_above", chat::list_conversations_above(conn, 1, after));
    assert_eq!(ids.len(), 60);
    let rows = within!(conn, 1200, "list_messages_above", chat::list_messages_above(conn, &ids, after, 51));
    let mine = |id: u64| (id - 1) % 61 != 60;
    let wanted: Vec<u64> = (after + 1..=total).filter(|&id| mine(id)).take(51).collect();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), wanted);

    // One that has nothing: the limit bounds the rows, the ids come from the index alone.
    let ids = chat::list_conversations_above(conn, 1, 0).await.unwrap();
    let rows = chat::list_messages_above(conn, &ids, 0, 101).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        (1..).filter(|&id| mine(id)).take(101).collect::<Vec<_>>()
    );

    // One conversation among many: its 299 index entries and the page, no walk over the messages of others.
    let rows = within!(conn, 700, "one conversation", chat::list_messages_above(conn, &[61], 10, 101));
    assert_eq!(rows.len(), 101);

    // Since a minute before message 9000: that minute's messages and what came after, up to 9010, and an old one that was
    // edited just then. Messages were written one a second; conversations say when they changed.
    let since = Time::from(chat::find_written_at(conn, 9000).await.unwrap().unwrap()).plus_seconds(-60);
    let changed = within!(
        conn,
        350,
        "list_conversations_changed_since",
        chat::list_conversations_changed_since(conn, 1, since)
    );
    assert_eq!(changed.iter().map(|row| row.id).collect::<Vec<_>>(), (1..=60).collect::<Vec<_>>());
    let ids: Vec<u64> = changed.iter().map(|row| row.id).collect();
    conn.execute(
        "UPDATE messages SET updated_at = TIMESTAMP('2026-01-01') + INTERVAL 8999 SECOND WHERE id = 7",
    )
    .await
    .unwrap();
    let mut wanted: Vec<u64> = (8940..=9010).filter(|&id| mine(id)).collect();
    wanted.insert(wanted.iter().position(|&id| id == 9000).unwrap(), 7);
    let mut found = Vec::new();
    let mut beyond = None;
    loop {
        // Of each conversation the index entries since then are looked at, those of the page are read.
        let most = 60 * 160;
        let page = within!(
            conn,
            most,
            "list_messages_changed_since",
            chat::list_messages_changed_since(conn, &ids, since, beyond, 9010, 20)
        );
        let Some(last) = page.last() else { break };
        beyond = Some(ChangePlace { updated_at: last.updated_at.unwrap().into(), id: last.id });
        found.extend(page.iter().map(|row| row.id));
    }
    assert_eq!(found, wanted);
    // Of one conversation lately: no walk through it.
    let lately = Time::from(chat::find_written_at(conn, total - 120).await.unwrap().unwrap());
    let page = within!(
        conn,
        30,
        "what changed lately",
        chat::list_messages_changed_since(conn, &[5], lately, None, total, 20)
    );
    assert_eq!(page.len(), 2);
    // No conversation, no rows; a message that is gone is as old as the one before it.
    assert!(chat::list_messages_changed_since(conn, &[], since, None, 9000, 20).await.unwrap().is_empty());
    assert_eq!(
        chat::find_written_at(conn, total + 5).await.unwrap(),
        chat::find_written_at(conn, total).await.unwrap()
    );
    assert!(chat::find_written_at(conn, 0).await.unwrap().is_none());

    let newest = within!(conn, 120, "list_messages", chat::list_messages(conn, 7, MessagesFrom::Newest, 50));
    assert_eq!(newest.len(), 50);
    assert_eq!(newest[0].id, 299 * 61 + 7);
    let down = within!(
        conn,
        120,
        "list_messages before",
        chat::list_messages(conn, 7, MessagesFrom::Before(9000), 50)
    );
    assert_eq!((down.len(), down[0].id), (50, 147 * 61 + 7));
    let down = within!(
        conn,
        120,
        "list_messages before a new one",
        chat::list_messages(conn, 7, MessagesFrom::Before(total - 3), 50)
    );
    assert_eq!((down.len(), down[0].id), (50, 299 * 61 + 7));
    let up = within!(
        conn,
        120,
        "list_messages after an old one",
        chat::list_messages(conn, 7, MessagesFrom::After(1), 50)
    );
    assert_eq!((up.len(), up[0].id), (50, 7));
    let up = chat::list_messages(conn, 7, MessagesFrom::After(7), 2).await.unwrap();
    assert_eq!(up.iter().map(|row| row.id).collect::<Vec<_>>(), [61 + 7, 122 + 7]);

    // Unread: of the last two rounds the second is the other's.
    let unread = within!(conn, 700, "list_unread", chat::list_unread(conn, 1));
    assert_eq!(unread.len(), 60);
    assert!(unread.iter().all(|row| row.unread == 1));
    assert!(chat::list_unread_among(conn, 62, &[61]).await.unwrap()[0].unread == 2);
    let read =
        within!(conn, 40, "update_read_at", chat::update_read_at(conn, 5, 6, total, Time::now_in_seconds()));
    assert_eq!(read, 1);
    assert!(chat::list_unread_among(conn, 1, &[5]).await.unwrap().is_empty());
    let up_to = within!(conn, 60, "find_read_up_to", chat::find_read_up_to(conn, 6, 7));
    assert_eq!(up_to, Some(297 * 61 + 6), "below the unread one of the last round");
    // The same for many at once; of conversation 5 all was just read.
    let asked: Vec<(u64, u64)> = (1..=60).flat_map(|id| [(id, 1), (id, id + 1)]).collect();
    let read = within!(conn, 1200, "list_read_up_to", chat::list_read_up_to(conn, &asked));
    assert_eq!(read.len(), 120);
    for row in &read {
        let one = chat::find_read_up_to(conn, row.conversation_id, row.sender_id).await.unwrap();
        assert_eq!(one, Some(row.id), "{row:?}");
    }
    assert!(chat::list_read_up_to(conn, &[]).await.unwrap().is_empty());

    // What is left when the newest goes.
    let newest = within!(conn, 100, "find_newest_left", chat::find_newest_left(conn, 7)).unwrap();
    chat::update_message_deleted(conn, newest, Time::now_in_seconds()).await.unwrap();
    let left = within!(conn, 100, "find_newest_left", chat::find_newest_left(conn, 7));
    assert_eq!(left, Some(newest - 61));
    // Each change of a total has a version of its own, also that of one who had no row.
    for (added, total, version) in [(3, 3, 1), (2, 5, 2)] {
        let added = UnreadAdded { user_id: 1, count: added, changes: 1 };
        chat::update_unread_added(conn, &[added]).await.unwrap();
        let expected = UnreadTotal { user_id: 1, unread_total: total, version };
        assert_eq!(chat::list_unread_totals(conn, &[1, 2]).await.unwrap(), [expected]);
    }
    for (taken, total, version) in [(4, 1, 3), (7, 0, 4)] {
        chat::update_unread_taken(conn, 1, taken).await.unwrap();
        let expected = UnreadTotal { user_id: 1, unread_total: total, version };
        assert_eq!(chat::list_unread_totals(conn, &[1]).await.unwrap(), [expected]);
    }

    // The list, page by page, both ways.
    let first = chat::list_conversations(conn, 1, ConversationsFrom::Start, 3).await.unwrap();
    assert_eq!(first.iter().map(|row| row.id).collect::<Vec<_>>(), [60, 59, 58]);
    let below = ConversationsFrom::Before(first[2].last_message_id.unwrap());
    let second = chat::list_conversations(conn, 1, below, 3).await.unwrap();
    assert_eq!(second.iter().map(|row| row.id).collect::<Vec<_>>(), [57, 56, 55]);
    let above = ConversationsFrom::After(second[0].last_message_id.unwrap());
    let back = chat::list_conversations(conn, 1, above, 2).await.unwrap();
    assert_eq!(back.iter().map(|row| row.id).collect::<Vec<_>>(), [58, 59]);
    database.close().await.unwrap();
}
