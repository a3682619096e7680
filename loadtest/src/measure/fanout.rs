//! `fanout`: what one delivery costs the hub, in multiples of what it costs a bare epoll loop (issue 5, target 1).
//!
//! Closed loop: so many messages are under way, and a next one is sent when every subscriber has one. The measured server
//! has a core to itself; the tester, the other hub, the database and Redis share another one. The two servers take turns.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;

use super::figures::Limit;
use super::options::{FanoutOptions, Payload, Through};
use super::ours::{Ours, aside};
use super::{Outcome, Table, Verdict, median};
use crate::bare::closed::{BarePublisher, HUB_PATH, HubPublishers, Pace, Plan, Publisher, Round, round};
use crate::bare::crowd::{Crowd, Numbering};
use crate::bare::process::{self, Cores, Served};
use crate::bare::template::Template;
use crate::stack::Stack;
use crate::stats::float;
use crate::term::{complain, grouped};

/// Accounts that sign in; sockets share them.
const ACCOUNTS: usize = 20;
/// What is not measured at the beginning of a round.
const WARM_UP: Duration = Duration::from_millis(700);
/// Files besides the subscribers' sockets.
const OTHER_FILES: u64 = 200;

/// Everything that the rounds need.
#[derive(Clone)]
struct Scene {
    options: FanoutOptions,
    hub: (SocketAddr, u32),
    through: (SocketAddr, u32),
    elsewhere: (SocketAddr, u32),
    tokens: Vec<String>,
    room: u64,
    quiet_room: Option<u64>,
    cores: Option<Cores>,
    /// May both crowds be open at once?
    both: bool,
}

/// One server's rounds with so many messages under way.
#[derive(Clone, Debug, Serialize)]
struct Line {
    server: String,
    in_flight: u32,
    rounds: Vec<Round>,
    microseconds_a_delivery: f64,
    /// To the bare server with the same frame.
    ratio: f64,
    bytes_a_connection: Option<f64>,
}

/// Measures.
///
/// # Errors
/// It could not be measured.
pub(crate) async fn run(options: &FanoutOptions, stack: &mut Option<Stack>) -> Result<Outcome> {
    let files = crate::raise_file_limit().unwrap_or(1024);
    let subscribers = u64::from(options.subscribers);
    ensure!(
        subscribers + OTHER_FILES <= files,
        "{subscribers} subscribers need more open files than this system allows ({files}): raise `ulimit -n`"
    );
    // The measured hub is to have one thread for its sockets, as the bare server has.
    let ours = Ours::start(2, ACCOUNTS, &[("TOKIO_WORKER_THREADS", "1")], stack).await?;
    let hub = ours.hub(0)?;
    let scene = Scene {
        options: options.clone(),
        hub,
        through: ours.hub(if options.publish_through == Through::Same { 0 } else { 1 })?,
        elsewhere: ours.hub(1)?,
        tokens: ours.tokens(),
        room: ours.room()?,
        quiet_room: match options.idle_rooms {
            Some(_) => Some(ours.another_room().await?),
            None => None,
        },
        cores: ours.pin(&[hub.1])?,
        both: subscribers * 2 + OTHER_FILES <= files,
    };
    aside(move || scene.measure()).await
}

