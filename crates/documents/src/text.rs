//! Lines of text as glyphs: runs in the order that the eye meets them, their letters joined (the Unicode bidirectional
//! algorithm and OpenType shaping).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use krilla::Data;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Script, ShapePlan, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

use crate::DocumentError;

const REGULAR: &[u8] = include_bytes!("../fonts/IBMPlexSansArabic-Regular.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../fonts/IBMPlexSansArabic-SemiBold.ttf");
const NO_FONT: DocumentError = DocumentError::Internal("a font cannot be read");

/// Of a text, more characters than these are not drawn: no sheet has room for them.
const LONGEST: usize = 1_000;

/// How heavy letters are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// Where a line begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// As its first letter says: for words that people wrote.
    Auto,
    /// At the left: English.
    Ltr,
    /// At the right: Arabic.
    Rtl,
}

/// The letters of a document.
pub(crate) struct Letters {
    regular: Typeface,
    bold: Typeface,
}

struct Typeface {
    shaper: rustybuzz::Face<'static>,
    font: Font,
    /// How each way and script is shaped; it takes longer to find out than to shape.
    plans: RefCell<Vec<(bool, Script, Rc<ShapePlan>)>>,
}

impl Typeface {
    fn read(bytes: &'static [u8]) -> Result<Self, DocumentError> {
        let shaper = rustybuzz::Face::from_slice(bytes, 0).ok_or(NO_FONT)?;
        let font = Font::new(Data::from(bytes), 0).ok_or(NO_FONT)?;
        Ok(Self { shaper, font, plans: RefCell::default() })
    }

    fn plan(&self, rtl: bool, script: Script) -> Rc<ShapePlan> {
        let mut plans = self.plans.borrow_mut();
        if let Some((_, _, plan)) = plans.iter().find(|(way, of, _)| (*way, *of) == (rtl, script)) {
            return Rc::clone(plan);
        }
        let plan = Rc::new(ShapePlan::new(&self.shaper, direction(rtl), Some(script), None, &[]));
        plans.push((rtl, script, Rc::clone(&plan)));
        plan
    }
}

fn direction(rtl: bool) -> Direction {
    if rtl { Direction::RightToLeft } else { Direction::LeftToRight }
}

/// A line that is ready to be drawn from left to right.
pub(crate) struct Line {
    /// Its text, in the order of reading.
    pub text: String,
    /// In the order of the eye; measured in units of the size of the letters.
    pub glyphs: Vec<KrillaGlyph>,
    /// Of all glyphs together, in the same units.
    pub width: f32,
    /// Does it begin at the right?
    pub rtl: bool,
}

impl Letters {
    pub(crate) fn read() -> Result<Self, DocumentError> {
        Ok(Self { regular: Typeface::read(REGULAR)?, bold: Typeface::read(SEMI_BOLD)? })
    }

    pub(crate) fn font(&self, weight: Weight) -> Font {
        self.typeface(weight).font.clone()
    }

