//! Who is in a channel (realtime.md §3): clients, each of a user on a node. What is told is when a **user**
//! comes or goes, not each of their devices. Entries live until they leave or until their node's are swept.
//!
//! Moves are gathered in Redis, by the scripts that let somebody in or out, so that one frame a second is enough for
//! all nodes together: whichever node asks first in a second gets all of them ([`Bus::members_news`]) and tells them.

use std::time::Duration;

use bytes::Bytes;

use crate::error::BusError;
use crate::reply::{millis, read};
use crate::{Bus, script};

/// Clients taken away in one Lua call.
const STEP: u32 = 200;
/// Clients entered, or let out, in one Lua call: about half a millisecond of Redis.
const AT_ONCE: usize = 200;
/// Above so many users in a channel nobody is told who comes and goes (realtime.md §3).
const MOVES_TOLD: u64 = 200;
/// For how long it is remembered which number was told last. Forgotten, the same number is told once more.
const TOLD_TTL: Duration = Duration::from_secs(24 * 3_600);

/// Client, user, whether it was the user's last one, users and clients left: as `member_sweep.lua` answers.
type SweptRow = (String, u64, bool, u64, u64);

/// One client in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Id of the connection, unique over all nodes and times.
    pub client_id: String,
    /// Whose connection.
    pub user_id: u64,
    /// JSON shown to those who list the members.
    pub info: Bytes,
}

/// What an entering or a leaving client changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberEdge {
    /// Whose client.
    pub user_id: u64,
    /// The user came with this client.
    pub first_of_user: bool,
    /// The user went with this client.
    pub last_of_user: bool,
    /// Distinct users in the channel now.
    pub users: u64,
    /// Clients in the channel now.
    pub clients: u64,
}

/// How many are in a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberCounts {
    /// Connections.
    pub clients: u64,
    /// Distinct users.
    pub users: u64,
}

/// Who is in a channel.
#[derive(Debug, Clone)]
pub struct ChannelMembers {
    /// How many.
    pub counts: MemberCounts,
    /// Each of them; empty if they are more than was asked for ("counts above": realtime.md §3).
    pub list: Vec<Member>,
}

/// A client of a dead node that was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptMember {
    /// Where it was.
    pub channel: String,
    /// Which client.
    pub client_id: String,
    /// What that changed.
    pub edge: MemberEdge,
}

/// What a dead node left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweptNode {
    /// Every channel in which it ever had a client. It may have died between a change and telling it, so what is to be told
    /// of each is to be asked for ([`Bus::members_news`]), whether a client was still there or not.
    pub channels: Vec<String>,
    /// The clients that were taken away.
    pub members: Vec<SweptMember>,
}

/// Somebody came into a channel or went out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberMove {
    /// Who.
    pub user_id: u64,
    /// The client with which they came, or their last one.
    pub client_id: String,
    /// They came.
    pub came: bool,
    /// What [`Member::info`] of the client says; empty for those who went.
    pub info: Bytes,
}

/// What is to be told of a channel's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberNews {
    /// Nothing, until somebody comes or goes.
    Nothing,
    /// Something, but the channel was told something a moment ago: ask again after this time.
    Later(Duration),
    /// This, by the caller and nobody else.
    Tell {
        /// Distinct users in the channel; `None` if that is the number told last.
        users: Option<u64>,
        /// Who came and went; empty above 200 users.
        moves: Vec<MemberMove>,
    },
}

