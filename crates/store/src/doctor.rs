//! Compares a live database with the schema that the code expects, and says in sentences what differs (domain.md D1).

use std::collections::BTreeSet;
use std::fmt;

use sqlx::Row;

use crate::Conn;
use crate::schema::{
    Column, ForeignKey, Index, IndexKind, Schema, Table, describe, is_accepted_type, is_optional,
};

/// How much a finding matters. A strict start refuses on an error, a lenient one only warns (D1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything works, but something is slower or less guarded than it could be, or an optional column is absent.
    Warning,
    /// Some operation will fail, or give wrong results.
    Error,
}

/// What kind of difference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The table is not there.
    MissingTable,
    /// The table's engine has no transactions or keys as InnoDB has.
    Engine,
    /// The column is not there.
    MissingColumn,
    /// The column has another type.
    ColumnType,
    /// The enum has other values.
    EnumValues,
    /// NULL may be where it must not, or the other way round.
    Nullability,
    /// The column has another default, or none.
    ColumnDefault,
    /// The column should number itself, or should not.
    AutoIncrement,
    /// A column that the code does not know wants a value and has no default, so that no insert of ours can succeed.
    UnknownRequiredColumn,
    /// No index does what the expected one does.
    MissingIndex,
    /// The foreign key is not there.
    MissingForeignKey,
    /// The foreign key does something else when its parent goes.
    ForeignKeyRule,
    /// The CHECK is not there.
    MissingCheck,
    /// Text is compared, or stored, in another way.
    Collation,
    /// The server itself does not do with foreign keys what they say. Its table is empty.
    ServerCascades,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Its kind.
    pub difference: Difference,
    /// The table it is in.
    pub table: String,
    /// A sentence that says what is there, what was expected and, if it is not plain, what follows.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}", self.sentence)
    }
}

/// Why a database could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DiagnoseError {
    /// The server's reason.
    #[error("the schema cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// The file that is compiled in is broken; a test rules it out.
    #[error("the expected schema cannot be read: {0}")]
    Expected(#[from] serde_json::Error),
}

/// What differs in the connection's current database, table by table. Nothing is changed, and tables that the code does not know are not
/// looked at: a Laravel application may have more.
///
/// # Errors
/// [`DiagnoseError`] if the server cannot be asked.
pub async fn diagnose(conn: &mut Conn) -> Result<Vec<Finding>, DiagnoseError> {
    let mut findings = compare(&Schema::expected()?, &describe(conn).await?);
    // A ledger that cannot be read has migrations to come, or a refusal that `majlis migrate` itself explains.
    let to_come = crate::migrate::pending(conn).await.map_or(true, |pending| !pending.is_empty());
    for finding in findings.iter_mut().filter(|finding| finding.difference == Difference::MissingTable) {
        finding.sentence.push_str(if to_come {
            "; `majlis migrate` makes it"
        } else {
            " though its migration was applied: restore it from a backup, or run its CREATE TABLE from migrations/"
        });
    }
    if !cascades_are_whole(conn).await? {
        findings.push(Finding {
            severity: Severity::Warning,
            difference: Difference::ServerCascades,
            table: String::new(),
            sentence: "this MySQL server runs with innodb_native_foreign_keys=OFF (the default since 9.6): deleting a row may leave rows that name it \
                       behind, or fail with error 6575; start the server with innodb_native_foreign_keys=ON"
                .to_owned(),
        });
    }
    Ok(findings)
}

/// Whether the server deletes and nulls everything that its foreign keys say.
///
/// MySQL does so in its SQL layer since 9.6, unless `innodb_native_foreign_keys` is on. Seen on 9.7.4: where a table has two keys to the
/// deleted row's table and is itself a parent by `CASCADE`, only one of the two keys is acted upon, without an error, and one statement
/// may reach 30 tables at most (error 6575). Older servers and MariaDB have no such variable, and no such gap.
///
/// # Errors
/// The server's, if it cannot be asked.
pub async fn cascades_are_whole(conn: &mut Conn) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SHOW VARIABLES LIKE 'innodb_native_foreign_keys'").fetch_optional(conn).await?;
    match row {
        Some(row) => Ok(row.try_get::<String, _>(1)? == "ON"),
        None => Ok(true),
    }
}

