//! The store against a real server.

mod cascade;
mod schema;

use store::testing::TestDatabase;

/// The server of this run.
async fn server_url() -> String {
    format!("mysql://root@localhost/?socket={}", option_env!("MIG_SOCK").unwrap())
}

/// A database with the whole schema.
async fn fresh() -> TestDatabase {
    TestDatabase::create(&server_url().await).await.unwrap()
}
