//! What people show on their profiles beside it (domain.md §5.2): interests, certificates, experiences, what speakers know.

mod certificates;
mod experiences;
mod expertises;
mod interests;
mod shelf;

pub use certificates::{
    add_certificate, list_certificates, list_certificates_of, order_certificates, remove_certificate,
    update_certificate,
};
pub use experiences::{
    add_experience, list_experiences, list_experiences_of, order_experiences, remove_experience,
    update_experience,
};
pub use expertises::{demand_speaker, list_expertises, set_expertises};
pub use interests::{list_interests, set_interests};
