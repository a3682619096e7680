//! Where a walk through what was missed has come, as clients carry it (`cursor`). It names places only, and whoever
//! changes it sees no more than is his: every statement asks for the conversations of the one who asks.

use base::Time;
use base::id::{ConversationId, MessageId};
use store::chat::ChangePlace;

/// The state of a walk between two pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// The server's clock at the first page.
    pub(super) at: Time,
    /// The newest message that the client had: what changed is looked for up to here.
    pub(super) known: MessageId,
    /// New messages go on after this one; `None` when all were given.
    pub(super) above: Option<MessageId>,
    /// Since when changes are looked for.
    pub(super) since: Time,
    /// Where they go on.
    pub(super) changes: Progress<ChangePlace>,
    /// After which conversation the reads go on.
    pub(super) reads: Progress<ConversationId>,
}

/// How far one part of the walk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress<T> {
    /// Nothing was given.
    Start,
    /// This was given last.
    After(T),
    /// All was given.
    Done,
}

impl<T> Progress<T> {
    /// After a page whose last thing is `last`.
    pub(super) fn next(more: bool, last: Option<T>) -> Self {
        match (more, last) {
            (true, Some(last)) => Self::After(last),
            _ => Self::Done,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

impl Walk {
    /// Is there another page?
    pub(super) const fn is_over(&self) -> bool {
        self.above.is_none() && self.changes.is_done() && self.reads.is_done()
    }

    /// For the client, in signs that need no escape in an address.
    pub(super) fn encode(self) -> String {
        let above = self.above.map_or_else(|| "x".to_owned(), |id| id.to_string());
        let changes = match self.changes {
            Progress::Start => "s".to_owned(),
            Progress::After(place) => format!("{}-{}", place.updated_at.unix_millis(), place.id),
            Progress::Done => "x".to_owned(),
        };
        let reads = match self.reads {
            Progress::Start => "s".to_owned(),
            Progress::After(id) => id.to_string(),
            Progress::Done => "x".to_owned(),
        };
        let (at, since) = (self.at.unix_millis(), self.since.unix_millis());
        format!("1.{at}.{}.{above}.{since}.{changes}.{reads}", self.known)
    }

    /// Of a text handed out before; `None` for anything else.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut next = || parts.next();
        let time = |millis: &str| Time::from_unix_millis(millis.parse().ok()?);
        if next()? != "1" {
            return None;
        }
        let at = time(next()?)?;
        let known = next()?.parse().ok()?;
        let above = match next()? {
            "x" => None,
            id => Some(id.parse().ok()?),
        };
        let since = time(next()?)?;
        let changes = match next()? {
            "s" => Progress::Start,
            "x" => Progress::Done,
            place => {
                let (updated_at, id) = place.split_once('-')?;
                Progress::After(ChangePlace { updated_at: time(updated_at)?, id: id.parse().ok()? })
            }
        };
        let reads = match next()? {
            "s" => Progress::Start,
            "x" => Progress::Done,
            id => Progress::After(id.parse().ok()?),
        };
        next().is_none().then_some(Self { at, known, above, since, changes, reads })
    }
}

#[cfg(test)]
mod tests {
    use base::Time;
    use store::chat::ChangePlace;

    use super::{Progress, Walk};

    fn time(millis: i64) -> Time {
        Time::from_unix_millis(millis).unwrap()
    }

    #[test]
    fn a_place_is_read_back_and_nothing_else_is() {
        let start = Walk {
            at: time(1_795_391_223_456),
            known: 77,
            above: Some(u64::MAX),
            since: time(1_795_391_000_000),
            changes: Progress::Start,
            reads: Progress::Start,
        };
        let place = ChangePlace { updated_at: time(1_795_391_222_000), id: 9 };
        let further =
            Walk { above: None, changes: Progress::After(place), reads: Progress::After(12), ..start };
        let over = Walk { above: None, changes: Progress::Done, reads: Progress::Done, ..start };
        for walk in [start, further, over] {
            let text = walk.encode();
            assert!(text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b".-".contains(&sign)), "{text}");
            assert_eq!(Walk::decode(&text), Some(walk), "{text}");
            for wrong in [format!("0{text}"), format!("{text}."), format!("{text}.1"), format!("{text}!")] {
                assert_eq!(Walk::decode(&wrong), None, "{wrong}");
            }
        }
        assert!(over.is_over() && !start.is_over() && !further.is_over());
        for wrong in ["", "1", "2.1.1.1.1.s.s", "1.1.1.1.1.s", "1.1.1.1.1.5.s", "1.1.1.1.1.-1.s"] {
            assert_eq!(Walk::decode(wrong), None, "{wrong}");
        }
    }
}
