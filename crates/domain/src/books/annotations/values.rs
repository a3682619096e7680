//! What the values of an annotation have to be.

use std::borrow::Cow;

use base::text::{clean, length};
use base::{Problem, Violations};
use protocol::books::AnnotationType;
use serde_json::{Map, Value};
use store::books::NewAnnotation;

/// Characters of a reader's own words at most.
const MAX_CONTENT: usize = 5_000;
/// Bytes of `position_data` at most.
const MAX_POSITION: usize = 16 << 10;

/// An annotation's values as they will be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Values {
    pub(super) annotation_type: AnnotationType,
    pub(super) page_number: u32,
    pub(super) color: Option<String>,
    pub(super) content: Option<String>,
    pub(super) position_data: Option<Map<String, Value>>,
}

impl Values {
    /// Words cleaned, those that say nothing taken away; colours in capitals, so that they are found again.
    pub(super) fn cleaned(self) -> Self {
        let content = self.content.map(|text| clean(&text)).filter(|text| !text.is_empty());
        Self { color: self.color.map(|color| color.to_ascii_uppercase()), content, ..self }
    }

    /// Adds what does not hold; `prefix` is where the annotation is in the input, such as `upserts.3.`.
    pub(super) fn check(&self, page_count: u32, prefix: &str, violations: &mut Violations) {
        let field = |name: &'static str| -> Cow<'static, str> {
            if prefix.is_empty() { Cow::Borrowed(name) } else { Cow::Owned(format!("{prefix}{name}")) }
        };
        if self.page_number < 1 {
            violations.add(field("page_number"), Problem::TooSmall("1".to_owned()));
        }
        if self.page_number > page_count {
            violations.add(field("page_number"), Problem::TooGreat(page_count.to_string()));
        }
        if self.color.as_deref().is_some_and(|color| !is_color(color)) {
            violations.add(field("color"), Problem::Format("a colour such as #FFEE00"));
        }
        if self.content.as_deref().is_some_and(|text| length(text) > MAX_CONTENT) {
            violations.add(field("content"), Problem::TooLong(MAX_CONTENT));
        }
        if self.annotation_type == AnnotationType::Note && self.content.is_none() {
            violations.add(field("content"), Problem::Required);
        }
        let marks_words =
            matches!(self.annotation_type, AnnotationType::Highlight | AnnotationType::Underline);
        if marks_words && self.position_data.as_ref().is_none_or(Map::is_empty) {
            violations.add(field("position_data"), Problem::Required);
        }
        let size = self.position_data.as_ref().map_or(0, position_size);
        if size > MAX_POSITION {
            violations.add(field("position_data"), Problem::TooManyBytes(MAX_POSITION));
        }
    }

    /// As the store takes them.
    pub(super) fn row(&self, at: base::Time) -> NewAnnotation<'_> {
        NewAnnotation {
            annotation_type: self.annotation_type.as_str(),
            page_number: self.page_number,
            color: self.color.as_deref(),
            content: self.content.as_deref(),
            position_data: self.position_data.as_ref(),
            at: at.as_chrono(),
        }
    }
}

fn position_size(data: &Map<String, Value>) -> usize {
    serde_json::to_vec(data).map_or(usize::MAX, |bytes| bytes.len())
}

/// `#RRGGBB`.
pub(super) fn is_color(text: &str) -> bool {
    text.len() == 7
        && text.strip_prefix('#').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use base::Violations;
    use protocol::books::AnnotationType;
    use serde_json::json;

    use super::Values;

    fn told(annotation_type: AnnotationType, change: impl FnOnce(&mut Values)) -> String {
        let mut values = Values {
            annotation_type,
            page_number: 10,
            color: Some("#ffee00".to_owned()),
            content: Some("words".to_owned()),
            position_data: json!({"rects": [[1, 2, 3, 4]]}).as_object().cloned(),
        };
        change(&mut values);
        let mut violations = Violations::none();
        values.cleaned().check(10, "upserts.2.", &mut violations);
        violations.to_string()
    }

    #[test]
    fn each_kind_has_what_it_needs() {
        for kind in AnnotationType::ALL {
            assert_eq!(told(kind, |_| {}), "");
            assert!(told(kind, |values| values.page_number = 0).contains("upserts.2.page number"));
            assert!(told(kind, |values| values.page_number = 11).contains("page number"));
            assert!(told(kind, |values| values.color = Some("#ffee0".to_owned())).contains("color"));
            assert!(told(kind, |values| values.color = Some("yellow".to_owned())).contains("color"));
            assert!(told(kind, |values| values.content = Some("x".repeat(5_001))).contains("content"));
            let long = json!({"quote": "x".repeat(17_000)}).as_object().cloned();
            assert!(told(kind, |values| values.position_data = long).contains("position data"));
        }
        use AnnotationType::{Bookmark, Highlight, Note, Underline};
        for (kind, refused) in [(Highlight, true), (Underline, true), (Note, false), (Bookmark, false)] {
            let message = told(kind, |values| values.position_data = None);
            assert_eq!(message.contains("position data"), refused, "{message}");
        }
        assert!(told(Note, |values| values.content = Some(" \n".to_owned())).contains("content"));
        assert_eq!(told(Highlight, |values| values.content = None), "");
    }
}
