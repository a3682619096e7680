//! Who may act on whose account: one place for suspending and for signing somebody out (domain.md §3, §5.11).

use base::CommonFault;
use base::id::UserId;
use store::permissions::SUPER_ADMIN;

use super::UserError;
use crate::Actor;
use crate::system::roles::ROLES;
use crate::unit::Unit;

/// Demands that the account is not above the actor: a moderator does not touch an administrator, and nobody but a
/// super-admin a super-admin. Permissions given to a person without a role reach no staff at all.
///
/// # Errors
/// [`UserError::ProtectedAccount`].
pub(super) async fn require_reach(unit: &mut Unit, actor: &Actor, user_id: UserId) -> Result<(), UserError> {
    let theirs = rank(&store::permissions::list_roles(unit, user_id).await?);
    let own = rank(&store::permissions::list_roles(unit, actor.user_id()).await?);
    if theirs <= own { Ok(()) } else { Err(UserError::ProtectedAccount) }
}

/// 0 for learners and speakers, more for staff. A role that is none of ours has no rank.
pub(super) fn rank(roles: &[String]) -> usize {
    const STAFF: usize = 3;
    let staff = ROLES.iter().take(STAFF);
    let best = staff.enumerate().find(|(_, staff)| roles.iter().any(|role| role == *staff));
    best.map_or(0, |(index, _)| STAFF.saturating_sub(index))
}

/// Demands that a super-admin who can act is left when this one cannot any more. Whoever takes one away waits here for the
/// others who do, so that two do not take each other away.
///
/// # Errors
/// [`UserError::ProtectedAccount`].
pub(super) async fn require_another_super_admin(unit: &mut Unit, user_id: UserId) -> Result<(), UserError> {
    if !store::permissions::list_roles(unit, user_id).await?.iter().any(|role| role == SUPER_ADMIN) {
        return Ok(());
    }
    store::permissions::lock_role(unit, SUPER_ADMIN).await?;
    let others = store::permissions::count_active_with_role(unit, SUPER_ADMIN, user_id).await?;
    if others > 0 { Ok(()) } else { Err(UserError::ProtectedAccount) }
}

/// Locks an account that is not deleted, or 404.
pub(super) async fn lock_account(
    unit: &mut Unit,
    user_id: UserId,
) -> Result<store::users::StandingRow, UserError> {
    let account = store::users::lock_standing(unit, user_id).await?;
    Ok(account.ok_or(CommonFault::NotFound("user"))?)
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn staff_has_a_rank() {
        let rank = |roles: &[&str]| rank(&roles.iter().map(|&role| role.to_owned()).collect::<Vec<_>>());
        assert_eq!([rank(&[]), rank(&["speaker"]), rank(&["something of Laravel's"])], [0, 0, 0]);
        let staff = [rank(&["speaker", "moderator"]), rank(&["admin"]), rank(&["moderator", "super-admin"])];
        assert_eq!(staff, [1, 2, 3]);
    }
}
