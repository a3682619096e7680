//! `GET` and `PUT /me/expertises`: what a speaker knows.

use base::{CommonFault, Problem, Violations};
use protocol::portfolio::Expertises;

use super::shelf::now;
use crate::unit::Unit;
use crate::users::{UserError, lock_profile};
use crate::{Actor, App, access, in_unit};

/// What speakers may (domain.md §3).
const OFFER: &str = "consultations.offer";
/// Words of one speaker at most.
const MOST: usize = 20;
const MAX_WORD: usize = 100;

/// What the actor knows, in the actor's order.
///
/// # Errors
/// [`CommonFault::Forbidden`] for who is no speaker.
pub async fn list_expertises(app: &App, actor: &Actor) -> Result<Expertises, UserError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, OFFER).await?;
    let expertises = store::portfolio::list_expertises(&mut conn, actor.user_id()).await?;
    Ok(Expertises { expertises })
}

/// Demands what has to be known before a body is read.
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn demand_speaker(app: &App, actor: &Actor) -> Result<(), CommonFault> {
    access::demand_permission(app, actor, OFFER).await
}

/// Puts what the actor knows in the place of what was said before. Words that differ in case only are one.
///
/// # Errors
/// [`CommonFault::Forbidden`] for who is no speaker; violations of `expertises`.
pub async fn set_expertises(app: &App, actor: &Actor, input: Expertises) -> Result<Expertises, UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_expertises(unit, actor, &input))
}

async fn write_expertises(
    unit: &mut Unit,
    actor: &Actor,
    input: &Expertises,
) -> Result<Expertises, UserError> {
    access::require_permission(unit, actor, OFFER).await?;
    let words: Vec<String> = input.expertises.iter().map(|word| base::text::clean(word)).collect();
    let mut violations = Violations::none();
    violations.require(words.len() <= MOST, "expertises", Problem::TooGreat(format!("{MOST} words")));
    violations.require(words.iter().all(|word| !word.is_empty()), "expertises", Problem::Required);
    let short = words.iter().all(|word| base::text::length(word) <= MAX_WORD);
    violations.require(short, "expertises", Problem::TooLong(MAX_WORD));
    let mut lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    lower.sort_unstable();
    lower.dedup();
    let twice = Problem::NotAllowed("a word is there twice");
    violations.require(lower.len() == words.len(), "expertises", twice.clone());
    violations.into_result()?;
    lock_profile(unit, actor.user_id()).await?;
    match store::portfolio::update_expertises(unit, actor.user_id(), &words, now()).await {
        // The collation takes more for the same than case alone: accents, forms of letters.
        Err(error) if error.is_unique("speaker_expertises_user_id_expertise_unique") => {
            Err(Violations::one("expertises", twice).into())
        }
        done => {
            done?;
            Ok(Expertises { expertises: words })
        }
    }
}
