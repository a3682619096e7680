//! A provider for tests and trials, inside of the process: whoever orders has paid at once, unless the method says that
//! the card is declined or that the customer is slow. Everything about a payment is in its reference, so that all processes
//! know it.

use base::Money;
use futures_util::future::{BoxFuture, ready};
use serde::Deserialize;

use crate::signature::holds;
use crate::{Delivery, Notice, Order, Payment, PaymentError, Provider, State, Unheard};

/// See the module.
#[derive(Debug)]
pub struct Sandbox {
    /// Signs events; without one none is taken.
    secret: Option<String>,
}

impl Sandbox {
    /// With the secret that events are signed with.
    #[must_use]
    pub const fn new(secret: Option<String>) -> Self {
        Self { secret }
    }
}

/// What happens to a payment, by its method: paid, declined, or still waiting.
const METHODS: &[&str] = &["card", "declined", "waiting"];

#[derive(Deserialize)]
struct Event {
    id: String,
    payment: String,
}

fn payment(reference: &str) -> Option<Payment> {
    // sbx-<method>-<minor>-<currency>-<id of the order>
    let mut parts = reference.strip_prefix("sbx-")?.splitn(4, '-');
    let (method, minor, currency) = (parts.next()?, parts.next()?, parts.next()?);
    let state = match method {
        "card" => State::Paid,
        "declined" => State::Failed,
        "waiting" => State::Waiting,
        _ => return None,
    };
    Some(Payment {
        reference: reference.to_owned(),
        state,
        amount: Money::from_minor(minor.parse().ok()?),
        currency: currency.to_owned(),
        url: None,
        failure: (state == State::Failed).then(|| "The card was declined.".to_owned()),
    })
}

impl Provider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }

    fn order<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Payment, PaymentError>> {
        let reference =
            format!("sbx-{}-{}-{}-{}", order.method, order.amount.minor(), order.currency, order.id);
        // What the customer has still to do is done by nobody: the payment waits for its event.
        let ordered = payment(&reference)
            .map(|payment| Payment { state: State::Waiting, failure: None, ..payment })
            .ok_or_else(|| PaymentError::Refused("there is no such method".to_owned()));
        Box::pin(ready(ordered))
    }

    fn find<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Payment, PaymentError>> {
        let found = payment(reference);
        Box::pin(ready(found.ok_or_else(|| PaymentError::Unreadable("there is no such payment".to_owned()))))
    }

    fn read(&self, delivery: Delivery<'_>) -> Result<Notice, Unheard> {
        let secret = self.secret.as_deref().ok_or(Unheard::Signature)?;
        let signature = delivery.signature.ok_or(Unheard::Signature)?;
        if !holds(secret, signature, delivery.body, delivery.at) {
            return Err(Unheard::Signature);
        }
        let Ok(Event { id, payment }) = serde_json::from_slice(delivery.body) else {
            return Err(Unheard::Malformed);
        };
        Ok(Notice { event_id: id, reference: payment })
    }
}

#[cfg(test)]
mod tests {
    use base::{Money, Time};

    use super::Sandbox;
    use crate::{Delivery, Order, Provider, State, Unheard, sign};

    #[tokio::test]
    async fn what_was_ordered_is_paid_as_the_method_says() {
        let sandbox = Sandbox::new(None);
        let order = |method: &str| Order {
            id: "01JD".to_owned(),
            amount: Money::from_minor(1234),
            currency: "SAR".to_owned(),
            method: method.to_owned(),
            description: String::new(),
            return_url: String::new(),
        };
        for (method, state) in
            [("card", State::Paid), ("declined", State::Failed), ("waiting", State::Waiting)]
        {
            let ordered = sandbox.order(&order(method)).await.unwrap();
            assert_eq!(ordered.state, State::Waiting);
            let found = sandbox.find(&ordered.reference).await.unwrap();
            assert_eq!((found.state, found.amount.minor(), found.currency.as_str()), (state, 1234, "SAR"));
        }
        assert!(sandbox.order(&order("cash")).await.is_err());
        assert!(sandbox.find("sbx-card").await.is_err());
    }

    #[test]
    fn events_without_a_secret_or_its_signature_are_not_taken() {
        let body = br#"{"id":"e1","payment":"p1"}"#;
        let at = Time::now_in_seconds();
        let header = sign("secret", body, at);
        let delivery = Delivery { signature: Some(&header), body, at };
        assert_eq!(Sandbox::new(None).read(delivery), Err(Unheard::Signature));
        let sandbox = Sandbox::new(Some("secret".to_owned()));
        assert_eq!(sandbox.read(delivery).unwrap().event_id, "e1");
        assert_eq!(sandbox.read(Delivery { signature: None, ..delivery }), Err(Unheard::Signature));
        let header = sign("secret", b"[]", at);
        let other = Delivery { signature: Some(&header), body: b"[]", at };
        assert_eq!(sandbox.read(other), Err(Unheard::Malformed));
    }
}
