//! Speakers as those see them who look for one.

use base::Money;
use base::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Slot;
use crate::users::UserCard;

/// A speaker in the list of speakers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Speaker {
    /// Who.
    #[serde(flatten)]
    pub card: UserCard,
    /// One line about the speaker.
    pub headline: Option<String>,
    /// What they know about, in their order.
    pub expertises: Vec<String>,
    /// The average of what students gave, with two decimals; nothing where nobody has rated yet.
    #[schema(pattern = r"^[1-5]\.[0-9]{2}$")]
    pub average_rating: Option<String>,
    /// How many have rated.
    pub ratings_count: u32,
    /// The cheapest session on offer; nothing where none is.
    pub price_from: Option<Money>,
    /// ISO 4217.
    pub currency: String,
    /// The speaker's time zone, an IANA name.
    pub timezone: String,
    /// The next free slot.
    pub next_slot: Option<Slot>,
}

/// A speaker's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpeakerProfile {
    /// As in the list.
    #[serde(flatten)]
    pub speaker: Speaker,
    /// About the speaker.
    pub bio: Option<String>,
    /// Where the speaker lives.
    pub location: Option<String>,
    /// The next free slots, at most five.
    #[schema(max_items = 5)]
    pub next_slots: Vec<Slot>,
}

/// Filters of `GET /speakers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpeakerFilter {
    /// Beginning of name or username.
    pub q: Option<String>,
    /// Who knows about exactly this.
    pub expertise: Option<String>,
    /// Only (un)verified ones.
    pub is_verified: Option<bool>,
}

/// The `data` of the reply to subscribing `speaker:{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpeakerWatched {
    /// Who is watched.
    pub speaker_id: UserId,
}
