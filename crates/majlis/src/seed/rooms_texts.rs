//! The live rooms of the demo world, and what is said in them.

use protocol::rooms::DurationType;

/// A room to be announced.
pub(super) struct Room {
    pub(super) by: &'static str,
    pub(super) category: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// Halalas; 0 is free.
    pub(super) price: i64,
    pub(super) max_participants: Option<u32>,
    pub(super) slow_mode_seconds: u32,
    /// Live at once, the whole day, for three months?
    pub(super) live: bool,
    /// For those that are not live: days from now, how long, hours of the day.
    pub(super) later: (i64, DurationType, &'static str, &'static str),
}

const NOW: (i64, DurationType, &str, &str) = (0, DurationType::ThreeMonths, "00:00:00", "23:59:59");

/// The first one is free and without any limit.
pub(super) const ROOMS: [Room; 5] = [
    Room {
        by: "yousef.q",
        category: "technology",
        title: "مجلس القهوة · The Coffee Majlis",
        description: "مجلس مفتوح طوال اليوم: اسأل، أجب، أو استمع فقط. An open room all day long: ask, answer, or just listen.",
        price: 0,
        max_participants: None,
        slow_mode_seconds: 0,
        live: true,
        later: NOW,
    },
    Room {
        by: "daniel.o",
        category: "self-development",
        title: "Ask a Speaker Anything · اسأل المتحدث",
        description: "One question each, please: the room is in slow mode. سؤال واحد لكل شخص.",
        price: 0,
        max_participants: None,
        slow_mode_seconds: 10,
        live: true,
        later: NOW,
    },
    Room {
        by: "noura.f",
        category: "arts",
        title: "ورشة الخط: سطرك الأول",
        description: "أحضر قصبة وورقًا، ونكتب معًا سطرًا واحدًا موزونًا في أسبوع.",
        price: 4_500,
        max_participants: Some(30),
        slow_mode_seconds: 0,
        live: false,
        later: (3, DurationType::Week, "20:00:00", "21:30:00"),
    },
    Room {
        by: "hassan.i",
        category: "business",
        title: "Money Clinic: three months of calm",
        description: "Every evening one real (anonymous) budget, solved together.",
        price: 12_000,
        max_participants: None,
        slow_mode_seconds: 0,
        live: false,
        later: (5, DurationType::ThreeMonths, "19:00:00", "20:00:00"),
    },
    Room {
        by: "maryam.z",
        category: "family",
        title: "لقاء الآباء والأمهات",
        description: "حلقة صغيرة للحديث عن أسبوع صعب. المقاعد قليلة عمدًا.",
        price: 0,
        max_participants: Some(12),
        slow_mode_seconds: 0,
        live: false,
        later: (2, DurationType::Day, "21:00:00", "22:00:00"),
    },
];

/// Who has a seat: room and people.
pub(super) const SEATS: [(usize, &[&str]); 3] = [
    (2, &["layla.h", "sophie.l", "turki.s", "james.w", "dana.w"]),
    (3, &["zainab.q", "omar.k", "mona.e"]),
    (4, &["amal.j", "fatimah.a", "majed.g", "grace.n", "hind.b", "rashed.m"]),
];

/// Who is in the open room.
pub(super) const GUESTS: [&str; 6] = ["layla.h", "omar.k", "bilal.r", "ziad.n", "asma.l", "james.w"];

