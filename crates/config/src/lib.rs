//! Typed settings, read once from the environment. Nobody else reads it.
//!
//! Every variable, its meaning and its default stand in [`VARIABLES`], which `majlis --help` and the documents
//! print. All mistakes are reported together, each with the variable's name.

mod reader;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base::Secret;
use reader::Reader;
pub use reader::{ConfigErrors, VARIABLES, Variable, variables_table};

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// MySQL or MariaDB.
    pub database: Database,
    /// Redis or Valkey.
    pub redis: Redis,
    /// The REST door.
    pub http: Http,
    /// The socket door.
    pub socket: Socket,
    /// Tokens and passwords.
    pub auth: Auth,
    /// The video server, where there is one.
    pub jitsi: Option<Jitsi>,
    /// Prices, shares and tax.
    pub money: MoneyRules,
    /// Who takes customers' money.
    pub payments: Payments,
    /// Who sells, on invoices.
    pub seller: Seller,
    /// Rate limits; off for load tests.
    pub limits: Limits,
    /// What is written to the log and how.
    pub log: Log,
    /// Files that people upload.
    pub uploads: Uploads,
    /// Mail that is sent to people.
    pub mail: Mail,
    /// How Laravel's polymorphic columns are written (domain.md §7.2).
    pub morph: MorphStyle,
    /// Bearer token of `/debug/nodes` on the admin ports; without one that page is closed.
    pub admin_token: Option<Secret>,
    /// End when standard input ends: for processes that belong to a parent (`majlis up`).
    pub exit_with_parent: bool,
}

/// MySQL or MariaDB.
#[derive(Clone, Debug)]
pub struct Database {
    /// `mysql://user:password@host:port/name` or `…@localhost/name?socket=/path`.
    pub url: Secret,
    /// Connections in the pool of one process.
    pub max_connections: u32,
}

/// Redis or Valkey.
#[derive(Clone, Debug)]
pub struct Redis {
    /// `redis://host:port/`; of a Redis Cluster several, separated by commas.
    pub url: Secret,
    /// Before every key and channel, so that several installations can share a server.
    pub prefix: String,
}

/// The REST door.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// `/metrics` and `/health` for operators.
    pub admin_listen: SocketAddr,
    /// Scheme and host that clients use, without a path; links in answers begin with it.
    pub public_url: String,
    /// Web origins that browsers may call from; `*` for any.
    pub allowed_origins: Vec<String>,
    /// Addresses whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
}

/// The socket door (realtime.md §1, §2, §7).
#[derive(Clone, Debug)]
pub struct Socket {
    /// Where it listens.
    pub listen: SocketAddr,
    /// `/metrics` and `/health` for operators.
    pub admin_listen: SocketAddr,
    /// Web origins that browsers may connect from; `*` for any. Apps send no `Origin` and are let in.
    pub allowed_origins: Vec<String>,
    /// Between two pings of the server.
    pub ping_interval: Duration,
    /// Until the answer to a ping has to be there.
    pub pong_timeout: Duration,
    /// From the handshake to the `connect` command.
    pub connect_timeout: Duration,
    /// From the expiry of the token to the end of the socket.
    pub expiry_grace: Duration,
    /// Largest frame from a client, bytes.
    pub max_frame_bytes: usize,
    /// Bytes that may wait for one socket before it is closed as slow.
    pub max_queue_bytes: usize,
    /// One write may take so long before the socket counts as dead.
    pub write_timeout: Duration,
    /// Subscriptions of one connection.
    pub max_subscriptions: usize,
    /// Connections of one node; 0 is no limit.
    pub max_connections: usize,
    /// Connections of one user on one node; 0 is no limit.
    pub max_connections_per_user: usize,
    /// New connections a second and node; 0 is no limit.
    pub accept_rate: u32,
    /// A channel on which nothing is heard is compared with its stream at least this often, once a node.
    pub quiet_check: Duration,
    /// Over which time a drain spreads its closes.
    pub drain: Duration,
    /// After the last socket of a user is lost, until the user counts as offline.
    pub presence_grace: Duration,
}

