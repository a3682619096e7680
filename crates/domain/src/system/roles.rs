//! The roles and what they may (domain.md §3, the whole table).

use base::CommonFault;
use store::Conn;
use store::permissions::SUPER_ADMIN;

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

/// Makes the roles and permissions of the table that are missing, and gives a new permission to its roles and a new
/// role its permissions. What is there already is left as the administrators have it: what they took away from a role
/// is not given back. Two queries where nothing is missing.
///
/// # Errors
/// Those of the store.
pub async fn install_roles(app: &App) -> Result<(), CommonFault> {
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let missing = find_missing(&mut conn).await;
    drop(conn);
    if missing?.is_empty() {
        return Ok(());
    }
    in_unit!(app, |unit| write_roles(unit))
}

/// What the table has and the database has not.
struct Missing {
    roles: Vec<&'static str>,
    permissions: Vec<&'static str>,
}

impl Missing {
    const fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.permissions.is_empty()
    }
}

async fn find_missing(conn: &mut Conn) -> Result<Missing, CommonFault> {
    let roles = store::permissions::list_role_names(conn).await.map_err(of_store)?;
    let permissions = store::permissions::list_permission_names(conn).await.map_err(of_store)?;
    let named = PERMISSIONS.iter().map(|&(permission, _)| permission).chain([NOBODYS]);
    Ok(Missing {
        roles: ROLES.into_iter().filter(|role| !roles.iter().any(|there| there == role)).collect(),
        permissions: named.filter(|name| !permissions.iter().any(|there| there == name)).collect(),
    })
}

async fn write_roles(unit: &mut Unit) -> Result<(), CommonFault> {
    let missing = find_missing(unit).await?;
    for &role in &missing.roles {
        store::permissions::insert_role(unit, role).await.map_err(of_store)?;
    }
    for &permission in &missing.permissions {
        store::permissions::insert_permission(unit, permission).await.map_err(of_store)?;
    }
    for &(permission, roles) in PERMISSIONS {
        let is_new = missing.permissions.contains(&permission);
        for &role in [SUPER_ADMIN].iter().chain(roles) {
            if is_new || missing.roles.contains(&role) {
                store::permissions::insert_role_permission(unit, role, permission).await.map_err(of_store)?;
            }
        }
    }
    store::permissions::delete_laravel_cache(unit).await.map_err(of_store)?;
    Ok(())
}