impl Scene {
    fn measure(self) -> Result<Outcome> {
        let subscribers = usize::try_from(self.options.subscribers)?;
        let bare = Served::start(&["bare-server".to_owned()], &[])?;
        if let Some(cores) = self.cores {
            process::pin(bare.pid(), cores.measured)?;
        }
        let (hub_memory, mut hub) =
            memory_of(self.hub.1, subscribers, None::<&mut Side<HubPublishers>>, || self.open_hub())?;
        let frame = sample(&mut hub)?;
        let same = Template::of(&frame).context("the hub's frame has no offset")?;
        let small = Template::small(64);
        let mut hub = self.both.then_some(hub);
        let (bare_memory, bare_crowd) =
            memory_of(bare.pid(), subscribers, hub.as_mut(), || self.open_bare(bare.address))?;
        let mut bare_crowd = self.both.then_some(bare_crowd);

        let mut lines = Vec::new();
        for in_flight in &self.options.in_flight {
            let mut rounds: [Vec<Round>; 4] = Default::default();
            let [bare_same, bare_small, hubs, hubs_with_noise] = &mut rounds;
            for number in 1..=self.options.common.rounds {
                complain(&format!(
                    "  {:<14} {in_flight} in flight, {number} of {}",
                    "round", self.options.common.rounds
                ));
                for (template, wanted, into) in [
                    (&same, self.options.payload != Payload::Small, &mut *bare_same),
                    (&small, self.options.payload != Payload::Hub, &mut *bare_small),
                ] {
                    if wanted {
                        let mut side = match bare_crowd.take() {
                            Some(side) => side,
                            None => self.open_bare(bare.address)?,
                        };
                        side.publisher.set_template(template.clone());
                        into.push(self.round(&mut side, bare.pid(), *in_flight, hub.as_mut())?);
                        bare_crowd = self.both.then_some(side);
                    }
                }
                for (noisy, into) in [(false, &mut *hubs), (true, &mut *hubs_with_noise)] {
                    if noisy && self.quiet_room.is_none() {
                        continue;
                    }
                    let mut side = match hub.take() {
                        Some(side) => side,
                        None => self.open_hub()?,
                    };
                    let noise = noisy.then(|| self.noise()).transpose()?;
                    into.push(self.round(
                        &mut side,
                        self.hub.1,
                        *in_flight,
                        None::<&mut Side<HubPublishers>>,
                    )?);
                    if let Some(noise) = noise {
                        noise
                            .join()
                            .map_err(|_panic| anyhow::anyhow!("the other room's thread failed"))??;
                    }
                    hub = self.both.then_some(side);
                }
            }
            let [bare_same, bare_small, hubs, hubs_with_noise] = rounds;
            let length = same.length() + if same.length() < 126 { 2 } else { 4 };
            for (server, rounds, memory) in [
                (format!("bare, the hub's frame ({length} bytes)"), bare_same, Some(bare_memory)),
                ("bare, 64-byte frames".to_owned(), bare_small, None),
                ("hub".to_owned(), hubs, Some(hub_memory)),
                ("hub, and traffic elsewhere".to_owned(), hubs_with_noise, None),
            ] {
                if !rounds.is_empty() {
                    let cost = median(rounds.iter().map(|round| round.microseconds_a_delivery));
                    lines.push(Line {
                        server,
                        in_flight: *in_flight,
                        rounds,
                        microseconds_a_delivery: cost,
                        ratio: 0.0,
                        bytes_a_connection: memory,
                    });
                }
            }
        }
        set_ratios(&mut lines);
        self.tell(&lines)
    }

    fn round<P: Publisher, Q: Publisher>(
        &self,
        side: &mut Side<P>,
        pid: u32,
        in_flight: u32,
        mut idle: Option<&mut Side<Q>>,
    ) -> Result<Round> {
        let window = Duration::from_secs(u64::from(self.options.common.seconds));
        let plan = Plan { warm_up: WARM_UP, window, pace: Pace::InFlight(in_flight) };
        match &mut idle {
            Some(idle) => calm(pid, Some(&mut **idle))?,
            None => calm(pid, Some(&mut *side))?,
        }
        let told = round(&mut side.crowd, &mut side.publisher, &[pid], plan, &mut || {
            idle.as_mut().map_or(Ok(()), |idle| idle.idle())
        })?;
        if let Some(idle) = idle {
            idle.idle()?;
        }
        Ok(told)
    }

    fn open_hub(&self) -> Result<Side<HubPublishers>> {
        let count = usize::try_from(self.options.subscribers)?;
        let mut crowd = Crowd::new(Numbering::Mark)?;
        crowd.join((self.hub.0, HUB_PATH), count, |index| greeting(&self.tokens, index, self.room))?;
        let most = self.options.in_flight.iter().copied().max().unwrap_or(1);
        let posters = usize::try_from(self.options.publishers.unwrap_or(most))?;
        let tokens: Vec<&str> = self.tokens.iter().cycle().take(posters).map(String::as_str).collect();
        let publisher = HubPublishers::open(self.through.0, &tokens, self.room, &crowd, 0)?;
        Ok(Side { crowd, publisher })
    }

