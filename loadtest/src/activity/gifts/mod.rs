//! `gifts`: people give, hosts receive, the room looks on; and in the end the money must be right.
//!
//! Who gives has an account to themselves, so that nothing else moves its balance. Each acknowledged gift must have left the
//! giver's wallet once and reached the host's `user:` channel once and in order; in the room its animation is a passing
//! thing (see [`audience`]), but the sums of the streaks must be those of the givers.

mod audience;
mod purse;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base::Money;
use client::Rest;
use futures_util::future::BoxFuture;
use protocol::channel::Channel;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::audience::{Listener as Onlooker, Seat, Sums};
use self::purse::{Count, Purse, Wallet, affordable, judge_giver, judge_hosts};
use super::crowd::{Crowd, QUEUE, Senders, run_number};
use super::room::publisher_of;
use super::{Activity, Gauges, Plan, scaled, within};
use crate::ledger::{Ledger, planned};
use crate::listener::Listener;
use crate::member::{Destination, Ear, Member, Mouth};
use crate::outbox::Outbox;
use crate::session::Account;
use crate::stage::Stage;
use crate::stats::report::{ActivityReport, Figure};
use crate::stats::{Kind, Latencies, float};
use crate::term::complain;
use crate::world::World;

/// The ramp is given up when no listener became ready for this long.
const RAMP_PATIENCE: Duration = Duration::from_secs(30);
/// A streak ends 3 s after its last gift (realtime.md §7), and a clock has to notice.
const STREAKS_END: Duration = Duration::from_secs(8);

/// The keys of its `[[activity]]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Gifts a second, over all who give.
    pub(crate) rate: f64,
    /// Sockets that give; at least one a host.
    pub(crate) senders: u32,
    /// Accounts, used by nothing else, that they share.
    pub(crate) accounts: u32,
    /// Rooms that are given to, each with a host (who may have several, where few accounts may open rooms); with
    /// `to = "people"` as many people.
    pub(crate) hosts: u32,
    /// `rooms`, or `people` without a room around them.
    pub(crate) to: To,
    /// Sockets that look on, all rooms together.
    pub(crate) listeners: u32,
    /// How many of the gift at a time, 1 to 999.
    pub(crate) quantity: u32,
    /// Which gift; left out: the cheapest that costs something.
    pub(crate) gift: Option<u64>,
}

/// Whom gifts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum To {
    /// The hosts of live rooms.
    Rooms,
    /// People.
    People,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate: 20.0,
            senders: 8,
            accounts: 8,
            hosts: 1,
            to: To::Rooms,
            listeners: 50,
            quantity: 1,
            gift: None,
        }
    }
}

impl Settings {
    fn senders(&self) -> u32 {
        self.senders.max(self.hosts)
    }

    fn listeners(&self) -> u32 {
        if self.to == To::Rooms { self.listeners } else { 0 }
    }
}

impl Plan for Settings {
    fn kind(&self) -> &'static str {
        "gifts"
    }

    fn sockets(&self) -> u64 {
        u64::from(self.senders()) + u64::from(self.hosts) + u64::from(self.listeners())
    }

    fn own_accounts(&self) -> u32 {
        self.accounts
    }

    fn scale(&mut self, factor: f64) {
        self.senders = scaled(self.senders, factor);
        self.listeners = scaled(self.listeners, factor);
        self.rate *= factor;
    }

    fn check(&self) -> Result<()> {
        within("rate", self.rate, 0.01, 100_000.0)?;
        within("senders", f64::from(self.senders), 1.0, 10_000.0)?;
        within("accounts", f64::from(self.accounts), 1.0, 10_000.0)?;
        within("hosts", f64::from(self.hosts), 1.0, 1_000.0)?;
        within("listeners", f64::from(self.listeners), 0.0, 100_000.0)?;
        within("quantity", f64::from(self.quantity), 1.0, 999.0)
    }

    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>> {
        Box::pin(async move {
            let activity: Box<dyn Activity> = Box::new(self.assemble(stage).await?);
            Ok(activity)
        })
    }
}

/// A gift on offer.
#[derive(Clone, Debug, Deserialize)]
struct Offer {
    id: u64,
    name: String,
    price: Money,
}

/// Whom the gifts of one part are for.
#[derive(Clone, Copy, Debug)]
struct Receiver {
    /// The host's place among the accounts.
    account: usize,
    /// `live_room` or `user`.
    giftable_type: &'static str,
    giftable_id: u64,
}

