//! The administrators' settings.

use base::CommonFault;
use store::Conn;

use crate::fault::of_store;

/// The text of a setting; `None` where it is missing or empty.
///
/// # Errors
/// Those of the store.
pub async fn find_setting(conn: &mut Conn, key: &str) -> Result<Option<String>, CommonFault> {
    store::settings::find_setting(conn, key).await.map_err(of_store)
}
