//! Addresses of people elsewhere (domain.md §5.2): each place at its own hosts, with `https`.

use std::collections::BTreeMap;

use base::{Problem, Violations};
use serde_json::Value;
use url::Url;

/// The places, and the hosts that are theirs; of `website` any.
const PLACES: &[(&str, &[&str])] = &[
    ("facebook", &["facebook.com", "fb.com"]),
    ("github", &["github.com"]),
    ("instagram", &["instagram.com"]),
    ("linkedin", &["linkedin.com"]),
    ("snapchat", &["snapchat.com"]),
    ("telegram", &["t.me", "telegram.me"]),
    ("threads", &["threads.net", "threads.com"]),
    ("tiktok", &["tiktok.com"]),
    ("website", &[]),
    ("x", &["x.com", "twitter.com"]),
    ("youtube", &["youtube.com", "youtu.be"]),
];

const MAX_ADDRESS: usize = 255;

/// Adds what is wrong with a profile's addresses.
pub(super) fn check(links: &BTreeMap<String, String>, violations: &mut Violations) {
    for (place, address) in links {
        let field = || format!("social_links.{place}");
        match PLACES.iter().find(|(name, _)| name == place) {
            None => violations.add(field(), Problem::Unknown),
            Some(_) if base::text::length(address) > MAX_ADDRESS => {
                violations.add(field(), Problem::TooLong(MAX_ADDRESS));
            }
            Some((_, hosts)) if !is_at(address, hosts) => {
                violations.add(field(), Problem::Format("an https address at that place"));
            }
            Some(_) => {}
        }
    }
}

/// An `https` address of a public host, without name and password.
pub(super) fn is_web_address(address: &str) -> bool {
    is_at(address, &[])
}

fn is_at(address: &str, hosts: &[&str]) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    // A name, not an address: nobody is led into a private network.
    let Some(url::Host::Domain(host)) = url.host() else { return false };
    let clean = !address.chars().any(|character| character.is_whitespace() || character.is_control());
    let at = hosts.is_empty()
        || hosts
            .iter()
            .any(|own| host == *own || host.strip_suffix(own).is_some_and(|before| before.ends_with('.')));
    plain && clean && at && host.contains('.')
}

/// What the column says; what another application wrote and is no text is left out.
pub(super) fn read(column: Option<Value>) -> BTreeMap<String, String> {
    let Some(Value::Object(members)) = column else { return BTreeMap::new() };
    let text = |value: Value| match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    members.into_iter().filter_map(|(place, value)| Some((place, text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base::Violations;
    use serde_json::json;

    use super::{check, is_web_address, read};

    #[test]
    fn addresses_are_at_their_places() {
        let refused = |place: &str, address: &str| {
            let mut violations = Violations::none();
            check(&BTreeMap::from([(place.to_owned(), address.to_owned())]), &mut violations);
            violations.into_result().is_err()
        };
        for (place, address) in [
            ("x", "https://x.com/sara"),
            ("x", "https://mobile.twitter.com/sara"),
            ("youtube", "https://youtu.be/abc"),
            ("website", "https://سارة.example/a?b=c"),
        ] {
            assert!(!refused(place, address), "{address}");
        }
        for (place, address) in [
            ("x", "http://x.com/sara"),
            ("x", "https://notx.com/sara"),
            ("x", "https://x.com.evil.example/"),
            ("x", "https://x.com@evil.example/"),
            ("myspace", "https://myspace.com/sara"),
            ("website", "javascript:alert(1)"),
            ("website", "https://localhost/"),
            ("website", "https://127.0.0.1/"),
            ("website", "https://user:secret@example.com/"),
            ("website", ""),
        ] {
            assert!(refused(place, address), "{address}");
        }
        assert!(is_web_address("https://example.com/certificate/1") && !is_web_address("ftp://example.com"));
    }

    #[test]
    fn what_others_wrote_is_read_as_far_as_it_is_text() {
        let column = json!({"x": "https://x.com/a", "old": null, "n": 3});
        assert_eq!(read(Some(column)), BTreeMap::from([("x".to_owned(), "https://x.com/a".to_owned())]));
        assert!(read(None).is_empty() && read(Some(json!([]))).is_empty());
    }
}