impl Settings {
    async fn assemble(&self, stage: &Stage) -> Result<Gifts> {
        let givers = stage.take_accounts(usize::try_from(self.accounts)?).await?.to_vec();
        let token = &givers.first().context("gifts needs an account that gives")?.token;
        let offer = self.choose(&stage.rest, token).await?;
        let price = offer.price.times(self.quantity).context("so many of this gift cost too much")?;
        let receivers = match self.to {
            To::Rooms => open_rooms(stage, usize::try_from(self.hosts)?).await?,
            To::People => people(stage, usize::try_from(self.hosts)?)?,
        };
        let mut owners: Vec<usize> = receivers.iter().map(|receiver| receiver.account).collect();
        owners.sort_unstable();
        owners.dedup();
        let hosts: Vec<Account> =
            owners.iter().filter_map(|place| stage.accounts.get(*place).cloned()).collect();
        let mut before = BTreeMap::new();
        for account in givers.iter().chain(&hosts) {
            before.insert(account.id, find_wallet(&stage.rest, account).await?);
        }
        let total = planned(self.rate, stage.duration());
        let givers = choose_givers(givers, &before, price, total)?;
        let wallets = givers.iter().filter_map(|account| before.get(&account.id));
        let affordable = affordable(wallets.map(|wallet| wallet.balance), price);

        let parts = receivers.len();
        let ledger = Ledger::new(total, u32::try_from(parts)?, run_number());
        let mut world = World::new(stage, ledger, self.rate);
        // Words with a gift are short: the tag alone.
        world.body_length = 0;
        let world = Arc::new(world);
        let (members, queues, giver_of) = self.members(stage, &world, &givers, (&offer, &receivers))?;
        let senders = queues.len();
        let choose = Box::new(move |sequence| publisher_of(sequence, parts, senders));
        let description = format!(
            "{} gifts/s of {} × {} ({price}) by {} accounts to {} of {} hosts, {} look on",
            self.rate,
            self.quantity,
            offer.name,
            givers.len(),
            if self.to == To::Rooms { format!("{parts} rooms") } else { format!("{parts} people") },
            hosts.len(),
            self.listeners(),
        );
        if affordable < u64::from(total) {
            complain(&format!(
                "  {:<14} the givers can pay for {affordable} of {total} gifts; the rest will be refused",
                "gifts"
            ));
        }
        let listeners = vec![1; parts];
        let crowd = Crowd::new(
            ("gifts", description),
            Arc::clone(&world),
            members,
            Senders { queues, choose },
            listeners,
        );
        let mut gifts = Gifts {
            crowd,
            world,
            rest: stage.rest.clone(),
            price,
            affordable,
            givers,
            giver_of,
            hosts,
            host_of: receivers
                .iter()
                .filter_map(|receiver| stage.accounts.get(receiver.account))
                .map(|host| host.id)
                .collect(),
            before,
            seats: Vec::new(),
            waiting: Vec::new(),
            onlookers: JoinSet::new(),
            ready: Arc::new(AtomicU64::new(0)),
            animation: Arc::new(Latencies::new()),
            ran_out: false,
            spent: Duration::ZERO,
        };
        gifts.seat(stage, &receivers, usize::try_from(self.listeners())?)?;
        Ok(gifts)
    }

    async fn choose(&self, rest: &Rest, token: &str) -> Result<Offer> {
        let offers: Vec<Offer> = serde_json::from_value(rest.get("/gifts", token).await?)
            .context("the gifts on offer cannot be read")?;
        let found = match self.gift {
            Some(id) => offers.into_iter().find(|offer| offer.id == id),
            None => {
                offers.into_iter().filter(|offer| offer.price.is_positive()).min_by_key(|offer| offer.price)
            }
        };
        found.context("there is no such gift on offer")
    }

