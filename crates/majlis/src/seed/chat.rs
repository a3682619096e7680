//! Conversations, written through the operation of chat.

use anyhow::{Context, Result};
use domain::Actor;
use protocol::chat::{MarkRead, MessageType, SendMessage};
use store::demo::list_messages;

use super::{Seeder, key};

const KEYS: u32 = 3;

/// Two people, what they say in turn (`true` is the first one), and whether the last word was read.
struct Talk {
    one: &'static str,
    other: &'static str,
    read: bool,
    said: &'static [(bool, &'static str)],
}

const TALKS: [Talk; 16] = [
    Talk {
        one: "layla.h",
        other: "omar.k",
        read: true,
        said: &[
            (true, "السلام عليكم عمر، هل أنهيت الفصل الثالث؟"),
            (false, "Wa alaikum assalam! Almost. The part about lifetimes took me two evenings."),
            (true, "وأنا كذلك 😅 الرسم في منتصف الفصل ساعدني كثيرًا."),
            (false, "Which one? The one with the two arrows?"),
            (true, "نعم، تخيّل أنه كتاب معار: لا يمكن أن يعيش أطول من المكتبة."),
            (false, "A borrowed book cannot outlive the library. I am stealing that sentence."),
            (true, "خذها، بلا مقابل 😄"),
            (false, "Shall we go through the exercises on Thursday?"),
            (true, "الخميس بعد الثامنة مناسب جدًا."),
            (false, "Perfect. I will bring questions."),
        ],
    },
    Talk {
        one: "layla.h",
        other: "salma.o",
        read: true,
        said: &[
            (true, "مساء الخير دكتورة، شكرًا على الجلسة. هل تنصحين بكتاب قبل الإحصاء البيزي؟"),
            (false, "مساء النور ليلى. ابدئي بكتاب قصير فيه تمارين، وسأرسل لك قائمتي."),
            (true, "أنتظرها بشوق."),
            (false, "أول اسم فيها: «حكايات بالأرقام»، وأعتذر عن الدعاية 😊"),
            (true, "أنهيته الأسبوع الماضي! فصل المستشفيين هو المفضل عندي."),
        ],
    },
    Talk {
        one: "omar.k",
        other: "yousef.q",
        read: true,
        said: &[
            (true, "Salam Yousef, quick one: bounded channel of 64 or 1024 per connection?"),
            (false, "يعتمد على حجم الرسالة. احسب بالبايت لا بالعدد."),
            (true, "Bytes! Of course. So a slow reader costs the same whatever it reads."),
            (false, "بالضبط، وعند الامتلاء أغلق الاتصال ودعه يستعيد ما فاته."),
            (true, "And the client never notices if recovery is fast enough."),
            (false, "هذا هو الهدف. أرني الشيفرة عندما تجهز."),
            (true, "Pushed! Be gentle."),
        ],
    },
    Talk {
        one: "sara.m",
        other: "emily.c",
        read: true,
        said: &[
            (true, "Hi Emily, I tried your opening question in three interviews today."),
            (false, "And? What surprised you?"),
            (true, "They all told me about a workaround none of us knew existed."),
            (false, "That is the moment I live for. Write it down today, while you remember the tone."),
            (true, "Done. Should I show quotes in Arabic or translate them?"),
            (false, "Both, side by side. The original words carry the feeling."),
        ],
    },
    Talk {
        one: "faisal.d",
        other: "salma.o",
        read: false,
        said: &[
            (true, "دكتورة سلمى، نظّفت التواريخ كما اتفقنا."),
            (false, "ممتاز! كم صفًا بقي معلقًا؟"),
            (true, "سبعة عشر صفًا من أصل عشرة آلاف."),
            (false, "لا تحذفها، ضعها في جدول منفصل واكتب السبب."),
            (true, "حاضر. هل أنتقل إلى الرسم؟"),
        ],
    },
    Talk {
        one: "james.w",
        other: "noura.f",
        read: true,
        said: &[
            (true, "مرحبا نورة! انا اتعلم العربية. هل اخطات؟"),
            (false, "مرحبًا جيمس! كتابتك جميلة، وينقصها القليل من الهمزات فقط: أنا، أتعلم، أخطأت."),
            (true, "شكرا جزيلا! The hamza and I will become friends one day."),
            (false, "ستصبحان صديقين قريبًا. هل ستحضر ورشة الخط؟"),
            (true, "I have my seat already!"),
        ],
    },
    Talk {
        one: "idris.a",
        other: "khalid.a",
        read: true,
        said: &[
            (true, "Khalid, customer eleven said yes this morning."),
            (false, "مبارك! ماذا قال لك عندما سمع السعر؟"),
            (true, "He laughed and asked for a yearly plan."),
            (false, "إذًا سعرك منخفض 😄 ارفعه في المكالمة القادمة."),
            (true, "By how much?"),
            (false, "حتى يتردد واحد من كل ثلاثة."),
        ],
    },
    Talk {
        one: "amal.j",
        other: "maryam.z",
        read: false,
        said: &[
            (true, "دكتورة مريم، ابني لا يتكلم عن مدرسته أبدًا."),
            (false, "أهلًا أمل. كم عمره؟ وكيف تسألينه عادة؟"),
            (true, "اثنا عشر عامًا. أسأله: كيف كان يومك؟"),
            (false, "جرّبي: ما أسخف شيء حدث اليوم؟ ثم احكي أنت أولًا."),
            (true, "سأجرب الليلة وأخبرك."),
            (true, "حكى لعشر دقائق! شكرًا من القلب ❤️"),
        ],
    },
    Talk {
        one: "bilal.r",
        other: "ziad.n",
        read: true,
        said: &[
            (true, "Hey Ziad, do you mirror icons in RTL?"),
            (false, "الأسهم نعم، وعلامة الصح والساعة لا."),
            (true, "And the progress bar?"),
            (false, "يبدأ من اليمين. أما مشغل الفيديو فمن اليسار دائمًا."),
            (true, "Saved me an hour, thanks."),
        ],
    },
    Talk {
        one: "grace.n",
        other: "hannah.s",
        read: true,
        said: &[
            (true, "Do you know a good podcast for beginners in Arabic?"),
            (false, "Start with children's stories read slowly. I will send you three."),
            (true, "Perfect for night shifts."),
        ],
    },
    Talk {
        one: "huda.s",
        other: "nasser.m",
        read: true,
        said: &[
            (true, "صباح الخير ناصر، وصل بلاغان عن منشور واحد."),
            (false, "رأيتهما، مزحة عن الروابط المشبوهة. أراجعها الآن."),
            (true, "شكرًا. إن احتجت رأيًا ثانيًا فرانيا متصلة."),
            (false, "تمام."),
        ],
    },
    Talk {
        one: "turki.s",
        other: "chloe.m",
        read: false,
        said: &[
            (true, "Your golden hour series is wonderful. Which lens?"),
            (false, "Thank you! An old 50mm, wide open. And your mountains, which season?"),
            (true, "الشتاء، قبل الشروق بنصف ساعة. Winter, half an hour before sunrise."),
        ],
    },
    Talk {
        one: "samir.j",
        other: "bader.t",
        read: true,
        said: &[
            (true, "e4"),
            (false, "c5 ♟️"),
            (true, "الدفاع الصقلي إذًا! Nf3"),
            (false, "d6"),
            (true, "d4, and may the best bishop win."),
        ],
    },
    Talk {
        one: "layla.h",
        other: "fatimah.a",
        read: false,
        said: &[
            (false, "ليلى، هل عندك نسخة من جدول المذاكرة؟"),
            (true, "نعم، أرسلها لك الليلة."),
            (false, "الله يعطيك العافية."),
        ],
    },
    Talk {
        one: "omar.k",
        other: "bilal.r",
        read: false,
        said: &[
            (false, "Omar, are you coming to the coffee majlis tonight?"),
            (true, "With tea, but yes."),
            (false, "Heretic. See you at nine."),
        ],
    },
    Talk {
        one: "mona.e",
        other: "zainab.q",
        read: true,
        said: &[
            (false, "أستاذة منى، هل الورقة المجانية ما زالت متاحة؟"),
            (true, "طبعًا، تفضلي الرابط في ملفي الشخصي."),
            (false, "You are a lifesaver!"),
        ],
    },
];

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    if seeder.has("chat") {
        return Ok(());
    }
    let mut number = 0;
    for talk in &TALKS {
        write(seeder, talk, &mut number).await?;
    }
    seeder.finish("chat").await
}

