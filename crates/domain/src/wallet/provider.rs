//! Who takes customers' money: one provider an installation.

use base::{CommonFault, Secret};
use config::{PaymentProvider, Payments};
use payments::{Moyasar, Provider, Sandbox};

/// The provider that is configured.
///
/// # Errors
/// A sentence for the operator.
pub(crate) fn provider(settings: &Payments) -> Result<Box<dyn Provider>, CommonFault> {
    let secret = settings.webhook_secret.as_ref().map(|secret| secret.expose().to_owned());
    Ok(match settings.provider {
        PaymentProvider::Sandbox => Box::new(Sandbox::new(secret)),
        PaymentProvider::Moyasar => {
            let key = settings.key.as_ref().map(Secret::expose).unwrap_or_default();
            Box::new(Moyasar::new(&settings.url, key, secret).map_err(CommonFault::internal)?)
        }
    })
}
