//! How often posts were seen: counted elsewhere, written here by the clock.

use sqlx::QueryBuilder;

use crate::{Conn, StoreError};

/// Adds views to posts, one statement for all of them. What is no post is passed over.
///
/// # Errors
/// Those of the driver.
pub async fn update_views(conn: &mut Conn, views: &[(u64, u32)]) -> Result<(), StoreError> {
    if views.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("UPDATE posts SET views_count = views_count + CASE id");
    for (id, count) in views {
        query.push(" WHEN ").push_bind(*id).push(" THEN ").push_bind(*count);
    }
    query.push(" ELSE 0 END WHERE id IN (");
    let mut list = query.separated(", ");
    for (id, _) in views {
        list.push_bind(*id);
    }
    query.push(") ORDER BY id");
    query.build().persistent(false).execute(conn).await?;
    Ok(())
}