/// What differs in `live`, where `expected` is what the code needs.
#[must_use]
pub fn compare(expected: &Schema, live: &Schema) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, table) in &expected.tables {
        let mut report = Report { table: name, findings: &mut findings };
        match live.tables.get(name) {
            Some(found) => compare_table(&mut report, table, found),
            None => {
                report.add(Severity::Error, Difference::MissingTable, format!("the table {name} is missing"))
            }
        }
    }
    findings
}

/// Where the findings about one table go.
struct Report<'a> {
    table: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, severity: Severity, difference: Difference, sentence: String) {
        self.findings.push(Finding { severity, difference, table: self.table.to_owned(), sentence });
    }
}

fn compare_table(report: &mut Report<'_>, expected: &Table, live: &Table) {
    let name = report.table;
    if !live.engine.eq_ignore_ascii_case(&expected.engine) {
        let sentence = format!("the table {name} has the engine {}, not {}", live.engine, expected.engine);
        report.add(Severity::Error, Difference::Engine, sentence);
    }
    // Columns of text are compared one by one below, with the table's collation as theirs.
    for column in &expected.columns {
        match live.column(&column.name) {
            Some(found) => compare_column(report, (expected, column), (live, found)),
            None if is_optional(name, &column.name) => report.add(
                Severity::Warning,
                Difference::MissingColumn,
                format!("{name}.{} is missing; the product works without it", column.name),
            ),
            None => report.add(
                Severity::Error,
                Difference::MissingColumn,
                format!("{name}.{} ({}) is missing", column.name, column.kind),
            ),
        }
    }
    for column in &live.columns {
        let filled = column.nullable || column.default.is_some() || column.auto_increment || column.generated;
        if expected.column(&column.name).is_none() && !filled {
            let sentence = format!(
                "{name}.{} is not known to the product, must not be NULL and has no default: no row can be inserted; give it a default",
                column.name
            );
            report.add(Severity::Error, Difference::UnknownRequiredColumn, sentence);
        }
    }
    compare_keys(report, expected, live);
}

fn compare_column(
    report: &mut Report<'_>,
    (table, expected): (&Table, &Column),
    (live_table, live): (&Table, &Column),
) {
    let place = format!("{}.{}", report.table, expected.name);
    compare_kind(report, &place, expected, live);
    if expected.nullable != live.nullable {
        let (is, should) = if live.nullable { ("may", "must not") } else { ("must not", "may") };
        let sentence = format!("{place} {is} be NULL, but {should} be");
        report.add(Severity::Error, Difference::Nullability, sentence);
    }
    if expected.auto_increment != live.auto_increment {
        let (is, should) =
            if live.auto_increment { ("numbers", "should not") } else { ("does not number", "should") };
        report.add(Severity::Error, Difference::AutoIncrement, format!("{place} {is} itself, but {should}"));
    }
    if let Some(default) = &expected.default
        && live.default.as_ref() != Some(default)
    {
        let (severity, found) = match &live.default {
            Some(found) => (Severity::Warning, format!("the default '{found}'")),
            None if live.nullable => (Severity::Warning, "no default".to_owned()),
            None => (Severity::Error, "no default".to_owned()),
        };
        let sentence = format!("{place} has {found}, '{default}' was expected");
        report.add(severity, Difference::ColumnDefault, sentence);
    }
    let collation = expected.collation.as_ref().unwrap_or(&table.collation);
    let found = live.collation.as_ref().unwrap_or(&live_table.collation);
    if is_text(&expected.kind) && is_text(&live.kind) && collation != found {
        let charset = |text: &str| text.split('_').next().map(str::to_owned);
        // Of another character set, not every text can be stored; of another collation, only order and likeness change.
        let severity = if charset(collation) == charset(found) { Severity::Warning } else { Severity::Error };
        let sentence = format!("{place} has the collation {found}, {collation} was expected");
        report.add(severity, Difference::Collation, sentence);
    }
}

