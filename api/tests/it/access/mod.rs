//! Who may do what, over HTTP: every operation is tried by a guest, a stranger, the owner and a member of staff, each in a
//! scene of their own, and none may be without such a try.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::world::{Person, World, key, send};

/// One try: an operation on a thing of the scene, and the status that each of the four gets.
pub(crate) struct Probe {
    operation: &'static str,
    path: String,
    body: Value,
    /// For a guest, a stranger, the owner, a member of staff.
    expected: [u16; 4],
}

/// A try of an operation by its `operationId`. `path` is below `/api/v1`; a body of `Null` is none.
pub(crate) fn probe(
    operation: &'static str,
    path: impl Into<String>,
    body: Value,
    expected: [u16; 4],
) -> Probe {
    Probe { operation, path: path.into(), body, expected }
}

/// People and what they try, in this order. What one of them takes away is tried last: a scene is tried by one of the four.
pub(crate) struct Scene {
    pub(crate) stranger: Person,
    pub(crate) owner: Person,
    pub(crate) staff: Person,
    pub(crate) probes: Vec<Probe>,
}

/// The four, in the order of [`Probe::expected`].
const ROLES: [&str; 4] = ["guest", "stranger", "owner", "staff"];

/// Runs scenes for all four; gives what differed from what was expected, and adds the operations to `covered`.
async fn run<F>(world: &World, make: F, covered: &mut BTreeSet<String>) -> Vec<String>
where
    F: AsyncFn(&World) -> Scene,
{
    let description = api::openapi();
    let mut wrong = Vec::new();
    for (number, role) in ROLES.into_iter().enumerate() {
        let scene = make(world).await;
        let token = match role {
            "guest" => None,
            "stranger" => Some(scene.stranger.token.as_str()),
            "owner" => Some(scene.owner.token.as_str()),
            _ => Some(scene.staff.token.as_str()),
        };
        for Probe { operation, path, body, expected } in &scene.probes {
            covered.insert((*operation).to_owned());
            let method = method_of(&description, operation);
            let mut request = world.request(method, path, token);
            request = request.header("idempotency-key", key());
            if !body.is_null() {
                request = request.json(body);
            }
            let needs_version = description_of(&description, operation)["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == "If-Match"));
            if needs_version {
                request = request.header("if-match", "*");
            }
            let reply = send(request).await;
            let expected = expected[number];
            if reply.status != expected {
                wrong.push(format!(
                    "{role} {operation}: {} instead of {expected}: {}",
                    reply.status, reply.text
                ));
            }
        }
    }
    wrong
}

fn find_operation<'a>(description: &'a Value, id: &str) -> Option<(&'a str, &'a Value)> {
    description["paths"].as_object().unwrap().values().find_map(|item| {
        item.as_object().unwrap().iter().find_map(|(method, operation)| {
            (operation["operationId"] == id).then_some((method.as_str(), operation))
        })
    })
}

fn method_of(description: &Value, id: &str) -> Method {
    let (method, _) = find_operation(description, id).unwrap_or_else(|| panic!("there is no operation {id}"));
    method.to_uppercase().parse().unwrap()
}

fn description_of<'a>(description: &'a Value, id: &str) -> &'a Value {
    find_operation(description, id).unwrap_or_else(|| panic!("there is no operation {id}")).1
}

/// Declares the domains' scenes: a test for each, and the list that the walk over all routes compares with.
macro_rules! domains {
    ($($domain:ident),* $(,)?) => {
        $(mod $domain;)*

        $(#[tokio::test]
        async fn $domain() {
            let world = World::new().await;
            let mut covered = BTreeSet::new();
            let wrong = run(&world, $domain::scene, &mut covered).await;
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            println!("{}: {} operations tried by four", stringify!($domain), covered.len());
            world.close().await;
        })*

        /// The operations that the domains' scenes try.
        async fn tried(world: &World) -> BTreeSet<&'static str> {
            let mut tried = BTreeSet::new();
            $(tried.extend($domain::scene(world).await.probes.iter().map(|probe| probe.operation));)*
            tried
        }
    };
}

/// Every operation below `/api` has a try by guest, stranger, owner and staff; `RPC` methods have theirs in
/// `crates/domain/tests` and `realtime/tests`.
#[tokio::test]
async fn no_operation_is_without_a_try() {
    let world = World::new().await;
    let tried = tried(&world).await;
    let description = api::openapi();
    let mut missing = Vec::new();
    let mut operations = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        if !path.starts_with("/api/") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let id = operation["operationId"].as_str().unwrap();
            if !tried.contains(id) {
                missing.push(format!("{id} ({} {path})", method.to_uppercase()));
            }
        }
    }
    assert!(missing.is_empty(), "{} without a try:\n{}", missing.len(), missing.join("\n"));
    println!("{operations} operations tried by guest, stranger, owner and staff");
    world.close().await;
}

domains! {
    users,
    social,
    courses,
    reviews,
    learning,
    books,
    uploads,
    rooms,
    consultations,
    wallet,
    gifts,
    chat,
    system,
}
