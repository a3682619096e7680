//! Lists of courses: the marketplace, an author's, and the administrators' (domain.md §5.4, §5.11).

use std::collections::HashMap;

use base::id::UserId;
use base::paging::{NumberedPage, NumberedRequest, Sort};
use base::text::{clean, length};
use base::{CommonFault, Lang, Problem, Violations};
use protocol::courses::{Category, Course, CourseFilter, CourseLevel, CourseStatus, Trashed};
use store::Conn;
use store::courses::{CourseOrder, CourseQuery};

use super::view::{category_view, course_views, language_for};
use super::{CourseError, MANAGE, demand_managers};
use crate::{Actor, App, access};

/// Characters of a search at most.
const MAX_WORDS: usize = 100;
/// Shorter words are not in the full-text index (`innodb_ft_min_token_size`).
const MIN_WORD: usize = 3;
/// Words that the full-text index leaves out (InnoDB's own list, as far as they are long enough).
const STOPWORDS: [&str; 16] = [
    "about", "are", "com", "for", "from", "how", "that", "the", "this", "was", "what", "when", "where",
    "who", "will", "with",
];

/// The marketplace: published courses of authors in good standing.
///
/// # Errors
/// Violations of the filters.
pub async fn list_courses(
    app: &App,
    viewer: Option<&Actor>,
    lang: Option<Lang>,
    filter: &CourseFilter,
    (sort, page): (Option<Sort>, NumberedRequest),
    with_category: bool,
) -> Result<(Lang, NumberedPage<Course>), CourseError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let which = CourseQuery { status: Some(CourseStatus::Published.as_str()), ..query(filter, sort)? };
    let mut conn = app.store.reader().await?;
    let lang = language_for(&mut conn, viewer, lang).await?;
    let mut page = read(app, &mut conn, which, page).await?;
    if with_category {
        let rows = store::courses::list_categories(&mut conn, true).await?;
        let categories: HashMap<u64, Category> =
            rows.into_iter().map(|row| (row.id, category_view(row, lang))).collect();
        for course in &mut page.items {
            course.category = categories.get(&course.category_id).cloned();
        }
    }
    Ok((lang, page))
}

/// Somebody's courses: published ones, and to themselves and administrators the others, too.
///
/// # Errors
/// `not_found` for an account that is gone, and for whoever blocks the viewer (domain.md D23).
pub async fn list_courses_of(
    app: &App,
    viewer: Option<&Actor>,
    author_id: UserId,
    status: Option<CourseStatus>,
    page: NumberedRequest,
) -> Result<NumberedPage<Course>, CourseError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    let viewer_id = viewer.map(Actor::user_id);
    let mut all = viewer_id == Some(author_id);
    if !all {
        const NO_USER: CommonFault = CommonFault::NotFound("user");
        if !store::courses::has_active_author(&mut conn, author_id).await? {
            return Err(NO_USER.into());
        }
        if let Some(viewer_id) = viewer_id {
            if store::social::has_blocked(&mut conn, author_id, viewer_id).await? {
                return Err(NO_USER.into());
            }
            all = access::has_permission(&mut conn, viewer_id, MANAGE).await?;
        }
    }
    let status = match (all, status) {
        (true, status) => status,
        (false, None | Some(CourseStatus::Published)) => Some(CourseStatus::Published),
        // Drafts and archived ones of another are nobody's to know.
        (false, Some(_)) => {
            return Ok(NumberedPage::from_rows(page, Vec::new(), page.with_total.then_some(0)));
        }
    };
    let filter = CourseFilter { author_id: Some(author_id), status, ..CourseFilter::default() };
    let which = query(&filter, None)?;
    read(app, &mut conn, which, page).await
}

/// All courses, for administrators.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `courses.manage`; violations of the filters.
pub async fn list_all_courses(
    app: &App,
    actor: &Actor,
    filter: &CourseFilter,
    sort: Option<Sort>,
    page: NumberedRequest,
) -> Result<NumberedPage<Course>, CourseError> {
    actor.require("read")?;
    demand_managers(app, actor).await?;
    let only_deleted = filter.trashed.map(|trashed| trashed == Trashed::Only);
    let which = CourseQuery { any_author: true, only_deleted, ..query(filter, sort)? };
    let mut conn = app.store.reader().await?;
    read(app, &mut conn, which, page).await
}

/// Three statements, whatever the number of courses; one less without the total.
async fn read(
    app: &App,
    conn: &mut Conn,
    which: CourseQuery,
    page: NumberedRequest,
) -> Result<NumberedPage<Course>, CourseError> {
    let which = CourseQuery { offset: page.offset(), limit: page.fetch(), ..which };
    let rows = store::courses::list_courses(conn, &which).await?;
    let total = if page.with_total { Some(store::courses::count_courses(conn, &which).await?) } else { None };
    let NumberedPage { items, request, has_more, total } = NumberedPage::from_rows(page, rows, total);
    Ok(NumberedPage { items: course_views(app, conn, items).await?, request, has_more, total })
}

fn query(filter: &CourseFilter, sort: Option<Sort>) -> Result<CourseQuery, CourseError> {
    let mut which = CourseQuery {
        category_id: filter.category_id,
        language: filter.language.map(Lang::code),
        level: filter.level.map(CourseLevel::as_str),
        price_min: filter.price_min,
        price_max: filter.price_max,
        free: filter.free,
        author_id: filter.author_id,
        rating_min: filter.rating_min,
        status: filter.status.map(CourseStatus::as_str),
        order: match sort.map(|sort| sort.by) {
            Some("students_count") => CourseOrder::Students,
            Some("average_rating") => CourseOrder::Rating,
            Some("price") => CourseOrder::Price,
            _ => CourseOrder::Created,
        },
        descending: sort.is_none_or(|sort| sort.descending),
        ..CourseQuery::default()
    };
    if let Some(text) = &filter.q {
        let text = clean(text);
        if length(&text) > MAX_WORDS {
            return Err(Violations::one("filter[q]", Problem::TooLong(MAX_WORDS)).into());
        }
        which.words = search_words(&text);
        if which.words.is_none() && !text.is_empty() {
            which.title_like = Some(like_pattern(&text));
        }
    }
    Ok(which)
}

/// All words of the text, or their beginnings, as the full-text index is asked for them; nothing where none is in it.
fn search_words(text: &str) -> Option<String> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    let asked = |word: &&str| length(word) >= MIN_WORD && !STOPWORDS.contains(&word.to_lowercase().as_str());
    let words: Vec<String> = words.filter(asked).map(|word| format!("+{word}*")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn like_pattern(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::{like_pattern, search_words};

    #[test]
    fn a_search_is_words_and_nothing_that_means_more_to_the_index() {
        assert_eq!(search_words("the Art of (Rust)*").as_deref(), Some("+Art* +Rust*"));
        assert_eq!(search_words("النحو الميسر").as_deref(), Some("+النحو* +الميسر*"));
        assert_eq!(search_words("+- \"\" @ of"), None);
        assert_eq!(like_pattern("50%_"), "%50\\%\\_%");
    }
}
