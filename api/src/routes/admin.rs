//! What administrators see and do beside the domains: settings, roles, dashboard, audit log (domain.md §5.11).

use axum::extract::State;
use axum::http::HeaderMap;
use domain::{App, admin};
use protocol::admin::{
    Announcement, AuditEntry, AuditFilter, CreatePermission, Dashboard, Node, Permission, PublicSetting,
    Queues, Role, SendAnnouncement, Setting, UpdateSetting, WriteRole,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::extract::{Caller, JsonBody, Listing, PathId, PathText, Precondition, Takes, WholeList};
use crate::response::{
    Answer, Condition, Data, List, catalogue, changed, created, data, list, no_content, tagged,
};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_public_settings))
        .routes(routes!(list_settings))
        .routes(routes!(update_setting))
        .routes(routes!(list_roles, create_role))
        .routes(routes!(find_role, update_role, delete_role))
        .routes(routes!(list_permissions, create_permission))
        .routes(routes!(delete_permission))
        .routes(routes!(find_dashboard))
        .routes(routes!(list_audit_log))
        .routes(routes!(list_nodes))
        .routes(routes!(find_queues))
        .routes(routes!(send_announcement))
}

/// The settings that everybody may read.
#[utoipa::path(
    get, path = "/api/v1/settings/public", tag = "system", operation_id = "list_public_settings",
    security((), ("bearer" = [])),
    responses((status = 200, description = "All of them, by name", body = Data<Vec<PublicSetting>>))
)]
async fn list_public_settings(State(app): State<App>, _query: WholeList, headers: HeaderMap) -> Answer {
    catalogue(&Condition::of(&headers), admin::list_public_settings(&app).await?)
}

/// All settings, by group and name.
#[utoipa::path(
    get, path = "/api/v1/admin/settings", tag = "admin", operation_id = "list_settings", security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = Data<Vec<Setting>>))
)]
async fn list_settings(State(app): State<App>, Caller(actor): Caller, headers: HeaderMap) -> Answer {
    tagged(&Condition::of(&headers), admin::list_settings(&app, &actor).await?)
}

/// Changes a setting. `If-Match` names the version of that one setting: the ETag of `{"data": setting}`, which every
/// change answers with; `*` is any.
#[utoipa::path(
    put, path = "/api/v1/admin/settings/{key}", tag = "admin", operation_id = "update_setting",
    security(("bearer" = [])),
    params(
        ("key" = String, Path, description = "The setting's name"),
        ("If-Match" = Option<String>, Header, description = "The version that is changed; required")
    ),
    request_body(content = UpdateSetting, example = json!({"value": 10})),
    responses(
        (status = 200, description = "The setting", body = Data<Setting>),
        (status = 412, description = "It was changed meanwhile"),
        (status = 428, description = "`If-Match` is missing")
    )
)]
async fn update_setting(
    State(app): State<App>,
    Caller(actor): Caller,
    PathText(key): PathText,
    Precondition(version): Precondition,
    body: JsonBody<UpdateSetting>,
) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "settings.manage");
    let input = body.input_after(access).await?;
    changed(admin::update_setting(&app, &actor, &key, &version, input).await?)
}

/// All roles and what they may.
#[utoipa::path(
    get, path = "/api/v1/admin/roles", tag = "admin", operation_id = "list_roles", security(("bearer" = [])),
    responses((status = 200, description = "All of them, by name", body = Data<Vec<Role>>))
)]
async fn list_roles(State(app): State<App>, Caller(actor): Caller, headers: HeaderMap) -> Answer {
    tagged(&Condition::of(&headers), admin::list_roles(&app, &actor).await?)
}

/// One role.
#[utoipa::path(
    get, path = "/api/v1/admin/roles/{id}", tag = "admin", operation_id = "find_role", security(("bearer" = [])),
    params(("id" = u64, Path, description = "The role")),
    responses((status = 200, description = "The role", body = Data<Role>))
)]
async fn find_role(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), admin::find_role(&app, &actor, id).await?)
}

/// Makes a role. Only permissions that one holds can be given.
#[utoipa::path(
    post, path = "/api/v1/admin/roles", tag = "admin", operation_id = "create_role", security(("bearer" = [])),
    request_body(content = WriteRole, example = json!({"name": "librarian", "permissions": ["books.manage"]})),
    responses((status = 201, description = "The role", body = Data<Role>))
)]
async fn create_role(State(app): State<App>, Caller(actor): Caller, body: JsonBody<WriteRole>) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "roles.manage");
    let input = body.input_after(access).await?;
    let role = admin::create_role(&app, &actor, input).await?;
    created(&format!("/api/v1/admin/roles/{}", role.id), role)
}

/// Changes a role.
#[utoipa::path(
    put, path = "/api/v1/admin/roles/{id}", tag = "admin", operation_id = "update_role", security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The role"),
        ("If-Match" = Option<String>, Header, description = "The version that is changed; required")
    ),
    request_body(content = WriteRole, example = json!({"name": "librarian", "permissions": ["books.manage"]})),
    responses(
        (status = 200, description = "The role", body = Data<Role>),
        (status = 409, description = "`duplicate`, `built_in`"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 428, description = "`If-Match` is missing")
    )
)]
async fn update_role(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<WriteRole>,
) -> Answer {
    let input = body.input_after(admin::find_role(&app, &actor, id)).await?;
    changed(admin::update_role(&app, &actor, id, &version, input).await?)
}

