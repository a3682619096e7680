//! Who lives in the demo world.

use base::Lang;

/// A demo account; the e-mail address is the username at [`super::MAIL_DOMAIN`].
pub(crate) struct Person {
    pub(crate) username: &'static str,
    pub(crate) name: &'static str,
    pub(crate) language: Lang,
    /// A role of domain.md §3, or `learner` for none.
    pub(crate) role: &'static str,
    pub(crate) headline: &'static str,
    pub(crate) location: &'static str,
    pub(crate) timezone: &'static str,
}

const RIYADH: &str = "Asia/Riyadh";

const fn ar(
    username: &'static str,
    name: &'static str,
    role: &'static str,
    headline: &'static str,
    location: &'static str,
) -> Person {
    Person { username, name, language: Lang::Ar, role, headline, location, timezone: RIYADH }
}

const fn en(
    username: &'static str,
    name: &'static str,
    role: &'static str,
    headline: &'static str,
    (location, timezone): (&'static str, &'static str),
) -> Person {
    Person { username, name, language: Lang::En, role, headline, location, timezone }
}

const LONDON: (&str, &str) = ("London", "Europe/London");
const DUBAI: (&str, &str) = ("Dubai", "Asia/Dubai");
const CAIRO: (&str, &str) = ("Cairo", "Africa/Cairo");
const JEDDAH: (&str, &str) = ("Jeddah", RIYADH);
const TORONTO: (&str, &str) = ("Toronto", "America/Toronto");
const LAGOS: (&str, &str) = ("Lagos", "Africa/Lagos");
const AMMAN: (&str, &str) = ("Amman", "Asia/Amman");

const L: &str = "learner";
const S: &str = "speaker";

/// Everybody, in the order of `up.json`: the first two may write to each other.
pub(crate) const PEOPLE: [Person; 52] = [
    ar("layla.h", "ليلى الحربي", L, "طالبة علوم حاسب وقارئة نهمة", "الرياض"),
    en("omar.k", "Omar Khaled", L, "Backend developer learning in public", JEDDAH),
    en("emily.c", "Emily Carter", S, "UX researcher, 12 years of talking to users", LONDON),
    ar("salma.o", "د. سلمى العتيبي", S, "أستاذة علم البيانات", "الرياض"),
    ar("huda.s", "هدى السالم", "admin", "مديرة المنصة", "الرياض"),
    ar("sultan.o", "سلطان العنزي", "super-admin", "المسؤول التقني", "الرياض"),
    ar("nasser.m", "ناصر المطيري", "moderator", "مشرف المجتمع", "بريدة"),
    en("rania.t", "Rania Tawfik", "moderator", "Community moderator", CAIRO),
    ar("yousef.q", "يوسف القحطاني", S, "مهندس برمجيات، محب للغة Rust", "أبها"),
    ar("noura.f", "نورة الفهد", S, "خطاطة ومدرّبة خط عربي", "المدينة المنورة"),
    en("daniel.o", "Daniel Okafor", S, "Public speaking coach", LAGOS),
    ar("khalid.a", "خالد العمري", S, "رائد أعمال ومستشار شركات ناشئة", "جدة"),
    ar("maryam.z", "د. مريم الزهراني", S, "استشارية تربية الطفل", "الدمام"),
    en("hassan.i", "Hassan Ibrahim", S, "Personal finance, explained without jargon", DUBAI),
    ar("abdullah.r", "عبدالله الراشد", L, "مهندس كهرباء", "الخبر"),
    ar("fatimah.a", "فاطمة الأحمد", L, "معلمة رياضيات", "الأحساء"),
    ar("sara.m", "سارة المالكي", L, "مصممة واجهات", "الطائف"),
    ar("faisal.d", "فيصل الدوسري", L, "محلل بيانات مبتدئ", "الرياض"),
    ar("reem.k", "ريم الخالدي", L, "طالبة طب", "الدمام"),
    ar("turki.s", "تركي الشهري", L, "مصور فوتوغرافي", "أبها"),
    ar("amal.j", "أمل الجهني", L, "أم لثلاثة وكاتبة", "ينبع"),
    ar("majed.g", "ماجد الغامدي", L, "مدير مشاريع", "الباحة"),
    ar("hind.b", "هند البلوي", L, "أخصائية موارد بشرية", "تبوك"),
    ar("saad.h", "سعد الهاجري", L, "صاحب متجر إلكتروني", "الكويت"),
    ar("dana.w", "دانة الوهيبي", L, "مترجمة", "مسقط"),
    ar("ziad.n", "زياد النجار", L, "مطور تطبيقات جوال", "عمّان"),
    ar("lina.s", "لينا شاهين", L, "باحثة في التعليم", "بيروت"),
    ar("mona.e", "منى السيد", L, "محاسبة", "القاهرة"),
    ar("karim.b", "كريم بن علي", L, "طالب هندسة", "تونس"),
    ar("asma.l", "أسماء العلوي", L, "صحفية", "الرباط"),
    ar("bader.t", "بدر التميمي", L, "لاعب شطرنج", "المنامة"),
    ar("jawaher.q", "جواهر القاسمي", L, "مهتمة بالاستدامة", "الشارقة"),
    ar("rashed.m", "راشد المنصوري", L, "طيار", "أبوظبي"),
    ar("wafa.d", "وفاء الدليمي", L, "صيدلانية", "بغداد"),
    ar("tariq.y", "طارق اليوسف", L, "أستاذ تاريخ", "دمشق"),
    en("james.w", "James Whitfield", L, "Teacher, learning Arabic", LONDON),
    en("aisha.b", "Aisha Bello", L, "Product manager", LAGOS),
    en("sophie.l", "Sophie Laurent", L, "Freelance illustrator", TORONTO),
    en("ahmed.f", "Ahmed Farouk", L, "Electrical engineer", CAIRO),
    en("nadia.h", "Nadia Haddad", L, "Architecture student", AMMAN),
    en("liam.p", "Liam Patterson", L, "Data engineer", TORONTO),
    en("yara.k", "Yara Kassem", L, "Marketing specialist", DUBAI),
    en("grace.n", "Grace Njoroge", L, "Nurse and night-time reader", LONDON),
    en("bilal.r", "Bilal Rahman", L, "Full-stack developer", DUBAI),
    en("hannah.s", "Hannah Stein", L, "Linguist", TORONTO),
    en("mustafa.d", "Mustafa Demir", L, "Chemistry teacher", JEDDAH),
    en("chloe.m", "Chloe Martin", L, "Photographer", LONDON),
    en("idris.a", "Idris Adeyemi", L, "Start-up founder", LAGOS),
    en("zainab.q", "Zainab Qureshi", L, "Junior accountant", DUBAI),
    en("peter.v", "Peter Voss", L, "Retired engineer", TORONTO),
    en("samir.j", "Samir Jaber", L, "Chess and algorithms", AMMAN),
    en("mei.t", "Mei Tan", L, "Quiet observer", TORONTO),
];

