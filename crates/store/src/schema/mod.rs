//! What the schema is: the whole of it as SQL, as a description that serves both engines, and as it is in a live database.

mod create;
mod describe;
mod fold;
mod optional;

pub use create::{apply_schema, create_database, database_url, drop_database, ensure_database};
pub use describe::describe;
pub use optional::{is_accepted_type, is_optional};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// All the migrations, one after the other: the whole schema for an empty database.
pub const SQL: &str = crate::migrate::ALL_SQL;

/// The expected schema, written by `describe` from a database that the migrations made (migrations/README.md).
const EXPECTED: &str = include_str!("expected.json");

/// The tables of a database, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// Base tables; views are not looked at.
    pub tables: BTreeMap<String, Table>,
}

/// One table, in words that MySQL and MariaDB share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Storage engine, such as `InnoDB`.
    pub engine: String,
    /// The table's default collation.
    pub collation: String,
    /// In the table's order.
    pub columns: Vec<Column>,
    /// By name; the primary key is `PRIMARY`.
    pub indexes: BTreeMap<String, Index>,
    /// By the constraint's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign_keys: BTreeMap<String, ForeignKey>,
    /// CHECK clauses by the constraint's name, without quotes, spaces and parentheses. MariaDB's `json_valid` ones are not among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, String>,
}

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Such as `bigint unsigned`, `tinyint(1)`, `enum('a','b')`, `json` (a checked longtext on MariaDB); no display widths.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether NULL may be in it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// The default without quotes, or an expression such as `CURRENT_TIMESTAMP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether the server numbers it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub auto_increment: bool,
    /// Whether the server computes it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub generated: bool,
    /// Only where it is another than the table's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
}

/// What an index is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// The primary key.
    Primary,
    /// No two rows alike.
    Unique,
    /// For finding rows.
    Plain,
    /// For words.
    Fulltext,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// What it is for.
    pub kind: IndexKind,
    /// In the index's order.
    pub columns: Vec<String>,
}

/// One foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// The columns of this table.
    pub columns: Vec<String>,
    /// The table they name.
    pub table: String,
    /// That table's columns.
    pub references: Vec<String>,
    /// `CASCADE`, `SET NULL` or `RESTRICT` (`NO ACTION` means the same and is written so).
    pub on_delete: String,
    /// As `on_delete`.
    pub on_update: String,
}

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Tables.
    pub tables: usize,
    /// Foreign keys.
    pub foreign_keys: usize,
    /// Indexes beside the primary keys.
    pub indexes: usize,
    /// Primary keys.
    pub primary_keys: usize,
    /// CHECK constraints, MariaDB's own for JSON not counted.
    pub checks: usize,
    /// Polymorphic pairs, see [`Schema::polymorphic_pairs`].
    pub polymorphic_pairs: usize,
}

impl Schema {
    /// The schema that the migrations make.
    ///
    /// # Errors
    /// Only if the generated file that is compiled in does not parse, which a test rules out.
    pub fn expected() -> Result<Self, serde_json::Error> {
        serde_json::from_str(EXPECTED)
    }

    /// The part whose tables satisfy `keep`.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let tables = self.tables.iter().filter(|(name, _)| keep(name));
        Self { tables: tables.map(|(name, table)| (name.clone(), table.clone())).collect() }
    }

    /// The names `x` of the pairs `x_type` (text) and `x_id` with an index that holds both: what Laravel calls a morph.
    /// The same name in two tables is one (`model` in Spatie's two).
    #[must_use]
    pub fn polymorphic_pairs(&self) -> BTreeSet<String> {
        let mut pairs = BTreeSet::new();
        for table in self.tables.values() {
            for column in &table.columns {
                let Some(name) =
                    column.name.strip_suffix("_type").filter(|_| column.kind.starts_with("varchar"))
                else {
                    continue;
                };
                let id = format!("{name}_id");
                if table
                    .indexes
                    .values()
                    .any(|index| index.columns.contains(&column.name) && index.columns.contains(&id))
                {
                    pairs.insert(name.to_owned());
                }
            }
        }
        pairs
    }

    /// Counts everything.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let tables = || self.tables.values();
        let primary_keys = tables().filter(|table| table.indexes.contains_key("PRIMARY")).count();
        Totals {
            tables: self.tables.len(),
            foreign_keys: tables().map(|table| table.foreign_keys.len()).sum(),
            indexes: tables().map(|table| table.indexes.len()).sum::<usize>() - primary_keys,
            primary_keys,
            checks: tables().map(|table| table.checks.len()).sum(),
            polymorphic_pairs: self.polymorphic_pairs().len(),
        }
    }

    /// The text of `expected.json`: one line a column, index and key, so that a difference reads well.
    ///
    /// # Errors
    /// None in practice: everything in it can be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = String::from("{");
        for (ordinal, (name, table)) in self.tables.iter().enumerate() {
            text.push_str(if ordinal == 0 { "\n" } else { ",\n" });
            text.push_str(&format!(
                "  {}: {{\n    \"engine\": {}, \"collation\": {},\n    \"columns\": [",
                serde_json::to_string(name)?,
                serde_json::to_string(&table.engine)?,
                serde_json::to_string(&table.collation)?
            ));
            for (ordinal, column) in table.columns.iter().enumerate() {
                text.push_str(if ordinal == 0 { "\n      " } else { ",\n      " });
                text.push_str(&serde_json::to_string(column)?);
            }
            text.push_str("\n    ]");
            named(&mut text, "indexes", &table.indexes)?;
            named(&mut text, "foreign_keys", &table.foreign_keys)?;
            named(&mut text, "checks", &table.checks)?;
            text.push_str("\n  }");
        }
        text.push_str("\n}\n");
        Ok(text)
    }
}

impl Table {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn named<T: Serialize>(
    text: &mut String,
    key: &str,
    map: &BTreeMap<String, T>,
) -> Result<(), serde_json::Error> {
    if map.is_empty() && key != "indexes" {
        return Ok(());
    }
    text.push_str(&format!(",\n    \"{key}\": {{"));
    for (ordinal, (name, value)) in map.iter().enumerate() {
        text.push_str(if ordinal == 0 { "\n      " } else { ",\n      " });
        text.push_str(&format!("{}: {}", serde_json::to_string(name)?, serde_json::to_string(value)?));
    }
    text.push_str("\n    }");
    Ok(())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}
