//! `PUT` and `DELETE …/reaction` (domain.md §5.3): one of each user and thing, and counts that are exact.

use base::id::UserId;
use base::{CommonFault, Time};
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::NotificationKind;
use protocol::rooms::ReactionType;
use protocol::social::{Reactable, ReactionChange, ReactionState};
use store::Conn;
use store::posts::{NewReaction, PostCounter, ReactionRow};

use super::find_comment::find_comment_post;
use super::visibility::{find_visible, hold_open_post};
use super::{NO_COMMENT, SocialError, counters};
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;
use crate::{Actor, App, in_unit};

const NO_MESSAGE: CommonFault = CommonFault::NotFound("message");

/// What the column says.
pub(super) const fn morph_of(target: Reactable) -> Morph {
    match target {
        Reactable::Post => Morph::Post,
        Reactable::Comment => Morph::Comment,
        Reactable::Message => Morph::Message,
    }
}

/// Reacts to a thing in place of an earlier reaction, or takes the reaction back. For whoever sees the post, and for the
/// two of a conversation. Again changes nothing.
///
/// # Errors
/// `not_found`, also for what is deleted or hidden; [`SocialError::Blocked`] in a conversation.
pub async fn react(
    app: &App,
    actor: &Actor,
    target: (Reactable, u64),
    reaction: Option<ReactionType>,
) -> Result<ReactionState, SocialError> {
    actor.require("write")?;
    let written: Result<ReactionState, SocialError> =
        in_unit!(app, |unit| write_reaction(app, unit, actor, target, reaction));
    let state = written?;
    if target.0 == Reactable::Post {
        counters::tell_soon(app, target.1).await;
    }
    Ok(state)
}

async fn write_reaction(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    target: (Reactable, u64),
    reaction: Option<ReactionType>,
) -> Result<ReactionState, SocialError> {
    match target.0 {
        Reactable::Post => react_to_post(app, unit, actor, target.1, reaction).await,
        Reactable::Comment => react_to_comment(app, unit, actor, target.1, reaction).await,
        Reactable::Message => react_to_message(app, unit, actor, target.1, reaction).await,
    }
}

async fn react_to_post(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    reaction: Option<ReactionType>,
) -> Result<ReactionState, SocialError> {
    let (post, _) = hold_open_post(unit, actor, id).await?;
    let own = Own::lock(unit, actor.user_id(), (Reactable::Post, id)).await?;
    let reactions_count = own.count_after(post.reactions_count, reaction);
    if reactions_count != post.reactions_count {
        store::posts::update_post_counter(unit, id, PostCounter::Reactions, reactions_count).await?;
    }
    let change = own.write(app, unit, reaction, reactions_count).await?;
    if let Some(change) = &change {
        unit.emit(Channel::Post(id), Event::ReactionChanged(change.event()));
        if change.is_first {
            let notice = Notice::new(NotificationKind::PostReacted, post.user_id).by(actor.user_id());
            notify(app, unit, notice.about(Morph::Post, id, format!("/posts/{id}"))).await?;
        }
    }
    Ok(state((Reactable::Post, id), reactions_count, reaction))
}

async fn react_to_comment(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    reaction: Option<ReactionType>,
) -> Result<ReactionState, SocialError> {
    // The post's row first (domain.md D9).
    let post_id = find_comment_post(unit, id).await?;
    hold_open_post(unit, actor, post_id).await.map_err(super::find_comment::without_post)?;
    let comment = store::posts::lock_comment(unit, id).await?.ok_or(NO_COMMENT)?;
    let target = (Reactable::Comment, id);
    let own = Own::lock(unit, actor.user_id(), target).await?;
    let reactions_count = own.count_after(count(unit, target).await?, reaction);
    let change = own.write(app, unit, reaction, reactions_count).await?;
    if let Some(change) = &change {
        unit.emit(Channel::Post(post_id), Event::ReactionChanged(change.event()));
        if change.is_first {
            let notice = Notice::new(NotificationKind::CommentReacted, comment.user_id).by(actor.user_id());
            notify(app, unit, notice.about(Morph::Comment, id, format!("/posts/{post_id}"))).await?;
        }
    }
    Ok(state(target, reactions_count, reaction))
}

async fn react_to_message(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    id: u64,
    reaction: Option<ReactionType>,
) -> Result<ReactionState, SocialError> {
    // Asked first, so that a stranger does not hold up a conversation of others by guessing ids.
    let (conversation_id, other) = find_conversation_of(unit, actor, id).await?;
    store::chat::lock_conversation(unit, conversation_id).await?.ok_or(NO_MESSAGE)?;
    let message = store::chat::find_message(unit, id).await?;
    message.filter(|message| message.deleted_at.is_none()).ok_or(NO_MESSAGE)?;
    if store::social::has_block(unit, actor.user_id(), other).await? {
        return Err(SocialError::Blocked);
    }
    let target = (Reactable::Message, id);
    let own = Own::lock(unit, actor.user_id(), target).await?;
    let reactions_count = own.count_after(count(unit, target).await?, reaction);
    if let Some(change) = own.write(app, unit, reaction, reactions_count).await? {
        for user_id in [actor.user_id(), other] {
            unit.emit(Channel::User(user_id), Event::ReactionChanged(change.event()));
        }
    }
    Ok(state(target, reactions_count, reaction))
}

