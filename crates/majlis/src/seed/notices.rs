//! Notifications of what happened in the demo world, an API token, a password reset that was never used.

use anyhow::{Context, Result};
use base::Secret;
use domain::morph::Morph;
use domain::unit::Unit;
use protocol::users::CreateToken;
use serde_json::json;
use store::demo::{
    NotificationRow, has_token, insert_notification, insert_password_reset, list_bookings, list_books,
    list_courses, list_posts, list_rooms,
};

use super::people::PEOPLE;
use super::rooms_texts::ROOMS;
use super::{PASSWORD, Seeder, email};

const TOKEN_NAME: &str = "Demo script";

/// A bcrypt hash, as Laravel's broker stores it, of a random token that was thrown away.
const RESET_HASH: &str = "$2y$12$uGk5cJ0v8rWcX2m1oQbTeOsFKAzRtJNE./RZMAe8cKplsKjOaV0J.";

/// For whom, kind, who caused it, what it is about, what is said, read already?
struct Notice {
    to: &'static str,
    kind: &'static str,
    actor: Option<&'static str>,
    subject: (&'static str, About),
    count: u32,
    read: bool,
}

#[derive(Clone, Copy)]
enum About {
    PostOf(&'static str),
    Person(&'static str),
    Course(&'static str),
    Book(&'static str),
    Room(usize),
    BookingWith(&'static str),
}

const fn notice(
    to: &'static str,
    kind: &'static str,
    actor: Option<&'static str>,
    subject: (&'static str, About),
    read: bool,
) -> Notice {
    Notice { to, kind, actor, subject, count: 1, read }
}

const NOTICES: [Notice; 20] = [
    notice("layla.h", "follow.new", Some("omar.k"), ("user", About::Person("omar.k")), true),
    notice("omar.k", "follow.new", Some("layla.h"), ("user", About::Person("layla.h")), true),
    notice("amal.j", "follow.accepted", Some("reem.k"), ("user", About::Person("reem.k")), false),
    notice("layla.h", "certificate.issued", None, ("course", About::Course("data-basics-ar")), false),
    notice("fatimah.a", "certificate.issued", None, ("course", About::Course("data-basics-ar")), true),
    notice("omar.k", "certificate.issued", None, ("course", About::Course("speak-so-people-listen")), false),
    notice("salma.o", "course.enrolled", Some("karim.b"), ("course", About::Course("data-basics-ar")), false),
    notice("salma.o", "book.purchased", Some("faisal.d"), ("book", About::Book("numbers-tales")), true),
    notice(
        "emily.c",
        "book.purchased",
        Some("hannah.s"),
        ("book", About::Book("listening-as-a-method")),
        false,
    ),
    notice("layla.h", "gift.received", Some("omar.k"), ("user", About::Person("layla.h")), false),
    notice("omar.k", "gift.received", Some("layla.h"), ("user", About::Person("omar.k")), false),
    notice("yousef.q", "gift.received", Some("bilal.r"), ("live_room", About::Room(0)), false),
    notice("noura.f", "room.registered", Some("james.w"), ("live_room", About::Room(2)), true),
    notice(
        "omar.k",
        "booking.confirmed",
        Some("yousef.q"),
        ("consultation_booking", About::BookingWith("yousef.q")),
        true,
    ),
    notice(
        "faisal.d",
        "rating.received",
        Some("salma.o"),
        ("consultation_booking", About::BookingWith("salma.o")),
        false,
    ),
    Notice {
        to: "emily.c",
        kind: "post.reacted",
        actor: Some("sara.m"),
        subject: ("post", About::PostOf("emily.c")),
        count: 9,
        read: false,
    },
    Notice {
        to: "noura.f",
        kind: "post.reacted",
        actor: Some("turki.s"),
        subject: ("post", About::PostOf("noura.f")),
        count: 12,
        read: false,
    },
    notice("salma.o", "post.commented", Some("liam.p"), ("post", About::PostOf("salma.o")), true),
    notice("nasser.m", "report.new", Some("abdullah.r"), ("post", About::PostOf("yara.k")), false),
    notice("mei.t", "system.announcement", None, ("live_room", About::Room(0)), false),
];

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    seeder.part("notifications", async |unit| write(seeder, unit).await).await?;
    if !seeder.has("tokens") {
        let user_id = seeder.id("omar.k")?;
        let mut conn = seeder.app.store.reader().await?;
        let there = has_token(&mut conn, user_id, TOKEN_NAME).await?;
        drop(conn);
        if !there {
            let input = CreateToken {
                name: TOKEN_NAME.to_owned(),
                password: Secret::new(PASSWORD),
                abilities: Some(vec!["read".to_owned()]),
                expires_at: None,
            };
            domain::users::create_token(seeder.app, &seeder.actor("omar.k")?, input)
                .await
                .context("an API token cannot be made")?;
        }
        seeder.finish("tokens").await?;
    }
    seeder
        .part("password_reset", async |unit| {
            // Long expired (60 minutes, domain.md §7.4).
            Ok(insert_password_reset(unit, &email("karim.b"), RESET_HASH, seeder.ago(9, 0)).await?)
        })
        .await
}

async fn write(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let morph = seeder.morph(Morph::User);
    for (ordinal, notice) in (0_i64..).zip(&NOTICES) {
        let subject_id = find(seeder, unit, notice.to, notice.subject.1).await?;
        let subject = notice.subject.0;
        let actor = notice.actor.and_then(|name| PEOPLE.iter().find(|person| person.username == name));
        let actor_id = notice.actor.map(|name| seeder.id(name)).transpose()?;
        let data = json!({
            "kind": notice.kind,
            "actor": actor.map(|person| json!({
                "id": actor_id,
                "name": person.name,
                "avatar": format!("https://cdn.majlis.test/avatars/{}.webp", person.username),
            })),
            "subject": { "type": subject, "id": subject_id },
            "count": notice.count,
            "title_key": format!("notifications.{}", notice.kind),
            "params": { "count": notice.count },
            "url": format!("/{}/{subject_id}", place_of(subject)),
        });
        let row = NotificationRow {
            id: uuid::Uuid::new_v4().to_string(),
            class: class_of(notice.kind),
            notifiable_type: morph,
            notifiable_id: seeder.id(notice.to)?,
            actor_id,
            data,
            read: notice.read,
            at: seeder.ago(ordinal % 9, ordinal % 20),
        };
        insert_notification(unit, &row).await?;
    }
    Ok(())
}

async fn find(seeder: &Seeder<'_>, unit: &mut Unit, to: &str, about: About) -> Result<u64> {
    let slug_of = |rows: Vec<(String, u64, u64)>, slug: &str| {
        rows.into_iter().find(|row| row.0 == slug).map(|row| row.1)
    };
    let found = match about {
        About::Person(username) => Some(seeder.id(username)?),
        About::PostOf(username) => list_posts(unit, seeder.id(username)?).await?.first().copied(),
        About::Course(slug) => slug_of(list_courses(unit).await?, slug),
        About::Book(slug) => slug_of(list_books(unit).await?, slug),
        About::Room(ordinal) => {
            let title = ROOMS.get(ordinal).map_or("", |room| room.title);
            list_rooms(unit, &[title]).await?.last().map(|row| row.id)
        }
        About::BookingWith(speaker) => {
            let student = seeder.id(to)?;
            let bookings = list_bookings(unit, seeder.id(speaker)?).await?;
            bookings.into_iter().find(|(_, of)| *of == student).map(|(id, _)| id)
        }
    };
    found.context("a notification is about nothing")
}

/// The class that Laravel clients switch on: `post.reacted` is `App\Notifications\PostReacted` (domain.md §5.11).
fn class_of(kind: &str) -> String {
    let mut class = String::from(r"App\Notifications\");
    for word in kind.split(['.', '_']) {
        let mut letters = word.chars();
        class.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        class.push_str(letters.as_str());
    }
    class
}

fn place_of(subject: &str) -> &'static str {
    match subject {
        "post" => "posts",
        "course" => "courses",
        "book" => "books",
        "live_room" => "live-rooms",
        "consultation_booking" => "bookings",
        _ => "users",
    }
}

#[cfg(test)]
mod tests {
    use super::{NOTICES, class_of};

    #[test]
    fn nobody_is_told_of_oneself() {
        assert!(NOTICES.iter().all(|notice| notice.actor != Some(notice.to)));
        assert_eq!(class_of("post.reacted"), r"App\Notifications\PostReacted");
        assert_eq!(class_of("room.recording_ready"), r"App\Notifications\RoomRecordingReady");
    }
}
