//! Courses: categories, catalogue, sections, lessons (domain.md §5.4).

mod categories;
mod lessons;
mod sections;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base::{CommonFault, Lang, Money, Problem};
use domain::courses::{self, Include};
use domain::{Actor, App};
use protocol::courses::{
    Course, CourseFilter, CourseLevel, CourseStatus, CreateCourse, ModerateCourse, UpdateCourse,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::NumberedParams;
use crate::Door;
use crate::error::{Refusal, invalid};
use crate::extract::{
    Caller, JsonBody, Language, MaybeCaller, Numbered, Params, PathId, PathText, Precondition, Takes, user_id,
};
use crate::response::{
    Answer, Condition, Data, NumberedList, catalogue, changed, created, no_content, numbered, tagged,
};

pub(crate) fn routes() -> OpenApiRouter<Door> {
    OpenApiRouter::new()
        .routes(routes!(list_courses, create_course))
        .routes(routes!(find_course, update_course, delete_course))
        .routes(routes!(publish_course))
        .routes(routes!(unpublish_course))
        .routes(routes!(archive_course))
        .routes(routes!(list_user_courses))
        .routes(routes!(list_all_courses))
        .routes(routes!(moderate_course))
        .merge(categories::routes())
        .merge(sections::routes())
        .merge(lessons::routes())
}

/// Says in which language bilingual fields are, and that another one may be asked for.
fn in_language(mut response: Response, lang: Lang) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.code()));
    headers.append(header::VARY, HeaderValue::from_static("accept-language, authorization"));
    response
}

/// What the marketplace takes.
struct Marketplace;

impl Takes for Marketplace {
    const FILTERS: &'static [&'static str] = &[
        "filter[q]",
        "filter[category]",
        "filter[language]",
        "filter[level]",
        "filter[price_min]",
        "filter[price_max]",
        "filter[free]",
        "filter[author]",
        "filter[rating_min]",
    ];
    const SORTS: &'static [&'static str] = &["created_at", "students_count", "average_rating", "price"];
    const INCLUDES: &'static [&'static str] = &["category"];
}

/// What an author's list takes.
struct OfAuthor;

impl Takes for OfAuthor {
    const FILTERS: &'static [&'static str] = &["filter[status]"];
}

/// What the administrators' list takes.
struct AllCourses;

impl Takes for AllCourses {
    const FILTERS: &'static [&'static str] = &[
        "filter[q]",
        "filter[category]",
        "filter[language]",
        "filter[level]",
        "filter[author]",
        "filter[status]",
        "filter[trashed]",
    ];
    const SORTS: &'static [&'static str] = &["created_at", "students_count", "average_rating", "price"];
}

/// The filters of all three lists; each has refused what it does not take.
fn course_filter(params: &Params, viewer: Option<&Actor>) -> Result<CourseFilter, Refusal> {
    let author = match (params.get("filter[author]"), viewer) {
        (Some("me"), Some(actor)) => user_id("me", actor),
        (Some("me"), None) => return Err(CommonFault::Unauthenticated.into()),
        _ => params.parsed("filter[author]")?,
    };
    Ok(CourseFilter {
        q: params.get("filter[q]").map(str::to_owned),
        category_id: params.parsed("filter[category]")?,
        language: params.one_of("filter[language]", &["ar", "en"])?,
        level: params.one_of("filter[level]", CourseLevel::NAMES)?,
        price_min: amount(params, "filter[price_min]")?,
        price_max: amount(params, "filter[price_max]")?,
        free: params.flag("filter[free]")?,
        author_id: author,
        rating_min: stars(params, "filter[rating_min]")?,
        status: params.one_of("filter[status]", CourseStatus::NAMES)?,
        trashed: params.one_of("filter[trashed]", &["with", "only"])?,
    })
}

