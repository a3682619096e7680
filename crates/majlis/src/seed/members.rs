//! Accounts, profiles, roles, and who follows whom.

use domain::morph::Morph;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use base::Lang;
use base::id::UserId;
use chrono::NaiveDate;
use domain::App;
use domain::unit::Unit;
use domain::users::NewUser;
use serde_json::json;
use store::demo::{
    CertificateRow, ExperienceRow, ProfileRow, insert_block, insert_experience, insert_expertise,
    insert_follow_request, insert_follows, insert_interests, insert_user_certificate, insert_user_permission,
    list_accounts, list_categories, update_follow_counts, update_profile,
};

use super::people::{
    BIOS_AR, BIOS_EN, BLOCK, EXPERTISE, HIDDEN, JOBS, MESSAGES_FROM_FOLLOWERS, MESSAGES_FROM_NONE, PEOPLE,
    PRIVATE, Person, VERIFIED,
};
use super::{PASSWORD, Seeder, email};

/// Makes the accounts that are missing, all in one transaction, and gives everybody's id.
pub(super) async fn create(app: &App) -> Result<BTreeMap<&'static str, UserId>> {
    let ids = find(app).await?;
    let missing: Vec<&Person> = PEOPLE.iter().filter(|person| !ids.contains_key(person.username)).collect();
    if missing.is_empty() {
        return Ok(ids);
    }
    // One hash for all: they share the password, and each hash takes a quarter of a second.
    let hash = domain::users::hash_password(app, PASSWORD).await?;
    let mut unit = app.begin().await?;
    for person in missing {
        domain::users::create_user(&mut unit, account(app, person, &hash))
            .await
            .with_context(|| format!("the account {} cannot be made", person.username))?;
    }
    unit.commit(app).await?;
    let ids = find(app).await?;
    if ids.len() != PEOPLE.len() {
        bail!("{} of {} demo accounts could be made", ids.len(), PEOPLE.len());
    }
    Ok(ids)
}

async fn find(app: &App) -> Result<BTreeMap<&'static str, UserId>> {
    let usernames: Vec<&str> = PEOPLE.iter().map(|person| person.username).collect();
    let mut conn = app.store.reader().await?;
    let rows = list_accounts(&mut conn, &usernames).await?;
    let mut ids = BTreeMap::new();
    for row in rows {
        let Some(person) = PEOPLE.iter().find(|person| person.username == row.username) else { continue };
        if row.email != email(person.username) {
            bail!(
                "the username {} belongs to somebody else here: this is no database for a demo",
                row.username
            );
        }
        ids.insert(person.username, row.id);
    }
    Ok(ids)
}

fn account(app: &App, person: &Person, password_hash: &str) -> NewUser {
    let ordinal = PEOPLE.iter().position(|other| other.username == person.username).unwrap_or_default();
    NewUser {
        name: person.name.to_owned(),
        username: person.username.to_owned(),
        email: email(person.username),
        // Numbers that no telephone company gives out.
        phone: (ordinal < 20).then(|| format!("+1202555{:04}", 100 + ordinal)),
        password_hash: password_hash.to_owned(),
        is_verified: person.role != "learner" || VERIFIED.contains(&person.username),
        email_verified: true,
        language: person.language,
        timezone: person.timezone.to_owned(),
        currency: app.settings.money.currency.clone(),
    }
}

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    seeder
        .part("people", async |unit| {
            write_profiles(seeder, unit).await?;
            write_careers(seeder, unit).await?;
            write_roles(seeder, unit).await?;
            write_follows(seeder, unit).await
        })
        .await
}

async fn write_profiles(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let categories = list_categories(unit).await?;
    let mut interests = Vec::new();
    for (ordinal, person) in PEOPLE.iter().enumerate() {
        let user_id = seeder.id(person.username)?;
        let bios = person.language.pick(BIOS_AR, BIOS_EN);
        let row = ProfileRow {
            user_id,
            headline: person.headline,
            avatar: format!("https://cdn.majlis.test/avatars/{}.webp", person.username),
            cover: (person.role == "speaker")
                .then(|| format!("https://cdn.majlis.test/covers/{}.webp", person.username)),
            bio: bios.get(ordinal % bios.len()).copied().unwrap_or_default(),
            location: person.location,
            social_links: json!({ "website": format!("https://{}.example.com", person.username.replace('.', "-")) }),
            is_private: PRIVATE.contains(&person.username),
            show_online_status: !HIDDEN.contains(&person.username),
            allow_messages_from: match person.username {
                MESSAGES_FROM_NONE => "none",
                name if MESSAGES_FROM_FOLLOWERS.contains(&name) => "followers",
                _ => "everyone",
            },
            created_at: seeder.ago(400 - i64::try_from(ordinal * 5)?, i64::try_from(ordinal)?),
        };
        update_profile(unit, &row).await?;
        unit.forget_user(user_id);
        let picked: BTreeSet<usize> = [ordinal, ordinal * 3 + 1, ordinal * 5 + 2].into_iter().collect();
        let chosen: BTreeSet<u64> = picked
            .iter()
            .filter_map(|&n| categories.get(n % categories.len().max(1)).map(|(_, id)| *id))
            .collect();
        interests.extend(chosen.into_iter().map(|category_id| (user_id, category_id)));
    }
    insert_interests(unit, &interests).await?;
    Ok(())
}

