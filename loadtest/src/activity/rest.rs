//! `rest`: clients with kept connections read list pages, in the mix in which apps ask for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use rand::RngExt;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::{Activity, Gauges, Plan, scaled, within};
use crate::session::{Account, NO_LIMITS};
use crate::stage::Stage;
use crate::stats::report::{ActivityReport, Figure};
use crate::stats::{Counter, Kind, Latencies, float};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests that wait for a free client, at most.
const QUEUE: usize = 4096;

/// The keys of its `[[activity]]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Clients, each with one request under way at a time.
    pub(crate) clients: u32,
    /// Requests a second, over all clients; 0: as fast as they can.
    pub(crate) rate: f64,
    /// Ask again with `If-None-Match` for what came with an ETag.
    pub(crate) revalidate: bool,
    /// The mix; left out: [`usual_mix`].
    pub(crate) pages: Vec<Page>,
}

/// A page of the mix.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Below `/api/v1`, with a query where it has one. `{room}`, `{conversation}` and `{user}` stand for a live room, a
    /// conversation of the asker and the asker.
    pub(crate) path: String,
    /// How often, in proportion to the others.
    #[serde(default = "one")]
    pub(crate) weight: u32,
    /// Asked without a token.
    #[serde(default)]
    pub(crate) guest: bool,
}

const fn one() -> u32 {
    1
}

impl Default for Settings {
    fn default() -> Self {
        Self { clients: 20, rate: 0.0, revalidate: true, pages: usual_mix() }
    }
}

/// The same as in `scenarios/rest.toml`.
fn usual_mix() -> Vec<Page> {
    let page = |weight, path: &str, guest| Page { path: path.to_owned(), weight, guest };
    vec![
        page(20, "/live-rooms", true),
        page(10, "/live-rooms?filter[status]=active", true),
        page(15, "/live-rooms/{room}/messages", false),
        page(15, "/conversations", false),
        page(15, "/conversations/{conversation}/messages", false),
        page(5, "/gifts", true),
        page(10, "/users", false),
        page(5, "/me/gifts", false),
        page(5, "/wallet/transactions", false),
    ]
}

impl Plan for Settings {
    fn kind(&self) -> &'static str {
        "rest"
    }

    fn sockets(&self) -> u64 {
        0
    }

    fn scale(&mut self, factor: f64) {
        self.clients = scaled(self.clients, factor);
        self.rate *= factor;
    }

    fn check(&self) -> Result<()> {
        within("clients", f64::from(self.clients), 1.0, 10_000.0)?;
        within("rate", self.rate, 0.0, 1_000_000.0)?;
        if self.pages.iter().all(|page| page.weight == 0) {
            bail!("pages is empty: there must be one with a weight above 0");
        }
        for page in &self.pages {
            if !page.path.starts_with('/') || page.weight > 1_000_000 {
                bail!(
                    "a page has the path {:?} and the weight {}; it must begin with /, and weigh at most 1000000",
                    page.path,
                    page.weight
                );
            }
        }
        Ok(())
    }

    fn prepare<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Box<dyn Activity>>> {
        Box::pin(async move {
            let activity: Box<dyn Activity> = Box::new(self.assemble(stage).await?);
            Ok(activity)
        })
    }
}

