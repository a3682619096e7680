//! What a run has to keep: the limits of `--slo` and the budgets of `budgets.toml`, in one grammar.
//!
//! A list of limits is `NAME(=|<=|>=)VALUE[UNIT]` with commas between them, such as
//! `p99=50ms, lost=0, deliveries_per_second>=40000`. `=` and `<=` both mean "at most": `lost=0` and `p99=50ms` read as they
//! are meant. Without a unit a value is in the figure's own ([`names`] tells it). A figure that the run does not have is a
//! miss that says why; it never counts as kept.

mod budgets;
mod figures;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, bail};

pub(crate) use self::budgets::budget;
use self::figures::{convert, count_of_activity, figure, normal, percentile, unit_of};
pub(crate) use self::figures::{hub_bytes_a_connection, hub_microseconds_a_delivery, names};
use crate::html::quantity;
use crate::stats::float;
use crate::stats::report::{ActivityReport, Figure, Kept, Report};

/// Limits, and where they come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limits {
    source: String,
    limits: Vec<Limit>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
struct Limit {
    /// The activity whose figure it is; `None`: the whole run's.
    scope: Option<String>,
    name: String,
    bound: Bound,
    value: f64,
    /// As it was written; empty: the figure's own.
    unit: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    AtMost,
    AtLeast,
}

impl Limits {
    /// Reads the list of `--slo`.
    ///
    /// # Errors
    /// A sentence that names the limit and what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::parse_from(text.split(','), "--slo")
    }

    fn parse_from<'a>(limits: impl Iterator<Item = &'a str>, source: &str) -> Result<Self> {
        let limits = limits.map(str::trim).filter(|limit| !limit.is_empty()).map(Limit::parse);
        let limits = limits.collect::<Result<Vec<_>>>()?;
        if limits.is_empty() {
            bail!("{source}: there is no limit; write for example p99=50ms,lost=0");
        }
        Ok(Self { source: source.to_owned(), limits })
    }

    /// What became of each limit.
    fn check(&self, report: &Report) -> Vec<Kept> {
        self.limits.iter().map(|limit| limit.check(report, &self.source)).collect()
    }
}

/// Judges the run: a line in `slo` for each limit, and a fault for each that was missed.
pub(crate) fn judge(limits: &Limits, report: &mut Report) {
    let lines = limits.check(report);
    report.faults.extend(lines.iter().filter(|line| !line.kept).map(missed));
    report.slo.extend(lines);
}

/// A missed limit in words.
fn missed(line: &Kept) -> String {
    format!("missed {} {}: {} ({})", line.name, line.limit, line.value, line.source)
}

impl Limit {
    fn parse(text: &str) -> Result<Self> {
        let (name, bound, value) = if let Some((name, value)) = text.split_once(">=") {
            (name, Bound::AtLeast, value)
        } else if let Some((name, value)) = text.split_once("<=").or_else(|| text.split_once('=')) {
            (name, Bound::AtMost, value)
        } else {
            bail!(
                "\"{text}\" is no limit: write NAME=VALUE or NAME<=VALUE (at most), or NAME>=VALUE (at least)"
            );
        };
        let (name, value) = (name.trim(), value.trim());
        let digits = |character: char| character.is_ascii_digit() || matches!(character, '.' | '_');
        let (number, unit) =
            value.split_at(value.find(|character| !digits(character)).unwrap_or(value.len()));
        let unit = unit.trim();
        let value = number.replace('_', "").parse::<f64>();
        let value = value.ok().with_context(|| format!("\"{text}\": {name} needs a number, such as 50"))?;
        let (scope, name) = match name.split_once('.') {
            // p99.9 is a percentile and no activity.
            Some((scope, _)) if percentile(name).is_some() || scope.is_empty() => (None, name.to_owned()),
            Some((scope, name)) if percentile(name).is_some() => (Some(scope.to_owned()), name.to_owned()),
            Some((scope, name)) => (Some(scope.to_owned()), normal(name)),
            None => (None, name.to_owned()),
        };
        if scope.is_none() {
            let own = unit_of(&name)
                .with_context(|| format!("\"{text}\": there is no figure \"{name}\".\n{}", names()))?;
            if !unit.is_empty() && convert(value, unit, own).is_none() {
                bail!("\"{text}\": {name} is {}, which \"{unit}\" does not measure", told_in(own));
            }
        }
        Ok(Self { scope, name, bound, value, unit: unit.to_owned() })
    }

