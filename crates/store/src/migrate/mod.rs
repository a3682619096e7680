//! Applies the files of `migrations/` to a database: each once, in order, under a server-wide lock, with its checksum noted.
//!
//! The rules for the files themselves are in `migrations/README.md`.

mod statements;

pub use statements::{SplitError, Statement, split};

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::Conn;

/// How long `migrate` waits for another process that is migrating the same database.
pub const LOCK_WAIT: Duration = Duration::from_mins(2);

/// One file of `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The number the file's name begins with; also the order.
    pub version: u64,
    /// The file's name.
    pub name: &'static str,
    /// The file's text.
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 of the text in lower-case hex. Carriage returns do not count, since a checkout on Windows may add them.
    #[must_use]
    pub fn checksum(&self) -> String {
        let mut hasher = Sha256::new();
        for line in self.sql.split('\r') {
            hasher.update(line.as_bytes());
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Makes both constants out of one list, so that they cannot differ.
macro_rules! migrations {
    ($($version:literal $file:literal)*) => {
        /// Every file of `migrations/`, in the order of application.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $file,
            sql: include_str!(concat!("../../../../migrations/", $file)),
        }),*];

        /// All the files, one after the other: what makes a whole schema in an empty database.
        pub(crate) const ALL_SQL: &str = concat!($(include_str!(concat!("../../../../migrations/", $file)), "\n"),*);
    };
}

migrations! {
    0 "0000_ledger.sql"
    1 "0001_users.sql"
    2 "0002_social.sql"
    3 "0003_courses.sql"
    4 "0004_books.sql"
    5 "0005_rooms.sql"
    6 "0006_consultations.sql"
    7 "0007_wallet.sql"
    8 "0008_gifts.sql"
    9 "0009_chat.sql"
    10 "0010_system.sql"
    20 "0020_hub.sql"
    21 "0021_rooms.sql"
    22 "0022_uploads.sql"
    23 "0023_gift_streaks.sql"
    24 "0024_chat.sql"
    25 "0025_message_changes.sql"
    26 "0026_last_seen.sql"
    27 "0027_gift_leaderboard.sql"
    28 "0028_answers.sql"
    29 "0029_notification_heads.sql"
    30 "0030_notification_list.sql"
    31 "0031_notification_unread.sql"
    100 "0100_mails.sql"
    101 "0101_known_devices.sql"
    102 "0102_users_deleted_created.sql"
    103 "0103_users_created_at.sql"
    104 "0104_profiles_followers.sql"
    110 "0110_following_list.sql"
    111 "0111_sent_follow_requests.sql"
    112 "0112_waiting_follow_requests.sql"
    113 "0113_hidden_posts.sql"
    114 "0114_timeline_posts.sql"
    115 "0115_timeline_shares.sql"
    116 "0116_reactions_by_type.sql"
    117 "0117_pinned_comment.sql"
    118 "0118_newest_reports.sql"
    120 "0120_courses_by_time.sql"
    121 "0121_courses_of_author.sql"
    122 "0122_course_news.sql"
    123 "0123_reviews.sql"
    130 "0130_enrollments_of_user.sql"
    131 "0131_enrollments_of_course.sql"
    132 "0132_enrollments_expiry.sql"
    133 "0133_enrollments_finished.sql"
    134 "0134_notes_of_user.sql"
    135 "0135_enrollment_reminders.sql"
    140 "0140_upload_books.sql"
    141 "0141_upload_pages.sql"
    142 "0142_book_library.sql"
    143 "0143_books_of_user.sql"
    144 "0144_books_by_age.sql"
    145 "0145_annotation_versions.sql"
    146 "0146_reading_tells.sql"
    147 "0147_book_copies.sql"
    148 "0148_upload_thumbnails.sql"
    150 "0150_room_notices.sql"
    151 "0151_room_ends.sql"
    152 "0152_room_holds.sql"
    153 "0153_room_table.sql"
    160 "0160_bookings.sql"
    161 "0161_bookings_of_students.sql"
    162 "0162_bookings_of_speakers.sql"
    163 "0163_bookings_list.sql"
    170 "0170_payment_intents.sql"
    171 "0171_webhook_receipts.sql"
    172 "0172_withdrawals.sql"
    173 "0173_invoices_user.sql"
    180 "0180_announcements.sql"
    181 "0181_search_documents.sql"
    182 "0182_search_progress.sql"
    183 "0183_users_changed.sql"
    184 "0184_courses_changed.sql"
    185 "0185_books_changed.sql"
    186 "0186_live_rooms_changed.sql"
    187 "0187_posts_changed.sql"
    188 "0188_conversations_of_user_one.sql"
    189 "0189_conversations_of_user_two.sql"
}

