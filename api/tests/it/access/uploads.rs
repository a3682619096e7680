//! Who may do what with uploads.

use serde_json::Value;

use super::{Scene, probe};
use crate::samples;
use crate::world::{World, send};

/// The owner has a picture.
pub(crate) async fn scene(world: &World) -> Scene {
    let (stranger, owner) = (world.person().await, world.person().await);
    let staff = world.person_with_role("admin").await;
    let file = reqwest::multipart::Part::bytes(samples::png()).file_name("a.png");
    let form = reqwest::multipart::Form::new().text("kind", "image").part("file", file);
    let reply = send(world.request(reqwest::Method::POST, "/uploads", Some(&owner.token)).multipart(form)).await;
    let picture = reply.expect(201).body["data"].clone();
    let id = picture["id"].as_u64().unwrap();
    let token = picture["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let none = Value::Null;
    let probes = vec![
        // No form: what the door says to who may send one.
        probe("upload_file", "/uploads", none.clone(), [401, 415, 415, 415]),
        probe(
            "presign_upload",
            "/uploads/presign",
            serde_json::json!({"kind": "video", "size": 10}),
            [401, 201, 201, 201],
        ),
        probe("complete_upload", format!("/uploads/{id}/complete"), none.clone(), [401, 404, 200, 404]),
        probe("receive_file", "/:files/nonsense", none.clone(), [403, 403, 403, 403]),
        probe("find_upload", format!("/uploads/{id}"), none.clone(), [401, 404, 200, 404]),
        probe("read_file", format!("/:files/{token}"), none.clone(), [200, 200, 200, 200]),
        probe("read_file", "/:files/nonsense", none.clone(), [403, 403, 403, 403]),
        probe("delete_upload", format!("/uploads/{id}"), none, [401, 404, 204, 404]),
    ];
    Scene { stranger, owner, staff, probes }
}
