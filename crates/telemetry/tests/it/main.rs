//! The admin port, asked over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use telemetry::{Admin, Metrics, NodesPage, Readiness, serve_admin};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn the_admin_port_tells_numbers_and_health() {
    let state = Arc::new(AtomicU8::new(0));
    let seen = Arc::clone(&state);
    let admin =
        Admin::new("api", "9.9.9", Metrics::install().unwrap(), move || match seen.load(Ordering::Relaxed) {
            0 => Readiness::Ready,
            1 => Readiness::Degraded("Redis does not answer".to_owned()),
            _ => Readiness::NotReady("draining".to_owned()),
        });
    let broken = Arc::clone(&state);
    let admin = admin.with_nodes(Some(base::Secret::new("a token of 16 bytes")), move || {
        let broken = broken.load(Ordering::Relaxed) == 2;
        async move {
            if broken {
                return Err("Redis does not answer".to_owned());
            }
            Ok(NodesPage { json: serde_json::json!([{"node": "n1"}]), text: "node\nn1\n".to_owned() })
        }
    });
    let shutdown = CancellationToken::new();
    let server = serve_admin(([127, 0, 0, 1], 0).into(), admin, shutdown.clone()).await.unwrap();
    assert_ne!(server.address.port(), 0);
    let base = format!("http://{}", server.address);

    metrics::counter!("things_total", "kind" => "good").increment(3);
    metrics::histogram!("thing_seconds").record(0.004);
    let response = reqwest::get(format!("{base}/metrics")).await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = response.text().await.unwrap();
    assert!(text.contains("things_total{kind=\"good\"} 3"), "{text}");
    assert!(text.contains("thing_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    assert!(text.contains("majlis_build_info{service=\"api\",version=\"9.9.9\"} 1"), "{text}");

    assert_eq!(reqwest::get(format!("{base}/health/live")).await.unwrap().status(), 200);
    for (value, status, word) in [(0, 200, "ready"), (1, 200, "degraded"), (2, 503, "not_ready")] {
        state.store(value, Ordering::Relaxed);
        let response = reqwest::get(format!("{base}/health/ready")).await.unwrap();
        assert_eq!(response.status(), status);
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["status"], word);
    }

    state.store(0, Ordering::Relaxed);
    let ask = async |token: Option<&str>, accept: &str| {
        let mut request = reqwest::Client::new().get(format!("{base}/debug/nodes")).header("accept", accept);
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for wrong in
        [None, Some("Bearer a token of 17 bytes"), Some("Bearer "), Some("Basic a token of 16 bytes")]
    {
        let (status, body) = ask(wrong, "*/*").await;
        assert_eq!(status, 401, "{wrong:?}");
        assert!(!body.contains("n1"), "{body}");
    }
    let right = Some("bearer a token of 16 bytes");
    assert_eq!(ask(right, "*/*").await, (200, "[{\"node\":\"n1\"}]".to_owned()));
    assert_eq!(ask(right, "text/plain").await, (200, "node\nn1\n".to_owned()));
    state.store(2, Ordering::Relaxed);
    assert_eq!(ask(right, "*/*").await, (503, "Redis does not answer\n".to_owned()));

    shutdown.cancel();
    server.closed().await;
    assert!(reqwest::get(format!("{base}/health/live")).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn without_a_token_the_page_of_nodes_is_closed_and_says_how_to_open_it() {
    let page = async || Ok(NodesPage { json: serde_json::json!([]), text: String::new() });
    for admin in [
        Admin::new("hub", "1", Metrics::detached().unwrap().0, || Readiness::Ready),
        Admin::new("hub", "1", Metrics::detached().unwrap().0, || Readiness::Ready).with_nodes(None, page),
    ] {
        let shutdown = CancellationToken::new();
        let server = serve_admin(([127, 0, 0, 1], 0).into(), admin, shutdown.clone()).await.unwrap();
        let request = reqwest::Client::new().get(format!("http://{}/debug/nodes", server.address));
        let response = request.header("authorization", "Bearer ").send().await.unwrap();
        assert_eq!(response.status(), 403);
        let body = response.text().await.unwrap();
        assert!(body.contains("MAJLIS_ADMIN_TOKEN"), "{body}");
        shutdown.cancel();
        server.closed().await;
    }
}

#[test]
fn a_wrong_filter_is_named() {
    let error = telemetry::init_log("info,=/=", false).unwrap_err().to_string();
    assert!(error.contains("MAJLIS_LOG"), "{error}");
}
