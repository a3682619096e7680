//! Cuts a migration file into its statements.

/// One statement of a migration file, without its comments and its final semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text to send.
    pub sql: String,
    /// The query of a `-- unless: …` line above it: when it yields a number above 0, the statement is skipped.
    pub unless: Option<String>,
}

/// What is wrong with the text of a migration file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A string or quoted name that is never closed.
    #[error("a {0} quote is never closed")]
    OpenQuote(char),
    /// A `/*` without `*/`.
    #[error("a /* comment is never closed")]
    OpenComment,
    /// A `-- unless:` line with no statement below it.
    #[error("the guard `-- unless: {0}` has no statement below it")]
    IdleGuard(String),
}

/// Cuts `text` at the semicolons that are neither in a string, nor in a quoted name, nor in a comment.
///
/// MySQL's own rules: `--` begins a comment only before white space or the end, `#` always does; a quote is doubled or,
/// but for backticks, escaped by a backslash. Version comments (`/*! … */`) are code and stay.
///
/// # Errors
/// [`SplitError`] when the text ends inside a quote or a comment, or with a guard.
pub fn split(text: &str) -> Result<Vec<Statement>, SplitError> {
    let mut statements = Vec::new();
    let mut sql = String::new();
    let mut unless = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ';' => finish(&mut statements, &mut sql, &mut unless),
            '\'' | '"' | '`' => {
                sql.push(c);
                loop {
                    let inner = chars.next().ok_or(SplitError::OpenQuote(c))?;
                    sql.push(inner);
                    if inner == '\\' && c != '`' {
                        sql.push(chars.next().ok_or(SplitError::OpenQuote(c))?);
                    } else if inner == c {
                        // A doubled quote opens again at once, which the outer loop takes for a new string: the same text.
                        break;
                    }
                }
            }
            '#' => {
                line(&mut chars);
            }
            '-' if chars.peek() == Some(&'-') => {
                let mut ahead = chars.clone();
                ahead.next();
                if ahead.peek().is_none_or(|next| next.is_whitespace() || next.is_control()) {
                    let comment = line(&mut chars);
                    let guard = comment.trim_start_matches('-').trim().strip_prefix("unless:");
                    if let Some(query) = guard.filter(|_| sql.trim().is_empty()) {
                        unless = Some(query.trim().to_owned());
                    }
                } else {
                    sql.push(c);
                }
            }
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                let code = chars.peek() == Some(&'!');
                let comment = block(&mut chars)?;
                if code {
                    sql.push_str("/*");
                    sql.push_str(&comment);
                    sql.push_str("*/");
                } else {
                    sql.push(' ');
                }
            }
            _ => sql.push(c),
        }
    }
    finish(&mut statements, &mut sql, &mut unless);
    unless.map_or(Ok(statements), |query| Err(SplitError::IdleGuard(query)))
}

fn finish(statements: &mut Vec<Statement>, sql: &mut String, unless: &mut Option<String>) {
    let text = std::mem::take(sql);
    let text = text.trim();
    if !text.is_empty() {
        statements.push(Statement { sql: text.to_owned(), unless: unless.take() });
    }
}

/// The rest of the line; its end stays, since it separates words.
fn line(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        text.push(c);
    }
    text
}

fn block(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, SplitError> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if c == '*' && chars.peek() == Some(&'/') {
            chars.next();
            return Ok(text);
        }
        text.push(c);
    }
    Err(SplitError::OpenComment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        split(text).unwrap().into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn semicolons_in_strings_names_and_comments_do_not_cut() {
        assert_eq!(texts("a; b ;; c"), ["a", "b", "c"]);
        assert_eq!(texts("insert ';' , 'it''s;' , 'a\\';b' ; x"), ["insert ';' , 'it''s;' , 'a\\';b'", "x"]);
        assert_eq!(texts("select `a;b``;c`, \"d;\" ; y"), ["select `a;b``;c`, \"d;\"", "y"]);
        assert_eq!(texts("one -- two; three\n four; # five; six\n seven"), ["one \n four", "seven"]);
        assert_eq!(texts("a /* ; ' */ b; c"), ["a   b", "c"]);
        assert_eq!(texts("/*!40101 SET x=1 */; b"), ["/*!40101 SET x=1 */", "b"]);
        assert_eq!(texts("select 1--1; select 'مجلس؛;'"), ["select 1--1", "select 'مجلس؛;'"]);
        assert_eq!(texts("-- only\n/* comments */ # here\n--"), Vec::<String>::new());
    }

    #[test]
    fn a_guard_belongs_to_the_statement_below_it() {
        let statements =
            split("-- unless: SELECT 1\nALTER TABLE a;\n-- about unless: b\nALTER TABLE b").unwrap();
        assert_eq!(statements[0].unless.as_deref(), Some("SELECT 1"));
        assert_eq!(statements[1].unless, None);
        assert_eq!(split("a;\n-- unless: SELECT 2\n"), Err(SplitError::IdleGuard("SELECT 2".to_owned())));
    }

    #[test]
    fn what_is_left_open_is_an_error() {
        assert_eq!(split("select 'a"), Err(SplitError::OpenQuote('\'')));
        assert_eq!(split("select 'a\\"), Err(SplitError::OpenQuote('\'')));
        assert_eq!(split("a `b"), Err(SplitError::OpenQuote('`')));
        assert_eq!(split("a /* b"), Err(SplitError::OpenComment));
    }
}
