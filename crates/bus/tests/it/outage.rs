use std::time::{Duration, Instant};

use bus::{Bus, BusError, BusEvent, BusSettings, ListenerSettings};

use crate::setup::{connect, eventually, hear, kept, prefix, private_server, publications, unkept};

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    for settings in [
        BusSettings::new("http://example.org", "t:", "n"),
        BusSettings::new("redis://127.0.0.1:1/", "t{x}:", "n"),
        BusSettings::new("redis://127.0.0.1:1/", "t:", "n\n"),
    ] {
        assert!(matches!(Bus::connect(settings).await, Err(BusError::Misconfigured(_))));
    }
    let began = Instant::now();
    let nobody_there = Bus::connect(BusSettings::new("redis://127.0.0.1:1/", "t:", "n")).await;
    assert!(matches!(nobody_there, Err(BusError::Unavailable(_))), "{nobody_there:?}");
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_redis_is_said_soon_and_a_new_one_is_found() {
    let server = private_server(None).await;
    let port = server.port();
    let bus = connect(&server.url(), &prefix(), "n1").await;
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    let before = bus.publish(&[kept("room:1", "a")]).await.unwrap()[0].clone().unwrap();
    hear(&mut events, |all| publications(all).len() == 1).await;
    server.stop().await.unwrap();

    let began = Instant::now();
    let failed = bus.publish(&[kept("room:1", "b")]).await.unwrap_err();
    assert!(failed.is_temporary(), "{failed}");
    let failed = listener.subscribe("room:2").await.unwrap_err();
    assert!(failed.is_temporary(), "{failed}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(listener.is_deaf());
    listener.unsubscribe("room:9").await.unwrap();

    let server = private_server(Some(port)).await;
    let heard = hear(&mut events, |all| all.contains(&BusEvent::LinkRestored)).await;
    assert_eq!(heard, [BusEvent::LinkLost, BusEvent::LinkRestored]);
    eventually(async || bus.ping().await.is_ok()).await;
    let mut after = None;
    eventually(async || {
        after = bus.publish(&[kept("room:1", "c")]).await.ok().and_then(|mut all| all.pop().unwrap());
        after.is_some()
    })
    .await;
    let after = after.unwrap();
    assert_ne!(after.epoch, before.epoch);
    let heard = hear(&mut events, |all| publications(all).len() == 1).await;
    assert_eq!(publications(&heard)[0].position, Some(after));
    assert_eq!(listener.channel_count(), 1, "what was refused is not subscribed behind one's back");
    drop(server);
}

/// The pid of a stopped process: continued when the guard is dropped, whatever happens.
pub(crate) struct Stopped(String);

impl Stopped {
    pub(crate) fn now(pid: u32) -> Self {
        let pid = pid.to_string();
        assert!(std::process::Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").args(["-CONT", &self.0]).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_is_said_within_the_timeout() {
    let server = private_server(None).await;
    let mut settings = BusSettings::new(server.url(), prefix(), "n1");
    settings.command_timeout = Duration::from_millis(500);
    let bus = Bus::connect(settings).await.unwrap();
    let (listener, mut events) = bus.listener(ListenerSettings::default()).await.unwrap();
    listener.subscribe("room:1").await.unwrap();
    let stopped = Stopped::now(server.pid());
    for _ in 0..3 {
        let began = Instant::now();
        assert!(bus.publish(&[kept("room:1", "x")]).await.unwrap_err().is_temporary());
        assert!(listener.subscribe("room:2").await.unwrap_err().is_temporary());
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    drop(stopped);
    eventually(async || listener.subscribe("room:3").await.is_ok()).await;
    eventually(async || bus.publish(&[unkept("room:3", "y")]).await.is_ok()).await;
    hear(&mut events, |all| publications(all).iter().any(|p| p.payload == "y")).await;
}