    /// The sockets of the hosts, who listen to their own channels, and of those who give; with the account of each socket.
    #[expect(clippy::type_complexity, reason = "three lists that are made in one go, taken apart at once")]
    fn members(
        &self,
        stage: &Stage,
        world: &Arc<World>,
        givers: &[Account],
        (offer, receivers): (&Offer, &[Receiver]),
    ) -> Result<(Vec<Member>, Vec<mpsc::Sender<u32>>, BTreeMap<u32, u64>)> {
        let hubs = world.hubs.len().max(1);
        let mut members = Vec::new();
        for (part, receiver) in receivers.iter().enumerate() {
            let host = stage.accounts.get(receiver.account).context("there is no such host")?;
            let ear = Ear::new(Channel::User(host.id), Listener::new(u32::try_from(part)?, 0));
            let seat = (receiver.account, part % hubs);
            members.push(Member::new(Arc::clone(world), stage.next_socket(), seat, vec![ear], None));
        }
        let senders = usize::try_from(self.senders())?;
        let mut queues = Vec::with_capacity(senders);
        let mut giver_of = BTreeMap::new();
        for place in 0..senders {
            let giver = givers.get(place % givers.len()).context("nobody gives")?;
            let account = stage.accounts.iter().position(|account| account.id == giver.id);
            let receiver = receivers.get(place % receivers.len()).context("nobody receives")?;
            let (sender, receiving) = mpsc::channel(QUEUE);
            queues.push(sender);
            let destination = Destination::Gift {
                gift_id: offer.id,
                giftable_type: receiver.giftable_type,
                giftable_id: receiver.giftable_id,
                quantity: self.quantity,
            };
            let mouth = Mouth { destination, outbox: Outbox::new(receiving, stage.in_flight) };
            let index = stage.next_socket();
            giver_of.insert(index, giver.id);
            let seat = (account.context("a giver is not signed in")?, (place + 1) % hubs);
            members.push(Member::new(Arc::clone(world), index, seat, Vec::new(), Some(mouth)));
        }
        Ok((members, queues, giver_of))
    }
}

/// Opens rooms for the test, each of another account as long as there are accounts that may.
async fn open_rooms(stage: &Stage, wanted: usize) -> Result<Vec<Receiver>> {
    let today = base::Time::now().as_chrono().date_naive().to_string();
    let mut rooms = Vec::with_capacity(wanted);
    let mut hosts: Vec<usize> = (0..stage.shared().len()).collect();
    let mut refusal = None;
    while rooms.len() < wanted {
        let mut able = Vec::new();
        for place in hosts {
            let account = stage.accounts.get(place).context("there is no such account")?;
            let body = json!({
                "title": format!("load test: gifts {}", rooms.len() + 1), "start_date": today,
                "start_time": "00:00", "end_time": "23:59:59", "timezone": "UTC", "access_type": "free",
            });
            match stage.rest.post("/live-rooms", &account.token, &body, None).await {
                Ok(room) => {
                    let id = room.get("id").and_then(Value::as_u64).context("a new room has no id")?;
                    let start = format!("/live-rooms/{id}/start");
                    stage.rest.post(&start, &account.token, &json!({}), None).await?;
                    rooms.push(Receiver { account: place, giftable_type: "live_room", giftable_id: id });
                    able.push(place);
                }
                Err(error) => refusal = Some(error),
            }
            if rooms.len() == wanted {
                return Ok(rooms);
            }
        }
        hosts = able;
        if hosts.is_empty() {
            let reason = refusal.map_or_else(|| "nobody is signed in".to_owned(), |error| error.to_string());
            bail!("nobody may open a room to give in ({reason}); `to = \"people\"` needs none");
        }
    }
    Ok(rooms)
}

fn people(stage: &Stage, wanted: usize) -> Result<Vec<Receiver>> {
    if stage.shared().len() < wanted {
        bail!("gifts: {wanted} people shall receive, and there are {} accounts", stage.shared().len());
    }
    let receivers = stage.shared().iter().take(wanted).enumerate();
    Ok(receivers
        .map(|(account, user)| Receiver { account, giftable_type: "user", giftable_id: user.id })
        .collect())
}

/// Those of the accounts that can pay their part of all the gifts; where nobody can, everybody who can pay one.
fn choose_givers(
    accounts: Vec<Account>,
    wallets: &BTreeMap<u64, Wallet>,
    price: Money,
    total: u32,
) -> Result<Vec<Account>> {
    let pays = |account: &Account| {
        affordable(wallets.get(&account.id).map(|wallet| wallet.balance).into_iter(), price)
    };
    let mut givers: Vec<Account> = accounts.into_iter().filter(|account| pays(account) > 0).collect();
    if givers.is_empty() {
        bail!("gifts: nobody has {price} to give; start with a fresh demo world, or other accounts");
    }
    givers.sort_by_key(|account| std::cmp::Reverse(pays(account)));
    let able = (1..=givers.len()).rev().find(|count| {
        let part = u64::from(total).div_ceil(u64::try_from(*count).unwrap_or(u64::MAX));
        count.checked_sub(1).and_then(|last| givers.get(last)).is_some_and(|poorest| pays(poorest) >= part)
    });
    givers.truncate(able.unwrap_or(givers.len()));
    Ok(givers)
}