/// Tokens and passwords (domain.md §5.1, §7.1, §9.4).
#[derive(Clone, Debug)]
pub struct Auth {
    /// How access JWTs are signed and checked.
    pub jwt: JwtKeys,
    /// `iss` of access JWTs.
    pub issuer: String,
    /// Life of an access JWT.
    pub access_ttl: Duration,
    /// Life of a refresh token.
    pub refresh_ttl: Duration,
    /// Cost of new bcrypt hashes.
    pub bcrypt_rounds: u32,
    /// Laravel's `sanctum.expiration`: tokens older than this are void; `None` is no limit.
    pub sanctum_expiration: Option<Duration>,
    /// Laravel's `APP_KEY` as it is written, `base64:` included, and after it `APP_PREVIOUS_KEYS`: the first signs
    /// addresses and makes reset tokens, all check signatures (domain.md §7.4). Never empty.
    pub app_keys: Vec<Secret>,
    /// Scheme and host of the web application, which links in mails lead to.
    pub frontend_url: String,
}

/// Mail that is sent to people; the variables have Laravel's names.
#[derive(Clone, Debug)]
pub struct Mail {
    /// How it leaves.
    pub transport: MailTransport,
    /// The sender's address.
    pub from_address: String,
    /// The sender's name.
    pub from_name: String,
}

/// How mail leaves.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// Each as a file `.eml` in a folder, for whoever develops.
    Files(PathBuf),
    /// Receiver and subject into the log, and nowhere else.
    Log,
    /// To a mail server.
    Smtp(Smtp),
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password, where it asks for them.
    pub credentials: Option<(String, Secret)>,
    /// How the connection is kept from strangers.
    pub encryption: MailEncryption,
}

/// How a connection to a mail server is kept from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEncryption {
    /// Not at all: for a server on the same machine.
    None,
    /// STARTTLS, which has to succeed.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// How access JWTs are signed and checked: one algorithm, pinned.
#[derive(Clone, Debug)]
pub enum JwtKeys {
    /// HS256 with a shared secret of at least 32 bytes.
    Secret(Secret),
    /// EdDSA or RS256 with PEM files.
    Files {
        /// Which of the two.
        algorithm: JwtAlgorithm,
        /// Signs; without it this process only checks.
        private: Option<PathBuf>,
        /// Checks.
        public: PathBuf,
    },
}

/// The asymmetric algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// Ed25519.
    EdDsa,
    /// RSA with SHA-256.
    Rs256,
}

/// The video server and how its tokens are signed (domain.md §5.6).
#[derive(Clone, Debug)]
pub struct Jitsi {
    /// Host name, lower case.
    pub domain: String,
    /// `iss` of its tokens.
    pub app_id: String,
    /// Signs its tokens.
    pub key: JitsiKey,
    /// `aud` of its tokens.
    pub audience: String,
    /// What Prosody's `event_sync` and Jibri's scripts present as a bearer token; without one, nobody is heard.
    pub hook_secret: Option<Secret>,
}

/// How the tokens of the video server are signed.
#[derive(Clone, Debug)]
pub enum JitsiKey {
    /// HS256 with a secret that both know.
    Secret(Secret),
    /// RS256 with a PEM file.
    File {
        /// The private key.
        private: PathBuf,
        /// `kid`, by which the video server finds the public key.
        key_id: String,
    },
}

/// Prices, shares and tax (domain.md §8.3, §8.5).
#[derive(Clone, Debug)]
pub struct MoneyRules {
    /// ISO 4217.
    pub currency: String,
    /// VAT in basis points (1500 is 15 %), included in prices.
    pub vat_basis_points: u32,
    /// The platform's share of a gift's net price, in basis points.
    pub gift_fee_basis_points: u32,
    /// The platform's share of a room's net price, in basis points.
    pub room_fee_basis_points: u32,
    /// The platform's share of a consultation's net price, in basis points.
    pub consultation_fee_basis_points: u32,
    /// The platform's share of a book's net price, in basis points.
    pub book_fee_basis_points: u32,
    /// The platform's share of a course's net price, in basis points.
    pub course_fee_basis_points: u32,
    /// Above this an adjustment needs a second administrator, in halalas.
    pub adjust_limit_minor: i64,
    /// The least that a wallet is filled with, in halalas.
    pub top_up_min_minor: i64,
    /// The most that a wallet is filled with at once, in halalas.
    pub top_up_max_minor: i64,
    /// The least that is paid out, in halalas.
    pub withdrawal_min_minor: i64,
    /// Above this a withdrawal needs two administrators, in halalas.
    pub withdrawal_limit_minor: i64,
}

