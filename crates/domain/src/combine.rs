//! Writes that come at the same moment are done in one transaction: a commit costs the store's disk the same for one
//! message as for a hundred.
//!
//! No timer makes anybody wait: a lane that rests writes at once, and what comes while it writes is its next batch. So
//! batches grow with the load and nothing else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::CommonFault;
use tokio::sync::oneshot;

/// Items that wait in one lane at a time; more are told to come again.
const MOST_WAITING: usize = 20_000;

/// See the module. A batch answers one `O` for each `I`.
pub(crate) struct Combine<I, O> {
    lanes: Box<[Mutex<Lane<I, O>>]>,
    /// Items of one batch.
    most: usize,
}

struct Lane<I, O> {
    waiting: VecDeque<(I, oneshot::Sender<O>)>,
    writing: bool,
}

impl<I, O> Lane<I, O> {
    /// The next batch; none means that the lane rests from now on.
    fn take(&mut self, most: usize) -> (Vec<I>, Vec<oneshot::Sender<O>>) {
        let count = self.waiting.len().min(most);
        self.writing = count > 0;
        self.waiting.drain(..count).unzip()
    }
}

impl<I: Send + 'static, O: Send + 'static> Combine<I, O> {
    /// So many batches run at a time, of so many items each; at least one of either.
    pub(crate) fn new(lanes: usize, most: usize) -> Self {
        let lane = || Mutex::new(Lane { waiting: VecDeque::new(), writing: false });
        Self { lanes: (0..lanes.max(1)).map(|_| lane()).collect(), most: most.max(1) }
    }

    /// Writes an item together with those that come meanwhile. What must stay in order has the same `lane` (the id of a
    /// conversation, of a room): of one lane one batch runs at a time, with the items in the order in which they came.
    /// `write` gives one outcome for each, in that order; it runs in a task of its own, which no asker's leaving stops.
    ///
    /// # Errors
    /// [`CommonFault::Unavailable`] where too many wait, [`CommonFault::Internal`] where `write` panics or gives no
    /// outcome; whether it was written is unknown then.
    pub(crate) async fn run<F, R>(self: &Arc<Self>, lane: u64, item: I, write: F) -> Result<O, CommonFault>
    where
        F: Fn(Vec<I>) -> R + Send + 'static,
        R: Future<Output = Vec<O>> + Send,
    {
        let (sender, outcome) = oneshot::channel();
        let lanes = u64::try_from(self.lanes.len()).map_err(CommonFault::internal)?;
        let number = usize::try_from(lane % lanes).map_err(CommonFault::internal)?;
        let is_first = {
            let mut lane = self.lock(number).ok_or_else(|| CommonFault::internal("no such lane"))?;
            if lane.waiting.len() >= MOST_WAITING {
                return Err(CommonFault::Unavailable("too many writes wait".into()));
            }
            lane.waiting.push_back((item, sender));
            !std::mem::replace(&mut lane.writing, true)
        };
        if is_first {
            let combine = Arc::clone(self);
            tokio::spawn(async move { combine.write_all(number, write).await });
        }
        outcome.await.map_err(CommonFault::internal)
    }

    async fn write_all<F, R>(&self, number: usize, write: F)
    where
        F: Fn(Vec<I>) -> R,
        R: Future<Output = Vec<O>>,
    {
        let mut writing = Writing { combine: self, number, is_over: false };
        loop {
            let Some((items, askers)) = self.lock(number).map(|mut lane| lane.take(self.most)) else {
                return;
            };
            if items.is_empty() {
                writing.is_over = true;
                return;
            }
            for (asker, outcome) in askers.into_iter().zip(write(items).await) {
                // Who has gone needs none.
                let _gone = asker.send(outcome);
            }
        }
    }
}

impl<I, O> Combine<I, O> {
    fn lock(&self, number: usize) -> Option<MutexGuard<'_, Lane<I, O>>> {
        Some(self.lanes.get(number)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A write that panics lets everybody of its lane go.
struct Writing<'a, I, O> {
    combine: &'a Combine<I, O>,
    number: usize,
    /// The lane was left in order.
    is_over: bool,
}

impl<I, O> Drop for Writing<'_, I, O> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(mut lane) = self.combine.lock(self.number) {
            lane.writing = false;
            lane.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use base::CommonFault;
    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::Combine;

