//! How long events take to reach sockets, as quantiles of the last minute, for `/debug/nodes`. (The histogram of
//! `/metrics` is since the start.)

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// Upper ends of the classes, milliseconds. What takes longer is in the last one.
const CLASSES: [u64; 32] = [
    1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 65, 80, 100, 125, 150, 200, 250, 300, 400, 500, 650,
    800, 1_000, 2_000, 5_000, 10_000, 30_000,
];

type Counts = [u32; CLASSES.len()];

/// See the module. Recording is one atomic addition.
#[derive(Debug)]
pub(crate) struct LagWindow {
    now: [AtomicU32; CLASSES.len()],
    /// What was counted in each of the past turns, the newest last.
    past: Mutex<VecDeque<Counts>>,
    turns: usize,
}

impl LagWindow {
    /// A window of so many turns.
    pub(crate) fn new(turns: usize) -> Self {
        Self { now: std::array::from_fn(|_| AtomicU32::new(0)), past: Mutex::default(), turns }
    }

    /// An event took so many milliseconds.
    pub(crate) fn record(&self, ms: u64) {
        let class = CLASSES.partition_point(|end| *end < ms).min(CLASSES.len() - 1);
        if let Some(count) = self.now.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends a turn. The answer: median and 99th percentile of the window in milliseconds, `None` without events.
    pub(crate) fn turn(&self) -> (Option<u64>, Option<u64>) {
        let counted = std::array::from_fn(|class| {
            self.now.get(class).map_or(0, |count| count.swap(0, Ordering::Relaxed))
        });
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.push_back(counted);
        while past.len() > self.turns {
            past.pop_front();
        }
        let mut sum = [0_u64; CLASSES.len()];
        for counts in &*past {
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum += u64::from(*count);
            }
        }
        (quantile(&sum, 50), quantile(&sum, 99))
    }
}

/// The upper end of the class in which so many percent are reached.
fn quantile(counts: &[u64; CLASSES.len()], percent: u64) -> Option<u64> {
    let wanted = (counts.iter().sum::<u64>() * percent).div_ceil(100);
    if wanted == 0 {
        return None;
    }
    let mut reached = 0;
    CLASSES.iter().zip(counts).find_map(|(end, count)| {
        reached += count;
        (reached >= wanted).then_some(*end)
    })
}

#[cfg(test)]
mod tests {
    use super::LagWindow;

    #[test]
    fn quantiles_are_those_of_the_window() {
        let window = LagWindow::new(2);
        assert_eq!(window.turn(), (None, None));
        for _ in 0..98 {
            window.record(4);
        }
        window.record(70);
        window.record(99_999);
        assert_eq!(window.turn(), (Some(4), Some(80)));
        window.record(0);
        assert_eq!(window.turn(), (Some(4), Some(80)), "the turn before is still in the window");
        assert_eq!(window.turn(), (Some(1), Some(1)));
        assert_eq!(window.turn(), (None, None));
    }
}
