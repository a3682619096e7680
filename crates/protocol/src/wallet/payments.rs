//! Filling a wallet (domain.md §5.8).

use base::{Money, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::IdempotencyKey;

/// `hub_payment_intents.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IntentStatus {
    /// Waits for the customer to pay.
    Created,
    /// The provider says that the money is on its way.
    Processing,
    /// The wallet was filled.
    Succeeded,
    /// It came to nothing.
    Failed,
    /// Nobody paid in time.
    Expired,
    /// The money went back.
    Refunded,
}

impl IntentStatus {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Created, Self::Processing, Self::Succeeded, Self::Failed, Self::Expired, Self::Refunded];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }
}

/// A top-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopUp {
    /// A ULID.
    pub id: String,
    /// How much.
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
    /// How it is paid.
    pub method: String,
    /// Who takes the money.
    pub provider: String,
    /// The provider's name for the payment.
    pub provider_ref: Option<String>,
    /// How it is.
    pub status: IntentStatus,
    /// Where the customer pays, if that is to be done somewhere.
    pub payment_url: Option<String>,
    /// Why it came to nothing.
    pub failure: Option<String>,
    /// The ledger's line, once the wallet was filled.
    pub transaction_id: Option<u64>,
    /// Until when it can be paid.
    pub expires_at: Time,
    /// When it began.
    pub created_at: Time,
}

/// Input of the operation `top_up`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartTopUp {
    /// The key of this write; not part of its content.
    pub client_id: IdempotencyKey,
    /// How much.
    pub amount: Money,
    /// How it is paid.
    pub method: String,
}

/// The body of `POST /wallet/top-ups`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUpBody {
    /// How much.
    pub amount: Money,
    /// How it is paid: one of the provider's ways, such as `creditcard`; with the provider `sandbox` one of `card` (is
    /// paid), `declined` (fails), `waiting` (is never paid).
    #[schema(max_length = 32)]
    pub method: String,
}

/// What became of an event of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookOutcome {
    /// It changed a top-up.
    Applied,
    /// It was dealt with before, or changes nothing any more.
    Known,
    /// It is about nothing of ours.
    Ignored,
}

/// Answer of `POST /hooks/payments/{provider}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HookReceipt {
    /// What became of it.
    pub outcome: HookOutcome,
}
