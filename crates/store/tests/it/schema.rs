//! The schema is what the seed and domain.md §4.1 say; `migrate` makes it and `doctor` sees what differs.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use store::doctor::{Difference, Finding, Severity, cascades_are_whole, diagnose};
use store::migrate::{MIGRATIONS, MigrateError, Migration, Progress, migrate, migrate_files, pending, split};
use store::schema::{Schema, describe};
use store::testing::TestDatabase;

use crate::setup::{fresh, server_url};

/// The seed's tables, in the order of domain.md §4.1.
const SEED: [&str; 54] = [
    "users",
    "user_profiles",
    "user_interests",
    "user_certificates",
    "user_experiences",
    "speaker_expertises",
    "categories",
    "courses",
    "course_sections",
    "course_lessons",
    "enrollments",
    "lesson_progress",
    "lesson_notes",
    "certificates",
    "books",
    "book_purchases",
    "book_annotations",
    "book_reading_progress",
    "live_rooms",
    "live_room_registrations",
    "live_room_messages",
    "consultation_availabilities",
    "consultation_bookings",
    "consultation_ratings",
    "wallets",
    "transactions",
    "invoices",
    "gifts",
    "gift_transactions",
    "conversations",
    "messages",
    "permissions",
    "roles",
    "model_has_permissions",
    "model_has_roles",
    "role_has_permissions",
    "personal_access_tokens",
    "sessions",
    "jobs",
    "job_batches",
    "failed_jobs",
    "cache",
    "cache_locks",
    "notifications",
    "settings",
    "password_reset_tokens",
    "migrations",
    "followers",
    "follow_requests",
    "posts",
    "comments",
    "reactions",
    "post_shares",
    "post_reports",
];

/// The foreign keys that each row of §4.1 lists.
const SEED_FOREIGN_KEYS: usize = 82;

