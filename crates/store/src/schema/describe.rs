//! Reads the schema of a live database from `information_schema`, in words that MySQL and MariaDB share.

use std::collections::BTreeSet;

use super::{Column, ForeignKey, Index, IndexKind, Schema, Table};
use crate::Conn;

/// The rows of `information_schema.columns` as they are selected below.
type ColumnRow = (String, String, String, String, Option<String>, String, Option<String>);
type KeyRow = (String, String, String, String, String, String, String);

/// The schema of the connection's current database.
///
/// # Errors
/// The server's, if it cannot be asked.
pub async fn describe(conn: &mut Conn) -> Result<Schema, sqlx::Error> {
    let version: String = sqlx::query_scalar("SELECT CAST(VERSION() AS CHAR)").fetch_one(&mut *conn).await?;
    let mariadb = version.to_ascii_lowercase().contains("mariadb");
    let mut schema = Schema::default();
    read_tables(conn, &mut schema).await?;
    let json = read_checks(conn, mariadb, &mut schema).await?;
    read_columns(conn, mariadb, &json, &mut schema).await?;
    read_indexes(conn, &mut schema).await?;
    read_foreign_keys(conn, &mut schema).await?;
    Ok(schema)
}

// The servers give some of these columns as binary strings; hence the casts.

async fn read_tables(conn: &mut Conn, schema: &mut Schema) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT CAST(table_name AS CHAR), COALESCE(CAST(engine AS CHAR), ''), COALESCE(CAST(table_collation AS CHAR), '')
         FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
    )
    .fetch_all(conn)
    .await?;
    for (name, engine, collation) in rows {
        schema.tables.insert(name, Table { engine, collation, ..Table::default() });
    }
    Ok(())
}

/// Reads the CHECKs and gives the (table, column) pairs that MariaDB keeps as checked text because they are JSON.
async fn read_checks(
    conn: &mut Conn,
    mariadb: bool,
    schema: &mut Schema,
) -> Result<BTreeSet<(String, String)>, sqlx::Error> {
    // On MariaDB a check's name is unique only in its table, on MySQL in the whole database, and only MariaDB names the table here.
    let sql = if mariadb {
        "SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR), CAST(check_clause AS CHAR)
         FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()"
    } else {
        "SELECT CAST(t.table_name AS CHAR), CAST(c.constraint_name AS CHAR), CAST(c.check_clause AS CHAR)
         FROM information_schema.check_constraints c
         JOIN information_schema.table_constraints t
           ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK'
         WHERE c.constraint_schema = DATABASE()"
    };
    let rows: Vec<(String, String, String)> = sqlx::query_as(sql).fetch_all(conn).await?;
    let mut json = BTreeSet::new();
    for (table, name, clause) in rows {
        let clause: String =
            clause.chars().filter(|c| !matches!(c, '`' | '(' | ')') && !c.is_whitespace()).collect();
        let clause = clause.to_ascii_lowercase();
        if let Some(column) = clause.strip_prefix("json_valid") {
            json.insert((table, column.to_owned()));
        } else if let Some(table) = schema.tables.get_mut(&table) {
            table.checks.insert(name, clause);
        }
    }
    Ok(json)
}

async fn read_columns(
    conn: &mut Conn,
    mariadb: bool,
    json: &BTreeSet<(String, String)>,
    schema: &mut Schema,
) -> Result<(), sqlx::Error> {
    let rows: Vec<ColumnRow> = sqlx::query_as(
        "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(column_type AS CHAR), CAST(is_nullable AS CHAR),
                CAST(column_default AS CHAR), CAST(extra AS CHAR), CAST(collation_name AS CHAR)
         FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
    )
    .fetch_all(conn)
    .await?;
    for (table_name, name, kind, nullable, default, extra, collation) in rows {
        let Some(table) = schema.tables.get_mut(&table_name) else { continue };
        let extra = extra.to_ascii_lowercase();
        let is_json = kind == "json" || json.contains(&(table_name, name.to_ascii_lowercase()));
        table.columns.push(Column {
            kind: if is_json { "json".to_owned() } else { plain_type(&kind) },
            nullable: nullable == "YES",
            default: default.and_then(|text| if mariadb { mariadb_default(&text) } else { Some(text) }),
            auto_increment: extra.contains("auto_increment"),
            // MySQL also says `DEFAULT_GENERATED`, of a default that is an expression.
            generated: extra.contains(" generated"),
            collation: collation.filter(|text| !is_json && *text != table.collation),
            name,
        });
    }
    Ok(())
}

