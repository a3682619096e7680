//! One command link to each master: commands go to whoever serves their keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::{Cmd, ServerErrorKind, Value};

use super::slots::slot_of_command;
use super::{Address, Cluster};
use crate::error::BusError;
use crate::link::Link;

/// How often a command follows redirections: one for a slot that moved, some more while it is moving.
const ROUNDS: u32 = 6;
/// The pause before a command is tried again whose keys are on two nodes for a moment.
const MOVING: Duration = Duration::from_millis(25);

/// Links that are opened when first used. See [`Link`].
pub(crate) struct ClusterLinks {
    cluster: Arc<Cluster>,
    name: &'static str,
    timeout: Duration,
    links: Mutex<HashMap<Address, Arc<Link>>>,
}

/// Where a node said that a slot is.
#[derive(Clone)]
struct Told {
    address: Address,
    /// The slot is on its way there: it is served to those who say ASKING.
    asking: bool,
}

impl ClusterLinks {
    pub(crate) fn new(cluster: Arc<Cluster>, name: &'static str, timeout: Duration) -> Self {
        Self { cluster, name, timeout, links: Mutex::default() }
    }

    /// Runs commands on the masters that serve their keys, at the same time on all of them; the commands of one slot
    /// run in the order given, even while it moves. A command without a key goes with the one before it. One answer
    /// for each, in their order; the errors of commands are among them.
    ///
    /// # Errors
    /// A master cannot be reached: what was for the others took effect all the same.
    pub(crate) async fn answers(&self, commands: &[Cmd]) -> Result<Vec<Value>, BusError> {
        let until = Instant::now() + self.timeout;
        let mut slot = 0;
        let slots: Vec<u16> = commands
            .iter()
            .map(|command| {
                slot = slot_of_command(command).unwrap_or(slot);
                slot
            })
            .collect();
        let mut answers = vec![Value::Nil; commands.len()];
        let mut told: HashMap<u16, Told> = HashMap::new();
        let mut left: Vec<usize> = (0..commands.len()).collect();
        for round in 1.. {
            let groups = self.group(&left, &slots, &told)?;
            let sent = groups.iter().map(|(to, members)| self.send(to, members, commands, until));
            let outcomes = join_all(sent).await;
            left.clear();
            let mut moving = false;
            for ((to, members), outcome) in groups.iter().zip(outcomes) {
                let outcome = outcome.inspect_err(|_| self.cluster.doubt(None))?;
                for (&at, answer) in members.iter().zip(outcome) {
                    let slot = slots.get(at).copied().unwrap_or(0);
                    if round < ROUNDS
                        && let Some(again) = self.redirection(&answer, &to.address)
                    {
                        moving |= again.is_none();
                        told.extend(again.map(|elsewhere| (slot, elsewhere)));
                        left.push(at);
                    }
                    if let Some(place) = answers.get_mut(at) {
                        *place = answer;
                    }
                }
            }
            if left.is_empty() || Instant::now() >= until {
                break;
            }
            left.sort_unstable();
            if moving {
                tokio::time::sleep(MOVING).await;
            }
        }
        Ok(answers)
    }

    /// The commands for each node, in their order.
    fn group(
        &self,
        left: &[usize],
        slots: &[u16],
        told: &HashMap<u16, Told>,
    ) -> Result<Vec<(Told, Vec<usize>)>, BusError> {
        let topology = self.cluster.topology();
        let mut groups: Vec<(Told, Vec<usize>)> = Vec::new();
        for &at in left {
            let slot = slots.get(at).copied().unwrap_or(0);
            let to = match told.get(&slot) {
                Some(told) => told.clone(),
                None => match topology.master_of(slot) {
                    Some(address) => Told { address: address.clone(), asking: false },
                    None => return Err(BusError::Unavailable(format!("nobody serves slot {slot}"))),
                },
            };
            match groups.iter_mut().find(|(of, _)| of.address == to.address && of.asking == to.asking) {
                Some((_, members)) => members.push(at),
                None => groups.push((to, vec![at])),
            }
        }
        Ok(groups)
    }

    async fn send(
        &self,
        to: &Told,
        members: &[usize],
        commands: &[Cmd],
        until: Instant,
    ) -> Result<Vec<Value>, BusError> {
        let mut batch = Vec::with_capacity(members.len());
        for command in members.iter().filter_map(|at| commands.get(*at)) {
            if to.asking {
                batch.push(redis::cmd("ASKING"));
            }
            batch.push(command.clone());
        }
        let mut answers = self.link(&to.address)?.answers(&batch, until).await?;
        if to.asking {
            let mut number = 0_usize;
            answers.retain(|_| {
                number = number.wrapping_add(1);
                number.is_multiple_of(2)
            });
        }
        Ok(answers)
    }

    /// Whether a command did not run because of where its keys are: `Some(None)`, try again there; `Some(Some(_))`, try
    /// again elsewhere.
    fn redirection(&self, answer: &Value, said_by: &Address) -> Option<Option<Told>> {
        let Value::ServerError(error) = answer else { return None };
        let asking = match error.kind() {
            Some(ServerErrorKind::Moved) => false,
            Some(ServerErrorKind::Ask) => true,
            Some(ServerErrorKind::TryAgain) => return Some(None),
            Some(ServerErrorKind::ClusterDown | ServerErrorKind::ReadOnly) => {
                self.cluster.doubt(None);
                return None;
            }
            _ => return None,
        };
        // `12182 10.0.0.1:7000`.
        let (_slot, address) = error.details()?.split_once(' ')?;
        let address = Address::parse(address, said_by)?;
        if !asking {
            self.cluster.doubt(Some(address.clone()));
        }
        Some(Some(Told { address, asking }))
    }

    /// The link to a node. Those to nodes that are no masters any more are given up then.
    fn link(&self, address: &Address) -> Result<Arc<Link>, BusError> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(address) {
            return Ok(Arc::clone(link));
        }
        let topology = self.cluster.topology();
        links.retain(|known, _| topology.masters.iter().any(|(master, _)| master == known));
        let link = Arc::new(Link::open(self.cluster.client(address)?, self.name, self.timeout));
        links.insert(address.clone(), Arc::clone(&link));
        Ok(link)
    }

    /// Whether every master answers.
    ///
    /// # Errors
    /// One does not.
    pub(crate) async fn ping(&self) -> Result<(), BusError> {
        let until = Instant::now() + self.timeout;
        let topology = self.cluster.topology();
        let pings = topology.masters.iter().map(|(address, _)| async move {
            let answers = self.link(address)?.answers(&[redis::cmd("PING")], until).await?;
            answers
                .into_iter()
                .try_for_each(|answer| answer.extract_error().map(drop))
                .map_err(BusError::from)
        });
        let outcome = join_all(pings).await.into_iter().collect();
        if Result::is_err(&outcome) {
            self.cluster.doubt(None);
        }
        outcome
    }
}
