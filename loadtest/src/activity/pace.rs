//! A rate as moments.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// So many things a second, evenly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    /// `rate` things a second from now on; none for a rate of 0.
    pub(super) fn begin(rate: f64, now: Instant) -> Option<Self> {
        let every = Duration::try_from_secs_f64(rate.recip()).ok()?;
        (rate > 0.0 && every > Duration::ZERO).then_some(Self { every, next: now })
    }

    /// When the next thing is due, if it is due by now.
    pub(super) fn due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next;
        (due <= now).then(|| {
            self.next = due + self.every;
            due
        })
    }

    /// Calls `act` with the moment at which each thing is due, until `until` is cancelled or `act` says that it is over.
    pub(super) async fn run(
        mut self,
        until: &CancellationToken,
        mut act: impl FnMut(Instant) -> bool + Send,
    ) {
        let mut tick = interval(Duration::from_millis(2));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = until.cancelled() => return,
            }
            while let Some(due) = self.due(Instant::now()) {
                if !act(due) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Pace;

    #[test]
    fn as_many_are_due_as_the_rate_says() {
        let start = Instant::now();
        let mut pace = Pace::begin(40.0, start).unwrap();
        let mut due = Vec::new();
        for step in 0..=10_u32 {
            while let Some(moment) = pace.due(start + Duration::from_millis(100) * step) {
                due.push(moment);
            }
        }
        assert_eq!(due.len(), 41, "one at once, then forty a second");
        assert_eq!(due[40] - start, Duration::from_secs(1));
        assert!(Pace::begin(0.0, start).is_none() && Pace::begin(-1.0, start).is_none());
    }
}