/// What `migrate` is doing, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Another process is migrating this database; waiting for it, at most [`LOCK_WAIT`].
    Waiting,
    /// So many files were there already, so many will be applied now.
    Planned {
        /// Files that the database has.
        applied: usize,
        /// Files that it lacks.
        pending: usize,
    },
    /// A file begins.
    Applying {
        /// The file.
        migration: Migration,
        /// How many statements it has.
        statements: usize,
    },
    /// A file is done and noted.
    Applied {
        /// The file.
        migration: Migration,
        /// How long it took.
        elapsed: Duration,
    },
}

/// Why a database could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached, or refuses what is no statement of a file.
    #[error("the database does not answer as it should while migrating: {0}")]
    Database(#[from] sqlx::Error),
    /// Another process held the lock for longer than [`LOCK_WAIT`].
    #[error("another process has been migrating this database for over {} s; try again when it is done", LOCK_WAIT.as_secs())]
    Locked,
    /// A file that was applied is no longer what it was.
    #[error(
        "migrations/{name} was applied to this database with checksum {applied} and now has {found}: an applied file must not change; restore it and put the change in a new file"
    )]
    Changed {
        /// The file.
        name: &'static str,
        /// Its checksum when it was applied.
        applied: String,
        /// Its checksum now.
        found: String,
    },
    /// The database was migrated by a newer program.
    #[error(
        "this database has migration {name} (version {version}), which this program does not know: use the newer program"
    )]
    Unknown {
        /// The number of the file.
        version: u64,
        /// Its name.
        name: String,
    },
    /// A file cannot be cut into statements.
    #[error("migrations/{name} cannot be read: {source}")]
    Split {
        /// The file.
        name: &'static str,
        /// What is wrong with it.
        source: SplitError,
    },
    /// The server refused a statement. What came before it stays; `migrate` goes on from there.
    #[error("migrations/{name}, statement {ordinal} ({start} …) failed: {source}")]
    Statement {
        /// The file.
        name: &'static str,
        /// Which statement, from 1.
        ordinal: usize,
        /// Its first line.
        start: String,
        /// The server's reason.
        source: sqlx::Error,
    },
}

/// Applies what the database lacks; does nothing to one that has all. Returns how many files were applied.
///
/// It is safe to start it from several processes at once, and to start it again after it was killed half-way.
///
/// # Errors
/// [`MigrateError`]; files applied before the failure stay applied.
pub async fn migrate(
    options: &MySqlConnectOptions,
    progress: impl FnMut(Progress),
) -> Result<usize, MigrateError> {
    migrate_files(options, MIGRATIONS, progress).await
}

/// [`migrate`] with another list of files, the first of which makes the ledger.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_files(
    options: &MySqlConnectOptions,
    files: &[Migration],
    mut progress: impl FnMut(Progress),
) -> Result<usize, MigrateError> {
    // A connection of its own, closed at the end whatever happens: with it go the lock and the session's settings.
    let mut raw = options.connect().await?;
    crate::prepare_session(&mut raw).await?;
    let mut conn = Conn::from(raw);
    let result = match lock(&mut conn, &mut progress).await {
        Ok(()) => apply_pending(&mut conn, files, &mut progress).await,
        Err(error) => Err(error),
    };
    // The work is done or has failed by now; how the goodbye went changes neither.
    conn.close().await;
    result
}

/// The files that the database lacks, in order.
///
/// # Errors
/// [`MigrateError::Changed`] and [`MigrateError::Unknown`] when the ledger and the files disagree, [`MigrateError::Database`].
pub async fn pending(conn: &mut Conn) -> Result<Vec<Migration>, MigrateError> {
    pending_of(conn, MIGRATIONS).await
}

async fn lock(conn: &mut Conn, progress: &mut impl FnMut(Progress)) -> Result<(), MigrateError> {
    // A lock's name has at most 64 characters, a database's too, and locks are the whole server's. (Not SHA1, which MySQL dropped in 9.)
    const NAME: &str = "SELECT GET_LOCK(CONCAT('majlis_migrate_', LEFT(SHA2(DATABASE(), 256), 32)), ?)";
    let mut got: Option<i64> = sqlx::query_scalar(NAME).bind(0_i64).fetch_one(&mut *conn).await?;
    if got != Some(1) {
        progress(Progress::Waiting);
        got = sqlx::query_scalar(NAME).bind(LOCK_WAIT.as_secs()).fetch_one(&mut *conn).await?;
    }
    if got == Some(1) { Ok(()) } else { Err(MigrateError::Locked) }
}

