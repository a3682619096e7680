//! Signing in, and finding who may write to whom.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use client::Rest;
use client::rest::RestError;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::stack::Login;
use crate::term::Progress;

/// A signed-in account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The user's id.
    pub(crate) id: u64,
    /// Opens both doors for 15 minutes.
    pub(crate) token: Arc<str>,
}

/// Two accounts, by their places in the list, that may write to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// One of them,
    pub(crate) first: usize,
    /// the other,
    pub(crate) second: usize,
    /// and their conversation.
    pub(crate) conversation_id: u64,
}

/// Passwords are slow to check on purpose: more at a time would only wait for the server's processors.
const SIGN_INS_AT_A_TIME: usize = 4;
/// How long a request is repeated that meets a limit.
const LIMIT_PATIENCE: Duration = Duration::from_secs(90);
/// What to do about limits.
pub(crate) const NO_LIMITS: &str =
    "the server's limits are on: start it with `majlis up --no-limits` for load tests";

/// Signs in.
///
/// # Errors
/// An account cannot sign in, or fewer than two can.
pub(crate) async fn sign_in(api: &str, logins: &[Login]) -> Result<Vec<Account>> {
    let rest = Rest::new(api).context("the HTTP client cannot be set up")?;
    let mut waiting: VecDeque<(usize, Login)> = logins.iter().cloned().enumerate().collect();
    let mut running = JoinSet::new();
    let mut accounts = Vec::with_capacity(logins.len());
    let total = u64::try_from(logins.len()).unwrap_or_default();
    let mut progress = Progress::begin("signing in", total);
    let began = Instant::now();
    loop {
        while running.len() < SIGN_INS_AT_A_TIME
            && let Some((place, login)) = waiting.pop_front()
        {
            let rest = rest.clone();
            running.spawn(async move {
                let signed_in = patiently(|| rest.log_in(&login.email, &login.password)).await;
                (place, signed_in.with_context(|| format!("{} cannot sign in", login.email)))
            });
        }
        let Some(finished) = running.join_next().await else { break };
        let (place, signed_in) = finished.context("a sign-in ended unexpectedly")?;
        let signed_in = signed_in?;
        accounts.push((place, Account { id: signed_in.user_id, token: signed_in.access_token.into() }));
        let done = u64::try_from(accounts.len()).unwrap_or_default();
        progress.show(done, &format!("{done} of {total} accounts"));
    }
    progress.done(&format!("{total} accounts in {:.1} s", began.elapsed().as_secs_f32()));
    accounts.sort_unstable_by_key(|(place, _)| *place);
    Ok(accounts.into_iter().map(|(_, account)| account).collect())
}

/// Pairs accounts that may write to each other, each in at most one pair, and opens their conversations.
///
/// # Errors
/// No two of them may, or the API fails.
pub(crate) async fn pair(api: &str, accounts: &[Account], wanted: usize) -> Result<Vec<Pair>> {
    let rest = Rest::new(api).context("the HTTP client cannot be set up")?;
    let mut free: VecDeque<usize> = (0..accounts.len()).collect();
    let mut pairs = Vec::new();
    let mut progress = Progress::begin("pairing", u64::try_from(wanted).unwrap_or_default());
    while pairs.len() < wanted
        && let Some(first) = free.pop_front()
    {
        let mut tried = VecDeque::new();
        while let Some(second) = free.pop_front() {
            if let Some(conversation_id) = conversation_between(&rest, accounts, first, second).await? {
                pairs.push(Pair { first, second, conversation_id });
                break;
            }
            tried.push_back(second);
        }
        tried.append(&mut free);
        free = tried;
        let done = u64::try_from(pairs.len()).unwrap_or_default();
        progress.show(done, &format!("{done} pairs"));
    }
    if pairs.is_empty() {
        bail!("no two of the {} accounts may write to each other", accounts.len());
    }
    progress.done(&format!("{} pairs that may write to each other", pairs.len()));
    Ok(pairs)
}

/// The conversation of two accounts, if both may write in it.
async fn conversation_between(
    rest: &Rest,
    accounts: &[Account],
    first: usize,
    second: usize,
) -> Result<Option<u64>> {
    let (Some(one), Some(other)) = (accounts.get(first), accounts.get(second)) else { return Ok(None) };
    let mut conversation_id = None;
    for (from, to) in [(one, other), (other, one)] {
        let body = json!({"user_id": to.id});
        match patiently(|| rest.post("/conversations", &from.token, &body, None)).await {
            Ok(conversation) => conversation_id = conversation.get("id").and_then(Value::as_u64),
            Err(RestError::Refused { status, .. }) if status.is_client_error() => return Ok(None),
            Err(error) => return Err(error).context("a conversation cannot be opened"),
        }
    }
    Ok(conversation_id)
}

/// Repeats a request that meets a limit, and says so once.
async fn patiently<T, F>(request: impl Fn() -> F) -> Result<T, RestError>
where
    F: Future<Output = Result<T, RestError>>,
{
    let began = Instant::now();
    let mut told = false;
    loop {
        match request().await {
            Err(RestError::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. })
                if began.elapsed() < LIMIT_PATIENCE =>
            {
                if !told {
                    crate::term::complain(&format!(
                        "  {:<14} HTTP 429, trying again: {NO_LIMITS}",
                        "waiting"
                    ));
                    told = true;
                }
                sleep(Duration::from_secs(2)).await;
            }
            outcome => return outcome,
        }
    }
}
