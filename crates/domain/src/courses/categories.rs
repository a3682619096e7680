//! Categories (domain.md §5.4): everybody reads the active ones, administrators keep them.

use base::slug::slug;
use base::text::{clean, length};
use base::{CommonFault, Lang, Problem, Time, Violations};
use protocol::courses::{Category, CreateCategory, NewOrder, UpdateCategory};
use store::courses::{CategoryRow, NewCategory};

use super::CourseError;
use super::order::require_permutation;
use super::view::{category_view, language_for};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

const KEEP: &str = "categories.manage";
const MAX_NAME: usize = 255;
const NO_CATEGORY: CommonFault = CommonFault::NotFound("category");

/// The categories in their order, and the language that their names are in: active ones, and all for whoever keeps them.
///
/// # Errors
/// Those of the store.
pub async fn list_categories(
    app: &App,
    viewer: Option<&Actor>,
    lang: Option<Lang>,
) -> Result<(Lang, Vec<Category>), CourseError> {
    let mut all = false;
    let mut conn = app.store.reader().await?;
    if let Some(viewer) = viewer {
        viewer.require("read")?;
        all = access::has_permission(&mut conn, viewer.user_id(), KEEP).await?;
    }
    let lang = language_for(&mut conn, viewer, lang).await?;
    let rows = store::courses::list_categories(&mut conn, all).await?;
    Ok((lang, rows.into_iter().map(|row| category_view(row, lang)).collect()))
}

/// Demands the permission to keep categories, for a door that has to refuse a stranger before it tells what is wrong with
/// a body (domain.md §2.2).
///
/// # Errors
/// [`CommonFault::Forbidden`].
pub async fn demand_categories(app: &App, actor: &Actor) -> Result<(), CourseError> {
    Ok(access::demand_permission(app, actor, KEEP).await?)
}

/// Makes a category, the last of all.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `categories.manage`; violations of each field.
pub async fn create_category(
    app: &App,
    actor: &Actor,
    lang: Option<Lang>,
    input: CreateCategory,
) -> Result<Category, CourseError> {
    actor.require("write")?;
    demand_categories(app, actor).await?;
    let row = CategoryRow {
        id: 0,
        name_en: clean(&input.name_en),
        name_ar: clean(&input.name_ar),
        slug: String::new(),
        icon: input.icon.as_deref().map(clean).filter(|icon| !icon.is_empty()),
        order: 0,
        is_active: input.is_active.unwrap_or(true),
    };
    check(&row)?;
    let row = in_unit!(app, |unit| write_category(unit, &row))?;
    show(app, actor, lang, row).await
}

/// Changes what is given of a category. Its slug stays, since addresses may name it.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `categories.manage`; `not_found`; violations of each field.
pub async fn update_category(
    app: &App,
    actor: &Actor,
    lang: Option<Lang>,
    id: u64,
    input: UpdateCategory,
) -> Result<Category, CourseError> {
    actor.require("write")?;
    demand_categories(app, actor).await?;
    let row = in_unit!(app, |unit| write_changes(unit, id, &input))?;
    show(app, actor, lang, row).await
}

/// Takes away a category that nothing is of.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `categories.manage`; `not_found`; [`CourseError::CategoryInUse`].
pub async fn delete_category(app: &App, actor: &Actor, id: u64) -> Result<(), CourseError> {
    actor.require("write")?;
    demand_categories(app, actor).await?;
    in_unit!(app, |unit| write_deletion(unit, id))
}

/// Gives all categories their places.
///
/// # Errors
/// [`CommonFault::Forbidden`] without `categories.manage`; a violation of `ids` for what is not all of them, each once.
pub async fn order_categories(
    app: &App,
    actor: &Actor,
    lang: Option<Lang>,
    input: NewOrder,
) -> Result<Vec<Category>, CourseError> {
    actor.require("write")?;
    demand_categories(app, actor).await?;
    in_unit!(app, |unit| write_order(unit, &input.ids))?;
    Ok(list_categories(app, Some(actor), lang).await?.1)
}

