//! Deleting a user: what goes with them, and what becomes NULL (seed.txt, "Data Integrity Rules"; domain.md §4.1).

use std::collections::{BTreeMap, BTreeSet};

use sqlx::mysql::MySqlArguments;
use sqlx::{Arguments, AssertSqlSafe, Executor};
use store::Conn;
use store::doctor::cascades_are_whole;
use store::purge::delete_with_dependents;
use store::schema::{Schema, Table, describe};

use crate::setup::fresh;

/// The two ways to delete a user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `DELETE FROM users`, all else being the server's work.
    Server,
    /// The product's own, for servers that cannot be relied on for it.
    Steps,
}

/// Both ways where the server can be relied on; where not, that is said, and the product's own is tried.
async fn ways() -> Vec<Way> {
    let database = fresh().await;
    let whole = cascades_are_whole(&mut database.connect().await.unwrap()).await.unwrap();
    database.close().await.unwrap();
    if whole {
        return vec![Way::Server, Way::Steps];
    }
    println!(
        "innodb_native_foreign_keys is OFF here: a plain DELETE may leave rows behind, so it is left out"
    );
    vec![Way::Steps]
}

/// The columns of a row that say which it is, with their values as text.
type Key = BTreeMap<String, String>;

/// Puts rows into any table, with fresh parents as far up as there are any that must not be NULL.
struct Planter<'a> {
    conn: &'a mut Conn,
    schema: &'a Schema,
    ordinal: u64,
    /// Whose id is below every other's: the first of a sorted pair.
    eldest: Option<String>,
}

impl Planter<'_> {
    /// A row with the given columns, and with values of the right type in all others that must have one. Gives its primary key.
    async fn plant(&mut self, table_name: &str, given: &[(&str, &str)]) -> Key {
        let table = &self.schema.tables[table_name];
        let mut values: BTreeMap<String, String> =
            given.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect();
        for column in &table.columns {
            let filled = column.nullable || column.default.is_some() || column.auto_increment;
            if filled || values.contains_key(&column.name) {
                continue;
            }
            let parent = table.foreign_keys.values().find(|key| key.columns == [column.name.clone()]);
            let value = match (parent, &self.eldest) {
                (Some(_), Some(eldest)) if column.name == "user_one_id" => eldest.clone(),
                (Some(key), _) => {
                    let row = Box::pin(self.plant(&key.table, &[])).await;
                    match row.get(&key.references[0]) {
                        Some(value) => value.clone(),
                        None => self.look_up(&key.table, &row, &key.references[0]).await,
                    }
                }
                (None, _) => {
                    self.ordinal += 1;
                    value_of(&column.kind, self.ordinal)
                }
            };
            values.insert(column.name.clone(), value);
        }
        self.insert(table_name, table, values).await
    }

    async fn insert(&mut self, name: &str, table: &Table, values: BTreeMap<String, String>) -> Key {
        let columns: Vec<String> = values.keys().map(|column| format!("`{column}`")).collect();
        let marks = vec!["?"; values.len()].join(",");
        let sql = format!("INSERT INTO `{name}` ({}) VALUES ({marks})", columns.join(","));
        let mut arguments = MySqlArguments::default();
        for value in values.values() {
            arguments.add(value).unwrap();
        }
        let done = sqlx::query_with(AssertSqlSafe(sql), arguments)
            .execute(&mut *self.conn)
            .await
            .unwrap_or_else(|error| panic!("{name} {values:?}: {error}"));
        let primary = &table.indexes["PRIMARY"].columns;
        primary
            .iter()
            .map(|column| {
                let value = values.get(column).cloned().unwrap_or_else(|| done.last_insert_id().to_string());
                (column.clone(), value)
            })
            .collect()
    }

    /// How many rows have that key, and satisfy `also`.
    async fn count(&mut self, table: &str, key: &Key, also: &str) -> i64 {
        let wheres: Vec<String> =
            key.iter().map(|(column, value)| format!("`{column}` = '{value}'")).collect();
        let sql = format!("SELECT COUNT(*) FROM `{table}` WHERE {} AND {also}", wheres.join(" AND "));
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.conn).await.unwrap()
    }

    async fn look_up(&mut self, table: &str, key: &Key, column: &str) -> String {
        let wheres: Vec<String> =
            key.iter().map(|(column, value)| format!("`{column}` = '{value}'")).collect();
        let sql = format!("SELECT CAST(`{column}` AS CHAR) FROM `{table}` WHERE {}", wheres.join(" AND "));
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.conn).await.unwrap()
    }

    async fn id(&mut self, table: &str, given: &[(&str, &str)]) -> String {
        self.plant(table, given).await.remove("id").unwrap()
    }

    async fn delete_user(&mut self, id: &str, way: Way) {
        match way {
            Way::Server => {
                assert_eq!(self.run(&format!("DELETE FROM users WHERE id = {id}")).await.unwrap(), 1);
            }
            Way::Steps => {
                self.conn.execute("BEGIN").await.unwrap();
                let deleted = delete_with_dependents(self.conn, "users", id.parse().unwrap()).await.unwrap();
                self.conn.execute("COMMIT").await.unwrap();
                assert_eq!(deleted["users"], 1);
            }
        }
    }

    async fn there(&mut self, table: &str, id: &str) -> bool {
        self.is(table, id, "TRUE").await
    }

    async fn is(&mut self, table: &str, id: &str, condition: &str) -> bool {
        self.count(table, &BTreeMap::from([("id".to_owned(), id.to_owned())]), condition).await == 1
    }

    async fn run(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *self.conn).await?.rows_affected())
    }

    /// Rows that name a parent which is not there, over every foreign key of the schema.
    async fn orphans(&mut self) -> Vec<String> {
        let mut orphans = Vec::new();
        for (name, table) in &self.schema.tables {
            for (constraint, key) in &table.foreign_keys {
                let (column, parent, reference) = (&key.columns[0], &key.table, &key.references[0]);
                let sql = format!(
                    "SELECT COUNT(*) FROM `{name}` c LEFT JOIN `{parent}` p ON p.`{reference}` = c.`{column}`
                     WHERE c.`{column}` IS NOT NULL AND p.`{reference}` IS NULL"
                );
                let count: i64 =
                    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.conn).await.unwrap();
                if count > 0 {
                    orphans.push(format!("{constraint}: {count}"));
                }
            }
        }
        orphans
    }
}

