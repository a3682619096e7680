//! Scenarios: data files that say which activities run side by side, for how long and with how many users. The usual ones
//! are in `loadtest/scenarios/` and in this program.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use toml::{Table, Value};

use crate::activity::{self, Plan};
use crate::cli::RunOptions;
use crate::stats::float;

/// The built-in scenarios: their names and files.
pub(crate) const BUILT_IN: &[(&str, &str)] = &[
    ("idle", include_str!("../../scenarios/idle.toml")),
    ("chat", include_str!("../../scenarios/chat.toml")),
    ("room", include_str!("../../scenarios/room.toml")),
    ("presence", include_str!("../../scenarios/presence.toml")),
    ("gifts", include_str!("../../scenarios/gifts.toml")),
    ("reconnect", include_str!("../../scenarios/reconnect.toml")),
    ("rest", include_str!("../../scenarios/rest.toml")),
    ("evening", include_str!("../../scenarios/evening.toml")),
];

/// An access token lives for 15 minutes, and a run uses the ones of its beginning.
const MOST_SECONDS: u32 = 600;
const LONGEST_RAMP: u32 = 120;
const MOST_HUBS: u16 = 16;

/// A scenario as it will be run.
pub(crate) struct Scenario {
    /// Its name; of a file of one's own its path.
    pub(crate) name: String,
    /// One line.
    pub(crate) title: String,
    /// How long the load goes on.
    pub(crate) seconds: u32,
    /// Seconds in which the sockets are opened; 0: as fast as they come.
    pub(crate) ramp: u32,
    /// Hubs of an installation that we start.
    pub(crate) hubs: u16,
    /// What runs side by side.
    pub(crate) plans: Vec<Box<dyn Plan>>,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default = "default_seconds")]
    seconds: u32,
    #[serde(default)]
    ramp: u32,
    #[serde(default = "default_hubs")]
    hubs: u16,
    activity: Vec<Table>,
}

const fn default_seconds() -> u32 {
    30
}

const fn default_hubs() -> u16 {
    2
}

impl Scenario {
    /// A built-in scenario, with what the command line changes of it.
    ///
    /// # Errors
    /// There is none of that name, or what was changed does not fit.
    pub(crate) fn built_in(name: &str, options: &RunOptions) -> Result<Self> {
        let (_, text) = BUILT_IN
            .iter()
            .find(|(known, _)| *known == name)
            .with_context(|| format!("there is no scenario \"{name}\"; `loadtest list` names them"))?;
        Self::read(name, text, options)
    }

    /// A scenario from the text of a file.
    ///
    /// # Errors
    /// A sentence that names the key that is unknown or has a wrong value.
    pub(crate) fn read(name: &str, text: &str, options: &RunOptions) -> Result<Self> {
        let mut table: Table =
            toml::from_str(text).with_context(|| format!("scenario {name} cannot be understood"))?;
        for change in &options.set {
            set(&mut table, change).with_context(|| format!("--set {change}"))?;
        }
        let mut file: File =
            table.try_into().with_context(|| format!("scenario {name} cannot be understood"))?;
        apply(&mut file.activity, options)?;
        let mut scenario = Self {
            name: name.to_owned(),
            title: file.title,
            seconds: options.seconds.unwrap_or(file.seconds),
            ramp: options.ramp.unwrap_or(file.ramp),
            hubs: options.common.hubs.unwrap_or(file.hubs),
            plans: file
                .activity
                .into_iter()
                .enumerate()
                .map(|(place, table)| {
                    plan(table).with_context(|| format!("scenario {name}, activity {place}"))
                })
                .collect::<Result<_>>()?,
        };
        if let Some(users) = options.users.filter(|_| scenario.plans.len() > 1) {
            scenario.scale(users);
        }
        scenario.check().with_context(|| format!("scenario {name}"))?;
        Ok(scenario)
    }

    /// Sockets of all activities.
    pub(crate) fn sockets(&self) -> u64 {
        self.plans.iter().map(|plan| plan.sockets()).sum()
    }

    /// All activities in proportion, so that they have some `users` sockets together.
    fn scale(&mut self, users: u32) {
        let factor = f64::from(users) / float(self.sockets().max(1));
        for plan in &mut self.plans {
            plan.scale(factor);
        }
    }

