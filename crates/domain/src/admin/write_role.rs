//! Changing roles and permissions. Laravel's cache of them is dropped in the same transaction (domain.md §3).

use base::conditional::IfMatch;
use base::{CommonFault, Problem, Violations};
use protocol::admin::{CreatePermission, Permission, Role, WriteRole};
use serde_json::{Value, json};
use store::audit::NewAudit;
use store::permissions::SUPER_ADMIN;

use super::AdminError;
use super::roles::{MANAGE, NO_ROLE, read_roles};
use crate::system::roles::{PERMISSIONS, ROLES};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

const NAME: Problem = Problem::Format("2 to 50 lower-case letters, digits and hyphens, a letter first");
const PERMISSION_NAME: Problem = Problem::Format("two words of lower-case letters with a dot between them");
/// Permissions of one role at most.
const MOST_PERMISSIONS: usize = 200;

/// Makes a role.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `roles.manage`, and for a permission that the actor does not hold;
/// [`AdminError::Duplicate`]; violations of `name` and `permissions`.
pub async fn create_role(app: &App, actor: &Actor, input: WriteRole) -> Result<Role, AdminError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_new(unit, actor, &input))
}

async fn write_new(unit: &mut Unit, actor: &Actor, input: &WriteRole) -> Result<Role, AdminError> {
    access::require_permission(unit, actor, MANAGE).await?;
    check(unit, actor, input, &[]).await?;
    if store::permissions::lock_role_by_name(unit, &input.name).await?.is_some() {
        return Err(AdminError::Duplicate);
    }
    let id = match store::permissions::insert_new_role(unit, &input.name).await {
        Ok(id) => id,
        Err(error) if error.is_unique("roles_name_guard_name_unique") => return Err(AdminError::Duplicate),
        Err(error) => return Err(error.into()),
    };
    store::permissions::replace_role_permissions(unit, id, &input.permissions).await?;
    finish(unit, actor, id, Value::Null).await
}

/// Changes a role, which must be of the version that was read. The product's own roles keep their names, and
/// `super-admin` is as it is.
///
/// # Errors
/// Those of [`create_role`]; [`CommonFault::NotFound`]; [`CommonFault::PreconditionRequired`],
/// [`CommonFault::PreconditionFailed`]; [`AdminError::BuiltIn`].
pub async fn update_role(
    app: &App,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: WriteRole,
) -> Result<Role, AdminError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_role(unit, actor, id, version, &input))
}

async fn write_role(
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    input: &WriteRole,
) -> Result<Role, AdminError> {
    access::require_permission(unit, actor, MANAGE).await?;
    let before = lock(unit, id).await?;
    version.require(&before)?;
    check(unit, actor, input, &before.permissions).await?;
    let renamed = before.name != input.name;
    if before.name == SUPER_ADMIN || (renamed && ROLES.contains(&before.name.as_str())) {
        return Err(AdminError::BuiltIn);
    }
    if renamed && store::permissions::lock_role_by_name(unit, &input.name).await?.is_some() {
        return Err(AdminError::Duplicate);
    }
    store::permissions::update_role_name(unit, id, &input.name).await?;
    store::permissions::replace_role_permissions(unit, id, &input.permissions).await?;
    finish(unit, actor, id, json!(before)).await
}

/// Takes away a role that nobody has and that is not the product's own.
///
/// # Errors
/// [`CommonFault::Forbidden`]; [`CommonFault::NotFound`]; [`CommonFault::PreconditionRequired`],
/// [`CommonFault::PreconditionFailed`]; [`AdminError::BuiltIn`]; [`AdminError::InUse`].
pub async fn delete_role(app: &App, actor: &Actor, id: u64, version: &IfMatch) -> Result<(), AdminError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_delete(unit, actor, id, version))
}

async fn write_delete(unit: &mut Unit, actor: &Actor, id: u64, version: &IfMatch) -> Result<(), AdminError> {
    access::require_permission(unit, actor, MANAGE).await?;
    let role = lock(unit, id).await?;
    version.require(&role)?;
    if ROLES.contains(&role.name.as_str()) {
        return Err(AdminError::BuiltIn);
    }
    if role.users_count > 0 {
        return Err(AdminError::InUse("The role"));
    }
    store::permissions::delete_role(unit, id).await?;
    note(unit, actor, ("role", id), json!(role), Value::Null).await
}

/// Makes a permission, which no role has at first.
///
/// # Errors
/// [`CommonFault::Forbidden`]; [`AdminError::Duplicate`]; a violation of `name`.
pub async fn create_permission(
    app: &App,
    actor: &Actor,
    input: CreatePermission,
) -> Result<Permission, AdminError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_permission(unit, actor, &input))
}