    fn typeface(&self, weight: Weight) -> &Typeface {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// A text as one line.
    pub(crate) fn line(&self, text: &str, weight: Weight, way: Way) -> Line {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let level = match way {
            Way::Auto => None,
            Way::Ltr => Some(Level::ltr()),
            Way::Rtl => Some(Level::rtl()),
        };
        let mut glyphs = Vec::new();
        let mut width = 0.0;
        let bidi = BidiInfo::new(&text, level);
        for paragraph in &bidi.paragraphs {
            let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for run in runs {
                let rtl = levels.get(run.start).is_some_and(Level::is_rtl);
                width += self.shape(&text, run, rtl, weight, &mut glyphs);
            }
        }
        let rtl = bidi.paragraphs.first().is_some_and(|paragraph| paragraph.level.is_rtl());
        Line { text, glyphs, width, rtl }
    }

    /// Adds the glyphs of a run of one direction; answers with their width.
    fn shape(
        &self,
        text: &str,
        run: std::ops::Range<usize>,
        rtl: bool,
        weight: Weight,
        glyphs: &mut Vec<KrillaGlyph>,
    ) -> f32 {
        let Some(part) = text.get(run.clone()) else { return 0.0 };
        let typeface = self.typeface(weight);
        let units = typeface.font.units_per_em();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(part);
        buffer.set_direction(direction(rtl));
        buffer.guess_segment_properties();
        let plan = typeface.plan(rtl, buffer.script());
        let shaped = rustybuzz::shape_with_plan(&typeface.shaper, &plan, buffer);
        // A cluster is the byte that it begins with; it ends where the next one of the text begins.
        let mut starts: Vec<usize> = shaped.glyph_infos().iter().map(|glyph| at(glyph.cluster)).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut width = 0.0;
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            let start = at(info.cluster);
            let next = starts.partition_point(|&other| other <= start);
            let end = starts.get(next).copied().unwrap_or(part.len());
            let advance = scalar(position.x_advance) / units;
            width += advance;
            glyphs.push(KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                advance,
                scalar(position.x_offset) / units,
                scalar(position.y_offset) / units,
                scalar(position.y_advance) / units,
                run.start + start..run.start + end,
                None,
            ));
        }
        width
    }

    /// The words of a text, each with its width, in pieces where a word is wider than `width`.
    fn words(&self, text: &str, weight: Weight, width: f32) -> Vec<Word> {
        let text: String = text.chars().take(LONGEST).collect();
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let line = self.line(word, weight, Way::Auto);
            if line.width <= width {
                words.push(Word { text: line.text, width: line.width, ends: true });
                continue;
            }
            let mut letters: BTreeMap<usize, f32> = BTreeMap::new();
            for glyph in &line.glyphs {
                *letters.entry(glyph.text_range.start).or_default() += glyph.x_advance;
            }
            // Letters at a break are wider than joined ones: some room is kept for them.
            let room = width - 1.0;
            let (mut from, mut wide) = (0, 0.0);
            for (start, advance) in letters {
                if wide + advance > room && start > from {
                    let piece = line.text.get(from..start).unwrap_or_default().to_owned();
                    words.push(Word { text: piece, width: wide, ends: false });
                    (from, wide) = (start, 0.0);
                }
                wide += advance;
            }
            let rest = line.text.get(from..).unwrap_or_default().to_owned();
            words.push(Word { text: rest, width: wide, ends: true });
        }
        words
    }

    /// A text in lines that are no wider than `width` (in units of the size), broken between words, and within a word
    /// that is wider than a line.
    pub(crate) fn wrap(&self, text: &str, weight: Weight, way: Way, width: f32) -> Vec<Line> {
        let way = if way == Way::Auto { first_way(text) } else { way };
        let words = self.words(text, weight, width);
        let space = self.line("x x", weight, Way::Ltr).width - self.line("xx", weight, Way::Ltr).width;
        broken(&words, space, width).iter().map(|text| self.line(text, weight, way)).collect()
    }

    /// A text in at most `most` lines: of the given size where that suffices, of a smaller one down to `least`, and cut
    /// with an ellipsis where even that is too large. Answers with the size.
    pub(crate) fn fit(
        &self,
        text: &str,
        weight: Weight,
        width: f32,
        (size, least): (f32, f32),
        most: usize,
    ) -> (f32, Vec<Line>) {
        let way = first_way(text);
        let space = self.line("x x", weight, Way::Ltr).width - self.line("xx", weight, Way::Ltr).width;
        let words = self.words(text, weight, width / size);
        let mut size = size;
        let mut lines = broken(&words, space, width / size);
        while lines.len() > most && size > least {
            size = (size - 1.0).max(least);
            lines = broken(&words, space, width / size);
        }
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                let kept = last.chars().count().saturating_sub(3);
                *last = last.chars().take(kept).chain(['…']).collect();
            }
        }
        (size, lines.iter().map(|line| self.line(line, weight, way)).collect())
    }
}

/// A word, or a piece of one.
struct Word {
    text: String,
    width: f32,
    /// Does a space follow?
    ends: bool,
}

