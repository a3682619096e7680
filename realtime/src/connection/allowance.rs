//! How many commands a connection may send (realtime.md §2): a bucket of `command_burst`, refilled by
//! `commands_per_minute`.

use std::time::Instant;

use config::Limits;

/// Refusals in a row after which the connection is closed with 3013.
const REFUSALS: u32 = 30;

/// One connection's bucket.
#[derive(Debug)]
pub(crate) struct Allowance {
    tokens: f64,
    at: Instant,
    refused: u32,
}

/// What is to be done with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Run it.
    Run,
    /// Error 111.
    Refuse,
    /// Close with 3013.
    Close,
}

impl Allowance {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { tokens: f64::from(limits.command_burst), at: Instant::now(), refused: 0 }
    }

    /// Takes one command's worth.
    pub(crate) fn take(&mut self, limits: &Limits) -> Verdict {
        if !limits.enabled {
            return Verdict::Run;
        }
        let now = Instant::now();
        let earned = now.duration_since(self.at).as_secs_f64() * f64::from(limits.commands_per_minute) / 60.0;
        self.at = now;
        self.tokens = (self.tokens + earned).min(f64::from(limits.command_burst));
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            self.refused = 0;
            return Verdict::Run;
        }
        self.refused += 1;
        if self.refused > REFUSALS { Verdict::Close } else { Verdict::Refuse }
    }
}

#[cfg(test)]
mod tests {
    use config::Limits;

    use super::{Allowance, REFUSALS, Verdict};

    #[test]
    fn a_burst_then_refusals_then_the_end() {
        let limits = Limits { enabled: true, commands_per_minute: 1, command_burst: 3 };
        let mut allowance = Allowance::new(&limits);
        for _ in 0..3 {
            assert_eq!(allowance.take(&limits), Verdict::Run);
        }
        for _ in 0..REFUSALS {
            assert_eq!(allowance.take(&limits), Verdict::Refuse);
        }
        assert_eq!(allowance.take(&limits), Verdict::Close);
        let off = Limits { enabled: false, ..limits };
        assert_eq!(allowance.take(&off), Verdict::Run);
    }
}
