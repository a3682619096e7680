//! Files over HTTP: forms of every kind and mistake, addresses and parts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::samples;
use crate::world::{Person, Reply, World, key, send};

/// A door with a folder of its own for files, which is gone with it.
async fn world(variables: &[(&str, &str)]) -> (World, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("files").display().to_string();
    let mut all = vec![("MAJLIS_LIMITS", "off"), ("MAJLIS_UPLOADS", path.as_str())];
    all.splice(0..0, variables.iter().copied());
    (World::with(&all).await, folder)
}

fn form(kind: &str, name: &str, bytes: Vec<u8>) -> Form {
    Form::new().text("kind", kind.to_owned()).part("file", Part::bytes(bytes).file_name(name.to_owned()))
}

async fn upload(world: &World, who: &Person, form: Form) -> Reply {
    send(world.request(Method::POST, "/uploads", Some(&who.token)).multipart(form)).await
}

async fn picture(world: &World, who: &Person) -> Value {
    upload(world, who, form("image", "صورة.png", samples::png())).await.expect(201).body["data"].clone()
}

/// The path of an address of this door, as [`World::request`] takes it.
fn place(world: &World, file: &Value) -> String {
    let url = file["url"].as_str().unwrap();
    format!("/:{}", url.strip_prefix(&format!("{}/", world.base)).unwrap())
}