/// A value that the type takes; as different as its length allows.
fn value_of(kind: &str, ordinal: u64) -> String {
    let word = kind.split(['(', ' ']).next().unwrap();
    match word {
        "enum" => kind.split('\'').nth(1).unwrap().to_owned(),
        "tinyint" => "1".to_owned(),
        "smallint" | "int" | "bigint" => ordinal.to_string(),
        "decimal" => "1.00".to_owned(),
        "date" => "2026-01-31".to_owned(),
        "time" => "10:00:00".to_owned(),
        "timestamp" | "datetime" => "2026-01-31 10:00:00".to_owned(),
        "json" => "{}".to_owned(),
        "char" | "varchar" | "text" | "mediumtext" | "longtext" => {
            let length = kind.split(['(', ')']).nth(1).and_then(|length| length.parse().ok()).unwrap_or(255);
            let value = format!("v{ordinal}");
            value.split_at(value.len().saturating_sub(length)).1.to_owned()
        }
        _ => panic!("no value for the type {kind}"),
    }
}

/// For every foreign key to `users`: a row that names the user by that key alone, everything else in it being other people's.
#[tokio::test]
async fn every_key_to_a_user_does_what_it_says() {
    for way in ways().await {
        every_key_to_a_user(way).await;
    }
}

async fn every_key_to_a_user(way: Way) {
    let database = fresh().await;
    let mut conn = database.connect().await.unwrap();
    let schema = describe(&mut conn).await.unwrap();
    let mut planter = Planter { conn: &mut conn, schema: &schema, ordinal: 0, eldest: None };
    planter.eldest = Some(planter.id("users", &[]).await);
    let user = planter.id("users", &[]).await;
    let mut rows = Vec::new();
    for (name, table) in &schema.tables {
        for key in table.foreign_keys.values().filter(|key| key.table == "users") {
            let column = key.columns[0].as_str();
            let row = planter.plant(name, &[(column, &user)]).await;
            rows.push((name.as_str(), column, key.on_delete.as_str(), row));
        }
    }
    planter.delete_user(&user, way).await;
    let (mut gone, mut nulled) = (BTreeSet::new(), BTreeSet::new());
    for (table, column, rule, row) in &rows {
        let left = planter.count(table, row, "TRUE").await;
        match *rule {
            "CASCADE" => {
                assert_eq!(left, 0, "{table}.{column}: the row should be gone");
                gone.insert(format!("{table}.{column}"));
            }
            "SET NULL" => {
                assert_eq!(left, 1, "{table}.{column}: the row should be there");
                assert_eq!(
                    planter.count(table, row, &format!("`{column}` IS NULL")).await,
                    1,
                    "{table}.{column}"
                );
                nulled.insert(format!("{table}.{column}"));
            }
            other => panic!("{table}.{column} has the rule {other}: a user could not be deleted"),
        }
    }
    println!("deleting a user takes the rows of {}: {gone:?}", gone.len());
    println!("and sets to NULL {}: {nulled:?}", nulled.len());
    assert_eq!(
        nulled.iter().filter(|place| !place.starts_with("hub_")).map(String::as_str).collect::<Vec<_>>(),
        [
            "consultation_bookings.cancelled_by",
            "live_room_messages.deleted_by",
            "live_room_messages.pinned_by",
            "notifications.actor_id",
            "post_reports.reviewed_by",
        ]
    );
    assert_eq!(gone.len() + nulled.len(), rows.len());
    assert_eq!(planter.orphans().await, Vec::<String>::new());
    database.close().await.unwrap();
}