    fn check(&self) -> Result<()> {
        activity::within("seconds", f64::from(self.seconds), 1.0, f64::from(MOST_SECONDS))?;
        activity::within("ramp", f64::from(self.ramp), 0.0, f64::from(LONGEST_RAMP))?;
        activity::within("hubs", f64::from(self.hubs), 1.0, f64::from(MOST_HUBS))?;
        if self.plans.is_empty() {
            bail!("there is no [[activity]]");
        }
        self.plans.iter().try_for_each(|plan| plan.check().with_context(|| plan.kind().to_owned()))
    }
}

fn plan(mut table: Table) -> Result<Box<dyn Plan>> {
    let kind = match table.remove("kind") {
        Some(Value::String(kind)) => kind,
        Some(_) => bail!("kind is a text"),
        None => bail!("kind is missing; there are {}", activity::KINDS.join(", ")),
    };
    activity::plan(&kind, table).with_context(|| kind)
}

/// What the options change of a scenario with one activity.
fn apply(activities: &mut [Table], options: &RunOptions) -> Result<()> {
    let whole = |value: Option<u32>| value.map(|value| Value::Integer(i64::from(value)));
    let changes = [
        ("--users", "users", whole(options.users)),
        ("--subscribers", "subscribers", whole(options.subscribers)),
        ("--publishers", "publishers", whole(options.publishers)),
        ("--rate", "rate", options.rate.map(Value::Float)),
    ];
    for (option, key, value) in changes {
        let Some(value) = value else { continue };
        match activities {
            [one] => {
                let key = match (key, one.get("kind").and_then(Value::as_str)) {
                    ("users", Some("room")) => "subscribers",
                    ("users", Some("gifts")) => "listeners",
                    ("users", Some("rest")) => "clients",
                    _ => key,
                };
                one.insert(key.to_owned(), value);
            }
            // It scales them all, later.
            _ if key == "users" => {}
            _ => bail!("{option} is for scenarios with one activity; write --set KIND.{key}={value}"),
        }
    }
    Ok(())
}

/// Carries out `PATH=VALUE`: `seconds=10`, `activity.0.rate=5`, or by kind `chat.rate=5`.
fn set(table: &mut Table, change: &str) -> Result<()> {
    let (path, value) = change.split_once('=').context("write PATH=VALUE, such as chat.rate=5")?;
    let value = parse(value.trim());
    match *path.trim().split('.').collect::<Vec<_>>() {
        [key] if key != "activity" => {
            table.insert(key.to_owned(), value);
            return Ok(());
        }
        ["activity", place, key] => {
            let place: usize = place.parse().context("activity.PLACE.KEY, the first place is 0")?;
            let activities = table.get_mut("activity").and_then(Value::as_array_mut);
            let activity = activities.and_then(|all| all.get_mut(place)).and_then(Value::as_table_mut);
            activity.with_context(|| format!("there is no activity {place}"))?.insert(key.to_owned(), value);
            return Ok(());
        }
        [kind, key] => {
            let activities = table.get_mut("activity").and_then(Value::as_array_mut);
            let mut found = false;
            for activity in activities.into_iter().flatten().filter_map(Value::as_table_mut) {
                if activity.get("kind").and_then(Value::as_str) == Some(kind) {
                    activity.insert(key.to_owned(), value.clone());
                    found = true;
                }
            }
            if !found {
                bail!("the scenario has no activity of kind \"{kind}\"");
            }
            return Ok(());
        }
        _ => {}
    }
    bail!("a path is KEY, KIND.KEY or activity.PLACE.KEY")
}

/// A value as the file would have it; what is none is a text.
fn parse(value: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(value.to_owned()))
}