impl Bus {
    /// Enters clients into a channel: one edge for each, in their order, with the numbers after the last of them.
    /// Entering one again only replaces its info.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: some may have been entered; entering all of them again is right.
    /// [`BusError::Corrupt`].
    pub async fn members_enter(
        &self,
        channel: &str,
        node: &str,
        members: &[Member],
    ) -> Result<Vec<MemberEdge>, BusError> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        // The node's list of channels comes first: a sweeper must find whatever was entered.
        let mut remember = redis::cmd("SADD");
        remember.arg(self.keys().node_channels(node)).arg(channel);
        let member_keys = self.member_keys(channel, node);
        let enter = members.chunks(AT_ONCE).map(|members| {
            let mut command = script::MEMBER_ENTER.call(&keys(&member_keys));
            command.arg(node).arg(MOVES_TOLD);
            for member in members {
                command.arg(&member.client_id).arg(member.user_id).arg(member.info.as_ref());
            }
            command
        });
        let commands = std::iter::once(remember).chain(enter).collect();
        let answers = self.run_in_turn("members_enter", commands).await?;
        let mut edges = Vec::with_capacity(members.len());
        for (members, answer) in members.chunks(AT_ONCE).zip(answers.into_iter().skip(1)) {
            let (users, clients, firsts) = read_edges("members_enter", answer)?;
            edges.extend(members.iter().zip(firsts).map(|(member, first)| MemberEdge {
                user_id: member.user_id,
                first_of_user: first == 1,
                last_of_user: false,
                users,
                clients,
            }));
        }
        Ok(edges)
    }

    /// Takes clients of a node out of a channel: one edge for each, in their order, with the numbers after the last of
    /// them; `None` for one that was not there.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: some may have been taken out; taking all of them out again is right.
    /// [`BusError::Corrupt`].
    pub async fn members_leave(
        &self,
        channel: &str,
        node: &str,
        client_ids: &[&str],
    ) -> Result<Vec<Option<MemberEdge>>, BusError> {
        let member_keys = self.member_keys(channel, node);
        let commands: Vec<redis::Cmd> = client_ids
            .chunks(AT_ONCE)
            .map(|client_ids| {
                let mut command = script::MEMBER_LEAVE.call(&keys(&member_keys));
                command.arg(node).arg(MOVES_TOLD).arg(client_ids);
                command
            })
            .collect();
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut edges = Vec::with_capacity(client_ids.len());
        for answer in self.run_in_turn("members_leave", commands).await? {
            let (users, clients, pairs) = read_edges("members_leave", answer)?;
            edges.extend(
                pairs
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&[user_id, last]| (user_id > 0).then(|| left(user_id, last == 1, users, clients))),
            );
        }
        Ok(edges)
    }

    /// The members of a channel if they are at most `limit` clients, and their numbers in any case.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn members(&self, channel: &str, limit: u32) -> Result<ChannelMembers, BusError> {
        let [members, users, ..] = self.member_keys(channel, "");
        let mut command = script::MEMBER_LIST.call(&[&members, &users]);
        command.arg(limit);
        let (clients, users, flat): (u64, u64, Vec<(String, Bytes)>) =
            self.run_one("members", command).await?;
        let list = flat.into_iter().map(|(client_id, value)| read_member(client_id, &value));
        Ok(ChannelMembers { counts: MemberCounts { clients, users }, list: list.collect::<Result<_, _>>()? })
    }

    /// How many clients and users are in each of these channels, in one round trip.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn member_counts(&self, channels: &[&str]) -> Result<Vec<MemberCounts>, BusError> {
        if channels.is_empty() {
            return Ok(Vec::new());
        }
        let commands = channels.iter().flat_map(|channel| {
            let [members, users, ..] = self.member_keys(channel, "");
            [members, users].map(|key| {
                let mut command = redis::cmd("HLEN");
                command.arg(key);
                command
            })
        });
        let answers = self.run("member_counts", commands.collect()).await?;
        let numbers = answers.into_iter().map(|answer| read("member_counts", answer));
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
        let counts = numbers.as_chunks().0.iter();
        Ok(counts.map(|&[clients, users]| MemberCounts { clients, users }).collect())
    }

    /// What is to be told of each of these channels; to be asked after an edge, and again until the answer is
    /// [`MemberNews::Nothing`]. Over all nodes and callers a channel has something to be told at most once in `pause`.
    /// Moves that were given out are not kept: joins and leaves are not promised. A number is given out again until
    /// [`members_told`](Self::members_told) says that it was told.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn members_news(
        &self,
        channels: &[&str],
        pause: Duration,
    ) -> Result<Vec<MemberNews>, BusError> {
        if channels.is_empty() {
            return Ok(Vec::new());
        }
        let commands = channels.iter().map(|channel| {
            let [_, users, _, moves, told] = self.member_keys(channel, "");
            let gate = self.keys().of_channel(channel, "member_gate");
            let mut command = script::MEMBER_NEWS.call(&[&users, &moves, &gate, &told]);
            command.arg(millis(pause)).arg(MOVES_TOLD);
            command
        });
        self.run("members_news", commands.collect()).await?.into_iter().map(read_news).collect()
    }

    /// Notes which numbers of users were told, each with its channel.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: the numbers are given out again.
    pub async fn members_told(&self, told: &[(&str, u64)]) -> Result<(), BusError> {
        if told.is_empty() {
            return Ok(());
        }
        let commands = told.iter().map(|(channel, users)| {
            let mut command = redis::cmd("SET");
            let key = self.keys().of_channel(channel, "members_told");
            command.arg(key).arg(users).arg("PX").arg(millis(TOLD_TTL));
            command
        });
        self.run("members_told", commands.collect()).await.map(drop)
    }

    /// Takes away everything that a dead node (or one that gave up) entered anywhere, in small steps; stops if
    /// the node turns out to live. Each client comes out once, whoever calls; to be called for each of
    /// [`Sweep::dead_nodes`](crate::Sweep::dead_nodes).
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: calling it again goes on.
    pub async fn members_sweep(&self, node: &str) -> Result<SweptNode, BusError> {
        let node_channels = self.keys().node_channels(node);
        let mut swept = SweptNode::default();
        loop {
            if self.is_node_alive(node).await? {
                return Ok(swept);
            }
            let mut command = redis::cmd("SRANDMEMBER");
            command.arg(&node_channels).arg(STEP);
            let channels: Vec<String> = self.run_one("members_sweep", command).await?;
            if channels.is_empty() {
                break;
            }
            for channel in &channels {
                self.sweep_channel(channel, node, &mut swept.members).await?;
            }
            // Forgotten only when they are empty, so that a sweeper that dies loses nothing.
            let mut command = redis::cmd("SREM");
            command.arg(&node_channels).arg(&channels);
            self.run("members_sweep", vec![command]).await?;
            swept.channels.extend(channels);
        }
        let mut command = redis::cmd("SREM");
        command.arg(self.keys().presence("dead")).arg(node);
        self.run("members_sweep", vec![command]).await?;
        Ok(swept)
    }

    async fn sweep_channel(
        &self,
        channel: &str,
        node: &str,
        swept: &mut Vec<SweptMember>,
    ) -> Result<(), BusError> {
        let member_keys = self.member_keys(channel, node);
        loop {
            let mut command = script::MEMBER_SWEEP.call(&keys(&member_keys));
            command.arg(node).arg(STEP).arg(MOVES_TOLD);
            let (done, dropped): (bool, Vec<SweptRow>) = self.run_one("members_sweep", command).await?;
            swept.extend(dropped.into_iter().map(|(client_id, user_id, last, users, clients)| SweptMember {
                channel: channel.to_owned(),
                client_id,
                edge: left(user_id, last, users, clients),
            }));
            if done {
                return Ok(());
            }
        }
    }

    /// Members, users, clients of the node, moves, the number told last: in the order of the scripts' keys.
    fn member_keys(&self, channel: &str, node: &str) -> [String; 5] {
        let keys = self.keys();
        [
            keys.of_channel(channel, "members"),
            keys.of_channel(channel, "users"),
            keys.node_clients(channel, node),
            keys.of_channel(channel, "moves"),
            keys.of_channel(channel, "members_told"),
        ]
    }
}