async fn fetch(
    world: &World,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let mut request = world.request(Method::GET, path, None);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn every_kind_is_kept_and_given_back() {
    let (world, _folder) = world(&[]).await;
    let who = world.person().await;
    for (kind, name, bytes, mime, disposition) in [
        ("image", "a.png", samples::png(), "image/png", "inline; filename=\"a.png\""),
        ("image", "a", samples::jpeg(), "image/jpeg", "inline; filename=\"a.jpg\""),
        ("image", "صورة.gif", samples::gif(), "image/gif", "inline; filename=\"____.gif\""),
        ("image", "../../a.webp", samples::webp(), "image/webp", "inline; filename=\"a.webp\""),
        ("video", "a.exe", samples::mp4(), "video/mp4", "inline; filename=\"a.exe.mp4\""),
        ("video", "a.webm", samples::webm(), "video/webm", "inline; filename=\"a.webm\""),
        ("video", "a.MOV", samples::mov(), "video/quicktime", "inline; filename=\"a.MOV\""),
        ("audio", "a.mp3", samples::mp3(), "audio/mpeg", "inline; filename=\"a.mp3\""),
        ("audio", "a.m4a", samples::m4a(), "audio/mp4", "inline; filename=\"a.m4a\""),
        ("audio", "a.ogg", samples::ogg(), "audio/ogg", "inline; filename=\"a.ogg\""),
        ("audio", "a.wav", samples::wav(), "audio/wav", "inline; filename=\"a.wav\""),
        ("document", "a.pdf", samples::pdf(), "application/pdf", "attachment; filename=\"a.pdf\""),
        (
            "document",
            "a.html",
            b"no markup".to_vec(),
            "text/plain; charset=utf-8",
            "attachment; filename=\"a.html.txt\"",
        ),
        (
            "document",
            "a.zip",
            samples::zip(&[("b", "c")]),
            "application/zip",
            "attachment; filename=\"a.zip\"",
        ),
    ] {
        let reply = upload(&world, &who, form(kind, name, bytes.clone())).await.expect(201);
        let file = &reply.body["data"];
        assert_eq!((&file["kind"], &file["mime"]), (&json!(kind), &json!(mime)));
        assert_eq!(reply.header("location"), format!("/api/v1/uploads/{}", file["id"]));
        let again = world.get(&format!("/uploads/{}", file["id"]), &who).await.expect(200);
        assert_eq!(again.body["data"], *file);
        let (status, headers, content) = fetch(&world, &place(&world, file), &[]).await;
        // Pictures are drawn anew.
        assert!(status == 200 && (kind == "image" || content == bytes), "{name}");
        assert_eq!(file["size"], content.len(), "{name}");
        for (header, value) in [
            ("content-type", mime),
            ("content-length", &content.len().to_string()),
            ("accept-ranges", "bytes"),
            ("etag", &format!("\"{}\"", file["sha256"].as_str().unwrap())),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
        ] {
            assert_eq!(headers[header], value, "{name}");
        }
        assert!(headers["content-disposition"].to_str().unwrap().starts_with(disposition), "{headers:?}");
        assert!(headers["cache-control"].to_str().unwrap().starts_with("private, max-age="), "{headers:?}");
    }
    let file = picture(&world, &who).await;
    assert_eq!((&file["width"], &file["height"], &file["name"]), (&json!(1), &json!(1), &json!("صورة.png")));
    world.close().await;
}

#[tokio::test]
async fn a_form_is_told_what_is_wrong_with_it() {
    let (world, folder) = world(&[
        ("MAJLIS_UPLOAD_IMAGE_BYTES", "1000000"),
        ("MAJLIS_UPLOAD_VIDEO_BYTES", "1000000"),
        ("MAJLIS_UPLOAD_AUDIO_BYTES", "1000000"),
        ("MAJLIS_UPLOAD_DOCUMENT_BYTES", "2000000"),
        ("MAJLIS_UPLOAD_QUOTA_BYTES", "3000000"),
    ])
    .await;
    let who = world.person().await;
    let file = || Part::bytes(samples::png()).file_name("a.png");
    for (form, field) in [
        (Form::new().text("kind", "image"), "file"),
        (Form::new().part("file", file()), "kind"),
        (Form::new().text("kind", "picture").part("file", file()), "kind"),
        (Form::new().text("kind", "x".repeat(10_000)).part("file", file()), "kind"),
        (Form::new().text("kind", "image").text("kind", "image").part("file", file()), "kind"),
        (Form::new().text("kind", "image").part("file", file()).part("file", file()), "file"),
        (Form::new().text("kind", "image").part("file", file()).text("path", "/etc/passwd"), "path"),
        (form("image", "a.png", Vec::new()), "file"),
    ] {
        let refused = upload(&world, &who, form).await.problem(422, "validation_failed");
        assert!(refused.body["errors"][field].is_array(), "{field}: {}", refused.text);
        assert_eq!(refused.body["errors"].as_object().unwrap().len(), 1, "{}", refused.text);
    }
    // The file first, the kind behind it: as good as the other way round.
    let reversed = Form::new().part("file", file()).text("kind", "image");
    upload(&world, &who, reversed).await.expect(201);

    upload(&world, &who, form("image", "a.png", b"<svg onload='x'/>".to_vec()))
        .await
        .problem(415, "type_not_allowed");
    for (kind, bytes) in [
        ("video", samples::png()),
        ("video", samples::mkv()),
        ("image", samples::heic()),
        ("image", samples::png_of(20_000, 20_000)),
        ("document", samples::office("word/vbaProject.bin")),
    ] {
        let refused = upload(&world, &who, form(kind, "a.png", bytes)).await;
        refused.problem(415, "type_not_allowed");
    }
    let mut large = samples::png();
    large.resize(1_500_000, 0);
    upload(&world, &who, form("image", "a.png", large.clone())).await.problem(413, "too_large");
    let reversed = Form::new().part("file", Part::bytes(large)).text("kind", "image");
    upload(&world, &who, reversed).await.problem(413, "too_large");
    // Larger than any form may be; the answer is heard although the sender is not done.
    upload(&world, &who, form("image", "a.png", vec![0; 30_000_000])).await.problem(413, "too_large");
    let reversed = Form::new().part("file", Part::bytes(vec![b'a'; 30_000_000])).text("kind", "document");
    // As long as its kind is not known it may be a book, for which there is no room.
    upload(&world, &who, reversed).await.problem(409, "quota_exceeded");

    let json = world.post("/uploads", &who, json!({"kind": "image"})).await;
    json.problem(415, "unsupported_media_type");
    for (content_type, body) in [
        ("multipart/form-data", "--x\r\n"),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nimage",
        ),
        ("multipart/form-data; boundary=x", "nothing of the kind"),
    ] {
        let request = world.request(Method::POST, "/uploads", Some(&who.token));
        send(request.header("content-type", content_type).body(body)).await.problem(400, "malformed_request");
    }
    let guest = world.request(Method::POST, "/uploads", None).multipart(form("image", "a", samples::png()));
    send(guest).await.problem(401, "unauthenticated");

    upload(&world, &who, form("document", "a", vec![b'a'; 1_900_000])).await.expect(201);
    upload(&world, &who, form("document", "a", vec![b'a'; 1_900_000])).await.problem(409, "quota_exceeded");
    let month =
        std::fs::read_dir(folder.path().join(chrono::Utc::now().format("files/uploads/%Y/%m").to_string()));
    assert_eq!(month.unwrap().count(), 2, "what was refused left nothing");
    // Other bodies are no larger than before.
    let long = json!({"client_id": key(), "body": "x".repeat(1_100_000)});
    world.post("/conversations/1/messages", &who, long).await.problem(413, "payload_too_large");
    world.close().await;
}

