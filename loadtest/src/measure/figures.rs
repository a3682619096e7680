//! Medians, tables, and whether a limit is kept.

use std::fmt;

use serde::Serialize;

/// The middle one; of an even number, the mean of the two in the middle. 0 of none.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let at = |place: usize| figures.get(place).copied().unwrap_or_default();
    if figures.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) }
}

/// The least and the most. (0, 0) of none.
pub(crate) fn spread(figures: impl IntoIterator<Item = f64>) -> (f64, f64) {
    figures
        .into_iter()
        .fold(None, |spread: Option<(f64, f64)>, figure| {
            Some(spread.map_or((figure, figure), |(least, most)| (least.min(figure), most.max(figure))))
        })
        .unwrap_or_default()
}

/// Columns of text: the first to the left, the others to the right.
pub(crate) struct Table {
    /// What stands above it.
    pub(crate) title: String,
    /// Names of the columns.
    pub(crate) head: Vec<&'static str>,
    /// One cell a column.
    pub(crate) rows: Vec<Vec<String>>,
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "  {}", self.title)?;
        let head: Vec<String> = self.head.iter().map(|name| (*name).to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&head).chain(&self.rows).collect();
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        for line in lines {
            write!(out, "   ")?;
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(out, " {cell:<width$}")?;
                } else {
                    write!(out, "  {cell:>width$}")?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// A figure against its limit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// What the figure is.
    pub(crate) what: String,
    /// The figure.
    pub(crate) figure: f64,
    /// What is asked of it.
    pub(crate) limit: Limit,
}

/// What is asked of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// Nothing: it is told, no more.
    None,
}

impl Limit {
    /// Not more than this, if a limit is given.
    pub(crate) fn at_most(limit: Option<f64>) -> Self {
        limit.map_or(Self::None, Self::AtMost)
    }

    /// Not less than this, if a limit is given.
    pub(crate) fn at_least(limit: Option<f64>) -> Self {
        limit.map_or(Self::None, Self::AtLeast)
    }
}

impl Verdict {
    /// Is the limit kept?
    pub(crate) fn kept(&self) -> bool {
        match self.limit {
            Limit::AtMost(most) => self.figure <= most,
            Limit::AtLeast(least) => self.figure >= least,
            Limit::None => true,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, limit) = match self.limit {
            Limit::AtMost(most) => (if self.kept() { "OK" } else { "MISSED" }, format!(" (at most {most})")),
            Limit::AtLeast(least) => {
                (if self.kept() { "OK" } else { "MISSED" }, format!(" (at least {least})"))
            }
            Limit::None => ("RESULT", String::new()),
        };
        write!(out, "  {word}: {}: {:.3}{limit}", self.what, self.figure)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Table, Verdict, median, spread};

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        for (figures, expected) in
            [(vec![], 0.0), (vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 100.0], 3.0)]
        {
            assert!((median(figures.clone()) - expected).abs() < 1e-9, "{figures:?}");
        }
        assert_eq!(spread([2.0, -1.0, 5.0]), (-1.0, 5.0));
        assert_eq!(spread([]), (0.0, 0.0));
    }

    #[test]
    fn a_limit_itself_is_kept_and_what_is_beyond_is_not() {
        let verdict = |figure, limit| Verdict { what: "ratio".to_owned(), figure, limit };
        assert!(verdict(1.0, Limit::AtMost(1.0)).kept() && !verdict(1.01, Limit::AtMost(1.0)).kept());
        assert!(verdict(0.8, Limit::AtLeast(0.8)).kept() && !verdict(0.79, Limit::AtLeast(0.8)).kept());
        assert!(verdict(9.0, Limit::at_most(None)).kept());
        assert_eq!(verdict(1.5, Limit::AtMost(1.0)).to_string(), "  MISSED: ratio: 1.500 (at most 1)");
    }

    #[test]
    fn columns_stand_under_their_names() {
        let table = Table {
            title: "costs".to_owned(),
            head: vec!["server", "µs"],
            rows: vec![
                vec!["bare".to_owned(), "8.90".to_owned()],
                vec!["the hub".to_owned(), "12.00".to_owned()],
            ],
        };
        assert_eq!(
            table.to_string(),
            "  costs\n    server      µs\n    bare      8.90\n    the hub  12.00\n"
        );
    }
}
