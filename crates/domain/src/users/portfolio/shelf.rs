//! What certificates and experiences have in common: at most fifty, in an order of their owner's, changed one after another
//! under the lock of the profile; and who may see those of others.

use base::id::UserId;
use base::{CommonFault, Problem, Time, Violations};
use chrono::NaiveDate;
use protocol::portfolio::Order;
use store::portfolio::Shelf;

use crate::unit::Unit;
use crate::users::{UserError, find_user, lock_profile};
use crate::{Actor, App, in_unit};

/// Rows of one shelf at most.
pub(super) const MOST: usize = 50;
/// Of titles, names and numbers.
pub(super) const MAX_TEXT: usize = 255;

/// Locks the shelf of the actor, and gives the place of one more.
///
/// # Errors
/// A violation of `title` where there are fifty.
pub(super) async fn lock_place(unit: &mut Unit, shelf: Shelf, user_id: UserId) -> Result<u32, UserError> {
    lock_profile(unit, user_id).await?;
    let there = store::portfolio::list_shelf(unit, shelf, user_id).await?;
    if there.len() >= MOST {
        return Err(Violations::one("title", Problem::NotAllowed("there are fifty already")).into());
    }
    // Another application may have left holes.
    store::portfolio::update_order(unit, shelf, user_id, &there).await?;
    Ok(u32::try_from(there.len()).unwrap_or(u32::MAX))
}

/// Takes a row from the actor's shelf; the others move up.
pub(super) async fn remove(app: &App, actor: &Actor, shelf: Shelf, id: u64) -> Result<(), UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_removal(unit, shelf, actor.user_id(), id))
}

async fn write_removal(unit: &mut Unit, shelf: Shelf, user_id: UserId, id: u64) -> Result<(), UserError> {
    lock_profile(unit, user_id).await?;
    if !store::portfolio::delete_shelved(unit, shelf, user_id, id).await? {
        return Err(CommonFault::NotFound("resource").into());
    }
    let left = store::portfolio::list_shelf(unit, shelf, user_id).await?;
    Ok(store::portfolio::update_order(unit, shelf, user_id, &left).await?)
}

/// Puts the actor's shelf into the order of the ids, which are all that there are.
pub(super) async fn order(app: &App, actor: &Actor, shelf: Shelf, input: &Order) -> Result<(), UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_order(unit, shelf, actor.user_id(), &input.ids))
}

async fn write_order(unit: &mut Unit, shelf: Shelf, user_id: UserId, ids: &[u64]) -> Result<(), UserError> {
    lock_profile(unit, user_id).await?;
    let mut there = store::portfolio::list_shelf(unit, shelf, user_id).await?;
    let mut asked = ids.to_vec();
    there.sort_unstable();
    asked.sort_unstable();
    if there != asked {
        let problem = Problem::Format("all ids that there are, each once");
        return Err(Violations::one("ids", problem).into());
    }
    Ok(store::portfolio::update_order(unit, shelf, user_id, ids).await?)
}

/// The id of a user whose profile the viewer, or a guest, may see wholly.
///
/// # Errors
/// [`CommonFault::NotFound`], also for a private account that the viewer does not follow (domain.md D23).
pub(super) async fn open_profile(app: &App, viewer: Option<&Actor>, user: &str) -> Result<UserId, UserError> {
    let seen = find_user(app, viewer, user).await?;
    let own = viewer.is_some_and(|viewer| viewer.user_id() == seen.card.id);
    let follows = seen.relationship.as_ref().is_some_and(|between| between.following);
    if seen.is_private && !own && !follows {
        return Err(CommonFault::NotFound("user").into());
    }
    Ok(seen.card.id)
}

/// A date of an input, `YYYY-MM-DD`; a violation gives none.
pub(super) fn date(field: &'static str, text: &str, violations: &mut Violations) -> Option<NaiveDate> {
    let form = text.len() == 10;
    let read = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| form);
    let read = read.filter(|date| (1_900..=9_999).contains(&chrono::Datelike::year(date)));
    violations.require(read.is_some(), field, Problem::Format("a date, YYYY-MM-DD"));
    read
}

/// A text that has to be there.
pub(super) fn check_text(field: &'static str, text: &str, violations: &mut Violations) {
    violations.require(!text.is_empty(), field, Problem::Required);
    violations.require(base::text::length(text) <= MAX_TEXT, field, Problem::TooLong(MAX_TEXT));
}

/// A text that may be missing.
pub(super) fn check_optional(
    field: &'static str,
    text: Option<&str>,
    most: usize,
    violations: &mut Violations,
) {
    violations.require(
        text.is_none_or(|text| base::text::length(text) <= most),
        field,
        Problem::TooLong(most),
    );
}

/// Now, as columns have it.
pub(super) fn now() -> chrono::DateTime<chrono::Utc> {
    Time::now_in_seconds().as_chrono()
}