fn compare_kind(report: &mut Report<'_>, place: &str, expected: &Column, live: &Column) {
    if expected.kind == live.kind || is_accepted_type(report.table, &expected.name, &live.kind) {
        return;
    }
    if let (Some(values), Some(found)) = (enum_values(&expected.kind), enum_values(&live.kind)) {
        let missing: Vec<&str> = values.difference(&found).map(String::as_str).collect();
        let unknown: Vec<&str> = found.difference(&values).map(String::as_str).collect();
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("lacks {}", missing.join(", ")));
        }
        if !unknown.is_empty() {
            parts.push(format!("has the unknown {}", unknown.join(", ")));
        }
        // The same values in another order sort differently and do nothing else.
        if !parts.is_empty() {
            let sentence = format!("the enum {place} {}", parts.join(" and "));
            report.add(Severity::Error, Difference::EnumValues, sentence);
        }
        return;
    }
    // MariaDB keeps JSON as text; a table that came from elsewhere may lack the check by which it is known.
    let severity =
        if (expected.kind == "json" && live.kind == "longtext") || is_wider(&expected.kind, &live.kind) {
            Severity::Warning
        } else {
            Severity::Error
        };
    let sentence = format!("{place} is {}, {} was expected", live.kind, expected.kind);
    report.add(severity, Difference::ColumnType, sentence);
}

fn compare_keys(report: &mut Report<'_>, expected: &Table, live: &Table) {
    let name = report.table;
    // What hangs on a missing column is missing with it; that was said already.
    let there = |columns: &[String]| columns.iter().all(|column| live.column(column).is_some());
    for index in expected.indexes.values().filter(|index| there(&index.columns)) {
        if live.indexes.values().any(|found| serves(index, found)) {
            continue;
        }
        let columns = index.columns.join(", ");
        let (severity, sentence) = match index.kind {
            IndexKind::Primary => (Severity::Error, format!("{name} has no primary key ({columns})")),
            IndexKind::Unique => (
                Severity::Error,
                format!(
                    "{name} has no unique index on ({columns}): nothing keeps the same row from being there twice"
                ),
            ),
            IndexKind::Plain => {
                (Severity::Warning, format!("{name} has no index that begins with ({columns})"))
            }
            IndexKind::Fulltext => {
                (Severity::Error, format!("{name} has no FULLTEXT index on ({columns}): search fails"))
            }
        };
        report.add(severity, Difference::MissingIndex, sentence);
    }
    for key in expected.foreign_keys.values().filter(|key| there(&key.columns)) {
        compare_foreign_key(report, key, live);
    }
    for clause in expected.checks.values() {
        if !live.checks.values().any(|found| found == clause) {
            let sentence = format!("{name} has no CHECK ({clause})");
            report.add(Severity::Warning, Difference::MissingCheck, sentence);
        }
    }
}

fn compare_foreign_key(report: &mut Report<'_>, key: &ForeignKey, live: &Table) {
    let name = report.table;
    let columns = key.columns.join(", ");
    let found = live.foreign_keys.values().find(|found| {
        found.columns == key.columns && found.table == key.table && found.references == key.references
    });
    match found {
        None => report.add(
            Severity::Error,
            Difference::MissingForeignKey,
            format!(
                "{name} has no foreign key ({columns}) to {} ({}): deleting there leaves rows here that name nothing",
                key.table,
                key.references.join(", ")
            ),
        ),
        Some(found) if found.on_delete != key.on_delete => report.add(
            Severity::Error,
            Difference::ForeignKeyRule,
            format!(
                "the foreign key {name} ({columns}) to {} is ON DELETE {}, {} was expected",
                key.table, found.on_delete, key.on_delete
            ),
        ),
        Some(found) if found.on_update != key.on_update => report.add(
            Severity::Warning,
            Difference::ForeignKeyRule,
            format!(
                "the foreign key {name} ({columns}) to {} is ON UPDATE {}, {} was expected",
                key.table, found.on_update, key.on_update
            ),
        ),
        Some(_) => {}
    }
}

