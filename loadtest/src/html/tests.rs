use super::page;
use super::samples::{all, ordinary};

/// Elements without an end.
const VOID: [&str; 2] = ["meta", "!DOCTYPE"];

/// Checks that tags are balanced, attributes quoted, and no `<` or `&` stands for itself.
fn check_well_formed(page: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some((text, after)) = rest.split_once('<') {
        check_text(text)?;
        let (tag, after) = after.split_once('>').ok_or("a tag without an end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing; open are {open:?}"));
            }
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if tag.matches('"').count() % 2 != 0 || tag.contains('<') {
            return Err(format!("<{tag}>"));
        }
        check_text(tag)?;
        if VOID.contains(&name) || tag.ends_with('/') {
            continue;
        }
        if matches!(name, "style" | "script") {
            let end = format!("</{name}>");
            rest = rest.split_once(&end).ok_or_else(|| format!("<{name}> without an end"))?.1;
            continue;
        }
        open.push(name);
    }
    check_text(rest)?;
    if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
}

fn check_text(text: &str) -> Result<(), String> {
    for after in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        if !known.iter().any(|entity| after.starts_with(entity)) {
            return Err(format!("a bare & in {text:?}"));
        }
    }
    Ok(())
}

#[test]
fn every_page_is_well_formed_and_alone() {
    for (name, report) in all() {
        let page = page(&report);
        check_well_formed(&page).unwrap_or_else(|error| panic!("{name}: {error}"));
        for broken in ["NaN", "inf\"", "-inf", ">inf", "None", "Some("] {
            // "None." is how a page says that there were no errors.
            assert!(!page.replace("<p>None.</p>", "").contains(broken), "{name} holds {broken}");
        }
        let markup = page.replace("http://127.0.0.1:41231", "");
        for outside in ["http://", "https://", "//cdn", "@import", "url(", "src=", "<link", "<img"] {
            assert!(!markup.contains(outside), "{name} refers to {outside}");
        }
    }
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    for wrong in
        ["<p>", "<p></div>", "</p>", "<p>a & b</p>", "<p class=\"x></p>", "<b", "<p title=\"a\"b\"></p>"]
    {
        assert!(check_well_formed(wrong).is_err(), "{wrong}");
    }
    assert_eq!(check_well_formed("<p>a &amp; <b class=\"c\">d</b></p>"), Ok(()));
}

#[test]
fn what_the_run_says_stands_on_the_page_and_nothing_of_it_is_markup() {
    let all = all();
    let failed = page(&all.iter().find(|(name, _)| *name == "failed").unwrap().1);
    assert!(
        failed.contains("<title>FAILED · An evening: &lt;chat&gt; &amp; &quot;rooms&quot; of 5,000 people")
    );
    assert!(failed.contains("17 lost"));
    assert!(failed.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(failed.contains("debug build"));
    assert!(failed.contains("✗ missed"));

    let ordinary = page(&ordinary());
    assert!(ordinary.contains("heard once and in order by everyone. All 3 limits were kept."));
    for expected in [
        "41,054",
        "2026-11-23 18:00:00 UTC",
        "2,463,210",
        "11.5 ms",
        "19.7 µs",
        "15.4 KiB",
        "hub 2",
        "429 too many requests",
    ] {
        assert!(ordinary.contains(expected), "{expected} is missing");
    }
    let empty = page(&crate::stats::report::Report::default());
    assert!(!empty.contains("<figure>"));
    assert!(empty.contains("Nothing to draw in this run: Latency over time, Latency by percentile, Sent"));
}

#[test]
fn lines_have_gaps_where_nothing_was_measured() {
    let page = page(&ordinary());
    let figure = page.split("<figure>").find(|figure| figure.contains("Latency over time")).unwrap();
    let first = figure.split("<path class=\"line c0\" d=\"").last().unwrap().split('"').next().unwrap();
    assert_eq!(first.matches('M').count(), 2, "{first}");
    // 66 seconds, of which 6 are the ramp and 3 the gap.
    assert_eq!(first.matches('M').count() + first.matches('L').count(), 57);
}
