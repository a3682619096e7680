//! Notifications (domain.md §5.11).

use axum::extract::State;
use axum::http::HeaderMap;
use base::paging::TimedCursor;
use domain::{App, notifications};
use protocol::notifications::{Notification, NotificationFilter, UnreadNotifications};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::PageParams;
use crate::Door;
use crate::extract::{Caller, Language, Listing, PathText, Takes};
use crate::response::{Answer, Condition, Data, List, data, list, no_content, tagged};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_notifications))
        .routes(routes!(count_unread_notifications))
        .routes(routes!(mark_all_notifications_read))
        .routes(routes!(mark_notification_read))
        .routes(routes!(mark_notification_unread))
        .routes(routes!(delete_notification))
}

struct Notifications;

impl Takes for Notifications {
    const FILTERS: &'static [&'static str] = &["filter[unread]"];
}

/// One's own notifications, newest first; sentences in the language asked for, else in the owner's.
#[utoipa::path(
    get, path = "/api/v1/notifications", tag = "notifications", operation_id = "list_notifications",
    security(("bearer" = [])),
    params(
        PageParams,
        ("filter[unread]" = Option<bool>, Query, description = "Those that are not read, or those that are")
    ),
    responses((status = 200, description = "A page", body = List<Notification>))
)]
async fn list_notifications(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    listing: Listing<Notifications, TimedCursor>,
) -> Answer {
    let filter = NotificationFilter { unread: listing.params.flag("filter[unread]")? };
    list(&listing, notifications::list_notifications(&app, &actor, filter, listing.page, lang).await?)
}

/// How many are unread.
#[utoipa::path(
    get, path = "/api/v1/notifications/unread-count", tag = "notifications",
    operation_id = "count_unread_notifications", security(("bearer" = [])),
    responses((status = 200, description = "The number", body = Data<UnreadNotifications>))
)]
async fn count_unread_notifications(
    State(app): State<App>,
    Caller(actor): Caller,
    headers: HeaderMap,
) -> Answer {
    tagged(&Condition::of(&headers), notifications::count_unread(&app, &actor).await?)
}

/// Notes that all were read.
#[utoipa::path(
    post, path = "/api/v1/notifications/read-all", tag = "notifications",
    operation_id = "mark_all_notifications_read", security(("bearer" = [])),
    responses((status = 200, description = "How many are unread now", body = Data<UnreadNotifications>))
)]
async fn mark_all_notifications_read(State(app): State<App>, Caller(actor): Caller) -> Answer {
    Ok(data(notifications::mark_all_read(&app, &actor).await?))
}

/// Notes that one was read. Once more changes nothing.
#[utoipa::path(
    post, path = "/api/v1/notifications/{id}/read", tag = "notifications",
    operation_id = "mark_notification_read", security(("bearer" = [])),
    params(("id" = String, Path, description = "The notification's UUID")),
    responses((status = 200, description = "The notification", body = Data<Notification>))
)]
async fn mark_notification_read(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    PathText(id): PathText,
) -> Answer {
    Ok(data(notifications::mark_read(&app, &actor, &id, lang).await?))
}

/// Takes that back.
#[utoipa::path(
    post, path = "/api/v1/notifications/{id}/unread", tag = "notifications",
    operation_id = "mark_notification_unread", security(("bearer" = [])),
    params(("id" = String, Path, description = "The notification's UUID")),
    responses((status = 200, description = "The notification", body = Data<Notification>))
)]
async fn mark_notification_unread(
    State(app): State<App>,
    Caller(actor): Caller,
    Language(lang): Language,
    PathText(id): PathText,
) -> Answer {
    Ok(data(notifications::mark_unread(&app, &actor, &id, lang).await?))
}

/// Takes one away.
#[utoipa::path(
    delete, path = "/api/v1/notifications/{id}", tag = "notifications", operation_id = "delete_notification",
    security(("bearer" = [])), params(("id" = String, Path, description = "The notification's UUID")),
    responses((status = 204, description = "It is gone"))
)]
async fn delete_notification(
    State(app): State<App>,
    Caller(actor): Caller,
    PathText(id): PathText,
) -> Answer {
    notifications::delete_notification(&app, &actor, &id).await?;
    Ok(no_content())
}
