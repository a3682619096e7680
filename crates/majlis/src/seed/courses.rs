//! Courses with sections and lessons, and those who take them. Buying a course has no operation yet, so people take
//! the free ones; nothing here touches money.

use anyhow::{Context, Result};
use base::Money;
use base::id::{BASE32_LOWER, random_text};
use domain::unit::Unit;
use serde_json::json;
use store::demo::{
    CourseRow, EnrollmentRow, LessonRow, SectionRow, insert_certificate, insert_course, insert_enrollment,
    insert_lesson, insert_lesson_progress, insert_note, insert_section, list_categories,
    update_course_counts, update_progress,
};

use super::Seeder;

struct Course {
    by: &'static str,
    categories: &'static [&'static str],
    title: &'static str,
    slug: &'static str,
    description: &'static str,
    language: &'static str,
    level: &'static str,
    /// Halalas: the price, and the price now.
    price: (i64, Option<i64>),
    status: &'static str,
    outcomes: &'static [&'static str],
    sections: &'static [(&'static str, &'static [&'static str])],
}

const COURSES: [Course; 8] = [
    Course {
        by: "salma.o",
        categories: &["data", "technology"],
        title: "أساسيات البيانات للجميع",
        slug: "data-basics-ar",
        description: "من الجدول الأول إلى الرسم البياني الأول: دورة قصيرة لمن لم يكتب سطر برمجة من قبل.",
        language: "ar",
        level: "beginner",
        price: (0, None),
        status: "published",
        outcomes: &["قراءة الجداول بثقة", "اختيار الرسم المناسب", "كشف الأرقام المضللة"],
        sections: &[
            ("البداية", &["ما البيانات؟", "أنواع المتغيرات", "أول جدول"]),
            ("الوصف", &["المتوسط والوسيط", "التشتت", "الرسوم البيانية"]),
        ],
    },
    Course {
        by: "yousef.q",
        categories: &["technology"],
        title: "Rust من الصفر إلى أول خدمة",
        slug: "rust-first-service-ar",
        description: "نبني خدمة محادثة صغيرة خطوة بخطوة، ونفهم الملكية والاستعارة على الطريق.",
        language: "ar",
        level: "intermediate",
        price: (29_900, Some(19_900)),
        status: "published",
        outcomes: &["فهم الملكية", "كتابة خدمة شبكية", "اختبارها تحت الضغط"],
        sections: &[
            ("اللغة", &["التثبيت", "الملكية والاستعارة", "معالجة الأخطاء"]),
            ("الخدمة", &["بروتوكول بسيط", "الطوابير المحدودة", "القياس"]),
        ],
    },
    Course {
        by: "emily.c",
        categories: &["design", "business"],
        title: "User Interviews That Work",
        slug: "user-interviews",
        description: "How to find people, what to ask, when to stay silent, and how to turn an hour of talk into one clear decision.",
        language: "en",
        level: "all",
        price: (0, None),
        status: "published",
        outcomes: &["Plan an interview", "Ask open questions", "Write findings people read"],
        sections: &[
            ("Before", &["Whom to invite", "Writing a guide"]),
            ("During", &["Opening well", "The power of silence", "Notes without losing eye contact"]),
            ("After", &["From quotes to findings"]),
        ],
    },
    Course {
        by: "noura.f",
        categories: &["arts"],
        title: "مدخل إلى خط الثلث",
        slug: "thuluth-intro",
        description: "القلم والحبر والورق، ثم الحروف المفردة، ثم أول سطر موزون.",
        language: "ar",
        level: "beginner",
        price: (14_900, None),
        status: "published",
        outcomes: &["إعداد الأدوات", "كتابة الحروف المفردة", "تركيب سطر"],
        sections: &[
            ("الأدوات", &["القصبة والحبر", "الجلسة الصحيحة"]),
            ("الحروف", &["الألف والباء", "الحاء وأخواتها"]),
        ],
    },
    Course {
        by: "daniel.o",
        categories: &["self-development", "languages"],
        title: "Speak So People Listen",
        slug: "speak-so-people-listen",
        description: "Short daily exercises for voice, structure and calm. Ends with a three-minute talk of your own.",
        language: "en",
        level: "beginner",
        price: (0, None),
        status: "published",
        outcomes: &["Structure a short talk", "Use pauses", "Handle questions"],
        sections: &[
            ("Voice", &["Breathing", "Pauses"]),
            ("Structure", &["One message", "Opening and ending", "Questions"]),
        ],
    },
    Course {
        by: "khalid.a",
        categories: &["business"],
        title: "من الفكرة إلى أول عميل",
        slug: "idea-to-first-customer",
        description: "أربعة أسابيع عملية: مقابلات، تجربة صغيرة، ثم أول عملية بيع.",
        language: "ar",
        level: "all",
        price: (39_900, None),
        status: "published",
        outcomes: &["اختبار الفكرة", "تسعير أول عرض", "أول بيع"],
        sections: &[("الفكرة", &["من يتألم؟", "مقابلة عشرة أشخاص"]), ("البيع", &["العرض الأول", "المتابعة"])],
    },
    Course {
        by: "hassan.i",
        categories: &["business", "self-development"],
        title: "Your First Budget",
        slug: "your-first-budget",
        description: "One evening to see where the money goes, one month to decide where it should go.",
        language: "en",
        level: "beginner",
        price: (9_900, Some(4_900)),
        status: "published",
        outcomes: &["Track spending", "Build a budget", "Plan for emergencies"],
        sections: &[
            ("See", &["Collecting receipts", "Categories that fit you"]),
            ("Decide", &["The 50/30/20 starting point", "An emergency fund"]),
        ],
    },
    Course {
        by: "maryam.z",
        categories: &["family"],
        title: "حوار هادئ مع ابنك المراهق",
        slug: "calm-talk-with-teens",
        description: "مسودة دورة جديدة: الاستماع قبل النصيحة، والحدود بلا صراخ.",
        language: "ar",
        level: "all",
        price: (19_900, None),
        status: "draft",
        outcomes: &["الاستماع الفعّال", "وضع الحدود"],
        sections: &[("الاستماع", &["لماذا يصمت؟"])],
    },
];

