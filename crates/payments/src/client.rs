//! One request over HTTPS (or HTTP, to a proxy or a test on this machine) and its answer. A payment is asked for now and
//! then: no connection is kept.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use url::Url;

/// No answer that we ask for is longer.
const MAX_ANSWER: usize = 256 * 1024;

/// Asks one server.
pub(crate) struct Client {
    host: String,
    port: u16,
    /// Both as `Host` says them.
    authority: String,
    /// What paths begin with.
    prefix: String,
    /// Nothing for plain HTTP.
    tls: Option<TlsConnector>,
}

impl Client {
    /// At an address such as `https://api.moyasar.com/v1`.
    pub(crate) fn new(address: &str) -> Result<Self, String> {
        let url: Url = address.parse().map_err(|error| format!("{address}: {error}"))?;
        let host = url.host_str().ok_or_else(|| format!("{address} has no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| format!("{address} has no port"))?;
        let tls = match url.scheme() {
            "https" => Some(connector()?),
            "http" => None,
            other => return Err(format!("{other} is not spoken")),
        };
        let authority = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Ok(Self { host, port, authority, prefix: url.path().trim_end_matches('/').to_owned(), tls })
    }

    /// Sends a request, with a body of JSON where there is one.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        authorization: &str,
        body: Option<String>,
    ) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| error.to_string())?;
        let socket =
            TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| error.to_string())?;
        match &self.tls {
            None => answer(socket, request).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
                let socket = tls.connect(name, socket).await.map_err(|error| error.to_string())?;
                answer(socket, request).await
            }
        }
    }
}

fn connector() -> Result<TlsConnector, String> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn answer<S>(socket: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        handshake(TokioIo::new(socket)).await.map_err(|error| error.to_string())?;
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER);
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    };
    // The connection is driven as long as the exchange takes, and closed after it.
    tokio::pin!(exchange);
    tokio::select! {
        answered = &mut exchange => answered,
        ended = connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(error.to_string()),
        },
    }
}
