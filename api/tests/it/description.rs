//! The description says what the router does, and no more; health; the page of documents.

use std::collections::BTreeSet;

use reqwest::Method;
use sandbox::{Durability, Programs, RedisOptions, RedisServer, Search};
use serde_json::{Value, json};

use crate::world::{World, send};

/// Every operation of the description as (method, path).
fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

#[test]
fn every_operation_is_described_wholly() {
    let description = api::openapi();
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let operations = operations(&description);
    let mut names = BTreeSet::new();
    for (method, path, operation) in &operations {
        let place = format!("{method} {path}");
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place}");
        if !path.starts_with("/api/") {
            continue;
        }
        for (status, response) in responses {
            if status.starts_with(['4', '5']) {
                let shared = response["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
                let response = shared.map_or(response, |pointer| description.pointer(pointer).unwrap());
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{place} {status}");
            }
        }
        for parameter in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let listed = operation["parameters"].as_array().unwrap();
            assert!(listed.iter().any(|one| one["name"] == parameter && one["in"] == "path"), "{place}");
        }
        if let Some(body) = operation["requestBody"].as_object() {
            let contents = body["content"].as_object().unwrap();
            assert!(!contents.is_empty(), "{place}");
            for (media_type, content) in contents {
                assert!(content["example"].is_object(), "{place} has no example of {media_type}");
            }
        }
    }
    // Every reference leads somewhere.
    let text = description.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(!description["components"]["schemas"][name].is_null(), "{name} is missing");
    }
    println!("{} operations on {} paths", operations.len(), description["paths"].as_object().unwrap().len());
}

/// `docs/openapi.json` is printed by `majlis openapi`, and is that of this code.
#[test]
fn the_committed_description_is_this_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        committed == api::openapi(),
        "docs/openapi.json is of another code: `cargo run -- openapi > docs/openapi.json`"
    );
}

/// Routes come from `routes!` alone, which takes only what has a description; this looks for other ways in.
#[test]
fn no_route_is_undocumented() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut described = 0;
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            described += text.matches("#[utoipa::path(").count();
            for way in [".route(", ".route_service(", ".nest(", ".nest_service(", ".fallback("] {
                assert!(!text.contains(way), "{} has {way}", path.display());
            }
        }
    }
    let description = api::openapi();
    assert_eq!(operations(&description).len(), described, "a described handler is not routed");
}

#[tokio::test]
async fn every_described_path_is_there() {
    let world = World::new().await;
    let served = world.guest(Method::GET, "/:openapi.json", json!({})).await.expect(200);
    assert!(!served.header("etag").is_empty());
    assert_eq!(served.body, api::openapi());
    let mut tried = 0;
    for (method, path, operation) in operations(&served.body) {
        let concrete = path.replace("{id}", "1").replace("{user}", "1");
        let request = world.request(
            method.parse().unwrap(),
            &concrete.replacen('/', "/:", usize::from(!path.starts_with("/api/"))),
            None,
        );
        let reply = send(request).await;
        assert!(
            reply.status != 405 && reply.body["code"] != "route_not_found",
            "{method} {path}: {}",
            reply.text
        );
        assert!(reply.status < 500, "{method} {path}: {}", reply.text);
        // Who must be signed in is told so before anything else.
        let guests = operation["security"].as_array().is_none_or(|ways| ways.contains(&json!({})));
        if !guests {
            assert_eq!(
                (reply.status, &reply.body["code"]),
                (401, &json!("unauthenticated")),
                "{method} {path}"
            );
        }
        tried += 1;
    }
    println!("{tried} operations answered");
    world.close().await;
}

#[tokio::test]
async fn health_version_and_documents() {
    let world = World::new().await;
    let get = |path: &'static str| world.guest(Method::GET, path, json!({}));
    assert_eq!(get("/:health/live").await.expect(200).body["status"], "live");
    assert_eq!(get("/:up").await.expect(200).body["status"], "live");
    let ready = get("/:health/ready").await.expect(200);
    assert_eq!(ready.body, json!({"status": "ready", "mysql": "up", "redis": "up"}));
    assert_eq!(get("/:version").await.expect(200).body["api"], "v1");

    assert_eq!(get("/:asyncapi.json").await.expect(200).body["asyncapi"], "3.0.0");
    assert!(get("/:docs/realtime").await.expect(200).text.contains("chat.send_message"));
    let page = get("/:docs/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    for place in ["http://", "https://", "//cdn"] {
        assert!(!page.text.contains(&format!("src=\"{place}")), "the page loads from elsewhere");
        assert!(!page.text.contains(&format!("href=\"{place}")), "the page loads from elsewhere");
    }
    let start = get("/:docs/swagger-initializer.js").await.expect(200);
    assert!(start.text.contains("/openapi.json") && start.text.contains("none"), "{}", start.text);
    assert!(get("/:docs/swagger-ui-bundle.js").await.expect(200).text.len() > 100_000);
    get("/:docs/nothing.js").await.problem(404, "route_not_found");
    world.close().await;
}

#[tokio::test]
async fn a_draining_door_says_so_and_ends_what_runs() {
    let world = World::new().await;
    let person = world.person().await;
    let before = std::time::Instant::now();
    let stop = world.shutdown_token();
    stop.cancel();
    // A connection that is open hears 503 on ready, while its requests are still served.
    let ready = world.guest(Method::GET, "/:health/ready", json!({})).await.expect(503);
    assert_eq!(ready.body["status"], "draining");
    world.get("/me", &person).await.expect(200);
    world.close().await;
    assert!(before.elapsed() < std::time::Duration::from_secs(9), "{:?}", before.elapsed());
}

#[tokio::test]
async fn without_redis_reads_go_on() {
    let programs = Programs::find_or_fetch(&Search::from_env(None), &|_| {}).await.unwrap();
    let options = RedisOptions { durability: Durability::Throwaway, port: None };
    let redis = RedisServer::start(&programs, options).await.unwrap();
    // Limits are on: they must not stand in the way either.
    let world = World::on(&redis.url(), &[]).await;
    let person = world.person().await;
    redis.stop().await.unwrap();
    let ready = world.guest(Method::GET, "/:health/ready", json!({})).await.expect(200);
    assert_eq!(ready.body, json!({"status": "degraded", "mysql": "up", "redis": "down"}));
    let catalogue = world.guest(Method::GET, "/gifts", json!({})).await.expect(200);
    assert_eq!(
        catalogue.header("ratelimit-policy"),
        "\"guest\";q=120;w=60",
        "each process counts for itself"
    );
    world.get("/wallet", &person).await.expect(200);
    world.close().await;
}