async fn find_wallet(rest: &Rest, account: &Account) -> Result<Wallet> {
    let wallet = rest.get("/wallet", &account.token).await.context("a wallet cannot be read")?;
    serde_json::from_value(wallet).context("a wallet cannot be understood")
}

/// See the module.
struct Gifts {
    crowd: Crowd,
    world: Arc<World>,
    rest: Rest,
    /// Of one act of giving.
    price: Money,
    /// Gifts that the givers could pay for in the beginning.
    affordable: u64,
    givers: Vec<Account>,
    /// By the number of the socket.
    giver_of: BTreeMap<u32, u64>,
    hosts: Vec<Account>,
    /// By part.
    host_of: Vec<u64>,
    before: BTreeMap<u64, Wallet>,
    seats: Vec<Arc<Seat>>,
    waiting: Vec<Onlooker>,
    onlookers: JoinSet<()>,
    ready: Arc<AtomicU64>,
    animation: Arc<Latencies>,
    ran_out: bool,
    spent: Duration,
}

impl Gifts {
    fn seat(&mut self, stage: &Stage, receivers: &[Receiver], listeners: usize) -> Result<()> {
        let shared = stage.shared();
        for place in 0..listeners {
            let part = place % receivers.len();
            let receiver = receivers.get(part).context("there is no room")?;
            let account = shared.get(place % shared.len().max(1)).context("nobody looks on")?;
            let seat = Arc::new(Seat { part, sums: Mutex::new(Sums::default()) });
            self.seats.push(Arc::clone(&seat));
            self.waiting.push(Onlooker {
                world: Arc::clone(&self.world),
                room: receiver.giftable_id,
                account: account.clone(),
                index: stage.next_socket(),
                hub: place + place / shared.len().max(1),
                seat,
                ready: Arc::clone(&self.ready),
                animation: Arc::clone(&self.animation),
            });
        }
        Ok(())
    }

