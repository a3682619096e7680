//! What people do to each other in tests, as far as no operation does it yet.

use base::Time;
use domain::users::{forget_blocks, state_key};

use crate::world::World;

/// A world without rate limits.
pub(crate) async fn unlimited() -> World {
    World::with(|settings| settings.limits.enabled = false).await
}

impl World {
    /// Runs a statement.
    pub(crate) async fn execute(&self, statement: &str) {
        self.database.execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// The number that a query counts.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.database.number(query).await.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    pub(crate) async fn block(&self, blocker: u64, blocked: u64) {
        let mut unit = self.app.begin().await.unwrap();
        store::social::insert_block(&mut unit, blocker, blocked, Time::now_in_seconds()).await.unwrap();
        forget_blocks(&mut unit, blocker, blocked);
        unit.commit(&self.app).await.unwrap();
    }

    pub(crate) async fn unblock(&self, blocker: u64, blocked: u64) {
        let mut unit = self.app.begin().await.unwrap();
        assert!(store::social::delete_block(&mut unit, blocker, blocked).await.unwrap());
        forget_blocks(&mut unit, blocker, blocked);
        unit.commit(&self.app).await.unwrap();
    }

    pub(crate) async fn follow(&self, follower: u64, following: u64) {
        let mut tx = self.app.store.begin().await.unwrap();
        store::social::insert_follow(&mut tx, follower, following, Time::now_in_seconds()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Sets `allow_messages_from`.
    pub(crate) async fn accept_messages_from(&self, user_id: u64, whom: &str) {
        let set =
            format!("UPDATE user_profiles SET allow_messages_from = '{whom}' WHERE user_id = {user_id}");
        self.execute(&set).await;
    }

    /// Sets `show_online_status`.
    pub(crate) async fn show_online_status(&self, user_id: u64, shown: bool) {
        let set = format!("UPDATE user_profiles SET show_online_status = {shown} WHERE user_id = {user_id}");
        self.execute(&set).await;
        self.forget(user_id).await;
    }

    pub(crate) async fn suspend(&self, user_id: u64) {
        self.execute(&format!("UPDATE users SET is_active = 0 WHERE id = {user_id}")).await;
        self.forget(user_id).await;
    }

    /// What an operation's commit does to what Redis remembers of a user.
    async fn forget(&self, user_id: u64) {
        self.app.bus.cache_invalidate(&[&state_key(user_id)]).await.unwrap();
    }
}
