//! What is known of a request from its first moment: its id, its language, where it came from. Later, who asks.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, header};
use base::Lang;
use base::id::UserId;

/// Travels in the request's extensions; clones are the same request.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext(Arc<Facts>);

#[derive(Debug)]
pub(crate) struct Facts {
    /// `X-Request-Id`, the client's own where it is fit.
    pub(crate) id: String,
    /// `Accept-Language`, or English.
    pub(crate) lang: Lang,
    /// `Accept-Language`, if it names one of ours.
    pub(crate) asked_lang: Option<Lang>,
    /// The path without its query.
    pub(crate) path: String,
    /// The client's address, behind trusted proxies.
    pub(crate) ip: Option<IpAddr>,
    /// Set once the token is known to be good.
    user_id: OnceLock<UserId>,
}

impl std::ops::Deref for RequestContext {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl RequestContext {
    pub(crate) fn of<B>(request: &Request<B>, trusted_proxies: &[IpAddr]) -> Self {
        let headers = request.headers();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let asked_lang = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .and_then(Lang::from_accept_language);
        Self(Arc::new(Facts {
            id: request_id(headers),
            lang: asked_lang.unwrap_or(Lang::En),
            asked_lang,
            path: request.uri().path().to_owned(),
            ip: peer.map(|peer| client_ip(peer, headers, trusted_proxies)),
            user_id: OnceLock::new(),
        }))
    }

    /// Remembers who asks, for the log.
    pub(crate) fn set_user(&self, user_id: UserId) {
        // A second time can only be the same user: one request has one token.
        let _ = self.0.user_id.set(user_id);
    }

    pub(crate) fn user_id(&self) -> Option<UserId> {
        self.0.user_id.get().copied()
    }
}

/// The client's id of the request if it is short and harmless in logs and headers, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let fit = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(fit)
        .map_or_else(base::id::ulid, str::to_owned)
}

/// The address of the client: the last one in `X-Forwarded-For` that is not a proxy of ours. Without trusted proxies
/// the header is what anybody may have written, and counts for nothing.
fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted_proxies.contains(&peer) {
        return peer;
    }
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let mut client = peer;
    for hop in forwarded.rsplit(',') {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !trusted_proxies.contains(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::HeaderMap;

    use super::{client_ip, request_id};

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 9.9.9.9, 10.0.0.2".parse().unwrap());
        assert_eq!(client_ip(ip("8.8.8.8"), &headers, &[ip("10.0.0.1")]), ip("8.8.8.8"));
        let proxies = [ip("10.0.0.1"), ip("10.0.0.2")];
        assert_eq!(client_ip(ip("10.0.0.1"), &headers, &proxies), ip("9.9.9.9"));
        assert_eq!(client_ip(ip("::ffff:10.0.0.1"), &headers, &proxies), ip("9.9.9.9"));
    }

    #[test]
    fn an_unfit_request_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "abc-1.2_3".parse().unwrap());
        assert_eq!(request_id(&headers), "abc-1.2_3");
        headers.insert("x-request-id", "a b".parse().unwrap());
        assert_eq!(request_id(&headers).len(), 26);
    }
}
