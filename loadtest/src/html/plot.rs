//! Line plots. The lines are an SVG that is stretched to the width there is; the words beside it are HTML, so they stay
//! readable on a phone and on paper.

use std::fmt::Write;

use super::axis::Axis;
use super::text::{NONE, count, escape, quantity};

/// A plot: lines over one axis.
pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    /// One sentence: what a reader should look for.
    pub(super) hint: &'a str,
    pub(super) unit: &'a str,
    /// May the values' axis become logarithmic for an outlier? Not for what adds up.
    pub(super) may_be_logarithmic: bool,
    pub(super) across: Across,
    pub(super) lines: Vec<Trace>,
}

/// The axis from left to right.
pub(super) struct Across {
    pub(super) axis: Axis,
    /// Where each point lies, 0 to 1.
    pub(super) places: Vec<f64>,
    /// What each point is called.
    pub(super) labels: Vec<String>,
    /// Up to here it is shaded, 0 to 1: what comes before the run proper.
    pub(super) before: f64,
}

/// One line: a value for each point, or a gap.
pub(super) struct Trace {
    pub(super) name: String,
    pub(super) values: Vec<Option<f64>>,
}

/// Colours of the style sheet; further lines are dashed.
const COLOURS: usize = 8;
/// Width and height of the drawing in its own units.
const SIDE: f64 = 1000.0;

impl Trace {
    fn finite(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().flatten().copied().filter(|value| value.is_finite())
    }
}

impl Plot<'_> {
    /// Writes the figure and gives true; one without a single value is not written.
    pub(super) fn write(&self, out: &mut String) -> Result<bool, std::fmt::Error> {
        let values: Vec<f64> = self.lines.iter().flat_map(Trace::finite).collect();
        if values.is_empty() {
            return Ok(false);
        }
        let axis = Axis::of_values(&values, self.unit, self.may_be_logarithmic);
        let scale = if axis.is_logarithmic() { ", logarithmic" } else { "" };
        let unit = match axis.unit.as_str() {
            "" => String::new(),
            unit => format!(" <span class=\"unit\">in {}{scale}</span>", escape(unit_in_words(unit))),
        };
        write!(
            out,
            "<figure><figcaption><h3>{}{unit}</h3><p>{}</p></figcaption>",
            escape(self.title),
            escape(self.hint)
        )?;
        self.write_legend(out)?;
        self.write_canvas(out, &axis)?;
        writeln!(out, "</figure>")?;
        Ok(true)
    }

    /// The lines that have a value, with their colours.
    fn drawn(&self) -> impl DoubleEndedIterator<Item = (usize, &Trace)> {
        self.lines.iter().enumerate().filter(|(_, line)| line.finite().next().is_some())
    }

    fn write_legend(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "<ul class=\"legend\">")?;
        for (index, line) in self.drawn() {
            let highest = line.finite().max_by(f64::total_cmp);
            let highest = highest.map_or_else(|| NONE.to_owned(), |value| quantity(value, self.unit));
            write!(
                out,
                "<li><svg class=\"key\" viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"{}\" d=\"M1 4H23\"/></svg>{} \
                 <b>{}</b></li>",
                class_of(index),
                escape(&line.name),
                escape(&highest)
            )?;
        }
        write!(out, "</ul>")
    }

    fn write_canvas(&self, out: &mut String, axis: &Axis) -> std::fmt::Result {
        let widest = axis.ticks.iter().map(|tick| tick.label.chars().count()).max().unwrap_or(1);
        write!(out, "<div class=\"canvas\" style=\"--label:{widest}ch\"")?;
        self.write_readings(out)?;
        write!(out, "><div class=\"down\">")?;
        for tick in &axis.ticks {
            let minor = if tick.minor { " class=\"minor\"" } else { "" };
            write!(
                out,
                "<span{minor} style=\"bottom:{:.2}%\">{}</span>",
                tick.at * 100.0,
                escape(&tick.label)
            )?;
        }
        let what = format!(
            "{}: {}",
            self.title,
            count(
                self.lines.len(),
                "line; its figures are in the tables",
                "lines; their figures are in the tables"
            )
        );
        write!(
            out,
            "</div><svg class=\"lines\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{}\">",
            escape(&what)
        )?;
        if self.across.before > 0.0 {
            write!(out, "<path class=\"before\" d=\"M0 0H{:.1}V1000H0Z\"/>", self.across.before * SIDE)?;
        }
        write!(out, "<path class=\"grid\" d=\"")?;
        for tick in &axis.ticks {
            write!(out, "M0 {:.1}H1000", SIDE - tick.at * SIDE)?;
        }
        for tick in &self.across.axis.ticks {
            write!(out, "M{:.1} 0V1000", tick.at * SIDE)?;
        }
        write!(out, "\"/>")?;
        // The first line is drawn last: it is what the plot is about.
        for (index, line) in self.drawn().rev() {
            self.write_line(out, axis, index, line)?;
        }
        write!(out, "</svg><div class=\"along\">")?;
        for tick in &self.across.axis.ticks {
            let minor = if tick.minor { " class=\"minor\"" } else { "" };
            write!(
                out,
                "<span{minor} style=\"left:{:.2}%\">{}</span>",
                tick.at * 100.0,
                escape(&tick.label)
            )?;
        }
        write!(out, "</div></div>")
    }

    fn write_line(&self, out: &mut String, axis: &Axis, index: usize, line: &Trace) -> std::fmt::Result {
        let point = |at: usize| {
            let value = line.values.get(at).copied().flatten().filter(|value| value.is_finite())?;
            let place = self.across.places.get(at)?;
            Some((place * SIDE, SIDE - axis.place(value) * SIDE))
        };
        let (mut path, mut dots) = (String::new(), String::new());
        for at in 0..self.across.places.len() {
            let Some((x, y)) = point(at) else { continue };
            let before = at.checked_sub(1).and_then(point).is_some();
            match (before, point(at + 1).is_some()) {
                // Between two gaps a line would have no length.
                (false, false) => write!(dots, "M{x:.1} {y:.1}h.01")?,
                (false, true) => write!(path, "M{x:.1} {y:.1}")?,
                (true, _) => write!(path, "L{x:.1} {y:.1}")?,
            }
        }
        let class = class_of(index);
        if !path.is_empty() {
            write!(out, "<path class=\"{class}\" d=\"{path}\"/>")?;
        }
        if !dots.is_empty() {
            write!(out, "<path class=\"{class} dots\" d=\"{dots}\"/>")?;
        }
        Ok(())
    }

    /// What the read-out under the pointer says, as JSON in attributes: places in thousandths, labels, and texts a line.
    fn write_readings(&self, out: &mut String) -> std::fmt::Result {
        let places: Vec<f64> = self.across.places.iter().map(|place| (place * SIDE).round()).collect();
        let lines: Vec<(&str, Vec<String>)> = self
            .lines
            .iter()
            .map(|line| {
                let text =
                    |value: &Option<f64>| value.map_or(String::new(), |value| quantity(value, self.unit));
                (line.name.as_str(), line.values.iter().map(text).collect())
            })
            .collect();
        let readings = serde_json::json!({ "at": places, "labels": self.across.labels, "lines": lines });
        write!(out, " data-readings=\"{}\"", escape(&readings.to_string()))
    }
}

fn class_of(index: usize) -> String {
    let dash = match index / 4 {
        0 => "",
        1 => " dashed",
        _ => " dotted",
    };
    format!("line c{}{dash}", index % COLOURS)
}

fn unit_in_words(unit: &str) -> &str {
    match unit {
        "ms" => "milliseconds",
        "/s" => "a second",
        other => other,
    }
}
