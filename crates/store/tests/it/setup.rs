//! What every test here begins with.

use store::testing::TestDatabase;

/// The server of this run, without a database.
pub(crate) async fn server_url() -> String {
    sandbox::TestServers::shared_mysql().await.unwrap().url("")
}

/// A database with the whole schema.
pub(crate) async fn fresh() -> TestDatabase {
    TestDatabase::create(&server_url().await).await.unwrap()
}
