//! What runs by itself, settings, roles and the platform's own account.

pub mod health;
mod hear_control;
mod install;
mod install_settings;
mod platform;
mod purge_expired;
pub mod rate;
mod recount;
mod relay_outbox;
pub mod roles;
mod run_clocks;
mod settings;

pub use hear_control::hear_control;
pub use install::install;
pub use platform::{PlatformWallet, ensure_platform, platform_wallet};
pub use purge_expired::purge_expired;
pub use recount::{Drift, counters, measure_drift, recount};
pub use relay_outbox::relay_outbox;
pub use roles::install_roles;
pub use run_clocks::run_clocks;
pub use settings::find_setting;
