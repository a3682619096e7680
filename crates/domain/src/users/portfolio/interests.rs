//! `GET` and `PUT /me/interests`.

use base::{Lang, Problem, Violations};
use protocol::portfolio::{Interest, SetInterests};
use store::portfolio::InterestRow;

use super::shelf::now;
use crate::unit::Unit;
use crate::users::{UserError, find_state, lock_profile};
use crate::{Actor, App, in_unit};

/// Categories of one user at most.
const MOST: usize = 20;

/// What the actor is interested in, in the order of the categories; named in the language asked for, or the account's.
///
/// # Errors
/// Those of the store.
pub async fn list_interests(
    app: &App,
    actor: &Actor,
    lang: Option<Lang>,
) -> Result<Vec<Interest>, UserError> {
    actor.require("read")?;
    let lang = match lang {
        Some(lang) => lang,
        None => find_state(app, actor.user_id()).await?.map(|state| state.language).unwrap_or_default(),
    };
    let mut conn = app.store.reader().await?;
    let rows = store::portfolio::list_interests(&mut conn, actor.user_id()).await?;
    Ok(rows.into_iter().map(|row| view(row, lang)).collect())
}

/// Puts a set of categories in the place of the one before.
///
/// # Errors
/// A violation of `category_ids` for more than 20, and for one that is not offered.
pub async fn set_interests(
    app: &App,
    actor: &Actor,
    lang: Option<Lang>,
    input: SetInterests,
) -> Result<Vec<Interest>, UserError> {
    actor.require("write")?;
    let mut ids = input.category_ids;
    let few = ids.len() <= MOST;
    ids.sort_unstable();
    ids.dedup();
    if !few {
        return Err(Violations::one("category_ids", Problem::TooGreat(format!("{MOST} categories"))).into());
    }
    let written: Result<(), UserError> = in_unit!(app, |unit| write_interests(unit, actor.user_id(), &ids));
    written?;
    list_interests(app, actor, lang).await
}

async fn write_interests(unit: &mut Unit, user_id: u64, ids: &[u64]) -> Result<(), UserError> {
    lock_profile(unit, user_id).await?;
    let known = store::portfolio::list_active_categories(unit, ids).await?;
    if known.len() != ids.len() {
        return Err(Violations::one("category_ids", Problem::NotFound).into());
    }
    Ok(store::portfolio::update_interests(unit, user_id, ids, now()).await?)
}

fn view(row: InterestRow, lang: Lang) -> Interest {
    Interest {
        id: row.id,
        name: lang.pick(&row.name_ar, &row.name_en).to_owned(),
        name_en: row.name_en,
        name_ar: row.name_ar,
        slug: row.slug,
    }
}
