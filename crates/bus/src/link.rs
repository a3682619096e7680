//! One multiplexed connection that is kept up: many callers share it, and what they send while a write is
//! under way goes out together (implicit pipelining).

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, PushInfo, PushKind, Value};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::error::BusError;
use crate::script;

/// First and longest pause between two attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A connection that lived shorter than this is followed by a pause, so that no loop spins.
const SHORT_LIFE: Duration = Duration::from_secs(1);
/// Commands waiting to be written; callers beyond wait their turn.
const QUEUED_COMMANDS: usize = 4_096;

/// The base of every connection's configuration.
pub(crate) fn connection_config(timeout: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout))
        .set_pipeline_buffer_size(QUEUED_COMMANDS)
}

/// The next pause after a failed attempt: doubled, and with up to half of it taken off at random, so that
/// nodes do not come back in step.
pub(crate) fn next_pause(pause: &mut Duration) -> Duration {
    let current = *pause;
    *pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    current.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

/// The pause that [`next_pause`] begins with.
pub(crate) const fn first_pause() -> Duration {
    FIRST_PAUSE
}

#[derive(Clone)]
enum State {
    Connecting,
    Up { generation: u64, connection: MultiplexedConnection },
    Down(BusError),
}

/// A connection with its keeper; the keeper ends with the link.
pub(crate) struct Link {
    state: watch::Receiver<State>,
    broken: mpsc::Sender<u64>,
    timeout: Duration,
    keeper: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Link {
    /// Begins to connect; commands wait for it.
    pub(crate) fn open(client: Client, name: &'static str, timeout: Duration) -> Self {
        let (state_tx, state) = watch::channel(State::Connecting);
        // Reports beyond these few are repeats of one and the same loss.
        let (broken, reports) = mpsc::channel(16);
        let keeper = Keeper { client, name, timeout, state: state_tx, broken: broken.clone() };
        let keeper = tokio::spawn(keeper.run(reports)).abort_handle();
        Self { state, broken, timeout, keeper }
    }

    /// Sends commands in one go and waits until `until` for all their answers, errors of commands among them.
    ///
    /// # Errors
    /// There is no connection, or not all answers came in time.
    pub(crate) async fn answers(&self, commands: &[Cmd], until: Instant) -> Result<Vec<Value>, BusError> {
        let limit = until.saturating_duration_since(Instant::now());
        match tokio::time::timeout(limit, Box::pin(self.answers_now(commands))).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => {
                // A connection that keeps silent for so long is not worth keeping.
                if limit >= self.timeout / 2
                    && let State::Up { generation, .. } = &*self.state.borrow()
                {
                    let _ = self.broken.try_send(*generation);
                }
                Err(BusError::Unavailable(format!("no answer within {:?}", self.timeout)))
            }
        }
    }

    async fn answers_now(&self, commands: &[Cmd]) -> Result<Vec<Value>, BusError> {
        let (generation, mut connection) = self.connection().await?;
        let mut answers = self.send(generation, &mut connection, commands).await?;
        let forgotten: Vec<usize> = answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| matches!(answer, Value::ServerError(error) if error.code() == "NOSCRIPT"))
            .map(|(at, _)| at)
            .collect();
        if !forgotten.is_empty() {
            // Somebody ran SCRIPT FLUSH: load them again and repeat what did not run, in its order.
            script::load_all().exec_async(&mut connection).await?;
            let again: Vec<Cmd> = forgotten.iter().filter_map(|at| commands.get(*at).cloned()).collect();
            let repeated = self.send(generation, &mut connection, &again).await?;
            for (at, answer) in forgotten.into_iter().zip(repeated) {
                if let Some(place) = answers.get_mut(at) {
                    *place = answer;
                }
            }
        }
        Ok(answers)
    }

    async fn send(
        &self,
        generation: u64,
        connection: &mut MultiplexedConnection,
        commands: &[Cmd],
    ) -> Result<Vec<Value>, BusError> {
        let mut pipeline = redis::Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        connection.send_packed_commands(&pipeline, 0, commands.len()).await.map_err(|error| {
            if error.is_io_error() || error.is_unrecoverable_error() {
                let _ = self.broken.try_send(generation);
            }
            BusError::from(error)
        })
    }

    /// The connection, waiting while the first attempt runs; an error at once while Redis is known to be down.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), BusError> {
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| !matches!(state, State::Connecting))
            .await
            .map_err(|_closed| BusError::Unavailable("the link was closed".into()))?
            .clone();
        match settled {
            State::Up { generation, connection } => Ok((generation, connection)),
            State::Down(error) => Err(error),
            State::Connecting => Err(BusError::Unavailable("not connected yet".into())),
        }
    }
}

struct Keeper {
    client: Client,
    name: &'static str,
    timeout: Duration,
    state: watch::Sender<State>,
    broken: mpsc::Sender<u64>,
}

impl Keeper {
    async fn run(self, mut reports: mpsc::Receiver<u64>) {
        let mut generation = 0_u64;
        let mut pause = first_pause();
        loop {
            generation = generation.wrapping_add(1);
            match self.connect(generation).await {
                Ok(connection) => {
                    let since = Instant::now();
                    self.state.send_replace(State::Up { generation, connection });
                    loop {
                        match reports.recv().await {
                            None => return,
                            Some(lost) if lost == generation => break,
                            Some(_earlier) => {}
                        }
                    }
                    metrics::counter!("bus_link_rebuilds_total", "link" => self.name).increment(1);
                    tracing::warn!(link = self.name, "the link to Redis was lost, connecting again");
                    self.state.send_replace(State::Connecting);
                    if since.elapsed() < SHORT_LIFE {
                        tokio::time::sleep(next_pause(&mut pause)).await;
                    } else {
                        pause = first_pause();
                    }
                }
                Err(error) => {
                    tracing::debug!(link = self.name, %error, "cannot connect to Redis");
                    self.state.send_replace(State::Down(error));
                    tokio::time::sleep(next_pause(&mut pause)).await;
                }
            }
        }
    }

    async fn connect(&self, generation: u64) -> Result<MultiplexedConnection, BusError> {
        let broken = self.broken.clone();
        let config = connection_config(self.timeout).set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                let _ = broken.try_send(generation);
            }
            Ok::<(), std::convert::Infallible>(())
        });
        let attempt = async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            script::load_all().exec_async(&mut connection).await?;
            Ok::<_, redis::RedisError>(connection)
        };
        match tokio::time::timeout(self.timeout, Box::pin(attempt)).await {
            Ok(outcome) => outcome.map_err(BusError::from),
            Err(_elapsed) => Err(BusError::Unavailable(format!("no connection within {:?}", self.timeout))),
        }
    }
}
