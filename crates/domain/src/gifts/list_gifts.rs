//! The catalogue.

use protocol::gifts::Gift;

use super::GiftError;
use crate::App;

/// The gifts on offer, in their order. For everybody.
///
/// # Errors
/// Those of the store.
pub async fn list_gifts(app: &App) -> Result<Vec<Gift>, GiftError> {
    let mut conn = app.store.reader().await?;
    let rows = store::gifts::list_gifts(&mut conn).await?;
    let currency = &app.settings.money.currency;
    let view = |row: store::gifts::GiftRow| Gift {
        id: row.id,
        name: row.name,
        icon: row.icon,
        animation_url: row.animation_url,
        price: row.price,
        currency: currency.clone(),
    };
    Ok(rows.into_iter().map(view).collect())
}