fn amount(params: &Params, name: &'static str) -> Result<Option<Money>, Refusal> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let amount = text.parse::<Money>().ok().filter(|amount| *amount >= Money::ZERO);
    amount.map(Some).ok_or_else(|| invalid(name, Problem::Format("an amount such as 12.50")))
}

/// 0 to 5 with at most two decimals, as hundredths.
fn stars(params: &Params, name: &'static str) -> Result<Option<u32>, Refusal> {
    let hundredths = amount(params, name)?.map(Money::minor);
    let within = |hundredths: i64| u32::try_from(hundredths).ok().filter(|hundredths| *hundredths <= 500);
    match hundredths {
        None => Ok(None),
        Some(hundredths) => {
            let within = within(hundredths);
            within.map(Some).ok_or_else(|| invalid(name, Problem::TooGreat("5.00".to_owned())))
        }
    }
}

/// The marketplace: published courses.
#[utoipa::path(
    get, path = "/api/v1/courses", tag = "courses", operation_id = "list_courses",
    security((), ("bearer" = [])),
    params(
        NumberedParams,
        ("filter[q]" = Option<String>, Query, description = "Words of title and description, at most 100 characters"),
        ("filter[category]" = Option<u64>, Query, description = "Id of a category, primary or further"),
        ("filter[language]" = Option<String>, Query, description = "`ar` or `en`"),
        ("filter[level]" = Option<String>, Query, description = "`beginner`, `intermediate`, `advanced` or `all`"),
        ("filter[price_min]" = Option<String>, Query, description = "Costs now at least so much"),
        ("filter[price_max]" = Option<String>, Query, description = "Costs now at most so much"),
        ("filter[free]" = Option<bool>, Query, description = "Costs nothing now?"),
        ("filter[author]" = Option<String>, Query, description = "Id of a user, or `me`"),
        ("filter[rating_min]" = Option<String>, Query, description = "Rated so or better, `0` to `5`"),
        ("sort" = Option<String>, Query, description =
            "`created_at`, `students_count`, `average_rating` or `price`, downwards with `-`; `-created_at` where left out"),
        ("include" = Option<String>, Query, description = "`category`")
    ),
    responses((status = 200, description = "A page", body = NumberedList<Course>))
)]
async fn list_courses(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    Language(lang): Language,
    listing: Numbered<Marketplace>,
) -> Answer {
    let filter = course_filter(&listing.params, viewer.as_ref())?;
    let with_category = listing.include.contains(&"category");
    let place = (listing.sort, listing.page);
    let (lang, page) =
        courses::list_courses(&app, viewer.as_ref(), lang, &filter, place, with_category).await?;
    let response = numbered(&listing, page)?;
    Ok(if with_category { in_language(response, lang) } else { response })
}

/// Makes a course, a draft.
#[utoipa::path(
    post, path = "/api/v1/courses", tag = "courses", operation_id = "create_course", security(("bearer" = [])),
    request_body(content = CreateCourse, example = json!({
        "title": "النحو الميسر", "category_id": 1, "description": "من الجملة إلى النص", "language": "ar",
        "level": "beginner", "price": "120.00", "discount_price": "90.00", "requirements": ["القراءة"],
        "outcomes": ["إعراب الجملة البسيطة"]
    })),
    responses((status = 201, description = "The course", body = Data<Course>))
)]
async fn create_course(
    State(app): State<App>,
    Caller(actor): Caller,
    body: JsonBody<CreateCourse>,
) -> Answer {
    let access = domain::access::demand_permission(&app, &actor, "courses.create");
    let input = body.input_after(access).await?;
    let course = courses::create_course(&app, &actor, input).await?;
    created(&format!("/api/v1/courses/{}", course.id), course)
}

/// What can be sent along with one course.
const COMPANIONS: &[&str] = &["category", "sections", "sections.lessons"];

