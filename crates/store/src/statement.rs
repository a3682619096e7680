//! Statements for many rows at once, with the values in their text.
//!
//! A prepared statement would be another one for each number of rows, and the server keeps every one of them for every
//! connection. In text they cost one round trip and leave nothing behind. Words in which a quote, a backslash or a control
//! character is are written as hexadecimal literals, so that nothing in them can end a literal, whatever the server's
//! `sql_mode` says of backslashes and quotes.

use std::fmt::Write as _;

use base::Time;
use sqlx::mysql::{MySqlQueryResult, MySqlRow};
use sqlx::{AssertSqlSafe, FromRow};

use crate::{Conn, StoreError};

/// A statement as it grows. Whatever is not a value is written in the code.
pub(crate) struct Statement(String);

impl Statement {
    pub(crate) fn new(words: &'static str) -> Self {
        Self(words.to_owned())
    }

    pub(crate) fn push(&mut self, words: &'static str) -> &mut Self {
        self.0.push_str(words);
        self
    }

    /// Writes something for each item, with `, ` between two.
    pub(crate) fn push_each<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut push: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (number, item) in items.into_iter().enumerate() {
            if number > 0 {
                self.0.push_str(", ");
            }
            push(self, item);
        }
        self
    }

    pub(crate) fn push_number(&mut self, number: u64) -> &mut Self {
        // Cannot fail: a text takes whatever is written to it.
        let _always = write!(self.0, "{number}");
        self
    }

    /// Numbers with `, ` between two.
    pub(crate) fn push_numbers(&mut self, numbers: &[u64]) -> &mut Self {
        self.push_each(numbers, |statement, number| {
            statement.push_number(*number);
        })
    }

    /// A table of pairs called `w`, with the columns `one` and `two`, to be joined with `STRAIGHT_JOIN`. It costs either
    /// server a look into the other table's index for each pair, and the optimizer nothing: for `(a = 1 AND b = 2) OR …`
    /// that takes longer than the reading does, and MariaDB does not look into the index for `(a, b) IN (…)`.
    pub(crate) fn push_pairs(&mut self, pairs: impl IntoIterator<Item = (u64, u64)>) -> &mut Self {
        self.push("JSON_TABLE('[");
        self.push_each(pairs, |statement, (one, two)| {
            statement.push("[").push_number(one).push(",").push_number(two).push("]");
        });
        self.push("]', '$[*]' COLUMNS (one BIGINT UNSIGNED PATH '$[0]', two BIGINT UNSIGNED PATH '$[1]')) w ")
    }

    pub(crate) fn push_number_or_null(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.push_number(number),
            None => self.push("NULL"),
        }
    }

    /// Words in any language.
    pub(crate) fn push_text(&mut self, text: &str) -> &mut Self {
        if is_plain(text) { self.push_quoted(text) } else { self.push("_utf8mb4 ").push_hex(text) }
    }

    pub(crate) fn push_text_or_null(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.push_text(text),
            None => self.push("NULL"),
        }
    }

    /// A word for a column of ASCII: one of another character set would keep the server from using its index.
    pub(crate) fn push_ascii(&mut self, word: &str) -> &mut Self {
        if is_plain(word) && word.is_ascii() {
            self.push_quoted(word)
        } else {
            self.push("_ascii ").push_hex(word)
        }
    }

    fn push_quoted(&mut self, plain: &str) -> &mut Self {
        self.0.reserve(plain.len().saturating_add(2));
        self.0.push('\'');
        self.0.push_str(plain);
        self.0.push('\'');
        self
    }

    /// A time in whole seconds, as Laravel's columns have it.
    pub(crate) fn push_seconds(&mut self, time: Time) -> &mut Self {
        let _always = write!(self.0, "'{}'", time.as_chrono().format("%Y-%m-%d %H:%M:%S"));
        self
    }

    fn push_hex(&mut self, text: &str) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |number: u8| DIGITS.get(usize::from(number)).copied().map_or('0', char::from);
        self.0.reserve(text.len().saturating_mul(2).saturating_add(3));
        self.0.push_str("X'");
        for byte in text.bytes() {
            self.0.push(digit(byte >> 4));
            self.0.push(digit(byte & 15));
        }
        self.0.push('\'');
        self
    }

    pub(crate) async fn execute(self, conn: &mut Conn) -> Result<MySqlQueryResult, StoreError> {
        Ok(sqlx::raw_sql(AssertSqlSafe(self.0)).execute(conn).await?)
    }

    pub(crate) async fn fetch_all<T>(self, conn: &mut Conn) -> Result<Vec<T>, StoreError>
    where
        T: for<'row> FromRow<'row, MySqlRow>,
    {
        let rows: Vec<MySqlRow> = sqlx::raw_sql(AssertSqlSafe(self.0)).fetch_all(conn).await?;
        Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
    }
}

/// Is there nothing in it that could end a literal between quotes, or mean something else than itself there?
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' && !matches!(byte, b'\'' | b'\\' | 0x7f))
}

#[cfg(test)]
mod tests {
    use super::Statement;

    #[test]
    fn nothing_in_a_word_ends_its_literal() {
        let mut statement = Statement::new("VALUES (");
        statement.push_text("'\\س").push(", ").push_text("س \"1\"").push(", ").push_text("a\0").push(", ");
        statement.push_ascii("a'").push(", ").push_ascii("7:a-b").push(", ").push_number_or_null(None);
        statement.push(", ").push_text_or_null(Some("")).push(", ").push_numbers(&[1, 22]).push(")");
        let mut table = Statement::new("FROM ");
        table.push_pairs([(1, 22), (u64::MAX, 3)]);
        assert!(
            table.0.starts_with("FROM JSON_TABLE('[[1,22], [18446744073709551615,3]]', '$[*]' "),
            "{}",
            table.0
        );
        let expected = "VALUES (_utf8mb4 X'275cd8b3', 'س \"1\"', _utf8mb4 X'6100', _ascii X'6127', '7:a-b', NULL, \
                        '', 1, 22)";
        assert_eq!(statement.0, expected);
    }
}
