//! `PATCH /me/profile` (domain.md §5.2).

use base::id::UserId;
use base::text::{clean, length};
use base::{CommonFault, Lang, Problem, Time, Violations};
use protocol::users::{OwnProfile, ProfileUpdated, UpdateProfile};
use store::Json;
use store::profiles::ProfileSettingsRow;

use super::{UserError, account_rules, social_links};
use crate::fault::of_store;
use crate::unit::Unit;
use crate::{Actor, App, in_unit, presence, social};

const MAX_BIO: usize = 1_000;
const MAX_LOCATION: usize = 255;

/// Changes what is given of the actor's profile. `show_online_status` does what `presence.set_visibility` does: who
/// watched the status before it was hidden stops hearing on every node within a second. `is_private: false` accepts
/// everybody who has asked to follow, as by [`crate::social::accept_follow_request`]; `true` ends that strangers listen
/// to the newest posts.
///
/// # Errors
/// [`CommonFault::Invalid`] for what cannot be a value.
pub async fn update_profile(
    app: &App,
    actor: &Actor,
    input: UpdateProfile,
) -> Result<ProfileUpdated, UserError> {
    actor.require("write")?;
    let changes = check(input)?;
    let written: Result<ProfileUpdated, UserError> =
        in_unit!(app, |unit| write_profile(unit, actor.user_id(), &changes));
    let mut updated = written?;
    if changes.is_private == Some(false) {
        // Also where it was public before: this may be the repeat of a change that ended half-way.
        let accepted = social::accept_requests_of(app, actor.user_id()).await.map_err(CommonFault::from)?;
        let followers = updated.profile.followers_count.saturating_add(accepted);
        updated.profile.followers_count = followers;
    }
    Ok(updated)
}

/// The input as it is written: texts cleaned, and those that say nothing taken away.
fn check(input: UpdateProfile) -> Result<UpdateProfile, Violations> {
    let cleaned = |text: Option<Option<String>>| {
        text.map(|text| text.map(|text| clean(&text)).filter(|text| !text.is_empty()))
    };
    let input = UpdateProfile { bio: cleaned(input.bio), location: cleaned(input.location), ..input };
    let mut violations = Violations::none();
    for (field, text, most) in [("bio", &input.bio, MAX_BIO), ("location", &input.location, MAX_LOCATION)] {
        let fits = text.iter().flatten().all(|text| length(text) <= most);
        violations.require(fits, field, Problem::TooLong(most));
    }
    if let Some(timezone) = &input.timezone {
        account_rules::check_timezone(timezone, &mut violations);
    }
    if let Some(links) = &input.social_links {
        social_links::check(links, &mut violations);
    }
    violations.into_result()?;
    Ok(input)
}

async fn write_profile(
    unit: &mut Unit,
    user_id: UserId,
    changes: &UpdateProfile,
) -> Result<ProfileUpdated, UserError> {
    let before = lock_profile(unit, user_id).await?;
    let after = changed(&before, changes);
    if after != before {
        store::profiles::update_profile(unit, user_id, &after).await?;
    }
    // Also where nothing changed: this may be the repeat of a change after which Redis could not be told.
    unit.forget_user(user_id);
    if after.is_private && !before.is_private {
        social::revoke_posts_of(unit, user_id).await?;
    }
    if after.show_online_status != before.show_online_status {
        presence::tell_visibility(unit, user_id, after.show_online_status);
    }
    Ok(view(after))
}

fn changed(before: &ProfileSettingsRow, changes: &UpdateProfile) -> ProfileSettingsRow {
    let row = before.clone();
    ProfileSettingsRow {
        bio: changes.bio.clone().unwrap_or(row.bio),
        location: changes.location.clone().unwrap_or(row.location),
        language: changes.language.map_or(row.language, |language| language.code().to_owned()),
        timezone: changes.timezone.clone().unwrap_or(row.timezone),
        social_links: match &changes.social_links {
            Some(links) => Some(Json(serde_json::json!(links))),
            None => row.social_links,
        },
        is_private: changes.is_private.unwrap_or(row.is_private),
        show_online_status: changes.show_online_status.unwrap_or(row.show_online_status),
        show_email: changes.show_email.unwrap_or(row.show_email),
        show_phone: changes.show_phone.unwrap_or(row.show_phone),
        allow_messages_from: changes
            .allow_messages_from
            .map_or(row.allow_messages_from, |whom| whom.as_str().to_owned()),
        ..row
    }
}

/// Locks a user's profile; one that another application left out is made.
///
/// # Errors
/// Those of the store.
pub(crate) async fn lock_profile(
    unit: &mut Unit,
    user_id: UserId,
) -> Result<ProfileSettingsRow, CommonFault> {
    if let Some(profile) = store::profiles::lock_profile(unit, user_id).await.map_err(of_store)? {
        return Ok(profile);
    }
    let at = Time::now_in_seconds().as_chrono();
    store::profiles::insert_missing_profile(unit, user_id, at).await.map_err(of_store)?;
    let profile = store::profiles::lock_profile(unit, user_id).await.map_err(of_store)?;
    profile.ok_or_else(|| CommonFault::internal("a profile just made is not there"))
}

fn view(row: ProfileSettingsRow) -> ProfileUpdated {
    ProfileUpdated {
        profile: OwnProfile {
            bio: row.bio,
            location: row.location,
            social_links: social_links::read(row.social_links.map(|links| links.0)),
            is_private: row.is_private,
            show_online_status: row.show_online_status,
            show_email: row.show_email,
            show_phone: row.show_phone,
            allow_messages_from: row.allow_messages_from,
            followers_count: row.followers_count,
            following_count: row.following_count,
        },
        language: Lang::from_code(&row.language).unwrap_or_default(),
        timezone: row.timezone,
    }
}
