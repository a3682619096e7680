//! `/me/experiences` and `GET /users/{id}/experiences`.

use base::text::cleaned;
use base::{CommonFault, Problem, Violations};
use chrono::NaiveDate;
use protocol::portfolio::{AddExperience, EmploymentType, Experience, Order, UpdateExperience};
use store::StoreError;
use store::portfolio::{ExperienceData, ExperienceRow, Shelf};

use super::shelf::{self, MAX_TEXT, check_optional, check_text, date, lock_place, now, open_profile};
use crate::unit::Unit;
use crate::users::{UserError, lock_profile};
use crate::{Actor, App, in_unit};

const MAX_DESCRIPTION: usize = 2_000;

/// The actor's jobs, in their order.
///
/// # Errors
/// Those of the store.
pub async fn list_experiences(app: &App, actor: &Actor) -> Result<Vec<Experience>, UserError> {
    actor.require("read")?;
    read(app, actor.user_id()).await
}

/// Somebody's jobs, for whoever may see the profile.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub async fn list_experiences_of(
    app: &App,
    viewer: Option<&Actor>,
    user: &str,
) -> Result<Vec<Experience>, UserError> {
    let user_id = open_profile(app, viewer, user).await?;
    read(app, user_id).await
}

async fn read(app: &App, user_id: u64) -> Result<Vec<Experience>, UserError> {
    let mut conn = app.store.reader().await?;
    let rows = store::portfolio::list_experiences(&mut conn, user_id).await?;
    Ok(rows.into_iter().map(view).collect::<Result<_, _>>()?)
}

/// Adds a job at the end.
///
/// # Errors
/// [`CommonFault::Invalid`].
pub async fn add_experience(app: &App, actor: &Actor, input: AddExperience) -> Result<Experience, UserError> {
    actor.require("write")?;
    let draft = Draft::new(input)?;
    in_unit!(app, |unit| write_new(unit, actor.user_id(), &draft))
}

async fn write_new(unit: &mut Unit, user_id: u64, draft: &Draft) -> Result<Experience, UserError> {
    let place = lock_place(unit, Shelf::Experiences, user_id).await?;
    let id = store::portfolio::insert_experience(unit, user_id, &draft.data(), place, now()).await?;
    Ok(draft.view(id))
}

/// Changes what is given of a job. `is_current: true` takes its end away; an end makes it one that is over.
///
/// # Errors
/// [`CommonFault::NotFound`]; [`CommonFault::Invalid`].
pub async fn update_experience(
    app: &App,
    actor: &Actor,
    id: u64,
    input: UpdateExperience,
) -> Result<Experience, UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_change(unit, actor.user_id(), id, &input))
}

async fn write_change(
    unit: &mut Unit,
    user_id: u64,
    id: u64,
    input: &UpdateExperience,
) -> Result<Experience, UserError> {
    lock_profile(unit, user_id).await?;
    let row = store::portfolio::find_experience(unit, user_id, id).await?;
    let row = view(row.ok_or(CommonFault::NotFound("resource"))?)?;
    let input = input.clone();
    let end_date = match (&input.end_date, input.is_current) {
        (Some(end), _) => end.clone(),
        (None, Some(true)) => None,
        (None, _) => row.end_date,
    };
    let is_current = input.is_current.unwrap_or(row.is_current && end_date.is_none());
    let draft = Draft::new(AddExperience {
        title: input.title.unwrap_or(row.title),
        company: input.company.unwrap_or(row.company),
        employment_type: input.employment_type.unwrap_or(row.employment_type),
        location: input.location.unwrap_or(row.location),
        start_date: input.start_date.unwrap_or(row.start_date),
        end_date,
        is_current,
        description: input.description.unwrap_or(row.description),
    })?;
    store::portfolio::update_experience(unit, user_id, id, &draft.data(), now()).await?;
    Ok(draft.view(id))
}

/// Takes a job away.
///
/// # Errors
/// [`CommonFault::NotFound`].
pub async fn remove_experience(app: &App, actor: &Actor, id: u64) -> Result<(), UserError> {
    shelf::remove(app, actor, Shelf::Experiences, id).await
}

/// Puts the jobs into another order.
///
/// # Errors
/// A violation of `ids` for anything but all ids, each once.
pub async fn order_experiences(app: &App, actor: &Actor, input: Order) -> Result<Vec<Experience>, UserError> {
    shelf::order(app, actor, Shelf::Experiences, &input).await?;
    read(app, actor.user_id()).await
}

/// A job as it is written.
struct Draft {
    title: String,
    company: String,
    employment_type: EmploymentType,
    location: Option<String>,
    start_date: NaiveDate,
    end_date: Option<NaiveDate>,
    is_current: bool,
    description: Option<String>,
}

impl Draft {
    fn new(input: AddExperience) -> Result<Self, UserError> {
        let mut violations = Violations::none();
        let (title, company) = (base::text::clean(&input.title), base::text::clean(&input.company));
        check_text("title", &title, &mut violations);
        check_text("company", &company, &mut violations);
        let (location, description) = (cleaned(input.location), cleaned(input.description));
        check_optional("location", location.as_deref(), MAX_TEXT, &mut violations);
        check_optional("description", description.as_deref(), MAX_DESCRIPTION, &mut violations);
        let start_date = date("start_date", &input.start_date, &mut violations);
        let end_date = input.end_date.as_deref().and_then(|text| date("end_date", text, &mut violations));
        if let (Some(start), Some(end)) = (start_date, end_date) {
            violations.require(end >= start, "end_date", Problem::TooSmall(start.to_string()));
        }
        let goes_on = !(input.is_current && input.end_date.is_some());
        violations.require(goes_on, "end_date", Problem::NotAllowed("what goes on has no end"));
        violations.into_result()?;
        let start_date =
            start_date.ok_or_else(|| CommonFault::internal("a date without violations is missing"))?;
        Ok(Self {
            title,
            company,
            employment_type: input.employment_type,
            location,
            start_date,
            end_date,
            is_current: input.is_current,
            description,
        })
    }

    fn data(&self) -> ExperienceData<'_> {
        ExperienceData {
            title: &self.title,
            company: &self.company,
            employment_type: self.employment_type.as_str(),
            location: self.location.as_deref(),
            start_date: self.start_date,
            end_date: self.end_date,
            is_current: self.is_current,
            description: self.description.as_deref(),
        }
    }

    fn view(&self, id: u64) -> Experience {
        Experience {
            id,
            title: self.title.clone(),
            company: self.company.clone(),
            employment_type: self.employment_type,
            location: self.location.clone(),
            start_date: self.start_date.to_string(),
            end_date: self.end_date.map(|date| date.to_string()),
            is_current: self.is_current,
            description: self.description.clone(),
        }
    }
}

fn view(row: ExperienceRow) -> Result<Experience, StoreError> {
    let kind = EmploymentType::ALL.into_iter().find(|kind| kind.as_str() == row.employment_type);
    Ok(Experience {
        id: row.id,
        title: row.title,
        company: row.company,
        employment_type: kind
            .ok_or(StoreError::Corrupt { table: "user_experiences", column: "employment_type" })?,
        location: row.location,
        start_date: row.start_date.to_string(),
        end_date: row.end_date.map(|date| date.to_string()),
        is_current: row.is_current,
        description: row.description,
    })
}
