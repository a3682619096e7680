//! Accounts as administrators see and change them (domain.md §3, §5.11).

use base::conditional::{Data, IfMatch, etag};
use base::paging::{NumberedRequest, Sort};
use base::{Rule, Secret};
use domain::Actor;
use domain::users::{self, AdminUserFilter, UserError};
use protocol::accounts::{AdminUser, DeleteAccount, SetRoles};

use super::{fields, rule};
use crate::society::unlimited;
use crate::world::{PASSWORD, World};

fn any() -> IfMatch {
    IfMatch::of(vec!["*".to_owned()])
}

async fn set(
    world: &World,
    actor: &Actor,
    id: u64,
    version: &IfMatch,
    roles: &[&str],
) -> Result<AdminUser, UserError> {
    let roles = roles.iter().map(|&role| role.to_owned()).collect();
    users::set_roles(world, actor, id, version, SetRoles { roles, reason: Some("because".to_owned()) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_accounts_is_filtered() {
    let world = unlimited().await;
    let (_, admin) = world.user_with_role("admin", "admin").await;
    let (_, stranger) = world.user("stranger").await;
    for (name, age) in [("huda", 1), ("omar", 2), ("lama", 3)] {
        let (id, actor) = world.user(name).await;
        world
            .execute(&format!(
                "UPDATE users SET created_at = created_at - INTERVAL {age} DAY WHERE id = {id}"
            ))
            .await;
        if name == "lama" {
            let input = DeleteAccount { password: Secret::new(PASSWORD) };
            users::delete_account(&world, &actor, input).await.unwrap();
        }
    }
    world.suspend(4).await;
    let list = async |filter: AdminUserFilter, sort: Option<Sort>| {
        let page = NumberedRequest::default();
        let page = users::list_accounts(&world, &admin, filter, sort, page).await.unwrap();
        assert_eq!(page.total, Some(u64::try_from(page.items.len()).unwrap()));
        page.items.into_iter().map(|one| one.username).collect::<Vec<_>>()
    };
    let all = AdminUserFilter::default;
    assert_eq!(list(all(), None).await, ["stranger", "admin", "huda", "omar"], "newest first");
    let by_name = Some(Sort { by: "name", descending: false });
    assert_eq!(list(all(), by_name).await, ["admin", "huda", "omar", "stranger"]);
    let trashed = |how: &str| AdminUserFilter { trashed: Some(how.to_owned()), ..all() };
    assert_eq!(list(trashed("only"), None).await, ["lama"]);
    assert_eq!(list(trashed("with"), None).await.len(), 5);
    assert_eq!(list(AdminUserFilter { role: Some("admin".to_owned()), ..all() }, None).await, ["admin"]);
    assert_eq!(list(AdminUserFilter { is_active: Some(false), ..all() }, None).await, ["omar"]);
    assert_eq!(list(AdminUserFilter { q: Some("omar@ex".to_owned()), ..all() }, None).await, ["omar"]);
    assert!(list(AdminUserFilter { q: Some("%".to_owned()), ..all() }, None).await.is_empty());
    let refused = async |actor: &Actor, filter| {
        users::list_accounts(&world, actor, filter, None, NumberedRequest::default()).await
    };
    assert_eq!(rule(refused(&stranger, all()).await), Rule::FORBIDDEN);
    assert_eq!(fields(refused(&admin, trashed("some")).await), ["filter.trashed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_given_by_who_has_more_and_the_last_super_admin_stays_one() {
    let world = unlimited().await;
    let (root, root_acts) = world.user_with_role("root", "super-admin").await;
    let (admin, admin_acts) = world.user_with_role("admin", "admin").await;
    let (moderator, moderator_acts) = world.user_with_role("moderator", "moderator").await;
    let (sara, _) = world.user("sara").await;

    assert_eq!(rule(set(&world, &moderator_acts, sara, &any(), &["speaker"]).await), Rule::FORBIDDEN);
    assert_eq!(
        rule(set(&world, &admin_acts, sara, &IfMatch::ANY, &["speaker"]).await),
        Rule::PRECONDITION_REQUIRED
    );
    let stale = IfMatch::of(vec!["\"other\"".to_owned()]);
    assert_eq!(rule(set(&world, &admin_acts, sara, &stale, &["speaker"]).await), Rule::PRECONDITION_FAILED);
    let seen = users::find_account(&world, &admin_acts, Some(sara)).await.unwrap();
    let version = etag(&serde_json::to_vec(&Data { data: &seen }).unwrap());
    let now =
        set(&world, &admin_acts, sara, &IfMatch::of(vec![version]), &["speaker", "moderator"]).await.unwrap();
    assert_eq!(now.roles, ["moderator", "speaker"]);
    assert_eq!(fields(set(&world, &admin_acts, sara, &any(), &["pope"]).await), ["roles"]);
    // Neither above oneself, nor away from those above.
    assert_eq!(rule(set(&world, &admin_acts, sara, &any(), &["super-admin"]).await), Rule::PROTECTED_ACCOUNT);
    assert_eq!(
        rule(set(&world, &admin_acts, root, &any(), &["super-admin", "admin"]).await),
        Rule::PROTECTED_ACCOUNT
    );
    assert_eq!(rule(set(&world, &root_acts, root, &any(), &["admin"]).await), Rule::PROTECTED_ACCOUNT);
    set(&world, &root_acts, moderator, &any(), &[]).await.unwrap();
    assert_eq!(rule(set(&world, &moderator_acts, sara, &any(), &[]).await), Rule::FORBIDDEN, "at once");
    assert_eq!(rule(set(&world, &root_acts, 999, &any(), &[]).await), Rule::NOT_FOUND);

    // Of two super-admins who take each other's role at once, one is left.
    set(&world, &root_acts, admin, &any(), &["super-admin"]).await.unwrap();
    let version = any();
    let (one, two) = tokio::join!(
        set(&world, &root_acts, admin, &version, &[]),
        set(&world, &admin_acts, root, &version, &[])
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|&&done| done).count(), 1, "{one:?} {two:?}");
    let left = "SELECT COUNT(*) FROM model_has_roles m JOIN roles r ON r.id = m.role_id WHERE r.name = 'super-admin'";
    assert_eq!(world.number(left).await, 1);
    let noted = "SELECT COUNT(*) FROM hub_audit_logs WHERE action = 'users.set_roles' \
                 AND JSON_UNQUOTE(JSON_EXTRACT(`after`, '$.reason')) = 'because'";
    assert_eq!(world.number(noted).await, 4);
}