impl Settings {
    async fn assemble(&self, stage: &Stage) -> Result<Rest> {
        let shared = stage.shared();
        let clients = usize::try_from(self.clients)?;
        let http = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(clients)
            .pool_idle_timeout(None)
            .build()
            .context("the HTTP client cannot be set up")?;
        let room = match self.pages.iter().any(|page| page.path.contains("{room}")) {
            true => stage.rooms(1).await?.first().copied(),
            false => None,
        };
        let mut views = Vec::new();
        for account in shared.iter().take(clients) {
            let conversation = match self.pages.iter().any(|page| page.path.contains("{conversation}")) {
                true => first_conversation(stage, account).await?,
                false => None,
            };
            views.push(Arc::new(View::new(self, &stage.target.api, account, (room, conversation))));
        }
        if views.iter().all(|view| view.whole == 0) {
            bail!("rest: nobody has any of these pages (conversations to read, rooms to see)");
        }
        let scene = Arc::new(Scene {
            http,
            gauges: Arc::new(Gauges::new()),
            pages: self.pages.clone(),
            latencies: self.pages.iter().map(|_| Latencies::new()).collect(),
            revalidate: self.revalidate,
            tally: Tally::default(),
            stop: CancellationToken::new(),
        });
        for view in &views {
            scene.probe(view).await?;
        }
        let how = if self.rate > 0.0 {
            format!("{} requests/s", self.rate)
        } else {
            "as fast as they can".to_owned()
        };
        let description = format!("{clients} clients read {} kinds of lists, {how}", self.pages.len());
        Ok(Rest {
            settings: self.clone(),
            scene,
            views,
            description,
            clients: JoinSet::new(),
            spent: Duration::ZERO,
        })
    }
}

async fn first_conversation(stage: &Stage, account: &Account) -> Result<Option<u64>> {
    let list = stage.rest.get("/conversations?per_page=1", &account.token).await?;
    Ok(list.pointer("/0/id").and_then(Value::as_u64))
}

/// What all clients share.
struct Scene {
    http: Client,
    gauges: Arc<Gauges>,
    pages: Vec<Page>,
    /// By page.
    latencies: Vec<Latencies>,
    revalidate: bool,
    tally: Tally,
    stop: CancellationToken,
}

/// What only this activity counts.
#[derive(Default)]
struct Tally {
    /// Asked with `If-None-Match`.
    conditional: Counter,
    /// … and answered with 304.
    unchanged: Counter,
    /// … and answered in full although the ETag is the same.
    careless: Counter,
    /// Answers that are no list.
    invalid: Counter,
    /// Statuses other than 200, 304 and 429.
    failed: Counter,
    items: Counter,
    bytes: Counter,
}

/// The pages as one account asks for them.
struct View {
    token: Arc<str>,
    /// The place in the mix, the address, and the weights up to and with it.
    pages: Vec<(usize, String, u32)>,
    whole: u32,
}

impl View {
    fn new(
        settings: &Settings,
        api: &str,
        account: &Account,
        (room, conversation): (Option<u64>, Option<u64>),
    ) -> Self {
        let mut pages = Vec::new();
        let mut whole = 0;
        for (place, page) in settings.pages.iter().enumerate() {
            let fill = [("{room}", room), ("{conversation}", conversation), ("{user}", Some(account.id))];
            if let Some(path) = filled(&page.path, &fill).filter(|_| page.weight > 0) {
                whole += page.weight;
                pages.push((place, format!("{api}/api/v1{path}"), whole));
            }
        }
        Self { token: Arc::clone(&account.token), pages, whole }
    }

    /// The page at a point of the weights.
    fn at(&self, point: u32) -> Option<(usize, &str)> {
        let page = self.pages.partition_point(|(_, _, until)| *until <= point);
        self.pages.get(page).map(|(place, address, _)| (*place, address.as_str()))
    }
}

/// A path with its placeholders filled in; `None` where the asker has nothing of the kind.
fn filled(path: &str, values: &[(&str, Option<u64>)]) -> Option<String> {
    let mut path = path.to_owned();
    for (name, value) in values {
        if path.contains(name) {
            path = path.replace(name, &(*value)?.to_string());
        }
    }
    Some(path)
}

/// What a list is (domain.md §2.1): things, and for pages their neighbours.
#[derive(Deserialize)]
struct List {
    data: Vec<Thing>,
    links: Option<Links>,
    meta: Option<Meta>,
}

/// An object of whatever members.
#[derive(Deserialize)]
struct Thing {}

#[derive(Deserialize)]
struct Links {
    #[serde(rename = "next")]
    _next: Option<String>,
    #[serde(rename = "prev")]
    _prev: Option<String>,
    #[serde(rename = "first")]
    _first: IgnoredAny,
}

#[derive(Deserialize)]
struct Meta {
    per_page: u64,
    next_cursor: Option<String>,
}

