//! `GET …/reactions` (domain.md §5.3).

use std::collections::BTreeMap;

use base::paging::{Page, PageRequest};
use protocol::rooms::ReactionType;
use protocol::social::{Reactable, Reaction};
use store::StoreError;

use super::SocialError;
use super::react::{morph_of, require_reactable};
use super::view::{reaction_type, reaction_view};
use crate::{Actor, App};

/// How many reactions of each type there are; types that nobody chose are left out.
pub type ReactionSummary = BTreeMap<ReactionType, u32>;

/// A page of the reactions to a thing, the newest first, and how many of each type there are. For whoever sees it.
///
/// # Errors
/// `not_found`.
pub async fn list_reactions(
    app: &App,
    viewer: Option<&Actor>,
    target: (Reactable, u64),
    reaction: Option<ReactionType>,
    page: PageRequest,
) -> Result<(Page<Reaction>, ReactionSummary), SocialError> {
    if let Some(viewer) = viewer {
        viewer.require("read")?;
    }
    let mut conn = app.store.reader().await?;
    require_reactable(&mut conn, viewer, target).await?;
    let morphs = morph_of(target.0).spellings();
    let (viewer_id, cursor) =
        (viewer.map_or(0, Actor::user_id), page.cursor.map(|cursor| (cursor.id, cursor.forward)));
    let (of, which) = ((morphs, target.1), reaction.map(ReactionType::as_str));
    let rows = store::posts::list_reactions(&mut conn, of, which, viewer_id, cursor, page.fetch()).await?;
    let mut summary = ReactionSummary::new();
    for (column, count) in store::posts::count_reactions(&mut conn, morphs, target.1).await? {
        summary.insert(reaction_type(&column)?, u32::try_from(count.max(0)).unwrap_or(u32::MAX));
    }
    drop(conn);
    let Page { items, next, previous, per_page } = Page::from_rows(page, rows, |row| row.reaction_id);
    let items = items.into_iter().map(|row| reaction_view(app, row)).collect::<Result<_, StoreError>>()?;
    Ok((Page { items, next, previous, per_page }, summary))
}
