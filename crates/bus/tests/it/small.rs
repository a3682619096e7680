use std::time::Duration;

use bus::{CacheHead, TokenBucket};

use crate::setup::{bus, nodes};

#[tokio::test]
async fn a_bucket_empties_and_fills_again() {
    let bus = bus().await;
    let rule = TokenBucket { capacity: 5, refill_per_sec: 10.0 };
    for left in (0..5).rev() {
        let allowance = bus.take("user:1:chat", 1, rule).await.unwrap();
        assert!(allowance.allowed);
        // At most one token has come back meanwhile, on a slow machine.
        assert!(allowance.remaining >= left && allowance.remaining <= left + 1, "{allowance:?}");
    }
    let mut refused = bus.take("user:1:chat", 5, rule).await.unwrap();
    assert!(!refused.allowed);
    assert!(
        refused.retry_after > Duration::from_millis(100) && refused.retry_after <= Duration::from_millis(500)
    );
    assert!(bus.take("user:2:chat", 5, rule).await.unwrap().allowed, "another bucket is another bucket");
    tokio::time::sleep(refused.retry_after).await;
    refused = bus.take("user:1:chat", 5, rule).await.unwrap();
    assert!(refused.allowed, "{refused:?}");
    assert!(!bus.take("user:3", 6, rule).await.unwrap().allowed, "dearer than the bucket is large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_a_bucket() {
    let nodes: [_; 2] = nodes().await;
    let rule = TokenBucket { capacity: 50, refill_per_sec: 0.001 };
    let mut tasks = Vec::new();
    for number in 0..100 {
        let bus = nodes[number % 2].clone();
        tasks.push(tokio::spawn(async move { bus.take("shared", 1, rule).await.unwrap().allowed }));
    }
    let mut allowed = 0;
    for task in tasks {
        allowed += usize::from(task.await.unwrap());
    }
    assert_eq!(allowed, 50);
}

#[tokio::test]
async fn a_slow_reader_cannot_put_back_what_a_writer_made_stale() {
    let bus = bus().await;
    let ttl = Duration::from_secs(60);
    let cold = bus.cache_get("user:1").await.unwrap();
    assert_eq!(cold.value, None);
    // The slow reader has its version and asks the database; a writer commits and invalidates meanwhile.
    bus.cache_invalidate(&["user:1", "user:2"]).await.unwrap();
    assert!(!bus.cache_fill("user:1", cold.version, b"old name", ttl).await.unwrap());
    let read = bus.cache_get("user:1").await.unwrap();
    assert_eq!(read.value, None);
    assert_ne!(read.version, cold.version);
    assert!(bus.cache_fill("user:1", read.version, b"new name", ttl).await.unwrap());
    let many = bus.cache_get_many(&["user:1", "user:2"]).await.unwrap();
    assert_eq!((many[0].value.as_deref(), many[1].value.as_deref()), (Some(&b"new name"[..]), None));
    assert_eq!(many[0].version, read.version);
    bus.cache_invalidate(&["user:1"]).await.unwrap();
    assert_eq!(bus.cache_get("user:1").await.unwrap().value, None);
    assert!(!bus.cache_fill("never:read", 5, b"x", ttl).await.unwrap());
    // The value's own time.
    let read = bus.cache_get("short").await.unwrap();
    assert!(bus.cache_fill("short", read.version, b"x", Duration::from_millis(20)).await.unwrap());
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(bus.cache_get("short").await.unwrap().value, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_writers_race_and_the_cache_is_never_stale() {
    let bus = bus().await;
    let truth = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (bus, truth) = (bus.clone(), truth.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..60 {
                let read = bus.cache_get("k").await.unwrap();
                let now = truth.load(std::sync::atomic::Ordering::SeqCst).to_string();
                tokio::task::yield_now().await;
                bus.cache_fill("k", read.version, now.as_bytes(), Duration::from_secs(60)).await.unwrap();
            }
        }));
    }
    for _ in 0..60 {
        truth.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        bus.cache_invalidate(&["k"]).await.unwrap();
        let now = truth.load(std::sync::atomic::Ordering::SeqCst).to_string();
        if let Some(value) = bus.cache_get("k").await.unwrap().value {
            assert_eq!(value, now.as_bytes(), "after an invalidation only the new value can be there");
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn marks_and_leases() {
    let [one, two] = nodes().await;
    let short = Duration::from_millis(60);
    assert!(one.set_ephemeral("typing:1:2", short).await.unwrap());
    assert!(!two.set_ephemeral("typing:1:2", short).await.unwrap());
    assert_eq!(two.has_ephemeral(&["typing:9:9", "typing:1:2"]).await.unwrap(), [false, true]);
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(two.set_ephemeral("typing:1:2", short).await.unwrap());

    assert!(one.lease("relay", Duration::from_secs(5)).await.unwrap());
    assert!(!two.lease("relay", Duration::from_secs(5)).await.unwrap());
    assert!(!two.release_lease("relay").await.unwrap());
    assert!(one.lease("relay", short).await.unwrap(), "renewed by its owner");
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(two.lease("relay", Duration::from_secs(5)).await.unwrap(), "free after its time");
    assert!(two.release_lease("relay").await.unwrap());
    assert!(one.lease("relay", short).await.unwrap());
}

#[tokio::test]
async fn the_head_of_an_entry_is_renewed_in_place_and_never_goes_back() {
    let bus = bus().await;
    let ttl = Duration::from_secs(60);
    let head = |number, text: &str| CacheHead { number, text: text.to_owned() };
    let value = async || {
        let value = bus.cache_get("user:1").await.unwrap().value?;
        CacheHead::split(&value).map(|(head, rest)| (head.number, head.text, rest.to_vec()))
    };
    // Nothing is there to be renewed, and who read the database before may not fill any more.
    let early = bus.cache_get("user:1").await.unwrap();
    bus.cache_renew(&[("user:1", head(3, "three"))]).await.unwrap();
    assert!(!bus.cache_fill("user:1", early.version, &head(2, "two").before(b"rest"), ttl).await.unwrap());
    let version = bus.cache_get("user:1").await.unwrap().version;
    assert!(bus.cache_fill("user:1", version, &head(3, "three").before(b"re\nst"), ttl).await.unwrap());
    for (number, text, expected) in
        [(5, "five", "five"), (4, "four", "five"), (5, "other", "five"), (12, "twelve", "twelve")]
    {
        bus.cache_renew(&[("user:1", head(number, text))]).await.unwrap();
        assert_eq!(value().await, Some((number.max(5), expected.to_owned(), b"re\nst".to_vec())));
    }
    // What has no head is not kept.
    let version = bus.cache_get("user:2").await.unwrap().version;
    assert!(bus.cache_fill("user:2", version, b"no head", ttl).await.unwrap());
    bus.cache_renew(&[("user:2", head(1, "one"))]).await.unwrap();
    assert_eq!(bus.cache_get("user:2").await.unwrap().value, None);
}
