//! Who asks.

use base::CommonFault;
use base::id::UserId;

/// A signed-in, active user and what the presented token allows. Made by [`crate::users::authenticate`] only.
#[derive(Clone, Debug)]
pub struct Actor {
    pub(crate) user_id: UserId,
    /// The session (sign-in family), for access JWTs.
    pub(crate) session_id: Option<String>,
    /// `jti` of an access JWT, or the id of the Sanctum token's row as text: what a revocation names.
    pub(crate) token_id: String,
    pub(crate) abilities: Vec<String>,
    /// When an access JWT was signed, Unix seconds; nothing for whoever presented none.
    pub(crate) signed_at: Option<i64>,
}

impl Actor {
    /// The platform acting by itself for a user: seeding, clocks. It may do whatever the user may.
    #[must_use]
    pub fn on_behalf_of(user_id: UserId) -> Self {
        Self {
            user_id,
            session_id: None,
            token_id: String::new(),
            abilities: vec!["*".to_owned()],
            signed_at: None,
        }
    }

    /// The user.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.user_id
    }

    /// The sign-in session that the token belongs to; Sanctum tokens have none.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// What a revocation of exactly this token names.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// What the token may do.
    #[must_use]
    pub fn abilities(&self) -> &[String] {
        &self.abilities
    }

    /// Does the token cover an ability (domain.md §3: `read`, `write`, `realtime`, `wallet`; `*` covers all)?
    #[must_use]
    pub fn can(&self, ability: &str) -> bool {
        self.abilities.iter().any(|held| held == "*" || held == ability)
    }

    /// Demands an ability of the token: the first thing that an operation does, whichever door it is called through.
    /// Reading needs `read`, writing `write`, moving money `wallet` (domain.md §3); a socket's connect asks for
    /// `realtime`.
    ///
    /// # Errors
    /// [`CommonFault::MissingAbility`].
    pub fn require(&self, ability: &'static str) -> Result<(), CommonFault> {
        if self.can(ability) { Ok(()) } else { Err(CommonFault::MissingAbility(ability)) }
    }
}
