//! How failures below become failures of an operation.

use base::CommonFault;
use bus::BusError;
use store::StoreError;

/// What a failed statement means to a client who broke no rule: either the store does not answer (or is too busy),
/// or it is our fault.
#[must_use]
pub fn of_store(error: StoreError) -> CommonFault {
    match error {
        StoreError::Unavailable(_) | StoreError::Deadlock(_) | StoreError::LockTimeout(_) => {
            CommonFault::Unavailable(Box::new(error))
        }
        _ => CommonFault::Internal(Box::new(error)),
    }
}

/// What a failed Redis command means to a client.
#[must_use]
pub fn of_bus(error: BusError) -> CommonFault {
    if error.is_temporary() {
        CommonFault::Unavailable(Box::new(error))
    } else {
        CommonFault::Internal(Box::new(error))
    }
}

/// For an error enum of a domain with a variant `Common(#[from] CommonFault)`: makes `?` work on what comes from
/// the store, the bus and from checks of values.
#[macro_export]
macro_rules! common_faults {
    ($($error:ty),+ $(,)?) => {$(
        impl From<store::StoreError> for $error {
            fn from(error: store::StoreError) -> Self {
                Self::Common($crate::fault::of_store(error))
            }
        }
        impl From<bus::BusError> for $error {
            fn from(error: bus::BusError) -> Self {
                Self::Common($crate::fault::of_bus(error))
            }
        }
        impl From<base::Violations> for $error {
            fn from(violations: base::Violations) -> Self {
                Self::Common(base::CommonFault::Invalid(violations))
            }
        }
    )+};
}
