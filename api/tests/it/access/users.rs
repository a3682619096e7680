//! Accounts, sessions, profiles, and the administrators' part of accounts.

use serde_json::{Value, json};

use super::{Probe, Scene, probe};
use crate::world::{PASSWORD, Person, World};

/// What everybody may who is signed in, on their own account: a guest may not.
const OWN: [u16; 4] = [401, 200, 200, 200];
/// The same, without an answer.
const OWN_NOTHING: [u16; 4] = [401, 204, 204, 204];

pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person_with_role("speaker").await);
    let staff = world.person_with_role("admin").await;
    let victim = world.person().await;
    let deleted = world.person().await;
    for statement in [
        "INSERT INTO categories (id, name_en, name_ar, slug) VALUES (70, 'Physics', 'فيزياء', 'physics-70') \
         ON DUPLICATE KEY UPDATE id = VALUES(id)"
            .to_owned(),
        format!(
            "INSERT INTO user_certificates (id, user_id, title, issuer, issue_date) VALUES ({0}, {0}, 't', 'i', '2024-01-01')",
            owner.id
        ),
        format!(
            "INSERT INTO user_experiences (id, user_id, title, company, employment_type, start_date) VALUES \
             ({0}, {0}, 't', 'c', 'contract', '2024-01-01')",
            owner.id
        ),
        format!("UPDATE users SET is_active = 0, deleted_at = UTC_TIMESTAMP() WHERE id = {}", deleted.id),
        format!(
            "INSERT INTO hub_uploads (id, user_id, kind, disk, path, mime, size, sha256, status, created_at) VALUES \
             ({0}, {1}, 'image', 'local', 'a{0}.png', 'image/png', 1, '', 'ready', UTC_TIMESTAMP()), \
             ({2}, {1}, 'image', 'local', 'c{0}.png', 'image/png', 1, '', 'ready', UTC_TIMESTAMP())",
            owner.id * 10,
            owner.id,
            owner.id * 10 + 1
        ),
    ] {
        world.sql(&statement).await;
    }
    let mut probes = open(&owner);
    probes.extend(own(&owner));
    probes.extend(portfolio(&owner));
    probes.extend(others(&owner, &victim));
    probes.extend(administration(&victim, &deleted));
    probes.extend(endings());
    Scene { stranger, owner, staff, probes }
}

fn none() -> Value {
    Value::Null
}

/// Without an account.
fn open(owner: &Person) -> Vec<Probe> {
    let login = json!({"login": owner.username, "password": PASSWORD});
    let register = json!({
        "name": "x", "username": "admin", "email": "x@example.com", "password": PASSWORD
    });
    let reset = json!({
        "email": "nobody@example.com", "token": "x", "password": "a longer walk", "password_confirmation": "a longer walk"
    });
    let verify = format!("/auth/email/verify/{}/{}", owner.id, "0".repeat(40));
    vec![
        probe("register", "/auth/register", register, [422; 4]),
        probe("log_in", "/auth/login", login, [200; 4]),
        probe("refresh_session", "/auth/refresh", json!({"refresh_token": "1|x"}), [401; 4]),
        probe("forgot_password", "/auth/password/forgot", json!({"email": "nobody@example.com"}), [202; 4]),
        probe("reset_password", "/auth/password/reset", reset, [422; 4]),
        probe("verify_email", verify, none(), [403; 4]),
        probe("find_user", format!("/users/{}", owner.username), none(), [200; 4]),
        probe("list_certificates_of", format!("/users/{}/certificates", owner.id), none(), [200; 4]),
        probe("list_experiences_of", format!("/users/{}/experiences", owner.id), none(), [200; 4]),
    ]
}

/// One's own account.
fn own(owner: &Person) -> Vec<Probe> {
    let token = json!({"name": "x", "password": PASSWORD, "abilities": ["read"]});
    let password = json!({"current_password": PASSWORD, "password": PASSWORD});
    let wrong = json!({"email": "x@example.com", "current_password": "wrong"});
    vec![
        probe("find_me", "/me", none(), OWN),
        probe("update_account", "/me", json!({"headline": "x"}), OWN),
        probe("update_account", "/me", wrong, [401; 4]),
        probe("update_profile", "/me/profile", json!({"bio": "x"}), OWN),
        probe("set_avatar", "/me/avatar", json!({"upload_id": owner.id * 10}), [401, 422, 200, 422]),
        probe("remove_avatar", "/me/avatar", none(), OWN_NOTHING),
        probe("set_cover", "/me/cover", json!({"upload_id": owner.id * 10 + 1}), [401, 422, 200, 422]),
        probe("remove_cover", "/me/cover", none(), OWN_NOTHING),
        probe("list_tokens", "/auth/tokens", none(), OWN),
        probe("create_token", "/auth/tokens", token, [401, 201, 201, 201]),
        probe("revoke_token", "/auth/tokens/999999", none(), [401, 404, 404, 404]),
        probe("change_password", "/auth/password", password, OWN_NOTHING),
        probe("send_verification", "/auth/email/verification-notification", none(), [401, 202, 202, 202]),
        probe("list_blocks", "/me/blocks", none(), OWN),
    ]
}

