use bus::{HubReport, NodeReport};

use crate::setup::{connect, eventually, nodes, prefix, private_server, raw};

fn report(service: &str, address: &str, hub: Option<HubReport>) -> NodeReport {
    NodeReport {
        service: service.into(),
        version: "1".into(),
        address: address.into(),
        since: "2026-01-01T00:00:00Z".into(),
        hub,
    }
}

#[tokio::test]
async fn every_node_sees_every_node_and_its_last_word() {
    let [one, two, three] = nodes().await;
    one.report_node(&report("hub", "b:2", Some(HubReport::default()))).await.unwrap();
    two.report_node(&report("api", "a:1", None)).await.unwrap();
    let busy = HubReport { connections: 5, lag_p99_ms: Some(3), ..HubReport::default() };
    three.report_node(&report("hub", "a:1", Some(HubReport::default()))).await.unwrap();
    three.report_node(&report("hub", "a:1", Some(busy.clone()))).await.unwrap();
    let lines = two.nodes().await.unwrap();
    let order: Vec<_> = lines.iter().map(|line| (line.node.as_str(), line.report.service.as_str())).collect();
    assert_eq!(order, [("n3", "hub"), ("n1", "hub"), ("n2", "api")]);
    assert_eq!(lines[0].report.hub.as_ref(), Some(&busy));
    assert!(lines.iter().all(|line| line.seen_ms_ago < 5_000), "{lines:?}");
    three.forget_node().await.unwrap();
    assert_eq!(one.nodes().await.unwrap().len(), 2);
}

#[tokio::test]
async fn who_says_nothing_any_more_is_left_out_and_taken_away() {
    let server = private_server(None).await;
    let prefix = prefix();
    let bus = connect(&server.url(), &prefix, "n1").await;
    bus.report_node(&report("hub", "a:1", None)).await.unwrap();
    // As a dead node and a later version would have left it.
    let key = format!("{prefix}{{nodes}}");
    raw(&server.url(), &["HSET", &key, "dead", "1000:{}", "odd", "nonsense"]).await;
    let lines = bus.nodes().await.unwrap();
    assert_eq!(lines.iter().map(|line| line.node.as_str()).collect::<Vec<_>>(), ["n1"]);
    let left = raw(&server.url(), &["HLEN", &key]).await;
    assert_eq!(left, redis::Value::Int(1));
    let before = lines[0].seen_ms_ago;
    eventually(async || bus.nodes().await.unwrap()[0].seen_ms_ago > before + 50).await;
}
