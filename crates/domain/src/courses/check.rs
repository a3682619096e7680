//! What an author writes of a course: the rules of its values (domain.md §5.4).

use base::text::{clean, cleaned, length};
use base::{Lang, Money, Problem, Time, Violations};
use protocol::courses::{CourseLevel, CreateCourse, UpdateCourse};
use protocol::uploads::UploadKind;
use store::StoreError;
use store::courses::{CourseRow, CourseText};

use super::CourseError;
use super::view::{
    additional_categories, course_language, course_level, discount_of, outcomes, requirements,
};
use crate::Actor;
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::{attach, claim_files, release_file};

const MAX_TITLE: usize = 255;
const MAX_DESCRIPTION: usize = 20_000;
const MAX_LINES: usize = 20;
const MAX_LINE: usize = 255;
const MAX_ADDITIONAL: usize = 5;

/// What a course says of itself, whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) category_id: u64,
    pub(super) additional: Vec<u64>,
    pub(super) description: Option<String>,
    pub(super) language: Lang,
    pub(super) level: CourseLevel,
    pub(super) price: Money,
    pub(super) discount: Option<Money>,
    pub(super) requirements: Vec<String>,
    pub(super) outcomes: Vec<String>,
    pub(super) thumbnail: Option<String>,
    pub(super) promo_video: Option<String>,
}

fn cleaned_lines(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| clean(&line)).collect()
}

impl Words {
    /// Of a new course, still without its files.
    pub(super) fn new(input: CreateCourse) -> Self {
        Self {
            title: clean(&input.title),
            category_id: input.category_id,
            additional: input.additional_category_ids,
            description: cleaned(input.description),
            language: input.language,
            level: input.level,
            price: input.price,
            discount: input.discount_price,
            requirements: cleaned_lines(input.requirements),
            outcomes: cleaned_lines(input.outcomes),
            thumbnail: None,
            promo_video: None,
        }
    }

    /// Of a course that is there.
    pub(super) fn of(row: &CourseRow) -> Result<Self, StoreError> {
        Ok(Self {
            title: row.title.clone(),
            category_id: row.category_id,
            additional: additional_categories(row),
            description: row.description.clone(),
            language: course_language(&row.language)?,
            level: course_level(&row.level)?,
            price: row.price,
            discount: discount_of(row)?,
            requirements: requirements(row),
            outcomes: outcomes(row),
            thumbnail: row.thumbnail.clone(),
            promo_video: row.promo_video.clone(),
        })
    }

    /// With what an update gives; files are [`Self::take_files`]'s.
    pub(super) fn changed(self, changes: UpdateCourse) -> Self {
        Self {
            title: changes.title.map_or(self.title, |title| clean(&title)),
            category_id: changes.category_id.unwrap_or(self.category_id),
            additional: changes.additional_category_ids.unwrap_or(self.additional),
            description: changes.description.map_or(self.description, cleaned),
            language: changes.language.unwrap_or(self.language),
            level: changes.level.unwrap_or(self.level),
            price: changes.price.unwrap_or(self.price),
            discount: changes.discount_price.unwrap_or(self.discount),
            requirements: changes.requirements.map_or(self.requirements, cleaned_lines),
            outcomes: changes.outcomes.map_or(self.outcomes, cleaned_lines),
            thumbnail: self.thumbnail,
            promo_video: self.promo_video,
        }
    }

    /// Everything that can be judged without asking anybody.
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.require(!self.title.is_empty(), "title", Problem::Required);
        violations.require(length(&self.title) <= MAX_TITLE, "title", Problem::TooLong(MAX_TITLE));
        let fits = self.description.as_deref().is_none_or(|text| length(text) <= MAX_DESCRIPTION);
        violations.require(fits, "description", Problem::TooLong(MAX_DESCRIPTION));
        for (field, lines) in [("requirements", &self.requirements), ("outcomes", &self.outcomes)] {
            let few = lines.len() <= MAX_LINES;
            violations.require(few, field, Problem::NotAllowed("it has at most 20 lines"));
            violations.require(lines.iter().all(|line| !line.is_empty()), field, Problem::Required);
            let short = lines.iter().all(|line| length(line) <= MAX_LINE);
            violations.require(short, field, Problem::TooLong(MAX_LINE));
        }
        let field = "additional_category_ids";
        let few = self.additional.len() <= MAX_ADDITIONAL;
        violations.require(few, field, Problem::NotAllowed("there are at most five"));
        let mut all = self.additional.clone();
        all.push(self.category_id);
        all.sort_unstable();
        let distinct = all.windows(2).all(|pair| matches!(pair, [one, other] if one != other));
        violations.require(distinct, field, Problem::NotAllowed("a category is named twice"));
        check_prices(self.price, self.discount, violations);
    }

    /// Looks for the categories, which stay until the unit's end; one that the course has already may be closed by now.
    pub(super) async fn check_categories(
        &self,
        unit: &mut Unit,
        before: Option<&Self>,
        violations: &mut Violations,
    ) -> Result<(), CourseError> {
        let mut asked = self.additional.clone();
        asked.push(self.category_id);
        let known_before = |id: u64| {
            before.is_some_and(|before| before.category_id == id || before.additional.contains(&id))
        };
        asked.retain(|id| !known_before(*id));
        let found = store::courses::lock_active_categories(unit, &asked).await?;
        let holds = |id: u64| known_before(id) || found.contains(&id);
        violations.require(holds(self.category_id), "category_id", Problem::NotFound);
        let all = self.additional.iter().all(|id| holds(*id));
        violations.require(all, "additional_category_ids", Problem::NotFound);
        Ok(())
    }

    pub(super) fn text(&self) -> CourseText<'_> {
        CourseText {
            category_id: self.category_id,
            additional_categories: &self.additional,
            title: &self.title,
            description: self.description.as_deref(),
            language: self.language.code(),
            level: self.level.as_str(),
            price: self.price,
            discount_price: self.discount,
            thumbnail: self.thumbnail.as_deref(),
            promo_video: self.promo_video.as_deref(),
            requirements: &self.requirements,
            outcomes: &self.outcomes,
        }
    }
}

