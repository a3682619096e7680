//! Connections lent and given back: what a read costs, and what happens when the server, or the asker, goes away.

use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use store::testing::TestDatabase;
use store::{Conn, Store, StoreError};

use crate::setup::fresh;

async fn store_of(connections: u32) -> (TestDatabase, Store) {
    let database = fresh().await;
    let store = Store::connect(&database.url, connections).await.unwrap();
    (database, store)
}

async fn number(conn: &mut Conn, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(conn).await.unwrap()
}

async fn id_of(conn: &mut Conn) -> i64 {
    number(conn, "SELECT CAST(CONNECTION_ID() AS SIGNED)").await
}

/// Counters of the session: statements, and what else was asked (pings).
async fn asked(conn: &mut Conn) -> (u64, u64) {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SHOW SESSION STATUS WHERE Variable_name IN ('Questions', 'Com_admin_commands')")
            .fetch_all(conn)
            .await
            .unwrap();
    let counter =
        |name: &str| rows.iter().find(|row| row.0 == name).map_or(0, |row| row.1.parse::<u64>().unwrap());
    (counter("Questions"), counter("Com_admin_commands"))
}

/// Ends a session as an operator does, and waits until it is gone.
async fn kill(database: &TestDatabase, id: i64) {
    database.execute(&format!("KILL {id}")).await.unwrap();
    let there = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while database.number(&there).await.unwrap() > 0 {
        assert!(Instant::now() < deadline, "session {id} does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_read_costs_its_statement_and_nothing_else() {
    let (database, store) = store_of(1).await;
    let mut conn = store.reader().await.unwrap();
    number(&mut conn, "SELECT 1").await;
    let before = asked(&mut conn).await;
    drop(conn);
    for _ in 0..20 {
        number(&mut store.reader().await.unwrap(), "SELECT 1").await;
    }
    let after = asked(&mut store.reader().await.unwrap()).await;
    // Twenty reads, and the question for the counters with its own connection.
    assert!(after.0 - before.0 <= 22, "{before:?} {after:?}");
    let pings = after.1 - before.1;
    assert!(pings <= 1, "one before SHOW, which is no SELECT: {before:?} {after:?}");
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_killed_while_idle_fails_nobody() {
    let (database, store) = store_of(1).await;
    // A read.
    let first = id_of(&mut store.reader().await.unwrap()).await;
    kill(&database, first).await;
    let second = id_of(&mut store.reader().await.unwrap()).await;
    assert_ne!(first, second);
    // A read that finds no row, with an argument.
    kill(&database, second).await;
    let none = store::users::find_account(&mut store.reader().await.unwrap(), 4_711).await.unwrap();
    assert!(none.is_none());
    // A write, which must not be run twice.
    let third = id_of(&mut store.reader().await.unwrap()).await;
    kill(&database, third).await;
    sqlx::query("INSERT INTO settings (`key`, value, type, `group`) VALUES ('a', '1', 'boolean', 'g')")
        .execute(&mut store.reader().await.unwrap())
        .await
        .unwrap();
    // A transaction.
    let fourth = id_of(&mut store.reader().await.unwrap()).await;
    kill(&database, fourth).await;
    let mut tx = store.begin().await.unwrap();
    sqlx::query("UPDATE settings SET value = '2' WHERE `key` = 'a'").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(database.number("SELECT CAST(value AS SIGNED) FROM settings").await.unwrap(), 2);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_transaction_whose_connection_is_killed_fails_and_leaves_nothing() {
    let (database, store) = store_of(1).await;
    let mut tx = store.begin().await.unwrap();
    sqlx::query("INSERT INTO settings (`key`, value, type, `group`) VALUES ('a', '1', 'boolean', 'g')")
        .execute(&mut *tx)
        .await
        .unwrap();
    let id = id_of(&mut tx).await;
    kill(&database, id).await;
    let failed = sqlx::query("UPDATE settings SET value = '2'").execute(&mut *tx).await;
    assert!(matches!(failed.map_err(StoreError::from), Err(StoreError::Unavailable(_))));
    assert!(tx.commit().await.is_err());
    assert_eq!(number(&mut store.reader().await.unwrap(), "SELECT COUNT(*) FROM settings").await, 0);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_and_its_connection_used_again() {
    let (database, store) = store_of(1).await;
    let mut tx = store.begin().await.unwrap();
    sqlx::query("INSERT INTO settings (`key`, value, type, `group`) VALUES ('a', '1', 'boolean', 'g')")
        .execute(&mut *tx)
        .await
        .unwrap();
    let id = id_of(&mut tx).await;
    drop(tx);
    let mut conn = store.reader().await.unwrap();
    assert_eq!(id_of(&mut conn).await, id);
    assert_eq!(number(&mut conn, "SELECT COUNT(*) FROM settings").await, 0);
    drop(conn);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_was_refused_leaves_its_connection_good() {
    let (database, store) = store_of(1).await;
    let mut conn = store.reader().await.unwrap();
    let id = id_of(&mut conn).await;
    let refused = sqlx::query("INSERT INTO settings (no_such_column) VALUES (1)").execute(&mut conn).await;
    assert!(matches!(refused, Err(sqlx::Error::Database(_))));
    drop(conn);
    assert_eq!(id_of(&mut store.reader().await.unwrap()).await, id);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_was_cut_off_is_waited_for_and_its_answer_given_to_nobody() {
    let (database, store) = store_of(1).await;
    let mut conn = store.reader().await.unwrap();
    let id = id_of(&mut conn).await;
    let began = Instant::now();
    let cut = tokio::time::timeout(Duration::from_millis(100), number(&mut conn, "SELECT SLEEP(0.8)")).await;
    assert!(cut.is_err());
    drop(conn);
    assert_eq!(store.connections().0, 1, "the server still works on it");
    let mut next = store.reader().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(700), "{:?}", began.elapsed());
    assert_ne!(id_of(&mut next).await, id);
    assert_eq!(number(&mut next, "SELECT 42").await, 42);
    drop(next);
    // So in a transaction, whose locks end with it.
    database
        .execute("INSERT INTO settings (`key`, value, type, `group`) VALUES ('a', '1', 'boolean', 'g')")
        .await
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    sqlx::query("UPDATE settings SET value = '2'").execute(&mut *tx).await.unwrap();
    let cut = tokio::time::timeout(Duration::from_millis(100), number(&mut tx, "SELECT SLEEP(0.5)")).await;
    assert!(cut.is_err());
    drop(tx);
    assert_eq!(database.execute("UPDATE settings SET value = '3'").await.unwrap(), 1);
    database.close().await.unwrap();
}

#[tokio::test]
async fn there_are_never_more_connections_than_allowed() {
    let (database, store) = store_of(3).await;
    let readers = (0..24).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut conn = store.reader().await.unwrap();
            number(&mut conn, "SELECT CAST(SLEEP(0.02) AS SIGNED)").await;
            let (used, open) = store.connections();
            assert!(used <= 3 && open <= 3, "{used} of {open}");
            id_of(&mut conn).await
        })
    });
    let mut ids = Vec::new();
    for reader in readers.collect::<Vec<_>>() {
        ids.push(reader.await.unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() <= 3, "{ids:?}");
    assert_eq!(store.connections(), (0, ids.len()));
    database.close().await.unwrap();
}

#[tokio::test]
async fn closing_waits_for_what_is_lent_and_refuses_the_rest() {
    let (database, store) = store_of(2).await;
    let mut conn = store.reader().await.unwrap();
    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    while store.reader().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!closing.is_finished());
    assert_eq!(number(&mut conn, "SELECT 1").await, 1);
    drop(conn);
    closing.await.unwrap();
    assert!(matches!(store.reader().await, Err(StoreError::Unavailable(_))));
    assert_eq!(store.connections(), (0, 0));
    database.close().await.unwrap();
}