async fn read_indexes(conn: &mut Conn, schema: &mut Schema) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, String, i64, String, String)> = sqlx::query_as(
        "SELECT CAST(table_name AS CHAR), CAST(index_name AS CHAR), CAST(non_unique AS SIGNED), CAST(index_type AS CHAR),
                COALESCE(CAST(column_name AS CHAR), '')
         FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index",
    )
    .fetch_all(conn)
    .await?;
    for (table, name, non_unique, index_type, column) in rows {
        let Some(table) = schema.tables.get_mut(&table) else { continue };
        let kind = match (name.as_str(), index_type.as_str()) {
            ("PRIMARY", _) => IndexKind::Primary,
            (_, "FULLTEXT") => IndexKind::Fulltext,
            _ if non_unique == 0 => IndexKind::Unique,
            _ => IndexKind::Plain,
        };
        table.indexes.entry(name).or_insert(Index { kind, columns: Vec::new() }).columns.push(column);
    }
    Ok(())
}

async fn read_foreign_keys(conn: &mut Conn, schema: &mut Schema) -> Result<(), sqlx::Error> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "SELECT CAST(k.table_name AS CHAR), CAST(k.constraint_name AS CHAR), CAST(k.column_name AS CHAR),
                CAST(k.referenced_table_name AS CHAR), CAST(k.referenced_column_name AS CHAR),
                CAST(r.delete_rule AS CHAR), CAST(r.update_rule AS CHAR)
         FROM information_schema.key_column_usage k
         JOIN information_schema.referential_constraints r
           ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
         WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
         ORDER BY k.table_name, k.constraint_name, k.ordinal_position",
    )
    .fetch_all(conn)
    .await?;
    for (table, name, column, referenced, referenced_column, on_delete, on_update) in rows {
        let Some(table) = schema.tables.get_mut(&table) else { continue };
        let key = table.foreign_keys.entry(name).or_insert(ForeignKey {
            columns: Vec::new(),
            table: referenced,
            references: Vec::new(),
            on_delete: rule(on_delete),
            on_update: rule(on_update),
        });
        key.columns.push(column);
        key.references.push(referenced_column);
    }
    Ok(())
}

/// InnoDB checks at once, so `NO ACTION` is `RESTRICT`; the engines differ in which of the two they say when none was written.
fn rule(text: String) -> String {
    if text == "NO ACTION" { "RESTRICT".to_owned() } else { text }
}

/// The type without the display width of integers, which MySQL dropped but for `tinyint(1)` and MariaDB still gives.
fn plain_type(kind: &str) -> String {
    let Some((word, rest)) = kind.split_once('(') else { return kind.to_owned() };
    if kind == "tinyint(1)" || !word.ends_with("int") {
        return kind.to_owned();
    }
    match rest.split_once(')') {
        Some((_, attributes)) => format!("{word}{attributes}"),
        None => kind.to_owned(),
    }
}

/// MariaDB gives a default as it would be written: `'ar'`, `NULL`, `current_timestamp(3)`.
fn mariadb_default(text: &str) -> Option<String> {
    if text == "NULL" {
        return None;
    }
    if let Some(inner) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Some(inner.replace("''", "'"));
    }
    match text.strip_prefix("current_timestamp") {
        Some("()") => Some("CURRENT_TIMESTAMP".to_owned()),
        Some(precision) => Some(format!("CURRENT_TIMESTAMP{precision}")),
        None => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_spellings_come_out_alike() {
        for (given, plain) in [
            ("bigint(20) unsigned", "bigint unsigned"),
            ("bigint unsigned", "bigint unsigned"),
            ("int(11)", "int"),
            ("smallint(5) unsigned", "smallint unsigned"),
            ("tinyint(3) unsigned", "tinyint unsigned"),
            ("tinyint(1)", "tinyint(1)"),
            ("decimal(12,2)", "decimal(12,2)"),
            ("enum('print','int(1)')", "enum('print','int(1)')"),
            ("timestamp", "timestamp"),
        ] {
            assert_eq!(plain_type(given), plain);
        }
        for (given, plain) in [
            ("NULL", None),
            ("'NULL'", Some("NULL")),
            ("'it''s'", Some("it's")),
            ("0.00", Some("0.00")),
            ("current_timestamp()", Some("CURRENT_TIMESTAMP")),
            ("current_timestamp(3)", Some("CURRENT_TIMESTAMP(3)")),
        ] {
            assert_eq!(mariadb_default(given).as_deref(), plain);
        }
    }
}
