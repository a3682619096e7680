//! What administrators see and do beside the domains: settings, roles, dashboard, audit log (domain.md §5.11).

mod announcements;
mod audit_log;
mod dashboard;
mod list_nodes;
mod queues;
mod roles;
mod setting_rules;
mod settings;
mod write_role;

use base::{CommonFault, Fault, Rule};

use crate::common_faults;

pub use announcements::{send_announcement, tell_announcements};
pub use audit_log::list_audit_log;
pub use dashboard::find_dashboard;
pub use list_nodes::list_nodes;
pub use queues::find_queues;
pub use roles::{find_role, list_permissions, list_roles};
pub use settings::{list_public_settings, list_settings, update_setting};
pub use write_role::{create_permission, create_role, delete_permission, delete_role, update_role};

/// What can go wrong here.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What every domain can fail with.
    #[error(transparent)]
    Common(#[from] CommonFault),
    /// Something else uses it.
    #[error("{0} is in use.")]
    InUse(&'static str),
    /// The product itself needs it as it is.
    #[error("This role or permission belongs to the product and cannot be changed so.")]
    BuiltIn,
    /// The name is taken.
    #[error("There is one of this name already.")]
    Duplicate,
}

impl Fault for AdminError {
    fn rule(&self) -> Rule {
        match self {
            Self::Common(fault) => fault.rule(),
            Self::InUse(_) => Rule::IN_USE,
            Self::BuiltIn => Rule::BUILT_IN,
            Self::Duplicate => Rule::DUPLICATE,
        }
    }

    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Common(fault) => Some(fault),
            _ => None,
        }
    }
}

common_faults!(AdminError);