/// 0 ≤ discount < price, and both fit their columns.
fn check_prices(price: Money, discount: Option<Money>, violations: &mut Violations) {
    for (field, amount) in [("price", Some(price)), ("discount_price", discount)] {
        let Some(amount) = amount else { continue };
        violations.require(amount >= Money::ZERO, field, Problem::TooSmall("0.00".to_owned()));
        let most = base::money::MAX;
        violations.require(amount <= most, field, Problem::TooGreat(most.to_string()));
    }
    let less = discount.is_none_or(|discount| discount < price);
    violations.require(less, "discount_price", Problem::NotAllowed("it must be less than the price"));
}

/// The two files of a course, as an input names them: left out, taken away, or an upload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Files {
    pub(super) thumbnail: Option<Option<u64>>,
    pub(super) promo_video: Option<Option<u64>>,
}

/// Files that were claimed for a course and are attached once it has its id.
#[derive(Clone, Debug, Default)]
pub(super) struct Claimed {
    ids: Vec<u64>,
    replaced: Vec<String>,
}

impl Files {
    /// Claims the files and writes their paths into `words`.
    ///
    /// # Errors
    /// Violations of `thumbnail_id` and `promo_video_id`.
    pub(super) async fn claim(
        self,
        unit: &mut Unit,
        actor: &Actor,
        words: &mut Words,
    ) -> Result<Claimed, CourseError> {
        let mut claimed = Claimed::default();
        for (field, kind, asked, place) in [
            ("thumbnail_id", UploadKind::Image, self.thumbnail, &mut words.thumbnail),
            ("promo_video_id", UploadKind::Video, self.promo_video, &mut words.promo_video),
        ] {
            let Some(asked) = asked else { continue };
            let mut path = None;
            if let Some(id) = asked {
                let files = claim_files(unit, actor.user_id(), field, &[id], &[kind]).await?;
                path = files.into_iter().next().map(|file| file.path);
                claimed.ids.push(id);
            }
            claimed.replaced.extend(std::mem::replace(place, path));
        }
        Ok(claimed)
    }
}

impl Claimed {
    /// The course uses these now, and those that they replace no more.
    pub(super) async fn settle(self, unit: &mut Unit, course_id: u64) -> Result<(), CourseError> {
        for path in &self.replaced {
            release_file(unit, Morph::Course, course_id, path).await?;
        }
        Ok(attach(unit, &self.ids, Morph::Course, course_id).await?)
    }
}

/// Now, as the columns keep it.
pub(super) fn now() -> chrono::DateTime<chrono::Utc> {
    Time::now_in_seconds().as_chrono()
}

#[cfg(test)]
mod tests {
    use base::Violations;
    use protocol::courses::CreateCourse;

    use super::Words;

    fn violations_of(change: &str) -> String {
        let mut value = serde_json::json!({"title": "A course", "category_id": 1, "price": "10.00"});
        let change: serde_json::Value = serde_json::from_str(change).unwrap();
        value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let input: CreateCourse = serde_json::from_value(value).unwrap();
        let mut violations = Violations::none();
        Words::new(input).check(&mut violations);
        violations.to_string()
    }

    #[test]
    fn a_course_has_a_title_and_a_price_above_its_discount() {
        assert_eq!(violations_of("{}"), "");
        assert_eq!(violations_of(r#"{"discount_price":"9.99"}"#), "");
        assert_eq!(violations_of(r#"{"discount_price":"0.00","outcomes":["x"]}"#), "");
        for (change, field) in [
            (r#"{"title":"  "}"#, "title"),
            (r#"{"price":"-1.00"}"#, "price"),
            (r#"{"discount_price":"10.00"}"#, "discount price"),
            (r#"{"discount_price":"-0.01"}"#, "discount price"),
            (r#"{"requirements":[" "]}"#, "requirements"),
            (r#"{"additional_category_ids":[1]}"#, "additional category ids"),
            (r#"{"additional_category_ids":[2,2]}"#, "additional category ids"),
            (r#"{"additional_category_ids":[2,3,4,5,6,7]}"#, "additional category ids"),
        ] {
            assert!(violations_of(change).contains(field), "{change}");
        }
    }
}