/// One course. Lessons whose content the asker may not have are locked. To guests and strangers drafts and archived
/// courses are not there.
#[utoipa::path(
    get, path = "/api/v1/courses/{id}", tag = "courses", operation_id = "find_course",
    security((), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The course: its id or its slug"),
        ("include" = Option<String>, Query, description = "`category`, `sections`, `sections.lessons`")
    ),
    responses((status = 200, description = "The course", body = Data<Course>))
)]
async fn find_course(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    Language(lang): Language,
    PathText(name): PathText,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let included = params.includes(COMPANIONS)?;
    let include = Include {
        category: included.contains(&"category"),
        sections: included.contains(&"sections"),
        lessons: included.contains(&"sections.lessons"),
    };
    let (lang, course) = courses::find_course(&app, viewer.as_ref(), &name, lang, include).await?;
    let condition = Condition::of(&headers);
    let response = match viewer {
        None => catalogue(&condition, course)?,
        Some(_) => tagged(&condition, course)?,
    };
    Ok(if include.category { in_language(response, lang) } else { response })
}

/// Changes a course. Its author sends the `ETag` of what they read as `If-Match`.
#[utoipa::path(
    patch, path = "/api/v1/courses/{id}", tag = "courses", operation_id = "update_course",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The course"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the course as it was read; required of its author")
    ),
    request_body(content = UpdateCourse, example = json!({"title": "النحو الميسر", "discount_price": null})),
    responses(
        (status = 200, description = "The course as it is now", body = Data<Course>),
        (status = 412, description = "`precondition_failed`"),
        (status = 428, description = "`precondition_required`")
    )
)]
async fn update_course(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
    body: JsonBody<UpdateCourse>,
) -> Answer {
    let access = courses::demand_course(&app, &actor, id, Some(&version));
    let input = body.input_after(access).await?;
    changed(courses::update_course(&app, &actor, id, &version, input).await?)
}

/// Deletes a course that nobody was ever enrolled in.
#[utoipa::path(
    delete, path = "/api/v1/courses/{id}", tag = "courses", operation_id = "delete_course",
    security(("bearer" = [])),
    params(
        ("id" = u64, Path, description = "The course"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the course as it was read")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`in_use`: archive it instead"),
        (status = 412, description = "`precondition_failed`")
    )
)]
async fn delete_course(
    State(app): State<App>,
    Caller(actor): Caller,
    PathId(id): PathId,
    Precondition(version): Precondition,
) -> Answer {
    courses::delete_course(&app, &actor, id, &version).await?;
    Ok(no_content())
}

/// Puts a course on the marketplace. It has to have a picture, a section and a lesson with content.
#[utoipa::path(
    post, path = "/api/v1/courses/{id}/publish", tag = "courses", operation_id = "publish_course",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The course")),
    responses(
        (status = 200, description = "The course", body = Data<Course>),
        (status = 409, description = "`illegal_transition`"),
        (status = 422, description = "`validation_failed`: what the course lacks")
    )
)]
async fn publish_course(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    changed(courses::publish_course(&app, &actor, id).await?)
}

/// Makes a published course a draft again, as long as it has no students.
#[utoipa::path(
    post, path = "/api/v1/courses/{id}/unpublish", tag = "courses", operation_id = "unpublish_course",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The course")),
    responses(
        (status = 200, description = "The course", body = Data<Course>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn unpublish_course(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    changed(courses::unpublish_course(&app, &actor, id).await?)
}

/// Takes a course off the marketplace. Those who have it keep it.
#[utoipa::path(
    post, path = "/api/v1/courses/{id}/archive", tag = "courses", operation_id = "archive_course",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The course")),
    responses(
        (status = 200, description = "The course", body = Data<Course>),
        (status = 409, description = "`illegal_transition`")
    )
)]
async fn archive_course(State(app): State<App>, Caller(actor): Caller, PathId(id): PathId) -> Answer {
    changed(courses::archive_course(&app, &actor, id).await?)
}