/// How many things a list has.
fn count_items(body: &[u8]) -> Result<u64, String> {
    let list: List = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let count = u64::try_from(list.data.len()).unwrap_or(u64::MAX);
    match (list.links, list.meta) {
        (None, None) => Ok(count),
        (Some(_), Some(meta)) if count > meta.per_page => {
            Err(format!("{count} things on a page of {}", meta.per_page))
        }
        (Some(_), Some(meta)) if meta.next_cursor.is_some() && count < meta.per_page => {
            Err("a page that is not full, and a next one".to_owned())
        }
        (Some(_), Some(_)) => Ok(count),
        _ => Err("links without meta, or meta without links".to_owned()),
    }
}

impl Scene {
    /// Asks for each page once, so that a wrong mix is told before the load.
    async fn probe(&self, view: &View) -> Result<()> {
        for (place, address, _) in &view.pages {
            let (status, _, body) = self.fetch(*place, address, &view.token, None).await?;
            let path = self.pages.get(*place).map_or("", |page| page.path.as_str());
            if status == StatusCode::TOO_MANY_REQUESTS {
                bail!("{path} answers HTTP 429: {NO_LIMITS}");
            }
            if status != StatusCode::OK {
                bail!("{path} answers HTTP {status}: {}", String::from_utf8_lossy(&body));
            }
            if let Err(error) = count_items(&body) {
                bail!("{path} is no list: {error}");
            }
        }
        Ok(())
    }

    async fn fetch(
        &self,
        place: usize,
        address: &str,
        token: &str,
        etag: Option<&str>,
    ) -> Result<(StatusCode, Option<String>, Bytes), reqwest::Error> {
        let mut request = self.http.get(address);
        if !self.pages.get(place).is_some_and(|page| page.guest) {
            request = request.bearer_auth(token);
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await?;
        let status = response.status();
        let etag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok((status, etag, response.bytes().await?))
    }

    /// Asks for a page and looks at the answer.
    async fn read(&self, client: u32, view: &View, etags: &mut HashMap<usize, String>) {
        let point = rand::rng().random_range(0..view.whole.max(1));
        let Some((place, address)) = view.at(point) else { return };
        let counters = &self.gauges.counters;
        let known = etags.get(&place).filter(|_| self.revalidate).cloned();
        self.tally.conditional.add(u64::from(known.is_some()));
        counters.sent.up();
        let began = Instant::now();
        let answer = self.fetch(place, address, &view.token, known.as_deref()).await;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let path = self.pages.get(place).map_or("", |page| page.path.as_str());
        let (status, etag, body) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let kind = if error.is_timeout() { "no answer in time" } else { "no answer" };
                counters.error(&format!("GET {path}: {kind}"));
                // Not in a hurry to fail again.
                sleep(Duration::from_millis(100)).await;
                return;
            }
        };
        self.gauges.latencies.record(Kind::Request, client, took);
        if let Some(latencies) = self.latencies.get(place) {
            latencies.record(Kind::Request, client, took);
        }
        self.tally.bytes.add(u64::try_from(body.len()).unwrap_or_default());
        match status {
            StatusCode::NOT_MODIFIED if known.is_some() => {
                self.tally.unchanged.up();
                counters.acknowledged.up();
            }
            StatusCode::OK => {
                if known.is_some() && known == etag {
                    self.tally.careless.up();
                }
                if let Some(etag) = etag {
                    etags.insert(place, etag);
                }
                match count_items(&body) {
                    Ok(items) => {
                        self.tally.items.add(items);
                        counters.acknowledged.up();
                    }
                    Err(error) => {
                        self.tally.invalid.up();
                        counters.refused.up();
                        counters.error(&format!("GET {path} is no list: {error}"));
                    }
                }
            }
            other => {
                counters.refused.up();
                counters.error(&format!("GET {path} answered {}", other.as_u16()));
                if other == StatusCode::TOO_MANY_REQUESTS {
                    counters.met_limit();
                } else {
                    self.tally.failed.up();
                }
            }
        }
    }
}

/// See the module.
struct Rest {
    settings: Settings,
    scene: Arc<Scene>,
    views: Vec<Arc<View>>,
    description: String,
    clients: JoinSet<()>,
    spent: Duration,
}

