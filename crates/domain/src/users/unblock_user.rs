//! `DELETE /users/{id}/block` (domain.md §5.2).

use base::id::UserId;

use super::{UserError, forget_blocks};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Takes a block back. Whoever followed the other before has to do so again. Doing it again, or without a block, changes
/// nothing; the other's own block, if there is one, stays.
///
/// # Errors
/// [`UserError::SelfBlock`]; those of the store and the bus.
pub async fn unblock_user(app: &App, actor: &Actor, user_id: UserId) -> Result<(), UserError> {
    actor.require("write")?;
    if user_id == actor.user_id() {
        return Err(UserError::SelfBlock);
    }
    in_unit!(app, |unit| write_unblock(unit, actor.user_id(), user_id))
}

async fn write_unblock(unit: &mut Unit, blocker: UserId, blocked: UserId) -> Result<(), UserError> {
    store::social::delete_block(unit, blocker, blocked).await?;
    forget_blocks(unit, blocker, blocked);
    Ok(())
}
