//! What search reads and how its documents are kept (domain.md §5.11): `hub_search_documents`, `hub_search_progress`.

use base::id::UserId;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, MySql, QueryBuilder};

use crate::statement::Statement;
use crate::{Conn, StoreError};

/// What is searched; the names are those of the column `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Accounts.
    Users,
    /// Courses.
    Courses,
    /// Books.
    Books,
    /// Live rooms.
    Rooms,
    /// Posts.
    Posts,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Courses => "courses",
            Self::Books => "books",
            Self::Rooms => "rooms",
            Self::Posts => "posts",
        }
    }

    /// Id, time of the last change, title and content of what changed.
    const fn source(self) -> &'static str {
        match self {
            Self::Users => {
                "SELECT t.id, t.updated_at, CONCAT(t.name, ' ', t.username) AS title, \
                 CONCAT_WS(' ', t.headline, p.bio) AS content \
                 FROM users t LEFT JOIN user_profiles p ON p.user_id = t.id"
            }
            Self::Courses => {
                "SELECT t.id, t.updated_at, t.title, COALESCE(t.description, '') AS content FROM courses t"
            }
            Self::Books => {
                "SELECT t.id, t.updated_at, CONCAT_WS(' ', t.title, t.author) AS title, \
                 CONCAT_WS(' ', t.description, t.isbn) AS content FROM books t"
            }
            Self::Rooms => {
                "SELECT t.id, t.updated_at, t.title, COALESCE(t.description, '') AS content FROM live_rooms t"
            }
            Self::Posts => {
                "SELECT t.id, t.updated_at, '' AS title, COALESCE(t.content, '') AS content FROM posts t"
            }
        }
    }

    /// Id, title, subtitle and picture of what is shown, and whose it is.
    const fn shown(self) -> &'static str {
        match self {
            Self::Users => {
                "t.id, t.name AS title, t.username AS subtitle, t.avatar AS image FROM hub_search_documents d \
                 JOIN users t ON t.id = d.subject_id JOIN users o ON o.id = t.id"
            }
            Self::Courses => {
                "t.id, t.title, o.name AS subtitle, t.thumbnail AS image FROM hub_search_documents d \
                 JOIN courses t ON t.id = d.subject_id JOIN users o ON o.id = t.user_id"
            }
            Self::Books => {
                "t.id, t.title, t.author AS subtitle, t.cover AS image FROM hub_search_documents d \
                 JOIN books t ON t.id = d.subject_id JOIN users o ON o.id = t.user_id"
            }
            Self::Rooms => {
                "t.id, t.title, o.name AS subtitle, t.cover_url AS image FROM hub_search_documents d \
                 JOIN live_rooms t ON t.id = d.subject_id JOIN users o ON o.id = t.user_id"
            }
            Self::Posts => {
                "t.id, LEFT(COALESCE(t.content, ''), 200) AS title, o.name AS subtitle, NULL AS image \
                 FROM hub_search_documents d JOIN posts t ON t.id = d.subject_id JOIN users o ON o.id = t.user_id"
            }
        }
    }
}

/// Something that changed, in its own words.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ChangedRow {
    /// Its id.
    pub id: u64,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
    /// Its title.
    pub title: String,
    /// What else it says.
    pub content: String,
}

/// How far the documents of a kind follow: time and id; nothing before the first time.
///
/// # Errors
/// Those of the driver.
pub async fn find_progress(conn: &mut Conn, kind: Kind) -> Result<Option<(DateTime<Utc>, u64)>, StoreError> {
    let row: Option<(Option<DateTime<Utc>>, u64)> =
        sqlx::query_as("SELECT changed_at, last_id FROM hub_search_progress WHERE kind = ?")
            .bind(kind.name())
            .fetch_optional(conn)
            .await?;
    Ok(row.and_then(|(at, id)| Some((at?, id))))
}

/// Notes how far they follow.
///
/// # Errors
/// Those of the driver.
pub async fn upsert_progress(
    conn: &mut Conn,
    kind: Kind,
    at: DateTime<Utc>,
    id: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hub_search_progress (kind, changed_at, last_id) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE changed_at = VALUES(changed_at), last_id = VALUES(last_id)",
    )
    .bind(kind.name())
    .bind(at)
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}