/// The same as a story: Amal is deleted, Badr and Carim stay.
#[tokio::test]
async fn a_users_own_things_go_and_others_stay() {
    for way in ways().await {
        a_users_own_things(way).await;
    }
}

async fn a_users_own_things(way: Way) {
    let database = fresh().await;
    let mut conn = database.connect().await.unwrap();
    let schema = describe(&mut conn).await.unwrap();
    let mut p = Planter { conn: &mut conn, schema: &schema, ordinal: 0, eldest: None };
    let amal = p.id("users", &[("name", "أمل")]).await;
    let badr = p.id("users", &[("name", "بدر")]).await;
    let carim = p.id("users", &[("name", "كريم")]).await;

    // The feed.
    let post = p.id("posts", &[("user_id", &amal)]).await;
    let comment_there = p.id("comments", &[("post_id", &post), ("user_id", &badr)]).await;
    let others_post = p.id("posts", &[("user_id", &badr)]).await;
    let comment = p.id("comments", &[("post_id", &others_post), ("user_id", &amal)]).await;
    let reply =
        p.id("comments", &[("post_id", &others_post), ("user_id", &carim), ("parent_id", &comment)]).await;
    let others_comment = p.id("comments", &[("post_id", &others_post), ("user_id", &carim)]).await;
    let reaction = p
        .id("reactions", &[("user_id", &amal), ("reactable_type", "post"), ("reactable_id", &others_post)])
        .await;
    let follows = p.id("followers", &[("follower_id", &amal), ("following_id", &badr)]).await;
    let followed = p.id("followers", &[("follower_id", &carim), ("following_id", &amal)]).await;
    let report =
        p.id("post_reports", &[("user_id", &carim), ("post_id", &others_post), ("reviewed_by", &amal)]).await;

    // Money.
    let wallet = p.id("wallets", &[("user_id", &amal)]).await;
    let entry = p.id("transactions", &[("user_id", &amal), ("wallet_id", &wallet)]).await;
    let invoice = p.id("invoices", &[("transaction_id", &entry), ("user_id", &amal)]).await;
    let course = p.id("courses", &[("user_id", &badr)]).await;
    let enrollment =
        p.id("enrollments", &[("user_id", &carim), ("course_id", &course), ("transaction_id", &entry)]).await;
    let own_course = p.id("courses", &[("user_id", &amal)]).await;
    let in_own_course = p.id("enrollments", &[("user_id", &carim), ("course_id", &own_course)]).await;

    // Chat.
    let conversation = p.id("conversations", &[("user_one_id", &amal), ("user_two_id", &badr)]).await;
    let message = p.id("messages", &[("conversation_id", &conversation), ("sender_id", &badr)]).await;
    p.run(&format!("UPDATE conversations SET last_message_id = {message} WHERE id = {conversation}"))
        .await
        .unwrap();
    let between_others = p.id("conversations", &[("user_one_id", &badr), ("user_two_id", &carim)]).await;
    let first = p.id("messages", &[("conversation_id", &between_others), ("sender_id", &badr)]).await;
    let answer = p
        .id(
            "messages",
            &[("conversation_id", &between_others), ("sender_id", &carim), ("reply_to_id", &first)],
        )
        .await;
    p.run(&format!("UPDATE conversations SET last_message_id = {answer} WHERE id = {between_others}"))
        .await
        .unwrap();

    // Rooms, notifications, administration.
    let room = p.id("live_rooms", &[("user_id", &badr)]).await;
    let pinned = p
        .id("live_room_messages", &[("live_room_id", &room), ("user_id", &carim), ("pinned_by", &amal)])
        .await;
    let own_line = p.id("live_room_messages", &[("live_room_id", &room), ("user_id", &amal)]).await;
    let answer_in_room = p
        .id("live_room_messages", &[("live_room_id", &room), ("user_id", &badr), ("parent_id", &own_line)])
        .await;
    let notification = p.id("notifications", &[("notifiable_id", &badr), ("actor_id", &amal)]).await;
    let ban =
        p.id("hub_room_bans", &[("live_room_id", &room), ("user_id", &carim), ("banned_by", &amal)]).await;
    let audit = p.id("hub_audit_logs", &[("actor_id", &amal)]).await;

    p.delete_user(&amal, way).await;

    for (table, id) in [
        ("posts", &post),
        ("comments", &comment_there),
        ("comments", &comment),
        ("comments", &reply),
        ("reactions", &reaction),
        ("followers", &follows),
        ("followers", &followed),
        ("wallets", &wallet),
        ("transactions", &entry),
        ("invoices", &invoice),
        ("courses", &own_course),
        ("enrollments", &in_own_course),
        ("conversations", &conversation),
        ("messages", &message),
        ("live_room_messages", &own_line),
    ] {
        assert!(!p.there(table, id).await, "{table} {id} should have gone");
    }
    for (table, id) in [
        ("users", &badr),
        ("posts", &others_post),
        ("comments", &others_comment),
        ("courses", &course),
        ("conversations", &between_others),
        ("messages", &first),
        ("live_rooms", &room),
    ] {
        assert!(p.there(table, id).await, "{table} {id} should have stayed");
    }
    for (table, id, column) in [
        ("post_reports", &report, "reviewed_by"),
        ("enrollments", &enrollment, "transaction_id"),
        ("live_room_messages", &pinned, "pinned_by"),
        ("live_room_messages", &answer_in_room, "parent_id"),
        ("notifications", &notification, "actor_id"),
        ("hub_room_bans", &ban, "banned_by"),
        ("hub_audit_logs", &audit, "actor_id"),
    ] {
        assert!(p.is(table, id, &format!("`{column}` IS NULL")).await, "{table}.{column} should be NULL");
    }

    // Optional references, by themselves.
    p.run(&format!("DELETE FROM messages WHERE id = {first}")).await.unwrap();
    assert!(p.is("messages", &answer, "reply_to_id IS NULL").await);
    p.run(&format!("DELETE FROM messages WHERE id = {answer}")).await.unwrap();
    assert!(p.is("conversations", &between_others, "last_message_id IS NULL").await);
    assert_eq!(p.orphans().await, Vec::<String>::new());
    database.close().await.unwrap();
}