impl Rest {
    /// Starts the clients; each asks when it is given a moment at which to ask, or all the time.
    fn start(&mut self, moments: Option<mpsc::Receiver<Instant>>) {
        let moments = moments.map(|moments| Arc::new(Mutex::new(moments)));
        let able: Vec<_> = self.views.iter().filter(|view| view.whole > 0).cloned().collect();
        for (client, view) in (0..self.settings.clients).zip(able.iter().cycle()) {
            let (scene, view, moments) = (Arc::clone(&self.scene), Arc::clone(view), moments.clone());
            self.clients.spawn(async move {
                let mut etags = HashMap::new();
                scene.gauges.counters.online.up();
                while !scene.stop.is_cancelled() {
                    if let Some(moments) = &moments {
                        let due = tokio::select! {
                            due = async { moments.lock().await.recv().await } => due,
                            () = scene.stop.cancelled() => None,
                        };
                        let Some(due) = due else { break };
                        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                        scene.gauges.latencies.record(Kind::Behind, client, late);
                    }
                    scene.read(client, &view, &mut etags).await;
                }
                scene.gauges.counters.online.down();
            });
        }
    }

    fn report(&self) -> ActivityReport {
        let Scene { gauges, tally, .. } = &*self.scene;
        let mut report = gauges.report("rest", &self.description);
        report.not_sent = gauges.counters.not_offered.get();
        report.unacknowledged = report.sent.saturating_sub(report.acknowledged + report.refused);
        for (page, latencies) in self.scene.pages.iter().zip(&self.scene.latencies) {
            let figures = latencies.percentiles(Kind::Request);
            if figures.count > 0 {
                report.latencies.insert(format!("GET {}", page.path), figures);
            }
        }
        let seconds = self.spent.as_secs_f64().max(0.001);
        let figure = |name: &str, value: f64, unit: &str| Figure {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        };
        report.figures = vec![
            figure("requests answered", float(report.acknowledged + report.refused) / seconds, "/s"),
            figure("list items read", float(tally.items.get()), ""),
            figure("bodies", float(tally.bytes.get()) / seconds / 1e6, "MB/s"),
            figure("asked with If-None-Match", float(tally.conditional.get()), ""),
        ];
        if tally.conditional.get() > 0 {
            let share = float(tally.unchanged.get()) / float(tally.conditional.get());
            report.figures.push(figure("of these answered 304", share * 100.0, "%"));
        }
        let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
        for (name, count) in
            report.errors.iter().filter_map(|(name, count)| Some((name.rsplit_once(" answered ")?.1, count)))
        {
            *by_status.entry(name.to_owned()).or_default() += *count;
        }
        report.figures.extend(
            by_status
                .iter()
                .map(|(status, count)| figure(&format!("answered with HTTP {status}"), float(*count), "")),
        );
        for (count, what) in [
            (tally.invalid.get(), "answers were no valid list"),
            (tally.failed.get(), "requests were refused"),
            (tally.careless.get(), "answers came in full although nothing had changed (same ETag)"),
        ] {
            if count > 0 {
                report.faults.push(format!("{count} {what}"));
            }
        }
        if report.acknowledged == 0 {
            report.faults.push("no request was answered".to_owned());
        }
        report
    }
}

