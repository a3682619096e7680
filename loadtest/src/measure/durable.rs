//! `durable`: messages acknowledged a second — stored, ordered, fanned out to both users' devices — beside the single-row
//! commits of plain clients on the same database server (issue 5, target 4); with `--room`, so many posts a second into one
//! room and whether their queue grows (target 5).

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::task::JoinSet;

use super::figures::Limit;
use super::options::DurableOptions;
use super::ours::{Ours, aside};
use super::{Outcome, Table, Verdict, median};
use crate::bare::desk::{Account, Address, Desk, Flow, Place};
use crate::bare::process::{self, Busy};
use crate::session;
use crate::stack::Stack;
use crate::stats::float;
use crate::term::complain;

const WARM_UP: Duration = Duration::from_secs(1);
const SETTLE: Duration = Duration::from_secs(15);
/// As long as a short message's text.
const ROW: &str = "0123456789012345678901234567890123456789012345678901234567890123";

/// Commits of one round.
#[derive(Clone, Copy, Debug, Serialize)]
struct Commits {
    seconds: f64,
    commits: u64,
}

/// Processor time of the installation's processes in one window, a message.
#[derive(Clone, Debug, Serialize)]
struct Cost {
    role: String,
    microseconds_a_message: f64,
}

/// One round of messages.
#[derive(Clone, Debug, Serialize)]
struct Sends {
    #[serde(flatten)]
    account: Account,
    costs: Vec<Cost>,
}

/// Measures.
///
/// # Errors
/// It could not be measured.
pub(crate) async fn run(options: &DurableOptions, stack: &mut Option<Stack>) -> Result<Outcome> {
    crate::raise_file_limit();
    let ours = Ours::start(2, usize::try_from(options.accounts)?, &[], stack).await?;
    let places =
        if options.room { room_places(options, &ours)? } else { pair_places(options, &ours).await? };
    let groups = 1 + places.iter().filter_map(|place| place.hears).max().unwrap_or_default();
    let writers = places.iter().filter(|place| place.writes.is_some()).count();
    let processes = ours.target.processes();
    let url = ours.target.database_url.clone().context("the database is not known")?;
    let window = Duration::from_secs(u64::from(options.common.seconds));
    let flow =
        if options.room { Flow::Open(f64::from(options.rate)) } else { Flow::Closed(options.in_flight) };

    let (mut commits, mut sends) = (Vec::new(), Vec::new());
    for number in 1..=options.common.rounds {
        complain(&format!("  {:<14} {number} of {}", "round", options.common.rounds));
        if !options.room {
            commits.push(commit(&url, options.clients, window).await?);
        }
        let (places, processes) = (places.clone(), processes.clone());
        sends.push(aside(move || send(&places, groups, flow, window, &processes)).await?);
    }
    let shape = format!(
        "{} sockets, {writers} of them write, {} accounts, 2 hubs",
        places.len(),
        ours.accounts.len()
    );
    Ok(if options.room {
        tell_room(options, &sends, &shape)
    } else {
        tell(options, &commits, &sends, &shape)
    })
}

/// The devices of pairs of users, on both hubs. All of them write and hear.
async fn pair_places(options: &DurableOptions, ours: &Ours) -> Result<Vec<Place>> {
    let pairs = session::pair(&ours.target.api, &ours.accounts, ours.accounts.len() / 2).await?;
    let mut places = Vec::new();
    for (group, pair) in pairs.iter().enumerate() {
        for (side, account) in [pair.first, pair.second].into_iter().enumerate() {
            let account = ours.accounts.get(account).context("there is no such account")?;
            for device in 0..usize::try_from(options.devices)? {
                places.push(Place {
                    hub: ours.hub((group + side + device) % 2)?.0,
                    token: account.token.to_string(),
                    hears: Some(group),
                    channel: format!("user:{}", account.id),
                    subscribes: false,
                    writes: Some(Address::Conversation(pair.conversation_id, group)),
                });
            }
        }
    }
    Ok(places)
}