    /// A combine of numbers, a gate that every batch needs a permit of, and what each batch held.
    struct Bench {
        combine: Arc<Combine<u64, u64>>,
        gate: Arc<Semaphore>,
        batches: Arc<Mutex<Vec<Vec<u64>>>>,
    }

    impl Bench {
        fn new(lanes: usize, most: usize) -> Self {
            Self {
                combine: Arc::new(Combine::new(lanes, most)),
                gate: Arc::new(Semaphore::new(0)),
                batches: Arc::default(),
            }
        }

        /// Asks, and is in line when this returns. The greatest number panics.
        async fn ask(&self, lane: u64, item: u64) -> JoinHandle<Result<u64, CommonFault>> {
            let combine = Arc::clone(&self.combine);
            let (gate, batches) = (Arc::clone(&self.gate), Arc::clone(&self.batches));
            let asker = tokio::spawn(async move {
                let write = move |items: Vec<u64>| {
                    batches.lock().unwrap().push(items.clone());
                    let gate = Arc::clone(&gate);
                    async move {
                        gate.acquire().await.unwrap().forget();
                        assert!(!items.contains(&u64::MAX), "an unlucky write");
                        items.into_iter().map(|item| item * 10).collect()
                    }
                };
                combine.run(lane, item, write).await
            });
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            asker
        }

        fn batches(&self) -> Vec<Vec<u64>> {
            self.batches.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn what_comes_during_a_batch_is_the_next_one_in_order_and_each_gets_its_own_outcome() {
        let bench = Bench::new(1, 100);
        let mut askers = Vec::new();
        for item in 0..60 {
            askers.push(bench.ask(item, item).await);
        }
        assert_eq!(bench.batches(), [vec![0]], "the first goes alone, at once");
        bench.gate.add_permits(2);
        for (item, asker) in askers.into_iter().enumerate() {
            assert_eq!(asker.await.unwrap().unwrap(), u64::try_from(item).unwrap() * 10);
        }
        assert_eq!(bench.batches(), [vec![0], (1..60).collect()]);

        bench.gate.add_permits(1);
        assert_eq!(bench.ask(0, 61).await.await.unwrap().unwrap(), 610, "a lane that rests writes at once");
    }

    #[tokio::test]
    async fn a_batch_has_its_bound_and_lanes_do_not_wait_for_each_other() {
        let bench = Bench::new(2, 4);
        let mut askers = Vec::new();
        for item in 0..10 {
            askers.push(bench.ask(2, item).await);
        }
        let other = bench.ask(3, 99).await;
        assert_eq!(bench.batches(), [vec![0], vec![99]]);
        bench.gate.add_permits(5);
        assert_eq!(other.await.unwrap().unwrap(), 990);
        for asker in askers {
            asker.await.unwrap().unwrap();
        }
        let of_first_lane: Vec<_> = bench.batches().into_iter().filter(|batch| batch != &[99]).collect();
        assert_eq!(of_first_lane, [vec![0], vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9]]);
    }

    #[tokio::test]
    async fn an_asker_who_leaves_takes_nothing_away() {
        let bench = Bench::new(1, 100);
        let first = bench.ask(0, 1).await;
        let second = bench.ask(0, 2).await;
        let third = bench.ask(0, 3).await;
        first.abort();
        second.abort();
        bench.gate.add_permits(2);
        assert_eq!(third.await.unwrap().unwrap(), 30);
        assert_eq!(bench.batches(), [vec![1], vec![2, 3]]);
    }

    #[tokio::test]
    async fn a_panic_lets_everybody_go_and_the_lane_works_again() {
        let bench = Bench::new(1, 100);
        let unlucky = bench.ask(0, u64::MAX).await;
        let waiting = bench.ask(0, 1).await;
        bench.gate.add_permits(1);
        assert!(matches!(unlucky.await.unwrap(), Err(CommonFault::Internal(_))));
        assert!(matches!(waiting.await.unwrap(), Err(CommonFault::Internal(_))));
        bench.gate.add_permits(1);
        assert_eq!(bench.ask(0, 2).await.await.unwrap().unwrap(), 20);
    }
}
