//! What operators see (realtime.md §8): every metric on the admin port, with traffic behind it, and the list of nodes.

use std::time::Duration;

use protocol::codec::Encoding;
use protocol::frame::SubscribeRequest;
use serde_json::json;
use telemetry::{Admin, Metrics};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, recovering};
use crate::stand::{Stand, key};

/// `GET path` of the admin port.
async fn get(address: std::net::SocketAddr, path: &str, headers: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The value of a series whose line begins like this.
fn value(text: &str, series: &str) -> f64 {
    let lines = text.lines().filter_map(|line| line.strip_prefix(series));
    let values: Vec<f64> = lines.filter_map(|rest| rest.rsplit_once(' ')?.1.parse().ok()).collect();
    assert!(!values.is_empty(), "{series} is not there:\n{text}");
    values.into_iter().sum()
}

// On one thread, so that what is counted here is counted here alone.
#[tokio::test]
async fn every_metric_of_the_specification_is_on_the_admin_port_with_sensible_values() {
    let (metrics, recorder) = Metrics::detached().unwrap();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let (stand, proxy) = Stand::behind_a_proxy(1, |settings| {
        settings.socket.quiet_check = Duration::from_secs(2);
        settings.socket.max_queue_bytes = 64 * 1024 * 1024;
        // Who is not listened to here does not answer pings either.
        settings.socket.pong_timeout = Duration::from_secs(600);
    })
    .await;
    let hub = &stand.nodes[0].hub;
    let ended = CancellationToken::new();
    let bus = stand.app().bus.clone();
    let page = move || {
        let bus = bus.clone();
        async move {
            let nodes = bus.nodes().await.map_err(|error| error.to_string())?;
            Ok(telemetry::NodesPage { json: json!(nodes), text: bus::nodes_table(&nodes) })
        }
    };
    let admin = Admin::new("hub", "1", metrics, hub.readiness())
        .with_nodes(Some(base::Secret::new("a token of the operators")), page);
    let admin = telemetry::serve_admin(([127, 0, 0, 1], 0).into(), admin, ended.clone()).await.unwrap();

    let room = format!("room:{}", stand.room().await);
    let (amal, badr) = (stand.user("amal").await, stand.user("badr").await);
    let mut sender = stand.client(0, amal).await;
    let mut hearer = stand.client_speaking(0, badr, Encoding::Protobuf).await;
    let start = hearer.subscribe_to(&room).await.unwrap();
    for number in 0..5 {
        let message = json!({"client_id": key(), "user_id": badr, "body": format!("m{number}")});
        sender.rpc("chat.send_message", &message).await.unwrap();
        hearer.event(&format!("user:{badr}")).await;
    }
    let nothing = sender.rpc("chat.mark_read", &json!({"conversation_id": 9_999_999, "up_to": 1})).await;
    assert!(nothing.unwrap_err().code >= 1000);
    // A gap that is healed.
    proxy.set_deaf(true);
    stand.publish(&room, 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    proxy.set_deaf(false);
    stand.publish(&room, 2).await;
    hearer.event(&room).await;
    hearer.event(&room).await;
    // Recoveries of both kinds, and closes of two.
    hearer.close().await;
    let mut back = stand.client(0, badr).await;
    assert!(back.subscribe(recovering(&room, &start.epoch, start.offset)).await.unwrap().recovered);
    back.close().await;
    let mut back = stand.client(0, badr).await;
    assert!(!back.subscribe(recovering(&room, "another", 1)).await.unwrap().recovered);
    let mut refused = Client::open(&stand.nodes[0].url(), Encoding::Json).await;
    refused.send_bytes("nonsense".into()).await;
    assert_eq!(refused.closed().await, 3501);
    drop(refused);
    // One who does not read, so that something waits.
    let mut slow = stand.client(0, amal).await;
    slow.subscribe(SubscribeRequest { channel: room.clone(), ..SubscribeRequest::default() }).await.unwrap();
    back.close().await;
    for number in 0..200 {
        stand.publish_padded(&room, number, 48 * 1024).await;
    }

    let mut text = String::new();
    let waits = async |text: &mut String| {
        *text = get(admin.address, "/metrics", "").await;
        value(text, "realtime_queue_bytes") > 100_000.0
    };
    Stand::eventually(async || waits(&mut text).await).await;
    for (series, least) in [
        ("realtime_connections", 2.0),
        ("realtime_subscriptions", 3.0),
        ("realtime_channels", 2.0),
        ("realtime_queue_bytes", 100_000.0),
        ("realtime_deliveries_total", 200.0),
        ("realtime_closes_total{code=\"client\"}", 2.0),
        ("realtime_closes_total{code=\"3501\"}", 1.0),
        ("realtime_gaps_found_total", 1.0),
        ("realtime_gaps_total{result=\"healed\"}", 1.0),
        ("realtime_recoveries_total{result=\"yes\"}", 1.0),
        ("realtime_recoveries_total{result=\"no\"}", 1.0),
        ("realtime_recovered_events_total", 2.0),
        ("realtime_handshakes_total{status=\"101\"}", 5.0),
        ("realtime_publish_to_socket_seconds_count", 10.0),
        ("realtime_publish_to_socket_seconds_bucket{le=\"30\"}", 10.0),
        ("bus_command_seconds_count{command=\"publish\"}", 7.0),
        ("bus_command_seconds_count{command=\"recover\"}", 1.0),
        ("bus_command_seconds_sum{command=\"publish\"}", 0.000_001),
        ("bus_publish_total", 7.0),
        ("realtime_rpc_seconds_count{method=\"chat.send_message\",code=\"0\"}", 5.0),
        ("realtime_rpc_seconds_count{method=\"connect\",code=\"0\"}", 4.0),
        ("realtime_rpc_seconds_count{method=\"subscribe\",code=\"0\"}", 4.0),
        ("process_resident_memory_bytes", 1_000_000.0),
    ] {
        let found = value(&text, series);
        assert!(found >= least, "{series} is {found}, not at least {least}");
    }
    let of_rule: f64 = text
        .lines()
        .filter(|line| line.starts_with("realtime_rpc_seconds_count{method=\"chat.mark_read\",code=\"1"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum();
    assert!(of_rule >= 1.0, "latency by the code of a rule");
    // Every series of ours says what it is.
    let described: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")).collect();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        if name.starts_with("realtime_") || name.starts_with("bus_") {
            assert!(described.iter().any(|help| help.starts_with(&format!("{name} "))), "no HELP for {name}");
        }
    }

    // The list of nodes, in both forms, and closed to others.
    assert!(get(admin.address, "/debug/nodes", "").await.starts_with("HTTP/1.1 401"));
    let bearer = "authorization: Bearer a token of the operators\r\n";
    let listed = async || {
        let answer = get(admin.address, "/debug/nodes", bearer).await;
        let nodes: serde_json::Value =
            serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        nodes[0].clone()
    };
    Stand::eventually(async || listed().await["queue_bytes"].as_u64().is_some_and(|bytes| bytes > 100_000))
        .await;
    let node = listed().await;
    assert_eq!((&node["node"], &node["service"]), (&stand.app().bus.node_id().into(), &"hub".into()));
    assert_eq!(node["address"], hub.address().to_string());
    assert_eq!((&node["deaf"], &node["draining"]), (&false.into(), &false.into()));
    assert!(node["connections"].as_u64().unwrap() >= 2 && node["channels"].as_u64().unwrap() >= 2, "{node}");
    assert!(node["lag_p50_ms"].as_u64().unwrap() <= node["lag_p99_ms"].as_u64().unwrap(), "{node}");
    assert!(node["seen_ms_ago"].as_u64().unwrap() < 10_000 && node["since"].is_string(), "{node}");
    let table = get(admin.address, "/debug/nodes", &format!("{bearer}accept: text/plain\r\n")).await;
    assert!(table.contains("subscriptions") && table.contains(&hub.address().to_string()), "{table}");
    println!("{}", table.split("\r\n\r\n").nth(1).unwrap());
    ended.cancel();
    admin.closed().await;
}