/// Name and title of every built-in scenario.
///
/// # Errors
/// A file cannot be understood.
pub(crate) fn list() -> Result<Vec<(&'static str, String)>> {
    let titled = |(name, text): &(&'static str, &str)| {
        let file: File = toml::from_str(text).with_context(|| format!("scenario {name}"))?;
        Ok((*name, file.title))
    };
    BUILT_IN.iter().map(titled).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{BUILT_IN, Scenario, list};
    use crate::activity::KINDS;
    use crate::cli::{Cli, Command, RunOptions};

    fn options(words: &str) -> RunOptions {
        let words = ["loadtest", "chat"].into_iter().chain(words.split_whitespace());
        match Cli::try_parse_from(words).unwrap().command {
            Command::Chat(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    fn built_in(name: &str, words: &str) -> anyhow::Result<Scenario> {
        Scenario::built_in(name, &options(words))
    }

    fn refusal(text: &str, words: &str) -> String {
        match Scenario::read("mine", text, &options(words)) {
            Ok(_) => panic!("{text} was taken"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn every_built_in_file_is_understood_listed_and_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let mut names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!(files, names);
        for (name, title) in list().unwrap() {
            let scenario = built_in(name, "").unwrap();
            assert_eq!(scenario.title, title);
            assert!(!title.is_empty() && !title.contains('\n'), "{name}");
            for plan in &scenario.plans {
                assert!(KINDS.contains(&plan.kind()), "{name}: {}", plan.kind());
            }
        }
    }

    #[test]
    fn what_is_unknown_or_out_of_bounds_is_refused_by_name() {
        let activity = "title = \"t\"\n[[activity]]\nkind = \"chat\"\n";
        for (text, words, names) in [
            (format!("{activity}userz = 3\n"), "", vec!["activity 0", "chat", "userz"]),
            (format!("secs = 3\n{activity}"), "", vec!["secs"]),
            ("title = \"t\"\n[[activity]]\nkind = \"dance\"\n".to_owned(), "", vec!["dance", "chat"]),
            ("title = \"t\"\n[[activity]]\nusers = 3\n".to_owned(), "", vec!["kind"]),
            ("title = \"t\"\nactivity = []\n".to_owned(), "", vec!["activity"]),
            (format!("{activity}rate = \"fast\"\n"), "", vec!["chat", "rate"]),
            (format!("{activity}rate = 0.0\n"), "", vec!["chat", "rate"]),
            (activity.to_owned(), "--seconds 601", vec!["seconds", "600"]),
            (activity.to_owned(), "--subscribers 3", vec!["subscribers"]),
            (activity.to_owned(), "--set room.rate=3", vec!["room"]),
            (activity.to_owned(), "--set activity.1.rate=3", vec!["activity 1"]),
            (activity.to_owned(), "--set a.b.c.d=3", vec!["PATH", "KIND.KEY"]),
            (activity.to_owned(), "--set rate", vec!["PATH=VALUE"]),
            (
                format!("{activity}{}", activity.lines().skip(1).collect::<Vec<_>>().join("\n")),
                "--rate 3",
                vec!["--rate", "--set"],
            ),
        ] {
            let refusal = refusal(&text, words);
            for name in names {
                assert!(refusal.contains(name) || name == "PATH", "{name} is not in: {refusal}");
            }
        }
    }

    #[test]
    fn options_change_the_one_activity_and_the_whole() {
        let chat = built_in("chat", "--users 200 --rate 500 --seconds 60 --hubs 3 --ramp 4").unwrap();
        assert_eq!((chat.sockets(), chat.seconds, chat.hubs, chat.ramp), (200, 60, 3, 4));
        let chat = built_in("chat", "--set chat.users=80 --set activity.0.rate=7 --set seconds=5").unwrap();
        assert_eq!((chat.sockets(), chat.seconds), (80, 5));
        let room = built_in("room", "--subscribers 100 --publishers 3 --rate 2.5").unwrap();
        assert_eq!(room.sockets(), 103);
        let room = built_in("room", "--users 100").unwrap();
        assert_eq!(room.sockets(), 104, "its users are the listeners");
    }

    #[test]
    fn several_activities_are_scaled_in_proportion() {
        let text = "title = \"t\"\n[[activity]]\nkind = \"chat\"\nusers = 100\nrate = 10.0\n\
            [[activity]]\nkind = \"idle\"\nusers = 300\n";
        let scenario = Scenario::read("mine", text, &options("--users 4000")).unwrap();
        let sockets: Vec<u64> = scenario.plans.iter().map(|plan| plan.sockets()).collect();
        assert_eq!(sockets, [1000, 3000]);
        let scenario = Scenario::read("mine", text, &options("")).unwrap();
        assert_eq!(scenario.sockets(), 400);
    }
}