/// Whether the index `found` does, under whatever name, all that `wanted` does.
fn serves(wanted: &Index, found: &Index) -> bool {
    match wanted.kind {
        IndexKind::Primary => found.kind == IndexKind::Primary && found.columns == wanted.columns,
        IndexKind::Unique => {
            let as_set = |index: &Index| index.columns.iter().cloned().collect::<BTreeSet<String>>();
            matches!(found.kind, IndexKind::Primary | IndexKind::Unique) && as_set(found) == as_set(wanted)
        }
        IndexKind::Plain => found.kind != IndexKind::Fulltext && found.columns.starts_with(&wanted.columns),
        IndexKind::Fulltext => found.kind == IndexKind::Fulltext && found.columns == wanted.columns,
    }
}

fn is_text(kind: &str) -> bool {
    kind.contains("char") || kind.contains("text") || kind.starts_with("enum")
}

/// Whether the type `found` holds all text that `wanted` does.
fn is_wider(wanted: &str, found: &str) -> bool {
    const TEXTS: [&str; 4] = ["tinytext", "text", "mediumtext", "longtext"];
    let rank = |kind: &str| TEXTS.iter().position(|text| *text == kind);
    let length = |kind: &str| {
        kind.strip_prefix("varchar(")
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|n| n.parse::<u32>().ok())
    };
    match (length(wanted), length(found), rank(wanted), rank(found)) {
        (Some(wanted), Some(found), ..) => found > wanted,
        (Some(_), None, _, Some(found)) => found > 0,
        (None, None, Some(wanted), Some(found)) => found > wanted,
        _ => false,
    }
}

/// The values of `enum('a','b')`; `None` for other types. The product's own have no comma or quote in them.
fn enum_values(kind: &str) -> Option<BTreeSet<String>> {
    let inner = kind.strip_prefix("enum(")?.strip_suffix(')')?;
    Some(inner.split(',').map(|value| value.trim().trim_matches('\'').to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_text_is_not_wrong() {
        assert!(is_wider("varchar(100)", "varchar(255)") && is_wider("varchar(255)", "text"));
        assert!(is_wider("text", "longtext"));
        assert!(!is_wider("varchar(255)", "varchar(191)") && !is_wider("longtext", "text"));
        assert!(!is_wider("varchar(255)", "tinytext") && !is_wider("int", "bigint"));
    }

    #[test]
    fn an_index_may_have_another_name_and_more_columns() {
        let index =
            |kind, columns: &[&str]| Index { kind, columns: columns.iter().map(|&c| c.to_owned()).collect() };
        let wanted = index(IndexKind::Plain, &["a"]);
        assert!(serves(&wanted, &index(IndexKind::Unique, &["a", "b"])));
        assert!(!serves(&wanted, &index(IndexKind::Plain, &["b", "a"])));
        let wanted = index(IndexKind::Unique, &["a", "b"]);
        assert!(serves(&wanted, &index(IndexKind::Unique, &["b", "a"])));
        assert!(!serves(&wanted, &index(IndexKind::Unique, &["a"])));
        assert!(!serves(&wanted, &index(IndexKind::Plain, &["a", "b"])));
    }

    #[test]
    fn the_expected_schema_differs_from_itself_in_nothing() {
        let expected = Schema::expected().unwrap();
        assert_eq!(compare(&expected, &expected), Vec::new());
    }
}