/// Takes a role away that nobody has.
#[utoipa::path(
    delete, path = "/api/v1/admin/roles/{id}", tag = "admin", operation_id = "delete_role",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The role"),
        ("If-Match" = Option<String>, Header, description = "The version that is taken away; required")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`in_use`, `built_in`"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 428, description = "`If-Match` is missing")
    )
)]
async fn delete_role(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    admin::delete_role(&app, &actor, id, &version).await?;
    Ok(no_content())
}

/// All permissions.
#[utoipa::path(
    get, path = "/api/v1/admin/permissions", tag = "admin", operation_id = "list_permissions",
    security(("bearer" = [])),
    responses((status = 200, description = "All of them, by name", body = Data<Vec<Permission>>))
)]
async fn list_permissions(State(app): State<App>, Caller(actor): Caller, headers: HeaderMap) -> Answer {
    tagged(&Condition::of(&headers), admin::list_permissions(&app, &actor).await?)
}

/// Makes a permission, for another application's use.
#[utoipa::path(
    post, path = "/api/v1/admin/permissions", tag = "admin", operation_id = "create_permission",
    security(("bearer" = [])),
    request_body(content = CreatePermission, example = json!({"name": "reports.export"})),
    responses((status = 201, description = "The permission", body = Data<Permission>))
)]
async fn create_permission(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<CreatePermission>,
) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "roles.manage");
    let input = body.input_after(access).await?;
    let permission = admin::create_permission(&app, &actor, input).await?;
    created("/api/v1/admin/permissions", permission)
}

/// Takes a permission away that the product does not need.
#[utoipa::path(
    delete, path = "/api/v1/admin/permissions/{id}", tag = "admin", operation_id = "delete_permission",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The permission")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`built_in`")
    )
)]
async fn delete_permission(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    admin::delete_permission(&app, &actor, id).await?;
    Ok(no_content())
}

/// How the platform does, in numbers.
#[utoipa::path(
    get, path = "/api/v1/admin/dashboard", tag = "admin", operation_id = "find_dashboard",
    security(("bearer" = [])),
    responses((status = 200, description = "The numbers", body = Data<Dashboard>))
)]
async fn find_dashboard(State(app): State<App>, Caller(actor): Caller, headers: HeaderMap) -> Answer {
    tagged(&Condition::of(&headers), admin::find_dashboard(&app, &actor).await?)
}

struct AuditLog;

impl Takes for AuditLog {
    const FILTERS: &'static [&'static str] =
        &["filter[actor]", "filter[action]", "filter[subject_type]", "filter[subject_id]"];
}

/// What administrators did, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/audit-logs", tag = "admin", operation_id = "list_audit_log",
    security(("bearer" = [])),
    params(
        PageParams,
        ("filter[actor]" = Option<u64>, Query, description = "Id of a user"),
        ("filter[action]" = Option<String>, Query, description = "A permission's or operation's name"),
        ("filter[subject_type]" = Option<String>, Query, description = "`user`, `role`, `setting` …"),
        ("filter[subject_id]" = Option<u64>, Query, description = "Its id")
    ),
    responses((status = 200, description = "A page", body = List<AuditEntry>))
)]
async fn list_audit_log(State(app): State<App>, Caller(actor): Caller, listing: Listing<AuditLog>) -> Answer {
    let params = &listing.params;
    let filter = AuditFilter {
        actor_id: params.parsed("filter[actor]")?,
        action: params.get("filter[action]").map(str::to_owned),
        subject_type: params.get("filter[subject_type]").map(str::to_owned),
        subject_id: params.parsed("filter[subject_id]")?,
    };
    list(&listing, admin::list_audit_log(&app, &actor, filter, listing.page).await?)
}

/// The API and hub processes that told of themselves within the last seconds.
#[utoipa::path(
    get, path = "/api/v1/admin/realtime/nodes", tag = "admin", operation_id = "list_nodes",
    security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = Data<Vec<Node>>))
)]
async fn list_nodes(State(app): State<App>, Caller(actor): Caller) -> Answer {
    Ok(data(admin::list_nodes(&app, &actor).await?))
}

/// What waits in the background.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs", tag = "admin", operation_id = "find_queues", security(("bearer" = [])),
    responses((status = 200, description = "How much", body = Data<Queues>))
)]
async fn find_queues(State(app): State<App>, Caller(actor): Caller) -> Answer {
    Ok(data(admin::find_queues(&app, &actor).await?))
}

/// Tells every active account, in its own language; within seconds for thousands.
#[utoipa::path(
    post, path = "/api/v1/admin/announcements", tag = "admin", operation_id = "send_announcement",
    security(("bearer" = [])),
    request_body(content = SendAnnouncement, example = json!({
        "title_en": "Majlis rests on Friday from 2 to 3.", "title_ar": "تتوقف منصة مجلس يوم الجمعة من الثانية إلى الثالثة.",
        "url": "/status"
    })),
    responses((status = 202, description = "Noted; it is being told", body = Data<Announcement>))
)]
async fn send_announcement(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<SendAnnouncement>,
) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "announcements.send");
    let input = body.input_after(access).await?;
    Ok(crate::response::accepted(admin::send_announcement(&app, &actor, input).await?))
}
