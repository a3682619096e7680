//! What is wrong with the values of an input, field by field, in both languages.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::Lang;

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Missing or empty.
    Required,
    /// Shorter than so many characters.
    TooShort(usize),
    /// Longer than so many characters.
    TooLong(usize),
    /// Longer than so many bytes (bcrypt's limit).
    TooManyBytes(usize),
    /// Below the least value.
    TooSmall(String),
    /// Above the greatest value.
    TooGreat(String),
    /// Another row has it already.
    Taken,
    /// Not an e-mail address.
    Email,
    /// Not of the described form.
    Format(&'static str),
    /// Not one of the listed values.
    NotOneOf(&'static [&'static str]),
    /// No member of the input has this name.
    Unknown,
    /// Not of the described type.
    WrongType(String),
    /// Does not match its confirmation.
    Confirmation,
    /// On the list of passwords that everybody tries first.
    CommonPassword,
    /// Names something that is not there.
    NotFound,
    /// Not allowed together with, or because of, another value.
    NotAllowed(&'static str),
}

impl Problem {
    fn sentence(&self, field: &str, lang: Lang) -> String {
        let name = field.replace('_', " ");
        match (lang, self) {
            (Lang::En, Self::Required) => format!("The {name} field is required."),
            (Lang::En, Self::TooShort(min)) => format!("The {name} must be at least {min} characters."),
            (Lang::En, Self::TooLong(max)) => {
                format!("The {name} must not be greater than {max} characters.")
            }
            (Lang::En, Self::TooManyBytes(max)) => format!("The {name} must not be longer than {max} bytes."),
            (Lang::En, Self::TooSmall(min)) => format!("The {name} must be at least {min}."),
            (Lang::En, Self::TooGreat(max)) => format!("The {name} must not be greater than {max}."),
            (Lang::En, Self::Taken) => format!("The {name} has already been taken."),
            (Lang::En, Self::Email) => format!("The {name} must be a valid email address."),
            (Lang::En, Self::Format(form)) => format!("The {name} must be {form}."),
            (Lang::En, Self::NotOneOf(values)) => {
                format!("The {name} must be one of: {}.", values.join(", "))
            }
            (Lang::En, Self::Unknown) => format!("The {name} field is not known here."),
            (Lang::En, Self::WrongType(detail)) => format!("The {name} could not be read: {detail}."),
            (Lang::En, Self::Confirmation) => format!("The {name} confirmation does not match."),
            (Lang::En, Self::CommonPassword) => {
                format!("The {name} is one of the most common ones; choose another.")
            }
            (Lang::En, Self::NotFound) => format!("The selected {name} does not exist."),
            (Lang::En, Self::NotAllowed(why)) => format!("The {name} is not allowed: {why}."),
            (Lang::Ar, Self::Required) => format!("حقل {name} مطلوب."),
            (Lang::Ar, Self::TooShort(min)) => format!("يجب ألا يقل {name} عن {min} حرفًا."),
            (Lang::Ar, Self::TooLong(max)) => format!("يجب ألا يزيد {name} عن {max} حرفًا."),
            (Lang::Ar, Self::TooManyBytes(max)) => format!("يجب ألا يزيد {name} عن {max} بايت."),
            (Lang::Ar, Self::TooSmall(min)) => format!("يجب ألا يقل {name} عن {min}."),
            (Lang::Ar, Self::TooGreat(max)) => format!("يجب ألا يزيد {name} عن {max}."),
            (Lang::Ar, Self::Taken) => format!("قيمة {name} مستخدمة من قبل."),
            (Lang::Ar, Self::Email) => format!("يجب أن يكون {name} بريدًا إلكترونيًا صحيحًا."),
            (Lang::Ar, Self::Format(_)) => format!("صيغة {name} غير صحيحة."),
            (Lang::Ar, Self::NotOneOf(values)) => {
                format!("يجب أن يكون {name} واحدًا من: {}.", values.join("، "))
            }
            (Lang::Ar, Self::Unknown) => format!("الحقل {name} غير معروف هنا."),
            (Lang::Ar, Self::WrongType(_)) => format!("تعذرت قراءة {name}."),
            (Lang::Ar, Self::Confirmation) => format!("تأكيد {name} غير مطابق."),
            (Lang::Ar, Self::CommonPassword) => format!("قيمة {name} شائعة جدًا، اختر غيرها."),
            (Lang::Ar, Self::NotFound) => format!("قيمة {name} المختارة غير موجودة."),
            (Lang::Ar, Self::NotAllowed(_)) => format!("قيمة {name} غير مسموح بها."),
        }
    }
}

/// One field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's name on the wire, with dots into objects (`items.0.title`).
    pub field: Cow<'static, str>,
    /// What is wrong.
    pub problem: Problem,
}

/// All that is wrong with one input. As an error only when it is not empty ([`Violations::into_result`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// No violation so far.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Exactly one violation.
    #[must_use]
    pub fn one(field: impl Into<Cow<'static, str>>, problem: Problem) -> Self {
        Self(vec![Violation { field: field.into(), problem }])
    }

    /// Adds a violation.
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, problem: Problem) {
        self.0.push(Violation { field: field.into(), problem });
    }

    /// Adds a violation where the condition does not hold.
    pub fn require(&mut self, holds: bool, field: &'static str, problem: Problem) {
        if !holds {
            self.add(field, problem);
        }
    }

    /// `Err` when anything was added.
    ///
    /// # Errors
    /// The violations themselves.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Laravel's `errors` member: field → sentences.
    #[must_use]
    pub fn sentences(&self, lang: Lang) -> BTreeMap<String, Vec<String>> {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Violation { field, problem } in &self.0 {
            fields.entry(field.to_string()).or_default().push(problem.sentence(field, lang));
        }
        fields
    }

    /// Laravel's `message` member: the first sentence and how many more there are.
    #[must_use]
    pub fn summary(&self, lang: Lang) -> String {
        let first = self.0.first().map_or_else(String::new, |one| one.problem.sentence(&one.field, lang));
        match (self.0.len().saturating_sub(1), lang) {
            (0, _) => first,
            (1, Lang::En) => format!("{first} (and 1 more error)"),
            (more, Lang::En) => format!("{first} (and {more} more errors)"),
            (more, Lang::Ar) => format!("{first} (وأخطاء أخرى عددها {more})"),
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.summary(Lang::En))
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, Violations};
    use crate::Lang;

    #[test]
    fn sentences_are_laravels_in_english_and_there_in_arabic() {
        let mut violations = Violations::none();
        violations.require(false, "email", Problem::Taken);
        violations.require(true, "name", Problem::Required);
        violations.add("user_name", Problem::Required);
        assert_eq!(violations.sentences(Lang::En)["email"], ["The email has already been taken."]);
        assert_eq!(violations.summary(Lang::En), "The email has already been taken. (and 1 more error)");
        assert!(violations.sentences(Lang::Ar)["user_name"][0].contains("مطلوب"));
        assert!(violations.into_result().is_err());
    }
}