fn portfolio(owner: &Person) -> Vec<Probe> {
    let (certificate, job) = (format!("/me/certificates/{}", owner.id), format!("/me/experiences/{}", owner.id));
    let order = json!({"ids": [owner.id]});
    let new_certificate = json!({"title": "t", "issuer": "i", "issue_date": "2024-01-01"});
    let new_job =
        json!({"title": "t", "company": "c", "employment_type": "contract", "start_date": "2024-01-01"});
    let theirs = [401, 404, 200, 404];
    let ordered = [401, 422, 200, 422];
    let speakers = [401, 403, 200, 200];
    vec![
        probe("list_interests", "/me/interests", none(), OWN),
        probe("set_interests", "/me/interests", json!({"category_ids": [70]}), OWN),
        probe("list_expertises", "/me/expertises", none(), speakers),
        probe("set_expertises", "/me/expertises", json!({"expertises": ["Physics"]}), speakers),
        probe("set_expertises", "/me/expertises", json!({"what": 1}), [401, 403, 422, 422]),
        probe("list_certificates", "/me/certificates", none(), OWN),
        probe("order_certificates", "/me/certificates/order", order.clone(), ordered),
        probe("update_certificate", certificate.clone(), json!({"title": "u"}), theirs),
        probe("remove_certificate", certificate, none(), [401, 404, 204, 404]),
        probe("add_certificate", "/me/certificates", new_certificate, [401, 201, 201, 201]),
        probe("list_experiences", "/me/experiences", none(), OWN),
        probe("order_experiences", "/me/experiences/order", order, ordered),
        probe("update_experience", job.clone(), json!({"title": "u"}), theirs),
        probe("remove_experience", job, none(), [401, 404, 204, 404]),
        probe("add_experience", "/me/experiences", new_job, [401, 201, 201, 201]),
    ]
}

fn others(owner: &Person, victim: &Person) -> Vec<Probe> {
    let between = format!("/users/relationships?id[]={}", owner.id);
    let block = format!("/users/{}/block", victim.id);
    vec![
        probe("list_users", "/users?sort=followers&filter[category]=70", none(), OWN),
        probe("list_relationships", between, none(), OWN),
        probe("block_user", block.clone(), none(), OWN),
        probe("unblock_user", block, none(), OWN_NOTHING),
    ]
}

fn administration(victim: &Person, deleted: &Person) -> Vec<Probe> {
    let path = |id: u64, more: &str| format!("/admin/users/{id}{more}");
    let staff = [401, 403, 403, 200];
    vec![
        probe("list_accounts", "/admin/users?filter[trashed]=with", none(), staff),
        probe("find_account", path(victim.id, ""), none(), staff),
        probe("find_account", "/admin/users/999999", none(), [401, 403, 403, 404]),
        probe("find_account", "/admin/users/x", none(), [401, 403, 403, 404]),
        probe("update_standing", path(victim.id, ""), json!({"is_verified": true}), staff),
        probe("set_roles", path(victim.id, "/roles"), json!({"roles": ["speaker"]}), staff),
        probe("set_roles", path(victim.id, "/roles"), json!({"roles": ["super-admin"]}), [401, 403, 403, 403]),
        probe("set_roles", path(999_999, "/roles"), json!({"what": 1}), [401, 403, 403, 404]),
        probe("force_log_out", path(victim.id, "/force-logout"), none(), [401, 403, 403, 204]),
        probe("restore_account", path(deleted.id, "/restore"), none(), staff),
        probe("restore_account", path(victim.id, "/restore"), none(), [401, 403, 403, 409]),
    ]
}

/// What takes away what the others need, last.
fn endings() -> Vec<Probe> {
    vec![
        probe("revoke_other_tokens", "/auth/tokens?others=true", none(), OWN_NOTHING),
        probe("delete_account", "/me", json!({"password": "wrong"}), [401; 4]),
        probe("delete_account", "/me", json!({"password": PASSWORD}), OWN_NOTHING),
        probe("log_out", "/auth/logout", none(), [401; 4]),
    ]
}
