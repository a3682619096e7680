//! `POST /users/{id}/block` (domain.md §5.2): neither hears of the other any more.

use base::id::UserId;
use base::{CommonFault, Time};
use bus::ControlMessage;
use protocol::channel::Channel;
use protocol::users::Relationship;

use super::message_policy::relationship;
use super::{UserError, forget_blocks};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

/// Blocks somebody: ends that either follows or asks to follow the other, with exact counters, and from then on neither
/// may write to the other or see whether the other is online. Whoever of the two watches the other's status stops hearing
/// on every node within a second. Doing it again changes nothing.
///
/// # Errors
/// [`UserError::SelfBlock`]; [`CommonFault::NotFound`] for an account that does not exist or was deleted. A suspended one
/// can be blocked: it may come back.
pub async fn block_user(app: &App, actor: &Actor, user_id: UserId) -> Result<Relationship, UserError> {
    actor.require("write")?;
    if user_id == actor.user_id() {
        return Err(UserError::SelfBlock);
    }
    in_unit!(app, |unit| write_block(unit, actor.user_id(), user_id))
}

async fn write_block(unit: &mut Unit, blocker: UserId, blocked: UserId) -> Result<Relationship, UserError> {
    // The profiles first (domain.md D8), in one order: whoever follows meanwhile waits, or has already been counted.
    store::social::lock_profiles(unit, blocker, blocked).await?;
    if store::users::list_states(unit, &[blocked]).await?.is_empty() {
        return Err(CommonFault::NotFound("user").into());
    }
    if !store::social::has_blocked(unit, blocker, blocked).await? {
        for (follower, following) in [(blocker, blocked), (blocked, blocker)] {
            store::social::delete_follow(unit, follower, following).await?;
        }
        store::social::delete_follow_requests(unit, blocker, blocked).await?;
        match store::social::insert_block(unit, blocker, blocked, Time::now_in_seconds()).await {
            // Without profiles nothing was locked: the same block, made at the same moment.
            Err(error) if error.is_unique(UNIQUE) => {}
            done => done?,
        }
    }
    // Said again by a repeat too: the first one may have ended between its commit and this.
    forget_blocks(unit, blocker, blocked);
    for (watcher, watched) in [(blocked, blocker), (blocker, blocked)] {
        let channel = Channel::Presence(watched).to_string();
        unit.control(ControlMessage::AccessRevoked { user_id: watcher, channel });
        unit.control(ControlMessage::PostsRevoked { user_id: watcher });
    }
    let between = store::users::list_relationships(unit, blocker, &[blocked]).await?;
    // Of a suspended account there is nothing to tell but this.
    let suspended = || Relationship { blocking: true, ..Relationship::default() };
    Ok(between.first().map_or_else(suspended, relationship))
}

/// The index that keeps a block from being there twice.
const UNIQUE: &str = "hub_user_blocks_blocker_id_blocked_id_unique";
