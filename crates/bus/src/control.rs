//! Messages that every node hears: what must take effect everywhere within a second (realtime.md §2, §3).

use serde::{Deserialize, Serialize};

use crate::Bus;
use crate::error::BusError;

/// A message to all nodes, JSON on the wire. Not kept: a node that was deaf reads the truth when it comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ControlMessage {
    /// Close sockets of this session with 4501: logout, password change, token deletion.
    SessionRevoked {
        /// Whose.
        user_id: u64,
        /// `jti` of the access token, or id of the session or Sanctum token.
        subject: String,
    },
    /// Close all sockets of this user with 4503.
    UserSuspended {
        /// Who.
        user_id: u64,
    },
    /// Ask again whether the user may listen to this channel; if not, unsubscribe with code 2000.
    AccessRevoked {
        /// Who.
        user_id: u64,
        /// Where.
        channel: String,
    },
    /// Ask again of everybody who listens to this channel; whoever may not any more is unsubscribed with code 2000.
    AccessChanged {
        /// Where.
        channel: String,
    },
    /// Ask again whether the user may listen to each of the posts he listens to; from where not, unsubscribe with code 2000.
    PostsRevoked {
        /// Who.
        user_id: u64,
    },
    /// Forget what is remembered of this user in memory.
    InvalidateUser {
        /// Who.
        user_id: u64,
    },
}

impl Bus {
    /// Tells all nodes, this one included.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: nobody may have heard it.
    pub async fn control(&self, message: &ControlMessage) -> Result<(), BusError> {
        let payload = serde_json::to_vec(message).map_err(|error| BusError::Corrupt(error.to_string()))?;
        let mut command = redis::cmd(self.inner.server.publish_word());
        command.arg(self.keys().control()).arg(payload);
        self.run("control", vec![command]).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::ControlMessage;

    #[test]
    fn the_wire_form_is_stable() {
        let message = ControlMessage::SessionRevoked { user_id: 4, subject: "j".into() };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(text, r#"{"type":"session_revoked","user_id":4,"subject":"j"}"#);
        assert_eq!(serde_json::from_str::<ControlMessage>(&text).unwrap(), message);
        let message = ControlMessage::AccessChanged { channel: "presence:4".into() };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(text, r#"{"type":"access_changed","channel":"presence:4"}"#);
    }
}
