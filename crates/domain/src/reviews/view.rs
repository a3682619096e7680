//! Rows as clients see them.

use std::collections::HashMap;

use base::id::UserId;
use base::{CommonFault, Time};
use protocol::reviews::{Review, ReviewSubject};
use protocol::users::UserCard;
use store::Conn;
use store::reviews::ReviewRow;

use super::ReviewError;
use super::access::kind_of;
use crate::App;
use crate::users::{card_view, gone};

/// Reviews with the faces of their writers: one statement, whatever the number of reviews.
///
/// # Errors
/// Those of the store.
pub(super) async fn review_views(
    app: &App,
    conn: &mut Conn,
    rows: Vec<ReviewRow>,
) -> Result<Vec<Review>, ReviewError> {
    let mut ids: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let cards = store::users::list_cards_of(conn, &ids).await?;
    let cards: HashMap<UserId, UserCard> =
        cards.into_iter().map(|row| (row.id, card_view(app, row))).collect();
    let view = |row: ReviewRow| {
        Ok(Review {
            id: row.id,
            user: cards.get(&row.user_id).cloned().unwrap_or_else(|| gone(row.user_id)),
            subject: ReviewSubject {
                kind: kind_of(&row)?,
                id: row.reviewable_id,
                title: row.title,
                slug: row.slug,
            },
            rating: row.rating,
            body: row.body,
            created_at: Time::from(row.created_at),
            updated_at: Time::from(row.updated_at),
        })
    };
    rows.into_iter().map(view).collect()
}

/// One review.
///
/// # Errors
/// Those of the store.
pub(super) async fn review_view(app: &App, conn: &mut Conn, row: ReviewRow) -> Result<Review, ReviewError> {
    let mut views = review_views(app, conn, vec![row]).await?;
    Ok(views.pop().ok_or_else(|| CommonFault::internal("a review has no view"))?)
}