async fn write(seeder: &Seeder<'_>, talk: &Talk, number: &mut usize) -> Result<()> {
    let (one, other) = (seeder.actor(talk.one)?, seeder.actor(talk.other)?);
    let mut conn = seeder.app.store.reader().await?;
    let before = list_messages(&mut conn, one.user_id(), other.user_id()).await?;
    drop(conn);
    let mut last = None;
    for (by_one, body) in talk.said {
        *number += 1;
        let (writer, reader) = if *by_one { (&one, &other) } else { (&other, &one) };
        let said =
            before.iter().find(|row| row.sender_id == writer.user_id() && row.body.as_deref() == Some(*body));
        let (conversation_id, id) = match said {
            Some(row) => (row.conversation_id, row.id),
            None => send(seeder, writer, reader, (*number, body)).await?,
        };
        last = Some((conversation_id, id, writer, reader));
    }
    // Whoever answers has read; the last word only where it is said so. Nothing new read changes nothing.
    let Some((conversation_id, up_to, writer, reader)) = last else { return Ok(()) };
    let readers = if talk.read { vec![writer, reader] } else { vec![writer] };
    for reader in readers {
        domain::chat::mark_read(seeder.app, reader, MarkRead { conversation_id, up_to })
            .await
            .context("messages cannot be marked read")?;
    }
    Ok(())
}

