//! Posts, comments, reactions, shares, reports.

use domain::morph::Morph;
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use domain::unit::Unit;
use store::demo::{
    CommentRow, PostRow, ReactionRow, ReportRow, insert_comment, insert_post, insert_reactions,
    insert_report, insert_share, update_post_counts,
};

use super::Seeder;
use super::people::{BLOCK, PEOPLE, PRIVATE};

/// A post with what was said under it: author, words, and the answer of the post's author.
struct Post {
    by: &'static str,
    kind: &'static str,
    text: &'static str,
    comments: &'static [(&'static str, &'static str, Option<&'static str>)],
}

const fn post(by: &'static str, text: &'static str) -> Post {
    Post { by, kind: "text", text, comments: &[] }
}

/// Oldest first.
const POSTS: [Post; 40] = [
    Post {
        by: "salma.o",
        kind: "text",
        text: "سؤال للنقاش: متى يكون المتوسط الحسابي كاذبًا؟ أعطوني أمثلة من حياتكم اليومية.",
        comments: &[
            (
                "faisal.d",
                "متوسط الرواتب! راتب واحد كبير يرفع الرقم ولا يمثل أحدًا.",
                Some("أحسنت، ولهذا نسأل عن الوسيط دائمًا."),
            ),
            ("fatimah.a", "درجات الطلاب حين ينقسم الفصل إلى مجموعتين.", None),
            (
                "liam.p",
                "Average response time of a service: the mean looks fine while one user in a hundred waits ten seconds.",
                Some("مثال ممتاز، ولهذا ننظر إلى المئين ٩٩."),
            ),
        ],
    },
    Post {
        by: "emily.c",
        kind: "text",
        text: "Five interviews will teach you more than five hundred survey answers. Start with: “tell me about the last time you…”",
        comments: &[
            (
                "sara.m",
                "جرّبت هذا الأسبوع وكانت النتيجة مدهشة!",
                Some("So happy to hear that, Sara. Share your notes with us?"),
            ),
            ("aisha.b", "The hardest part is staying silent after asking.", None),
        ],
    },
    post("omar.k", "Day 12 of learning Rust: the borrow checker and I are now on speaking terms."),
    post("layla.h", "أنهيت اليوم كتابي العشرين هذا العام. أفضل ما قرأت: رواية قصيرة عن بحّار لا يعرف السباحة."),
    Post {
        by: "noura.f",
        kind: "image",
        text: "لوحة جديدة بخط الثلث: «من جدّ وجد». استغرقت ثلاثة أسابيع من التدريب على حرف واحد.",
        comments: &[
            (
                "sophie.l",
                "The rhythm of the letters is wonderful. Which pen is this?",
                Some("قصبة محلية بعرض أربعة ملم، وحبر عربي تقليدي."),
            ),
            ("turki.s", "ما شاء الله، إبداع.", None),
            (
                "james.w",
                "I can read it! My first whole sentence in Thuluth.",
                Some("مبارك! الخطوة الأولى هي الأصعب."),
            ),
        ],
    },
    post(
        "daniel.o",
        "Before you speak, decide what you want people to do afterwards. Everything else is decoration.",
    ),
    post("khalid.a", "ثلاثة أسئلة قبل أن تبني أي منتج: من يتألم؟ كم مرة؟ وماذا يفعل اليوم بدلًا منك؟"),
    Post {
        by: "yousef.q",
        kind: "text",
        text: "كتبت اليوم خادم WebSocket صغيرًا يخدم خمسة آلاف اتصال على حاسوب محمول. سأشرحه خطوة بخطوة في اللقاء المباشر.",
        comments: &[
            ("omar.k", "Count me in! Will you cover back-pressure?", Some("نعم، وهو نصف اللقاء تقريبًا.")),
            (
                "bilal.r",
                "Please record it, I am on a plane that day.",
                Some("سيكون التسجيل متاحًا إن شاء الله."),
            ),
            ("ziad.n", "متحمس جدًا، هل يلزم معرفة سابقة بلغة Rust؟", None),
        ],
    },
    post("maryam.z", "الطفل الذي يسأل كثيرًا لا يعاند، بل يفكر بصوت عالٍ. أجيبوه بسؤال أحيانًا."),
    post("hassan.i", "A budget is not a cage. It is permission to spend without guilt on what you chose."),
    post("sara.m", "تصميم الواجهة العربية ليس قلبًا للمرآة: الأرقام والأيقونات لها قواعدها الخاصة."),
    post("james.w", "Today I ordered coffee in Arabic and got exactly what I wanted. Small victories."),
    post("faisal.d", "أول رسم بياني لي بدون إكسل! شكرًا لدورة أساسيات البيانات."),
    post("turki.s", "غروب اليوم من السودة، بلا أي تعديل."),
    post("fatimah.a", "طالبة سألتني: «لماذا نتعلم الكسور ونحن نملك حاسبات؟» فقسمت الكعكة وبدأ الدرس."),
    post("liam.p", "Pipelines are like plumbing: nobody notices until something smells."),
    Post {
        by: "idris.a",
        kind: "text",
        text: "We closed our first ten customers by calling them, one by one. No funnel, no ads, just a phone.",
        comments: &[
            (
                "khalid.a",
                "هذا هو الدرس الذي أكرره دائمًا. أحسنت يا إدريس.",
                Some("Learned it in your course!"),
            ),
            ("yara.k", "As a marketer I should protest, but you are right.", None),
        ],
    },
    post("reem.k", "ليلة الاختبار الأخيرة. دعواتكم."),
    post("ziad.n", "من يبني تطبيقًا بلغتين منذ اليوم الأول يوفّر على نفسه شهرًا كاملًا لاحقًا."),
    post("grace.n", "Three night shifts, three chapters. That is my ratio."),
    post(
        "hannah.s",
        "Arabic has a word for the sound of the tent flapping in the wind. I love dictionaries.",
    ),
    post("majed.g", "أقصر اجتماع في حياتي اليوم: أربع دقائق، وخرج الجميع يعرف ماذا يفعل."),
    post("nadia.h", "Sketching courtyards in old Amman this week. Shade is an architect too."),
    post("asma.l", "كتبت تقريرًا عن التعليم عن بعد في القرى: الهاتف هو المدرسة. الرابط قريبًا."),
    post("saad.h", "نصيحة لأصحاب المتاجر: جرّب أن تشتري من متجرك بنفسك كل أسبوع."),
    post("chloe.m", "Golden hour lasts eleven minutes in London in November. I counted."),
    post("karim.b", "نجحت في مادة الديناميكا بعد محاولتين. لا تستسلموا!"),
    post("mustafa.d", "My students now explain covalent bonds with football. I am keeping it."),
    post("jawaher.q", "جمعنا اليوم أربعين كيلوغرامًا من البلاستيك من الشاطئ. الشهر القادم نعيدها."),
    post("samir.j", "A chess engine in 300 lines: alpha-beta, a tiny opening book and a lot of humility."),
    post("mona.e", "ورقة عمل مجانية لتتبّع المصروفات، بالعربية، لمن يحتاجها. اكتبوا لي."),
    post("rashed.m", "من قمرة القيادة: فجر فوق الربع الخالي."),
    post("zainab.q", "First month-end close without staying late. The checklist works."),
    post("lina.s", "سؤال للمعلمين: ما النشاط الذي لا يفشل أبدًا في أول حصة؟"),
    post("bader.t", "خسرت اليوم أمام طفل عمره تسع سنوات، وكانت أجمل مباراة لعبتها."),
    post("peter.v", "Forty years of engineering and I still measure twice. Ask me about bridges."),
    post("dana.w", "أصعب ما ترجمته هذا العام: نكتة."),
    post("tariq.y", "في مثل هذا الأسبوع قبل ألف سنة كانت مكتبة قرطبة تفهرس كتبها على الورق."),
    post(
        "yara.k",
        "FREE followers!!! Click the link in my bio to win a phone. (Kidding. Please do not click such links.)",
    ),
    Post {
        by: "layla.h",
        kind: "text",
        text: "من سيحضر مجلس القهوة الليلة؟ الموضوع: كتاب غيّر رأيك.",
        comments: &[
            ("omar.k", "I will be there, with tea though.", Some("الشاي مسموح به استثناءً 😄")),
            ("rania.t", "See you there!", None),
            ("tariq.y", "عندي كتاب سيغيّر رأيكم في رأيكم.", None),
        ],
    },
];

