//! The clock that sends what waits.

use base::{CommonFault, Lang, Time};
use mail::{Envelope, Letter, MailError};
use store::mails::MailRow;

use super::Post;
use super::links::{reset_link, verification_link};
use crate::App;
use crate::fault::of_store;

/// Letters of one call at most.
const BATCH: u32 = 50;
/// From one attempt to the next: doubled each time, from 30 seconds to an hour.
const FIRST_PAUSE: i64 = 30;
const LONGEST_PAUSE: i64 = 3_600;
/// After so many attempts, some days, it is given up.
const MOST_ATTEMPTS: u32 = 60;
/// Of what a mail server says.
const MOST_OF_ERROR: usize = 255;

/// Sends the letters whose time has come, 50 at most; gives how many left. Each is taken before it is sent, so that two nodes
/// do not send the same at once; a node that dies between sending and noting it makes the letter go twice, with the same id.
///
/// # Errors
/// Those of the store. What a mail server refuses is noted with the letter, and tried again later.
pub async fn send_mails(app: &App) -> Result<u64, CommonFault> {
    let now = Time::now();
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let due = store::mails::list_due_mails(&mut conn, now.as_chrono(), BATCH).await.map_err(of_store)?;
    drop(conn);
    let mut sent = 0;
    for mail in due {
        if take(app, &mail).await? && send(app, &mail).await? {
            sent += 1;
        }
    }
    Ok(sent)
}

async fn take(app: &App, mail: &MailRow) -> Result<bool, CommonFault> {
    let again_at = Time::now().plus_seconds(pause(mail.attempts)).as_chrono();
    let mut conn = app.store.reader().await.map_err(of_store)?;
    store::mails::update_taken(&mut conn, mail.id, mail.attempts, again_at).await.map_err(of_store)
}

fn pause(attempts: u32) -> i64 {
    let doubled = 1_i64.checked_shl(attempts.min(30)).unwrap_or(i64::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

/// Did it leave?
async fn send(app: &App, mail: &MailRow) -> Result<bool, CommonFault> {
    let outcome = write_and_send(app, mail).await;
    let mut conn = app.store.reader().await.map_err(of_store)?;
    let (left, noted) = match outcome {
        Ok(()) => (true, store::mails::update_settled(&mut conn, mail.id, "sent", None).await),
        Err(failure) => {
            let said: String = failure.to_string().chars().take(MOST_OF_ERROR).collect();
            let given_up = failure.is_final() || mail.attempts.saturating_add(1) >= MOST_ATTEMPTS;
            tracing::warn!(
                mail = mail.mail_id,
                attempts = mail.attempts,
                given_up,
                error = said,
                "a mail did not leave"
            );
            let noted = if given_up {
                store::mails::update_settled(&mut conn, mail.id, "failed", Some(&said)).await
            } else {
                store::mails::update_error(&mut conn, mail.id, &said).await
            };
            (false, noted)
        }
    };
    noted.map_err(of_store)?;
    Ok(left)
}

/// Why a letter did not leave.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Of an older or newer release.
    #[error("the letter is none of ours: {0}")]
    Unknown(#[from] serde_json::Error),
    #[error("its link could not be made")]
    Link(#[from] CommonFault),
}

impl Failure {
    fn is_final(&self) -> bool {
        matches!(self, Self::Mail(error) if error.is_final())
    }
}

async fn write_and_send(app: &App, mail: &MailRow) -> Result<(), Failure> {
    let post: Post = serde_json::from_value(mail.letter.0.clone())?;
    let link = match &post {
        Post::VerifyEmail => {
            let now = Time::now().unix_seconds();
            verification_link(app, mail.user_id.unwrap_or_default(), &mail.address, now)?
        }
        Post::ResetPassword { seed } => reset_link(app, seed, &mail.address)?,
        Post::AlreadyRegistered => app.settings.auth.frontend_url.clone(),
        Post::PasswordChanged | Post::EmailChanged | Post::AccountDeleted => String::new(),
    };
    let letter = match &post {
        Post::VerifyEmail => Letter::VerifyEmail { link: &link },
        Post::ResetPassword { .. } => Letter::ResetPassword { link: &link },
        Post::AlreadyRegistered => Letter::AlreadyRegistered { link: &link },
        Post::PasswordChanged => Letter::PasswordChanged,
        Post::EmailChanged => Letter::EmailChanged,
        Post::AccountDeleted => Letter::AccountDeleted,
    };
    let envelope = Envelope {
        id: &mail.mail_id,
        name: &mail.name,
        address: &mail.address,
        lang: Lang::from_code(&mail.language).unwrap_or_default(),
    };
    Ok(app.mailer.send(&envelope, &letter).await?)
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn pauses_grow_up_to_an_hour() {
        let pauses: Vec<i64> = (0..9).map(pause).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(pause(u32::MAX), 3_600);
    }
}
