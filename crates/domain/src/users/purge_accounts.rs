//! The end of deleted accounts, thirty days after (domain.md §4.4, D22).

use base::id::UserId;
use base::{CommonFault, Time};

use super::{AccountStatus, UserError};
use crate::unit::Unit;
use crate::{App, in_unit, machine};

/// Days that a deleted account can be had back.
pub(super) const KEPT_DAYS: i64 = 30;
/// Accounts of one call at most.
const BATCH: u32 = 50;
/// No password's hash.
const NOBODYS: &str = "!";

/// Takes what is left of accounts that were deleted thirty days ago, 50 at most; gives how many. An account with money in its
/// history, or in whose courses, books, rooms and consultations others have a part, becomes a nameless one that keeps its
/// place there; any other goes with all that it had, and what counted it is counted again.
///
/// # Errors
/// Those of the store.
pub async fn purge_accounts_due(app: &App) -> Result<u64, CommonFault> {
    let before = Time::now_in_seconds().plus_seconds(-KEPT_DAYS * 24 * 3_600).as_chrono();
    let ids = {
        let mut conn = app.store.reader().await.map_err(crate::fault::of_store)?;
        store::accounts::list_to_purge(&mut conn, before, BATCH).await.map_err(crate::fault::of_store)?
    };
    let mut gone = 0;
    for user_id in ids {
        let purged: Result<bool, UserError> = in_unit!(app, |unit| write_purge(unit, user_id, before));
        match purged {
            Ok(true) => gone += 1,
            Ok(false) => {}
            Err(UserError::Common(fault)) => return Err(fault),
            Err(other) => return Err(CommonFault::internal(other)),
        }
    }
    Ok(gone)
}

async fn write_purge(
    unit: &mut Unit,
    user_id: UserId,
    before: chrono::DateTime<chrono::Utc>,
) -> Result<bool, UserError> {
    store::accounts::lock_any_account(unit, user_id).await?;
    let Some(row) = store::accounts::find_any_account(unit, user_id).await? else { return Ok(false) };
    // Given back meanwhile.
    if row.deleted_at.is_none_or(|at| at >= before) {
        return Ok(false);
    }
    let status = AccountStatus::of(user_id, &row.username, row.is_active, true);
    machine::step(status, AccountStatus::Purged)?;
    store::resets::delete_reset(unit, &row.email).await?;
    unit.forget_user(user_id);
    if store::accounts::has_records(unit, user_id).await? {
        store::accounts::update_anonymised(unit, user_id, NOBODYS).await?;
    } else {
        for reader in store::accounts::delete_account(unit, user_id).await? {
            unit.forget_user(reader);
        }
    }
    Ok(true)
}