    fn open_bare(&self, address: SocketAddr) -> Result<Side<BarePublisher>> {
        let count = usize::try_from(self.options.subscribers)?;
        let mut crowd = Crowd::new(Numbering::Offset)?;
        crowd.join((address, "/subscribe"), count, |_| Ok(None))?;
        let publisher = BarePublisher::open(address, Template::small(64))?;
        Ok(Side { crowd, publisher })
    }

    /// Posts into the room that nobody on the measured hub listens to, for as long as a round takes.
    fn noise(&self) -> Result<std::thread::JoinHandle<Result<Round>>> {
        let scene = self.clone();
        let room = self.quiet_room.context("there is no other room")?;
        let rate = f64::from(self.options.idle_rooms.unwrap_or(1));
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("other room".to_owned()).spawn(move || {
            let mut crowd = Crowd::new(Numbering::Mark)?;
            crowd.join((scene.elsewhere.0, HUB_PATH), 1, |index| greeting(&scene.tokens, index, room))?;
            let tokens: Vec<&str> = scene.tokens.iter().take(8).map(String::as_str).collect();
            let mut publisher = HubPublishers::open(scene.elsewhere.0, &tokens, room, &crowd, 0)?;
            let _waiting = ready.send(());
            let window = WARM_UP + Duration::from_secs(u64::from(scene.options.common.seconds));
            let plan = Plan { warm_up: Duration::ZERO, window, pace: Pace::Rate(rate) };
            round(&mut crowd, &mut publisher, &[scene.elsewhere.1], plan, &mut || Ok(()))
        })?;
        // An error comes out when the thread is joined.
        let _ended = is_ready.recv();
        Ok(thread)
    }

    fn tell(&self, lines: &[Line]) -> Result<Outcome> {
        let rows = lines.iter().map(Line::cells).collect();
        let table = Table {
            title: format!(
                "fan-out to {} subscribers, {} s a round, median of {} rounds",
                grouped(u64::from(self.options.subscribers)),
                self.options.common.seconds,
                self.options.common.rounds
            ),
            head: vec![
                "server",
                "in flight",
                "µs/delivery",
                "ratio",
                "deliveries/s",
                "frames/read",
                "p50 ms",
                "p99 ms",
                "KB/connection",
            ],
            rows,
        };
        let mut verdicts = Vec::new();
        for line in lines.iter().filter(|line| line.server == "hub") {
            verdicts.push(Verdict {
                what: format!(
                    "hub's cost of a delivery in multiples of the bare server's, {} in flight",
                    line.in_flight
                ),
                figure: line.ratio,
                limit: Limit::at_most(self.options.at_most),
            });
        }
        for noisy in lines.iter().filter(|line| line.server == "hub, and traffic elsewhere") {
            let alone = lines.iter().find(|line| line.server == "hub" && line.in_flight == noisy.in_flight);
            if let Some(alone) = alone {
                verdicts.push(Verdict {
                    what: format!(
                        "hub's cost with {} messages/s in a room without listeners here, in multiples of that without, {} in flight",
                        self.options.idle_rooms.unwrap_or_default(), noisy.in_flight
                    ),
                    figure: noisy.microseconds_a_delivery / alone.microseconds_a_delivery.max(f64::MIN_POSITIVE),
                    limit: Limit::None,
                });
            }
        }
        let mut notes = Vec::new();
        notes.push(match self.cores {
            Some(cores) => format!(
                "the measured server ran on core {}, everything else on core {}",
                cores.measured, cores.others
            ),
            None => "there is only one core: nothing was kept apart".to_owned(),
        });
        if !self.both {
            notes.push(
                "the file limit lets only one crowd be open: sockets were opened anew for each round"
                    .to_owned(),
            );
        }
        let figures = json!({
            "subscribers": self.options.subscribers, "seconds": self.options.common.seconds,
            "publish_through": format!("{:?}", self.options.publish_through).to_lowercase(),
            "pinned": self.cores.is_some(), "lines": lines,
        });
        Ok(Outcome { tables: vec![table], verdicts, notes, figures })
    }
}

