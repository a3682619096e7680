//! The roles and what they may (domain.md §3, the whole table).

use base::CommonFault;

use crate::fault::of_store;
use crate::unit::Unit;
use crate::{App, in_unit};

/// Roles, the most powerful first. Who has none is a learner.
pub const ROLES: [&str; 4] = ["super-admin", "admin", "moderator", "speaker"];

/// Each permission and the roles that hold it beside `super-admin`, who passes every check but is given them
/// too, for Laravel's sake.
pub const PERMISSIONS: &[(&str, &[&str])] = &[
    ("users.view", &["admin", "moderator"]),
    ("users.suspend", &["admin", "moderator"]),
    ("users.verify", &["admin"]),
    ("users.delete", &["admin"]),
    ("roles.manage", &["admin"]),
    ("settings.manage", &["admin"]),
    ("categories.manage", &["admin"]),
    ("gifts.manage", &["admin"]),
    ("posts.moderate", &["admin", "moderator"]),
    ("comments.moderate", &["admin", "moderator"]),
    ("reports.review", &["admin", "moderator"]),
    ("courses.create", &["admin", "speaker"]),
    ("books.create", &["admin", "speaker"]),
    ("rooms.create", &["admin", "speaker"]),
    ("consultations.offer", &["admin", "speaker"]),
    ("courses.manage", &["admin"]),
    ("books.manage", &["admin"]),
    ("rooms.manage", &["admin", "moderator"]),
    ("bookings.manage", &["admin"]),
    ("rooms.moderate", &["admin", "moderator"]),
    ("wallets.view", &["admin"]),
    ("transactions.view", &["admin"]),
    ("invoices.view", &["admin"]),
    ("wallets.adjust", &["admin"]),
    ("withdrawals.process", &["admin"]),
    ("refunds.issue", &["admin"]),
    ("announcements.send", &["admin"]),
    ("audit.view", &["admin"]),
    ("queues.view", &["admin"]),
];

/// Off (domain.md §3): it exists, and nobody is given it.
const NOBODYS: &str = "users.impersonate";

/// Makes what is missing of the table; takes nothing away, since administrators may have changed it.
///
/// # Errors
/// Those of the store.
pub async fn install_roles(app: &App) -> Result<(), CommonFault> {
    in_unit!(app, |unit| write_roles(unit))
}

async fn write_roles(unit: &mut Unit) -> Result<(), CommonFault> {
    for role in ROLES {
        store::permissions::insert_role(unit, role).await.map_err(of_store)?;
    }
    store::permissions::insert_permission(unit, NOBODYS).await.map_err(of_store)?;
    for &(permission, roles) in PERMISSIONS {
        store::permissions::insert_permission(unit, permission).await.map_err(of_store)?;
        for &role in ["super-admin"].iter().chain(roles) {
            store::permissions::insert_role_permission(unit, role, permission).await.map_err(of_store)?;
        }
    }
    store::permissions::delete_laravel_cache(unit).await.map_err(of_store)?;
    Ok(())
}
