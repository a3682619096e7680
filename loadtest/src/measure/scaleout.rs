//! `scaleout`: what a delivery costs a hub as nodes are added, each with as many subscribers (issue 5, target 8).

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;

use super::fanout::greeting;
use super::figures::{Limit, spread};
use super::options::ScaleoutOptions;
use super::ours::{Ours, aside};
use super::{Outcome, Table, Verdict, median};
use crate::bare::closed::{HUB_PATH, HubPublishers, Pace, Plan, Publisher, round};
use crate::bare::crowd::{Crowd, Numbering};
use crate::stack::Stack;
use crate::stats::float;
use crate::term::{complain, grouped};

const ACCOUNTS: usize = 20;
const WARM_UP: Duration = Duration::from_secs(1);
const OTHER_FILES: u64 = 200;
/// Sockets that post.
const POSTERS: usize = 4;

/// One round.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    nodes: u32,
    deliveries: u64,
    deliveries_per_second: f64,
    microseconds_a_delivery: f64,
    /// Of each node that had listeners.
    each: Vec<f64>,
    p99_ms: f64,
}

/// Measures.
///
/// # Errors
/// It could not be measured.
pub(crate) async fn run(options: &ScaleoutOptions, stack: &mut Option<Stack>) -> Result<Outcome> {
    let files = crate::raise_file_limit().unwrap_or(1024);
    let sockets = u64::from(options.subscribers) * u64::from(options.nodes);
    ensure!(
        sockets + OTHER_FILES <= files,
        "{sockets} sockets need more open files than this system allows ({files}): raise `ulimit -n`"
    );
    // All nodes run all the time, and each has one thread, so that the rounds differ in the listeners alone.
    let hubs = u16::try_from(options.nodes)?;
    let ours = Ours::start(hubs, ACCOUNTS, &[("TOKIO_WORKER_THREADS", "1")], stack).await?;
    let steps = steps(options.nodes);
    let asked = options.clone();
    let figures = aside(move || {
        let mut figures = Vec::new();
        for number in 1..=asked.common.rounds {
            for nodes in &steps {
                complain(&format!("  {:<14} {number} of {}: {nodes} nodes", "round", asked.common.rounds));
                figures.push(one(&asked, &ours, *nodes)?);
            }
        }
        Ok(figures)
    })
    .await?;
    Ok(tell(options, &figures))
}

/// 1, 2, 4 … and the most itself.
fn steps(most: u32) -> Vec<u32> {
    let mut steps: Vec<u32> =
        std::iter::successors(Some(1), |step| Some(step * 2)).take_while(|step| *step < most).collect();
    steps.push(most);
    steps
}

fn one(options: &ScaleoutOptions, ours: &Ours, nodes: u32) -> Result<Figure> {
    let (tokens, room) = (ours.tokens(), ours.room()?);
    let nodes_used = usize::try_from(nodes)?;
    let mut crowd = Crowd::new(Numbering::Mark)?;
    for node in 0..nodes_used {
        let count = usize::try_from(options.subscribers)?;
        crowd.join((ours.hub(node)?.0, HUB_PATH), count, |index| greeting(&tokens, index, room))?;
    }
    // The posts come through all nodes, with listeners or not, the same number through each in every round.
    let mut publishers = Publishers::default();
    for node in 0..ours.hub_pids.len() {
        let posters: Vec<&str> = tokens.iter().cycle().take(POSTERS).map(String::as_str).collect();
        let first = publishers.of.len() * POSTERS;
        publishers.of.push(HubPublishers::open(ours.hub(node)?.0, &posters, room, &crowd, first)?);
    }
    let pids: Vec<u32> = ours.hub_pids.iter().copied().take(nodes_used).collect();
    settle(&mut crowd, &mut publishers)?;
    // With more nodes there are more deliveries of a message, so a fixed rate loads each node alike.
    let window = Duration::from_secs(u64::from(options.common.seconds));
    let plan = Plan { warm_up: WARM_UP, window, pace: Pace::Rate(f64::from(options.rate)) };
    let told = round(&mut crowd, &mut publishers, &pids, plan, &mut || Ok(()))?;
    let share = told.deliveries / u64::from(nodes.max(1));
    Ok(Figure {
        nodes,
        deliveries: told.deliveries,
        deliveries_per_second: told.deliveries_per_second(),
        microseconds_a_delivery: told.microseconds_a_delivery,
        each: told.busy_each.iter().map(|busy| busy * 1e6 / float(share.max(1))).collect(),
        p99_ms: told.p99_ms,
    })
}

