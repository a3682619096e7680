//! Indexes that later files add, in the statements that make their tables: for a database that gets the whole schema at once,
//! which otherwise would make tables again and again.

use std::collections::BTreeMap;

/// The same schema with fewer statements: each line ``ALTER TABLE `t` ADD KEY …;`` whose columns the table has from the start
/// becomes a line of its `CREATE TABLE`. What is written in another way stays where it is.
pub(super) fn fold(sql: &str) -> String {
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut rest = String::with_capacity(sql.len());
    for line in sql.split_inclusive('\n') {
        match added_key(line).filter(|(table, key)| has_columns(sql, table, key)) {
            Some((table, key)) => keys.entry(table).or_default().push(key),
            None => rest.push_str(line),
        }
    }
    for (table, keys) in keys {
        let Some((_, _, end)) = definition(&rest, table) else { continue };
        let lines: String = keys.into_iter().map(|key| format!(",\n  KEY {key}")).collect();
        rest.insert_str(end, &lines);
    }
    rest
}

/// Table and the index's name and columns, of a line that adds an index and does nothing else.
fn added_key(line: &str) -> Option<(&str, &str)> {
    let (table, added) = line.trim_end().strip_prefix("ALTER TABLE `")?.split_once("` ADD ")?;
    let key = added.strip_prefix("KEY ").or_else(|| added.strip_prefix("INDEX "))?.strip_suffix(';')?;
    (key.ends_with(')') && key.matches('(').count() == 1).then_some((table, key))
}

/// Where the statement that makes a table begins, its columns, and where its last line ends.
fn definition<'a>(sql: &'a str, table: &str) -> Option<(usize, &'a str, usize)> {
    let start = sql.find(&format!("CREATE TABLE IF NOT EXISTS `{table}` (\n"))?;
    let (_, after) = sql.split_at_checked(start)?;
    let (body, _) = after.split_once("\n) ENGINE")?;
    Some((start, body, start + body.len()))
}

fn has_columns(sql: &str, table: &str, key: &str) -> bool {
    let Some((_, body, _)) = definition(sql, table) else { return false };
    let Some((_, columns)) = key.split_once('(') else { return false };
    let mut columns = columns.trim_end_matches(')').split(", ");
    columns.all(|column| body.contains(&format!("\n  {column} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "CREATE TABLE IF NOT EXISTS `a` (\n  `id` int,\n  `b` int\n) ENGINE=InnoDB;\n\
                          CREATE TABLE IF NOT EXISTS `ab` (\n  `id` int,\n  `c` int\n) ENGINE=InnoDB;\n";

    #[test]
    fn indexes_go_into_their_tables() {
        let folded = fold(&format!(
            "{TABLES}ALTER TABLE `a` ADD KEY `x` (`b`, `id`);\nALTER TABLE `a` ADD INDEX `y` (`b`);\nSELECT 1;\n"
        ));
        assert_eq!(
            folded,
            "CREATE TABLE IF NOT EXISTS `a` (\n  `id` int,\n  `b` int,\n  KEY `x` (`b`, `id`),\n  KEY `y` (`b`)\n) ENGINE=InnoDB;\n\
             CREATE TABLE IF NOT EXISTS `ab` (\n  `id` int,\n  `c` int\n) ENGINE=InnoDB;\nSELECT 1;\n"
        );
    }

    #[test]
    fn what_is_more_than_an_index_of_first_columns_stays() {
        for line in [
            "ALTER TABLE `a` ADD KEY `x` (`later`);\n",
            "ALTER TABLE `a` ADD KEY `x` (`b`), ADD KEY `y` (`id`);\n",
            "ALTER TABLE `a` ADD COLUMN `d` int;\n",
            "ALTER TABLE `unknown` ADD KEY `x` (`b`);\n",
            "-- ALTER TABLE `a` ADD KEY `x` (`b`);\n",
        ] {
            assert_eq!(fold(&format!("{TABLES}{line}")), format!("{TABLES}{line}"));
        }
    }
}
