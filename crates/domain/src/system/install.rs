//! What a database needs beside its tables before anybody can use it.

use base::CommonFault;

use super::install_settings::install_settings;
use super::{ensure_platform, install_roles};
use crate::App;

/// Makes the roles, their permissions, the platform's own account and the settings, whatever of them is missing. For whoever has
/// just migrated, and for every start: four queries where nothing is missing, and any number of processes may call it
/// at once.
///
/// # Errors
/// Those of the store.
pub async fn install(app: &App) -> Result<(), CommonFault> {
    install_roles(app).await?;
    ensure_platform(app).await?;
    install_settings(app).await
}