/// Who takes customers' money (domain.md §5.8).
#[derive(Clone, Debug)]
pub struct Payments {
    /// Which one.
    pub provider: PaymentProvider,
    /// Where its API is.
    pub url: String,
    /// Our secret key at its API.
    pub key: Option<Secret>,
    /// What its events are proved with; without one none is taken, and no top-up is ever credited.
    pub webhook_secret: Option<Secret>,
}

/// Providers of payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentProvider {
    /// Nobody pays anything: for tests and trials.
    Sandbox,
    /// Moyasar, or what speaks like it.
    Moyasar,
}

/// Who sells, on invoices (domain.md §8.5).
#[derive(Clone, Debug)]
pub struct Seller {
    /// In both languages or either.
    pub name: String,
    /// Fifteen digits.
    pub vat_number: String,
    /// Where they are.
    pub address: Option<String>,
}

/// Rate limits.
#[derive(Clone, Debug)]
pub struct Limits {
    /// All of them; `false` switches rate, connection, admission and accept limits off.
    pub enabled: bool,
    /// Commands a minute and connection.
    pub commands_per_minute: u32,
    /// Commands at once.
    pub command_burst: u32,
    /// Commands a minute and user, over all connections of the user to one node.
    pub user_commands_per_minute: u32,
    /// Commands of a user at once.
    pub user_command_burst: u32,
}

/// Files that people upload (domain.md §9.5).
#[derive(Clone, Debug)]
pub struct Uploads {
    /// Where the files are; made by the first upload. Outside of what any web server shows.
    pub folder: PathBuf,
    /// Scheme and host in the addresses of files, without a path: a host of its own keeps what strangers uploaded away
    /// from the site's origin. The API's own where none is set.
    pub public_url: String,
    /// Bytes that one user may keep.
    pub quota_bytes: u64,
    /// Largest picture, bytes.
    pub max_image_bytes: u64,
    /// Largest video, bytes.
    pub max_video_bytes: u64,
    /// Largest video that is sent by itself, not in a form, bytes.
    pub max_presigned_bytes: u64,
    /// Largest sound, bytes.
    pub max_audio_bytes: u64,
    /// Largest document, bytes.
    pub max_document_bytes: u64,
    /// Largest PDF of a book, bytes.
    pub max_book_bytes: u64,
    /// The key that signs the addresses of files is made of it: the secret of the access tokens, unless set. The same in
    /// all processes.
    pub url_secret: Secret,
}

