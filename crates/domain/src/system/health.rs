//! Do the servers answer that everything depends on (domain.md §2.6)?

use std::time::Duration;

use crate::App;

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// MySQL answers within a second; without it nothing works.
    pub mysql: bool,
    /// Redis answers within a second; without it reads work and writes wait.
    pub redis: bool,
}

/// Asks both servers at once; takes a second at most.
pub async fn find_health(app: &App) -> Health {
    let redis = tokio::time::timeout(Duration::from_secs(1), app.bus.ping());
    let (mysql, redis) = tokio::join!(app.store.ping(), redis);
    Health { mysql: mysql.is_ok(), redis: matches!(redis, Ok(Ok(()))) }
}
