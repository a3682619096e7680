//! The protocol's numbers: errors in replies, closes, ends of subscriptions (realtime.md §1, §3, §5).

macro_rules! codes {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $number:ty, $text:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $code:literal $words:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$variant_meta])* $variant, )* }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The number on the wire.
            #[must_use]
            pub const fn code(self) -> $number {
                match self { $( Self::$variant => $code, )* }
            }

            /// The words that go with the number, for people.
            #[must_use]
            pub const fn $text(self) -> &'static str {
                match self { $( Self::$variant => $words, )* }
            }

            /// The value with this number.
            #[must_use]
            pub const fn from_code(code: $number) -> Option<Self> {
                match code { $( $code => Some(Self::$variant), )* _ => None }
            }
        }
    };
}

codes! {
    /// Errors of the protocol and the channels in replies. The domain's own begin at 1000.
    #[derive(thiserror::Error)]
    #[error("{}", self.message())]
    pub enum ProtocolError: u32, message {
        /// Something failed on our side; the same command may succeed later.
        Internal = 100 "internal server error",
        /// Not signed in.
        Unauthorized = 101 "unauthorized",
        /// No such channel, or its name is malformed.
        UnknownChannel = 102 "unknown channel",
        /// Not allowed.
        PermissionDenied = 103 "permission denied",
        /// No such method.
        MethodNotFound = 104 "method not found",
        /// This connection listens to the channel already.
        AlreadySubscribed = 105 "already subscribed",
        /// A bound was reached, e.g. subscriptions of one connection.
        LimitExceeded = 106 "limit exceeded",
        /// The command cannot be understood.
        BadRequest = 107 "bad request",
        /// The channel does not offer that.
        NotAvailable = 108 "not available",
        /// The token has expired; SDKs fetch a new one.
        TokenExpired = 109 "token expired",
        /// The connection or subscription has expired.
        Expired = 110 "expired",
        /// Too many commands; slower ones succeed.
        TooManyRequests = 111 "too many requests",
        /// The position asked for is not in the stream.
        UnrecoverablePosition = 112 "unrecoverable position",
    }
}

impl ProtocolError {
    /// Whether the same command may succeed a little later; SDKs then try again by themselves.
    #[must_use]
    pub const fn temporary(self) -> bool {
        matches!(self, Self::Internal | Self::TooManyRequests)
    }
}

codes! {
    /// Why the server closes a socket. 3000–3499 and 4000–4499: SDKs reconnect; 3500–3999 and 4500–4999: they do not.
    pub enum CloseCode: u16, reason {
        /// The node drains.
        Shutdown = 3001 "shutdown",
        /// The token's time and its grace are over.
        Expired = 3005 "connection expired",
        /// The peer reads more slowly than its queue fills.
        Slow = 3008 "slow",
        /// Events of `user:` were lost; the client recovers when it reconnects.
        InsufficientState = 3010 "insufficient state",
        /// A ping was not answered in time.
        NoPong = 3012 "no pong",
        /// Commands kept coming above the limit.
        TooManyRequests = 3013 "too many requests",
        /// The token is none of ours.
        InvalidToken = 3500 "invalid token",
        /// A frame that no reply can answer.
        BadRequest = 3501 "bad request",
        /// No `connect` in time.
        Stale = 3502 "stale",
        /// An operator closed it.
        ForceDisconnect = 3503 "force disconnect",
        /// Too many connections.
        ConnectionLimit = 3504 "connection limit",
        /// Logout, password change or token deletion.
        SessionRevoked = 4501 "session revoked",
        /// The user is suspended or deleted.
        AccountSuspended = 4503 "account suspended",
    }
}

impl CloseCode {
    /// Whether SDKs come back by themselves, which they read from the number.
    #[must_use]
    pub const fn reconnect(self) -> bool {
        matches!(self.code(), 3000..=3499 | 4000..=4499)
    }
}

codes! {
    /// Why the server ends a subscription. SDKs resubscribe from 2500 up and take lower numbers as final.
    pub enum UnsubscribeCode: u32, reason {
        /// Access ended (kick, ban, unregister, block, privacy).
        Server = 2000 "server unsubscribe",
        /// Events were lost; the client recovers when it resubscribes.
        InsufficientState = 2500 "insufficient state",
    }
}

impl UnsubscribeCode {
    /// Whether SDKs subscribe again by themselves.
    #[must_use]
    pub const fn resubscribe(self) -> bool {
        self.code() >= 2500
    }
}