async fn write_permission(
    unit: &mut Unit,
    actor: &Actor,
    input: &CreatePermission,
) -> Result<Permission, AdminError> {
    access::require_permission(unit, actor, MANAGE).await?;
    let word =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let fits = input.name.len() <= 100
        && input.name.split_once('.').is_some_and(|(thing, verb)| word(thing) && word(verb));
    if !fits {
        return Err(Violations::one("name", PERMISSION_NAME).into());
    }
    let id = match store::permissions::insert_new_permission(unit, &input.name).await {
        Ok(id) => id,
        Err(error) if error.is_unique("permissions_name_guard_name_unique") => {
            return Err(AdminError::Duplicate);
        }
        Err(error) => return Err(error.into()),
    };
    let made = Permission { id, name: input.name.clone() };
    note(unit, actor, ("permission", id), Value::Null, json!(made)).await?;
    Ok(made)
}

/// Takes away a permission that is not the product's own; whoever held it holds it no more.
///
/// # Errors
/// [`CommonFault::Forbidden`]; [`CommonFault::NotFound`]; [`AdminError::BuiltIn`].
pub async fn delete_permission(app: &App, actor: &Actor, id: u64) -> Result<(), AdminError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_permission_delete(unit, actor, id))
}

async fn write_permission_delete(unit: &mut Unit, actor: &Actor, id: u64) -> Result<(), AdminError> {
    access::require_permission(unit, actor, MANAGE).await?;
    let rows = store::permissions::list_permission_rows(unit).await?;
    let found = rows.into_iter().find(|(row_id, _)| *row_id == id);
    let (_, name) = found.ok_or(CommonFault::NotFound("permission"))?;
    if name == "users.impersonate" || PERMISSIONS.iter().any(|(own, _)| *own == name) {
        return Err(AdminError::BuiltIn);
    }
    store::permissions::delete_permission(unit, id).await?;
    let gone = json!(Permission { id, name });
    note(unit, actor, ("permission", id), gone, Value::Null).await
}

async fn lock(unit: &mut Unit, id: u64) -> Result<Role, AdminError> {
    if !store::permissions::lock_role_row(unit, id).await? {
        return Err(NO_ROLE.into());
    }
    Ok(read_roles(unit, Some(id)).await?.pop().ok_or(NO_ROLE)?)
}

/// The name's form; the permissions exist; and what is given (or taken) is the actor's own to give: nobody makes
/// themselves more powerful by a role.
async fn check(
    unit: &mut Unit,
    actor: &Actor,
    input: &WriteRole,
    before: &[String],
) -> Result<(), AdminError> {
    let mut violations = Violations::none();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = (2..=50).contains(&input.name.len())
        && input.name.bytes().all(plain)
        && input.name.starts_with(|first: char| first.is_ascii_lowercase());
    violations.require(fits, "name", NAME);
    let there = store::permissions::list_permission_names(unit).await?;
    let few = input.permissions.len() <= MOST_PERMISSIONS;
    let known = few && input.permissions.iter().all(|name| there.contains(name));
    violations.require(known, "permissions", Problem::NotFound);
    violations.into_result()?;
    let own = store::permissions::list_permissions(unit, actor.user_id()).await?;
    let roles = store::permissions::list_roles(unit, actor.user_id()).await?;
    if roles.iter().any(|role| role == SUPER_ADMIN) {
        return Ok(());
    }
    let given = input.permissions.iter().filter(|name| !before.contains(name));
    let taken = before.iter().filter(|name| !input.permissions.contains(name));
    if given.chain(taken).all(|name| own.contains(name)) {
        Ok(())
    } else {
        Err(CommonFault::Forbidden.into())
    }
}

async fn finish(unit: &mut Unit, actor: &Actor, id: u64, before: Value) -> Result<Role, AdminError> {
    let role = read_roles(unit, Some(id)).await?.pop().ok_or(NO_ROLE)?;
    note(unit, actor, ("role", id), before, json!(role)).await?;
    Ok(role)
}

async fn note(
    unit: &mut Unit,
    actor: &Actor,
    (subject_type, subject_id): (&str, u64),
    before: Value,
    after: Value,
) -> Result<(), AdminError> {
    let deed =
        NewAudit { actor_id: actor.user_id(), action: MANAGE, subject_type, subject_id, before, after };
    store::audit::insert_audit(unit, &deed).await?;
    store::permissions::delete_laravel_cache(unit).await?;
    Ok(())
}