/// The log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Filter in `tracing`'s syntax, such as `info,realtime=debug`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// How Laravel's polymorphic columns are written; both spellings are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MorphStyle {
    /// `App\Models\User`.
    Class,
    /// `user`.
    Alias,
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// All mistakes together, each with the variable's name.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        Self::from_env_with(|_name| None)
    }

    /// Reads the process's environment, in which `chosen` values take the place of what is there.
    ///
    /// # Errors
    /// All mistakes together, each with the variable's name.
    pub fn from_env_with(chosen: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        Self::read(|name| chosen(name).or_else(|| std::env::var(name).ok()))
    }

    /// Reads settings from any source of named values.
    ///
    /// # Errors
    /// All mistakes together, each with the variable's name.
    pub fn read(source: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(&source);
        let limits = reader.flag("MAJLIS_LIMITS", true);
        let settings = Self {
            database: Database {
                url: reader.secret("DATABASE_URL").unwrap_or_else(|| Secret::new(String::new())),
                max_connections: reader.number("MAJLIS_DATABASE_CONNECTIONS", 16),
            },
            redis: Redis {
                url: reader.secret("REDIS_URL").unwrap_or_else(|| Secret::new(String::new())),
                prefix: reader.text("MAJLIS_REDIS_PREFIX", "majlis:"),
            },
            http: Http {
                listen: reader.address("MAJLIS_HTTP_LISTEN", ([127, 0, 0, 1], 7400)),
                admin_listen: reader.address("MAJLIS_HTTP_ADMIN_LISTEN", ([127, 0, 0, 1], 7500)),
                public_url: reader.text("APP_URL", "http://127.0.0.1:7400").trim_end_matches('/').to_owned(),
                allowed_origins: reader.list("MAJLIS_HTTP_ORIGINS"),
                trusted_proxies: reader.parsed_list("TRUSTED_PROXIES", "a list of IP addresses"),
            },
            socket: Socket {
                listen: reader.address("MAJLIS_SOCKET_LISTEN", ([127, 0, 0, 1], 7401)),
                admin_listen: reader.address("MAJLIS_SOCKET_ADMIN_LISTEN", ([127, 0, 0, 1], 7501)),
                allowed_origins: reader.list("MAJLIS_SOCKET_ORIGINS"),
                ping_interval: reader.seconds("MAJLIS_PING_SECONDS", 25),
                pong_timeout: reader.seconds("MAJLIS_PONG_SECONDS", 8),
                connect_timeout: reader.seconds("MAJLIS_CONNECT_SECONDS", 10),
                expiry_grace: reader.seconds("MAJLIS_EXPIRY_GRACE_SECONDS", 25),
                max_frame_bytes: reader.number("MAJLIS_MAX_FRAME_BYTES", 65_536),
                max_queue_bytes: reader.number("MAJLIS_MAX_QUEUE_BYTES", 1_048_576),
                write_timeout: reader.seconds("MAJLIS_WRITE_TIMEOUT_SECONDS", 10),
                max_subscriptions: reader.number("MAJLIS_MAX_SUBSCRIPTIONS", 128),
                max_connections: if limits { reader.number("MAJLIS_MAX_CONNECTIONS", 15_000) } else { 0 },
                max_connections_per_user: if limits {
                    reader.number("MAJLIS_MAX_CONNECTIONS_PER_USER", 32)
                } else {
                    0
                },
                accept_rate: if limits { reader.number("MAJLIS_ACCEPT_RATE", 4_000) } else { 0 },
                quiet_check: reader.seconds("MAJLIS_QUIET_CHECK_SECONDS", 25),
                drain: reader.seconds("MAJLIS_DRAIN_SECONDS", 10),
                presence_grace: reader.seconds("MAJLIS_PRESENCE_GRACE_SECONDS", 10),
            },
            auth: Auth {
                jwt: reader.jwt_keys(),
                issuer: reader.text("MAJLIS_JWT_ISSUER", "majlis"),
                access_ttl: reader.seconds("MAJLIS_ACCESS_TTL_SECONDS", 900),
                refresh_ttl: reader.seconds("MAJLIS_REFRESH_TTL_SECONDS", 30 * 24 * 3600),
                bcrypt_rounds: reader.bounded("BCRYPT_ROUNDS", 12, 4, 31),
                sanctum_expiration: reader.optional_minutes("SANCTUM_EXPIRATION"),
                app_keys: reader.app_keys(),
                frontend_url: reader.frontend_url(),
            },
            jitsi: reader.jitsi(),
            money: MoneyRules {
                currency: reader.text("MAJLIS_CURRENCY", "SAR"),
                vat_basis_points: reader.bounded("MAJLIS_VAT_BASIS_POINTS", 1_500, 0, 10_000),
                gift_fee_basis_points: reader.bounded("MAJLIS_GIFT_FEE_BASIS_POINTS", 3_000, 0, 10_000),
                room_fee_basis_points: reader.bounded("MAJLIS_ROOM_FEE_BASIS_POINTS", 2_000, 0, 10_000),
                consultation_fee_basis_points: reader.bounded(
                    "MAJLIS_CONSULTATION_FEE_BASIS_POINTS",
                    1_500,
                    0,
                    10_000,
                ),
                book_fee_basis_points: reader.bounded("MAJLIS_BOOK_FEE_BASIS_POINTS", 2_000, 0, 10_000),
                course_fee_basis_points: reader.bounded("MAJLIS_COURSE_FEE_BASIS_POINTS", 2_000, 0, 10_000),
                adjust_limit_minor: reader.number("MAJLIS_ADJUST_LIMIT_MINOR", 100_000),
                top_up_min_minor: reader.number("MAJLIS_TOP_UP_MIN_MINOR", 1_000),
                top_up_max_minor: reader.number("MAJLIS_TOP_UP_MAX_MINOR", 1_000_000),
                withdrawal_min_minor: reader.number("MAJLIS_WITHDRAWAL_MIN_MINOR", 5_000),
                withdrawal_limit_minor: reader.number("MAJLIS_WITHDRAWAL_LIMIT_MINOR", 500_000),
            },
            payments: reader.payments(),
            seller: reader.seller(),
            limits: Limits {
                enabled: limits,
                commands_per_minute: reader.number("MAJLIS_COMMANDS_PER_MINUTE", 120),
                command_burst: reader.number("MAJLIS_COMMAND_BURST", 60),
                user_commands_per_minute: reader.number("MAJLIS_USER_COMMANDS_PER_MINUTE", 480),
                user_command_burst: reader.number("MAJLIS_USER_COMMAND_BURST", 240),
            },
            log: Log {
                filter: reader.text("MAJLIS_LOG", "info"),
                json: reader.text("MAJLIS_LOG_FORMAT", "text") == "json",
            },
            uploads: reader.uploads(),
            mail: reader.mail(),
            morph: match reader.text("MORPH_STYLE", "class").as_str() {
                "alias" => MorphStyle::Alias,
                _ => MorphStyle::Class,
            },
            admin_token: reader.admin_token(),
            exit_with_parent: reader.flag("MAJLIS_EXIT_WITH_PARENT", false),
        };
        if settings.socket.pong_timeout >= settings.socket.ping_interval {
            reader.mistake("MAJLIS_PONG_SECONDS", "must be less than MAJLIS_PING_SECONDS");
        }
        reader.finish(settings)
    }
}