    async fn gather(&mut self, ramp: Duration) -> Result<()> {
        let planned = u64::try_from(self.waiting.len())?;
        let step = ramp.div_f64(float(planned.max(1)));
        let began = Instant::now();
        let mut at = Duration::ZERO;
        for onlooker in std::mem::take(&mut self.waiting) {
            sleep(at.saturating_sub(began.elapsed())).await;
            self.onlookers.spawn(onlooker.run());
            at += step;
        }
        let (mut ready, mut moved) = (0, Instant::now());
        while ready < planned {
            if let Some(failure) = self.world.failure() {
                bail!("{failure}");
            }
            let now = self.ready.load(Relaxed);
            if now > ready {
                (ready, moved) = (now, Instant::now());
            } else if moved.elapsed() > RAMP_PATIENCE {
                bail!("gifts: only {ready} of {planned} listeners could be opened");
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.world.gauges.counters.ready.add(planned);
        Ok(())
    }

    /// Gifts by part and giver.
    fn counts(&self) -> BTreeMap<(usize, u64), Count> {
        let ledger = &self.world.ledger;
        let mut counts: BTreeMap<(usize, u64), Count> = BTreeMap::new();
        for sequence in 0..ledger.total() {
            let part = usize::try_from(ledger.part_of(sequence)).unwrap_or(usize::MAX);
            let Some(giver) = self.giver_of.get(&ledger.sender_of(sequence)) else { continue };
            let count = counts.entry((part, *giver)).or_default();
            count.acknowledged += u64::from(ledger.is_acknowledged(sequence));
            count.open += u64::from(ledger.is_open(sequence));
        }
        counts
    }

    /// Waits until every streak has ended for everybody who looks on.
    async fn settle_streaks(&self, counts: &BTreeMap<(usize, u64), Count>) {
        let began = Instant::now();
        while began.elapsed() < STREAKS_END {
            let missing: u64 = self.seats.iter().map(|seat| missing_of(seat, counts)).sum();
            self.world.gauges.counters.missing.set(missing);
            if missing == 0 {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.world.gauges.counters.missing.set(0);
    }

    /// What the onlookers heard, against what was acknowledged.
    fn compare_sums(&self, counts: &BTreeMap<(usize, u64), Count>, report: &mut ActivityReport) {
        let [mut frames, mut merged, mut hidden, mut blind] = [0; 4];
        for seat in &self.seats {
            report.lost += missing_of(seat, counts);
            seat.with(|sums| {
                report.gaps += sums.gaps;
                report.repeats += sums.repeats;
                report.duplicated += sums.duplicated;
                frames += sums.frames;
                merged += sums.merged;
                blind += u64::from(sums.is_blind);
                for ((_, giver), count) in counts.iter().filter(|((part, _), _)| *part == seat.part) {
                    let most = count.acknowledged + count.open;
                    report.duplicated += sums.settled(*giver).saturating_sub(most);
                    hidden += count.acknowledged.saturating_sub(sums.shown(*giver));
                    // A gift that was sent again is published again, and may be summed up twice.
                    if report.sent_again == 0 {
                        report.duplicated += sums.shown(*giver).saturating_sub(most);
                    }
                }
            });
        }
        if !self.seats.is_empty() {
            report.figures.extend([
                plain("animations heard", frames),
                plain("of them sums of several gifts", merged),
                plain("gifts whose animation gave way to a newer one of its streak", hidden),
            ]);
        }
        if blind > 0 {
            report.figures.push(plain("listeners that missed too much to be held to their sums", blind));
        }
        let animation = self.animation.percentiles(Kind::Delivery);
        if animation.count > 0 {
            report.latencies.insert("animation".to_owned(), animation);
        }
    }

    /// What the wallets say, against what was acknowledged.
    async fn compare_wallets(
        &self,
        counts: &BTreeMap<(usize, u64), Count>,
        report: &mut ActivityReport,
    ) -> Result<()> {
        let sum = |mine: &dyn Fn(usize, u64) -> bool| {
            counts.iter().filter(|((part, giver), _)| mine(*part, *giver)).fold(
                Count::default(),
                |sum, (_, count)| Count {
                    acknowledged: sum.acknowledged + count.acknowledged,
                    open: sum.open + count.open,
                },
            )
        };
        let mut checked = 0_u64;
        for giver in &self.givers {
            let purse = self.purse(giver).await?;
            let count = sum(&|_, id| id == giver.id);
            report.faults.extend(judge_giver(&purse, count, self.price));
            checked += 1;
        }
        let mut hosts = Vec::with_capacity(self.hosts.len());
        for host in &self.hosts {
            let count = sum(&|part, _| self.host_of.get(part) == Some(&host.id));
            hosts.push((self.purse(host).await?, count));
            checked += 1;
        }
        report.faults.extend(judge_hosts(&hosts, self.price));
        report.figures.push(plain("wallets compared with what was acknowledged", checked));
        Ok(())
    }

    async fn purse(&self, account: &Account) -> Result<Purse> {
        let before = *self.before.get(&account.id).context("a wallet was not read before")?;
        Ok(Purse { user_id: account.id, before, after: find_wallet(&self.rest, account).await? })
    }
}

/// Gifts of its part that are acknowledged and in no streak of which this listener heard the end.
fn missing_of(seat: &Seat, counts: &BTreeMap<(usize, u64), Count>) -> u64 {
    seat.with(|sums| {
        if sums.is_blind {
            return 0;
        }
        let mine = counts.iter().filter(|((part, _), _)| *part == seat.part);
        mine.map(|((_, giver), count)| count.acknowledged.saturating_sub(sums.settled(*giver))).sum()
    })
}

fn plain(name: &str, value: u64) -> Figure {
    Figure { name: name.to_owned(), value: float(value), unit: String::new() }
}

impl Activity for Gifts {
    fn kind(&self) -> &'static str {
        "gifts"
    }

    fn sockets(&self) -> u64 {
        self.crowd.planned() + u64::try_from(self.seats.len()).unwrap_or(u64::MAX)
    }

    fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.world.gauges)
    }

    fn connect(&mut self, ramp: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.crowd.open(ramp / 2).await?;
            self.gather(ramp / 2).await
        })
    }

    /// Ends early when nobody has any money left.
    fn run(&mut self, until: CancellationToken) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let began = Instant::now();
            let over = until.child_token();
            let gauges = Arc::clone(&self.world.gauges);
            let broke = async {
                let (mut given, mut since) = (0, Instant::now());
                loop {
                    sleep(Duration::from_millis(100)).await;
                    let counters = &gauges.counters;
                    let now = counters.acknowledged.get();
                    if now != given || counters.refused.get() == 0 {
                        (given, since) = (now, Instant::now());
                    } else if since.elapsed() > Duration::from_secs(2) {
                        return;
                    }
                }
            };
            let speaking = self.crowd.speak(&over);
            tokio::pin!(speaking);
            tokio::select! {
                () = &mut speaking => {}
                () = broke => {
                    self.ran_out = true;
                    over.cancel();
                    speaking.await;
                }
            }
            self.spent = began.elapsed();
            Ok(())
        })
    }

    fn finish(self: Box<Self>, settle: Duration) -> BoxFuture<'static, Result<ActivityReport>> {
        Box::pin(async move {
            let mut gifts = *self;
            gifts.crowd.settle(settle).await;
            let counts = gifts.counts();
            gifts.settle_streaks(&counts).await;
            // The last animations are held back for up to a second.
            sleep(Duration::from_secs(1)).await;
            let crowd = std::mem::replace(&mut gifts.crowd, nobody(&gifts.world));
            let mut report = crowd.close().await?;
            let ended = async { while gifts.onlookers.join_next().await.is_some() {} };
            timeout(Duration::from_secs(30), ended).await.context("some listeners did not end in time")?;
            report.connections += u64::try_from(gifts.seats.len())?;
            let rate = float(report.acknowledged) / gifts.spent.as_secs_f64().max(0.001);
            report.figures = vec![
                Figure { name: "gifts acknowledged".to_owned(), value: rate, unit: "/s".to_owned() },
                plain("gifts that the givers could pay for", gifts.affordable),
            ];
            if gifts.ran_out {
                complain(&format!(
                    "  {:<14} ended early: everything is refused ({})",
                    "gifts",
                    report.errors.keys().cloned().collect::<Vec<_>>().join("; ")
                ));
                report.description.push_str("; ended early since everything was refused");
            }
            gifts.compare_sums(&counts, &mut report);
            gifts.compare_wallets(&counts, &mut report).await?;
            Ok(report)
        })
    }
}

