//! A file as an answer: the whole of it, or the part that was asked for (RFC 9110 §13, §14), as it is read from the disk.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{CommonFault, Time};
use domain::App;
use domain::uploads::{StoredFile, read_file};

use crate::error::{DoorFault, Refusal};
use crate::response::{Answer, Condition};

/// Whatever a stranger uploaded runs nothing and loads nothing, should a browser be made to open it as a page.
const FILE_POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");
/// Addresses are secrets of their own: a page of another origin may show what it was given one for.
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
/// Seconds that a browser may keep a file at most.
const KEPT: i64 = 6 * 3_600;

/// What of a file is sent.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Bytes(Range<u64>),
    /// It lies behind the end.
    Nowhere,
}

/// `200`, `206`, `304` or `416`; for HEAD the same without the bytes.
pub(crate) async fn answer(app: &App, method: &Method, headers: &HeaderMap, file: StoredFile) -> Answer {
    let etag = format!("\"{}\"", file.sha256);
    let head = head_of(&file, &etag)?;
    if Condition::of(headers).has(&etag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    // Ranges are GET's alone (RFC 9110 §14.2).
    let part = if *method == Method::GET { part_of(headers, file.size, &etag) } else { Part::Whole };
    let (status, range) = match part {
        Part::Whole => (StatusCode::OK, 0..file.size),
        Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Nowhere => return nowhere(file.size),
    };
    let mut response = if *method == Method::HEAD {
        (status, head).into_response()
    } else {
        let content = read_file(app, &file, range.clone()).await?;
        (status, head, Body::from_stream(content)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, value(&file.mime)?);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    headers.insert(header::CONTENT_DISPOSITION, value(&disposition(file.inline, &file.name))?);
    headers.insert(header::CONTENT_SECURITY_POLICY, FILE_POLICY);
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end - 1;
        headers.insert(header::CONTENT_RANGE, value(&format!("bytes {}-{last}/{}", range.start, file.size))?);
    }
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue, Refusal> {
    Ok(HeaderValue::try_from(text).map_err(CommonFault::internal)?)
}

/// What a 304 has, too.
fn head_of(file: &StoredFile, etag: &str) -> Result<HeaderMap, Refusal> {
    let left = file.expires_at.saturating_sub(Time::now().unix_seconds()).clamp(0, KEPT);
    let mut head = HeaderMap::new();
    head.insert(header::ETAG, value(etag)?);
    head.insert(header::ACCEPT_RANGES, BYTES);
    head.insert(header::CACHE_CONTROL, value(&format!("private, max-age={left}, immutable"))?);
    head.insert("cross-origin-resource-policy", ANY_ORIGIN);
    Ok(head)
}

fn nowhere(size: u64) -> Answer {
    let mut response: Response = Refusal::from(DoorFault::NoSuchPart).into_response();
    response.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{size}"))?);
    Ok(response)
}

/// One range of bytes. What cannot be understood, several ranges, and a range of another version of the file mean the
/// whole of it, as RFC 9110 §14.2 allows.
fn part_of(headers: &HeaderMap, size: u64, etag: &str) -> Part {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // Compared strongly; there are no dates to compare.
    if headers.contains_key(header::IF_RANGE) && text(header::IF_RANGE) != Some(etag) {
        return Part::Whole;
    }
    let mut asked = headers.get_all(header::RANGE).iter();
    let (Some(_one), None) = (asked.next(), asked.next()) else { return Part::Whole };
    let Some((first, last)) = text(header::RANGE).and_then(bounds) else { return Part::Whole };
    let range = match (first, last) {
        (Some(first), Some(last)) if first > last => return Part::Whole,
        (Some(first), last) => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
        (None, Some(length)) => size.saturating_sub(length)..size,
        (None, None) => return Part::Whole,
    };
    if range.is_empty() { Part::Nowhere } else { Part::Bytes(range) }
}

/// `bytes=1-2`, `bytes=1-` or `bytes=-2`.
fn bounds(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| match text {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    };
    unit.eq_ignore_ascii_case("bytes").then_some((number(first)?, number(last)?))
}

/// `Content-Disposition` with the name in both ways of writing it (RFC 6266, RFC 8187).
pub(crate) fn disposition(inline: bool, name: &str) -> String {
    let way = if inline { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|character| match character {
            '"' | '\\' | '%' => '_',
            visible if visible == ' ' || visible.is_ascii_graphic() => visible,
            _ => '_',
        })
        .collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{way}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, header};

    use super::{Part, disposition, part_of};

    const ETAG: &str = "\"abc\"";

    fn part(range: &str) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        part_of(&headers, 1_000, ETAG)
    }

    #[test]
    fn a_range_is_a_part_and_nonsense_is_the_whole() {
        for (range, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=0-499", Part::Bytes(0..500)),
            ("Bytes= 500-", Part::Bytes(500..1_000)),
            ("bytes=-1", Part::Bytes(999..1_000)),
            ("bytes=-5000", Part::Bytes(0..1_000)),
            ("bytes=990-18446744073709551615", Part::Bytes(990..1_000)),
            ("bytes=1000-", Part::Nowhere),
            ("bytes=-0", Part::Nowhere),
            ("bytes=5-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("nonsense", Part::Whole),
        ] {
            assert_eq!(part(range), expected, "{range}");
        }
        assert_eq!(part_of(&HeaderMap::new(), 1_000, ETAG), Part::Whole);
        let mut headers = HeaderMap::new();
        headers.append(header::RANGE, "bytes=0-1".parse().unwrap());
        headers.append(header::RANGE, "bytes=2-3".parse().unwrap());
        assert_eq!(part_of(&headers, 1_000, ETAG), Part::Whole);
    }

    #[test]
    fn a_part_of_another_version_is_not_given() {
        for (condition, expected) in [
            (ETAG, Part::Bytes(0..10)),
            ("W/\"abc\"", Part::Whole),
            ("\"abd\"", Part::Whole),
            ("Sun, 22 Nov 2026 23:47:03 GMT", Part::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, "bytes=0-9".parse().unwrap());
            headers.insert(header::IF_RANGE, condition.parse().unwrap());
            assert_eq!(part_of(&headers, 1_000, ETAG), expected, "{condition}");
        }
    }

    #[test]
    fn names_are_written_for_old_and_new_readers() {
        assert_eq!(
            disposition(true, "صورة 1.png"),
            "inline; filename=\"____ 1.png\"; filename*=UTF-8''%D8%B5%D9%88%D8%B1%D8%A9%201.png"
        );
        assert_eq!(
            disposition(false, "a\"b\\c%41.pdf"),
            "attachment; filename=\"a_b_c_41.pdf\"; filename*=UTF-8''a%22b%5Cc%2541.pdf"
        );
    }
}
