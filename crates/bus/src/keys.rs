//! The names of keys and pub/sub channels. Everything of one thing carries the same `{hash tag}`.

/// Builds key names behind the prefix.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: Box<str>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The pub/sub channel of a channel.
    pub(crate) fn channel(&self, channel: &str) -> String {
        format!("{}{{{channel}}}", self.prefix)
    }

    /// One key of a channel: `meta`, `stream`, `members`, `users`.
    pub(crate) fn of_channel(&self, channel: &str, part: &str) -> String {
        format!("{}{{{channel}}}:{part}", self.prefix)
    }

    /// The clients that a node holds in a channel.
    pub(crate) fn node_clients(&self, channel: &str, node: &str) -> String {
        format!("{}{{{channel}}}:node:{node}", self.prefix)
    }

    /// The channels that a node entered members into.
    pub(crate) fn node_channels(&self, node: &str) -> String {
        format!("{}{{members:{node}}}:channels", self.prefix)
    }

    /// One key of presence: all of it shares a slot, because edges are decided over users and nodes together.
    pub(crate) fn presence(&self, part: &str) -> String {
        format!("{}{{presence}}:{part}", self.prefix)
    }

    /// The users that a node holds.
    pub(crate) fn node_users(&self, node: &str) -> String {
        format!("{}{{presence}}:node:{node}", self.prefix)
    }

    /// The channel of control messages, heard by every node.
    pub(crate) fn control(&self) -> String {
        format!("{}ctl", self.prefix)
    }

    /// A channel through which a listener's link hears itself; the number leads it to the link's slots.
    pub(crate) fn probe(&self, node: &str, listener: u64, number: u32) -> String {
        format!("{}probe:{node}:{listener:x}:{number}", self.prefix)
    }

    /// What every node says of itself.
    pub(crate) fn nodes(&self) -> String {
        format!("{}{{nodes}}", self.prefix)
    }

    pub(crate) fn bucket(&self, bucket: &str) -> String {
        format!("{}{{limit:{bucket}}}", self.prefix)
    }

    pub(crate) fn cache(&self, key: &str, part: &str) -> String {
        format!("{}{{cache:{key}}}:{part}", self.prefix)
    }

    pub(crate) fn ephemeral(&self, key: &str) -> String {
        format!("{}{{once:{key}}}", self.prefix)
    }

    pub(crate) fn tally(&self, name: &str) -> String {
        format!("{}{{tally:{name}}}", self.prefix)
    }

    pub(crate) fn lease(&self, name: &str) -> String {
        format!("{}{{lease:{name}}}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn everything_of_a_channel_has_its_tag() {
        let keys = Keys::new("majlis:");
        assert_eq!(keys.channel("room:5"), "majlis:{room:5}");
        assert_eq!(keys.of_channel("room:5", "stream"), "majlis:{room:5}:stream");
        assert_eq!(keys.node_clients("room:5", "n1"), "majlis:{room:5}:node:n1");
        assert_eq!(keys.node_users("n1"), "majlis:{presence}:node:n1");
    }
}