/// Who takes which free course, and of how many lessons each has been finished; all of them makes a certificate.
const STUDENTS: [(&str, &[(&str, usize)]); 3] = [
    (
        "data-basics-ar",
        &[
            ("layla.h", 6),
            ("faisal.d", 4),
            ("fatimah.a", 6),
            ("mona.e", 2),
            ("abdullah.r", 1),
            ("lina.s", 3),
            ("karim.b", 0),
            ("omar.k", 2),
        ],
    ),
    (
        "user-interviews",
        &[("sara.m", 6), ("aisha.b", 3), ("nadia.h", 1), ("yara.k", 2), ("idris.a", 6), ("layla.h", 1)],
    ),
    (
        "speak-so-people-listen",
        &[
            ("omar.k", 5),
            ("james.w", 2),
            ("grace.n", 1),
            ("hannah.s", 4),
            ("majed.g", 3),
            ("zainab.q", 0),
            ("asma.l", 5),
        ],
    ),
];

const NOTES: [(&str, &str, usize, &str, Option<u32>); 6] = [
    ("layla.h", "data-basics-ar", 3, "الوسيط لا يتأثر بالقيم المتطرفة، هذا ما كنت أبحث عنه.", Some(95)),
    ("faisal.d", "data-basics-ar", 1, "أسمي أو ترتيبي أو كمي: أراجع الأمثلة مرة أخرى.", Some(210)),
    ("sara.m", "user-interviews", 3, "Count to seven before the next question!", Some(140)),
    ("idris.a", "user-interviews", 1, "Guide: three topics, no more.", None),
    ("omar.k", "speak-so-people-listen", 1, "A pause feels long only to the speaker.", Some(60)),
    ("hannah.s", "speak-so-people-listen", 2, "One message per talk. One.", Some(33)),
];

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    seeder.part("courses", async |unit| write(seeder, unit).await).await
}

/// A lesson that was written.
struct Lesson {
    id: u64,
    seconds: u32,
}

async fn write(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let categories = list_categories(unit).await?;
    let category = |slug: &str| {
        categories.iter().find(|(name, _)| name == slug).map(|(_, id)| *id).context("no such category")
    };
    for (ordinal, course) in COURSES.iter().enumerate() {
        let at = seeder.ago(120 - i64::try_from(ordinal * 9)?, 2);
        let (primary, others) = course.categories.split_first().context("a course without category")?;
        let others = others.iter().map(|slug| category(slug)).collect::<Result<Vec<_>>>()?;
        let row = CourseRow {
            user_id: seeder.id(course.by)?,
            category_id: category(primary)?,
            additional_categories: &others,
            title: course.title,
            slug: course.slug,
            description: course.description,
            language: course.language,
            level: course.level,
            price: Money::from_minor(course.price.0),
            discount_price: course.price.1.map(Money::from_minor),
            status: course.status,
            requirements: if course.language == "ar" {
                &["رغبة في التعلّم"]
            } else {
                &["Curiosity"]
            },
            outcomes: course.outcomes,
            at,
        };
        let course_id = insert_course(unit, &row).await?;
        let lessons = write_lessons(unit, course, course_id, at).await?;
        if let Some((_, students)) = STUDENTS.iter().find(|(slug, _)| *slug == course.slug) {
            for (place, (username, finished)) in students.iter().enumerate() {
                let student = (seeder.id(username)?, course_id, *finished);
                write_student(seeder, unit, student, &lessons, i64::try_from(place)?).await?;
            }
        }
        for (username, _, lesson, content, second) in NOTES.iter().filter(|note| note.1 == course.slug) {
            let lesson = lessons.get(*lesson).context("no such lesson")?;
            insert_note(unit, (seeder.id(username)?, lesson.id), content, *second, seeder.ago(6, 3)).await?;
        }
        update_course_counts(unit, course_id).await?;
    }
    Ok(())
}

