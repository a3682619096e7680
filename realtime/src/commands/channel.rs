//! `presence`, `presence_stats` and `history` of a channel that the connection listens to.

use std::collections::BTreeMap;

use bus::{HistoryQuery, Position};
use protocol::channel::Channel;
use protocol::codes::ProtocolError;
use protocol::frame::{Answer, HistoryRequest, HistoryResult, PresenceResult, PresenceStatsResult};

use super::{Context, Outcome};
use crate::connection::session::Session;
use crate::error::of_bus;
use crate::hub::subscription::publications;

/// Above so many connections there is no list, only numbers (realtime.md §3).
const LISTED: u32 = 200;
/// Events in one answer to `history`.
const PAGE: u32 = 300;

/// `presence`: who is there.
pub(crate) async fn presence(context: Context, channel: Channel) -> Outcome {
    let members = match context.hub.app.bus.members(&channel.to_string(), LISTED).await {
        Ok(members) => members,
        Err(error) => return context.reply(Err(of_bus(&error))),
    };
    if members.counts.clients > u64::from(LISTED) {
        return context.refuse(ProtocolError::NotAvailable);
    }
    let info = |member: bus::Member| {
        let info = Session::client_info(member.user_id, member.client_id.clone(), member.info);
        (member.client_id, info)
    };
    let presence: BTreeMap<_, _> = members.list.into_iter().map(info).collect();
    context.reply(Ok(Answer::Presence(PresenceResult { presence })))
}

/// `presence_stats`: how many are there.
pub(crate) async fn presence_stats(context: Context, channel: Channel) -> Outcome {
    match context.hub.app.bus.member_counts(&[&channel.to_string()]).await {
        Ok(counts) => {
            let counts = counts.first().copied().unwrap_or_default();
            let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            let result =
                PresenceStatsResult { num_clients: number(counts.clients), num_users: number(counts.users) };
            context.reply(Ok(Answer::PresenceStats(result)))
        }
        Err(error) => context.reply(Err(of_bus(&error))),
    }
}

/// `history`: what the channel keeps.
pub(crate) async fn history(context: Context, channel: Channel, request: HistoryRequest) -> Outcome {
    if !channel.recoverable() {
        return context.refuse(ProtocolError::NotAvailable);
    }
    let since = request.since.map(|since| Position::new(since.offset, since.epoch));
    let limit = u32::try_from(request.limit).map_or(PAGE, |limit| limit.min(PAGE));
    let query = HistoryQuery { since: since.clone(), limit, reverse: request.reverse };
    match context.hub.app.bus.history(&channel.to_string(), &query).await {
        Ok(history) => {
            if since.is_some_and(|since| since.epoch != history.top.epoch) {
                return context.refuse(ProtocolError::UnrecoverablePosition);
            }
            context.reply(Ok(Answer::History(HistoryResult {
                publications: publications(history.publications).collect(),
                epoch: history.top.epoch.to_string(),
                offset: history.top.offset,
            })))
        }
        Err(error) => context.reply(Err(of_bus(&error))),
    }
}
