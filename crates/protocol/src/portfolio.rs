//! What people show on their profiles beside it: inputs and views (domain.md §5.2).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::given;

/// A category that somebody is interested in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Interest {
    /// The category.
    pub id: u64,
    /// Its name in the asker's language.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// Its name in Arabic.
    pub name_ar: String,
    /// Its name in addresses.
    pub slug: String,
}

/// Input of `set_interests`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetInterests {
    /// All categories, 20 at most; they take the place of those before.
    #[schema(max_items = 20)]
    pub category_ids: Vec<u64>,
}

/// What a speaker knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Expertises {
    /// Words, 20 at most, each of 1 to 100 characters and there once, whatever the case of its letters.
    #[schema(max_items = 20)]
    pub expertises: Vec<String>,
}

/// Input of `order_certificates` and `order_experiences`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The ids of all there are, each once, in the order wanted.
    #[schema(max_items = 50)]
    pub ids: Vec<u64>,
}

/// A certificate that somebody shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProfileCertificate {
    /// Its id.
    pub id: u64,
    /// What it says.
    pub title: String,
    /// Who gave it.
    pub issuer: String,
    /// When, `YYYY-MM-DD`.
    #[schema(format = Date)]
    pub issue_date: String,
    /// Until when it is good.
    #[schema(format = Date)]
    pub expiry_date: Option<String>,
    /// Its number at the issuer.
    pub credential_id: Option<String>,
    /// Where to see it.
    pub credential_url: Option<String>,
}

/// Input of `add_certificate`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCertificate {
    /// What it says, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// Who gave it, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub issuer: String,
    /// When, `YYYY-MM-DD`.
    #[schema(format = Date)]
    pub issue_date: String,
    /// Until when it is good; not before it was given.
    #[serde(default)]
    #[schema(format = Date)]
    pub expiry_date: Option<String>,
    /// Its number at the issuer.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub credential_id: Option<String>,
    /// Where to see it, with `https`.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub credential_url: Option<String>,
}

/// Input of `update_certificate`: what is left out stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCertificate {
    /// What it says, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub title: Option<String>,
    /// Who gave it, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub issuer: Option<String>,
    /// When, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub issue_date: Option<String>,
    /// Until when it is good; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub expiry_date: Option<Option<String>>,
    /// Its number at the issuer; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub credential_id: Option<Option<String>>,
    /// Where to see it, with `https`; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 255)]
    pub credential_url: Option<Option<String>>,
}

/// How one was employed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmploymentType {
    /// All week.
    FullTime,
    /// Some of the week.
    PartTime,
    /// For a time.
    Contract,
    /// For oneself.
    Freelance,
    /// To learn.
    Internship,
    /// Unpaid.
    Volunteer,
}

impl EmploymentType {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::FullTime, Self::PartTime, Self::Contract, Self::Freelance, Self::Internship, Self::Volunteer];

    /// As the column and clients spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullTime => "full_time",
            Self::PartTime => "part_time",
            Self::Contract => "contract",
            Self::Freelance => "freelance",
            Self::Internship => "internship",
            Self::Volunteer => "volunteer",
        }
    }
}

/// A job that somebody shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Experience {
    /// Its id.
    pub id: u64,
    /// What one was.
    pub title: String,
    /// Where.
    pub company: String,
    /// How.
    pub employment_type: EmploymentType,
    /// In which place.
    pub location: Option<String>,
    /// Since when, `YYYY-MM-DD`.
    #[schema(format = Date)]
    pub start_date: String,
    /// Until when; `null` for what goes on.
    #[schema(format = Date)]
    pub end_date: Option<String>,
    /// Still?
    pub is_current: bool,
    /// What one did.
    pub description: Option<String>,
}

/// Input of `add_experience`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddExperience {
    /// What one was, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub title: String,
    /// Where, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub company: String,
    /// How.
    pub employment_type: EmploymentType,
    /// In which place, up to 255 characters without those that are invisible.
    #[serde(default)]
    pub location: Option<String>,
    /// Since when, `YYYY-MM-DD`.
    #[schema(format = Date)]
    pub start_date: String,
    /// Until when; not before the start, and none for what goes on.
    #[serde(default)]
    #[schema(format = Date)]
    pub end_date: Option<String>,
    /// Still?
    #[serde(default)]
    pub is_current: bool,
    /// What one did, at most 2000 characters.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
}

/// Input of `update_experience`: what is left out stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateExperience {
    /// What one was, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub title: Option<String>,
    /// Where, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub company: Option<String>,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employment_type: Option<EmploymentType>,
    /// In which place, up to 255 characters without those that are invisible; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub location: Option<Option<String>>,
    /// Since when, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub start_date: Option<String>,
    /// Until when; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub end_date: Option<Option<String>>,
    /// Still? `true` takes the end away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_current: Option<bool>,
    /// What one did, at most 2000 characters; `null` takes it away.
    #[serde(default, with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub description: Option<Option<String>>,
}