#[tokio::test]
async fn parts_and_copies_of_a_file() {
    let (world, _folder) = world(&[]).await;
    let who = world.person().await;
    let text: String = (0..50_000).map(|number| format!("{number} ")).collect();
    let reply =
        upload(&world, &who, form("document", "numbers.txt", text.clone().into_bytes())).await.expect(201);
    let path = place(&world, &reply.body["data"]);
    let etag = format!("\"{}\"", reply.body["data"]["sha256"].as_str().unwrap());
    let size = text.len();
    let bytes = text.as_bytes();
    for (range, part, content_range) in [
        ("bytes=0-9", 0..10, format!("bytes 0-9/{size}")),
        ("bytes=200000-", 200_000..size, format!("bytes 200000-{}/{size}", size - 1)),
        ("bytes=-5", size - 5..size, format!("bytes {}-{}/{size}", size - 5, size - 1)),
    ] {
        for if_range in [None, Some(etag.as_str())] {
            let mut headers = vec![("range", range)];
            headers.extend(if_range.map(|etag| ("if-range", etag)));
            let (status, headers, content) = fetch(&world, &path, &headers).await;
            assert_eq!((status, content.as_slice()), (206, &bytes[part.clone()]), "{range}");
            assert_eq!(headers["content-range"], content_range.as_str());
            assert_eq!(headers["content-length"], part.len().to_string().as_str());
            assert_eq!(headers["etag"], etag.as_str());
        }
    }
    let other = [("range", "bytes=0-9"), ("if-range", "\"other\"")];
    let (status, headers, content) = fetch(&world, &path, &other).await;
    assert_eq!((status, content.len(), headers.get("content-range")), (200, size, None));
    let behind = format!("bytes={size}-");
    let reply = send(world.request(Method::GET, &path, None).header("range", &behind)).await;
    assert_eq!(reply.header("content-range"), format!("bytes */{size}"));
    reply.problem(416, "range_not_satisfiable");

    let (status, headers, content) =
        fetch(&world, &path, &[("if-none-match", &etag), ("range", "bytes=0-9")]).await;
    assert_eq!((status, content.len(), &headers["etag"]), (304, 0, &etag.parse().unwrap()));
    let head = world.request(Method::HEAD, &path, None).header("range", "bytes=0-9").send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()),
        (200, size.to_string().as_str())
    );
    assert_eq!(head.headers()["content-type"], "text/plain; charset=utf-8");
    assert!(head.bytes().await.unwrap().is_empty());
    world.close().await;
}