impl Activity for Rest {
    fn kind(&self) -> &'static str {
        "rest"
    }

    fn sockets(&self) -> u64 {
        0
    }

    fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.scene.gauges)
    }

    /// Clients connect with their first request.
    fn connect(&mut self, _ramp: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn run(&mut self, until: CancellationToken) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let began = Instant::now();
            if let Some(pace) = Pace::begin(self.settings.rate, began) {
                let (sender, moments) = mpsc::channel(QUEUE);
                self.start(Some(moments));
                let counters = &self.scene.gauges.counters;
                pace.run(&until, |due| {
                    if sender.try_send(due).is_err() {
                        counters.not_offered.up();
                    }
                    true
                })
                .await;
            } else {
                self.start(None);
                until.cancelled().await;
            }
            self.spent = began.elapsed();
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>, settle: Duration) -> BoxFuture<'static, Result<ActivityReport>> {
        Box::pin(async move {
            self.scene.stop.cancel();
            let answered = async { while self.clients.join_next().await.is_some() {} };
            // Those that are cut off here stay unanswered in the report.
            let _cut_off = timeout(settle.max(PATIENCE), answered).await;
            Ok(self.report())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Settings, View, count_items, filled, usual_mix};
    use crate::activity::Plan;
    use crate::session::Account;

    fn read(text: &str) -> Result<Settings, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_mix_is_data_and_unknown_keys_are_refused_by_name() {
        let settings = read("clients = 3\n[[pages]]\npath = \"/gifts\"\nguest = true").unwrap();
        assert_eq!(settings.pages, [Page { path: "/gifts".to_owned(), weight: 1, guest: true }]);
        assert!(settings.check().is_ok());
        assert_eq!(Settings::default().pages, usual_mix());
        assert!(read("[[pages]]\npath = \"/gifts\"\nwieght = 1").unwrap_err().to_string().contains("wieght"));
        for wrong in ["clients = 0", "rate = -1.0", "pages = []", "[[pages]]\npath = \"gifts\""] {
            assert!(read(wrong).unwrap().check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pages_are_chosen_by_weight_and_left_out_where_one_has_none() {
        let settings = read(
            "[[pages]]\npath = \"/a\"\nweight = 2\n[[pages]]\npath = \"/c/{conversation}\"\nweight = 5\n[[pages]]\npath = \"/u/{user}\"",
        )
        .unwrap();
        let account = Account { id: 7, token: "t".into() };
        let view = View::new(&settings, "http://x", &account, (None, None));
        assert_eq!(view.whole, 3);
        let chosen: Vec<_> = (0..4).map(|point| view.at(point).map(|(place, _)| place)).collect();
        assert_eq!(chosen, [Some(0), Some(0), Some(2), None]);
        assert_eq!(view.at(2).unwrap().1, "http://x/api/v1/u/7");
        let view = View::new(&settings, "http://x", &account, (None, Some(9)));
        assert_eq!((view.whole, view.at(2).unwrap().1), (8, "http://x/api/v1/c/9"));
        assert_eq!(filled("/a/{room}", &[("{room}", None)]), None);
    }

    #[test]
    fn lists_are_told_from_what_only_looks_like_one() {
        let page = |data: &str, meta: &str| {
            format!(
                r#"{{"data":{data},"links":{{"first":null,"last":null,"prev":null,"next":null}},"meta":{meta}}}"#
            )
        };
        let meta = r#"{"path":"p","per_page":2,"next_cursor":null,"prev_cursor":null}"#;
        assert_eq!(count_items(page(r#"[{"id":1},{"id":2}]"#, meta).as_bytes()), Ok(2));
        assert_eq!(count_items(br#"{"data":[]}"#), Ok(0), "a whole list");
        let more = r#"{"path":"p","per_page":2,"next_cursor":"x","prev_cursor":null}"#;
        for wrong in [
            page(r#"[{"id":1},{"id":2},{"id":3}]"#, meta),
            page(r#"[{"id":1}]"#, more),
            page("[1]", meta),
            r#"{"data":{"id":1}}"#.to_owned(),
            r#"{"data":[],"meta":{"per_page":2,"next_cursor":null}}"#.to_owned(),
            "<html>".to_owned(),
        ] {
            assert!(count_items(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
    #[test]
    fn the_scenario_file_and_the_k6_script_have_the_same_mix() {
        let file: toml::Table = toml::from_str(include_str!("../../scenarios/rest.toml")).unwrap();
        let pages = file["activity"][0]["pages"].clone();
        assert_eq!(pages.try_into::<Vec<Page>>().unwrap(), usual_mix());
        let script = include_str!("../../k6/rest.js");
        for Page { path, weight, guest } in usual_mix() {
            let line = format!("[{weight}, '{path}', {guest}],");
            assert!(script.contains(&line), "{line}");
        }
    }
}
