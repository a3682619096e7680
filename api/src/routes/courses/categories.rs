//! Categories of courses, books and rooms (domain.md §5.4).

use axum::extract::State;
use axum::http::HeaderMap;
use base::CommonFault;
use domain::App;
use domain::courses;
use protocol::courses::{Category, CreateCategory, NewOrder, UpdateCategory};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::in_language;
use crate::Door;
use crate::extract::{Caller, JsonBody, Language, MaybeCaller, PathText, WholeList, row_id};
use crate::response::{Answer, Condition, Data, catalogue, created, data, no_content, tagged};

pub(super) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_categories))
        .routes(routes!(create_category))
        .routes(routes!(update_category, delete_category))
        .routes(routes!(order_categories))
}

const NO_CATEGORY: CommonFault = CommonFault::NotFound("category");

/// The categories in their order, their names in the language of the request: active ones, and all to whoever keeps them.
#[utoipa::path(
    get, path = "/api/v1/categories", tag = "courses", operation_id = "list_categories",
    security((), ("bearer" = [])),
    responses((status = 200, description = "All of them", body = Data<Vec<Category>>))
)]
async fn list_categories(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    Language(lang): Language,
    _: WholeList,
    headers: HeaderMap,
) -> Answer {
    let (lang, categories) = courses::list_categories(&app, viewer.as_ref(), lang).await?;
    let condition = Condition::of(&headers);
    let response = match viewer {
        None => catalogue(&condition, categories)?,
        Some(_) => tagged(&condition, categories)?,
    };
    Ok(in_language(response, lang))
}

/// Makes a category, the last of all.
#[utoipa::path(
    post, path = "/api/v1/admin/categories", tag = "admin", operation_id = "create_category",
    security(("bearer" = [])),
    request_body(content = CreateCategory, example = json!({
        "name_en": "Calligraphy", "name_ar": "الخط العربي", "icon": "pen"
    })),
    responses((status = 201, description = "The category", body = Data<Category>))
)]
async fn create_category(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    body: JsonBody<CreateCategory>,
) -> Answer {
    let input = body.input_after(courses::demand_categories(&app, &actor)).await?;
    created("/api/v1/categories", courses::create_category(&app, &actor, lang, input).await?)
}

/// Changes a category; its slug stays.
#[utoipa::path(
    patch, path = "/api/v1/admin/categories/{id}", tag = "admin", operation_id = "update_category",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The category")),
    request_body(content = UpdateCategory, example = json!({"is_active": false})),
    responses((status = 200, description = "The category as it is now", body = Data<Category>))
)]
async fn update_category(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    PathText(id): PathText,
    body: JsonBody<UpdateCategory>,
) -> Answer {
    courses::demand_categories(&app, &actor).await?;
    let id = row_id(&id).ok_or(NO_CATEGORY)?;
    let input = body.input()?;
    Ok(data(courses::update_category(&app, &actor, lang, id, input).await?))
}

/// Takes away a category that nothing is of.
#[utoipa::path(
    delete, path = "/api/v1/admin/categories/{id}", tag = "admin", operation_id = "delete_category",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The category")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`in_use`: deactivate it instead")
    )
)]
async fn delete_category(State(app): State<App>, Caller(actor): Caller, PathText(id): PathText) -> Answer {
    courses::demand_categories(&app, &actor).await?;
    let id = row_id(&id).ok_or(NO_CATEGORY)?;
    courses::delete_category(&app, &actor, id).await?;
    Ok(no_content())
}

/// Gives all categories their places.
#[utoipa::path(
    put, path = "/api/v1/admin/categories/order", tag = "admin", operation_id = "order_categories",
    security(("bearer" = [])),
    request_body(content = NewOrder, example = json!({"ids": [2, 1, 3]})),
    responses((status = 200, description = "The categories in their new order", body = Data<Vec<Category>>))
)]
async fn order_categories(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    body: JsonBody<NewOrder>,
) -> Answer {
    let input = body.input_after(courses::demand_categories(&app, &actor)).await?;
    Ok(data(courses::order_categories(&app, &actor, lang, input).await?))
}