const KINDS: [&str; 6] = ["like", "love", "like", "wow", "haha", "love"];

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    seeder.part("feed", async |unit| write(seeder, unit).await).await
}

async fn write(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let post_morph = seeder.morph(Morph::Post);
    let comment_morph = seeder.morph(Morph::Comment);
    let mut posts = Vec::new();
    let mut comments = Vec::new();
    for (ordinal, post) in POSTS.iter().enumerate() {
        let days = i64::try_from(POSTS.len() - ordinal)?;
        let at = seeder.ago(days, i64::try_from(ordinal * 5 % 17)?);
        let picture = format!("https://cdn.majlis.test/posts/{}.webp", post.by);
        let pictures = [picture.as_str()];
        let row = PostRow {
            user_id: seeder.id(post.by)?,
            post_type: post.kind,
            content: post.text,
            media_urls: if post.kind == "image" { &pictures } else { &[] },
            views_count: u32::try_from(40 + ordinal * 37 % 400)?,
            is_pinned: ordinal == 1,
            at,
        };
        let post_id = insert_post(unit, &row).await?;
        posts.push((post_id, post.by, at));
        for (place, (by, content, answer)) in (1_i64..).zip(post.comments) {
            let at = at + chrono::Duration::minutes(place * 9);
            let row = CommentRow {
                post_id,
                user_id: seeder.id(by)?,
                parent_id: None,
                content,
                is_pinned: place == 1 && answer.is_some(),
                at,
            };
            let comment_id = insert_comment(unit, &row).await?;
            comments.push((comment_id, *by, at));
            if let Some(answer) = answer {
                let user_id = seeder.id(post.by)?;
                let at = at + chrono::Duration::minutes(4);
                let row = CommentRow {
                    user_id,
                    parent_id: Some(comment_id),
                    content: answer,
                    is_pinned: false,
                    at,
                    ..row
                };
                insert_comment(unit, &row).await?;
            }
        }
    }
    write_reactions(seeder, unit, &posts, &comments, (post_morph, comment_morph)).await?;
    write_shares(seeder, unit, &posts).await?;
    write_reports(seeder, unit, &posts).await?;
    let ids: Vec<u64> = posts.iter().map(|(id, _, _)| *id).collect();
    update_post_counts(unit, &ids, post_morph).await?;
    Ok(())
}