async fn write_careers(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let day = |year, month| NaiveDate::from_ymd_opt(year, month, 1).context("no such day");
    for (year, (username, title, company, description)) in (2017_i32..).zip(JOBS) {
        let user_id = seeder.id(username)?;
        let arabic = PEOPLE.iter().any(|person| person.username == username && person.language == Lang::Ar);
        let location =
            PEOPLE.iter().find(|person| person.username == username).map_or("", |person| person.location);
        let current = ExperienceRow {
            user_id,
            title,
            company,
            employment_type: if company.contains("مرسم") { "freelance" } else { "full_time" },
            location,
            start_date: day(year.min(2024), 3)?,
            end_date: None,
            description,
            order: 0,
        };
        insert_experience(unit, &current).await?;
        let earlier = ExperienceRow {
            title: if arabic { "متدرب" } else { "Intern" },
            employment_type: "internship",
            start_date: day(year - 3, 6)?,
            end_date: Some(day(year - 2, 2)?),
            description: if arabic {
                "أول خطوة في المجال."
            } else {
                "The first step into the field."
            },
            order: 1,
            ..current
        };
        insert_experience(unit, &earlier).await?;
        let number = format!("CR-{year}-{user_id:05}");
        let certificate = CertificateRow {
            user_id,
            title: if arabic { "شهادة مدرّب معتمد" } else { "Certified Trainer" },
            issuer: if arabic { "أكاديمية المسار" } else { "Pathway Academy" },
            issue_date: day(year, 9)?,
            credential_id: &number,
            credential_url: &format!("https://credentials.example.com/{number}"),
            order: 0,
        };
        insert_user_certificate(unit, &certificate).await?;
    }
    for (username, tags) in EXPERTISE {
        for (order, tag) in (0_u32..).zip(tags) {
            insert_expertise(unit, seeder.id(username)?, tag, order).await?;
        }
    }
    Ok(())
}

async fn write_roles(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let morph = seeder.morph(Morph::User);
    for person in PEOPLE.iter().filter(|person| person.role != "learner") {
        let user_id = seeder.id(person.username)?;
        domain::users::assign_role(seeder.app, unit, user_id, person.role)
            .await
            .with_context(|| format!("{} cannot become {}", person.username, person.role))?;
    }
    // A permission past the roles: the elder moderator may also mark accounts as checked.
    insert_user_permission(unit, seeder.id("nasser.m")?, "users.verify", morph).await?;
    Ok(())
}

/// Everybody follows some neighbours in the list and some speakers. A private account is followed by those whose
/// request it accepted (domain.md §12 I-S2).
async fn write_follows(seeder: &Seeder<'_>, unit: &mut Unit) -> Result<()> {
    let count = PEOPLE.len();
    let mut wanted: BTreeSet<(usize, usize)> = BTreeSet::from([(0, 1), (1, 0)]);
    for follower in 0..count {
        wanted
            .extend([1, 2, 5, 9, 14].map(|step| (follower, (follower + step * (1 + follower % 3)) % count)));
        for (ordinal, person) in PEOPLE.iter().enumerate().filter(|(_, person)| person.role == "speaker") {
            if (follower + ordinal) % 2 == 0 && person.role == "speaker" {
                wanted.insert((follower, ordinal));
            }
        }
    }
    let mut follows = Vec::new();
    let mut all = Vec::with_capacity(count);
    for (follower, following) in wanted {
        let (Some(one), Some(other)) = (PEOPLE.get(follower), PEOPLE.get(following)) else { continue };
        let pair = (one.username, other.username);
        if follower == following || pair == BLOCK || (pair.1, pair.0) == BLOCK {
            continue;
        }
        let ids = (seeder.id(pair.0)?, seeder.id(pair.1)?);
        let at = seeder
            .ago(i64::try_from(1 + (follower * 7 + following * 3) % 90)?, i64::try_from(follower % 24)?);
        let status = match (PRIVATE.contains(&pair.1), (follower * 3 + following) % 4) {
            (false, _) => None,
            (true, 0 | 1) => Some("accepted"),
            (true, 2) => Some("pending"),
            (true, _) => Some("rejected"),
        };
        if let Some(status) = status {
            insert_follow_request(unit, ids, status, at).await?;
        }
        if matches!(status, None | Some("accepted")) {
            follows.push((ids.0, ids.1, at));
        }
    }
    for person in &PEOPLE {
        all.push(seeder.id(person.username)?);
    }
    insert_follows(unit, &follows).await?;
    insert_block(unit, seeder.id(BLOCK.0)?, seeder.id(BLOCK.1)?).await?;
    update_follow_counts(unit, &all).await?;
    Ok(())
}
