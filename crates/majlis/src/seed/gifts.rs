//! Money in the wallets, put there by the administrator, and gifts paid with it: all through their operations, so that
//! ledger and invoices are true.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use base::Money;
use protocol::gifts::{Giftable, SendGift};
use protocol::wallet::{AdjustWallet, EntryType};
use store::demo::{has_gift, list_adjusted, list_gifts, list_posts, list_rooms};

use super::people::PEOPLE;
use super::rooms_texts::ROOMS;
use super::{Seeder, key};

const WALLET_KEYS: u32 = 1;
const GIFT_KEYS: u32 = 2;
const ADMIN: &str = "huda.s";

/// Halalas that a person begins with: the first two have plenty, some have little, three nothing.
fn opening(ordinal: usize) -> i64 {
    match ordinal {
        0 => 75_000,
        1 => 60_000,
        26 | 33 | 51 => 0,
        _ => 20_000 + i64::try_from(ordinal * 7_919 % 60_000).unwrap_or(0),
    }
}

pub(super) async fn seed_wallets(seeder: &Seeder<'_>) -> Result<()> {
    if seeder.has("wallets") {
        return Ok(());
    }
    let mut conn = seeder.app.store.reader().await?;
    let adjusted: BTreeSet<(u64, String)> = list_adjusted(&mut conn).await?.into_iter().collect();
    drop(conn);
    let has = |user_id, direction: EntryType| adjusted.contains(&(user_id, direction.as_str().to_owned()));
    for (ordinal, person) in PEOPLE.iter().enumerate() {
        let user_id = seeder.id(person.username)?;
        // Nobody gives money to oneself.
        if has(user_id, EntryType::Credit) || opening(ordinal) == 0 || person.username == ADMIN {
            continue;
        }
        let reason =
            person.language.pick("رصيد افتتاحي للحساب التجريبي", "Opening balance of the demo account");
        adjust(seeder, (WALLET_KEYS, ordinal), (user_id, EntryType::Credit, opening(ordinal)), reason)
            .await?;
    }
    // One correction, so that the ledger has a debit which is no purchase.
    let corrected =
        PEOPLE.iter().position(|person| person.username == "majed.g").context("nobody to correct")?;
    let user_id = seeder.id("majed.g")?;
    if !has(user_id, EntryType::Debit) {
        adjust(seeder, (WALLET_KEYS, 1_000 + corrected), (user_id, EntryType::Debit, 500), "تصحيح رصيد مكرر")
            .await?;
    }
    seeder.finish("wallets").await
}

async fn adjust(
    seeder: &Seeder<'_>,
    (part, number): (u32, usize),
    (user_id, direction, halalas): (u64, EntryType, i64),
    reason: &str,
) -> Result<()> {
    let input = AdjustWallet {
        client_id: key(part, number)?,
        user_id,
        amount: Money::from_minor(halalas),
        direction,
        reason: reason.to_owned(),
    };
    domain::wallet::adjust_wallet(seeder.app, &seeder.actor(ADMIN)?, input)
        .await
        .with_context(|| format!("the wallet of user {user_id} cannot be filled"))?;
    Ok(())
}

/// For whom a gift is.
enum For {
    /// The host of a live room, by its place.
    Room(usize),
    /// The author of the author's first post.
    Post(&'static str),
    /// A user.
    User(&'static str),
}

/// Sender, for whom, which gift, how many, words. The words tell the gifts of one sender apart.
const GIFTS: [(&str, For, usize, u32, &str); 16] = [
    ("layla.h", For::Room(0), 1, 1, "قهوتك علينا اليوم ☕"),
    ("omar.k", For::Room(0), 2, 3, "Great explanation!"),
    ("bilal.r", For::Room(0), 0, 5, "Roses from Dubai"),
    ("asma.l", For::Room(0), 3, 1, "تمر المدينة للجميع"),
    ("aisha.b", For::Room(1), 2, 2, "Thank you, coach"),
    ("idris.a", For::Room(1), 4, 1, "For your next book"),
    ("james.w", For::Post("noura.f"), 5, 1, "For a beautiful line"),
    ("turki.s", For::Post("noura.f"), 0, 10, "عشر وردات للوحة"),
    ("faisal.d", For::Post("salma.o"), 1, 2, "شكرًا على السؤال"),
    ("sara.m", For::Post("emily.c"), 4, 1, "أفضل نصيحة هذا العام"),
    ("omar.k", For::User("layla.h"), 0, 1, "Happy birthday!"),
    ("layla.h", For::User("omar.k"), 1, 1, "ردّ الجميل بقهوة"),
    ("grace.n", For::User("amal.j"), 0, 3, "You made my night shift shorter"),
    ("sultan.o", For::User("rania.t"), 6, 1, "شكرًا على إشرافك"),
    ("saad.h", For::User("khalid.a"), 2, 1, "wish me luck"),
    ("khalid.a", For::User("idris.a"), 7, 1, "لأول عشرة عملاء"),
];

pub(super) async fn seed_gifts(seeder: &Seeder<'_>) -> Result<()> {
    if seeder.has("gifts") {
        return Ok(());
    }
    let mut conn = seeder.app.store.reader().await?;
    let catalogue = list_gifts(&mut conn).await?;
    let titles: Vec<&str> = ROOMS.iter().map(|room| room.title).collect();
    let rooms = list_rooms(&mut conn, &titles).await?;
    drop(conn);
    for (number, (sender, to, gift, quantity, message)) in GIFTS.iter().enumerate() {
        let sender_id = seeder.id(sender)?;
        let mut conn = seeder.app.store.reader().await?;
        if has_gift(&mut conn, sender_id, message).await? {
            continue;
        }
        let (giftable_type, giftable_id) = match *to {
            For::User(username) => (Giftable::User, seeder.id(username)?),
            For::Post(author) => {
                let posts = list_posts(&mut conn, seeder.id(author)?).await?;
                (Giftable::Post, *posts.first().context("no post to honour")?)
            }
            For::Room(ordinal) => {
                let title = ROOMS.get(ordinal).map_or("", |room| room.title);
                let room = rooms.iter().rfind(|row| row.title == title && row.status == "active");
                (Giftable::LiveRoom, room.context("the room is not live")?.id)
            }
        };
        drop(conn);
        let input = SendGift {
            client_id: key(GIFT_KEYS, number)?,
            gift_id: catalogue.get(*gift).context("no such gift")?.1,
            giftable_type,
            giftable_id,
            receiver_id: None,
            quantity: *quantity,
            message: Some((*message).to_owned()),
        };
        domain::gifts::send_gift(seeder.app, &seeder.actor(sender)?, input)
            .await
            .with_context(|| format!("{sender} cannot give “{message}”"))?;
    }
    seeder.finish("gifts").await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{GIFTS, PEOPLE, opening};

    #[test]
    fn the_first_two_can_afford_a_show_and_nothing_exceeds_one_adjustment() {
        for ordinal in 0..PEOPLE.len() {
            assert!((0..=100_000).contains(&opening(ordinal)));
        }
        // 200.00 must be left after seats and gifts of the seeding.
        assert!(opening(0) >= 40_000 && opening(1) >= 40_000);
        let distinct: BTreeSet<_> = GIFTS.iter().map(|gift| (gift.0, gift.4)).collect();
        assert_eq!(distinct.len(), GIFTS.len());
    }
}