    fn check(&self, report: &Report, source: &str) -> Kept {
        let shown = match &self.scope {
            Some(scope) => format!("{scope}.{}", self.name),
            None => self.name.clone(),
        };
        let measured = match &self.scope {
            Some(scope) => self.figure_of_activity(report, scope),
            None => figure(report, &self.name),
        };
        let own = if self.scope.is_none() { unit_of(&self.name).unwrap_or_default() } else { "" };
        let (measured, unit) = match measured {
            Ok((value, unit)) if value.is_finite() => (Ok(value), unit),
            Ok((_, unit)) => (Err("it is no number".to_owned()), unit),
            Err(reason) => (Err(reason), own.to_owned()),
        };
        let written = if self.unit.is_empty() { &unit } else { &self.unit };
        let asked = quantity(self.value, written);
        let (value, kept) = match (measured, convert(self.value, written, &unit)) {
            (Ok(value), Some(limit)) => {
                let kept = if self.bound == Bound::AtMost { value <= limit } else { value >= limit };
                let told = quantity(value, &unit);
                // 15.02 is more than 15, and a reader wants to see it.
                let precise = !kept && told == quantity(limit, &unit);
                (if precise { format!("{value:.4} {unit}").trim_end().to_owned() } else { told }, kept)
            }
            (Ok(value), None) => (format!("{}, in another unit", quantity(value, &unit)), false),
            (Err(reason), _) => (format!("not measured: {reason}"), false),
        };
        let limit = format!("{} {asked}", if self.bound == Bound::AtMost { "<=" } else { ">=" });
        Kept { name: shown, limit, value, kept, source: source.to_owned() }
    }

    /// The figure of the activities of a kind: counts added up, of other figures the worst one.
    fn figure_of_activity(&self, report: &Report, scope: &str) -> std::result::Result<(f64, String), String> {
        let activities: Vec<&ActivityReport> =
            report.activities.iter().filter(|activity| activity.kind == scope).collect();
        if activities.is_empty() {
            return Err(format!("the run has no activity \"{scope}\""));
        }
        if let Some((latency, pick)) = percentile(&self.name) {
            let measured = activities.iter().filter_map(|activity| activity.latencies.get(latency));
            let worst = self.worst(measured.filter(|figures| figures.count > 0).map(pick));
            let worst = worst.ok_or_else(|| format!("{scope} has no {latency} latencies"))?;
            return Ok((worst, "ms".to_owned()));
        }
        let counts = activities.iter().filter_map(|activity| count_of_activity(activity, &self.name));
        if let Some(sum) = counts.reduce(|sum, count| sum + count) {
            return Ok((float(sum), String::new()));
        }
        let figures: Vec<&Figure> = activities.iter().flat_map(|activity| &activity.figures).collect();
        let named: Vec<&&Figure> =
            figures.iter().filter(|figure| normal(&figure.name) == self.name).collect();
        let worst = self.worst(named.iter().map(|figure| figure.value));
        match (worst, named.first()) {
            (Some(worst), Some(figure)) => Ok((worst, figure.unit.clone())),
            _ => {
                let there: Vec<String> = figures.iter().map(|figure| normal(&figure.name)).collect();
                Err(format!(
                    "{scope} tells {}",
                    if there.is_empty() { "none".to_owned() } else { there.join(", ") }
                ))
            }
        }
    }

    fn worst(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        values.reduce(if self.bound == Bound::AtMost { f64::max } else { f64::min })
    }
}

fn told_in(unit: &str) -> String {
    match unit {
        "" => "a count".to_owned(),
        unit => format!("told in {unit}"),
    }
}
