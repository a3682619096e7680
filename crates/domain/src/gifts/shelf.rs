//! The catalogue as administrators keep it (domain.md §5.9). What was given keeps the price of its day.

use base::conditional::IfMatch;
use base::id::GiftId;
use base::text::{clean, length};
use base::{CommonFault, Money, Problem, Time, Violations};
use protocol::gifts::{CreateGift, ShelfGift, UpdateGift};
use serde_json::json;
use store::audit::NewAudit;
use store::gifts::ShelfGiftRow;

use super::GiftError;
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

const KEEP: &str = "gifts.manage";
/// What the columns hold.
const MAX_TEXT: usize = 255;

/// All gifts in their order, those that are not on offer among them.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `gifts.manage`.
pub async fn list_shelf(app: &App, actor: &Actor) -> Result<Vec<ShelfGift>, GiftError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, KEEP).await?;
    let rows = store::gifts::list_shelf(&mut conn).await?;
    Ok(rows.into_iter().map(|row| shelf_view(app, row)).collect())
}

/// A gift, on offer or not.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `gifts.manage`; [`CommonFault::NotFound`].
pub async fn find_shelf_gift(app: &App, actor: &Actor, id: GiftId) -> Result<ShelfGift, GiftError> {
    actor.require("read")?;
    let mut conn = app.store.reader().await?;
    access::require_permission(&mut conn, actor, KEEP).await?;
    let row = store::gifts::find_shelf_gift(&mut conn, id).await?;
    Ok(shelf_view(app, row.ok_or(CommonFault::NotFound("gift"))?))
}

/// Puts a gift into the catalogue.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `gifts.manage`; violations of each field.
pub async fn create_gift(app: &App, actor: &Actor, input: CreateGift) -> Result<ShelfGift, GiftError> {
    actor.require("write")?;
    access::demand_permission(app, actor, KEEP).await?;
    let row = ShelfGiftRow {
        id: 0,
        name: clean(&input.name),
        icon: clean(&input.icon),
        animation_url: input.animation_url.as_deref().map(clean).filter(|url| !url.is_empty()),
        price: input.price,
        order: input.order.unwrap_or(0),
        is_active: input.is_active.unwrap_or(true),
    };
    check(&row)?;
    in_unit!(app, |unit| write_gift(app, unit, actor, &row))
}

/// Changes what is given of a gift.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `gifts.manage`; [`CommonFault::NotFound`]; [`CommonFault::PreconditionFailed`];
/// violations of each field.
pub async fn update_gift(
    app: &App,
    actor: &Actor,
    id: GiftId,
    version: &IfMatch,
    input: UpdateGift,
) -> Result<ShelfGift, GiftError> {
    actor.require("write")?;
    access::demand_permission(app, actor, KEEP).await?;
    in_unit!(app, |unit| write_changes(app, unit, actor, id, version, &input))
}

/// Takes a gift away that was never given; one that was is taken off the offer with `is_active`.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `gifts.manage`; [`CommonFault::NotFound`]; [`GiftError::InUse`].
pub async fn delete_gift(app: &App, actor: &Actor, id: GiftId) -> Result<(), GiftError> {
    actor.require("write")?;
    access::demand_permission(app, actor, KEEP).await?;
    in_unit!(app, |unit| write_deletion(unit, actor, id))
}

fn check(row: &ShelfGiftRow) -> Result<(), Violations> {
    let mut violations = Violations::none();
    for (field, text) in [("name", &row.name), ("icon", &row.icon)] {
        violations.require(!text.is_empty(), field, Problem::Required);
        violations.require(length(text) <= MAX_TEXT, field, Problem::TooLong(MAX_TEXT));
    }
    let fits = row.animation_url.as_deref().is_none_or(|url| length(url) <= MAX_TEXT);
    violations.require(fits, "animation_url", Problem::TooLong(MAX_TEXT));
    violations.require(row.price >= Money::ZERO, "price", Problem::TooSmall("0.00".to_owned()));
    violations.into_result()
}

async fn write_gift(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    row: &ShelfGiftRow,
) -> Result<ShelfGift, GiftError> {
    let id = store::gifts::insert_shelf_gift(unit, row, Time::now_in_seconds().as_chrono()).await?;
    let view = shelf_view(app, ShelfGiftRow { id, ..row.clone() });
    audit(unit, actor, id, "gifts.create", None, Some(&view)).await?;
    Ok(view)
}

async fn write_changes(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: GiftId,
    version: &IfMatch,
    input: &UpdateGift,
) -> Result<ShelfGift, GiftError> {
    let before = store::gifts::lock_shelf_gift(unit, id).await?.ok_or(CommonFault::NotFound("gift"))?;
    let shown = shelf_view(app, before.clone());
    version.check(&shown)?;
    let cleaned = |text: &Option<String>| text.as_deref().map(clean);
    let after = ShelfGiftRow {
        name: cleaned(&input.name).unwrap_or_else(|| before.name.clone()),
        icon: cleaned(&input.icon).unwrap_or_else(|| before.icon.clone()),
        animation_url: match cleaned(&input.animation_url) {
            Some(url) => Some(url).filter(|url| !url.is_empty()),
            None => before.animation_url.clone(),
        },
        price: input.price.unwrap_or(before.price),
        order: input.order.unwrap_or(before.order),
        is_active: input.is_active.unwrap_or(before.is_active),
        ..before.clone()
    };
    check(&after)?;
    if after == before {
        return Ok(shown);
    }
    store::gifts::update_shelf_gift(unit, &after, Time::now_in_seconds().as_chrono()).await?;
    let view = shelf_view(app, after);
    audit(unit, actor, id, "gifts.update", Some(&shown), Some(&view)).await?;
    Ok(view)
}

async fn write_deletion(unit: &mut Unit, actor: &Actor, id: GiftId) -> Result<(), GiftError> {
    store::gifts::lock_shelf_gift(unit, id).await?.ok_or(CommonFault::NotFound("gift"))?;
    if store::gifts::has_been_given(unit, id).await? {
        return Err(GiftError::InUse);
    }
    store::gifts::delete_shelf_gift(unit, id).await?;
    audit(unit, actor, id, "gifts.delete", None, None).await
}

async fn audit(
    unit: &mut Unit,
    actor: &Actor,
    id: GiftId,
    action: &'static str,
    before: Option<&ShelfGift>,
    after: Option<&ShelfGift>,
) -> Result<(), GiftError> {
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action,
        subject_type: "gift",
        subject_id: id,
        before: json!(before),
        after: json!(after),
    };
    store::audit::insert_audit(unit, &deed).await?;
    Ok(())
}

fn shelf_view(app: &App, row: ShelfGiftRow) -> ShelfGift {
    ShelfGift {
        id: row.id,
        name: row.name,
        icon: row.icon,
        animation_url: row.animation_url,
        price: row.price,
        currency: app.settings.money.currency.clone(),
        order: row.order,
        is_active: row.is_active,
    }
}
