//! What is drawn on a page: text, rules, boxes and QR codes, measured in points from the top left.

use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;

use crate::DocumentError;
use crate::qr::modules;
use crate::text::{Letters, Line, Way, Weight};

/// Red, green, blue.
pub(crate) type Ink = (u8, u8, u8);

pub(crate) const INK: Ink = (31, 41, 55);
pub(crate) const PALE: Ink = (107, 114, 128);
pub(crate) const GREEN: Ink = (11, 93, 75);
pub(crate) const GOLD: Ink = (180, 140, 60);
pub(crate) const MIST: Ink = (243, 246, 245);

/// A page that is being drawn.
pub(crate) struct Sheet<'a, 'b> {
    surface: &'b mut Surface<'a>,
    letters: &'b Letters,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub weight: Weight,
    pub size: f32,
    pub ink: Ink,
}

/// Which point of a line its place is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hold {
    Left,
    Middle,
    Right,
}

pub(crate) fn regular(size: f32, ink: Ink) -> Style {
    Style { weight: Weight::Regular, size, ink }
}

pub(crate) fn bold(size: f32, ink: Ink) -> Style {
    Style { weight: Weight::Bold, size, ink }
}

impl<'a, 'b> Sheet<'a, 'b> {
    pub(crate) fn new(surface: &'b mut Surface<'a>, letters: &'b Letters) -> Self {
        Self { surface, letters }
    }

    /// A line of text on a baseline.
    pub(crate) fn text(&mut self, text: &str, way: Way, style: Style, hold: Hold, (x, y): (f32, f32)) {
        let line = self.letters.line(text, style.weight, way);
        self.line(&line, style, hold, (x, y));
    }

    /// A text that is drawn smaller, down to half its size, rather than wider than `width`; on one line.
    pub(crate) fn within(&mut self, text: &str, style: Style, hold: Hold, (x, y): (f32, f32), width: f32) {
        let sizes = (style.size, style.size / 2.0);
        let (size, lines) = self.letters.fit(text, style.weight, width, sizes, 1);
        for line in lines {
            self.line(&line, Style { size, ..style }, hold, (x, y));
        }
    }

    /// A text of several lines around a middle. Answers with the last baseline.
    pub(crate) fn block(
        &mut self,
        text: &str,
        style: Style,
        (x, y): (f32, f32),
        width: f32,
        most: usize,
    ) -> f32 {
        let sizes = (style.size, style.size / 2.0);
        let (size, lines) = self.letters.fit(text, style.weight, width, sizes, most);
        let mut baseline = y;
        for (ordinal, line) in lines.iter().enumerate() {
            if ordinal > 0 {
                baseline += size * 1.45;
            }
            self.line(line, Style { size, ..style }, Hold::Middle, (x, baseline));
        }
        baseline
    }

    /// A line that was shaped before.
    pub(crate) fn line(&mut self, line: &Line, style: Style, hold: Hold, (x, y): (f32, f32)) {
        if line.glyphs.is_empty() {
            return;
        }
        let width = line.width * style.size;
        let left = match hold {
            Hold::Left => x,
            Hold::Middle => x - width / 2.0,
            Hold::Right => x - width,
        };
        self.fill(style.ink);
        let font = self.letters.font(style.weight);
        self.surface.draw_glyphs(Point::from_xy(left, y), &line.glyphs, font, &line.text, style.size, false);
    }

    /// A filled box.
    pub(crate) fn area(&mut self, ink: Ink, (x, y, width, height): (f32, f32, f32, f32)) {
        self.fill(ink);
        if let Some(path) = box_path((x, y, width, height)) {
            self.surface.draw_path(&path);
        }
    }

    /// The outline of a box.
    pub(crate) fn frame(&mut self, ink: Ink, thickness: f32, corners: (f32, f32, f32, f32)) {
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(Stroke { paint: paint(ink), width: thickness, ..Stroke::default() }));
        if let Some(path) = box_path(corners) {
            self.surface.draw_path(&path);
        }
        self.surface.set_stroke(None);
    }

    /// A QR code in a square, with its quiet zone of four modules around it.
    pub(crate) fn qr(&mut self, text: &str, (x, y): (f32, f32), side: f32) -> Result<(), DocumentError> {
        let code = modules(text)?;
        let module = side / (count(code.width) + 8.0);
        self.area((255, 255, 255), (x, y, side, side));
        let mut builder = PathBuilder::new();
        for (row, line) in code.dark.chunks(code.width).enumerate() {
            for (column, _) in line.iter().enumerate().filter(|(_, dark)| **dark) {
                let left = x + (count(column) + 4.0) * module;
                let top = y + (count(row) + 4.0) * module;
                if let Some(square) = Rect::from_xywh(left, top, module, module) {
                    builder.push_rect(square);
                }
            }
        }
        self.fill((0, 0, 0));
        let path = builder.finish().ok_or(DocumentError::Internal("an empty QR code"))?;
        self.surface.draw_path(&path);
        Ok(())
    }

    fn fill(&mut self, ink: Ink) {
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill {
            paint: paint(ink),
            opacity: NormalizedF32::ONE,
            rule: FillRule::NonZero,
        }));
    }
}

fn paint((red, green, blue): Ink) -> krilla::paint::Paint {
    rgb::Color::new(red, green, blue).into()
}

fn box_path((x, y, width, height): (f32, f32, f32, f32)) -> Option<Path> {
    let mut builder = PathBuilder::new();
    builder.push_rect(Rect::from_xywh(x, y, width, height)?);
    builder.finish()
}

fn count(number: usize) -> f32 {
    f32::from(u16::try_from(number).unwrap_or(u16::MAX))
}