/// Sends a message; gives its conversation's id and its own.
async fn send(
    seeder: &Seeder<'_>,
    writer: &Actor,
    reader: &Actor,
    (number, body): (usize, &str),
) -> Result<(u64, u64)> {
    let input = SendMessage {
        client_id: key(KEYS, number)?,
        conversation_id: None,
        user_id: Some(reader.user_id()),
        message_type: MessageType::Text,
        body: Some(body.to_owned()),
        media: Vec::new(),
        reply_to_id: None,
    };
    let sent = domain::chat::send_message(seeder.app, writer, input)
        .await
        .with_context(|| format!("“{body}” cannot be sent"))?;
    Ok((sent.answer.message.conversation_id, sent.answer.message.id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::people::{BLOCK, MESSAGES_FROM_FOLLOWERS, MESSAGES_FROM_NONE, PEOPLE};
    use super::TALKS;

    #[test]
    fn everybody_who_talks_accepts_messages() {
        let mut pairs = BTreeSet::new();
        for talk in &TALKS {
            let pair = BTreeSet::from([talk.one, talk.other]);
            for name in &pair {
                assert!(PEOPLE.iter().any(|person| person.username == *name), "{name}");
                assert!(*name != MESSAGES_FROM_NONE && !MESSAGES_FROM_FOLLOWERS.contains(name), "{name}");
            }
            assert!(!(pair.contains(BLOCK.0) && pair.contains(BLOCK.1)));
            assert!(pairs.insert(pair), "{} and {} talk twice", talk.one, talk.other);
            let distinct: BTreeSet<_> = talk.said.iter().collect();
            assert_eq!(distinct.len(), talk.said.len(), "what was said is recognised by its words");
        }
    }
}