async fn apply_pending(
    conn: &mut Conn,
    files: &[Migration],
    progress: &mut impl FnMut(Progress),
) -> Result<usize, MigrateError> {
    let pending = pending_of(conn, files).await?;
    progress(Progress::Planned { applied: files.len() - pending.len(), pending: pending.len() });
    for migration in &pending {
        apply(conn, *migration, progress).await?;
    }
    Ok(pending.len())
}

async fn pending_of(conn: &mut Conn, files: &[Migration]) -> Result<Vec<Migration>, MigrateError> {
    let ledgers: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'hub_schema_migrations'",
    )
    .fetch_one(&mut *conn)
    .await?;
    let mut applied: BTreeMap<u64, (String, String)> = BTreeMap::new();
    if ledgers > 0 {
        let rows: Vec<(u64, String, String)> =
            sqlx::query_as("SELECT version, name, checksum FROM hub_schema_migrations")
                .fetch_all(&mut *conn)
                .await?;
        applied = rows.into_iter().map(|(version, name, checksum)| (version, (name, checksum))).collect();
    }
    let mut pending = Vec::new();
    for migration in files {
        match applied.remove(&migration.version) {
            None => pending.push(*migration),
            Some((_, checksum)) => {
                let found = migration.checksum();
                if checksum != found {
                    return Err(MigrateError::Changed { name: migration.name, applied: checksum, found });
                }
            }
        }
    }
    match applied.pop_first() {
        Some((version, (name, _))) => Err(MigrateError::Unknown { version, name }),
        None => Ok(pending),
    }
}

async fn apply(
    conn: &mut Conn,
    migration: Migration,
    progress: &mut impl FnMut(Progress),
) -> Result<(), MigrateError> {
    let started = Instant::now();
    let statements =
        split(migration.sql).map_err(|source| MigrateError::Split { name: migration.name, source })?;
    progress(Progress::Applying { migration, statements: statements.len() });
    // A file may switch the checks off for itself (a table named before it is made), never for the next one.
    sqlx::raw_sql("SET foreign_key_checks = 1").execute(&mut *conn).await?;
    for (index, statement) in statements.into_iter().enumerate() {
        let start = statement.sql.lines().next().unwrap_or_default().to_owned();
        execute(conn, statement).await.map_err(|source| MigrateError::Statement {
            name: migration.name,
            ordinal: index + 1,
            start,
            source,
        })?;
    }
    sqlx::query("INSERT INTO hub_schema_migrations (version, name, checksum) VALUES (?, ?, ?)")
        .bind(migration.version)
        .bind(migration.name)
        .bind(migration.checksum())
        .execute(&mut *conn)
        .await?;
    progress(Progress::Applied { migration, elapsed: started.elapsed() });
    Ok(())
}

/// Runs one statement unless its guard says that it was run. The text is a file's of ours, never a client's.
async fn execute(conn: &mut Conn, statement: Statement) -> Result<(), sqlx::Error> {
    if let Some(query) = statement.unless {
        let done: i64 = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *conn).await?;
        if done > 0 {
            return Ok(());
        }
    }
    sqlx::raw_sql(AssertSqlSafe(statement.sql)).execute(&mut *conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        found.sort();
        let listed: Vec<&str> = MIGRATIONS.iter().map(|migration| migration.name).collect();
        assert_eq!(found, listed, "the list in migrate/mod.rs and the folder migrations/ differ");
        for migration in MIGRATIONS {
            assert_eq!(migration.name.split_once('_').unwrap().0.parse(), Ok(migration.version));
        }
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.version < b.version));
    }

    #[test]
    fn laravels_tables_are_only_created_never_altered() {
        for migration in MIGRATIONS.iter().filter(|migration| (1..=10).contains(&migration.version)) {
            for statement in split(migration.sql).unwrap() {
                assert!(
                    [
                        "CREATE TABLE IF NOT EXISTS `",
                        "SET foreign_key_checks = 0",
                        "INSERT INTO `migrations`"
                    ]
                    .iter()
                    .any(|start| statement.sql.starts_with(start)),
                    "{}: {}",
                    migration.name,
                    statement.sql
                );
            }
        }
    }

    #[test]
    fn a_checksum_is_sha256_and_blind_to_carriage_returns() {
        let unix = Migration { version: 1, name: "1_a.sql", sql: "abc" };
        assert_eq!(unix.checksum(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let windows = Migration { sql: "a\r\nb\r\n", ..unix };
        assert_eq!(windows.checksum(), Migration { sql: "a\nb\n", ..unix }.checksum());
    }
}
