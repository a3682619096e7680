//! Questions to MySQL that many ask at the same moment are asked once (realtime.md §5): what a wave of reconnects costs does
//! not grow with the wave.
//!
//! Who asks while a read runs waits for the next one. So no answer is older than its question, and nobody who asks because
//! something changed gets what was read before the change.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::CommonFault;
use tokio::sync::oneshot;

/// Different keys of one read.
const AT_ONCE: usize = 200;
/// From the beginning of one read to that of the next where nothing else is said, so that a wave that comes slowly is
/// gathered, too.
const PACE: Duration = Duration::from_millis(20);
/// Askers that wait at a time; more are told to come again.
const MOST_WAITING: usize = 20_000;

type Answer<V> = Result<Option<V>, CommonFault>;

/// See the module.
pub(crate) struct Gather<K, V> {
    waiting: Mutex<Waiting<K, V>>,
    pace: Duration,
}

struct Waiting<K, V> {
    asked: Vec<(K, oneshot::Sender<Answer<V>>)>,
    reading: bool,
}

impl<K, V> Default for Gather<K, V> {
    fn default() -> Self {
        Self::paced(PACE)
    }
}

impl<K, V> Gather<K, V> {
    /// One read begins at most every `pace`.
    pub(crate) const fn paced(pace: Duration) -> Self {
        Self { waiting: Mutex::new(Waiting { asked: Vec::new(), reading: false }), pace }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash + Send + 'static, V: Clone + Send + 'static> Gather<K, V> {
    /// The value of a key; `None` where `read` found none. `read` runs in a task of its own, which no asker's leaving stops.
    ///
    /// # Errors
    /// Those of `read`, in words, for each who waited for it; [`CommonFault::Unavailable`] where too many wait.
    pub(crate) async fn ask<F, R>(self: &Arc<Self>, key: K, read: F) -> Answer<V>
    where
        F: Fn(Vec<K>) -> R + Send + 'static,
        R: Future<Output = Result<HashMap<K, V>, CommonFault>> + Send,
    {
        let (sender, answer) = oneshot::channel();
        let is_first = {
            let mut waiting = self.lock();
            if waiting.asked.len() >= MOST_WAITING {
                return Err(CommonFault::Unavailable("too many wait for one read".into()));
            }
            waiting.asked.push((key, sender));
            !std::mem::replace(&mut waiting.reading, true)
        };
        if is_first {
            let gather = Arc::clone(self);
            tokio::spawn(async move { gather.read_all(read).await });
        }
        answer.await.map_err(CommonFault::internal)?
    }

    async fn read_all<F, R>(&self, read: F)
    where
        F: Fn(Vec<K>) -> R,
        R: Future<Output = Result<HashMap<K, V>, CommonFault>>,
    {
        let reading = Reading(self);
        loop {
            let (keys, asked) = {
                let mut waiting = self.lock();
                if waiting.asked.is_empty() {
                    waiting.reading = false;
                    drop(waiting);
                    std::mem::forget(reading);
                    return;
                }
                let mut keys = HashSet::new();
                let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut waiting.asked)
                    .into_iter()
                    .partition(|(key, _)| keys.contains(key) || (keys.len() < AT_ONCE && keys.insert(*key)));
                waiting.asked = later;
                (keys, now)
            };
            let pace = tokio::time::sleep(self.pace);
            let found = read(keys.into_iter().collect()).await;
            for (key, sender) in asked {
                let answer = match &found {
                    Ok(values) => Ok(values.get(&key).cloned()),
                    Err(CommonFault::Unavailable(cause)) => {
                        Err(CommonFault::Unavailable(cause.to_string().into()))
                    }
                    Err(fault) => Err(CommonFault::internal(fault.to_string())),
                };
                // Who has gone needs none.
                let _gone = sender.send(answer);
            }
            pace.await;
        }
    }
}

/// A read that panics lets everybody go.
struct Reading<'a, K, V>(&'a Gather<K, V>);

impl<K, V> Drop for Reading<'_, K, V> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.reading = false;
        waiting.asked.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::Gather;

    #[tokio::test]
    async fn a_thousand_who_ask_together_cost_two_reads_and_none_gets_an_older_answer() {
        let gather: Arc<Gather<u64, usize>> = Arc::default();
        let reads = Arc::new(AtomicUsize::new(0));
        let ask = |key: u64| {
            let (gather, reads) = (Arc::clone(&gather), Arc::clone(&reads));
            tokio::spawn(async move {
                gather
                    .ask(key, move |keys| {
                        let read = reads.fetch_add(1, Ordering::Relaxed);
                        async move {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            Ok(keys
                                .into_iter()
                                .filter(|key| *key != 9)
                                .map(|key| (key, read))
                                .collect::<HashMap<_, _>>())
                        }
                    })
                    .await
                    .unwrap()
            })
        };
        let first = ask(1);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let others: Vec<_> = (0..1_000).map(|number| ask(number % 10)).collect();
        assert_eq!(first.await.unwrap(), Some(0));
        for (number, other) in others.into_iter().enumerate() {
            let expected = if number % 10 == 9 { None } else { Some(1) };
            assert_eq!(other.await.unwrap(), expected);
        }
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }
}
