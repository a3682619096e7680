//! How far a student is, and the end of a course: once, with one certificate (domain.md §5.4 rules 4 to 6, D24).

use base::{CommonFault, Time};
use chrono::Datelike;
use protocol::Event;
use protocol::channel::Channel;
use protocol::learning::EnrollmentStatus;
use protocol::notifications::NotificationKind;
use rand::RngExt;
use rust_decimal::Decimal;
use store::learning::{EnrollmentRow, NewCertificate};

use super::LearningError;
use super::view::{certificate_view, enrollment_status};
use crate::App;
use crate::machine::step;
use crate::morph::Morph;
use crate::notifications::{Notice, notify};
use crate::unit::Unit;

/// Crockford's base 32.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M',
    'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];
/// Letters of a number.
const LETTERS: usize = 10;

/// Percent done, rounded down to two decimals: 100.00 exactly when all is done (domain.md §5.4 rule 5).
pub(super) fn percentage_of(done: u32, total: u32) -> Decimal {
    if total == 0 {
        return Decimal::ZERO;
    }
    let hundredths = u64::from(done.min(total)) * 10_000 / u64::from(total);
    Decimal::new(i64::try_from(hundredths).unwrap_or(10_000), 2)
}

/// Counts the lessons that a student has done, of those that there are, and completes the enrollment when these are all.
/// Enrollment and course are locked. What was completed stays as it was.
///
/// # Errors
/// Those of the store.
pub(super) async fn recount(
    app: &App,
    unit: &mut Unit,
    row: &mut EnrollmentRow,
    at: Time,
) -> Result<(), LearningError> {
    if enrollment_status(&row.status)? == EnrollmentStatus::Completed {
        return Ok(());
    }
    row.completed_lessons = store::learning::count_completed(unit, row.id).await?;
    row.progress_percentage = percentage_of(row.completed_lessons, row.total_lessons);
    let (done, percentage) = (row.completed_lessons, row.progress_percentage);
    store::learning::update_enrollment_progress(unit, row.id, done, percentage, at.as_chrono()).await?;
    complete(app, unit, row, at).await
}

/// Completes an active enrollment in which all lessons are done: the state, the certificate, and who is told.
pub(super) async fn complete(
    app: &App,
    unit: &mut Unit,
    row: &mut EnrollmentRow,
    at: Time,
) -> Result<(), LearningError> {
    let status = enrollment_status(&row.status)?;
    let all = row.total_lessons > 0 && row.completed_lessons >= row.total_lessons;
    if status != EnrollmentStatus::Active || !all {
        return Ok(());
    }
    step(status, EnrollmentStatus::Completed)?;
    let ends = (status.as_str(), EnrollmentStatus::Completed.as_str());
    store::learning::update_enrollment_status(unit, row.id, ends, at.as_chrono()).await?;
    EnrollmentStatus::Completed.as_str().clone_into(&mut row.status);
    row.completed_at = Some(at.as_chrono());
    let number = number(at);
    let address = format!("{}/certificates/verify/{number}", app.settings.http.public_url);
    let new = NewCertificate {
        enrollment_id: row.id,
        user_id: row.user_id,
        course_id: row.course_id,
        number: &number,
        verification_url: &address,
        at: at.as_chrono(),
    };
    store::learning::insert_certificate(unit, new).await?;
    let certificate = store::learning::find_certificate(unit, row.id).await?;
    let certificate = certificate.ok_or_else(|| CommonFault::internal("a certificate is not there"))?;
    let certificate_id = certificate.id;
    let channel = Channel::User(row.user_id);
    let completed =
        Event::CourseCompleted { enrollment_id: row.id, course_id: row.course_id, completed_at: at };
    unit.emit(channel, completed);
    let certificate = Box::new(certificate_view(app, certificate));
    unit.emit(channel, Event::CertificateIssued { certificate });
    let notice = Notice::new(NotificationKind::CertificateIssued, row.user_id)
        .about(Morph::Certificate, certificate_id, format!("/enrollments/{}/certificate", row.id))
        .with("title", row.course_title.as_str())
        .with("number", number);
    Ok(notify(app, unit, notice).await?)
}

/// `CERT-{yyyy}-` and ten random letters: nobody guesses another's.
fn number(at: Time) -> String {
    let mut random = rand::rng();
    let letters: String = (0..LETTERS)
        .map(|_| ALPHABET.get(random.random_range(0..ALPHABET.len())).copied().unwrap_or('0'))
        .collect();
    format!("CERT-{}-{letters}", at.as_chrono().year())
}

#[cfg(test)]
mod tests {
    use base::Time;

    use super::{number, percentage_of};

    #[test]
    fn percentages_are_rounded_down_and_a_hundred_means_all() {
        for (done, total, text) in [
            (0, 0, "0.00"),
            (0, 3, "0.00"),
            (1, 3, "33.33"),
            (2, 3, "66.66"),
            (3, 3, "100.00"),
            (9_999, 10_000, "99.99"),
        ] {
            assert_eq!(format!("{:.2}", percentage_of(done, total)), text);
        }
        for total in 1..400 {
            for done in 0..total {
                assert!(percentage_of(done, total) < percentage_of(total, total));
            }
        }
        assert!(percentage_of(999_999, 1_000_000) < rust_decimal::Decimal::from(100));
    }

    #[test]
    fn numbers_have_their_form_and_differ() {
        let at = Time::now_in_seconds();
        let numbers: std::collections::BTreeSet<String> = (0..1_000).map(|_| number(at)).collect();
        assert_eq!(numbers.len(), 1_000);
        for number in numbers {
            let letters = number.rsplit('-').next().unwrap();
            assert_eq!((number.len(), letters.len()), (20, 10), "{number}");
            assert!(!letters.contains(['I', 'L', 'O', 'U']), "{number}");
        }
    }
}
