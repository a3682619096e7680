//! The pass into the video room (domain.md §5.6, D26): a JWT for exactly this room and user. Prosody's plugin wants
//! strings and fails on `null`, so what is absent is left out.

use std::fmt;

use base::id::UserId;
use base::{CommonFault, Time};
use config::{Jitsi, JitsiKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use protocol::rooms::JitsiPass;
use serde::Serialize;

use super::RoomError;
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

/// Signs passes.
pub(crate) struct PassKey {
    header: Header,
    signing: EncodingKey,
}

impl fmt::Debug for PassKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PassKey").field("algorithm", &self.header.alg).finish_non_exhaustive()
    }
}

impl PassKey {
    /// Reads the key.
    ///
    /// # Errors
    /// A sentence for the operator in the source: a file that cannot be read, or is no RSA key.
    pub(crate) fn load(jitsi: &Jitsi) -> Result<Self, CommonFault> {
        match &jitsi.key {
            JitsiKey::Secret(secret) => Ok(Self {
                header: Header::new(Algorithm::HS256),
                signing: EncodingKey::from_secret(secret.expose().as_bytes()),
            }),
            JitsiKey::File { private, key_id } => {
                let pem = std::fs::read(private).map_err(|error| {
                    CommonFault::internal(format!("{} cannot be read: {error}", private.display()))
                })?;
                let signing = EncodingKey::from_rsa_pem(&pem).map_err(|error| {
                    CommonFault::internal(format!("{} is no RSA key in PEM: {error}", private.display()))
                })?;
                let header = Header { kid: Some(key_id.clone()), ..Header::new(Algorithm::RS256) };
                Ok(Self { header, signing })
            }
        }
    }
}

/// Who a pass is for, and where it leads.
#[derive(Clone, Debug)]
pub(crate) struct NewPass<'a> {
    /// The video room; the name is written in lower case, as Prosody compares it.
    pub(crate) video_room: &'a str,
    /// Who.
    pub(crate) user_id: UserId,
    /// The user's name.
    pub(crate) name: &'a str,
    /// The picture's address.
    pub(crate) avatar: Option<String>,
    /// Of somebody who shows it to others.
    pub(crate) email: Option<String>,
    /// Host, speaker or moderator?
    pub(crate) moderator: bool,
    /// What the video room belongs to: `live-room:7`.
    pub(crate) group: String,
    /// When the pass ends at the latest; two hours from now, if that is sooner.
    pub(crate) ends_at: Time,
}

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
    group: &'a str,
}

#[derive(Debug, Serialize)]
struct User<'a> {
    id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
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

/// Signs a pass; `None` where there is no video server.
///
/// # Errors
/// [`CommonFault::Internal`] when it cannot be signed.
pub(crate) fn sign_pass(app: &App, pass: &NewPass<'_>, now: Time) -> Result<Option<JitsiPass>, CommonFault> {
    let (Some(jitsi), Some(key)) = (&app.settings.jitsi, &app.jitsi_key) else { return Ok(None) };
    let (room, domain) = (pass.video_room.to_ascii_lowercase(), jitsi.domain.to_ascii_lowercase());
    let (expires_at, moderator) = (pass.ends_at.min(now.plus_seconds(LONGEST)), pass.moderator);
    let claims = Claims {
        iss: &jitsi.app_id,
        aud: &jitsi.audience,
        sub: &domain,
        room: &room,
        iat: now.unix_seconds(),
        nbf: now.unix_seconds() - CLOCK_SKEW,
        exp: expires_at.unix_seconds(),
        context: Context {
            user: User {
                id: pass.user_id.to_string(),
                name: pass.name,
                avatar: pass.avatar.as_deref(),
                email: pass.email.as_deref(),
                affiliation: if moderator { "owner" } else { "member" },
                moderator: if moderator { "true" } else { "false" },
            },
            features: moderator.then_some(Features {
                livestreaming: "true",
                recording: "true",
                transcription: "true",
                outbound_call: "false",
            }),
            group: &pass.group,
        },
    };
    let jwt = encode(&key.header, &claims, &key.signing).map_err(CommonFault::internal)?;
    Ok(Some(JitsiPass { domain, room, jwt, expires_at, moderator }))
}

/// A pass into the running session of a room; `None` where there is none.
///
/// # Errors
/// Those of the store; [`CommonFault::Internal`] when it cannot be signed.
pub(super) async fn issue_pass(
    app: &App,
    member: &RoomMember,
    user_id: UserId,
    moderator: bool,
) -> Result<Option<JitsiPass>, RoomError> {
    let Some(video_room) = member.room.current_jitsi_room_id.as_deref() else { return Ok(None) };
    if app.settings.jitsi.is_none() {
        return Ok(None);
    }
    let email = {
        let mut conn = app.store.reader().await?;
        store::rooms::find_shown_email(&mut conn, user_id).await?
    };
    let now = Time::now_in_seconds();
    let pass = NewPass {
        video_room,
        user_id,
        name: &member.standing.name,
        avatar: picture_url(app, member.standing.avatar.clone()),
        email,
        moderator,
        group: format!("live-room:{}", member.room.id),
        ends_at: ends_at(member, now),
    };
    Ok(sign_pass(app, &pass, now)?)
}

/// A quarter of an hour after the session. One that runs on after that still lets people in, for a quarter of an hour at
/// a time: it is ended by its host or the clock, not by passes that were never good.
fn ends_at(member: &RoomMember, now: Time) -> Time {
    let Some(schedule) = Schedule::of(&member.room) else { return now.plus_seconds(LONGEST) };
    // Just over counts as well: its quarter of an hour may still run.
    let session = schedule.session_at(now).or_else(|| schedule.session_at(now.plus_seconds(-AFTER_SESSION)));
    let end = session.map(|session| session.end.plus_seconds(AFTER_SESSION)).filter(|&end| end > now);
    end.unwrap_or_else(|| now.plus_seconds(AFTER_SESSION))
}
