//! A letter's text as a page: the same words, the link as a button, right to left in Arabic.

use base::Lang;

/// The page of a text, in which the line that is `link` becomes a button.
pub(crate) fn html(lang: Lang, text: &str, link: Option<&str>) -> String {
    let (direction, go) = match lang {
        Lang::Ar => ("rtl", "متابعة"),
        Lang::En => ("ltr", "Continue"),
    };
    let mut body = String::new();
    for paragraph in text.split("\n\n") {
        match link {
            Some(link) if paragraph == link => {
                let address = escaped(link);
                body.push_str(&format!(
                    "<p><a href=\"{address}\" style=\"display:inline-block;padding:12px 24px;border-radius:6px;\
                     background:#14532d;color:#ffffff;text-decoration:none\">{go}</a></p>\n\
                     <p style=\"font-size:12px;color:#6b7280;word-break:break-all\" dir=\"ltr\">{address}</p>\n"
                ));
            }
            _ => {
                let lines = escaped(paragraph).replace('\n', "<br>\n");
                body.push_str(&format!("<p>{lines}</p>\n"));
            }
        }
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\" dir=\"{direction}\">\n<head><meta charset=\"utf-8\"></head>\n\
         <body style=\"font-family:sans-serif;line-height:1.6;color:#111827;max-width:560px;margin:24px auto\">\n\
         {body}</body>\n</html>\n",
        lang.code()
    )
}

/// What a name or an address says is never markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use base::Lang;

    use super::html;

    #[test]
    fn names_are_no_markup_and_the_link_is_a_button() {
        let page = html(
            Lang::Ar,
            "<b>سارة</b>\n\nhttps://a.example/?x=1&y=\"2\"",
            Some("https://a.example/?x=1&y=\"2\""),
        );
        assert!(page.contains("dir=\"rtl\"") && page.contains("&lt;b&gt;سارة&lt;/b&gt;"), "{page}");
        assert!(page.contains("href=\"https://a.example/?x=1&amp;y=&quot;2&quot;\""), "{page}");
    }
}
