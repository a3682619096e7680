//! To whom a gift goes: the owner of what it is given for, if the giver may be there.

use base::CommonFault;
use base::id::UserId;
use config::MorphStyle;
use protocol::gifts::{Giftable, SendGift};
use protocol::rooms::RoomMember;
use store::Conn;

use super::GiftError;
use crate::morph::{Morph, short_name};
use crate::rooms::RoomError;
use crate::rooms::admission::admit_live;
use crate::uploads::picture_url;
use crate::{Actor, App, social};

/// Proof that the giver may give to the receiver.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// Who receives.
    pub receiver_id: UserId,
    /// What the giver is shown as.
    pub sender: RoomMember,
}

/// Finds the receiver and checks that the giver may give: in a live room that admits them, for a post that they see,
/// to a person who has an active account; not to oneself and not across a block.
///
/// # Errors
/// Those of admission to the room; `not_found`; [`GiftError::WrongReceiver`], [`GiftError::SelfGift`],
/// [`GiftError::Blocked`].
pub(super) async fn find_recipient(
    app: &App,
    conn: &mut Conn,
    actor: &Actor,
    input: &SendGift,
) -> Result<Recipient, GiftError> {
    let owner = match input.giftable_type {
        Giftable::LiveRoom => find_host(conn, actor, input).await?,
        Giftable::Post => find_author(conn, Some(actor), input.giftable_id).await?,
        Giftable::User => input.giftable_id,
    };
    let receiver_id = input.receiver_id.unwrap_or(owner);
    if receiver_id == actor.user_id() && receiver_id == owner {
        return Err(GiftError::SelfGift);
    }
    if receiver_id != owner {
        return Err(GiftError::WrongReceiver);
    }
    let parties = store::gifts::find_parties(conn, actor.user_id(), receiver_id).await?;
    let parties = parties.ok_or(CommonFault::NotFound("user"))?;
    if parties.is_blocked {
        return Err(GiftError::Blocked);
    }
    let avatar = picture_url(app, parties.sender_avatar);
    let sender = RoomMember { id: actor.user_id(), name: parties.sender_name, avatar };
    Ok(Recipient { receiver_id, sender })
}

/// The column's value for what a gift is given for.
pub(super) const fn giftable_morph(giftable: Giftable) -> Morph {
    match giftable {
        Giftable::LiveRoom => Morph::LiveRoom,
        Giftable::Post => Morph::Post,
        Giftable::User => Morph::User,
    }
}

/// What a column says that a gift was given for, in either spelling; `None` for what no gift of ours is given for.
pub(super) fn giftable_kind(column: &str) -> Option<Giftable> {
    let name = short_name(column);
    [Giftable::LiveRoom, Giftable::Post, Giftable::User]
        .into_iter()
        .find(|kind| giftable_morph(*kind).column(MorphStyle::Alias) == name)
}

async fn find_host(conn: &mut Conn, actor: &Actor, input: &SendGift) -> Result<UserId, GiftError> {
    let room = store::rooms::find_room(conn, input.giftable_id).await?;
    let room = room.ok_or(CommonFault::NotFound("room"))?;
    let host = room.user_id;
    let member = admit_live(conn, room, actor.user_id()).await?;
    // Words with a gift are words in the room.
    if input.message.is_some() && member.standing.is_muted && !member.is_staff(conn, actor.user_id()).await? {
        return Err(RoomError::Muted.into());
    }
    Ok(host)
}

/// The author of a post, for whoever may see it (domain.md §5.3 "visibility").
pub(super) async fn find_author(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    post_id: u64,
) -> Result<UserId, GiftError> {
    Ok(social::find_author(conn, viewer, post_id).await?)
}