/// A post or a comment: id, author, when.
type Target = (u64, &'static str, chrono::DateTime<chrono::Utc>);

/// May the one see what the other writes, as far as the demo world goes?
fn blocked(one: &str, other: &str) -> bool {
    (one, other) == BLOCK || (other, one) == BLOCK
}

async fn write_reactions(
    seeder: &Seeder<'_>,
    unit: &mut Unit,
    posts: &[Target],
    comments: &[Target],
    (post_morph, comment_morph): (&str, &str),
) -> Result<()> {
    let mut rows = Vec::new();
    for (morph, targets, every) in [(post_morph, posts, 4), (comment_morph, comments, 9)] {
        for (ordinal, &(id, author, at)) in targets.iter().enumerate() {
            for (place, person) in PEOPLE.iter().enumerate() {
                let name = person.username;
                if (ordinal * 7 + place * 5) % every != 0
                    || name == author
                    || blocked(name, author)
                    || PRIVATE.contains(&author)
                {
                    continue;
                }
                let kind = KINDS.get((ordinal + place) % KINDS.len()).copied().unwrap_or("like");
                let at = at + chrono::Duration::minutes(i64::try_from(11 + place * 3)?);
                rows.push(ReactionRow {
                    user_id: seeder.id(name)?,
                    reactable_type: morph,
                    reactable_id: id,
                    kind,
                    at,
                });
            }
        }
    }
    insert_reactions(unit, &rows).await?;
    Ok(())
}

async fn write_shares(seeder: &Seeder<'_>, unit: &mut Unit, posts: &[Target]) -> Result<()> {
    let shares = [
        (0, "liam.p", Some("Worth a discussion in every data team.")),
        (0, "mona.e", None),
        (1, "sara.m", Some("احفظوا هذا السؤال.")),
        (1, "nadia.h", None),
        (4, "james.w", Some("Look at this!")),
        (7, "omar.k", Some("See you all there.")),
        (7, "ziad.n", None),
        (16, "zainab.q", None),
        (28, "dana.w", Some("من يريد أن ينضم الشهر القادم؟")),
        (39, "layla.h", None),
    ];
    for (ordinal, by, comment) in shares {
        let (post_id, _, at) = posts.get(ordinal).context("no such post")?;
        insert_share(unit, seeder.id(by)?, *post_id, comment, *at + chrono::Duration::hours(2)).await?;
    }
    Ok(())
}

async fn write_reports(seeder: &Seeder<'_>, unit: &mut Unit, posts: &[Target]) -> Result<()> {
    let (spam, _, spam_at) = *posts.get(38).context("no such post")?;
    let (joke, _, joke_at) = *posts.get(36).context("no such post")?;
    let (shore, _, shore_at) = *posts.get(24).context("no such post")?;
    let moderator = Some(seeder.id("nasser.m")?);
    let reports = [
        ("abdullah.r", spam, "spam", "رابط مشبوه في المنشور.", "pending", None, None, spam_at),
        ("grace.n", spam, "spam", "Looks like phishing to me.", "pending", None, None, spam_at),
        ("karim.b", joke, "other", "لم أفهم النكتة.", "dismissed", Some("none"), moderator, joke_at),
        (
            "mona.e",
            shore,
            "misinformation",
            "Is this advice or advertising?",
            "reviewing",
            None,
            moderator,
            shore_at,
        ),
    ];
    let mut reported = BTreeSet::new();
    for (by, post_id, reason, details, status, action_taken, reviewed_by, at) in reports {
        let user_id = seeder.id(by)?;
        if reported.insert((user_id, post_id)) {
            let at = at + chrono::Duration::hours(3);
            let row = ReportRow { user_id, post_id, reason, details, status, action_taken, reviewed_by, at };
            insert_report(unit, &row).await?;
        }
    }
    Ok(())
}
