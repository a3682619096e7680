//! A door of one's own: a fresh database, a Redis prefix of its own, and `api::serve` on a free port.

use std::sync::atomic::{AtomicU64, Ordering};

use bus::{Bus, BusSettings};
use config::Settings;
use domain::App;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use sandbox::TestServers;
use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};
use store::Store;
use store::testing::TestDatabase;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "a long walk by the sea";

/// Makes names that no other test of this process has.
static ORDINAL: AtomicU64 = AtomicU64::new(1);

/// A running door.
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) app: App,
    http: Client,
    pub(crate) database: TestDatabase,
    shutdown: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    _uploads: TempDir,
}

/// Somebody who is signed in.
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) username: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

/// An answer, read wholly.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// It is a problem of this status and code, with every member that a problem has.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.header("x-request-id"), self.body["request_id"].as_str().unwrap());
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(self.header("cache-control"), "no-store");
        for member in ["type", "title", "detail", "instance", "rule", "message"] {
            assert!(
                self.body[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member}: {}",
                self.text
            );
        }
        assert!(self.body["number"].as_u64().unwrap() >= 1000);
        self
    }
}

impl World {
    /// With rate limits off.
    pub(crate) async fn new() -> Self {
        Self::with(&[("MAJLIS_LIMITS", "off")]).await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let redis = TestServers::shared_redis().await.unwrap();
        Self::on(&redis.url(), variables).await
    }

    /// On a Redis of the test's own, which it may stop.
    pub(crate) async fn on(redis_url: &str, variables: &[(&str, &str)]) -> Self {
        let mysql = TestServers::shared_mysql().await.unwrap();
        let database = TestDatabase::create(&mysql.url("mysql")).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let prefix = format!("api-test-{}:", base::id::ulid());
        let uploads = TempDir::new().unwrap();
        let folder = uploads.path().join("files").display().to_string();
        let settings = Settings::read(|name| {
            let set = variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            set.or_else(|| match name {
                "DATABASE_URL" => Some(database.url.clone()),
                "REDIS_URL" => Some(redis_url.to_owned()),
                "MAJLIS_REDIS_PREFIX" => Some(prefix.clone()),
                "MAJLIS_JWT_SECRET" => Some("the secret of a test, more than 32 bytes".to_owned()),
                "BCRYPT_ROUNDS" => Some("4".to_owned()),
                "APP_URL" => Some(base.clone()),
                "MAJLIS_UPLOADS" => Some(folder.clone()),
                _ => None,
            })
        })
        .unwrap();
        let store = Store::connect(&database.url, 8).await.unwrap();
        let bus = Bus::connect(BusSettings::new(redis_url, prefix.clone(), base::id::ulid())).await.unwrap();
        let app = App::start(store, bus, settings).await.unwrap();
        domain::system::install_roles(&app).await.unwrap();
        domain::system::ensure_platform(&app).await.unwrap();
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(api::serve(app.clone(), listener, shutdown.clone()));
        Self { base, app, http: Client::new(), database, shutdown, server, _uploads: uploads }
    }

    /// Stops the door as an operator would, and drops the database.
    pub(crate) async fn close(self) {
        self.shutdown.cancel();
        drop(self.http);
        self.server.await.unwrap().unwrap();
        self.app.store.close().await;
        self.database.close().await.unwrap();
    }

    /// Cancelling it is an operator's wish to stop.
    pub(crate) fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    pub(crate) async fn sql(&self, statement: &str) {
        let mut conn = MySqlConnection::connect(&self.database.url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut conn).await.unwrap();
    }

    /// The number that a query gives.
    pub(crate) async fn number(&self, query: &str) -> u64 {
        let mut conn = MySqlConnection::connect(&self.database.url).await.unwrap();
        let query = format!("SELECT CAST(({query}) AS UNSIGNED)");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut conn).await.unwrap()
    }

    /// A request below `/api/v1`, or elsewhere where the path says so.
    pub(crate) fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let below = if path.starts_with("/api/") || path.starts_with("/:") { "" } else { "/api/v1" };
        let request = self.http.request(method, format!("{}{below}{}", self.base, path.replace("/:", "/")));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str, who: &Person) -> Reply {
        send(self.request(Method::GET, path, Some(&who.token))).await
    }

    pub(crate) async fn post(&self, path: &str, who: &Person, body: Value) -> Reply {
        send(self.request(Method::POST, path, Some(&who.token)).json(&body)).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, who: &Person, key: &str, body: Value) -> Reply {
        let request = self.request(Method::POST, path, Some(&who.token)).header("idempotency-key", key);
        send(request.json(&body)).await
    }

    pub(crate) async fn guest(&self, method: Method, path: &str, body: Value) -> Reply {
        send(self.request(method, path, None).json(&body)).await
    }

    /// Registers somebody through the door.
    pub(crate) async fn person(&self) -> Person {
        let ordinal = ORDINAL.fetch_add(1, Ordering::Relaxed);
        let username = format!("person{ordinal}");
        let body = json!({
            "name": format!("Person {ordinal}"), "username": username, "email": format!("{username}@example.com"),
            "password": PASSWORD,
        });
        let reply = self.guest(Method::POST, "/auth/register", body).await.expect(201);
        person_of(&reply, username)
    }

    /// Somebody with a role.
    pub(crate) async fn person_with_role(&self, role: &str) -> Person {
        let person = self.person().await;
        self.sql(&format!(
            "INSERT INTO model_has_roles (role_id, model_type, model_id) \
             SELECT id, 'App\\\\Models\\\\User', {} FROM roles WHERE name = '{role}'",
            person.id
        ))
        .await;
        person
    }
}

pub(crate) fn person_of(reply: &Reply, username: String) -> Person {
    let data = &reply.body["data"];
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    Person {
        id: data["user"]["id"].as_u64().unwrap(),
        username,
        token: text("access_token"),
        refresh_token: text("refresh_token"),
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Reply { status, headers, body, text }
}

pub(crate) fn key() -> String {
    uuid::Uuid::new_v4().to_string()
}