/// Room, author, words, and the place in this list of the message that it answers.
pub(super) const SAID: [(usize, &str, &str, Option<usize>); 30] = [
    (
        0,
        "yousef.q",
        "أهلًا وسهلًا بالجميع! هذا المجلس مفتوح طوال اليوم، والقاعدة الوحيدة: لا سؤال سخيف. Welcome, everyone.",
        None,
    ),
    (0, "omar.k", "Good evening from Jeddah! First time here.", None),
    (0, "layla.h", "مساء الخير 🌙", None),
    (0, "yousef.q", "أهلًا بك يا عمر، خذ راحتك.", Some(1)),
    (0, "bilal.r", "Is the session about back-pressure today?", None),
    (
        0,
        "yousef.q",
        "Yes, at nine. We begin with one question: what should a server do when a client stops reading?",
        Some(4),
    ),
    (0, "ziad.n", "يغلق الاتصال؟", Some(5)),
    (0, "omar.k", "Buffer a bit, then let go. Never unbounded!", Some(5)),
    (0, "yousef.q", "بالضبط: طابور محدود، ثم إغلاق واضح السبب، والعميل يعود ويستعيد ما فاته.", Some(7)),
    (0, "asma.l", "سؤال من غير المختصين: لماذا لا نحفظ كل شيء في الذاكرة؟", None),
    (0, "liam.p", "Because ten thousand slow phones make one dead server 😄", Some(9)),
    (0, "asma.l", "فهمت! شبّهتها بمطعم لا يرفع الصحون.", Some(10)),
    (0, "layla.h", "تشبيه جميل ❤️", Some(11)),
    (0, "james.w", "Writing that down: “a restaurant that never clears the plates”.", None),
    (0, "samir.j", "Can we see the benchmark code afterwards?", None),
    (0, "yousef.q", "نعم، سأضع الرابط هنا بعد اللقاء.", Some(14)),
    (0, "hannah.s", "The bilingual chat is my favourite part.", None),
    (0, "karim.b", "تحية من تونس!", None),
    (0, "mona.e", "وتحية من القاهرة 👋", None),
    (0, "rania.t", "Friendly reminder: questions in both languages are welcome.", None),
    (1, "daniel.o", "Welcome! One question each, I answer in order. أهلًا بكم.", None),
    (1, "aisha.b", "How do I stop saying “um”?", None),
    (
        1,
        "daniel.o",
        "You replace it with silence. Record two minutes a day and count; it halves in a week.",
        Some(21),
    ),
    (1, "majed.g", "كيف أبدأ عرضًا أمام الإدارة العليا؟", None),
    (1, "daniel.o", "Start with the decision you need from them. Then the reason. Then stop.", Some(23)),
    (1, "grace.n", "My voice shakes. Any trick?", None),
    (
        1,
        "daniel.o",
        "Breathe out longer than in, three times. And tell the first sentence to one kind face.",
        Some(25),
    ),
    (1, "fatimah.a", "هل أحفظ الكلمة أم أقرأ من ورقة؟", None),
    (
        1,
        "daniel.o",
        "Learn the first and the last sentence by heart, keep three words for the rest.",
        Some(27),
    ),
    (1, "idris.a", "Best answer so far. Thank you!", Some(28)),
];

/// Places in [`SAID`] of what is pinned, by the host.
pub(super) const PINNED: [usize; 2] = [0, 20];

/// A programme that is over: its author, title and description.
pub(super) const ARCHIVE: (&str, &str, &str) =
    ("emily.c", "Interview Lab: live practice", "Three volunteers, three interviews, honest feedback.");

/// Who came to it and who did not.
pub(super) const ARCHIVE_SEATS: [(&str, &str); 6] = [
    ("sara.m", "attended"),
    ("aisha.b", "attended"),
    ("nadia.h", "attended"),
    ("hannah.s", "attended"),
    ("yara.k", "missed"),
    ("peter.v", "missed"),
];

/// What was said in it: author, kind, words, and the place of the message that it answers.
pub(super) const ARCHIVE_SAID: [(&str, &str, &str, Option<usize>); 6] = [
    ("emily.c", "system", "The session has begun.", None),
    ("emily.c", "announcement", "Please keep your notes until the end, we compare them.", None),
    ("sara.m", "text", "أتطوع أولًا إن لم يسبقني أحد.", None),
    ("emily.c", "text", "Wonderful, you are on!", Some(2)),
    ("aisha.b", "emoji", "👏", Some(2)),
    ("nadia.h", "text", "The silence after the third question said more than the answer.", None),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::people::{BLOCK, PEOPLE};
    use super::{GUESTS, PINNED, ROOMS, SAID, SEATS};

    #[test]
    fn answers_stay_in_their_room_and_come_after_what_they_answer() {
        for (place, (room, by, text, parent)) in SAID.into_iter().enumerate() {
            assert!(PEOPLE.iter().any(|person| person.username == by), "{by}");
            assert!(text.chars().count() <= 500 && text.trim() == text);
            if let Some(parent) = parent {
                assert!(parent < place && SAID[parent].0 == room, "{text}");
            }
        }
        let distinct: BTreeSet<_> = SAID.iter().map(|(room, by, text, _)| (room, by, text)).collect();
        assert_eq!(distinct.len(), SAID.len(), "what was said is recognised by its words");
        for place in PINNED {
            assert_eq!(SAID[place].1, ROOMS[SAID[place].0].by, "hosts pin");
        }
        // Slow mode: nobody but the host speaks twice.
        let mut heard = BTreeSet::new();
        for (room, by, ..) in SAID {
            assert!(ROOMS[room].slow_mode_seconds == 0 || by == ROOMS[room].by || heard.insert(by), "{by}");
        }
    }

    #[test]
    fn two_rooms_are_live_and_the_first_is_open_to_all() {
        assert_eq!(ROOMS.iter().filter(|room| room.live).count(), 2);
        let first = &ROOMS[0];
        assert!(
            first.live
                && first.price == 0
                && first.max_participants.is_none()
                && first.slow_mode_seconds == 0
        );
        let titles: BTreeSet<_> = ROOMS.iter().map(|room| room.title).collect();
        assert_eq!(titles.len(), ROOMS.len());
        for (room, people) in SEATS {
            assert!(people.iter().all(|name| *name != ROOMS[room].by && *name != BLOCK.1));
        }
        assert!(GUESTS.iter().all(|name| PEOPLE.iter().any(|person| person.username == *name)));
    }
}
