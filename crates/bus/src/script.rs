//! The Lua scripts: loaded on every connection, called by digest.

use std::sync::LazyLock;

use redis::{Cmd, ToRedisArgs, ToSingleRedisArg};

use crate::cluster::slot_of;

/// One script.
pub(crate) struct Script {
    source: &'static str,
    digest: LazyLock<String>,
}

impl Script {
    /// A call with these keys; arguments are added by the caller. On a cluster all of them must have one slot, which is
    /// checked wherever assertions are, also on a single server.
    pub(crate) fn call(&self, keys: &[&str]) -> Cmd {
        debug_assert!(
            keys.windows(2).all(|pair| {
                let mut slots = pair.iter().map(|key| slot_of(key.as_bytes()));
                slots.next() == slots.next()
            }),
            "keys of several slots: {keys:?}"
        );
        self.call_for_all(keys)
    }

    /// The same with keys of any number of slots: on a single server alone.
    pub(crate) fn call_for_all<K: ToRedisArgs + ToSingleRedisArg>(&self, keys: &[K]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.digest.as_str()).arg(keys.len()).arg(keys);
        command
    }
}

macro_rules! scripts {
    ($($name:ident = $($part:literal)+;)+) => {
        $(pub(crate) static $name: Script = Script {
            source: concat!($(include_str!($part)),+),
            digest: LazyLock::new(|| redis::Script::new(concat!($(include_str!($part)),+)).get_hash().to_owned()),
        };)+
        static ALL: &[&Script] = &[$(&$name),+];
    };
}

scripts! {
    PUBLISH = "lua/channel_meta.lua" "lua/publish.lua";
    HISTORY = "lua/channel_meta.lua" "lua/history.lua";
    RECOVER = "lua/channel_meta.lua" "lua/recover.lua";
    PRESENCE_ENTER = "lua/presence_edge.lua" "lua/presence_enter.lua";
    PRESENCE_LEAVE = "lua/presence_edge.lua" "lua/presence_leave.lua";
    PRESENCE_SWEEP = "lua/presence_edge.lua" "lua/presence_sweep.lua";
    PRESENCE_SETTLE = "lua/presence_edge.lua" "lua/presence_settle.lua";
    PRESENCE_RENEW = "lua/presence_renew.lua";
    PRESENCE_AGE = "lua/presence_age.lua";
    PRESENCE_EXPIRED = "lua/presence_expired.lua";
    PRESENCE_PENDING = "lua/presence_pending.lua";
    PRESENCE_ACK = "lua/presence_ack.lua";
    MEMBER_ENTER = "lua/member_moves.lua" "lua/member_enter.lua";
    MEMBER_LEAVE = "lua/member_moves.lua" "lua/member_drop.lua" "lua/member_leave.lua";
    MEMBER_SWEEP = "lua/member_moves.lua" "lua/member_drop.lua" "lua/member_sweep.lua";
    MEMBER_NEWS = "lua/member_news.lua";
    NODE_REPORT = "lua/node_report.lua";
    NODE_LIST = "lua/node_list.lua";
    MEMBER_LIST = "lua/member_list.lua";
    TAKE = "lua/take.lua";
    CACHE_GET = "lua/cache_get.lua";
    CACHE_FILL = "lua/cache_fill.lua";
    CACHE_INVALIDATE = "lua/cache_invalidate.lua";
    CACHE_RENEW = "lua/cache_renew.lua";
    TALLY_TAKE = "lua/tally_take.lua";
    LEASE = "lua/lease.lua";
    LEASE_RELEASE = "lua/lease_release.lua";
}

/// The commands that load every script.
pub(crate) fn load_all() -> redis::Pipeline {
    let mut pipeline = redis::pipe();
    for script in ALL {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(script.source);
    }
    pipeline
}