/// The token of an address, made by hand: what is named and when it ends, signed with a key of the secret's own.
fn token(secret: &str, path: &str, expires_at: i64) -> String {
    let mac = |key: &[u8], text: &[u8]| {
        Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes()
    };
    let derived = mac(secret.as_bytes(), b"majlis addresses of files 1");
    let named = URL_SAFE_NO_PAD.encode(format!("{expires_at}:{path}"));
    format!("{named}.{}", URL_SAFE_NO_PAD.encode(mac(&derived, named.as_bytes())))
}

#[tokio::test]
async fn an_address_is_ours_and_in_time_or_shows_nothing() {
    const SECRET: &str = "the secret of a test, more than 32 bytes";
    let (world, _folder) = world(&[]).await;
    let who = world.person().await;
    let file = picture(&world, &who).await;
    let address = place(&world, &file);
    let given = address.rsplit('/').next().unwrap();
    let named = URL_SAFE_NO_PAD.decode(given.split_once('.').unwrap().0).unwrap();
    let named = String::from_utf8(named).unwrap();
    let (expires_at, path) = named.split_once(':').unwrap();
    let expires_at: i64 = expires_at.parse().unwrap();
    let now = base::Time::now().unix_seconds();
    assert!((24 * 3_600..=30 * 3_600).contains(&(expires_at - now)), "{}", expires_at - now);
    assert_eq!(given, token(SECRET, path, expires_at));

    let get = |token: String| send(world.request(Method::GET, &format!("/:files/{token}"), None));
    get(token(SECRET, path, now - 1)).await.problem(410, "link_expired");
    for forged in [
        "nonsense".to_owned(),
        format!("{given}x"),
        token("another secret, which is not this one's", path, expires_at),
        format!(
            "{}.{}",
            token(SECRET, path, expires_at + 9).split_once('.').unwrap().0,
            given.split_once('.').unwrap().1
        ),
        // The secret itself is not the key.
        {
            let named = URL_SAFE_NO_PAD.encode(&named);
            let signature =
                Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&named).finalize();
            format!("{named}.{}", URL_SAFE_NO_PAD.encode(signature.into_bytes()))
        },
    ] {
        get(forged).await.problem(403, "link_invalid");
    }
    // Signed, but of nothing that was uploaded: no name reaches the disk.
    for path in ["uploads/2026/11/nothing.png", "../../../../etc/passwd", "/etc/passwd", ""] {
        get(token(SECRET, path, expires_at)).await.problem(404, "not_found");
    }
    send(world.request(Method::GET, "/:files/", None)).await.problem(404, "route_not_found");
    send(world.request(Method::POST, &address, None)).await.problem(405, "method_not_allowed");
    // A token of a person is no address, nor is it needed.
    send(world.request(Method::GET, &format!("/:files/{}", who.token), None))
        .await
        .problem(403, "link_invalid");
    world.close().await;
}

#[tokio::test]
async fn a_file_is_its_owners_alone() {
    let (world, _folder) = world(&[]).await;
    let (who, stranger) = (world.person().await, world.person().await);
    let (sent, spare) = (picture(&world, &who).await, picture(&world, &who).await);
    let bytes = fetch(&world, &place(&world, &sent), &[]).await.2;
    let path = |file: &Value| format!("/uploads/{}", file["id"]);
    let delete =
        |file: &Value, who: &Person| send(world.request(Method::DELETE, &path(file), Some(&who.token)));
    world.get(&path(&sent), &stranger).await.problem(404, "not_found");
    delete(&sent, &stranger).await.problem(404, "not_found");
    world.get("/uploads/x", &who).await.problem(404, "not_found");

    let opened = world.post("/conversations", &who, json!({"user_id": stranger.id})).await.expect(201);
    let messages = format!("/conversations/{}/messages", opened.body["data"]["id"]);
    let body = |file: &Value| json!({"client_id": key(), "type": "image", "media": [file["id"]]});
    let message = world.post(&messages, &who, body(&sent)).await.expect(201).body["data"].clone();
    assert_eq!(message["media_urls"], json!([sent["url"]]), "the same address for hours");
    assert_eq!(fetch(&world, &place(&world, &sent), &[]).await.2, bytes);
    world.post(&messages, &who, body(&sent)).await.problem(409, "in_use");
    delete(&sent, &who).await.problem(409, "in_use");

    assert_eq!(delete(&spare, &who).await.status, 204);
    delete(&spare, &who).await.problem(404, "not_found");
    send(world.request(Method::GET, &place(&world, &spare), None)).await.problem(404, "not_found");
    world.close().await;
}

