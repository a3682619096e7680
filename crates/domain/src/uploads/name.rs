//! What people call their files: shown, never used as a path.

use base::text;

/// Characters of a name that are kept.
const MAX_NAME: usize = 200;

/// A name as it may be shown: without folders, without what cannot be seen. `None` where nothing is left.
pub(super) fn cleaned(name: &str) -> Option<String> {
    let own = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String =
        text::clean(own).chars().filter(|character| !matches!(character, '\n' | '\t')).collect();
    let name: String = visible.trim_matches(['.', ' ']).chars().take(MAX_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// What the file is saved as: its own name, ending in what it really is.
pub(super) fn to_save_as(name: Option<&str>, path: &str) -> String {
    let stored = path.rsplit('/').next().unwrap_or_default();
    let Some(name) = name else { return stored.to_owned() };
    let extension = stored.rsplit('.').next().unwrap_or_default();
    let given = name.rsplit_once('.').map(|(_, given)| given.to_ascii_lowercase()).unwrap_or_default();
    let same = given == extension
        || matches!(
            (extension, given.as_str()),
            ("jpg", "jpeg")
                | ("ogg", "oga" | "opus")
                | ("mov", "qt")
                | ("m4a", "mp4" | "aac")
                | ("mp4", "m4v")
        );
    if same { name.to_owned() } else { format!("{name}.{extension}") }
}

/// What the name of a small picture ends in.
const SMALL: &str = ".small.jpg";

/// The name on the disk of the small picture beside a file.
pub(super) fn small(path: &str) -> String {
    format!("{path}{SMALL}")
}

/// The file that a small picture is beside, if the name is one's.
pub(super) fn large(path: &str) -> Option<&str> {
    path.strip_suffix(SMALL)
}

#[cfg(test)]
mod tests {
    use super::{cleaned, to_save_as};

    #[test]
    fn a_name_is_what_can_be_seen_of_it() {
        for (given, kept) in [
            ("صورة.png", Some("صورة.png")),
            ("../../etc/passwd", Some("passwd")),
            (r"C:\Users\x\photo.jpg", Some("photo.jpg")),
            ("a\u{202E}gpj.exe\r\n", Some("agpj.exe")),
            ("..", None),
            ("", None),
            ("a/", None),
        ] {
            assert_eq!(cleaned(given).as_deref(), kept, "{given:?}");
        }
        assert_eq!(cleaned(&"م".repeat(300)).unwrap().chars().count(), 200);
    }

    #[test]
    fn a_file_is_saved_as_what_it_is() {
        for (name, path, saved) in [
            (Some("photo.JPEG"), "uploads/2026/11/A.jpg", "photo.JPEG"),
            (Some("invoice.exe"), "uploads/2026/11/A.pdf", "invoice.exe.pdf"),
            (Some("page.html"), "uploads/2026/11/A.txt", "page.html.txt"),
            (Some("voice"), "uploads/2026/11/A.m4a", "voice.m4a"),
            (None, "uploads/2026/11/A.png", "A.png"),
        ] {
            assert_eq!(to_save_as(name, path), saved);
        }
    }
}
