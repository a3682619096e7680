//! The vocabulary under everything: ids, money, time, paging, text, languages and the kinds of failure.
//! No I/O and no async here.

pub mod conditional;
pub mod fault;
pub mod id;
pub mod lang;
pub mod money;
pub mod paging;
pub mod rule;
pub mod secret;
pub mod slug;
pub mod text;
pub mod time;
pub mod validation;

pub use fault::{CommonFault, Fault};
pub use lang::Lang;
pub use money::Money;
pub use rule::{Kind, Rule};
pub use secret::Secret;
pub use time::Time;
pub use validation::{Problem, Violation, Violations};
