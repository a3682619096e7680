//! The report as one HTML file: its style, its drawings and its few lines of script are in it, so it can be mailed, printed
//! and kept.

mod axis;
mod guide;
mod plot;
mod plots;
#[cfg(test)]
pub(crate) mod samples;
mod summary;
mod tables;
#[cfg(test)]
mod tests;
mod text;

use std::fmt::Write;

use self::text::escape;
pub(crate) use self::text::quantity;
use crate::stats::report::Report;

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let mut text = String::with_capacity(1 << 17);
    // Writing to a String cannot fail.
    let _infallible = write_page(&mut text, report);
    text
}

fn write_page(out: &mut String, report: &Report) -> std::fmt::Result {
    let verdict = if report.faults.is_empty() { "OK" } else { "FAILED" };
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n\
         <title>{verdict} · {} · Majlis load test</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n",
        escape(summary::title(report)),
        include_str!("style.css")
    )?;
    summary::write(out, report)?;
    plots::write(out, report)?;
    tables::write(out, report)?;
    guide::write(out)?;
    write!(out, "</main>\n<script>\n{}</script>\n</body>\n</html>\n", include_str!("readout.js"))
}
