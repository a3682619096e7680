//! `GET /users/relationships?id[]=` (domain.md §5.2).

use std::collections::HashMap;

use base::paging::MAX_PER_PAGE;
use base::{Problem, Violations};
use protocol::users::Relationship;

use super::UserError;
use super::message_policy::relationship;
use crate::{Actor, App};

/// What is between the actor and each of the users that exist, in the order asked; at most 100.
///
/// # Errors
/// [`base::CommonFault::Invalid`] for more.
pub async fn list_relationships(
    app: &App,
    actor: &Actor,
    ids: Vec<u64>,
) -> Result<Vec<(u64, Relationship)>, UserError> {
    actor.require("read")?;
    let most = usize::try_from(MAX_PER_PAGE).unwrap_or(usize::MAX);
    if ids.len() > most {
        return Err(Violations::one("id", Problem::TooGreat(format!("{most} ids"))).into());
    }
    let mut conn = app.store.reader().await?;
    let rows = store::users::list_relationships(&mut conn, actor.user_id(), &ids).await?;
    let found: HashMap<u64, Relationship> = rows.iter().map(|row| (row.id, relationship(row))).collect();
    let mut asked = ids;
    let mut seen = std::collections::HashSet::new();
    asked.retain(|&id| id != actor.user_id() && seen.insert(id));
    Ok(asked.into_iter().filter_map(|id| Some((id, found.get(&id)?.clone()))).collect())
}
