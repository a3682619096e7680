//! `majlis watch room:1`: what happens on a channel, line by line, through the first hub.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use client::{Heard, Rest, Socket, SocketError};
use protocol::channel::Channel;
use protocol::codec::Encoding;
use tokio::time::{Instant, sleep};

use crate::cli::WatchOptions;
use crate::data_dir::UpAccount;
use crate::term::{complain, say};
use crate::tools;

pub(crate) async fn run(options: &WatchOptions) -> Result<ExitCode> {
    let channel: Channel =
        options.channel.parse().ok().context("a channel is room:ID, presence:ID or user:ID")?;
    let name = channel.to_string();
    let deadline = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut positions = BTreeMap::new();
    let mut node = 0;
    loop {
        // Read anew each time: after a restart of everything the addresses may be others.
        let up = tools::running(&options.place.data)?;
        let watcher = |account: &&UpAccount| match channel {
            Channel::User(id) => account.id == id,
            _ => true,
        };
        let account =
            up.accounts.iter().find(watcher).with_context(|| format!("{name} is no demo user's"))?;
        let hub = up.hubs.get(node % up.hubs.len().max(1)).context("there is no hub")?;
        let session = Rest::new(&up.api)?.log_in(&account.email, &account.password).await?;
        let ended = follow(hub, &session.access_token, channel, &mut positions, deadline).await;
        match ended {
            Ok(()) => return Ok(ExitCode::SUCCESS),
            Err(SocketError::Refused(refused)) => anyhow::bail!("{name}: {}", refused.message),
            Err(SocketError::Closed { code, reason }) if (3500..4000).contains(&code) || code >= 4500 => {
                anyhow::bail!("the hub closed the connection: {code} {reason}")
            }
            Err(error) => {
                complain(&format!("{error}; trying another hub"));
                node += 1;
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn follow(
    hub: &str,
    token: &str,
    channel: Channel,
    positions: &mut BTreeMap<String, client::Position>,
    deadline: Option<Instant>,
) -> Result<(), SocketError> {
    let name = channel.to_string();
    let recover = positions.clone();
    let mut socket = Socket::connect(hub, Encoding::Json, token, &recover).await?;
    let own = matches!(channel, Channel::User(_));
    let missed = if own {
        socket.subscribed.get(&name).map(|subscribed| subscribed.missed.clone()).unwrap_or_default()
    } else {
        let subscribed = socket.subscribe(&name, recover.get(&name)).await?;
        if recover.is_empty() {
            say(&format!("watching {name}: {}", subscribed.data));
        }
        subscribed.missed
    };
    for heard in &missed {
        show(heard);
    }
    loop {
        positions.clone_from(socket.positions());
        let patience =
            deadline.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
        match socket.next(patience).await {
            Ok(heard) if heard.channel == name => show(&heard),
            Ok(_) => {}
            Err(SocketError::TimedOut(_)) if deadline.is_some_and(|at| at <= Instant::now()) => {
                socket.close().await;
                return Ok(());
            }
            Err(SocketError::TimedOut(_)) => {}
            Err(error) => return Err(error),
        }
    }
}

fn show(heard: &Heard) {
    let at = heard.at().map(|time| time.to_string()).unwrap_or_default();
    say(&format!("{at}  {:<22} {}", heard.event_type(), heard.data.get("data").unwrap_or(&heard.data)));
}