async fn run(conn: &mut store::Conn, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(conn)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn the_schema_has_what_the_seed_names() {
    let database = fresh().await;
    let whole = describe(&mut database.connect().await.unwrap()).await.unwrap();
    let own = whole.only(|name| !name.starts_with("hub_"));
    let version: String = sqlx::query_scalar("SELECT CAST(VERSION() AS CHAR)")
        .fetch_one(&mut database.connect().await.unwrap())
        .await
        .unwrap();
    let (seed, all) = (own.totals(), whole.totals());
    println!("on {version}:");
    for (what, seed, all) in [
        ("tables", seed.tables, all.tables),
        ("foreign keys", seed.foreign_keys, all.foreign_keys),
        ("indexes beside the primary keys", seed.indexes, all.indexes),
        ("indexes with the primary keys", seed.indexes + seed.primary_keys, all.indexes + all.primary_keys),
        ("checks", seed.checks, all.checks),
        ("polymorphic pairs", seed.polymorphic_pairs, all.polymorphic_pairs),
    ] {
        println!("  {what:<32} {seed:>4} in the seed's tables, {all:>4} in all");
    }
    for (ordinal, name) in SEED.iter().enumerate() {
        let table = &own.tables[*name];
        let (columns, keys, indexes) = (table.columns.len(), table.foreign_keys.len(), table.indexes.len());
        println!(
            "  {:>2} {name:<28} {columns:>2} columns {keys:>2} foreign keys {indexes:>2} indexes",
            ordinal + 1
        );
        assert_eq!(
            (table.engine.as_str(), table.collation.as_str()),
            ("InnoDB", "utf8mb4_unicode_ci"),
            "{name}"
        );
        assert!(table.indexes.contains_key("PRIMARY"), "{name} has no primary key");
    }
    assert_eq!(own.tables.keys().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(SEED));
    assert_eq!(seed.foreign_keys, SEED_FOREIGN_KEYS);
    assert_eq!(seed.checks, 2);
    assert_eq!(
        own.polymorphic_pairs(),
        ["giftable", "model", "notifiable", "reactable", "related", "tokenable"].map(str::to_owned).into()
    );
    assert!(all.foreign_keys >= 83, "{all:?}");
    assert!(all.indexes >= 120, "{all:?}");
    database.close().await.unwrap();
}

#[tokio::test]
async fn every_foreign_key_names_a_primary_or_unique_key_and_has_an_index() {
    let database = fresh().await;
    let schema = describe(&mut database.connect().await.unwrap()).await.unwrap();
    for (name, table) in &schema.tables {
        for (constraint, key) in &table.foreign_keys {
            assert_eq!(*constraint, format!("{name}_{}_foreign", key.columns.join("_")));
            assert!(
                table.indexes.values().any(|index| index.columns.starts_with(&key.columns)),
                "{constraint}"
            );
            assert!(schema.tables[&key.table].indexes.values().any(|index| index.columns == key.references));
            let nullable = table.column(&key.columns[0]).unwrap().nullable;
            assert!(key.on_delete != "SET NULL" || nullable, "{constraint}");
        }
    }
    database.close().await.unwrap();
}

#[tokio::test]
async fn the_expected_schema_is_what_the_migrations_make() {
    let database = fresh().await;
    let live = describe(&mut database.connect().await.unwrap()).await.unwrap();
    let expected = Schema::expected().unwrap();
    for (name, table) in &live.tables {
        assert_eq!(
            expected.tables.get(name),
            Some(table),
            "expected.json is old; migrations/README.md says how to renew it"
        );
    }
    assert_eq!(expected.tables.len(), live.tables.len());
    assert_eq!(serde_json::from_str::<Schema>(&live.to_json().unwrap()).unwrap(), live);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_fresh_database_is_there_soon() {
    // On two cores MariaDB takes 70 ms, and MySQL 9.7 takes 0.7 s by itself and twice that beside the other tests.
    const LONGEST: Duration = Duration::from_secs(3);
    let url = server_url().await;
    let mut times = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let database = TestDatabase::create(&url).await.unwrap();
        times.push(started.elapsed());
        database.close().await.unwrap();
    }
    times.sort();
    println!("a fresh database with the whole schema: {times:?}");
    assert!(times[0] < LONGEST, "{times:?}");
}

#[tokio::test]
async fn migrate_makes_all_of_it_and_then_nothing() {
    let (migrated, made) = (TestDatabase::create_empty(&server_url().await).await.unwrap(), fresh().await);
    let options = migrated.options().unwrap();
    let mut seen = Vec::new();
    let started = Instant::now();
    assert_eq!(migrate(&options, |progress| seen.push(progress)).await.unwrap(), MIGRATIONS.len());
    println!("migrate, statement by statement: {:?}", started.elapsed());
    assert_eq!(seen[0], Progress::Planned { applied: 0, pending: MIGRATIONS.len() });
    assert_eq!(seen.len(), 1 + 2 * MIGRATIONS.len());
    let mut conn = migrated.connect().await.unwrap();
    let live = describe(&mut conn).await.unwrap();
    assert_eq!(live, describe(&mut made.connect().await.unwrap()).await.unwrap());

    let mut seen = Vec::new();
    assert_eq!(migrate(&options, |progress| seen.push(progress)).await.unwrap(), 0);
    assert_eq!(seen, [Progress::Planned { applied: MIGRATIONS.len(), pending: 0 }]);
    assert_eq!(migrate(&made.options().unwrap(), |_| ()).await.unwrap(), 0);
    assert_eq!(pending(&mut conn).await.unwrap(), Vec::new());
    let laravel: Vec<String> = sqlx::query_scalar("SELECT migration FROM migrations ORDER BY id")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert_eq!(laravel.len(), 4);
    assert_eq!(laravel[0], "0001_01_01_000000_create_users_table");
    migrated.close().await.unwrap();
    made.close().await.unwrap();
}

#[tokio::test]
async fn what_was_applied_half_is_finished() {
    let url = server_url().await;
    let expected = Schema::expected().unwrap();
    for (file, statements) in [("0000_ledger.sql", 1), ("0003_courses.sql", 4), ("0020_hub.sql", 11)] {
        let database = TestDatabase::create_empty(&url).await.unwrap();
        let mut conn = database.connect().await.unwrap();
        // As if the server had died in the middle of that file: its first tables are there, and no note of it.
        for migration in MIGRATIONS.iter().filter(|migration| migration.name <= file) {
            let all = split(migration.sql).unwrap();
            let count = if migration.name == file { statements } else { all.len() };
            assert!(count <= all.len());
            for statement in &all[..count] {
                run(&mut conn, &statement.sql).await;
            }
            if migration.name != file {
                let (version, name, sum) = (migration.version, migration.name, migration.checksum());
                run(&mut conn, &format!("INSERT INTO hub_schema_migrations (version,name,checksum) VALUES ({version},'{name}','{sum}')")).await;
            }
        }
        let options = database.options().unwrap();
        let applied = migrate(&options, |_| ()).await.unwrap();
        assert_eq!(applied, MIGRATIONS.iter().filter(|migration| migration.name >= file).count(), "{file}");
        assert_eq!(describe(&mut conn).await.unwrap(), expected, "{file}");
        assert_eq!(migrate(&options, |_| ()).await.unwrap(), 0);
        database.close().await.unwrap();
    }
}

#[tokio::test]
async fn several_processes_may_migrate_at_once() {
    let database = TestDatabase::create_empty(&server_url().await).await.unwrap();
    let options = database.options().unwrap();
    let (a, b, c) =
        tokio::join!(migrate(&options, |_| ()), migrate(&options, |_| ()), migrate(&options, |_| ()));
    let mut applied = [a.unwrap(), b.unwrap(), c.unwrap()];
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, MIGRATIONS.len()]);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_or_unknown_file_is_refused() {
    let database = fresh().await;
    let options = database.options().unwrap();
    let mut conn = database.connect().await.unwrap();
    run(&mut conn, "UPDATE hub_schema_migrations SET checksum = REPEAT('0', 64) WHERE version = 7").await;
    let error = migrate(&options, |_| ()).await.unwrap_err();
    assert!(matches!(error, MigrateError::Changed { name: "0007_wallet.sql", .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("migrations/0007_wallet.sql was applied to this database with checksum 0000"),
        "{text}"
    );
    let sum = MIGRATIONS.iter().find(|migration| migration.version == 7).unwrap().checksum();
    run(&mut conn, &format!("UPDATE hub_schema_migrations SET checksum = '{sum}' WHERE version = 7")).await;
    run(
        &mut conn,
        "INSERT INTO hub_schema_migrations (version, name, checksum) VALUES (9999, '9999_later.sql', '')",
    )
    .await;
    let text = migrate(&options, |_| ()).await.unwrap_err().to_string();
    assert!(text.contains("9999_later.sql (version 9999), which this program does not know"), "{text}");
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_failed_statement_is_named_and_gone_on_from() {
    const GUARDED: &str = "CREATE TABLE IF NOT EXISTS hub_x (a int);\n\
        -- unless: SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'hub_x' AND column_name = 'b'\n\
        ALTER TABLE hub_x ADD COLUMN b int;\n\
        INSERT INTO hub_y VALUES (';');";
    let database = fresh().await;
    let options = database.options().unwrap();
    let mut conn = database.connect().await.unwrap();
    let mut files = MIGRATIONS.to_vec();
    files.push(Migration { version: 9000, name: "9000_more.sql", sql: GUARDED });
    let text = migrate_files(&options, &files, |_| ()).await.unwrap_err().to_string();
    assert!(
        text.starts_with("migrations/9000_more.sql, statement 3 (INSERT INTO hub_y VALUES (';') …) failed: "),
        "{text}"
    );
    run(&mut conn, "CREATE TABLE hub_y (c char(1))").await;
    // The second statement would fail now, had it no guard.
    assert_eq!(migrate_files(&options, &files, |_| ()).await.unwrap(), 1);
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(b IS NULL) FROM hub_x JOIN hub_y ON c <> ';'")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    assert_eq!(migrate_files(&options, &files, |_| ()).await.unwrap(), 0);
    database.close().await.unwrap();
}

#[tokio::test]
async fn what_laravel_made_is_left_as_it_is() {
    let database = TestDatabase::create_empty(&server_url().await).await.unwrap();
    let mut conn = database.connect().await.unwrap();
    run(
        &mut conn,
        "CREATE TABLE users (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(255) NOT NULL, username varchar(255) NOT NULL UNIQUE,
           email varchar(255) NOT NULL UNIQUE, password varchar(255) NOT NULL, tenant int NOT NULL, created_at timestamp NULL, updated_at timestamp NULL, deleted_at timestamp NULL)
           ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
         INSERT INTO users (name, username, email, password, tenant) VALUES ('ليلى', 'layla', 'l@example.com', 'x', 1);
         CREATE TABLE migrations (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, migration varchar(255) NOT NULL, batch int NOT NULL)
           ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
         INSERT INTO migrations (migration, batch) VALUES ('2026_01_01_000000_theirs', 1);",
    )
    .await;
    let before = describe(&mut conn).await.unwrap();
    let options = database.options().unwrap();
    migrate(&options, |_| ()).await.unwrap();
    let after = describe(&mut conn).await.unwrap();
    let (mut now, then) = (after.tables["users"].clone(), &before.tables["users"]);
    // Further indexes are all that it may get.
    now.indexes.retain(|name, _| then.indexes.contains_key(name));
    assert_eq!(&now, then);
    let theirs: Vec<String> =
        sqlx::query_scalar("SELECT migration FROM migrations").fetch_all(&mut conn).await.unwrap();
    assert_eq!(theirs, ["2026_01_01_000000_theirs"]);
    let name: String = sqlx::query_scalar("SELECT name FROM users").fetch_one(&mut conn).await.unwrap();
    assert_eq!(name, "ليلى");
    let findings = findings(&mut conn).await;
    assert!(findings.iter().all(|finding| finding.table == "users"), "{findings:#?}");
    assert_eq!(one(&findings, Difference::UnknownRequiredColumn).severity, Severity::Error);
    let missing = |column: &str| {
        let start = format!("users.{column} ");
        findings.iter().find(|finding| finding.sentence.starts_with(&start)).unwrap().severity
    };
    assert_eq!(missing("is_online"), Severity::Error);
    assert_eq!(missing("remember_token"), Severity::Warning);
    database.close().await.unwrap();
}

/// What the doctor says of the schema; what it says of the server depends on the server.
async fn findings(conn: &mut store::Conn) -> Vec<Finding> {
    let mut findings = diagnose(conn).await.unwrap();
    let whole = cascades_are_whole(conn).await.unwrap();
    let said = findings.extract_if(.., |finding| finding.difference == Difference::ServerCascades).count();
    assert_eq!(said, usize::from(!whole));
    findings
}

/// The one finding of that kind.
fn one(findings: &[Finding], difference: Difference) -> &Finding {
    let found: Vec<&Finding> = findings.iter().filter(|finding| finding.difference == difference).collect();
    assert_eq!(found.len(), 1, "{difference:?} in {findings:#?}");
    found[0]
}

#[tokio::test]
async fn the_doctor_finds_nothing_in_a_fresh_schema() {
    let database = fresh().await;
    assert_eq!(findings(&mut database.connect().await.unwrap()).await, Vec::new());
    database.close().await.unwrap();
}

#[tokio::test]
async fn the_doctor_accepts_what_later_releases_of_laravel_make() {
    let database = fresh().await;
    let mut conn = database.connect().await.unwrap();
    run(
        &mut conn,
        "ALTER TABLE cache MODIFY expiration bigint NOT NULL, ADD INDEX (expiration);
         ALTER TABLE jobs MODIFY attempts smallint unsigned NOT NULL;
         ALTER TABLE personal_access_tokens MODIFY name text NOT NULL, ADD INDEX (expires_at);
         ALTER TABLE posts ADD COLUMN theirs int NULL, RENAME INDEX posts_created_at_index TO of_another_name;
         CREATE TABLE of_theirs (id int PRIMARY KEY)",
    )
    .await;
    assert_eq!(findings(&mut conn).await, Vec::new());
    database.close().await.unwrap();
}

#[tokio::test]
async fn the_doctor_finds_every_kind_of_damage() {
    use Difference as D;
    use Severity::{Error, Warning};
    #[rustfmt::skip]
    let damages = [
        (D::MissingTable, Error, "DROP TABLE hub_chat_counters", "the table hub_chat_counters is missing though its migration was applied: restore it from a backup, or run its CREATE TABLE from migrations/"),
        (D::Engine, Error, "ALTER TABLE hub_outbox ENGINE=MyISAM", "the table hub_outbox has the engine MyISAM, not InnoDB"),
        (D::MissingColumn, Error, "ALTER TABLE gifts DROP COLUMN price", "gifts.price (decimal(12,2)) is missing"),
        (D::MissingColumn, Warning, "ALTER TABLE enrollments DROP FOREIGN KEY enrollments_transaction_id_foreign, DROP COLUMN transaction_id", "enrollments.transaction_id is missing; the product works without it"),
        (D::ColumnType, Error, "ALTER TABLE books MODIFY page_count bigint unsigned NOT NULL DEFAULT 0", "books.page_count is bigint unsigned, int unsigned was expected"),
        (D::ColumnType, Warning, "ALTER TABLE gifts MODIFY icon varchar(500) NOT NULL", "gifts.icon is varchar(500), varchar(255) was expected"),
        (D::EnumValues, Error, "ALTER TABLE live_rooms MODIFY status enum('scheduled','live','completed','cancelled') NOT NULL DEFAULT 'scheduled'", "the enum live_rooms.status lacks active and has the unknown live"),
        (D::Nullability, Error, "ALTER TABLE messages MODIFY body text NOT NULL", "messages.body must not be NULL, but may be"),
        (D::Nullability, Error, "ALTER TABLE gifts MODIFY name varchar(255) NULL", "gifts.name may be NULL, but must not be"),
        (D::ColumnDefault, Error, "ALTER TABLE posts MODIFY views_count int unsigned NOT NULL", "posts.views_count has no default, '0' was expected"),
        (D::ColumnDefault, Warning, "ALTER TABLE wallets MODIFY currency char(3) NOT NULL DEFAULT 'USD'", "wallets.currency has the default 'USD', 'SAR' was expected"),
        (D::AutoIncrement, Error, "ALTER TABLE failed_jobs MODIFY id bigint unsigned NOT NULL", "failed_jobs.id does not number itself, but should"),
        (D::UnknownRequiredColumn, Error, "ALTER TABLE posts ADD COLUMN tenant int NOT NULL", "posts.tenant is not known to the product, must not be NULL and has no default: no row can be inserted; give it a default"),
        (D::MissingIndex, Warning, "ALTER TABLE posts DROP INDEX posts_created_at_index", "posts has no index that begins with (created_at)"),
        (D::MissingIndex, Error, "ALTER TABLE reactions DROP FOREIGN KEY reactions_user_id_foreign, ADD INDEX (user_id), DROP INDEX reactions_user_id_reactable_type_reactable_id_unique, ADD CONSTRAINT again FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE", "reactions has no unique index on (user_id, reactable_type, reactable_id): nothing keeps the same row from being there twice"),
        (D::MissingIndex, Error, "ALTER TABLE books DROP INDEX books_title_author_description_fulltext", "books has no FULLTEXT index on (title, author, description): search fails"),
        (D::MissingForeignKey, Error, "ALTER TABLE comments DROP FOREIGN KEY comments_parent_id_foreign", "comments has no foreign key (parent_id) to comments (id): deleting there leaves rows here that name nothing"),
        (D::ForeignKeyRule, Error, "ALTER TABLE notifications DROP FOREIGN KEY notifications_actor_id_foreign; ALTER TABLE notifications ADD CONSTRAINT again_too FOREIGN KEY (actor_id) REFERENCES users (id) ON DELETE CASCADE", "the foreign key notifications (actor_id) to users is ON DELETE CASCADE, SET NULL was expected"),
        (D::MissingCheck, Warning, "ALTER TABLE wallets DROP CONSTRAINT wallets_balance_check", "wallets has no CHECK (balance>=0)"),
        (D::Collation, Warning, "ALTER TABLE categories MODIFY name_ar varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL", "categories.name_ar has the collation utf8mb4_general_ci, utf8mb4_unicode_ci was expected"),
        (D::Collation, Error, "ALTER TABLE categories MODIFY name_ar varchar(255) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL", "categories.name_ar has the collation latin1_bin, utf8mb4_unicode_ci was expected"),
    ];
    let expected = Schema::expected().unwrap();
    let mut kinds = BTreeSet::new();
    let mut database = fresh().await;
    let mut last = "";
    for (difference, severity, damage, sentence) in damages {
        // Several damages live in one database, unless they touch the same place; each is looked for by its own sentence.
        if damage.starts_with("ALTER TABLE categories") && last.starts_with("ALTER TABLE categories") {
            database.close().await.unwrap();
            database = fresh().await;
        }
        last = damage;
        let mut conn = database.connect().await.unwrap();
        let before = findings(&mut conn).await;
        run(&mut conn, damage).await;
        let after = findings(&mut conn).await;
        let new: Vec<&Finding> = after.iter().filter(|finding| !before.contains(finding)).collect();
        assert_eq!(new.len(), 1, "{damage}: {new:#?}");
        assert_eq!(
            (new[0].difference, new[0].severity, new[0].sentence.as_str()),
            (difference, severity, sentence)
        );
        assert!(expected.tables.contains_key(&new[0].table));
        assert_eq!(after.len(), before.len() + 1);
        kinds.insert(difference);
        println!("{}", new[0]);
    }
    // All but the one that is the server's own.
    assert_eq!(kinds.len(), 14, "a kind of difference has no damage here");
    database.close().await.unwrap();
}
