//! The command lines of MySQL and MariaDB servers. `--loose-` marks what some version does not know.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use crate::place;
use crate::programs::{Kind, Program};

/// What a run of the server needs to know.
pub(super) struct RunFlags<'a> {
    pub(super) home: &'a Path,
    pub(super) data: &'a Path,
    pub(super) socket: &'a Path,
    pub(super) max_connections: u32,
    pub(super) throwaway: bool,
}

/// `--name=path`.
pub(super) fn path_flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push("=");
    flag.push(path);
    flag
}

/// The words with which every call of the server begins. `scratch` is a directory of this server's own: MariaDB
/// removes all temporary tables that it finds there when it starts, those of others too.
pub(super) fn base_command(program: &Program, data: &Path, scratch: &Path) -> Result<Vec<OsString>> {
    let mut words = program.command_line();
    // Must come first. The machine's option files are not ours.
    words.push("--no-defaults".into());
    if let Some(root) = program.root() {
        let base = root.join("usr");
        words.push(path_flag("--basedir", &base));
        words.push(path_flag("--lc-messages-dir", &base.join("share/mysql")));
        words.push(path_flag("--plugin-dir", &base.join("lib/mysql/plugin")));
    }
    words.push(path_flag("--datadir", data));
    words.push(path_flag("--tmpdir", scratch));
    if place::user_id()? == 0 {
        // Servers refuse to run as root unless told so.
        words.push("--user=root".into());
    }
    let engine: &[&str] = match program.kind() {
        // RSA keys and certificates are for TCP: making them takes a second.
        Kind::MySql => &[
            "--mysqlx=OFF",
            "--secure-file-priv=NULL",
            "--loose-innodb-redo-log-capacity=64M",
            // Cascades as InnoDB does them: those of MySQL 9.6 and later's SQL layer lose some (see store::doctor).
            "--loose-innodb-native-foreign-keys=ON",
            "--loose-auto-generate-certs=OFF",
            "--loose-caching-sha2-password-auto-generate-rsa-keys=OFF",
            "--loose-sha256-password-auto-generate-rsa-keys=OFF",
        ],
        _ => &["--innodb-log-file-size=64M"],
    };
    words.extend(engine.iter().map(OsString::from));
    words.extend(
        ["--skip-log-bin", "--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci"]
            .map(OsString::from),
    );
    Ok(words)
}

/// The whole command of a running server.
pub(super) fn run_command(program: &Program, flags: &RunFlags<'_>) -> Result<Vec<OsString>> {
    let mut words = base_command(program, flags.data, &flags.home.join("tmp"))?;
    words.extend([
        path_flag("--socket", flags.socket),
        path_flag("--pid-file", &flags.home.join("mysql.pid")),
        format!("--max-connections={}", flags.max_connections).into(),
    ]);
    words.extend(
        [
            "--skip-networking",
            "--default-time-zone=+00:00",
            "--max-allowed-packet=64M",
            "--performance-schema=OFF",
        ]
        .map(OsString::from),
    );
    let purpose: &[&str] = if flags.throwaway {
        &[
            "--innodb-buffer-pool-size=128M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=OFF",
            "--loose-innodb-flush-method=nosync",
            "--loose-debug-no-sync=1",
            // Otherwise each CREATE TABLE also writes to the statistics tables.
            "--innodb-stats-persistent=OFF",
            // A DROP need not search it for the table's pages.
            "--innodb-adaptive-hash-index=OFF",
            // Many servers at a time would use up the machine's asynchronous requests (fs.aio-max-nr).
            "--innodb-use-native-aio=OFF",
            "--innodb-buffer-pool-load-at-startup=OFF",
            "--innodb-buffer-pool-dump-at-shutdown=OFF",
            // Tests make hundreds of databases. With fewer definitions at hand MySQL gives statements up that had to be
            // prepared again too often (error 1615).
            "--table-definition-cache=20000",
            "--table-open-cache=4000",
        ]
    } else {
        &["--innodb-buffer-pool-size=256M", "--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=ON"]
    };
    words.extend(purpose.iter().map(OsString::from));
    Ok(words)
}
