//! The REST door.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A client of one API.
#[derive(Clone, Debug)]
pub struct Rest {
    http: reqwest::Client,
    base: String,
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// No answer at all.
    #[error("{method} {path}: {source}")]
    Unreachable {
        /// The method asked with.
        method: Method,
        /// The path asked for.
        path: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// An answer that is not success.
    #[error("{method} {path} answered {status}: {message}")]
    Refused {
        /// The method asked with.
        method: Method,
        /// The path asked for.
        path: String,
        /// Its status.
        status: StatusCode,
        /// `code` of the problem body.
        code: String,
        /// `message` of the problem body.
        message: String,
    },
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user's id.
    pub user_id: u64,
    /// Opens both doors for 15 minutes.
    pub access_token: String,
    /// Good for one refresh.
    pub refresh_token: String,
}

impl Rest {
    /// A client of the API at `base` (scheme, host and port), patient for 30 s.
    ///
    /// # Errors
    /// When the HTTP library cannot be set up.
    pub fn new(base: impl Into<String>) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build()?;
        Ok(Self { http, base: base.into() })
    }

    /// Asks for `path` (below `/api/v1`); gives status and body whatever they are. `key` goes as `Idempotency-Key`.
    ///
    /// # Errors
    /// [`RestError::Unreachable`].
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<(StatusCode, Value), RestError> {
        let mut request = self.http.request(method.clone(), format!("{}/api/v1{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let unreachable =
            |source| RestError::Unreachable { method: method.clone(), path: path.to_owned(), source };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    async fn data(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Value, RestError> {
        let (status, mut answer) = self.ask(method.clone(), path, token, body, key).await?;
        if status.is_success() {
            return Ok(answer.get_mut("data").map(Value::take).unwrap_or(answer));
        }
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(RestError::Refused {
            method,
            path: path.to_owned(),
            status,
            code: text("code"),
            message: text("message"),
        })
    }

    /// The `data` of a GET.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn get(&self, path: &str, token: &str) -> Result<Value, RestError> {
        self.data(Method::GET, path, Some(token), None, None).await
    }

    /// The `data` of a POST.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn post(
        &self,
        path: &str,
        token: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Value, RestError> {
        self.data(Method::POST, path, Some(token), Some(body), key).await
    }

    /// Signs in with e-mail, phone or username.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn log_in(&self, login: &str, password: &str) -> Result<SignedIn, RestError> {
        let body = json!({"login": login, "password": password, "device_name": "majlis client"});
        let data = self.data(Method::POST, "/auth/login", None, Some(&body), None).await?;
        let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(SignedIn {
            user_id: data.pointer("/user/id").and_then(Value::as_u64).unwrap_or_default(),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
        })
    }
}