/// Does the environment give a variable a value?
#[must_use]
pub fn is_set(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}

/// Servers that exist already and that `majlis up` and the tools use instead of their own.
#[derive(Clone, Debug, Default)]
pub struct ExistingServers {
    /// `DATABASE_URL`.
    pub database_url: Option<Secret>,
    /// `REDIS_URL`.
    pub redis_url: Option<Secret>,
}

impl ExistingServers {
    /// Reads the process's environment.
    #[must_use]
    pub fn from_env() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        let value = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
        Self {
            database_url: value("DATABASE_URL").map(Secret::new),
            redis_url: value("REDIS_URL").map(Secret::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{JwtKeys, MailEncryption, MailTransport, Settings, VARIABLES};

    fn minimal(name: &str) -> Option<String> {
        match name {
            "DATABASE_URL" => Some("mysql://root@localhost/majlis".to_owned()),
            "REDIS_URL" => Some("redis://127.0.0.1/".to_owned()),
            "MAJLIS_JWT_SECRET" => Some("a test secret of more than 32 bytes!".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn three_variables_are_enough() {
        let settings = Settings::read(minimal).unwrap();
        assert!(matches!(settings.auth.jwt, JwtKeys::Secret(_)));
        assert_eq!(settings.socket.max_frame_bytes, 65_536);
        assert!(!format!("{settings:?}").contains("test secret"), "secrets are not printed");
    }

    #[test]
    fn addresses_of_files_are_signed_with_a_secret_that_all_processes_share() {
        let settings = Settings::read(minimal).unwrap();
        assert_eq!(settings.uploads.url_secret.expose(), "a test secret of more than 32 bytes!");
        assert_eq!(settings.uploads.public_url, "http://127.0.0.1:7400");
        let key_files = |secret: Option<&'static str>| {
            Settings::read(move |name| match name {
                "MAJLIS_JWT_SECRET" => None,
                "MAJLIS_JWT_PUBLIC_KEY_FILE" => Some("public.pem".to_owned()),
                "MAJLIS_URL_SECRET" => secret.map(str::to_owned),
                "MAJLIS_FILES_URL" => Some("https://media.example/".to_owned()),
                other => minimal(other),
            })
        };
        for missing in [None, Some("short")] {
            let errors = key_files(missing).unwrap_err().to_string();
            assert!(errors.contains("MAJLIS_URL_SECRET"), "{errors}");
        }
        let settings = key_files(Some("another test secret of 32 bytes!!")).unwrap();
        assert_eq!(settings.uploads.url_secret.expose(), "another test secret of 32 bytes!!");
        assert_eq!(settings.uploads.public_url, "https://media.example");
    }

    #[test]
    fn mail_leaves_as_laravels_variables_say() {
        let read = |pairs: &'static [(&'static str, &'static str)]| {
            Settings::read(move |name| {
                let set = pairs.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
                set.or_else(|| minimal(name))
            })
        };
        let MailTransport::Files(folder) = read(&[]).unwrap().mail.transport else { panic!("not files") };
        assert_eq!(folder, std::path::Path::new("./mail"));
        let smtp =
            read(&[("MAIL_MAILER", "smtp"), ("MAIL_HOST", "mail.example"), ("MAIL_PORT", "465")]).unwrap();
        let MailTransport::Smtp(smtp) = smtp.mail.transport else { panic!("not SMTP") };
        assert_eq!((smtp.port, smtp.encryption), (465, MailEncryption::Tls));
        let plain = read(&[("MAIL_MAILER", "smtp"), ("MAIL_ENCRYPTION", "null")]).unwrap();
        let MailTransport::Smtp(plain) = plain.mail.transport else { panic!("not SMTP") };
        assert_eq!((plain.port, plain.encryption), (587, MailEncryption::None));
        for wrong in ["MAIL_MAILER", "MAIL_ENCRYPTION"] {
            let errors = Settings::read(|name| match name {
                "MAIL_MAILER" if wrong != name => Some("smtp".to_owned()),
                _ if name == wrong => Some("pigeon".to_owned()),
                other => minimal(other),
            });
            assert!(errors.unwrap_err().to_string().contains(wrong));
        }
        let keys = read(&[("APP_KEY", "base64:AAAA"), ("APP_PREVIOUS_KEYS", "base64:BBBB, old")]).unwrap();
        let keys: Vec<&str> = keys.auth.app_keys.iter().map(base::Secret::expose).collect();
        assert_eq!(keys, ["base64:AAAA", "base64:BBBB", "old"]);
    }

    #[test]
    fn all_mistakes_are_told_together() {
        let errors = Settings::read(|name| match name {
            "MAJLIS_JWT_SECRET" => Some("short".to_owned()),
            "MAJLIS_PING_SECONDS" => Some("soon".to_owned()),
            "DATABASE_URL" => None,
            other => minimal(other),
        })
        .unwrap_err()
        .to_string();
        for name in ["DATABASE_URL", "MAJLIS_JWT_SECRET", "MAJLIS_PING_SECONDS"] {
            assert!(errors.contains(name), "{name} is missing in: {errors}");
        }
    }

    #[test]
    fn the_readme_has_the_table_of_variables() {
        let readme =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
        let table = super::variables_table();
        assert!(readme.contains(&table), "put this into README.md (`majlis variables` prints it):\n{table}");
    }

    #[test]
    fn every_variable_that_is_read_is_documented_and_the_other_way_round() {
        let read = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let _settings = Settings::read(|name| {
            read.borrow_mut().insert(name.to_owned());
            // Both ways of signing and a Jitsi server, so that every branch asks.
            match name {
                "MAJLIS_JWT_SECRET" | "MAJLIS_LIMITS" => None,
                "JITSI_DOMAIN" => Some("meet.example".to_owned()),
                "MAIL_MAILER" => Some("smtp".to_owned()),
                "MAIL_USERNAME" => Some("postman".to_owned()),
                other => minimal(other),
            }
        });
        let documented: std::collections::BTreeSet<_> =
            VARIABLES.iter().map(|variable| variable.name.to_owned()).collect();
        assert_eq!(read.into_inner(), documented);
    }
}