/// What stays when a crowd goes home.
fn nobody(world: &Arc<World>) -> Crowd {
    Crowd::new(("gifts", String::new()), Arc::clone(world), Vec::new(), Senders::none(), Vec::new())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base::Money;

    use super::purse::Wallet;
    use super::{Settings, To, choose_givers};
    use crate::activity::Plan;
    use crate::session::Account;

    fn read(text: &str) -> Result<Settings, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn settings_have_defaults_and_unknown_keys_are_refused_by_name() {
        let settings = read("hosts = 50\nto = \"people\"").unwrap();
        assert_eq!((settings.to, settings.senders(), settings.listeners()), (To::People, 50, 0));
        assert_eq!(settings.sockets(), 100);
        assert!(settings.check().is_ok());
        assert!(read("host = 1").unwrap_err().to_string().contains("host"));
        assert!(read("to = \"dogs\"").is_err());
    }

    #[test]
    fn impossible_settings_are_refused() {
        for wrong in ["rate = 0.0", "senders = 0", "accounts = 0", "hosts = 0", "quantity = 1000"] {
            assert!(read(wrong).unwrap().check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn everything_that_people_do_grows_with_their_number() {
        let mut settings = Settings::default();
        settings.scale(2.0);
        assert_eq!((settings.senders, settings.listeners, settings.accounts), (16, 100, 8));
        assert!((settings.rate - 40.0).abs() < 1e-9);
    }
    #[test]
    fn who_cannot_pay_his_part_does_not_give() {
        let chosen = |balances: &[i64], total: u32| {
            let accounts = (0..).zip(balances).map(|(id, _)| Account { id, token: "t".into() }).collect();
            let wallets: BTreeMap<u64, Wallet> = (0..)
                .zip(balances)
                .map(|(id, balance)| {
                    let balance = Money::from_minor(*balance);
                    (id, Wallet { balance, total_earned: Money::ZERO })
                })
                .collect();
            choose_givers(accounts, &wallets, Money::from_minor(50), total)
                .map(|givers| givers.iter().map(|giver| giver.id).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&[500, 0, 1000], 10).unwrap(), [2, 0]);
        assert_eq!(chosen(&[100, 0, 1000], 10).unwrap(), [2], "a poor one would be refused half-way");
        assert_eq!(chosen(&[100, 50, 100], 100).unwrap(), [0, 2, 1], "nobody can: all give what they have");
        assert!(chosen(&[49, 0], 1).is_err());
    }
}
