//! Deletes a row and everything that its foreign keys take along, in steps that no server gets wrong.
//!
//! A plain `DELETE` is enough where [`crate::doctor::cascades_are_whole`]. Elsewhere (MySQL since 9.6, as it comes) a cascade may leave rows
//! behind without an error, or be refused because it reaches too many tables; so the product's own hard deletes (domain.md §4.4) use this.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, Row};

use crate::Conn;
use crate::schema::{ForeignKey, Schema, Table, describe};

/// Rows named in one statement.
const BATCH: usize = 200;

/// The values of a row's primary key, as text.
type Key = Vec<String>;

/// Deletes the row `id` of `table` with all rows that name it by an `ON DELETE CASCADE` key, theirs with them and so on; sets to NULL what
/// names any of them by an `ON DELETE SET NULL` key. Every foreign key of the live database counts, a Laravel application's own too.
/// Gives the number of rows deleted, by table; nothing if there is no such row.
///
/// To be called inside a transaction, which the caller rolls back on an error. Counters are not kept: recount afterwards (domain.md §4.2).
///
/// # Errors
/// The server's: a foreign key violation where an `ON DELETE RESTRICT` key names one of the rows.
pub async fn delete_with_dependents(
    conn: &mut Conn,
    table: &str,
    id: u64,
) -> Result<BTreeMap<String, usize>, sqlx::Error> {
    let schema = describe(conn).await?;
    let doomed = find_dependents(conn, &schema, table, id).await?;
    for name in children_first(&schema, &doomed) {
        let (Some(keys), Some(columns)) = (doomed.get(name), primary_key(&schema, name)) else { continue };
        // Found last, deleted first: of a table that names itself, replies go before what they reply to.
        for batch in keys.rchunks(BATCH) {
            let sql = format!("DELETE FROM `{name}` WHERE {}", matching("", columns, batch.len()));
            let arguments = bound(batch)?;
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *conn).await?;
        }
    }
    Ok(doomed.into_iter().map(|(name, keys)| (name, keys.len())).collect())
}

/// The rows to delete, in the order in which they are found, locked so that no row can be added to them; nulls on the way what is to be null.
async fn find_dependents(
    conn: &mut Conn,
    schema: &Schema,
    table: &str,
    id: u64,
) -> Result<BTreeMap<String, Vec<Key>>, sqlx::Error> {
    let mut doomed: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    let root: Option<u64> =
        sqlx::query_scalar(AssertSqlSafe(format!("SELECT id FROM `{table}` WHERE id = ? FOR UPDATE")))
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
    if root.is_none() {
        return Ok(doomed);
    }
    let root = vec![vec![id.to_string()]];
    let mut seen: BTreeSet<(String, Key)> = root.iter().map(|key| (table.to_owned(), key.clone())).collect();
    let mut found = VecDeque::from([(table.to_owned(), root)]);
    while let Some((parent, keys)) = found.pop_front() {
        for (name, child, key) in keys_to(schema, &parent) {
            for batch in keys.chunks(BATCH) {
                let rows = follow(conn, schema, (name, child, key), &parent, batch).await?;
                let new: Vec<Key> =
                    rows.into_iter().filter(|row| seen.insert((name.to_owned(), row.clone()))).collect();
                if !new.is_empty() {
                    found.push_back((name.to_owned(), new));
                }
            }
        }
        doomed.entry(parent).or_default().extend(keys);
    }
    Ok(doomed)
}

/// Acts upon one foreign key of `child` to the rows `batch` of `parent`: gives the rows to delete, or sets to NULL.
async fn follow(
    conn: &mut Conn,
    schema: &Schema,
    (name, child, key): (&str, &Table, &ForeignKey),
    parent: &str,
    batch: &[Key],
) -> Result<Vec<Key>, sqlx::Error> {
    let Some(parent_columns) = primary_key(schema, parent) else { return Ok(Vec::new()) };
    let pairs = key.columns.iter().zip(&key.references);
    let on: Vec<String> =
        pairs.map(|(column, reference)| format!("c.`{column}` = p.`{reference}`")).collect();
    let (on, which) = (on.join(" AND "), matching("p.", parent_columns, batch.len()));
    match key.on_delete.as_str() {
        "CASCADE" => {
            let own = child.indexes.get("PRIMARY").map(|index| index.columns.as_slice()).unwrap_or_default();
            let own: Vec<String> = own.iter().map(|column| format!("CAST(c.`{column}` AS CHAR)")).collect();
            let sql = format!(
                "SELECT {} FROM `{name}` c JOIN `{parent}` p ON {on} WHERE {which} FOR UPDATE",
                own.join(", ")
            );
            let rows = sqlx::query_with(AssertSqlSafe(sql), bound(batch)?).fetch_all(conn).await?;
            rows.iter().map(key_of).collect()
        }
        "SET NULL" => {
            let set: Vec<String> = key.columns.iter().map(|column| format!("c.`{column}` = NULL")).collect();
            let sql =
                format!("UPDATE `{name}` c JOIN `{parent}` p ON {on} SET {} WHERE {which}", set.join(", "));
            sqlx::query_with(AssertSqlSafe(sql), bound(batch)?).execute(conn).await?;
            Ok(Vec::new())
        }
        // RESTRICT: the server itself refuses, when the row is deleted.
        _ => Ok(Vec::new()),
    }
}

fn key_of(row: &MySqlRow) -> Result<Key, sqlx::Error> {
    (0..row.len()).map(|ordinal| row.try_get(ordinal)).collect()
}

/// Every foreign key to `parent`, with the table that has it.
fn keys_to<'a>(
    schema: &'a Schema,
    parent: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Table, &'a ForeignKey)> {
    schema.tables.iter().flat_map(move |(name, table)| {
        let keys = table.foreign_keys.values().filter(move |key| key.table == parent);
        keys.map(move |key| (name.as_str(), table, key))
    })
}

fn primary_key<'a>(schema: &'a Schema, table: &str) -> Option<&'a [String]> {
    schema.tables.get(table)?.indexes.get("PRIMARY").map(|index| index.columns.as_slice())
}

/// A condition that holds for `count` rows, whose keys are then bound one after the other.
fn matching(prefix: &str, columns: &[String], count: usize) -> String {
    let one: Vec<String> = columns.iter().map(|column| format!("{prefix}`{column}` = ?")).collect();
    let one = format!("({})", one.join(" AND "));
    format!("({})", vec![one; count].join(" OR "))
}

fn bound(keys: &[Key]) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for value in keys.iter().flatten() {
        arguments.add(value).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The tables with rows to delete, each after all that name it by `CASCADE`, so that no delete is left with anything to take along.
fn children_first<'a>(schema: &'a Schema, doomed: &'a BTreeMap<String, Vec<Key>>) -> Vec<&'a str> {
    fn visit<'a>(
        schema: &'a Schema,
        doomed: &BTreeMap<String, Vec<Key>>,
        table: &'a str,
        visited: &mut BTreeSet<&'a str>,
        order: &mut Vec<&'a str>,
    ) {
        if !visited.insert(table) {
            return;
        }
        for (child, _, key) in keys_to(schema, table) {
            if key.on_delete == "CASCADE" && doomed.contains_key(child) {
                visit(schema, doomed, child, visited, order);
            }
        }
        order.push(table);
    }
    let (mut visited, mut order) = (BTreeSet::new(), Vec::new());
    for table in doomed.keys() {
        visit(schema, doomed, table, &mut visited, &mut order);
    }
    order
}