async fn show(
    app: &App,
    actor: &Actor,
    lang: Option<Lang>,
    row: CategoryRow,
) -> Result<Category, CourseError> {
    let mut conn = app.store.reader().await?;
    let lang = language_for(&mut conn, Some(actor), lang).await?;
    Ok(category_view(row, lang))
}

fn check(row: &CategoryRow) -> Result<(), Violations> {
    let mut violations = Violations::none();
    for (field, name) in [("name_en", &row.name_en), ("name_ar", &row.name_ar)] {
        violations.require(!name.is_empty(), field, Problem::Required);
        violations.require(length(name) <= MAX_NAME, field, Problem::TooLong(MAX_NAME));
    }
    let fits = row.icon.as_deref().is_none_or(|icon| length(icon) <= MAX_NAME);
    violations.require(fits, "icon", Problem::TooLong(MAX_NAME));
    violations.into_result()
}

async fn write_category(unit: &mut Unit, new: &CategoryRow) -> Result<CategoryRow, CourseError> {
    // All rows are locked, so that neither place nor slug is given twice.
    let rows = store::courses::lock_categories(unit).await?;
    let name = slug(&new.name_en, 200);
    let name = if name.is_empty() { slug(&new.name_ar, 200) } else { name };
    let name = if name.is_empty() { "category".to_owned() } else { name };
    let taken = |slug: &str| rows.iter().any(|row| row.slug == slug);
    let free = std::iter::once(name.clone())
        .chain((2..).map(|number: u64| format!("{name}-{number}")))
        .find(|slug| !taken(slug));
    let mut row = CategoryRow {
        slug: free.unwrap_or(name),
        order: rows.iter().map(|row| row.order.saturating_add(1)).max().unwrap_or(0),
        ..new.clone()
    };
    let written = NewCategory {
        name_en: &row.name_en,
        name_ar: &row.name_ar,
        slug: &row.slug,
        icon: row.icon.as_deref(),
        order: row.order,
        is_active: row.is_active,
    };
    row.id = store::courses::insert_category(unit, written, Time::now_in_seconds().as_chrono()).await?;
    Ok(row)
}

async fn write_changes(
    unit: &mut Unit,
    id: u64,
    changes: &UpdateCategory,
) -> Result<CategoryRow, CourseError> {
    let before = store::courses::lock_category(unit, id).await?.ok_or(NO_CATEGORY)?;
    let changes = changes.clone();
    let cleaned = |text: Option<String>| text.map(|text| clean(&text));
    let after = CategoryRow {
        name_en: cleaned(changes.name_en).unwrap_or_else(|| before.name_en.clone()),
        name_ar: cleaned(changes.name_ar).unwrap_or_else(|| before.name_ar.clone()),
        icon: match changes.icon {
            Some(icon) => cleaned(icon).filter(|icon| !icon.is_empty()),
            None => before.icon.clone(),
        },
        is_active: changes.is_active.unwrap_or(before.is_active),
        ..before.clone()
    };
    check(&after)?;
    if after != before {
        store::courses::update_category(unit, &after, Time::now_in_seconds().as_chrono()).await?;
    }
    Ok(after)
}

async fn write_deletion(unit: &mut Unit, id: u64) -> Result<(), CourseError> {
    let rows = store::courses::lock_categories(unit).await?;
    if !rows.iter().any(|row| row.id == id) {
        return Err(NO_CATEGORY.into());
    }
    if store::courses::has_category_use(unit, id).await? {
        return Err(CourseError::CategoryInUse);
    }
    store::courses::delete_category(unit, id).await?;
    let rest: Vec<u64> = rows.iter().map(|row| row.id).filter(|other| *other != id).collect();
    store::courses::update_category_order(unit, &rest).await?;
    Ok(())
}

async fn write_order(unit: &mut Unit, ids: &[u64]) -> Result<(), CourseError> {
    let present: Vec<u64> = store::courses::lock_categories(unit).await?.iter().map(|row| row.id).collect();
    require_permutation(&present, ids)?;
    store::courses::update_category_order(unit, ids).await?;
    Ok(())
}
