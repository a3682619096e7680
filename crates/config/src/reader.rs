//! Reads named values, collecting every mistake instead of stopping at the first.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use base::Secret;

use crate::{
    Jitsi, JitsiKey, JwtAlgorithm, JwtKeys, Mail, MailEncryption, MailTransport, PaymentProvider, Payments,
    Seller, Smtp, Uploads,
};

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its default, as it would be written.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($name:literal $default:literal $meaning:literal;)+) => {
        /// Every environment variable that is read.
        pub const VARIABLES: &[Variable] =
            &[$(Variable { name: $name, default: $default, meaning: $meaning }),+];
    };
}

variables! {
    "DATABASE_URL" "" "MySQL or MariaDB: mysql://user:password@host:port/name or mysql://user@localhost/name?socket=/path";
    "REDIS_URL" "" "Redis 7 or Valkey: redis://host:port/; several nodes of a Redis Cluster separated by commas";
    "MAJLIS_JWT_SECRET" "" "secret of the access tokens (HS256), at least 32 bytes; or the key files below";
    "MAJLIS_JWT_ALGORITHM" "EdDSA" "EdDSA or RS256, with key files";
    "MAJLIS_JWT_PRIVATE_KEY_FILE" "" "PEM file that signs; without it this process only checks";
    "MAJLIS_JWT_PUBLIC_KEY_FILE" "" "PEM file that checks";
    "MAJLIS_JWT_ISSUER" "majlis" "`iss` of the access tokens";
    "MAJLIS_ACCESS_TTL_SECONDS" "900" "life of an access token";
    "MAJLIS_REFRESH_TTL_SECONDS" "2592000" "life of a refresh token";
    "BCRYPT_ROUNDS" "12" "cost of new password hashes, as in Laravel";
    "SANCTUM_EXPIRATION" "" "minutes after which Sanctum tokens are void, as in Laravel; empty is never";
    "APP_KEY" "" "Laravel's key, which signs addresses in mails and makes reset tokens; MAJLIS_URL_SECRET unless set";
    "APP_PREVIOUS_KEYS" "" "keys before it, whose signatures still count, separated by commas";
    "FRONTEND_URL" "" "scheme and host of the web application, to which mails lead; APP_URL unless set";
    "MAIL_MAILER" "file" "how mail leaves: file, log or smtp";
    "MAJLIS_MAIL_FOLDER" "./mail" "folder of the mails, with MAIL_MAILER=file";
    "MAIL_HOST" "127.0.0.1" "the mail server";
    "MAIL_PORT" "587" "its port";
    "MAIL_USERNAME" "" "name at the mail server; empty is none";
    "MAIL_PASSWORD" "" "password at the mail server";
    "MAIL_ENCRYPTION" "" "tls (STARTTLS), ssl or null (none); by the port unless set: ssl for 465, else tls";
    "MAIL_FROM_ADDRESS" "hello@example.com" "the sender's address";
    "MAIL_FROM_NAME" "Majlis" "the sender's name";
    "MAJLIS_DATABASE_CONNECTIONS" "16" "database connections of one process";
    "MAJLIS_REDIS_PREFIX" "majlis:" "before every Redis key and channel";
    "MAJLIS_HTTP_LISTEN" "127.0.0.1:7400" "where the API listens";
    "MAJLIS_HTTP_ADMIN_LISTEN" "127.0.0.1:7500" "where the API's /metrics listens";
    "APP_URL" "http://127.0.0.1:7400" "scheme and host that clients use for the API";
    "MAJLIS_HTTP_ORIGINS" "" "web origins that may call the API, separated by commas; * for any";
    "TRUSTED_PROXIES" "" "addresses of proxies whose X-Forwarded-For is believed, separated by commas";
    "MAJLIS_SOCKET_LISTEN" "127.0.0.1:7401" "where the hub listens";
    "MAJLIS_SOCKET_ADMIN_LISTEN" "127.0.0.1:7501" "where the hub's /metrics listens";
    "MAJLIS_SOCKET_ORIGINS" "" "web origins that may connect, separated by commas; * for any";
    "MAJLIS_PING_SECONDS" "25" "between two pings";
    "MAJLIS_PONG_SECONDS" "8" "until the answer to a ping has to be there";
    "MAJLIS_CONNECT_SECONDS" "10" "from the handshake to the connect command";
    "MAJLIS_EXPIRY_GRACE_SECONDS" "25" "from the expiry of the token to the end of the socket";
    "MAJLIS_MAX_FRAME_BYTES" "65536" "largest frame from a client";
    "MAJLIS_MAX_QUEUE_BYTES" "1048576" "bytes that may wait for one socket";
    "MAJLIS_WRITE_TIMEOUT_SECONDS" "10" "longest time for one write";
    "MAJLIS_MAX_SUBSCRIPTIONS" "128" "subscriptions of one connection";
    "MAJLIS_MAX_CONNECTIONS" "15000" "connections of one hub; 0 is no limit";
    "MAJLIS_MAX_CONNECTIONS_PER_USER" "32" "connections of one user to one hub; 0 is no limit";
    "MAJLIS_ACCEPT_RATE" "4000" "new connections a second and hub; 0 is no limit";
    "MAJLIS_QUIET_CHECK_SECONDS" "25" "within which a hub compares a quiet channel with its stream";
    "MAJLIS_DRAIN_SECONDS" "10" "over which time a drain spreads its closes";
    "MAJLIS_PRESENCE_GRACE_SECONDS" "10" "from the last socket's loss to offline";
    "MAJLIS_LIMITS" "on" "off switches rate, connection, admission and accept limits off, for load tests";
    "MAJLIS_COMMANDS_PER_MINUTE" "120" "commands of one connection";
    "MAJLIS_COMMAND_BURST" "60" "commands of one connection at once";
    "MAJLIS_USER_COMMANDS_PER_MINUTE" "480" "commands of one user, over all connections to one hub";
    "MAJLIS_USER_COMMAND_BURST" "240" "commands of one user at once";
    "JITSI_DOMAIN" "" "host name of the Jitsi server; empty is none";
    "JITSI_APP_ID" "" "`iss` of the Jitsi tokens";
    "JITSI_APP_SECRET" "" "secret of the Jitsi tokens (HS256)";
    "JITSI_PRIVATE_KEY_FILE" "" "PEM file that signs the Jitsi tokens with RS256, in place of JITSI_APP_SECRET";
    "JITSI_KEY_ID" "" "`kid` of the Jitsi tokens; with JITSI_PRIVATE_KEY_FILE it has to be";
    "JITSI_AUDIENCE" "jitsi" "`aud` of the Jitsi tokens";
    "JITSI_HOOK_SECRET" "" "bearer token of Prosody's event_sync and of Jibri, at least 16 bytes; empty hears neither";
    "MAJLIS_CURRENCY" "SAR" "currency of all amounts";
    "MAJLIS_VAT_BASIS_POINTS" "1500" "VAT included in prices, 1/100 of a percent";
    "MAJLIS_GIFT_FEE_BASIS_POINTS" "3000" "the platform's share of a gift's net price";
    "MAJLIS_ROOM_FEE_BASIS_POINTS" "2000" "the platform's share of a room's net price";
    "MAJLIS_CONSULTATION_FEE_BASIS_POINTS" "1500" "the platform's share of a consultation's net price";
    "MAJLIS_BOOK_FEE_BASIS_POINTS" "2000" "the platform's share of a book's net price";
    "MAJLIS_COURSE_FEE_BASIS_POINTS" "2000" "the platform's share of a course's net price";
    "MAJLIS_ADJUST_LIMIT_MINOR" "100000" "halalas above which an adjustment needs a second administrator";
    "MAJLIS_TOP_UP_MIN_MINOR" "1000" "the least that a wallet is filled with, halalas";
    "MAJLIS_TOP_UP_MAX_MINOR" "1000000" "the most that a wallet is filled with at once, halalas";
    "MAJLIS_WITHDRAWAL_MIN_MINOR" "5000" "the least that is paid out, halalas";
    "MAJLIS_WITHDRAWAL_LIMIT_MINOR" "500000" "halalas above which a withdrawal is approved and paid by two administrators";
    "MAJLIS_PAYMENT_PROVIDER" "sandbox" "who takes customers' money: `sandbox` (nobody) or `moyasar`";
    "MAJLIS_PAYMENT_URL" "https://api.moyasar.com/v1" "where the provider's API is";
    "MAJLIS_PAYMENT_KEY" "" "our secret key at the provider's API";
    "MAJLIS_PAYMENT_WEBHOOK_SECRET" "" "what the provider's events are proved with; without it no top-up is ever credited";
    "MAJLIS_SELLER_NAME" "مجلس Majlis" "who sells, on invoices";
    "MAJLIS_SELLER_VAT_NUMBER" "300000000000003" "the seller's VAT number, 15 digits";
    "MAJLIS_SELLER_ADDRESS" "" "where the seller is, on invoices";
    "MAJLIS_UPLOADS" "./uploads" "folder of the uploaded files, the same for all processes; outside of what web servers show";
    "MAJLIS_UPLOAD_QUOTA_BYTES" "1073741824" "bytes of files that one user may keep";
    "MAJLIS_UPLOAD_IMAGE_BYTES" "10485760" "largest picture";
    "MAJLIS_UPLOAD_VIDEO_BYTES" "104857600" "largest video";
    "MAJLIS_UPLOAD_PRESIGNED_BYTES" "2147483648" "largest video that is sent by itself (POST /uploads/presign)";
    "MAJLIS_UPLOAD_AUDIO_BYTES" "104857600" "largest sound";
    "MAJLIS_UPLOAD_DOCUMENT_BYTES" "52428800" "largest document";
    "MAJLIS_UPLOAD_BOOK_BYTES" "209715200" "largest PDF of a book";
    "MAJLIS_URL_SECRET" "" "secret of the addresses of files, at least 32 bytes; MAJLIS_JWT_SECRET unless set, so key files need it";
    "MAJLIS_FILES_URL" "" "scheme and host in the addresses of files, such as a host of their own; APP_URL unless set";
    "MAJLIS_LOG" "info" "what is logged, in tracing's filter syntax";
    "MAJLIS_LOG_FORMAT" "text" "text or json";
    "MORPH_STYLE" "class" "how Laravel's polymorphic columns are written: class or alias";
    "MAJLIS_ADMIN_TOKEN" "" "bearer token of /debug/nodes on the admin ports, at least 16 bytes; empty closes that page";
    "MAJLIS_EXIT_WITH_PARENT" "off" "end when standard input ends";
}

