//! `PUT` and `DELETE /me/avatar` and `/me/cover` (domain.md §5.2).

use protocol::accounts::SetPicture;
use protocol::uploads::UploadKind;
use protocol::users::Account;
use store::accounts::PictureColumn;
use store::users::AccountRow;

use super::session::account_view;
use super::verify_email::card;
use super::{UserError, tell_account};
use crate::morph::Morph;
use crate::unit::Unit;
use crate::uploads::{UploadError, attach, claim_files, release_file};
use crate::{Actor, App, in_unit};

/// Which of an account's two pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// The face.
    Avatar,
    /// The one on top of the profile.
    Cover,
}

impl Picture {
    const fn column(self) -> PictureColumn {
        match self {
            Self::Avatar => PictureColumn::Avatar,
            Self::Cover => PictureColumn::Cover,
        }
    }

    fn of(self, account: &AccountRow) -> Option<&str> {
        match self {
            Self::Avatar => account.avatar.as_deref(),
            Self::Cover => account.cover.as_deref(),
        }
    }
}

/// Shows an uploaded picture of the actor's; the one before is served no more.
///
/// # Errors
/// A violation of `upload_id` for what is not the actor's own picture, or is used already.
pub async fn set_picture(
    app: &App,
    actor: &Actor,
    picture: Picture,
    input: SetPicture,
) -> Result<Account, UserError> {
    actor.require("write")?;
    in_unit!(app, |unit| write_picture(app, unit, actor, picture, Some(input.upload_id)))
}

/// Shows none any more. Doing it again changes nothing.
///
/// # Errors
/// Those of the store and the bus.
pub async fn remove_picture(app: &App, actor: &Actor, picture: Picture) -> Result<(), UserError> {
    actor.require("write")?;
    let done: Result<Account, UserError> =
        in_unit!(app, |unit| write_picture(app, unit, actor, picture, None));
    done.map(drop)
}

async fn write_picture(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    picture: Picture,
    upload_id: Option<u64>,
) -> Result<Account, UserError> {
    let user_id = actor.user_id();
    let before = store::accounts::lock_account(unit, user_id).await?.ok_or(UserError::AccountDeleted)?;
    let path = match upload_id {
        None => None,
        Some(id) => {
            let claimed = claim_files(unit, user_id, "upload_id", &[id], &[UploadKind::Image])
                .await
                .map_err(refused)?;
            attach(unit, &[id], Morph::User, user_id).await?;
            claimed.into_iter().next().map(|file| file.path)
        }
    };
    if let Some(old) = picture.of(&before) {
        release_file(unit, Morph::User, user_id, old).await?;
    }
    store::accounts::update_picture(unit, user_id, picture.column(), path.as_deref()).await?;
    let after = store::accounts::lock_account(unit, user_id).await?.ok_or(UserError::AccountDeleted)?;
    tell_account(unit, user_id, card(app, after.clone()));
    Ok(account_view(app, after))
}

fn refused(error: UploadError) -> UserError {
    match error {
        UploadError::Common(fault) => fault.into(),
        other => base::CommonFault::internal(other).into(),
    }
}
