//! `reads`: a list page of the API beside a bare axum and sqlx handler that runs the same statement (issue 5, target 7).
//!
//! The statement is not copied from the source: the database tells which ones the API runs for the page, and the bare
//! handler runs the one that reads the rows. Each server has a core to itself in its turn; the database and the tester
//! share another one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row};

use super::figures::Limit;
use super::options::ReadsOptions;
use super::ours::{Ours, aside};
use super::{Outcome, Table, Verdict, median};
use crate::bare::process::Served;
use crate::bare::requests::{Answers, Question, ask, ask_once};
use crate::stack::Stack;
use crate::term::complain;

const WARM_UP: Duration = Duration::from_secs(1);
/// So often the page is asked for while the database takes down what it runs: what ran for it ran so many times.
const LISTENED: usize = 5;

/// What the API runs for a page.
struct Listened {
    /// Every statement, in order.
    all: Vec<String>,
    /// The one that gave the most rows, and how many.
    list: (String, usize),
}

/// Measures.
///
/// # Errors
/// It could not be measured.
pub(crate) async fn run(options: &ReadsOptions, stack: &mut Option<Stack>) -> Result<Outcome> {
    crate::raise_file_limit();
    let ours = Ours::start(1, 1, &[("TOKIO_WORKER_THREADS", "1")], stack).await?;
    let url = ours.target.database_url.clone().context("the database is not known")?;
    let api: SocketAddr =
        ours.target.api.trim_start_matches("http://").parse().context("the API's address cannot be read")?;
    let token = ours.accounts.first().filter(|_| !options.guest).map(|account| account.token.to_string());
    let question = Question { path: options.path.clone(), token };
    let listened = listen(&url, api, &question).await?;
    let body = ask_once(api, &question)?;
    let rows = rows_of(&body).context("the page's `data` is no list")?;
    ensure!(rows > 0, "{} lists nothing: there is nothing to compare", options.path);
    let processes: BTreeMap<String, u32> = ours.target.processes().into_iter().collect();
    let api_pid = *processes.get("api").context("the API's process is not known")?;

    let serve = |asks: bool| {
        let mut arguments = vec!["bare-reads".to_owned(), "--database".to_owned(), url.clone()];
        arguments.extend(["--pool".to_owned(), options.pool.to_string()]);
        if !asks {
            arguments.push("--unasked".to_owned());
        }
        arguments.extend(["--statement".to_owned(), listened.list.0.clone()]);
        Served::start(&arguments, &[("TOKIO_WORKER_THREADS", "1")])
    };
    let (usual, unasked) = (serve(true)?, serve(false)?);
    let cores = ours.pin(&[api_pid, usual.pid(), unasked.pid()])?;
    let page = Question { path: "/".to_owned(), token: None };
    let bare_rows = rows_of(&ask_once(usual.address, &page)?).context("the bare page's `data` is no list")?;
    // A page asks for one row more than it shows, to know whether another one follows.
    ensure!(
        bare_rows == rows || bare_rows == rows + 1,
        "{rows} rows of the API, {bare_rows} of the bare page"
    );

    let asked = options.clone();
    let rounds = aside(move || {
        let mut rounds: [Vec<Answers>; 3] = Default::default();
        let window = Duration::from_secs(u64::from(asked.common.seconds));
        for number in 1..=asked.common.rounds {
            complain(&format!("  {:<14} {number} of {}", "round", asked.common.rounds));
            let servers = [
                (usual.address, &page, usual.pid()),
                (unasked.address, &page, unasked.pid()),
                (api, &question, api_pid),
            ];
            for ((address, question, pid), into) in servers.into_iter().zip(&mut rounds) {
                into.push(ask(address, question, asked.connections, pid, (WARM_UP, window))?);
            }
        }
        Ok(rounds)
    })
    .await?;
    let mut notes = vec![match cores {
        Some(cores) => format!(
            "the measured server ran on core {}, database and tester on core {}",
            cores.measured, cores.others
        ),
        None => "there is only one core: nothing was kept apart".to_owned(),
    }];
    notes.push(format!(
        "the API ran {} statement(s) for the page, the bare server the one that reads its rows: {}",
        listened.all.len(),
        listened.list.0
    ));
    Ok(tell(options, &rounds, (rows, &listened), notes))
}

fn tell(
    options: &ReadsOptions,
    [usual, unasked, api]: &[Vec<Answers>; 3],
    (rows, listened): (usize, &Listened),
    notes: Vec<String>,
) -> Outcome {
    let middle = |rounds: &[Answers], figure: fn(&Answers) -> f64| median(rounds.iter().map(figure));
    let rate = |rounds: &[Answers]| middle(rounds, |answers| answers.per_second);
    let base = rate(usual).max(f64::MIN_POSITIVE);
    let line = |name: &str, rounds: &[Answers]| {
        vec![
            name.to_owned(),
            format!("{:.0}", rate(rounds)),
            format!("{:.2}", rate(rounds) / base),
            format!("{:.0}", middle(rounds, |answers| answers.microseconds_a_request)),
            format!("{:.2}", middle(rounds, |answers| answers.p50_ms)),
            format!("{:.2}", middle(rounds, |answers| answers.p99_ms)),
            rounds.first().map_or(String::new(), |answers| answers.body_bytes.to_string()),
        ]
    };
    let table = Table {
        title: format!(
            "GET {} ({rows} rows, {}), {} connections, {} s a round, median of {} rounds",
            options.path,
            if options.guest { "as a guest" } else { "signed in" },
            options.connections,
            options.common.seconds,
            options.common.rounds
        ),
        head: vec!["server", "requests/s", "ratio", "µs/request", "p50 ms", "p99 ms", "bytes"],
        rows: vec![
            line("bare axum and sqlx", usual),
            line("the same, its pool asking nothing", unasked),
            line("API", api),
        ],
    };
    let against = |bare: &[Answers]| rate(api) / rate(bare).max(f64::MIN_POSITIVE);
    let verdicts = vec![
        Verdict {
            what: "requests/s of the API in multiples of the bare handler's".to_owned(),
            figure: against(usual),
            limit: Limit::at_least(options.at_least),
        },
        Verdict {
            what: "the same, where the bare handler's pool does not ask whether connections live".to_owned(),
            figure: against(unasked),
            limit: Limit::None,
        },
    ];
    let figures = json!({
        "path": options.path, "guest": options.guest, "connections": options.connections, "rows": rows,
        "statements": listened.all, "statement": listened.list.0,
        "bare": usual, "bare_unasked": unasked, "api": api, "ratio": against(usual), "ratio_unasked": against(unasked),
    });
    Outcome { tables: vec![table], verdicts, notes, figures }
}