#[tokio::test]
async fn a_large_file_is_sent_by_itself() {
    let (world, folder) =
        world(&[("MAJLIS_UPLOAD_PRESIGNED_BYTES", "5000"), ("MAJLIS_UPLOAD_VIDEO_BYTES", "10")]).await;
    let (who, other) = (world.person().await, world.person().await);
    let mut movie = samples::mp4();
    movie.extend(vec![0; 3_000]);
    let ask = |kind: &str, size: usize| json!({"kind": kind, "size": size, "name": "lesson.mp4"});
    world.post("/uploads/presign", &who, ask("video", 0)).await.problem(422, "validation_failed");
    world.post("/uploads/presign", &who, ask("video", 5_001)).await.problem(413, "too_large");
    let given = world.post("/uploads/presign", &who, ask("video", movie.len())).await.expect(201);
    let data = &given.body["data"];
    assert_eq!((&data["method"], &data["size"]), (&json!("PUT"), &json!(movie.len())));
    let (place, id) = (place(&world, data), data["id"].as_u64().unwrap());
    let complete = format!("/uploads/{id}/complete");
    world.post(&complete, &who, Value::Null).await.problem(409, "not_arrived");
    world.post(&complete, &other, Value::Null).await.problem(404, "not_found");
    world.get(&format!("/uploads/{id}"), &who).await.problem(404, "not_found");
    let put = async |bytes: Vec<u8>| send(world.request(Method::PUT, &place, None).body(bytes)).await;
    put(vec![0; movie.len() + 1]).await.problem(413, "too_large");
    put(vec![0; movie.len() - 1]).await.problem(422, "validation_failed");
    // What is no movie is gone once that is seen; the room with it.
    let no_movie =
        world.post("/uploads/presign", &who, ask("video", 9)).await.expect(201).body["data"].clone();
    let no_place =
        format!("/:{}", no_movie["url"].as_str().unwrap().strip_prefix(&format!("{}/", world.base)).unwrap());
    send(world.request(Method::PUT, &no_place, None).body("no movie!")).await.expect(204);
    let path = format!("/uploads/{}/complete", no_movie["id"]);
    world.post(&path, &who, Value::Null).await.problem(415, "type_not_allowed");
    world.post(&path, &who, Value::Null).await.problem(404, "not_found");
    send(world.request(Method::PUT, &no_place, None).body("no movie!")).await.problem(404, "not_found");

    put(vec![7; movie.len()]).await.expect(204);
    put(movie.clone()).await.expect(204);
    let (status, _, _) = fetch(&world, &place, &[]).await;
    assert_eq!(status, 404, "the address is for sending only");
    let done = world.post(&complete, &who, Value::Null).await.expect(200).body["data"].clone();
    assert_eq!(
        (&done["mime"], &done["size"], &done["name"]),
        (&json!("video/mp4"), &json!(movie.len()), &json!("lesson.mp4"))
    );
    assert_eq!(world.post(&complete, &who, Value::Null).await.expect(200).body["data"], done);
    let url =
        format!("/:{}", done["url"].as_str().unwrap().strip_prefix(&format!("{}/", world.base)).unwrap());
    assert_eq!(fetch(&world, &url, &[]).await.2, movie);
    put(movie).await.problem(404, "not_found");
    let month =
        std::fs::read_dir(folder.path().join(chrono::Utc::now().format("files/uploads/%Y/%m").to_string()));
    assert_eq!(month.unwrap().count(), 1, "what came by itself is not kept twice");
    world.close().await;
}
