//! A TCP proxy before one hub, which cuts connections as bad networks do.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Both sides get a reset.
    Reset,
    /// Nothing passes any more, and neither side is told.
    Silence,
    /// The hub still hears the client; the client hears nothing.
    DeafClient,
    /// A piece of what the hub sends next still passes, then a reset.
    InTheHubsFrame,
    /// A piece of what the client sends next still passes, then a reset.
    InTheClientsFrame,
}

impl Cut {
    pub(super) const ALL: [Self; 5] =
        [Self::Reset, Self::Silence, Self::DeafClient, Self::InTheHubsFrame, Self::InTheClientsFrame];
}

/// What passes through it. Ends when dropped.
pub(super) struct Proxy {
    /// Where clients connect.
    pub(super) address: SocketAddr,
    passing: Arc<Passing>,
    accepting: JoinHandle<()>,
}

struct Passing {
    hub: SocketAddr,
    number: AtomicU64,
    /// Connections that can be cut.
    whole: Mutex<HashMap<u64, oneshot::Sender<Cut>>>,
}

/// A cut that leaves the sockets open holds them so long: longer than either side's patience.
const HELD: Duration = Duration::from_secs(30);
/// How long a cut in mid-frame waits for a frame to cut.
const NEXT_FRAME: Duration = Duration::from_secs(6);

impl Proxy {
    pub(super) async fn before(hub: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let passing = Arc::new(Passing { hub, number: AtomicU64::new(0), whole: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&passing)));
        Self { address, passing, accepting }
    }

    /// Cuts one of its connections, any; gives whether there was one.
    pub(super) fn cut_one(&self, cut: Cut) -> bool {
        let mut whole = self.passing.whole.lock().unwrap();
        if whole.is_empty() {
            return false;
        }
        let number = *whole.keys().nth(rand::random_range(0..whole.len())).unwrap();
        whole.remove(&number).is_some_and(|connection| connection.send(cut).is_ok())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, passing: Arc<Passing>) {
    loop {
        let Ok((client, _address)) = listener.accept().await else { continue };
        let passing = Arc::clone(&passing);
        tokio::spawn(async move {
            let number = passing.number.fetch_add(1, Ordering::Relaxed);
            let (cut, told) = oneshot::channel();
            match TcpStream::connect(passing.hub).await {
                Ok(hub) => {
                    passing.whole.lock().unwrap().insert(number, cut);
                    carry(client, hub, told).await;
                }
                Err(_not_there) => reset(&client),
            }
            passing.whole.lock().unwrap().remove(&number);
        });
    }
}

/// Carries bytes both ways until one side ends or the connection is cut.
async fn carry(mut client: TcpStream, mut hub: TcpStream, told: oneshot::Receiver<Cut>) {
    for stream in [&client, &hub] {
        let _set = stream.set_nodelay(true);
    }
    let cut = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_hub, mut to_hub) = hub.split();
        let cut = {
            let up = pump(&mut from_client, &mut to_hub);
            let down = pump(&mut from_hub, &mut to_client);
            tokio::pin!(up, down);
            let cut = tokio::select! {
                () = &mut up => return,
                () = &mut down => return,
                cut = told => cut,
            };
            let Ok(cut) = cut else { return };
            match cut {
                Cut::DeafClient => {
                    let _ended = timeout(HELD, up).await;
                }
                Cut::Silence => sleep(HELD).await,
                Cut::Reset | Cut::InTheHubsFrame | Cut::InTheClientsFrame => {}
            }
            cut
        };
        match cut {
            Cut::InTheHubsFrame => pass_a_piece(&mut from_hub, &mut to_client).await,
            Cut::InTheClientsFrame => pass_a_piece(&mut from_client, &mut to_hub).await,
            Cut::Reset | Cut::Silence | Cut::DeafClient => {}
        }
        cut
    };
    if cut != Cut::Silence {
        reset(&client);
        reset(&hub);
    }
}

async fn pump(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(length) if length > 0 => {
                if to.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// Lets through a part of what comes next, and gives it time to arrive.
async fn pass_a_piece(from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) {
    let mut buffer = vec![0; 16 * 1024];
    if let Ok(Ok(length)) = timeout(NEXT_FRAME, from.read(&mut buffer)).await
        && length > 1
    {
        let piece = rand::random_range(1..length);
        let _gone = to.write_all(&buffer[..piece]).await;
        sleep(Duration::from_millis(20)).await;
    }
}

/// What is dropped now is reset, not ended.
fn reset(stream: &TcpStream) {
    let _gone = stream.set_zero_linger();
}
