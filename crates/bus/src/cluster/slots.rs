//! Slots: which one a name hashes to, and who serves it.

use std::ops::RangeInclusive;

use redis::{Arg, Cmd, Value};

use super::Address;

/// Slots of every cluster.
const SLOTS: u16 = 16_384;

/// The slots of one master: ranges without overlap, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Slots(Vec<RangeInclusive<u16>>);

impl Slots {
    pub(crate) fn contains(&self, slot: u16) -> bool {
        self.0.iter().any(|range| range.contains(&slot))
    }

    /// Whether a key or a sharded channel of this name is here.
    pub(crate) fn serves(&self, name: &[u8]) -> bool {
        self.contains(slot_of(name))
    }
}

/// One view of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Topology {
    /// The election that it comes from: a view of a smaller one is older.
    pub(crate) epoch: u64,
    /// The masters that serve slots, with what they serve, by address.
    pub(crate) masters: Vec<(Address, Slots)>,
    /// Everybody's address, replicas included.
    pub(crate) nodes: Vec<Address>,
}

impl Topology {
    /// Who serves a slot.
    pub(crate) fn master_of(&self, slot: u16) -> Option<&Address> {
        self.masters.iter().find(|(_, slots)| slots.contains(slot)).map(|(address, _)| address)
    }

    /// Reads the answer to `CLUSTER SLOTS`: from, to, the master, its replicas; each node as host, port, id and more.
    pub(super) fn read(epoch: u64, answer: Value, said_by: &Address) -> Option<Self> {
        let mut topology = Self { epoch, ..Self::default() };
        let ranges: Vec<Vec<Value>> = redis::from_redis_value(answer).ok()?;
        for range in ranges {
            let mut words = range.into_iter();
            let from: u16 = redis::from_redis_value(words.next()?).ok()?;
            let to: u16 = redis::from_redis_value(words.next()?).ok()?;
            let mut nodes = words.map(|node| read_node(node, said_by));
            let master = nodes.next()??;
            topology.nodes.extend(nodes.flatten());
            match topology.masters.iter_mut().find(|(address, _)| *address == master) {
                Some((_, slots)) => slots.0.push(from..=to),
                None => topology.masters.push((master, Slots(vec![from..=to]))),
            }
        }
        topology.nodes.extend(topology.masters.iter().map(|(address, _)| address.clone()));
        topology.nodes.sort_unstable();
        topology.nodes.dedup();
        topology.masters.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (_, slots) in &mut topology.masters {
            slots.0.sort_unstable_by_key(|range| *range.start());
        }
        (!topology.masters.is_empty()).then_some(topology)
    }
}

/// A node without a host of its own is where we asked; `?` is not known to those who know it.
fn read_node(node: Value, said_by: &Address) -> Option<Address> {
    let mut words = redis::from_redis_value::<Vec<Value>>(node).ok()?.into_iter();
    let host: Option<String> = redis::from_redis_value(words.next()?).ok()?;
    let port = redis::from_redis_value(words.next()?).ok()?;
    match host.filter(|host| !host.is_empty()) {
        Some(host) if host == "?" => None,
        Some(host) => Some(Address { host, port }),
        None => Some(Address { host: said_by.host.clone(), port }),
    }
}

/// The slot of a key or a sharded channel: of its `{hash tag}` if it has one.
pub(crate) fn slot_of(name: &[u8]) -> u16 {
    let tag = name.iter().position(|byte| *byte == b'{').and_then(|open| {
        let inside = name.get(open.saturating_add(1)..)?;
        let close = inside.iter().position(|byte| *byte == b'}')?;
        inside.get(..close).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(name)) % SLOTS
}

/// CRC16/XMODEM, as the cluster's specification has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// The slot that a command belongs to; `None`: it names no key. Ours name a key as the first argument, scripts after
/// their digest and the number of keys.
pub(super) fn slot_of_command(command: &Cmd) -> Option<u16> {
    let mut words = command.args_iter().map(|word| match word {
        Arg::Simple(bytes) => bytes,
        _ => b"",
    });
    let key = match words.next()? {
        b"EVALSHA" => words.nth(2)?,
        _ => words.next()?,
    };
    Some(slot_of(key))
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::{Address, Topology, crc16, slot_of, slot_of_command};

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"majlis:{foo}:stream"), 12_182);
        assert_eq!(slot_of(b"{foo}{bar}"), 12_182, "the first tag counts");
        assert_eq!(slot_of(b"foo{}{bar}"), crc16(b"foo{}{bar}") % 16_384, "an empty tag is none");
        assert_eq!(slot_of(b"foo{bar"), crc16(b"foo{bar") % 16_384);
    }

    #[test]
    fn a_command_goes_where_its_key_is() {
        let mut script = redis::cmd("EVALSHA");
        script.arg("digest").arg(2).arg("{foo}:a").arg("{foo}:b").arg("x");
        assert_eq!(slot_of_command(&script), Some(12_182));
        assert_eq!(slot_of_command(redis::cmd("SPUBLISH").arg("{foo}").arg("x")), Some(12_182));
        assert_eq!(slot_of_command(&redis::cmd("TIME")), None);
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(Vec::new())])
    }

    #[test]
    fn a_view_of_the_cluster_is_read() {
        let range = |from, to, nodes: Vec<Value>| {
            Value::Array([vec![Value::Int(from), Value::Int(to)], nodes].concat())
        };
        let answer = Value::Array(vec![
            range(100, 200, vec![node(text("b"), 2), node(text("?"), 0), node(text("c"), 3)]),
            range(0, 99, vec![node(Value::Nil, 1)]),
            range(201, 16_383, vec![node(text(""), 1), node(text("c"), 4)]),
        ]);
        let here = Address { host: "here".into(), port: 9 };
        let topology = Topology::read(7, answer, &here).unwrap();
        let masters: Vec<_> =
            [0, 99, 100, 200, 201, 16_383].map(|slot| topology.master_of(slot).unwrap().to_string()).into();
        assert_eq!(masters, ["here:1", "here:1", "b:2", "b:2", "here:1", "here:1"]);
        let nodes: Vec<_> = topology.nodes.iter().map(ToString::to_string).collect();
        assert_eq!(nodes, ["b:2", "c:3", "c:4", "here:1"]);
        assert_eq!((topology.epoch, topology.masters.len()), (7, 2));
        assert_eq!(Topology::read(1, Value::Array(Vec::new()), &here), None, "nobody serves anything");
        assert_eq!(Topology::read(1, Value::Nil, &here), None);
    }

    #[test]
    fn redirections_name_a_node() {
        let here = Address { host: "h".into(), port: 9 };
        let parse = |text| Address::parse(text, &here).map(|address| address.to_string());
        assert_eq!(parse("10.0.0.1:7000"), Some("10.0.0.1:7000".into()));
        assert_eq!(parse("::1:7000"), Some("::1:7000".into()));
        assert_eq!(parse(":7000"), Some("h:7000".into()));
        assert_eq!(parse("7000"), None);
    }
}