/// Words in lines, each as long as `width` allows; at least one.
fn broken(words: &[Word], space: f32, width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut wide, mut gap) = (String::new(), 0.0, false);
    for word in words {
        let between = if gap { space } else { 0.0 };
        if !line.is_empty() && wide + between + word.width > width {
            lines.push(std::mem::take(&mut line));
            wide = 0.0;
        } else if gap {
            line.push(' ');
            wide += between;
        }
        line.push_str(&word.text);
        wide += word.width;
        gap = word.ends;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The way of a text whose lines all begin at the same side.
fn first_way(text: &str) -> Way {
    match unicode_bidi::get_base_direction(text) {
        unicode_bidi::Direction::Rtl => Way::Rtl,
        unicode_bidi::Direction::Ltr | unicode_bidi::Direction::Mixed => Way::Ltr,
    }
}

fn at(cluster: u32) -> usize {
    usize::try_from(cluster).unwrap_or(usize::MAX)
}

/// Fonts count in sixteen bits.
fn scalar(units: i32) -> f32 {
    f32::from(i16::try_from(units).unwrap_or(i16::MAX))
}

#[cfg(test)]
mod tests {
    use rustybuzz::ttf_parser;

    use super::*;

    fn ids(text: &str) -> Vec<u32> {
        let letters = Letters::read().unwrap();
        letters
            .line(text, Weight::Regular, Way::Auto)
            .glyphs
            .iter()
            .map(|glyph| glyph.glyph_id.to_u32())
            .collect()
    }

    /// What a text would be if every letter stood alone.
    fn alone(text: &str) -> Vec<u32> {
        let face = ttf_parser::Face::parse(REGULAR, 0).unwrap();
        text.chars().map(|letter| u32::from(face.glyph_index(letter).unwrap().0)).collect()
    }

    #[test]
    fn arabic_letters_are_joined_and_run_from_the_right() {
        let word = "شهادة";
        let shaped = ids(word);
        let mut isolated = alone(word);
        isolated.reverse();
        let joined = shaped.iter().zip(&isolated).filter(|(shaped, isolated)| shaped != isolated).count();
        // Sheen begins, heh is between, alef ends; dal and teh marbuta stand alone, since nothing joins to an alef.
        assert!(joined >= 3, "{shaped:?} {isolated:?}");
        let letters = Letters::read().unwrap();
        let line = letters.line(word, Weight::Regular, Way::Auto);
        let order: Vec<usize> = line.glyphs.iter().map(|glyph| glyph.text_range.start).collect();
        assert!(order.is_sorted_by(|left, right| left >= right), "{order:?}");
        assert_eq!(order.last(), Some(&0));
    }

    #[test]
    fn a_letter_has_another_form_in_each_place() {
        // Beh alone, then beginning, within and ending a word of three.
        let (single, word) = (ids("ب"), ids("ببب"));
        assert_eq!(single.len(), 1);
        let distinct: std::collections::BTreeSet<u32> = single.into_iter().chain(word).collect();
        assert!(distinct.len() >= 4, "{distinct:?}");
    }

    #[test]
    fn latin_words_and_numbers_within_arabic_keep_their_own_order() {
        let letters = Letters::read().unwrap();
        let line = letters.line("دورة Rust رقم 2026", Weight::Regular, Way::Auto);
        let starts: Vec<usize> = line.glyphs.iter().map(|glyph| glyph.text_range.start).collect();
        let place = |needle: &str| {
            let at = line.text.find(needle).unwrap();
            starts.iter().position(|&start| start == at).unwrap()
        };
        // For the eye, from the left: 2026, the word before it, Rust, the first word.
        assert!(place("2026") < place("Rust"));
        assert!(place("Rust") < place("د"));
        assert_eq!(starts.get(place("Rust") + 1), Some(&(line.text.find("Rust").unwrap() + 1)));
    }

    #[test]
    fn lines_are_no_wider_than_asked() {
        let letters = Letters::read().unwrap();
        let text = "A rather long title of a course that needs more than a line وعنوان عربي طويل أيضا supercalifragilistic";
        let lines = letters.wrap(text, Weight::Bold, Way::Auto, 8.0);
        assert!(lines.len() > 5);
        for line in &lines {
            assert!(line.width <= 8.1, "{}", line.text);
        }
        let words: String = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(words.replace(' ', ""), text.replace(' ', ""));
        let (size, few) = letters.fit(&text.repeat(9), Weight::Bold, 200.0, (20.0, 12.0), 2);
        assert!((size - 12.0).abs() < 0.01);
        assert_eq!(few.len(), 2);
        assert!(few.last().unwrap().text.ends_with('…'));
    }
}
