//! Searching, and completing what somebody begins to write.

use std::time::Duration;

use base::paging::{NumberedPage, NumberedRequest};
use base::text::{fold, length};
use base::{CommonFault, Problem, Violations};
use bus::TokenBucket;
use protocol::search::{SearchHit, SearchType};
use store::Conn;
use store::search::{Find, HitRow, SearchQuery};

use super::{SearchError, kind_of};
use crate::uploads::picture_url;
use crate::{Actor, App};

const MIN_QUERY: usize = 2;
const MAX_QUERY: usize = 100;
/// Words that count; the rest of a question does not.
const MOST_WORDS: usize = 10;
/// Hits that are counted.
const MOST_HITS: u32 = 1_000;
/// Hits of each kind where no kind is asked for.
const OF_EACH: u32 = 5;
/// Suggestions.
const SUGGESTED: u32 = 10;
/// Searches of one user or address (domain.md §2.5): 60 a minute.
const LIMIT: TokenBucket = TokenBucket { capacity: 30, refill_per_sec: 1.0 };
/// Distinct reporters that hide a post, where `reports.auto_hide` says nothing else.
const AUTO_HIDE: u32 = 10;

/// What is searched for.
#[derive(Clone, Debug)]
pub struct SearchInput {
    /// Words, 2 to 100 characters.
    pub q: String,
    /// Only things of this kind; else the best five of each.
    pub kind: Option<SearchType>,
}

/// Things whose words all begin as those of the question do, the most relevant first; where nothing does, things whose
/// title begins with the question. `who` is the user or the address that is counted.
///
/// # Errors
/// A violation of `q`; [`CommonFault::RateLimited`].
pub async fn search(
    app: &App,
    viewer: Option<&Actor>,
    input: &SearchInput,
    page: NumberedRequest,
    who: &str,
) -> Result<NumberedPage<SearchHit>, SearchError> {
    let asked = ask(app, viewer, &input.q, who).await?;
    let mut conn = app.store.reader().await?;
    let auto_hide = auto_hide(&mut conn).await?;
    let words = words(&asked);
    let query = |kind, find| SearchQuery {
        kind: kind_of(kind),
        find,
        viewer_id: viewer.map(Actor::user_id),
        auto_hide,
        offset: page.offset(),
        limit: page.fetch(),
    };
    let Some(kind) = input.kind else {
        let mut hits = Vec::new();
        for kind in SearchType::ALL {
            let best = SearchQuery { offset: 0, limit: OF_EACH, ..query(kind, Find::Words(&words)) };
            let mut rows = store::search::list_hits(&mut conn, best).await?;
            if rows.is_empty() {
                let by_title = SearchQuery { find: Find::Prefix(&asked), ..best };
                rows = store::search::list_hits(&mut conn, by_title).await?;
            }
            hits.extend(rows.into_iter().map(|row| hit(app, kind, row)));
        }
        let total = u64::try_from(hits.len()).ok();
        let request = NumberedRequest { page: 1, per_page: MOST_TOGETHER, ..page };
        return Ok(NumberedPage { items: hits, request, has_more: false, total });
    };
    let mut found = query(kind, Find::Words(&words));
    let mut rows = store::search::list_hits(&mut conn, found).await?;
    if rows.is_empty() {
        let first = SearchQuery { offset: 0, limit: 1, ..found };
        if store::search::list_hits(&mut conn, first).await?.is_empty() {
            found.find = Find::Prefix(&asked);
            rows = store::search::list_hits(&mut conn, found).await?;
        }
    }
    let total = match page.with_total {
        true => {
            let all = SearchQuery { limit: MOST_HITS, ..found };
            Some(store::search::count_hits(&mut conn, all).await?)
        }
        false => None,
    };
    Ok(NumberedPage::from_rows(page, rows, total).map(|row| hit(app, kind, row)))
}

/// Of all kinds together at most.
const MOST_TOGETHER: u32 = 25;

/// Things whose title begins so, for a field that completes what is written into it: ten at most.
///
/// # Errors
/// Those of [`search`].
pub async fn suggest(
    app: &App,
    viewer: Option<&Actor>,
    q: &str,
    who: &str,
) -> Result<Vec<SearchHit>, SearchError> {
    let asked = ask(app, viewer, q, who).await?;
    let mut conn = app.store.reader().await?;
    let mut hits = Vec::new();
    // A post has no title.
    for kind in [SearchType::Users, SearchType::Courses, SearchType::Books, SearchType::Rooms] {
        let query = SearchQuery {
            kind: kind_of(kind),
            find: Find::Prefix(&asked),
            viewer_id: viewer.map(Actor::user_id),
            auto_hide: AUTO_HIDE,
            offset: 0,
            limit: OF_EACH,
        };
        let rows = store::search::list_hits(&mut conn, query).await?;
        hits.extend(rows.into_iter().map(|row| hit(app, kind, row)));
    }
    hits.truncate(usize::try_from(SUGGESTED).unwrap_or(usize::MAX));
    Ok(hits)
}

/// Access, the question's form, and how often one may ask. Gives the question folded.
async fn ask(app: &App, viewer: Option<&Actor>, q: &str, who: &str) -> Result<String, SearchError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let folded = fold(q);
    let mut violations = Violations::none();
    violations.require(length(&folded) >= MIN_QUERY, "q", Problem::TooShort(MIN_QUERY));
    violations.require(length(q) <= MAX_QUERY, "q", Problem::TooLong(MAX_QUERY));
    violations.into_result()?;
    if app.settings.limits.enabled {
        match app.bus.take(&format!("search:{who}"), 1, LIMIT).await {
            Ok(allowance) if !allowance.allowed => {
                let wait = allowance.retry_after.max(Duration::from_millis(1));
                return Err(CommonFault::RateLimited(wait).into());
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, what = "search", "a rate limit could not be asked for"),
        }
    }
    Ok(folded)
}

/// Every word has to be there, or begin one that is. Nothing in a folded word means anything in boolean mode.
fn words(folded: &str) -> String {
    let words = folded.split(' ').filter(|word| !word.is_empty()).take(MOST_WORDS);
    words.map(|word| format!("+{word}*")).collect::<Vec<_>>().join(" ")
}

async fn auto_hide(conn: &mut Conn) -> Result<u32, SearchError> {
    let setting = crate::system::find_setting(conn, "reports.auto_hide").await?;
    Ok(setting.and_then(|text| text.parse().ok()).unwrap_or(AUTO_HIDE))
}

fn hit(app: &App, kind: SearchType, row: HitRow) -> SearchHit {
    let place = match kind {
        SearchType::Rooms => "live-rooms",
        other => other.as_str(),
    };
    SearchHit {
        kind,
        path: format!("/api/v1/{place}/{}", row.id),
        id: row.id,
        title: row.title,
        subtitle: row.subtitle,
        image: picture_url(app, row.image),
    }
}

#[cfg(test)]
mod tests {
    use base::text::fold;

    use super::words;

    #[test]
    fn every_word_is_demanded_by_its_beginning() {
        assert_eq!(words(&fold("النحو +الواضح* (٢)")), "+النحو* +الواضح* +2*");
    }
}