/// Whose posts only followers see.
pub(crate) const PRIVATE: [&str; 4] = ["amal.j", "reem.k", "grace.n", "wafa.d"];
/// Accepts messages from nobody, so that the refusal can be shown.
pub(crate) const MESSAGES_FROM_NONE: &str = "mei.t";
/// Accept messages from those they are followed by only.
pub(crate) const MESSAGES_FROM_FOLLOWERS: [&str; 2] = ["reem.k", "peter.v"];
/// Do not show when they are online.
pub(crate) const HIDDEN: [&str; 2] = ["mei.t", "tariq.y"];
/// Checked by the platform, besides all speakers and the staff.
pub(crate) const VERIFIED: [&str; 2] = ["asma.l", "idris.a"];
/// Who does not want to hear of whom.
pub(crate) const BLOCK: (&str, &str) = ("hind.b", "saad.h");

pub(crate) const BIOS_AR: [&str; 6] = [
    "أؤمن أن التعلّم رحلة لا تنتهي، وأشارك هنا ما أتعلّمه كل أسبوع.",
    "أحب القراءة الهادئة والقهوة، وأبحث عن أسئلة جيدة أكثر من الأجوبة.",
    "خبرة عملية قبل الشهادة. اسألني عمّا جرّبته بنفسي.",
    "أجمع بين العمل والدراسة، وأكتب خلاصات قصيرة لكل دورة أنهيها.",
    "مهتم بالمجتمعات التي يعلّم فيها الناس بعضهم بعضًا.",
    "خطوة صغيرة كل يوم خير من خطة كبيرة لا تبدأ.",
];

pub(crate) const BIOS_EN: [&str; 6] = [
    "I write short notes about every course I finish. Ask me anything.",
    "Here to learn slowly and properly. Coffee first.",
    "Curious about how people learn, and why they stop.",
    "Working by day, studying by night, reading on the train.",
    "I like questions that take a week to answer.",
    "Small steps, every day. Arabic beginner, be patient with me!",
];

/// Job, employer, description: for the profiles of those who have one.
pub(crate) const JOBS: [(&str, &str, &str, &str); 10] = [
    ("salma.o", "أستاذة مشاركة", "جامعة الأفق", "تدريس الإحصاء وتعلّم الآلة والإشراف على رسائل الماجستير."),
    (
        "yousef.q",
        "مهندس أنظمة أول",
        "شركة سحاب للتقنية",
        "بناء خدمات تعمل في الزمن الحقيقي لملايين الرسائل يوميًا.",
    ),
    (
        "emily.c",
        "Head of UX Research",
        "Northlight Studio",
        "Field studies and usability tests for public services.",
    ),
    ("noura.f", "خطاطة مستقلة", "مرسم النون", "لوحات بخط الثلث والديواني، ودورات للمبتدئين."),
    (
        "daniel.o",
        "Communication Coach",
        "Clear Voice",
        "Workshops for teams that have to explain hard things.",
    ),
    ("khalid.a", "مؤسس ومستشار", "مسرّعة خطوة", "مرافقة أكثر من أربعين شركة ناشئة في سنتها الأولى."),
    ("maryam.z", "استشارية أسرية", "مركز نماء", "جلسات للوالدين حول الحدود والحوار مع الأبناء."),
    (
        "hassan.i",
        "Financial Educator",
        "Plain Money",
        "Budgeting courses for people at the start of their careers.",
    ),
    ("omar.k", "Backend Developer", "Waha Labs", "APIs and queues, mostly; learning Rust after hours."),
    ("sara.m", "مصممة منتجات", "استوديو طيف", "تصميم واجهات عربية تُقرأ من اليمين كما ينبغي."),
];

/// Tags of the speakers.
pub(crate) const EXPERTISE: [(&str, [&str; 3]); 8] = [
    ("emily.c", ["User research", "Interviews", "Accessibility"]),
    ("salma.o", ["علم البيانات", "الإحصاء", "Python"]),
    ("yousef.q", ["Rust", "الأنظمة الموزعة", "WebSocket"]),
    ("noura.f", ["الخط العربي", "خط الثلث", "تصميم الحروف"]),
    ("daniel.o", ["Public speaking", "Storytelling", "Debate"]),
    ("khalid.a", ["ريادة الأعمال", "نماذج العمل", "التمويل"]),
    ("maryam.z", ["تربية الطفل", "الصحة النفسية", "الحوار الأسري"]),
    ("hassan.i", ["Budgeting", "Islamic finance", "Investing basics"]),
];