/// The number of items in the answer's `data`.
fn rows_of(body: &[u8]) -> Option<usize> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("data")?.as_array()?.len())
}

/// Lets the database take down what it runs while the page is asked for some times.
async fn listen(url: &str, api: SocketAddr, question: &Question) -> Result<Listened> {
    let mut connection = MySqlConnection::connect(url).await.context("the database cannot be reached")?;
    connection
        .execute("SET GLOBAL log_output = 'TABLE'")
        .await
        .context("the database's log cannot be used")?;
    connection.execute("SET GLOBAL general_log = 1").await?;
    let texts = written_down(&mut connection, api, question).await;
    connection.execute("SET GLOBAL general_log = 0").await?;
    // Statements that were prepared while the log was on go on being spelt out.
    end_others(&mut connection).await?;
    let all = repeated(&texts?, LISTENED);
    ensure!(!all.is_empty(), "{} runs no statement of its own each time: it is cached", question.path);
    let mut list: Option<(String, usize)> = None;
    for text in &all {
        let rows = sqlx::query(AssertSqlSafe(text.clone())).fetch_all(&mut connection).await?.len();
        if list.as_ref().is_none_or(|(_, most)| rows > *most) {
            list = Some((text.clone(), rows));
        }
    }
    connection.close().await?;
    // The API connects and prepares anew.
    warm(api, question)?;
    Ok(Listened { all, list: list.context("no statement reads the page's rows")? })
}

/// What was read from the database meanwhile, in order.
async fn written_down(
    connection: &mut MySqlConnection,
    api: SocketAddr,
    question: &Question,
) -> Result<Vec<String>> {
    // The log holds the values of those statements alone that were prepared while it was on.
    end_others(connection).await?;
    warm(api, question)?;
    connection.execute("TRUNCATE TABLE mysql.general_log").await?;
    for _ in 0..LISTENED {
        ask_once(api, question)?;
    }
    let lines = sqlx::query(
        "SELECT CAST(argument AS CHAR) FROM mysql.general_log \
         WHERE command_type IN ('Query', 'Execute') ORDER BY event_time",
    )
    .fetch_all(connection)
    .await?;
    let mut texts = Vec::new();
    for line in lines {
        let text: String = line.try_get_unchecked(0)?;
        let text = text.trim();
        let first = text.split_whitespace().next().unwrap_or_default();
        if first.eq_ignore_ascii_case("select") || first.eq_ignore_ascii_case("with") {
            texts.push(text.to_owned());
        }
    }
    Ok(texts)
}

/// Ends everybody else's idle connections to this database; they come back by themselves.
async fn end_others(connection: &mut MySqlConnection) -> Result<()> {
    let ids = sqlx::query(
        "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist \
         WHERE db = DATABASE() AND id <> CONNECTION_ID() AND command = 'Sleep'",
    )
    .fetch_all(&mut *connection)
    .await?;
    for id in ids {
        let id: u64 = id.try_get_unchecked(0)?;
        // It may have gone by itself.
        let _gone = connection.execute(AssertSqlSafe(format!("KILL {id}"))).await;
    }
    Ok(())
}

/// Fills caches and prepares statements.
fn warm(api: SocketAddr, question: &Question) -> Result<()> {
    (0..20).try_for_each(|_| ask_once(api, question).map(drop))
}

/// The statements that ran at least so often, in the order of their first run; numbers in them may differ.
fn repeated(texts: &[String], times: usize) -> Vec<String> {
    let shape = |text: &str| {
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect::<String>()
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        *counts.entry(shape(text)).or_default() += 1;
    }
    let mut found = Vec::new();
    for text in texts {
        if counts.get(&shape(text)).is_some_and(|count| *count >= times)
            && !found.iter().any(|known: &String| shape(known) == shape(text))
        {
            found.push(text.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{repeated, rows_of};

    #[test]
    fn what_ran_for_every_request_is_told_from_what_ran_by_itself() {
        let texts = [
            "SELECT 1 FROM a WHERE t > 10",
            "SELECT b",
            "SELECT 1 FROM a WHERE t > 20",
            "SELECT c",
            "SELECT b",
        ]
        .map(str::to_owned);
        assert_eq!(repeated(&texts, 2), ["SELECT 1 FROM a WHERE t > 10", "SELECT b"]);
        assert_eq!(rows_of(br#"{"data":[1,2],"meta":{}}"#), Some(2));
        assert_eq!(rows_of(br#"{"data":{}}"#), None);
    }
}
