//! Moyasar, and what speaks like it: invoices are ordered over HTTPS with a secret key, amounts are whole halalas,
//! `given_id` makes an order the same one again, and events carry a secret token (docs.moyasar.com).

use std::time::Duration;

use base::Money;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::client::Client;
use crate::signature::equal;
use crate::{Delivery, Notice, Order, Payment, PaymentError, Provider, State, Unheard};

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
const METHODS: &[&str] = &["creditcard", "applepay", "stcpay", "samsungpay"];

/// See the module.
pub struct Moyasar {
    client: Client,
    /// With our key.
    authorization: String,
    /// `secret_token` of its events; without one none is taken.
    secret: Option<String>,
}

impl std::fmt::Debug for Moyasar {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Moyasar").finish_non_exhaustive()
    }
}

impl Moyasar {
    /// At an address such as `https://api.moyasar.com/v1`.
    ///
    /// # Errors
    /// [`PaymentError::Away`] for what is no such address.
    pub fn new(url: &str, key: &str, secret: Option<String>) -> Result<Self, PaymentError> {
        let client = Client::new(url).map_err(PaymentError::Away)?;
        let authorization = format!("Basic {}", STANDARD.encode(format!("{key}:")));
        Ok(Self { client, authorization, secret })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Payment, PaymentError> {
        let asked = self.client.send(method, path, &self.authorization, body);
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        let answered = answered.map_err(|_elapsed| PaymentError::Away("no answer in time".to_owned()))?;
        let (status, body) = answered.map_err(PaymentError::Away)?;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(PaymentError::Away(format!("status {status}")));
        }
        if !status.is_success() {
            return Err(PaymentError::Refused(format!("status {status}")));
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| PaymentError::Unreadable(error.to_string()))?;
        Ok(answer.into())
    }
}

/// What we read of an invoice.
#[derive(Deserialize)]
struct Answer {
    id: String,
    status: String,
    amount: i64,
    currency: String,
    url: Option<String>,
}

impl From<Answer> for Payment {
    fn from(answer: Answer) -> Self {
        let state = match answer.status.as_str() {
            "paid" | "captured" => State::Paid,
            "authorized" | "verified" => State::Processing,
            "failed" | "voided" | "canceled" | "expired" => State::Failed,
            "refunded" => State::Refunded,
            _ => State::Waiting,
        };
        Self {
            reference: answer.id,
            state,
            amount: Money::from_minor(answer.amount),
            currency: answer.currency,
            url: answer.url,
            failure: (state == State::Failed).then_some(answer.status),
        }
    }
}

/// What we read of an event.
#[derive(Deserialize)]
struct Event {
    id: String,
    secret_token: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    id: String,
    /// Of a payment that pays an invoice: the invoice, which is what was ordered.
    invoice_id: Option<String>,
}

/// Names of theirs are letters, digits and hyphens: nothing that could lead to another address.
fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl Provider for Moyasar {
    fn name(&self) -> &'static str {
        "moyasar"
    }

    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }

    fn order<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Payment, PaymentError>> {
        Box::pin(async move {
            let body = json!({
                "given_id": order.id,
                "amount": order.amount.minor(),
                "currency": order.currency,
                "description": order.description,
                "success_url": order.return_url,
                "metadata": { "intent": order.id, "method": order.method },
            });
            let payment = self.ask(Method::POST, "/invoices", Some(body.to_string())).await?;
            if is_name(&payment.reference) {
                Ok(payment)
            } else {
                Err(PaymentError::Unreadable("its id is no name".to_owned()))
            }
        })
    }

    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Payment, PaymentError>> {
        Box::pin(async move {
            if !is_name(reference) {
                return Err(PaymentError::Unreadable("there is no such payment".to_owned()));
            }
            let payment = self.ask(Method::GET, &format!("/invoices/{reference}"), None).await?;
            if payment.reference == reference {
                Ok(payment)
            } else {
                Err(PaymentError::Unreadable("it is another payment".to_owned()))
            }
        })
    }

    fn read(&self, delivery: Delivery<'_>) -> Result<Notice, Unheard> {
        let secret = self.secret.as_deref().ok_or(Unheard::Signature)?;
        let Ok(event) = serde_json::from_slice::<Event>(delivery.body) else {
            return Err(Unheard::Malformed);
        };
        // Its events are not signed and have no time of sending: the token is what they have. What they say is looked up.
        if !event.secret_token.is_some_and(|token| equal(&token, secret)) {
            return Err(Unheard::Signature);
        }
        let reference = event.data.invoice_id.unwrap_or(event.data.id);
        Ok(Notice { event_id: event.id, reference })
    }
}

#[cfg(test)]
mod tests {
    use base::Time;

    use super::{Moyasar, is_name};
    use crate::{Delivery, Provider, Unheard};

    #[test]
    fn an_event_needs_the_token_and_names_what_was_ordered() {
        let moyasar = Moyasar::new("https://x.invalid/v1/", "sk", Some("s3cret".to_owned())).unwrap();
        let read = |body: &str| {
            moyasar.read(Delivery { signature: None, body: body.as_bytes(), at: Time::now_in_seconds() })
        };
        let heard =
            read(r#"{"id":"e","secret_token":"s3cret","data":{"id":"p","invoice_id":"i","amount":1}}"#);
        assert_eq!(heard.unwrap().reference, "i");
        assert_eq!(read(r#"{"id":"e","secret_token":"other","data":{"id":"p"}}"#), Err(Unheard::Signature));
        assert_eq!(read(r#"{"id":"e","data":{"id":"p"}}"#), Err(Unheard::Signature));
        assert_eq!(read("{}"), Err(Unheard::Malformed));
    }

    #[test]
    fn names_lead_nowhere_else() {
        assert!(is_name("760878ec-d1d3-5f72-9056-191683f55872"));
        for name in ["", "../payments", "a/b", "a?b", "a b"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