/// What changed at a time and with a greater id, or later, in the order of time and id.
///
/// # Errors
/// Those of the driver.
pub async fn list_changed(
    conn: &mut Conn,
    kind: Kind,
    (at, id): (DateTime<Utc>, u64),
    limit: u32,
) -> Result<Vec<ChangedRow>, StoreError> {
    let mut query = QueryBuilder::<MySql>::new(kind.source());
    query.push(" WHERE t.updated_at >= ").push_bind(at);
    query.push(" AND (t.updated_at > ").push_bind(at).push(" OR t.id > ").push_bind(id).push(")");
    query.push(" ORDER BY t.updated_at, t.id LIMIT ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Writes documents: id, folded title, folded content.
///
/// # Errors
/// Those of the driver.
pub async fn upsert_documents(
    conn: &mut Conn,
    kind: Kind,
    documents: &[(u64, String, String)],
) -> Result<(), StoreError> {
    if documents.is_empty() {
        return Ok(());
    }
    let mut statement =
        Statement::new("INSERT INTO hub_search_documents (kind, subject_id, title, content) VALUES ");
    statement.push_each(documents, |statement, (id, title, content)| {
        statement.push("(").push_ascii(kind.name()).push(", ").push_number(*id).push(", ");
        statement.push_text(title).push(", ").push_text(content).push(")");
    });
    statement.push(" ON DUPLICATE KEY UPDATE title = VALUES(title), content = VALUES(content)");
    statement.execute(conn).await?;
    Ok(())
}

/// Something that was found.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct HitRow {
    /// Its id.
    pub id: u64,
    /// Name or title; the beginning of a post.
    pub title: String,
    /// Username, author, host.
    pub subtitle: Option<String>,
    /// Its picture.
    pub image: Option<String>,
}

/// How to find.
#[derive(Clone, Copy, Debug)]
pub enum Find<'a> {
    /// Words, in the language of MySQL's boolean mode, by relevance.
    Words(&'a str),
    /// What a title begins with, by title.
    Prefix(&'a str),
}

/// What is looked for, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct SearchQuery<'a> {
    /// What.
    pub kind: Kind,
    /// How.
    pub find: Find<'a>,
    /// Who asks; nobody for a guest.
    pub viewer_id: Option<UserId>,
    /// Distinct reporters that hide a post until it is reviewed.
    pub auto_hide: u32,
    /// Hits before the page.
    pub offset: u64,
    /// At most.
    pub limit: u32,
}

/// Those hits that the viewer may see.
///
/// # Errors
/// Those of the driver.
pub async fn list_hits(conn: &mut Conn, which: SearchQuery<'_>) -> Result<Vec<HitRow>, StoreError> {
    let mut query = QueryBuilder::<MySql>::new("SELECT ");
    push_from(&mut query, &which);
    match which.find {
        Find::Words(words) => {
            query.push(" ORDER BY MATCH(d.title, d.content) AGAINST (").push_bind(words);
            query.push(" IN BOOLEAN MODE) DESC, d.subject_id DESC");
        }
        Find::Prefix(_) => {
            query.push(" ORDER BY d.title, d.subject_id");
        }
    }
    query.push(" LIMIT ").push_bind(which.limit).push(" OFFSET ").push_bind(which.offset);
    Ok(query.build_query_as().persistent(false).fetch_all(conn).await?)
}

/// How many hits there are, `limit` of the query at most.
///
/// # Errors
/// Those of the driver.
pub async fn count_hits(conn: &mut Conn, which: SearchQuery<'_>) -> Result<u64, StoreError> {
    let mut query = QueryBuilder::<MySql>::new("SELECT COUNT(*) FROM (SELECT ");
    push_from(&mut query, &which);
    query.push(" LIMIT ").push_bind(which.limit).push(") found");
    let count: i64 = query.build_query_scalar().persistent(false).fetch_one(conn).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

fn push_from(query: &mut QueryBuilder<MySql>, which: &SearchQuery<'_>) {
    let kind = which.kind;
    query.push(kind.shown()).push(" WHERE d.kind = ").push_bind(kind.name());
    match which.find {
        Find::Words(words) => {
            query.push(" AND MATCH(d.title, d.content) AGAINST (").push_bind(words.to_owned());
            query.push(" IN BOOLEAN MODE)");
        }
        Find::Prefix(prefix) => {
            // Folded: letters, digits and spaces only.
            query.push(" AND d.title LIKE ").push_bind(format!("{prefix}%"));
        }
    }
    query.push(" AND t.deleted_at IS NULL AND o.deleted_at IS NULL AND o.is_active = 1");
    match kind {
        Kind::Users => {}
        Kind::Courses | Kind::Books => {
            query.push(" AND t.status = 'published'");
        }
        Kind::Rooms => {
            query.push(" AND t.status <> 'cancelled'");
        }
        Kind::Posts => {
            query.push(
                " AND (COALESCE((SELECT p.is_private FROM user_profiles p WHERE p.user_id = o.id), 0) = 0",
            );
            if let Some(viewer_id) = which.viewer_id {
                query.push(" OR o.id = ").push_bind(viewer_id);
                query.push(
                    " OR EXISTS (SELECT 1 FROM followers f WHERE f.following_id = o.id AND f.follower_id = ",
                );
                query.push_bind(viewer_id).push(")");
            }
            query.push(
                ") AND (SELECT COUNT(*) FROM post_reports r WHERE r.post_id = t.id \
                 AND r.status IN ('pending', 'reviewing')) < ",
            );
            query.push_bind(which.auto_hide);
        }
    }
    if let Some(viewer_id) = which.viewer_id {
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocker_id = o.id AND b.blocked_id = ",
        );
        query.push_bind(viewer_id);
        query.push(
            ") AND NOT EXISTS (SELECT 1 FROM hub_user_blocks b WHERE b.blocked_id = o.id AND b.blocker_id = ",
        );
        query.push_bind(viewer_id).push(")");
    }
}

/// Documents of what is not there any more are taken away, `limit` at most; gives how many.
///
/// # Errors
/// Those of the driver.
pub async fn delete_orphans(conn: &mut Conn, kind: Kind, limit: u32) -> Result<u64, StoreError> {
    let table = match kind {
        Kind::Users => "users",
        Kind::Courses => "courses",
        Kind::Books => "books",
        Kind::Rooms => "live_rooms",
        Kind::Posts => "posts",
    };
    let sql = format!(
        "DELETE FROM hub_search_documents WHERE kind = ? AND NOT EXISTS \
         (SELECT 1 FROM {table} t WHERE t.id = hub_search_documents.subject_id) LIMIT ?"
    );
    let done = sqlx::query(AssertSqlSafe(sql)).bind(kind.name()).bind(limit).execute(conn).await?;
    Ok(done.rows_affected())
}