fn keys(names: &[String; 5]) -> [&str; 5] {
    names.each_ref().map(String::as_str)
}

fn left(user_id: u64, last_of_user: bool, users: u64, clients: u64) -> MemberEdge {
    MemberEdge { user_id, first_of_user: false, last_of_user, users, clients }
}

/// Users, clients and what there is of each client, as `member_enter.lua` and `member_leave.lua` answer.
fn read_edges(name: &'static str, answer: redis::Value) -> Result<(u64, u64, Vec<u64>), BusError> {
    let mut numbers = read::<Vec<u64>>(name, answer)?.into_iter();
    match (numbers.next(), numbers.next()) {
        (Some(users), Some(clients)) => Ok((users, clients, numbers.collect())),
        _ => Err(BusError::Corrupt(format!("{name}: no numbers"))),
    }
}

/// `node\nuser\ninfo`, as `member_enter.lua` writes it.
fn read_member(client_id: String, value: &Bytes) -> Result<Member, BusError> {
    let mut parts = value.splitn(3, |byte| *byte == b'\n').skip(1);
    let user_id = parts.next().and_then(|user| std::str::from_utf8(user).ok()?.parse().ok());
    match (user_id, parts.next()) {
        (Some(user_id), Some(info)) => Ok(Member { client_id, user_id, info: value.slice_ref(info) }),
        _ => Err(BusError::Corrupt(format!("channel member {client_id}"))),
    }
}

