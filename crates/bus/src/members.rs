//! Who is in a channel (realtime.md §3): clients, each of a user on a node. What is told is when a **user**
//! comes or goes, not each of their devices. Entries live until they leave or until their node's are swept.

use bytes::Bytes;

use crate::error::BusError;
use crate::reply::read;
use crate::{Bus, script};

/// Clients taken away in one Lua call.
const STEP: u32 = 200;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Bus {
    /// Enters a client into a channel. Entering it again only replaces its info.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn members_enter(
        &self,
        channel: &str,
        node: &str,
        member: &Member,
    ) -> Result<MemberEdge, BusError> {
        // The node's list of channels comes first: a sweeper must find whatever was entered.
        let mut remember = redis::cmd("SADD");
        remember.arg(self.keys().node_channels(node)).arg(channel);
        let [members, users, clients] = self.member_keys(channel, node);
        let mut enter = script::MEMBER_ENTER.call(&[&members, &users, &clients]);
        enter.arg(&member.client_id).arg(node).arg(member.user_id).arg(member.info.as_ref());
        let answer = self.run("members_enter", vec![remember, enter]).await?.pop();
        let (first_of_user, users, clients) = read("members_enter", answer.unwrap_or(redis::Value::Nil))?;
        Ok(MemberEdge { user_id: member.user_id, first_of_user, last_of_user: false, users, clients })
    }

    /// Takes a client of a node out of a channel; `None` if it was not there.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn members_leave(
        &self,
        channel: &str,
        node: &str,
        client_id: &str,
    ) -> Result<Option<MemberEdge>, BusError> {
        let [members, users, clients] = self.member_keys(channel, node);
        let mut command = script::MEMBER_LEAVE.call(&[&members, &users, &clients]);
        command.arg(client_id).arg(node);
        let answer: Vec<u64> = self.run_one("members_leave", command).await?;
        Ok(match answer.as_slice() {
            &[user_id, last, users, clients] => Some(left(user_id, last == 1, users, clients)),
            _ => None,
        })
    }

    /// The members of a channel if they are at most `limit` clients, and their numbers in any case.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn members(&self, channel: &str, limit: u32) -> Result<ChannelMembers, BusError> {
        let [members, users, _] = self.member_keys(channel, "");
        let mut command = script::MEMBER_LIST.call(&[&members, &users]);
        command.arg(limit);
        let (clients, users, flat): (u64, u64, Vec<(String, Bytes)>) =
            self.run_one("members", command).await?;
        let list = flat.into_iter().map(|(client_id, value)| read_member(client_id, &value));
        Ok(ChannelMembers { counts: MemberCounts { clients, users }, list: list.collect::<Result<_, _>>()? })
    }

    /// How many clients and users are in a channel.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn member_counts(&self, channel: &str) -> Result<MemberCounts, BusError> {
        let [members, users, _] = self.member_keys(channel, "");
        let commands = [members, users].map(|key| {
            let mut command = redis::cmd("HLEN");
            command.arg(key);
            command
        });
        let mut answers = self.run("member_counts", commands.into()).await?.into_iter();
        let mut next = || read("member_counts", answers.next().unwrap_or(redis::Value::Nil));
        Ok(MemberCounts { clients: next()?, users: next()? })
    }

    /// Takes away everything that a dead node (or one that gave up) entered anywhere, in small steps; stops if
    /// the node turns out to live. Each client comes out once, whoever calls; to be called for each of
    /// [`Sweep::dead_nodes`](crate::Sweep::dead_nodes).
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: calling it again goes on.
    pub async fn members_sweep(&self, node: &str) -> Result<Vec<SweptMember>, BusError> {
        let node_channels = self.keys().node_channels(node);
        let mut swept = Vec::new();
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
                self.sweep_channel(channel, node, &mut swept).await?;
            }
            // Forgotten only when they are empty, so that a sweeper that dies loses nothing.
            let mut command = redis::cmd("SREM");
            command.arg(&node_channels).arg(channels);
            self.run("members_sweep", vec![command]).await?;
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
        let [members, users, clients] = self.member_keys(channel, node);
        loop {
            let mut command = script::MEMBER_SWEEP.call(&[&members, &users, &clients]);
            command.arg(node).arg(STEP);
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

    fn member_keys(&self, channel: &str, node: &str) -> [String; 3] {
        let keys = self.keys();
        [
            keys.of_channel(channel, "members"),
            keys.of_channel(channel, "users"),
            keys.node_clients(channel, node),
        ]
    }
}

fn left(user_id: u64, last_of_user: bool, users: u64, clients: u64) -> MemberEdge {
    MemberEdge { user_id, first_of_user: false, last_of_user, users, clients }
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::read_member;

    #[test]
    fn a_member_is_read_back_whatever_the_info_holds() {
        let member = read_member("c".into(), &Bytes::from_static(b"node\n42\n{\"a\":\n1}")).unwrap();
        assert_eq!((member.user_id, member.info.as_ref()), (42, &b"{\"a\":\n1}"[..]));
        assert!(read_member("c".into(), &Bytes::from_static(b"node")).is_err());
    }
}