/// Somebody's courses, newest first: published ones, and to themselves the others, too.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/courses", tag = "courses", operation_id = "list_user_courses",
    security((), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The author: an id, or `me`"),
        NumberedParams,
        ("filter[status]" = Option<String>, Query, description = "`draft`, `published` or `archived`")
    ),
    responses((status = 200, description = "A page", body = NumberedList<Course>))
)]
async fn list_user_courses(
    State(app): State<App>,
    MaybeCaller(viewer): MaybeCaller,
    PathText(author): PathText,
    listing: Numbered<OfAuthor>,
) -> Answer {
    let author = path_user(&author, viewer.as_ref())?;
    let status = listing.params.one_of("filter[status]", CourseStatus::NAMES)?;
    let page = courses::list_courses_of(&app, viewer.as_ref(), author, status, listing.page).await?;
    numbered(&listing, page)
}

/// The user that a path names: an id, or `me` for whoever is signed in.
pub(super) fn path_user(text: &str, viewer: Option<&Actor>) -> Result<u64, Refusal> {
    let id = match viewer {
        Some(actor) => user_id(text, actor),
        None if text == "me" => return Err(CommonFault::Unauthenticated.into()),
        None => crate::extract::row_id(text),
    };
    id.ok_or_else(|| CommonFault::NotFound("user").into())
}

/// All courses. For administrators.
#[utoipa::path(
    get, path = "/api/v1/admin/courses", tag = "admin", operation_id = "list_all_courses",
    security(("bearer" = [])),
    params(
        NumberedParams,
        ("filter[q]" = Option<String>, Query, description = "Words of title and description, at most 100 characters"),
        ("filter[category]" = Option<u64>, Query, description = "Id of a category, primary or further"),
        ("filter[language]" = Option<String>, Query, description = "`ar` or `en`"),
        ("filter[level]" = Option<String>, Query, description = "`beginner`, `intermediate`, `advanced` or `all`"),
        ("filter[author]" = Option<String>, Query, description = "Id of a user, or `me`"),
        ("filter[status]" = Option<String>, Query, description = "`draft`, `published` or `archived`"),
        ("filter[trashed]" = Option<String>, Query, description = "Deleted ones: `with` or `only`"),
        ("sort" = Option<String>, Query, description =
            "`created_at`, `students_count`, `average_rating` or `price`, downwards with `-`; `-created_at` where left out")
    ),
    responses((status = 200, description = "A page", body = NumberedList<Course>))
)]
async fn list_all_courses(
    State(app): State<App>,
    Caller(actor): Caller,
    params: Params,
    listing: Result<Numbered<AllCourses>, Refusal>,
) -> Answer {
    courses::demand_managers(&app, &actor).await?;
    let listing = listing?;
    let filter = course_filter(&params, Some(&actor))?;
    let page = courses::list_all_courses(&app, &actor, &filter, listing.sort, listing.page).await?;
    numbered(&listing, page)
}

/// Sets a course's state, in one step that its author could do, with a reason for the audit log. For administrators.
#[utoipa::path(
    patch, path = "/api/v1/admin/courses/{id}", tag = "admin", operation_id = "moderate_course",
    security(("bearer" = [])), params(("id" = u64, Path, description = "The course")),
    request_body(content = ModerateCourse, example = json!({"status": "archived", "reason": "Copyright"})),
    responses(
        (status = 200, description = "The course as it is now", body = Data<Course>),
        (status = 409, description = "`illegal_transition`"),
        (status = 422, description = "`validation_failed`: of the body, or what a course to be published lacks")
    )
)]
async fn moderate_course(
    State(app): State<App>,
    Caller(actor): Caller,
    PathText(id): PathText,
    body: JsonBody<ModerateCourse>,
) -> Answer {
    courses::demand_managers(&app, &actor).await?;
    let id = crate::extract::row_id(&id).ok_or(CommonFault::NotFound("course"))?;
    let input = body.input_after(courses::demand_course(&app, &actor, id, None)).await?;
    changed(courses::moderate_course(&app, &actor, id, input).await?)
}
