//! Who is on a connection, once `connect` has succeeded.

use base::id::UserId;
use base::{Lang, Time};
use bytes::Bytes;
use domain::Actor;
use domain::users::{Authenticated, UserState};
use protocol::codec::{Payload, PayloadError};
use protocol::frame::ClientInfo;
use serde::Serialize;

/// What a token gave. A `refresh` puts another one in its place.
#[derive(Debug)]
pub(crate) struct Session {
    /// Who asks, for the domain.
    pub(crate) actor: Actor,
    /// For the messages of errors.
    pub(crate) lang: Lang,
    /// The end of the token.
    pub(crate) expires_at: Option<Time>,
    /// [`UserCard`] as JSON: what others see of the user in lists of those present.
    card: Bytes,
}

/// A user in `connect`'s reply and in the lists of those present.
#[derive(Debug, Serialize)]
pub(crate) struct UserCard<'a> {
    id: UserId,
    name: &'a str,
    username: &'a str,
    avatar: Option<&'a str>,
}

impl<'a> UserCard<'a> {
    pub(crate) fn of(state: &'a UserState) -> Self {
        Self { id: state.id, name: &state.name, username: &state.username, avatar: state.avatar.as_deref() }
    }
}

impl Session {
    pub(crate) fn new(authenticated: Authenticated) -> Result<Self, PayloadError> {
        let Authenticated { actor, expires_at, state } = authenticated;
        let card = Payload::from_value(&UserCard::of(&state))?.into_bytes();
        Ok(Self { actor, lang: state.language, expires_at, card })
    }

    pub(crate) const fn user_id(&self) -> UserId {
        self.actor.user_id()
    }

    /// Whether a revocation of `subject` means this session (a session id, or `token:{id}`, or a `jti`).
    pub(crate) fn is_meant_by(&self, subject: &str) -> bool {
        self.actor.token_id() == subject || self.actor.session_id() == Some(subject)
    }

    /// Seconds until the token ends, at least 1, where it ends.
    pub(crate) fn ttl(&self) -> Option<u32> {
        let seconds = self.expires_at?.unix_seconds().saturating_sub(Time::now().unix_seconds());
        Some(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX))
    }

    /// What lists of those present show, as JSON.
    pub(crate) fn card(&self) -> Bytes {
        self.card.clone()
    }

    /// The protocol's form of it.
    pub(crate) fn client_info(user_id: UserId, client: String, card: Bytes) -> ClientInfo {
        ClientInfo { user: user_id.to_string(), client, conn_info: card, chan_info: Bytes::new() }
    }
}