/// Some who listen to the first room, and some who post in it.
fn room_places(options: &DurableOptions, ours: &Ours) -> Result<Vec<Place>> {
    let room = ours.room()?;
    let mut places = Vec::new();
    for index in 0..usize::try_from(options.listeners + options.writers)? {
        let listens = index < usize::try_from(options.listeners)?;
        let account = ours.accounts.get(index % ours.accounts.len().max(1)).context("nobody is signed in")?;
        places.push(Place {
            hub: ours.hub(index % 2)?.0,
            token: account.token.to_string(),
            hears: listens.then_some(0),
            channel: format!("room:{room}"),
            subscribes: listens,
            writes: (!listens).then_some(Address::Room(room, 0)),
        });
    }
    Ok(places)
}

fn send(
    places: &[Place],
    groups: usize,
    flow: Flow,
    window: Duration,
    processes: &[(String, u32)],
) -> Result<Sends> {
    let mut desk = Desk::open(places, groups)?;
    let mut looks: Vec<Vec<Busy>> = Vec::new();
    let account = desk.run(flow, (WARM_UP, window, SETTLE), &mut || {
        looks.push(processes.iter().map(|(_, pid)| process::busy(*pid)).collect::<Result<_>>()?);
        Ok(())
    })?;
    let mut costs = Vec::new();
    if let [before, after] = looks.as_slice() {
        for ((role, _), (before, after)) in processes.iter().zip(before.iter().zip(after)) {
            let busy = after.since(before).as_secs_f64() * 1e6;
            let microseconds_a_message = busy / float(account.acknowledged.max(1));
            costs.push(Cost { role: role.clone(), microseconds_a_message });
        }
    }
    Ok(Sends { account, costs })
}

/// Plain clients, each with a connection of its own, each committing one row after the other.
async fn commit(url: &str, clients: u32, window: Duration) -> Result<Commits> {
    let mut owner = MySqlConnection::connect(url).await.context("the database cannot be reached")?;
    owner.execute("DROP TABLE IF EXISTS loadtest_commits").await?;
    owner
        .execute(
            "CREATE TABLE loadtest_commits (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
             body VARCHAR(100) NOT NULL, created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB",
        )
        .await?;
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections
            .push(MySqlConnection::connect(url).await.context("the database takes no more connections")?);
    }
    let opens = Instant::now() + WARM_UP;
    let closes = opens + window;
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        tasks.spawn(async move {
            let mut commits = 0_u64;
            loop {
                sqlx::query("INSERT INTO loadtest_commits (body) VALUES (?)")
                    .bind(ROW)
                    .execute(&mut connection)
                    .await?;
                let now = Instant::now();
                if now >= closes {
                    connection.close().await?;
                    return anyhow::Ok(commits);
                }
                commits += u64::from(now >= opens);
            }
        });
    }
    let mut commits = 0;
    while let Some(done) = tasks.join_next().await {
        commits += done.context("a client ended unexpectedly")??;
    }
    owner.execute("DROP TABLE loadtest_commits").await?;
    owner.close().await?;
    ensure!(commits > 0, "nothing was committed");
    Ok(Commits { seconds: window.as_secs_f64(), commits })
}

fn tell(options: &DurableOptions, commits: &[Commits], sends: &[Sends], shape: &str) -> Outcome {
    let plain = median(commits.iter().map(|round| float(round.commits) / round.seconds));
    let sent = median(sends.iter().map(|round| round.account.rate()));
    let ratio = sent / plain.max(f64::MIN_POSITIVE);
    let middle = |figure: fn(&Account) -> f64| median(sends.iter().map(|round| figure(&round.account)));
    let rows = vec![
        vec![
            format!("{} plain clients, single-row commits", options.clients),
            format!("{plain:.0}"),
            "1.00".to_owned(),
        ],
        vec![
            "1:1 messages, acknowledged and heard".to_owned(),
            format!("{sent:.0}"),
            format!("{ratio:.2}"),
            format!("{:.1}", middle(|account| account.p50_ms)),
            format!("{:.1}", middle(|account| account.p99_ms)),
            format!("{:.1}", middle(|account| account.delivery_p99_ms)),
        ],
    ];
    let table = Table {
        title: format!(
            "durable sends, {shape}, {} under way each, {} s a round, median of {} rounds",
            options.in_flight, options.common.seconds, options.common.rounds
        ),
        head: vec!["what", "a second", "ratio", "ack p50 ms", "ack p99 ms", "delivery p99 ms"],
        rows,
    };
    let mut verdicts = vec![Verdict {
        what: "acknowledged 1:1 messages in multiples of single-row commits".to_owned(),
        figure: ratio,
        limit: Limit::at_least(options.at_least),
    }];
    verdicts.extend(faults(sends));
    let figures = json!({"shape": shape, "commits": commits, "sends": sends, "ratio": ratio});
    Outcome { tables: vec![table, costs(sends)], verdicts, notes: Vec::new(), figures }
}

