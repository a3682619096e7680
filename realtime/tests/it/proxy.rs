//! A wire to Redis that can lose what pub/sub brings, and nothing else: the link is alive but deaf.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<State>,
    task: AbortHandle,
}

#[derive(Default)]
struct State {
    /// What comes for subscribers now is lost.
    deaf: AtomicBool,
    /// Connections that have subscribed to something so far.
    subscribers: AtomicUsize,
    lost_bytes: AtomicUsize,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(crate) async fn to(redis_url: &str) -> Self {
        let target = redis_url.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(server) = TcpStream::connect(&target).await else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let subscribes = Arc::new(AtomicBool::new(false));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(up(from_client, to_server, Arc::clone(&subscribes), Arc::clone(&shared)));
                tokio::spawn(down(from_server, to_client, subscribes, Arc::clone(&shared)));
            }
        });
        Self { url, state, task: task.abort_handle() }
    }

    /// From now on subscribers hear nothing, or hear again. A link that is opened meanwhile hears.
    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.state.deaf.store(deaf, Ordering::SeqCst);
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.state.subscribers.load(Ordering::SeqCst)
    }

    pub(crate) fn lost_bytes(&self) -> usize {
        self.state.lost_bytes.load(Ordering::SeqCst)
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, subscribes: Arc<AtomicBool>, state: Arc<State>) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
        // The command itself, not a script that says the word.
        let names_it = bytes[..read].windows(12).any(|word| word == b"\nSUBSCRIBE\r\n");
        if names_it && !subscribes.swap(true, Ordering::SeqCst) {
            state.subscribers.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn down(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    subscribes: Arc<AtomicBool>,
    state: Arc<State>,
) {
    let born_deaf = state.deaf.load(Ordering::SeqCst);
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        // A new link is a good one: what is broken is the old one.
        if !born_deaf && subscribes.load(Ordering::SeqCst) && state.deaf.load(Ordering::SeqCst) {
            state.lost_bytes.fetch_add(read, Ordering::SeqCst);
        } else if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
