//! What speakers offer, sessions, ratings. Paying for a session has no operation yet: the sessions are of the free
//! first hours.

use anyhow::Result;
use base::Money;
use chrono::{DateTime, Duration, NaiveTime, Utc};
use domain::unit::Unit;
use store::demo::{
    AvailabilityRow, BookingRow, RatingRow, insert_availability, insert_booking, insert_rating,
};

use super::Seeder;

/// Speaker, day, from and until hour, minutes of a session, halalas.
const WINDOWS: [(&str, &str, u32, u32, u16, i64); 12] = [
    ("salma.o", "sun", 16, 18, 30, 0),
    ("salma.o", "tue", 16, 20, 60, 20_000),
    ("yousef.q", "mon", 19, 22, 60, 0),
    ("yousef.q", "wed", 19, 22, 60, 25_000),
    ("emily.c", "thu", 10, 14, 45, 0),
    ("khalid.a", "sat", 9, 12, 60, 30_000),
    ("khalid.a", "sun", 9, 10, 30, 0),
    ("maryam.z", "mon", 17, 20, 45, 18_000),
    ("maryam.z", "wed", 17, 18, 30, 0),
    ("daniel.o", "fri", 15, 18, 30, 0),
    ("noura.f", "tue", 18, 20, 60, 12_000),
    ("hassan.i", "thu", 18, 20, 30, 9_000),
];

/// 1 to 5, and in words.
type Rating = Option<(u8, &'static str)>;

struct Session {
    student: &'static str,
    /// A free window of [`WINDOWS`].
    window: usize,
    /// How many weeks from now the session is; before now when negative.
    weeks: i64,
    status: &'static str,
    notes: Option<&'static str>,
    /// The student's rating of the speaker, and the speaker's of the student.
    ratings: (Rating, Rating),
}

const SESSIONS: [Session; 8] = [
    Session {
        student: "faisal.d",
        window: 0,
        weeks: -3,
        status: "completed",
        notes: Some("راجعنا مشروع تحليل المبيعات. الخطوة التالية: تنظيف التواريخ."),
        ratings: (Some((5, "شرح واضح وصبر جميل، خرجت بخطة محددة.")), Some((5, "جاء مستعدًا بأسئلة دقيقة."))),
    },
    Session {
        student: "layla.h",
        window: 0,
        weeks: -2,
        status: "completed",
        notes: Some("مسار التخصص في علم البيانات."),
        ratings: (Some((4, "مفيدة جدًا، وكنت أتمنى وقتًا أطول.")), None),
    },
    Session {
        student: "omar.k",
        window: 2,
        weeks: -1,
        status: "completed",
        notes: Some("راجعنا شيفرة الطوابير المحدودة معًا."),
        ratings: (Some((5, "The best code review I have had.")), Some((4, "أسئلة ممتازة."))),
    },
    Session {
        student: "sara.m",
        window: 4,
        weeks: -1,
        status: "no_show",
        notes: None,
        ratings: (None, None),
    },
    Session {
        student: "idris.a",
        window: 6,
        weeks: -2,
        status: "cancelled",
        notes: None,
        ratings: (None, None),
    },
    Session {
        student: "amal.j",
        window: 8,
        weeks: 1,
        status: "scheduled",
        notes: None,
        ratings: (None, None),
    },
    Session {
        student: "james.w",
        window: 9,
        weeks: 1,
        status: "scheduled",
        notes: None,
        ratings: (None, None),
    },
    Session {
        student: "omar.k",
        window: 2,
        weeks: 2,
        status: "scheduled",
        notes: None,
        ratings: (None, None),
    },
];

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    seeder.part("consultations", async |unit| write(seeder, unit).await).await
}

async fn write(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    for (ordinal, (username, day, from, until, minutes, halalas)) in WINDOWS.into_iter().enumerate() {
        let clock = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        let speaker_id = seeder.id(username)?;
        let window = AvailabilityRow {
            user_id: speaker_id,
            day_of_week: day,
            start_time: clock(from),
            end_time: clock(until),
            session_duration: minutes,
            price_per_session: Money::from_minor(halalas),
        };
        let availability_id = insert_availability(unit, &window).await?;
        for session in SESSIONS.iter().filter(|session| session.window == ordinal) {
            let student_id = seeder.id(session.student)?;
            let scheduled_at = next(seeder.now, day, from) + Duration::weeks(session.weeks);
            let row = BookingRow {
                student_id,
                speaker_id,
                availability_id,
                scheduled_at,
                duration_minutes: minutes,
                price_paid: Money::ZERO,
                transaction_id: None,
                status: session.status,
                jitsi_room_id: (session.status != "cancelled").then(|| {
                    format!("c{availability_id}-{}", base::id::random_text(24, base::id::BASE32_LOWER))
                }),
                session_notes: session.notes,
                cancelled: (session.status == "cancelled")
                    .then_some((student_id, "Travelling that week, sorry.")),
                at: (scheduled_at - Duration::days(6)).min(seeder.now),
            };
            let booking_id = insert_booking(unit, &row).await?;
            let rated =
                [(session.ratings.0, student_id, speaker_id), (session.ratings.1, speaker_id, student_id)];
            for (rating, rater_id, rated_id) in rated {
                let Some((rating, review)) = rating else { continue };
                let at = scheduled_at + Duration::hours(3);
                insert_rating(unit, &RatingRow { booking_id, rater_id, rated_id, rating, review, at })
                    .await?;
            }
        }
    }
    Ok(())
}

/// The next such weekday at that hour in Riyadh, whose clocks never change, after `now`.
fn next(now: DateTime<Utc>, day: &str, hour: u32) -> DateTime<Utc> {
    let local = now + Duration::hours(3);
    let mut date = local.date_naive().succ_opt().unwrap_or_default();
    for _ in 0..7 {
        if date.format("%a").to_string().eq_ignore_ascii_case(day) {
            break;
        }
        date = date.succ_opt().unwrap_or_default();
    }
    date.and_hms_opt(hour, 0, 0).unwrap_or_default().and_utc() - Duration::hours(3)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{DateTime, Datelike, Timelike, Utc, Weekday};

    use super::{SESSIONS, WINDOWS, next};

    #[test]
    fn the_next_window_is_on_its_day_and_ahead() {
        let now: DateTime<Utc> = "2026-11-22T22:30:00Z".parse().unwrap();
        let at = next(now, "mon", 19);
        // 22:30 UTC on Sunday is Monday in Riyadh already: the next Monday is a week ahead.
        assert_eq!(at.to_rfc3339(), "2026-11-30T16:00:00+00:00");
        assert_eq!((at.weekday(), at.hour()), (Weekday::Mon, 16));
    }

    #[test]
    fn sessions_are_in_free_windows_and_never_two_at_a_time() {
        let mut taken = BTreeSet::new();
        for session in &SESSIONS {
            let window = WINDOWS[session.window];
            assert_eq!(window.5, 0);
            assert_ne!(window.0, session.student);
            assert!(taken.insert((session.window, session.weeks)));
            assert_eq!(session.weeks > 0, session.status == "scheduled");
        }
    }
}
