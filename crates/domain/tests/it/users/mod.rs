//! Signing in and out, tokens, profiles (domain.md §5.1, §5.2, §7.1, §7.4, §9.4).

mod administration;
mod blocking;
mod endings;
mod letters;
mod own_account;
mod passwords;
mod people;
mod portfolio;
mod profile;
mod sessions;
mod signing_in;
mod standing;
mod tokens;

use base::Secret;
use base::{Fault, Rule};
use domain::users::{self, UserError};
use protocol::users::{LogIn, Register, SignedIn};

use crate::world::{PASSWORD, World, client};

/// Signs in from an address.
async fn log_in(world: &World, login: &str, password: &str, ip: &str) -> Result<SignedIn, UserError> {
    users::log_in(world, &client(ip), log_in_input(login, password)).await
}

fn log_in_input(login: &str, password: &str) -> LogIn {
    LogIn { login: login.to_owned(), password: Secret::new(password), device_name: Some("Phone".to_owned()) }
}

/// Signs in with everybody's password.
async fn signed_in(world: &World, username: &str) -> SignedIn {
    log_in(world, username, PASSWORD, "203.0.113.7").await.unwrap()
}

fn registration(username: &str) -> Register {
    Register {
        name: "سارة العتيبي".to_owned(),
        username: username.to_owned(),
        email: format!("{username}@example.com"),
        password: Secret::new("qahwa wa na3na3"),
        password_confirmation: None,
        phone: None,
        device_name: None,
        language: None,
        timezone: None,
    }
}

fn rule<T: std::fmt::Debug>(outcome: Result<T, UserError>) -> Rule {
    outcome.expect_err("it is refused").rule()
}

/// The names of the fields at fault.
fn fields<T: std::fmt::Debug>(outcome: Result<T, UserError>) -> Vec<String> {
    let error = outcome.expect_err("it is refused");
    assert_eq!(error.rule(), Rule::VALIDATION_FAILED);
    error.violations().unwrap().sentences(base::Lang::En).into_keys().collect()
}