/// The conversation of a message that is not deleted, and the other one in it.
///
/// # Errors
/// `not_found`, for strangers, too.
async fn find_conversation_of(
    conn: &mut Conn,
    actor: &Actor,
    message_id: u64,
) -> Result<(u64, UserId), SocialError> {
    let message = store::chat::find_message(conn, message_id).await?;
    let message = message.filter(|message| message.deleted_at.is_none()).ok_or(NO_MESSAGE)?;
    let row = store::chat::find_conversation(conn, message.conversation_id).await?;
    let row = row.filter(|row| row.deleted_at.is_none()).ok_or(NO_MESSAGE)?;
    match actor.user_id() {
        me if me == row.user_one_id => Ok((row.id, row.user_two_id)),
        me if me == row.user_two_id => Ok((row.id, row.user_one_id)),
        _ => Err(NO_MESSAGE.into()),
    }
}

/// Demands that the actor may see what is to be reacted to; for guests (`viewer` is nobody) of posts and comments. For a
/// door that has to refuse others before it tells what is wrong with a body (domain.md §2.2), and for lists.
///
/// # Errors
/// `not_found`.
pub async fn demand_reactable(
    app: &App,
    viewer: Option<&Actor>,
    (target, id): (Reactable, u64),
) -> Result<(), SocialError> {
    let mut conn = app.store.reader().await?;
    require_reactable(&mut conn, viewer, (target, id)).await
}

pub(super) async fn require_reactable(
    conn: &mut Conn,
    viewer: Option<&Actor>,
    (target, id): (Reactable, u64),
) -> Result<(), SocialError> {
    match target {
        Reactable::Post => find_visible(conn, viewer, id).await.map(drop),
        Reactable::Comment => {
            super::find_comment::find_seen_comment(conn, viewer, id).await?;
            Ok(())
        }
        Reactable::Message => {
            let viewer = viewer.ok_or(CommonFault::Unauthenticated)?;
            find_conversation_of(conn, viewer, id).await.map(drop)
        }
    }
}

/// How many reactions a thing has that does not count them itself. Its parent is locked.
async fn count(conn: &mut Conn, (target, id): (Reactable, u64)) -> Result<u32, SocialError> {
    let counts = store::posts::count_reactions(conn, morph_of(target).spellings(), id).await?;
    let sum = counts.iter().fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
    Ok(u32::try_from(sum.max(0)).unwrap_or(u32::MAX))
}

fn state(
    (target_type, target_id): (Reactable, u64),
    reactions_count: u32,
    my_reaction: Option<ReactionType>,
) -> ReactionState {
    ReactionState { target_type, target_id, reactions_count, my_reaction }
}

/// A user's own reactions to a thing, locked: none, one, or two where two spellings were written.
struct Own {
    user_id: UserId,
    target: (Reactable, u64),
    rows: Vec<ReactionRow>,
}

/// What has become of them.
struct Change {
    user_id: UserId,
    target: (Reactable, u64),
    reaction: Option<ReactionType>,
    reactions_count: u32,
    /// There was none before.
    is_first: bool,
}

impl Change {
    fn event(&self) -> ReactionChange {
        ReactionChange {
            target_type: self.target.0,
            target_id: self.target.1,
            user_id: self.user_id,
            reaction: self.reaction,
            reactions_count: self.reactions_count,
        }
    }
}

impl Own {
    async fn lock(unit: &mut Unit, user_id: UserId, target: (Reactable, u64)) -> Result<Self, SocialError> {
        let spellings = morph_of(target.0).spellings();
        let rows = store::posts::lock_reactions(unit, user_id, spellings, target.1).await?;
        Ok(Self { user_id, target, rows })
    }

    /// How many the thing will have: one row is kept or made where there is to be a reaction, the rest goes.
    fn count_after(&self, before: u32, reaction: Option<ReactionType>) -> u32 {
        let taken = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        before.saturating_sub(taken).saturating_add(u32::from(reaction.is_some()))
    }

    /// Writes it; nothing where it was so already.
    async fn write(
        self,
        app: &App,
        unit: &mut Unit,
        reaction: Option<ReactionType>,
        reactions_count: u32,
    ) -> Result<Option<Change>, SocialError> {
        let Self { user_id, target, rows } = self;
        let is_first = rows.is_empty();
        let mut changed = false;
        let at = Time::now_in_seconds().as_chrono();
        let mut rows = rows.into_iter();
        if let Some(reaction) = reaction {
            match rows.next() {
                Some(row) if row.reaction == reaction.as_str() => {}
                Some(row) => {
                    store::posts::update_reaction(unit, row.id, reaction.as_str(), at).await?;
                    changed = true;
                }
                None => {
                    let row = NewReaction {
                        user_id,
                        reactable_type: morph_of(target.0).column(app.settings.morph),
                        reactable_id: target.1,
                        reaction: reaction.as_str(),
                        at,
                    };
                    store::posts::insert_reaction(unit, &row).await?;
                    changed = true;
                }
            }
        }
        for row in rows {
            store::posts::delete_reaction(unit, row.id).await?;
            changed = true;
        }
        Ok(changed.then_some(Change { user_id, target, reaction, reactions_count, is_first }))
    }
}