/// The variables as a Markdown table: the one in README.md, which a test compares with this.
#[must_use]
pub fn variables_table() -> String {
    let mut table = String::from("| variable | default | meaning |\n|---|---|---|\n");
    for Variable { name, default, meaning } in VARIABLES {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        table.push_str(&format!("| `{name}` | {default} | {meaning} |\n"));
    }
    table
}

/// All mistakes in the environment.
#[derive(Debug, thiserror::Error)]
pub struct ConfigErrors(Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("; "))
    }
}

pub(crate) struct Reader<'a> {
    source: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { source, mistakes: Vec::new() }
    }

    fn value(&self, name: &str) -> Option<String> {
        (self.source)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(crate) fn mistake(&mut self, name: &str, what: &str) {
        self.mistakes.push(format!("{name} {what}"));
    }

    pub(crate) fn finish<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.mistakes.is_empty() { Ok(value) } else { Err(ConfigErrors(self.mistakes)) }
    }

    fn parsed<T: FromStr>(&mut self, name: &str, form: &str, default: T) -> T {
        match self.value(name).map(|text| text.parse::<T>()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.mistake(name, &format!("must be {form}"));
                default
            }
        }
    }

    pub(crate) fn secret(&mut self, name: &str) -> Option<Secret> {
        let value = self.value(name).map(Secret::new);
        if value.is_none() {
            self.mistake(name, "is not set");
        }
        value
    }

    pub(crate) fn payments(&mut self) -> Payments {
        let provider = match self.text("MAJLIS_PAYMENT_PROVIDER", "sandbox").as_str() {
            "moyasar" => PaymentProvider::Moyasar,
            "sandbox" => PaymentProvider::Sandbox,
            _ => {
                self.mistake("MAJLIS_PAYMENT_PROVIDER", "must be sandbox or moyasar");
                PaymentProvider::Sandbox
            }
        };
        let key = self.value("MAJLIS_PAYMENT_KEY").map(Secret::new);
        if provider == PaymentProvider::Moyasar && key.is_none() {
            self.mistake("MAJLIS_PAYMENT_KEY", "is not set, but the provider is moyasar");
        }
        Payments {
            provider,
            url: self.text("MAJLIS_PAYMENT_URL", "https://api.moyasar.com/v1"),
            key,
            webhook_secret: self.value("MAJLIS_PAYMENT_WEBHOOK_SECRET").map(Secret::new),
        }
    }

    pub(crate) fn seller(&mut self) -> Seller {
        let vat_number = self.text("MAJLIS_SELLER_VAT_NUMBER", "300000000000003");
        if vat_number.len() != 15 || !vat_number.bytes().all(|byte| byte.is_ascii_digit()) {
            self.mistake("MAJLIS_SELLER_VAT_NUMBER", "must be 15 digits");
        }
        Seller {
            name: self.text("MAJLIS_SELLER_NAME", "مجلس Majlis"),
            vat_number,
            address: self.value("MAJLIS_SELLER_ADDRESS"),
        }
    }

    pub(crate) fn text(&mut self, name: &str, default: &str) -> String {
        self.value(name).unwrap_or_else(|| default.to_owned())
    }

    pub(crate) fn number<T: FromStr>(&mut self, name: &str, default: T) -> T {
        self.parsed(name, "a whole number", default)
    }

    pub(crate) fn bounded(&mut self, name: &str, default: u32, least: u32, most: u32) -> u32 {
        let value = self.number(name, default);
        if !(least..=most).contains(&value) {
            self.mistake(name, &format!("must be between {least} and {most}"));
        }
        value
    }

    pub(crate) fn seconds(&mut self, name: &str, default: u64) -> Duration {
        Duration::from_secs(self.parsed(name, "a number of seconds", default))
    }

    pub(crate) fn optional_minutes(&mut self, name: &str) -> Option<Duration> {
        match self.parsed::<u64>(name, "a number of minutes", 0) {
            0 => None,
            minutes => Some(Duration::from_secs(minutes.saturating_mul(60))),
        }
    }

    pub(crate) fn address(&mut self, name: &str, default: ([u8; 4], u16)) -> SocketAddr {
        self.parsed(name, "an address such as 127.0.0.1:7400", SocketAddr::from(default))
    }

    pub(crate) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.value(name).as_deref() {
            None => default,
            Some("on" | "true" | "1") => true,
            Some("off" | "false" | "0") => false,
            Some(_) => {
                self.mistake(name, "must be on or off");
                default
            }
        }
    }

    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.value(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn parsed_list<T: FromStr>(&mut self, name: &str, form: &str) -> Vec<T> {
        let items: Result<Vec<T>, _> = self.list(name).iter().map(|item| item.parse()).collect();
        items.unwrap_or_else(|_error| {
            self.mistake(name, &format!("must be {form}"));
            Vec::new()
        })
    }

    pub(crate) fn jwt_keys(&mut self) -> JwtKeys {
        if let Some(secret) = self.value("MAJLIS_JWT_SECRET") {
            if secret.len() < 32 {
                self.mistake("MAJLIS_JWT_SECRET", "must have at least 32 bytes");
            }
            return JwtKeys::Secret(Secret::new(secret));
        }
        let algorithm = match self.text("MAJLIS_JWT_ALGORITHM", "EdDSA").as_str() {
            "EdDSA" => JwtAlgorithm::EdDsa,
            "RS256" => JwtAlgorithm::Rs256,
            _ => {
                self.mistake("MAJLIS_JWT_ALGORITHM", "must be EdDSA or RS256");
                JwtAlgorithm::EdDsa
            }
        };
        let private = self.value("MAJLIS_JWT_PRIVATE_KEY_FILE").map(Into::into);
        let public = self.value("MAJLIS_JWT_PUBLIC_KEY_FILE");
        if public.is_none() {
            self.mistake(
                "MAJLIS_JWT_SECRET",
                "is not set (at least 32 bytes), nor is MAJLIS_JWT_PUBLIC_KEY_FILE",
            );
        }
        JwtKeys::Files { algorithm, private, public: public.unwrap_or_default().into() }
    }

    pub(crate) fn uploads(&mut self) -> Uploads {
        // Always asked for, so that whoever has key files learns of it at the start, not at the first upload.
        let own = self.value("MAJLIS_URL_SECRET");
        let secret = own.clone().or_else(|| self.value("MAJLIS_JWT_SECRET")).unwrap_or_default();
        if own.is_some() && secret.len() < 32 {
            self.mistake("MAJLIS_URL_SECRET", "must have at least 32 bytes");
        }
        if secret.is_empty() && self.value("MAJLIS_JWT_PUBLIC_KEY_FILE").is_some() {
            self.mistake("MAJLIS_URL_SECRET", "is not set (at least 32 bytes); with key files it has to be");
        }
        let api = self.text("APP_URL", "http://127.0.0.1:7400");
        Uploads {
            folder: self.text("MAJLIS_UPLOADS", "./uploads").into(),
            public_url: self.text("MAJLIS_FILES_URL", &api).trim_end_matches('/').to_owned(),
            quota_bytes: self.number("MAJLIS_UPLOAD_QUOTA_BYTES", 1 << 30),
            max_image_bytes: self.number("MAJLIS_UPLOAD_IMAGE_BYTES", 10 << 20),
            max_video_bytes: self.number("MAJLIS_UPLOAD_VIDEO_BYTES", 100 << 20),
            max_presigned_bytes: self.number("MAJLIS_UPLOAD_PRESIGNED_BYTES", 2 << 30),
            max_audio_bytes: self.number("MAJLIS_UPLOAD_AUDIO_BYTES", 100 << 20),
            max_document_bytes: self.number("MAJLIS_UPLOAD_DOCUMENT_BYTES", 50 << 20),
            max_book_bytes: self.number("MAJLIS_UPLOAD_BOOK_BYTES", 200 << 20),
            url_secret: Secret::new(secret),
        }
    }

    pub(crate) fn app_keys(&mut self) -> Vec<Secret> {
        let previous = self.list("APP_PREVIOUS_KEYS");
        // On a green field the secret that all processes share for addresses does.
        let fallbacks = ["APP_KEY", "MAJLIS_URL_SECRET", "MAJLIS_JWT_SECRET"];
        let values: Vec<Option<String>> = fallbacks.iter().map(|name| self.value(name)).collect();
        let key = values.into_iter().flatten().next().unwrap_or_default();
        std::iter::once(key).chain(previous).map(Secret::new).collect()
    }

    pub(crate) fn frontend_url(&mut self) -> String {
        let api = self.text("APP_URL", "http://127.0.0.1:7400");
        self.text("FRONTEND_URL", &api).trim_end_matches('/').to_owned()
    }

    pub(crate) fn mail(&mut self) -> Mail {
        let folder = self.text("MAJLIS_MAIL_FOLDER", "./mail");
        let transport = match self.text("MAIL_MAILER", "file").as_str() {
            "log" => MailTransport::Log,
            "smtp" => MailTransport::Smtp(self.smtp()),
            "file" => MailTransport::Files(folder.into()),
            _ => {
                self.mistake("MAIL_MAILER", "must be file, log or smtp");
                MailTransport::Log
            }
        };
        Mail {
            transport,
            from_address: self.text("MAIL_FROM_ADDRESS", "hello@example.com"),
            from_name: self.text("MAIL_FROM_NAME", "Majlis"),
        }
    }

    fn smtp(&mut self) -> Smtp {
        let port = self.number("MAIL_PORT", 587);
        let encryption = match self.value("MAIL_ENCRYPTION").as_deref() {
            None if port == 465 => MailEncryption::Tls,
            None | Some("tls") => MailEncryption::StartTls,
            Some("ssl") => MailEncryption::Tls,
            Some("null" | "none") => MailEncryption::None,
            Some(_) => {
                self.mistake("MAIL_ENCRYPTION", "must be tls, ssl or null");
                MailEncryption::StartTls
            }
        };
        let password = Secret::new(self.value("MAIL_PASSWORD").unwrap_or_default());
        Smtp {
            host: self.text("MAIL_HOST", "127.0.0.1"),
            port,
            credentials: self.value("MAIL_USERNAME").map(|name| (name, password)),
            encryption,
        }
    }

    pub(crate) fn admin_token(&mut self) -> Option<Secret> {
        let token = self.value("MAJLIS_ADMIN_TOKEN")?;
        if token.len() < 16 {
            self.mistake("MAJLIS_ADMIN_TOKEN", "must have at least 16 bytes");
        }
        Some(Secret::new(token))
    }

    pub(crate) fn jitsi(&mut self) -> Option<Jitsi> {
        let domain = self.value("JITSI_DOMAIN")?;
        let app_id = self.value("JITSI_APP_ID");
        let secret = self.value("JITSI_APP_SECRET");
        let private = self.value("JITSI_PRIVATE_KEY_FILE");
        let key_id = self.value("JITSI_KEY_ID");
        if app_id.is_none() || (secret.is_none() && private.is_none()) {
            self.mistake("JITSI_DOMAIN", "is set, so JITSI_APP_ID and JITSI_APP_SECRET must be, too");
        }
        if private.is_some() && key_id.is_none() {
            self.mistake("JITSI_PRIVATE_KEY_FILE", "is set, so JITSI_KEY_ID must be, too");
        }
        let hook_secret = self.value("JITSI_HOOK_SECRET");
        if hook_secret.as_ref().is_some_and(|secret| secret.len() < 16) {
            self.mistake("JITSI_HOOK_SECRET", "must have at least 16 bytes");
        }
        Some(Jitsi {
            domain: domain.to_ascii_lowercase(),
            app_id: app_id.unwrap_or_default(),
            key: match private {
                Some(private) => {
                    JitsiKey::File { private: private.into(), key_id: key_id.unwrap_or_default() }
                }
                None => JitsiKey::Secret(Secret::new(secret.unwrap_or_default())),
            },
            audience: self.text("JITSI_AUDIENCE", "jitsi"),
            hook_secret: hook_secret.map(Secret::new),
        })
    }
}
