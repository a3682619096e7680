//! The smaller commands: migrate, seed, doctor, token, openapi.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::{Bus, BusSettings};
use config::{ExistingServers, Settings};
use domain::App;
use store::Store;

use crate::cli::{DoctorOptions, Place, RecountOptions, TokenOptions};
use crate::data_dir::{UpFile, read_secrets};
use crate::seed;
use crate::term::{complain, say};

/// Connects the handles that operations need.
pub(crate) async fn app(settings: Settings) -> Result<App> {
    let store = Store::connect(settings.database.url.expose(), settings.database.max_connections)
        .await
        .context("the database in DATABASE_URL does not answer")?;
    let node = base::id::ulid();
    let redis = BusSettings::new(settings.redis.url.expose(), settings.redis.prefix.clone(), node);
    let bus = Bus::connect(redis).await.context("the Redis in REDIS_URL does not answer")?;
    Ok(App::start(store, bus, settings).await?)
}

/// Applies what is missing; gives a sentence about it.
pub(crate) async fn apply_migrations(database_url: &str, progress: impl Fn(&str)) -> Result<String> {
    let store =
        Store::connect(database_url, 2).await.context("the database in DATABASE_URL does not answer")?;
    let applied = store
        .migrate(|step| {
            if let store::migrate::Progress::Applying { migration, .. } = step {
                progress(migration.name);
            }
        })
        .await?;
    store.close().await;
    Ok(if applied == 0 { "up to date".to_owned() } else { format!("{applied} migrations applied") })
}

/// Settings of the environment; servers that it does not name are those of the `majlis up` in the data folder.
fn settings_of(place: &Place) -> Result<Settings> {
    let existing = ExistingServers::from_env();
    let running = UpFile::read(&place.data)?;
    if running.is_none() && (existing.database_url.is_none() || existing.redis_url.is_none()) {
        bail!(
            "no `majlis up` runs in {}, and DATABASE_URL and REDIS_URL are not both set: start one or set them",
            place.data.display()
        );
    }
    let of_folder = read_secrets(&place.data).ok().map(|secrets| secrets.jwt);
    // Without any secret a tool signs nothing that a door would accept, and most need none.
    let secret = of_folder.unwrap_or_else(|| base::id::random_text(48, base::id::ALPHANUMERIC));
    Ok(Settings::from_env_with(|name| match name {
        "DATABASE_URL" if existing.database_url.is_none() => {
            running.as_ref().map(|up| up.database_url.clone())
        }
        "REDIS_URL" if existing.redis_url.is_none() => running.as_ref().map(|up| up.redis_url.clone()),
        "MAJLIS_JWT_SECRET" if !config::is_set(name) => Some(secret.clone()),
        _ => None,
    })?)
}

/// The database's URL alone: what works without Redis must not ask for it.
fn database_of(place: &Place) -> Result<String> {
    match ExistingServers::from_env().database_url {
        Some(url) => Ok(url.expose().to_owned()),
        None => UpFile::read(&place.data)?.map(|up| up.database_url).with_context(|| {
            format!(
                "no `majlis up` runs in {}, and DATABASE_URL is not set: start one or set it",
                place.data.display()
            )
        }),
    }
}

pub(crate) async fn migrate(place: &Place) -> Result<ExitCode> {
    let summary = apply_migrations(&database_of(place)?, |file| say(&format!("  {file}"))).await?;
    say(&summary);
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn seed(place: &Place) -> Result<ExitCode> {
    let app = app(settings_of(place)?).await?;
    let world = seed::run(&app, |part| say(&format!("  {part}"))).await?;
    say(&world.summary);
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn doctor(options: &DoctorOptions) -> Result<ExitCode> {
    let store =
        Store::connect(&database_of(&options.place)?, 1).await.context("the database does not answer")?;
    let mut conn = store.reader().await?;
    if options.describe {
        say(store::schema::describe(&mut conn).await?.to_json()?.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let findings = store::doctor::diagnose(&mut conn).await?;
    let errors = findings.iter().filter(|finding| finding.severity == store::doctor::Severity::Error).count();
    for finding in &findings {
        complain(&finding.to_string());
    }
    if findings.is_empty() {
        say("The schema is as expected.");
    } else {
        say(&format!("{errors} errors, {} warnings", findings.len() - errors));
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) async fn recount(options: &RecountOptions) -> Result<ExitCode> {
    let app = app(settings_of(&options.place)?).await?;
    let drifts = domain::system::recount(&app, options.fix, |counter| say(&format!("  {counter}"))).await?;
    for drift in &drifts {
        let outcome = if drift.fixed { "mended" } else { "left" };
        complain(&format!(
            "{} of {}: {} instead of {}, {outcome}",
            drift.counter, drift.id, drift.kept, drift.counted
        ));
    }
    let left = drifts.iter().filter(|drift| !drift.fixed).count();
    say(&match drifts.len() {
        0 => format!("All {} counters are right.", domain::system::counters().count()),
        all => format!("{all} rows had drifted, {left} are left so."),
    });
    app.store.close().await;
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) async fn reconcile(place: &Place) -> Result<ExitCode> {
    let app = app(settings_of(place)?).await?;
    let outcome = domain::wallet::reconcile_ledger(&app).await?;
    for finding in &outcome.findings {
        let ids: Vec<String> = finding.ids.iter().map(u64::to_string).collect();
        complain(&format!(
            "{}: {} rows of {} ({})",
            finding.check,
            finding.count,
            finding.table,
            ids.join(", ")
        ));
    }
    say(&match outcome.findings.len() {
        0 => format!("All {} checks of the ledger hold.", outcome.checks.len()),
        broken => format!("{broken} of {} checks of the ledger do not hold.", outcome.checks.len()),
    });
    app.store.close().await;
    Ok(if outcome.balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) async fn token(options: &TokenOptions) -> Result<ExitCode> {
    let app = app(settings_of(&options.place)?).await?;
    let user = domain::users::find_user(&app, None, &options.user)
        .await
        .with_context(|| format!("there is no user {}", options.user))?;
    let token =
        domain::users::mint_access_token(&app, user.card.id, Duration::from_secs(options.seconds)).await?;
    say(&token);
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn openapi() -> Result<ExitCode> {
    say(&serde_json::to_string_pretty(&api::openapi())?);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn asyncapi() -> Result<ExitCode> {
    say(&serde_json::to_string_pretty(&protocol::asyncapi::document())?);
    Ok(ExitCode::SUCCESS)
}

/// The folder of a running `majlis up`, or a sentence.
pub(crate) fn running(folder: &Path) -> Result<UpFile> {
    UpFile::read(folder)?
        .with_context(|| format!("no `majlis up` runs in {}: start one with `cargo run`", folder.display()))
}
