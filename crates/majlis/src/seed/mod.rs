//! `majlis seed`: a believable bilingual demo world. Running it again changes nothing.
//!
//! What has an operation goes through it; what has none yet is written by `store::demo`, one transaction a part, each
//! part once. A seeding that was cut off goes on where it stopped: operations have fixed keys, and what is there
//! already (a message with the same words between the same people) is not written again, however long ago that was.

mod books;
mod catalogue;
mod chat;
mod consultations;
mod courses;
mod feed;
mod gifts;
mod members;
mod notices;
mod people;
mod rooms;
mod rooms_texts;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use base::id::UserId;
use chrono::{DateTime, Duration, Utc};
use domain::morph::Morph;
use domain::unit::Unit;
use domain::{Actor, App};
use protocol::IdempotencyKey;
use store::demo::{SeedLock, Totals};

/// The password of every demo account. For demonstrations and tests on one's own machine only.
pub(crate) const PASSWORD: &str = "Majlis-demo-1";

/// Where the demo accounts' mail goes: nowhere (RFC 2606 reserves `.test`).
const MAIL_DOMAIN: &str = "demo.majlis.test";

/// An account that one can sign in with.
#[derive(Debug)]
pub(crate) struct DemoAccount {
    pub(crate) id: u64,
    pub(crate) email: String,
    /// `learner`, `speaker`, `moderator`, `admin` or `super-admin`.
    pub(crate) role: &'static str,
}

/// What there is now.
#[derive(Debug)]
pub(crate) struct World {
    /// Everybody; the first two are ordinary people who may write to each other and have money.
    pub(crate) accounts: Vec<DemoAccount>,
    /// One line for people.
    pub(crate) summary: String,
}

/// Makes the demo world, or what is missing of it; `progress` hears what is being made.
pub(crate) async fn run(app: &App, progress: impl Fn(&str)) -> Result<World> {
    let lock = SeedLock::take(&app.store).await.context("the database does not answer")?;
    let Some(lock) = lock else {
        bail!("another `majlis seed` has been running for minutes on this database")
    };
    let world = seed(app, progress).await;
    lock.release().await?;
    world
}

async fn seed(app: &App, progress: impl Fn(&str)) -> Result<World> {
    let before = totals(app).await?;
    progress("roles and the platform's account");
    domain::system::install(app).await.context("the roles and the platform's account cannot be made")?;

    progress("people");
    let ids = members::create(app).await?;
    let mut conn = app.store.reader().await?;
    let done = store::demo::list_parts(&mut conn).await?.into_iter().collect();
    drop(conn);
    let seeder = Seeder { app, ids, done, now: Utc::now() };

    catalogue::seed(&seeder).await.context("categories and gifts")?;
    members::seed(&seeder).await.context("profiles")?;
    progress("posts");
    feed::seed(&seeder).await.context("posts")?;
    progress("courses and books");
    courses::seed(&seeder).await.context("courses")?;
    books::seed(&seeder).await.context("books")?;
    consultations::seed(&seeder).await.context("consultations")?;
    progress("wallets");
    gifts::seed_wallets(&seeder).await.context("wallets")?;
    progress("live rooms");
    rooms::seed(&seeder).await.context("live rooms")?;
    progress("gifts");
    gifts::seed_gifts(&seeder).await.context("gifts")?;
    progress("conversations");
    chat::seed(&seeder).await.context("conversations")?;
    notices::seed(&seeder).await.context("notifications")?;

    let after = totals(app).await?;
    Ok(World { accounts: seeder.accounts()?, summary: summary(before, after) })
}

async fn totals(app: &App) -> Result<Totals> {
    let mut conn = app.store.reader().await?;
    Ok(store::demo::count_all(&mut conn).await?)
}

fn summary(before: Totals, after: Totals) -> String {
    let Totals { users, posts, courses, books, rooms, active_rooms, messages, gifts } = after;
    let what = format!(
        "{users} users, {rooms} rooms ({active_rooms} live), {courses} courses, {books} books, {posts} posts, \
         {messages} messages, {gifts} gifts"
    );
    if before == after { format!("there already: {what}") } else { what }
}