async fn write_lessons(
    unit: &mut Unit,
    course: &Course,
    course_id: u64,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<Vec<Lesson>> {
    let mut lessons = Vec::new();
    for (order, (title, titles)) in (0_u32..).zip(course.sections) {
        let row = SectionRow { course_id, title, description: course.description, order, at };
        let section_id = insert_section(unit, &row).await?;
        for (place, title) in (0_u32..).zip(*titles) {
            // The last lesson of a section is something to read.
            let article = usize::try_from(place)? + 1 == titles.len() && titles.len() > 2;
            let seconds = if article { 0 } else { 240 + (order * 3 + place) * 75 };
            let row = LessonRow {
                section_id,
                course_id,
                title,
                content_type: if article { "article" } else { "video" },
                content_url: format!("https://cdn.majlis.test/courses/{}/{order}-{place}", course.slug),
                duration_seconds: seconds,
                attachments: if place == 0 {
                    json!([{ "name": "slides.pdf", "url": format!("https://cdn.majlis.test/courses/{}/slides.pdf", course.slug) }])
                } else {
                    json!([])
                },
                order: place,
                is_preview: order == 0 && place == 0,
                at,
            };
            lessons.push(Lesson { id: insert_lesson(unit, &row).await?, seconds });
        }
    }
    Ok(lessons)
}

/// One student: so many lessons finished, the next one begun; a certificate when nothing is left (domain.md §5.4).
async fn write_student(
    seeder: &Seeder<'_>,
    unit: &mut Unit,
    (user_id, course_id, finished): (u64, u64, usize),
    lessons: &[Lesson],
    place: i64,
) -> Result<()> {
    let complete = finished >= lessons.len();
    let enrolled_at = seeder.ago(40 - place * 2, place);
    let last_seen = seeder.ago(3 + place, place * 2);
    let row = EnrollmentRow {
        user_id,
        course_id,
        status: if complete { "completed" } else { "active" },
        price_paid: Money::ZERO,
        transaction_id: None,
        enrolled_at,
        completed_at: complete.then_some(last_seen),
        last_accessed_at: last_seen,
    };
    let enrollment_id = insert_enrollment(unit, &row).await?;
    for (ordinal, lesson) in lessons.iter().enumerate().take(finished + 1) {
        let done = ordinal < finished;
        let watched = if done { lesson.seconds } else { lesson.seconds / 3 };
        insert_lesson_progress(unit, (enrollment_id, lesson.id), watched, done, last_seen).await?;
    }
    update_progress(unit, enrollment_id).await?;
    if complete {
        let number =
            format!("CERT-{}-{}", last_seen.format("%Y"), random_text(10, BASE32_LOWER).to_uppercase());
        let url = format!("{}/certificates/verify/{number}", seeder.app.settings.http.public_url);
        insert_certificate(unit, enrollment_id, &number, &url, last_seen).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::people::PEOPLE;
    use super::{COURSES, NOTES, STUDENTS};

    #[test]
    fn students_are_people_take_free_courses_and_never_their_own() {
        for (slug, students) in STUDENTS {
            let course = COURSES.iter().find(|course| course.slug == slug).unwrap();
            assert_eq!((course.price.0, course.status), (0, "published"));
            let lessons: usize = course.sections.iter().map(|(_, titles)| titles.len()).sum();
            for (username, finished) in students {
                assert!(PEOPLE.iter().any(|person| person.username == *username), "{username}");
                assert!(*username != course.by && *finished <= lessons, "{username}");
            }
        }
        for (username, slug, ..) in NOTES {
            let (_, students) = STUDENTS.iter().find(|(name, _)| *name == slug).unwrap();
            assert!(students.iter().any(|(name, _)| *name == username), "{username} takes {slug}");
        }
    }
}