/// As `member_news.lua` answers.
fn read_news(answer: redis::Value) -> Result<MemberNews, BusError> {
    let mut parts = read::<Vec<redis::Value>>("members_news", answer)?.into_iter();
    let mut next = || parts.next().unwrap_or(redis::Value::Nil);
    match read::<u8>("members_news", next())? {
        0 => Ok(MemberNews::Nothing),
        1 => Ok(MemberNews::Later(Duration::from_millis(read("members_news", next())?))),
        _ => {
            let (users, changed): (u64, bool) =
                (read("members_news", next())?, read("members_news", next())?);
            let moves: Vec<(u64, Bytes)> = read("members_news", next())?;
            let moves = moves.into_iter().map(|(user_id, value)| read_move(user_id, &value));
            Ok(MemberNews::Tell { users: changed.then_some(users), moves: moves.collect::<Result<_, _>>()? })
        }
    }
}

/// `came\nclient\ninfo`, as `member_moves.lua` writes it.
fn read_move(user_id: u64, value: &Bytes) -> Result<MemberMove, BusError> {
    let mut parts = value.splitn(3, |byte| *byte == b'\n');
    let (came, client, info) = (parts.next(), parts.next(), parts.next());
    match (came, client.and_then(|client| std::str::from_utf8(client).ok()), info) {
        (Some(came @ (b"0" | b"1")), Some(client), Some(info)) => Ok(MemberMove {
            user_id,
            client_id: client.to_owned(),
            came: came == b"1",
            info: value.slice_ref(info),
        }),
        _ => Err(BusError::Corrupt(format!("move of user {user_id}"))),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{read_member, read_move};

    #[test]
    fn a_move_is_read_back_whatever_the_info_holds() {
        let came = read_move(7, &Bytes::from_static(b"1\nc\n{\"a\":\n1}")).unwrap();
        assert_eq!(
            (came.came, came.client_id.as_str(), came.info.as_ref()),
            (true, "c", &b"{\"a\":\n1}"[..])
        );
        let went = read_move(7, &Bytes::from_static(b"0\nc\n")).unwrap();
        assert!(!went.came && went.info.is_empty());
        assert!(read_move(7, &Bytes::from_static(b"2\nc\n")).is_err());
    }

    #[test]
    fn a_member_is_read_back_whatever_the_info_holds() {
        let member = read_member("c".into(), &Bytes::from_static(b"node\n42\n{\"a\":\n1}")).unwrap();
        assert_eq!((member.user_id, member.info.as_ref()), (42, &b"{\"a\":\n1}"[..]));
        assert!(read_member("c".into(), &Bytes::from_static(b"node")).is_err());
    }
}
