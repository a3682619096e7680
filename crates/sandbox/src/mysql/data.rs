//! Data directories: made empty, checked, and copied from one that was made before.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{flags, run_once};
use crate::guardian::Charge;
use crate::log::Log;
use crate::place;
use crate::programs::{Kind, Program};

/// Counted up when the way of making a data directory changes, so that cached ones are made anew.
const TEMPLATE_REVISION: u32 = 1;

/// MariaDB's own tables as SQL, in order; each under its name until 10.11 and from 11.
const MARIADB_SCRIPTS: [[&str; 2]; 5] = [
    ["mysql_system_tables.sql", "mariadb_system_tables.sql"],
    ["mysql_performance_tables.sql", "mariadb_performance_tables.sql"],
    ["mysql_system_tables_data.sql", "mariadb_system_tables_data.sql"],
    ["maria_add_gis_sp_bootstrap.sql", "maria_add_gis_sp_bootstrap.sql"],
    ["mysql_sys_schema.sql", "mariadb_sys_schema.sql"],
];

/// Refuses a data directory that this engine cannot have made.
///
/// # Errors
/// When it is incomplete, or of the other engine.
pub(super) fn check(program: &Program, data: &Path) -> Result<()> {
    // MySQL 8 and later keep their dictionary in mysql.ibd, which MariaDB never had; Aria is MariaDB's.
    let made_by = if data.join("mysql.ibd").exists() {
        Kind::MySql
    } else if data.join("aria_log_control").exists() {
        Kind::MariaDb
    } else {
        bail!(
            "{} is not a complete data directory of MySQL or MariaDB: run again with --fresh to begin with empty data",
            data.display()
        );
    };
    if made_by != program.kind() {
        bail!(
            "the data in {} was made by {made_by} and {} cannot read it: run again with --fresh to begin with empty \
             data, or set MAJLIS_MYSQLD to a {made_by} server",
            data.display(),
            program.name()
        );
    }
    Ok(())
}

/// Makes an empty data directory with user root and no password. It appears under its name only when it
/// is complete. `lock` is the lock under which this happens.
///
/// # Errors
/// When the server fails at it, with what it said.
pub(super) async fn initialise(program: &Program, data: &Path, lock: &File) -> Result<()> {
    let parent = data.parent().context("a data directory has a parent")?;
    let name = data.file_name().context("a data directory has a name")?.to_string_lossy();
    let unfinished = parent.join(format!("{name}.new"));
    let scratch = parent.join(format!("{name}.tmp"));
    place::remove_dir(&unfinished)?;
    place::remove_dir(&scratch)?;
    place::create_private_dir(&scratch)?;
    let mut command;
    let mut input = None;
    match (program.kind(), mariadb_sql(program)) {
        (Kind::MySql, _) => {
            // MySQL insists on making the directory itself, or on finding it empty.
            command = flags::base_command(program, &unfinished, &scratch)?;
            command.push("--initialize-insecure".into());
        }
        (_, Some(sql)) => {
            place::create_private_dir(&unfinished)?;
            let file = parent.join(format!("{name}.sql"));
            fs::write(&file, sql).with_context(|| format!("cannot write {}", file.display()))?;
            input = Some(file);
            command = flags::base_command(program, &unfinished, &scratch)?;
            command.extend(
                [
                    "--bootstrap",
                    "--log-warnings=0",
                    "--enforce-storage-engine=",
                    "--max-allowed-packet=8M",
                    "--net-buffer-length=16K",
                ]
                .map(Into::into),
            );
        }
        (_, None) => {
            place::create_private_dir(&unfinished)?;
            command = vec![install_script(program)?.into_os_string()];
            command.extend(
                [
                    "--no-defaults",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    "--skip-name-resolve",
                ]
                .map(Into::into),
            );
            command.push(flags::path_flag("--datadir", &unfinished));
            command.push(flags::path_flag("--tmpdir", &scratch));
            if place::user_id()? == 0 {
                command.push("--user=root".into());
            }
        }
    }
    run_once(Charge {
        name: program.name(),
        command,
        grace_seconds: 0,
        remove: Vec::new(),
        log: Log::open(parent.join(format!("{name}.initialise.log")))?,
        input: input.clone(),
        lock: lock.try_clone()?,
    })
    .await?;
    if let Some(file) = input {
        fs::remove_file(file)?;
    }
    place::remove_dir(&scratch)?;
    fs::rename(&unfinished, data).with_context(|| format!("cannot write {}", data.display()))
}

/// The directories that may be the server's installation directory: those above it.
fn install_dirs(program: &Program) -> Vec<PathBuf> {
    let real = fs::canonicalize(program.path()).unwrap_or_else(|_| program.path().to_owned());
    real.ancestors().skip(2).take(2).map(Path::to_owned).collect()
}

/// The SQL that makes MariaDB's own tables, from the files that come with the server. It is what its
/// `mariadb-install-db` runs with `--auth-root-authentication-method=normal --skip-name-resolve
/// --skip-test-db`, without the help texts, and without that script's need for other programs.
fn mariadb_sql(program: &Program) -> Option<String> {
    let dir = install_dirs(program)
        .into_iter()
        .flat_map(|base| ["share/mysql", "share/mariadb", "share"].map(|share| base.join(share)))
        .find(|dir| MARIADB_SCRIPTS.iter().all(|names| names.iter().any(|name| dir.join(name).is_file())))?;
    let mut sql =
        String::from("create database if not exists mysql;\nuse mysql;\nSET @auth_root_socket=NULL;\n");
    for names in MARIADB_SCRIPTS {
        let text = names.iter().find_map(|name| fs::read_to_string(dir.join(name)).ok())?;
        for line in text.lines().filter(|line| !line.contains("@current_hostname")) {
            sql.push_str(line);
            sql.push('\n');
        }
    }
    Some(sql)
}

fn install_script(program: &Program) -> Result<PathBuf> {
    install_dirs(program)
        .into_iter()
        .flat_map(|base| ["bin", "scripts"].map(|dir| base.join(dir)))
        .flat_map(|dir| ["mariadb-install-db", "mysql_install_db"].map(|name| dir.join(name)))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "neither the SQL files nor mariadb-install-db lie near {}: install the whole of MariaDB (Debian, Ubuntu: \
                 apt install mariadb-server-core)",
                program.path().display()
            )
        })
}

/// Copies the empty data directory that is kept for this program, and makes that one first if need be.
///
/// # Errors
/// As [`initialise`], or when the copy fails.
pub(super) async fn copy_template(program: &Program, data: &Path) -> Result<()> {
    let cache = place::cache_dir()?;
    let name = format!("{}-{}-{TEMPLATE_REVISION}", program.slug(), place::user_id()?);
    let template = cache.join(&name);
    let lock = place::open_lock(&cache.join(format!("{name}.lock")))?;
    // Test binaries that start together wait for one of them to make it.
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    if !template.exists() {
        initialise(program, &template, &lock).await?;
    }
    drop(lock);
    let data = data.to_owned();
    tokio::task::spawn_blocking(move || place::copy_dir(&template, &data)).await?
}
