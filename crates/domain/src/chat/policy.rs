//! Who may write to whom, and how often.

use std::time::Duration;

use base::CommonFault;
use base::id::{ConversationId, UserId};
use bus::TokenBucket;
use store::Conn;

use super::ChatError;
use crate::users::{self, MessagePolicy};
use crate::{Actor, App};

/// Messages of one user: 60 a minute, all of them at once if need be (domain.md §2.5).
const MESSAGES: TokenBucket = TokenBucket { capacity: 60, refill_per_sec: 1.0 };
/// Conversations opened by one user: 20 an hour (domain.md §2.5).
const CONVERSATIONS: TokenBucket = TokenBucket { capacity: 20, refill_per_sec: 20.0 / 3600.0 };

/// A message that somebody wants to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// Who writes.
    pub(super) from: UserId,
    /// To whom.
    pub(super) to: UserId,
    /// Their conversation, if there is one.
    pub(super) conversation_id: Option<ConversationId>,
}

/// Refuses a message that the receiver does not want.
pub(super) async fn require_accepted(
    conn: &mut Conn,
    from: UserId,
    to: UserId,
    conversation_id: Option<ConversationId>,
) -> Result<(), ChatError> {
    let wishes = [Wish { from, to, conversation_id }];
    require_each_accepted(conn, &wishes).await?.pop().unwrap_or(Ok(()))
}

/// Refuses each message that its receiver does not want; in the order of the wishes, with as many statements for many as
/// for one. Whoever has written in the conversation himself wants the answers, whatever his settings say.
pub(super) async fn require_each_accepted(
    conn: &mut Conn,
    wishes: &[Wish],
) -> Result<Vec<Result<(), ChatError>>, ChatError> {
    let pairs: Vec<(UserId, UserId)> = wishes.iter().map(|wish| (wish.from, wish.to)).collect();
    let judged = users::may_message_each(conn, &pairs).await?;
    let not_accepted: Vec<(ConversationId, UserId)> = wishes
        .iter()
        .zip(&judged)
        .filter(|(_, verdict)| matches!(verdict, Err(MessagePolicy::NotAccepted)))
        .filter_map(|(wish, _)| Some((wish.conversation_id?, wish.to)))
        .collect();
    let written = store::chat::list_written(conn, &not_accepted).await?;
    let verdict = |(wish, verdict): (&Wish, Result<(), MessagePolicy>)| match verdict {
        Ok(()) => Ok(()),
        Err(MessagePolicy::NotFound) => Err(CommonFault::NotFound("user").into()),
        Err(MessagePolicy::Blocked) => Err(ChatError::Blocked),
        Err(MessagePolicy::Common(fault)) => Err(fault.into()),
        Err(MessagePolicy::NotAccepted) => {
            let answered = wish.conversation_id.is_some_and(|id| written.contains(&(id, wish.to)));
            if answered { Ok(()) } else { Err(ChatError::MessagesNotAccepted) }
        }
    };
    Ok(wishes.iter().zip(judged).map(verdict).collect())
}

/// Takes one message out of the actor's allowance.
pub(super) async fn take_message(app: &App, actor: &Actor) -> Result<(), CommonFault> {
    take(app, "message", actor, MESSAGES).await
}

/// Takes one new conversation out of the actor's allowance.
pub(super) async fn take_conversation(app: &App, actor: &Actor) -> Result<(), CommonFault> {
    take(app, "conversation", actor, CONVERSATIONS).await
}

async fn take(app: &App, what: &'static str, actor: &Actor, rule: TokenBucket) -> Result<(), CommonFault> {
    if !app.settings.limits.enabled {
        return Ok(());
    }
    match app.bus.take(&format!("{what}:{}", actor.user_id()), 1, rule).await {
        Ok(allowance) if allowance.allowed => Ok(()),
        Ok(allowance) => Err(CommonFault::RateLimited(allowance.retry_after.max(Duration::from_millis(1)))),
        Err(error) => {
            // Redis counts, MySQL keeps: a message is not refused because nobody can count it.
            tracing::warn!(%error, what, "a rate limit could not be asked for");
            Ok(())
        }
    }
}