/// What every part needs.
struct Seeder<'a> {
    app: &'a App,
    ids: BTreeMap<&'static str, UserId>,
    done: BTreeSet<String>,
    now: DateTime<Utc>,
}

impl Seeder<'_> {
    /// The id of a person.
    fn id(&self, username: &str) -> Result<UserId> {
        self.ids.get(username).copied().with_context(|| format!("nobody is called {username}"))
    }

    /// A person who acts.
    fn actor(&self, username: &str) -> Result<Actor> {
        Ok(Actor::on_behalf_of(self.id(username)?))
    }

    /// Was the part made by an earlier run?
    fn has(&self, part: &str) -> bool {
        self.done.contains(part)
    }

    /// Writes a part in one transaction, with the note that it is done; nothing if it was done.
    async fn part(&self, name: &str, write: impl AsyncFnOnce(&mut Unit) -> Result<()>) -> Result<()> {
        if self.has(name) {
            return Ok(());
        }
        let mut unit = self.app.begin().await?;
        if !store::demo::insert_part(&mut unit, name).await? {
            return Ok(());
        }
        write(&mut unit).await?;
        unit.commit(self.app).await?;
        Ok(())
    }

    /// Notes that a part which went through operations is complete.
    async fn finish(&self, name: &str) -> Result<()> {
        self.part(name, async |_unit| Ok(())).await
    }

    /// So many days and hours before now.
    fn ago(&self, days: i64, hours: i64) -> DateTime<Utc> {
        self.now - Duration::hours(days * 24 + hours)
    }

    /// The value of a polymorphic column (domain.md §7.2).
    fn morph(&self, model: Morph) -> &'static str {
        model.column(self.app.settings.morph)
    }

    fn accounts(&self) -> Result<Vec<DemoAccount>> {
        people::PEOPLE
            .iter()
            .map(|person| {
                Ok(DemoAccount {
                    id: self.id(person.username)?,
                    email: email(person.username),
                    role: person.role,
                })
            })
            .collect()
    }
}

fn email(username: &str) -> String {
    format!("{username}@{MAIL_DOMAIN}")
}

/// The same key at every run, in a UUID's form: of a part and the number of a write in it.
fn key(part: u32, number: usize) -> Result<IdempotencyKey> {
    Ok(format!("{part:08x}-6d61-4a6c-a973-{number:012x}").parse()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::people::{BLOCK, EXPERTISE, JOBS, MESSAGES_FROM_NONE, PEOPLE, PRIVATE};

    #[test]
    fn people_are_unique_bilingual_and_begin_with_two_who_may_talk() {
        let names: BTreeSet<_> = PEOPLE.iter().map(|person| person.username).collect();
        assert_eq!(names.len(), PEOPLE.len());
        let well_formed = |name: &str| {
            (3..=30).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.')
        };
        assert!(names.iter().all(|name| well_formed(name)));
        let arabic =
            PEOPLE.iter().filter(|person| person.name.chars().any(|c| ('ء'..='ي').contains(&c))).count();
        assert!((20..=34).contains(&arabic), "{arabic} of {}", PEOPLE.len());
        for person in &PEOPLE[..2] {
            assert_eq!(person.role, "learner");
            assert_ne!(person.username, MESSAGES_FROM_NONE);
        }
        let others = PRIVATE.iter().chain([&BLOCK.0, &BLOCK.1, &MESSAGES_FROM_NONE]);
        assert!(others.chain(JOBS.iter().map(|job| &job.0)).all(|name| names.contains(name)));
        for role in ["speaker", "moderator", "admin", "super-admin"] {
            assert!(PEOPLE.iter().any(|person| person.role == role), "{role}");
        }
        let speakers = PEOPLE.iter().filter(|person| person.role == "speaker").count();
        assert_eq!(speakers, EXPERTISE.len());
    }

    #[test]
    fn keys_are_uuids_and_differ() {
        let first = super::key(1, 0).unwrap();
        assert!(first.is_uuid());
        assert_ne!(first, super::key(1, 1).unwrap());
        assert_ne!(first, super::key(2, 0).unwrap());
    }
}