/// Lets the waves of connecting go by.
fn settle(crowd: &mut Crowd, publishers: &mut Publishers) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(2);
    let mut others = Vec::new();
    while Instant::now() < until {
        crowd.turn(Duration::from_millis(50), &mut others)?;
        for number in &others {
            publishers.hear(*number)?;
        }
    }
    Ok(())
}

/// Publishers on several nodes, in turn.
#[derive(Default)]
struct Publishers {
    of: Vec<HubPublishers>,
    turn: usize,
}

impl Publisher for Publishers {
    fn publish(&mut self, messages: &[u64]) -> Result<()> {
        for message in messages {
            let turn = self.turn % self.of.len().max(1);
            self.turn += 1;
            self.of.get_mut(turn).context("nobody posts")?.publish(&[*message])?;
        }
        Ok(())
    }

    fn hear(&mut self, number: usize) -> Result<()> {
        self.of.iter_mut().try_for_each(|publishers| publishers.hear(number))
    }
}

fn tell(options: &ScaleoutOptions, figures: &[Figure]) -> Outcome {
    let mut rows = Vec::new();
    let mut medians = Vec::new();
    for nodes in steps(options.nodes) {
        let of = || figures.iter().filter(move |figure| figure.nodes == nodes);
        let cost = median(of().map(|figure| figure.microseconds_a_delivery));
        let (least, most) = spread(of().map(|figure| figure.microseconds_a_delivery));
        medians.push((nodes, cost));
        rows.push(vec![
            nodes.to_string(),
            format!("{cost:.2}"),
            format!("{least:.2}–{most:.2}"),
            format!("{:.2}", ratio(&medians, cost)),
            format!("{:.0}", median(of().map(|figure| figure.deliveries_per_second))),
            format!("{:.1}", median(of().map(|figure| figure.p99_ms))),
        ]);
    }
    let table = Table {
        title: format!(
            "{} subscribers on each node, {} messages/s, {} s a round, median of {} rounds",
            grouped(u64::from(options.subscribers)),
            options.rate,
            options.common.seconds,
            options.common.rounds
        ),
        head: vec!["nodes", "µs/delivery", "least–most", "ratio", "deliveries/s", "p99 ms"],
        rows,
    };
    let most = medians.iter().map(|(_, cost)| ratio(&medians, *cost)).fold(0.0, f64::max);
    let verdicts = vec![Verdict {
        what: format!("dearest delivery with 1 to {} nodes in multiples of that with 1", options.nodes),
        figure: most,
        limit: Limit::at_most(options.at_most),
    }];
    let mut notes = Vec::new();
    let behind = figures.iter().filter(|figure| {
        let due = f64::from(options.rate) * f64::from(options.subscribers) * f64::from(figure.nodes);
        figure.deliveries_per_second < due * 0.97
    });
    let behind = behind.count();
    if behind > 0 {
        // What waits is written together, and cheaper.
        notes.push(format!("{behind} rounds did not keep up with the rate: choose a lower one with --rate"));
    }
    Outcome { tables: vec![table], verdicts, notes, figures: json!({"rounds": figures}) }
}

/// A cost in multiples of that with one node.
fn ratio(medians: &[(u32, f64)], cost: f64) -> f64 {
    medians.first().map_or(0.0, |(_, one)| cost / one.max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::{ratio, steps};

    #[test]
    fn nodes_double_up_to_the_most() {
        assert_eq!(steps(1), [1]);
        assert_eq!(steps(4), [1, 2, 4]);
        assert_eq!(steps(6), [1, 2, 4, 6]);
        assert!((ratio(&[(1, 2.0), (2, 3.0)], 3.0) - 1.5).abs() < 1e-9);
    }
}
