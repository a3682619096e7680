//! Providers of payments: who takes a customer's money and says so (domain.md §5.8). Nothing of wallets is known here: a
//! payment is ordered, looked up, and an event of the provider's is checked and read.
//!
//! What an event says is a reason to look the payment up, never proof of it: proof is what the provider answers when asked.

mod client;
mod moyasar;
mod sandbox;
mod signature;

use std::fmt::Debug;

use base::{Money, Time};
use futures_util::future::BoxFuture;

pub use moyasar::Moyasar;
pub use sandbox::Sandbox;
pub use signature::{MAX_AGE_SECONDS, sign};

/// A payment to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// Ours; the same again is the same payment.
    pub id: String,
    /// How much.
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
    /// How the customer wants to pay: `creditcard`, `stcpay` …
    pub method: String,
    /// What it is for.
    pub description: String,
    /// Where the provider sends the customer afterwards.
    pub return_url: String,
}

/// How a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The customer has not paid yet.
    Waiting,
    /// The customer has paid, and the money is on its way.
    Processing,
    /// The money is there.
    Paid,
    /// It came to nothing.
    Failed,
    /// The money went back.
    Refunded,
}

/// A payment, as the provider has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The provider's name for it.
    pub reference: String,
    /// How it is.
    pub state: State,
    /// How much.
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
    /// Where the customer pays, while that is to be done.
    pub url: Option<String>,
    /// Why it came to nothing, in the provider's words.
    pub failure: Option<String>,
}

/// What a provider tells by itself: that something happened to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The event's own id: the same event has it however often it is delivered.
    pub event_id: String,
    /// The provider's name for the payment.
    pub reference: String,
}

/// Why a provider cannot be heard.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// It does not answer, or not in time, or says that it cannot.
    #[error("the payment provider does not answer: {0}")]
    Away(String),
    /// It refuses the order.
    #[error("the payment provider refuses: {0}")]
    Refused(String),
    /// It says what cannot be understood.
    #[error("the payment provider's answer cannot be read: {0}")]
    Unreadable(String),
}

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// It is not the provider's, or too old.
    #[error("the signature does not hold")]
    Signature,
    /// It is no event.
    #[error("it is no event of a payment")]
    Malformed,
}

/// An event as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The header `X-Signature`, if there is one.
    pub signature: Option<&'a str>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// When it arrived.
    pub at: Time,
}

/// A provider.
pub trait Provider: Send + Sync + Debug {
    /// Its name in paths and rows.
    fn name(&self) -> &'static str;

    /// The ways to pay that it offers.
    fn methods(&self) -> &'static [&'static str];

    /// Orders a payment. The same order again is answered with the same payment.
    fn order<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Payment, PaymentError>>;

    /// Looks a payment up.
    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Payment, PaymentError>>;

    /// Checks that an event is the provider's, and reads it.
    ///
    /// # Errors
    /// [`Unheard`].
    fn read(&self, delivery: Delivery<'_>) -> Result<Notice, Unheard>;
}