impl Line {
    fn cells(&self) -> Vec<String> {
        let middle = |figure: fn(&Round) -> f64| median(self.rounds.iter().map(figure));
        vec![
            self.server.clone(),
            self.in_flight.to_string(),
            format!("{:.2}", self.microseconds_a_delivery),
            format!("{:.2}", self.ratio),
            format!("{:.0}", middle(Round::deliveries_per_second)),
            format!("{:.1}", middle(|round| round.deliveries_a_read)),
            format!("{:.2}", middle(|round| round.p50_ms)),
            format!("{:.2}", middle(|round| round.p99_ms)),
            self.bytes_a_connection.map_or(String::new(), |bytes| format!("{:.1}", bytes / 1024.0)),
        ]
    }
}

/// Every line in multiples of the bare server with the hub's frame, or with the small one where that was not measured.
fn set_ratios(lines: &mut [Line]) {
    let bases: Vec<(u32, f64)> = lines
        .iter()
        .filter(|line| line.server.starts_with("bare"))
        .map(|line| (line.in_flight, line.microseconds_a_delivery))
        .collect();
    for line in lines {
        let base = bases.iter().find(|(in_flight, _)| *in_flight == line.in_flight);
        line.ratio = base.map_or(0.0, |(_, base)| line.microseconds_a_delivery / base.max(f64::MIN_POSITIVE));
    }
}

/// A crowd and who publishes to it.
struct Side<P> {
    crowd: Crowd,
    publisher: P,
}

impl<P: Publisher> Side<P> {
    /// Answers pings.
    fn idle(&mut self) -> Result<()> {
        let mut others = Vec::new();
        self.crowd.turn(Duration::ZERO, &mut others)?;
        others.into_iter().try_for_each(|number| self.publisher.hear(number))
    }
}

/// The hub's commands of a subscriber.
pub(super) fn greeting(tokens: &[String], index: usize, room: u64) -> Result<Option<Vec<u8>>> {
    let token = tokens.get(index % tokens.len().max(1)).context("nobody is signed in")?;
    let connect = json!({"id": 1, "connect": {"token": token}});
    let subscribe = json!({"id": 2, "subscribe": {"channel": format!("room:{room}")}});
    Ok(Some(format!("{connect}\n{subscribe}").into_bytes()))
}

/// Waits, at most 5 s, until a process has nothing more to do; those who listen meanwhile answer pings.
fn calm<P: Publisher>(pid: u32, mut idle: Option<&mut Side<P>>) -> Result<()> {
    let began = Instant::now();
    let step = Duration::from_millis(200);
    while began.elapsed() < Duration::from_secs(5) {
        let before = process::busy(pid)?;
        std::thread::sleep(step);
        if let Some(idle) = &mut idle {
            idle.idle()?;
        }
        if process::busy(pid)?.since(&before) < step / 25 {
            break;
        }
    }
    Ok(())
}

/// Opens sockets and gives what each of them added to the server's resident memory, in bytes.
fn memory_of<P: Publisher, Q: Publisher>(
    pid: u32,
    sockets: usize,
    mut idle: Option<&mut Side<Q>>,
    open: impl FnOnce() -> Result<Side<P>>,
) -> Result<(f64, Side<P>)> {
    calm(pid, idle.as_deref_mut())?;
    let before = process::resident(pid)?;
    let mut opened = open()?;
    if let Some(idle) = &mut idle {
        idle.idle()?;
    }
    calm(pid, Some(&mut opened))?;
    if let Some(idle) = &mut idle {
        idle.idle()?;
    }
    let added = process::resident(pid)?.saturating_sub(before);
    Ok((float(added) / float(u64::try_from(sockets)?), opened))
}

/// A frame of the hub's, taken from its first push.
fn sample(hub: &mut Side<HubPublishers>) -> Result<Vec<u8>> {
    let began = Instant::now();
    let message = hub.crowd.next_message();
    hub.publisher.publish(&[message])?;
    let mut others = Vec::new();
    loop {
        hub.crowd.turn(Duration::from_millis(50), &mut others)?;
        for number in &others {
            hub.publisher.hear(*number)?;
        }
        if hub.crowd.take_complete().count() > 0 {
            return Ok(hub.crowd.heard.sample.clone());
        }
        ensure!(began.elapsed() < Duration::from_secs(10), "the hub's first message did not reach everybody");
    }
}
