//! Laravel's validation rules, as far as settings use them (domain.md §5.11): `required`, `string`, `integer`, `numeric`,
//! `boolean`, `in`, `min`, `max`, `regex`, `email`, `url`, `json`. Without `required` a value may be `null`.

use base::{Problem, Violations};
use protocol::admin::SettingType;
use regex_lite::Regex;
use rust_decimal::Decimal;
use serde_json::Value;

/// The longest text of a setting, bytes (the column is a `TEXT`).
const MAX_BYTES: usize = 60_000;

/// Does a value fit the setting's type and rules?
///
/// # Errors
/// One violation of `value`.
pub(super) fn check(kind: SettingType, rules: &[String], value: &Value) -> Result<(), Violations> {
    match problem(kind, rules, value) {
        None => Ok(()),
        Some(problem) => Err(Violations::one("value", problem)),
    }
}

/// What the column says for a value that was checked.
pub(super) fn as_text(kind: SettingType, value: &Value) -> Option<String> {
    match (kind, value) {
        (_, Value::Null) => None,
        (SettingType::Json, value) => Some(value.to_string()),
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Bool(yes)) => Some(if *yes { "1" } else { "0" }.to_owned()),
        (_, other) => Some(other.to_string()),
    }
}

fn problem(kind: SettingType, rules: &[String], value: &Value) -> Option<Problem> {
    if value.is_null() {
        return rules.iter().any(|rule| rule == "required").then_some(Problem::Required);
    }
    let fits = match kind {
        SettingType::String | SettingType::Text => value.is_string(),
        SettingType::Integer => value.as_i64().is_some(),
        SettingType::Boolean => value.is_boolean(),
        SettingType::Decimal => value.as_str().is_some_and(|text| text.parse::<Decimal>().is_ok()),
        SettingType::Json => true,
    };
    if !fits {
        return Some(Problem::Format(match kind {
            SettingType::String | SettingType::Text => "a text",
            SettingType::Integer => "a whole number",
            SettingType::Boolean => "true or false",
            SettingType::Decimal => "a number written as a text",
            SettingType::Json => "JSON",
        }));
    }
    let text = as_text(kind, value).unwrap_or_default();
    if text.len() > MAX_BYTES {
        return Some(Problem::TooManyBytes(MAX_BYTES));
    }
    if text.is_empty() && kind != SettingType::Json {
        return rules.iter().any(|rule| rule == "required").then_some(Problem::Required);
    }
    rules.iter().find_map(|rule| broken(kind, rule, &text))
}

/// The problem, if the text breaks the rule; a rule that is not known here cannot be broken.
fn broken(kind: SettingType, rule: &str, text: &str) -> Option<Problem> {
    let (name, argument) = rule.split_once(':').unwrap_or((rule, ""));
    let number = || text.parse::<Decimal>().ok();
    let is_number = matches!(kind, SettingType::Integer | SettingType::Decimal);
    match name {
        "integer" => text.parse::<i64>().is_err().then_some(Problem::Format("a whole number")),
        "numeric" => number().is_none().then_some(Problem::Format("a number")),
        "boolean" => (!matches!(text, "0" | "1")).then_some(Problem::Format("true or false")),
        "json" => serde_json::from_str::<Value>(text).is_err().then_some(Problem::Format("JSON")),
        "email" => (!is_email(text)).then_some(Problem::Email),
        "url" => url::Url::parse(text).is_err().then_some(Problem::Format("an address")),
        "in" => {
            let listed = argument.split(',').any(|one| one.trim_matches('"') == text);
            (!listed).then_some(Problem::Format("one of the values that the setting allows"))
        }
        "regex" => {
            let pattern = argument.trim_matches('/');
            let fits = Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
            (!fits).then_some(Problem::Format("of the form that the setting demands"))
        }
        "min" | "max" if is_number => {
            let (bound, value) = (argument.parse::<Decimal>().ok()?, number()?);
            match name {
                "min" => (value < bound).then(|| Problem::TooSmall(argument.to_owned())),
                _ => (value > bound).then(|| Problem::TooGreat(argument.to_owned())),
            }
        }
        "min" | "max" if kind != SettingType::Json => {
            let (bound, length) = (argument.parse::<usize>().ok()?, base::text::length(text));
            match name {
                "min" => (length < bound).then_some(Problem::TooShort(bound)),
                _ => (length > bound).then_some(Problem::TooLong(bound)),
            }
        }
        _ => None,
    }
}

/// Something on either side of one `@`, and a dot behind it.
fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && !host.contains('@')
            && host.split('.').count() > 1
            && host.split('.').all(|part| !part.is_empty())
            && !text.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use base::Problem;
    use protocol::admin::SettingType as Kind;
    use serde_json::{Value, json};

    use super::{as_text, problem};

    fn judge(kind: Kind, rules: &str, value: &Value) -> Option<Problem> {
        let rules: Vec<String> = rules.split('|').map(str::to_owned).collect();
        problem(kind, &rules, value)
    }

    #[test]
    fn values_are_judged_as_laravel_does() {
        let short = Some(Problem::TooShort(3));
        for (kind, rules, value, expected) in [
            (Kind::Integer, "required|integer|min:1", json!(5), None),
            (Kind::Integer, "required|integer|min:1", json!(0), Some(Problem::TooSmall("1".to_owned()))),
            (Kind::Integer, "required", Value::Null, Some(Problem::Required)),
            (Kind::Integer, "integer", Value::Null, None),
            (Kind::Integer, "integer", json!("5"), Some(Problem::Format("a whole number"))),
            (Kind::Decimal, "numeric|max:9.5", json!("9.50"), None),
            (Kind::Decimal, "numeric|max:9.5", json!("9.51"), Some(Problem::TooGreat("9.5".to_owned()))),
            (Kind::Decimal, "numeric", json!(9.5), Some(Problem::Format("a number written as a text"))),
            (Kind::Boolean, "boolean", json!(true), None),
            (Kind::Boolean, "boolean", json!("yes"), Some(Problem::Format("true or false"))),
            (Kind::String, "string|min:3|max:3", json!("SAR"), None),
            (Kind::String, "string|min:3|max:3", json!("ر"), short),
            (Kind::String, "in:ar,en", json!("en"), None),
            (
                Kind::String,
                "in:ar,en",
                json!("fr"),
                Some(Problem::Format("one of the values that the setting allows")),
            ),
            (Kind::String, "email", json!("help@majlis.test"), None),
            (Kind::String, "email", json!("help@majlis"), Some(Problem::Email)),
            (Kind::String, "url", json!("https://majlis.test/a"), None),
            (Kind::String, "url", json!("majlis"), Some(Problem::Format("an address"))),
            (Kind::String, "regex:/^[0-9]{15}$/", json!("300000000000003"), None),
            (
                Kind::String,
                "regex:/^[0-9]{15}$/",
                json!("3"),
                Some(Problem::Format("of the form that the setting demands")),
            ),
            (Kind::Json, "json", json!(["ar", "en"]), None),
        ] {
            assert_eq!(judge(kind, rules, &value), expected, "{rules} {value}");
        }
    }

    #[test]
    fn columns_hold_what_laravel_reads() {
        assert_eq!(as_text(Kind::Boolean, &json!(true)).as_deref(), Some("1"));
        assert_eq!(as_text(Kind::Json, &json!(["ar"])).as_deref(), Some("[\"ar\"]"));
        assert_eq!(as_text(Kind::Integer, &json!(-3)).as_deref(), Some("-3"));
        assert_eq!(as_text(Kind::String, &Value::Null), None);
    }
}