fn tell_room(options: &DurableOptions, sends: &[Sends], shape: &str) -> Outcome {
    let rows = sends
        .iter()
        .zip(1..)
        .map(|(round, number)| {
            let Account { p50_ms, first_quarter_p99_ms, last_quarter_p99_ms, unanswered, .. } =
                &round.account;
            let quarter = unanswered.len() / 4;
            let middle =
                |part: Option<&[u64]>| median(part.unwrap_or_default().iter().map(|count| float(*count)));
            vec![
                format!("round {number}"),
                format!("{:.0}", float(round.account.written) / round.account.seconds.max(0.001)),
                format!("{:.0}", round.account.rate()),
                format!("{p50_ms:.1}"),
                format!("{first_quarter_p99_ms:.1}"),
                format!("{last_quarter_p99_ms:.1}"),
                format!("{:.0}", middle(unanswered.get(..quarter))),
                format!("{:.0}", middle(unanswered.get(unanswered.len() - quarter..))),
                format!("{:.1}", round.account.delivery_p99_ms),
            ]
        })
        .collect();
    let table = Table {
        title: format!(
            "{} posts/s into one room for {} s, {shape}, {} listeners",
            options.rate, options.common.seconds, options.listeners
        ),
        head: vec![
            "",
            "written/s",
            "ack/s",
            "ack p50 ms",
            "p99, first quarter",
            "p99, last quarter",
            "unanswered, first",
            "unanswered, last",
            "delivery p99 ms",
        ],
        rows,
    };
    let kept = median(
        sends.iter().map(|round| float(round.account.acknowledged) / float(round.account.written.max(1))),
    );
    let mut verdicts = vec![Verdict {
        what: format!("acknowledged of the {} posts/s written in the window", options.rate),
        figure: kept,
        limit: Limit::AtLeast(options.at_least.unwrap_or(0.98)),
    }];
    verdicts.extend(faults(sends));
    let figures = json!({"shape": shape, "sends": sends});
    Outcome { tables: vec![table, costs(sends)], verdicts, notes: Vec::new(), figures }
}

/// Losses and the like are fatal whatever was asked for.
fn faults(sends: &[Sends]) -> Vec<Verdict> {
    let total = |figure: fn(&Account) -> u64| float(sends.iter().map(|round| figure(&round.account)).sum());
    [
        ("acknowledged and not heard by everybody", total(|account| account.lost)),
        ("heard twice", total(|account| account.duplicated)),
        ("never acknowledged", total(|account| account.unacknowledged)),
    ]
    .into_iter()
    .map(|(what, figure)| Verdict { what: what.to_owned(), figure, limit: Limit::AtMost(0.0) })
    .collect()
}

fn costs(sends: &[Sends]) -> Table {
    let roles: Vec<&str> =
        sends.first().map_or(Vec::new(), |round| round.costs.iter().map(|cost| cost.role.as_str()).collect());
    let rows = roles
        .into_iter()
        .map(|role| {
            let of = sends.iter().flat_map(|round| &round.costs).filter(|cost| cost.role == role);
            vec![role.to_owned(), format!("{:.1}", median(of.map(|cost| cost.microseconds_a_message)))]
        })
        .collect();
    Table {
        title: "processor time of an acknowledged message".to_owned(), head: vec!["process", "µs"], rows
    }
}