#[tokio::test]
async fn the_catalogue_stays_while_it_is_in_use() {
    let database = fresh().await;
    let mut conn = database.connect().await.unwrap();
    let schema = describe(&mut conn).await.unwrap();
    let mut p = Planter { conn: &mut conn, schema: &schema, ordinal: 0, eldest: None };
    let refused = |result: Result<u64, sqlx::Error>| {
        let error = result.unwrap_err();
        assert!(error.as_database_error().unwrap().is_foreign_key_violation(), "{error}");
    };
    let gift = p.id("gifts", &[]).await;
    p.plant("gift_transactions", &[("gift_id", &gift)]).await;
    refused(p.run(&format!("DELETE FROM gifts WHERE id = {gift}")).await);
    let category = p.id("categories", &[]).await;
    let room = p.id("live_rooms", &[("category_id", &category)]).await;
    let course = p.id("courses", &[("category_id", &category)]).await;
    refused(p.run(&format!("DELETE FROM categories WHERE id = {category}")).await);
    p.run(&format!("DELETE FROM courses WHERE id = {course}")).await.unwrap();
    assert_eq!(p.run(&format!("DELETE FROM categories WHERE id = {category}")).await.unwrap(), 1);
    assert!(p.is("live_rooms", &room, "category_id IS NULL").await);

    // The two CHECKs.
    let user = p.id("users", &[]).await;
    p.id("wallets", &[("user_id", &user), ("balance", "0.00")]).await;
    let broken =
        p.run(&format!("UPDATE wallets SET balance = -0.01 WHERE user_id = {user}")).await.unwrap_err();
    assert!(broken.as_database_error().unwrap().message().contains("wallets_balance_check"), "{broken}");
    let broken = p
        .run(&format!("INSERT INTO conversations (user_one_id, user_two_id) VALUES ({user}, {user})"))
        .await
        .unwrap_err();
    assert!(broken.as_database_error().unwrap().message().contains("conversations_users_check"), "{broken}");
    database.close().await.unwrap();
}
