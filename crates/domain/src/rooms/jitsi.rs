//! The pass into the video room (domain.md §5.6, D26): a JWT for exactly this room and user. Prosody's plugin wants
//! strings and fails on `null`, so what is absent is left out.

use base::{CommonFault, Time};
use config::Jitsi;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use protocol::rooms::JitsiPass;
use serde::Serialize;

use super::admission::RoomMember;
use super::schedule::Schedule;
use crate::App;
use crate::uploads::picture_url;

/// A pass is good for two hours at most, …
const LONGEST: i64 = 2 * 60 * 60;
/// … and not longer than so many seconds after its session.
const AFTER_SESSION: i64 = 15 * 60;
/// The video server's clock may be so many seconds behind.
const CLOCK_SKEW: i64 = 10;

#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    room: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    context: Context<'a>,
}

#[derive(Debug, Serialize)]
struct Context<'a> {
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<Features>,
    group: String,
}

#[derive(Debug, Serialize)]
struct User<'a> {
    id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<&'a str>,
    affiliation: &'static str,
    moderator: &'static str,
}

/// For moderators only.
#[derive(Debug, Serialize)]
struct Features {
    livestreaming: &'static str,
    recording: &'static str,
    transcription: &'static str,
    #[serde(rename = "outbound-call")]
    outbound_call: &'static str,
}

/// Who is to come in, and where.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    /// The room; exactly this one, in lower case.
    pub room: &'a str,
    /// Who.
    pub user_id: u64,
    /// Their name.
    pub name: &'a str,
    /// Their picture: an address.
    pub avatar: Option<&'a str>,
    /// Does the room listen to them?
    pub moderator: bool,
    /// What the room belongs to, for the video server's log.
    pub group: String,
    /// The pass is good until then, and never longer than [`LONGEST`].
    pub until: Time,
}

/// Signs a pass.
///
/// # Errors
/// [`CommonFault::Internal`] when it cannot be signed.
pub(crate) fn sign_pass(jitsi: &Jitsi, guest: &Guest<'_>, now: Time) -> Result<JitsiPass, CommonFault> {
    let room = guest.room.to_ascii_lowercase();
    let expires_at = guest.until.min(now.plus_seconds(LONGEST));
    let moderator = guest.moderator;
    let claims = Claims {
        iss: &jitsi.app_id,
        aud: &jitsi.audience,
        sub: &jitsi.domain,
        room: &room,
        iat: now.unix_seconds(),
        nbf: now.unix_seconds() - CLOCK_SKEW,
        exp: expires_at.unix_seconds(),
        context: Context {
            user: User {
                id: guest.user_id.to_string(),
                name: guest.name,
                avatar: guest.avatar,
                affiliation: if moderator { "owner" } else { "member" },
                moderator: if moderator { "true" } else { "false" },
            },
            features: moderator.then_some(Features {
                livestreaming: "true",
                recording: "true",
                transcription: "true",
                outbound_call: "false",
            }),
            group: guest.group.clone(),
        },
    };
    let key = EncodingKey::from_secret(jitsi.app_secret.expose().as_bytes());
    let jwt = encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(CommonFault::internal)?;
    Ok(JitsiPass { domain: jitsi.domain.clone(), room, jwt, expires_at, moderator })
}

/// Signs a pass into the running session of a room; `None` where the room has no video room.
///
/// # Errors
/// As [`sign_pass`].
pub(super) fn issue_pass(
    app: &App,
    jitsi: &Jitsi,
    member: &RoomMember,
    user_id: u64,
    moderator: bool,
    now: Time,
) -> Result<Option<JitsiPass>, CommonFault> {
    let Some(room) = member.room.current_jitsi_room_id.as_deref() else { return Ok(None) };
    let avatar = picture_url(app, member.standing.avatar.clone());
    let guest = Guest {
        room,
        user_id,
        name: &member.standing.name,
        avatar: avatar.as_deref(),
        moderator,
        group: format!("live-room:{}", member.room.id),
        until: expiry(member, now),
    };
    sign_pass(jitsi, &guest, now).map(Some)
}

/// `min(now + 2 h, session end + 15 min)`. A session that runs on after that still lets people in, for a quarter of
/// an hour at a time: it is ended by its host or the clock, not by passes that were never good.
fn expiry(member: &RoomMember, now: Time) -> Time {
    let longest = now.plus_seconds(LONGEST);
    let Some(schedule) = Schedule::of(&member.room) else { return longest };
    // Just over counts as well: its quarter of an hour may still run.
    let session = schedule.session_at(now).or_else(|| schedule.session_at(now.plus_seconds(-AFTER_SESSION)));
    let end = session.map(|session| session.end.plus_seconds(AFTER_SESSION)).filter(|&end| end > now);
    end.unwrap_or_else(|| now.plus_seconds(AFTER_SESSION)).min(longest)
}
