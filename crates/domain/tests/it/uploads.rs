//! Files (domain.md §4.3, §5.11, §9.5): what is taken, what one may keep, who gets them, and what is left of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Fault, Rule};
use domain::uploads::{self, NewUpload, UploadError};
use domain::{Actor, App, chat};
use futures_util::StreamExt;
use protocol::chat::{DeleteMessage, MessageType, SendMessage};
use protocol::uploads::{Upload, UploadKind};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::samples;
use crate::stage::key;
use crate::world::World;

/// A world with a folder of its own for files, limits off.
async fn world(change: impl FnOnce(&mut config::Uploads)) -> (World, TempDir) {
    let folder = TempDir::new().unwrap();
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        settings.uploads.folder = folder.path().join("files");
        change(&mut settings.uploads);
    })
    .await;
    (world, folder)
}

async fn upload(app: &App, actor: &Actor, kind: UploadKind, bytes: &[u8]) -> Result<Upload, UploadError> {
    let mut incoming = uploads::open_upload(app, actor).await?;
    for chunk in bytes.chunks(1_000) {
        incoming.write(Some(kind), chunk).await?;
    }
    uploads::upload_file(app, actor, NewUpload { kind, name: Some("a file.bin".to_owned()) }, incoming).await
}

async fn picture(app: &App, actor: &Actor) -> Upload {
    upload(app, actor, UploadKind::Image, &samples::png()).await.unwrap()
}

/// Everything in a folder that is a file.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn message(to: u64, media: Vec<u64>) -> SendMessage {
    SendMessage {
        client_id: key(),
        conversation_id: None,
        user_id: Some(to),
        message_type: MessageType::Image,
        body: None,
        media,
        reply_to_id: None,
    }
}

/// What is behind an upload's address.
async fn content(app: &App, upload: &Upload) -> Result<Vec<u8>, UploadError> {
    let token = upload.url.rsplit('/').next().unwrap();
    let file = uploads::find_file(app, token).await?;
    let mut stream = uploads::read_file(app, &file, 0..file.size).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk.unwrap());
    }
    Ok(bytes)
}

#[tokio::test]
async fn what_a_file_is_its_content_says() {
    use UploadKind::{Audio, Document, Image, Video};
    let (world, folder) = world(|_| {}).await;
    let actor = world.user("amal").await.1;
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let slides = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    let sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for (kind, bytes, mime, extension, size) in [
        (Image, samples::png(), "image/png", "png", Some((1, 1))),
        (Image, samples::jpeg(), "image/jpeg", "jpg", Some((640, 480))),
        (Image, samples::gif(), "image/gif", "gif", Some((1, 1))),
        (Image, samples::webp(), "image/webp", "webp", Some((1, 1))),
        (Video, samples::mp4(), "video/mp4", "mp4", None),
        (Video, samples::mov(), "video/quicktime", "mov", None),
        (Video, samples::webm(), "video/webm", "webm", None),
        (Audio, samples::mp3(), "audio/mpeg", "mp3", None),
        (Audio, samples::m4a(), "audio/mp4", "m4a", None),
        (Audio, samples::mp4(), "audio/mp4", "m4a", None),
        (Audio, samples::ogg(), "audio/ogg", "ogg", None),
        (Audio, samples::wav(), "audio/wav", "wav", None),
        (Document, samples::pdf(), "application/pdf", "pdf", None),
        (Document, samples::office("word/document.xml"), word, "docx", None),
        (Document, samples::office("ppt/presentation.xml"), slides, "pptx", None),
        (Document, samples::office("xl/workbook.xml"), sheet, "xlsx", None),
        (Document, samples::zip(&[("a.txt", "hello")]), "application/zip", "zip", None),
        (Document, "السلام عليكم\n".as_bytes().to_vec(), "text/plain; charset=utf-8", "txt", None),
    ] {
        let upload =
            upload(&world, &actor, kind, &bytes).await.unwrap_or_else(|error| panic!("{mime}: {error}"));
        assert_eq!((upload.kind, upload.mime.as_str()), (kind, mime));
        assert_eq!(upload.width.zip(upload.height), size, "{mime}");
        let kept = content(&world, &upload).await.unwrap();
        assert!(kind == Image || kept == bytes, "{mime}: only pictures are drawn anew");
        assert_eq!(upload.size, u64::try_from(kept.len()).unwrap());
        let digest: String = Sha256::digest(&kept).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((upload.sha256.as_str(), upload.name.as_deref()), (digest.as_str(), Some("a file.bin")));
        let path = format!("SELECT path FROM hub_uploads WHERE id = {}", upload.id);
        let path = world.database.text(&path).await.unwrap().unwrap();
        let month = chrono::Utc::now().format("uploads/%Y/%m/").to_string();
        assert!(path.starts_with(&month) && path.ends_with(&format!(".{extension}")), "{path}");
        assert!(folder.path().join("files").join(&path).is_file(), "{path}");
        assert_eq!(uploads::find_upload(&world, &actor, upload.id).await.unwrap(), upload);
    }
    let kept = files(folder.path()).len();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let bomb = samples::zip(&[("a", "b")]);
    let mut bomb_claim = bomb.clone();
    let at = bomb.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    bomb_claim[at + 24..at + 28].copy_from_slice(&1_000_000_u32.to_le_bytes());
    for (kind, bytes, what) in [
        (Image, svg.clone(), "svg"),
        (Document, svg, "svg as a text"),
        (Document, b"<!doctype html><script>alert(1)</script>".to_vec(), "html"),
        (Image, samples::png_of(8_000, 5_001), "more than 40 million pixels"),
        (Image, samples::png_of(8_000, 5_000), "a picture that is not there"),
        (Image, samples::png_of(0, 5), "no pixel"),
        (Image, samples::png()[..20].to_vec(), "half a picture's head"),
        (Image, samples::mp4(), "a video as a picture"),
        (Image, samples::heic(), "heic"),
        (Video, samples::png(), "a picture as a video"),
        (Video, samples::mkv(), "matroska"),
        (Audio, samples::webm(), "a video as a sound"),
        (Document, samples::png(), "a picture as a document"),
        (Document, b"MZ\x90\0\x03\0\0\0".to_vec(), "a program"),
        (Document, b"a\0b".to_vec(), "a text with control characters"),
        (Document, b"caf\xE9".to_vec(), "a text in Latin-1"),
        (Document, bomb_claim, "an archive that unpacks to far more"),
        (Document, samples::zip(&[("../../etc/passwd", "x")]), "an archive that climbs"),
        (Document, samples::zip(&[("[Content_Types].xml", ""), ("word/vbaProject.bin", "")]), "macros"),
        (Document, bomb[..bomb.len() - 3].to_vec(), "a cut archive"),
    ] {
        let refused = upload(&world, &actor, kind, &bytes).await.expect_err(what);
        assert_eq!(refused.rule(), Rule::UPLOAD_TYPE_NOT_ALLOWED, "{what}");
    }
    let empty = upload(&world, &actor, Document, b"").await.unwrap_err();
    assert_eq!(empty.rule(), Rule::VALIDATION_FAILED);
    assert_eq!(files(folder.path()).len(), kept, "what is refused leaves nothing behind");
    let rows = world.database.number("SELECT COUNT(*) FROM hub_uploads").await.unwrap();
    assert_eq!(usize::try_from(rows).unwrap() + 1, kept, "one is large enough for a small picture beside it");
}

#[tokio::test]
async fn a_picture_keeps_its_pixels_and_nothing_else() {
    let (world, folder) = world(|_| {}).await;
    let actor = world.user("amal").await.1;
    let upload = upload(&world, &actor, UploadKind::Image, &samples::jpeg_turned(6)).await.unwrap();
    assert_eq!((upload.width, upload.height), (Some(480), Some(640)), "it is turned the right way up");
    let kept = content(&world, &upload).await.unwrap();
    for secret in [b"SECRET PLACE".as_slice(), b"Exif"] {
        assert!(!kept.windows(secret.len()).any(|part| part == secret));
    }
    let token = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let small = token(upload.thumbnail_url.as_deref().unwrap());
    let file = uploads::find_file(&world, &small).await.unwrap();
    assert_eq!((file.mime.as_str(), file.name.as_str()), ("image/jpeg", "a file.bin.jpg"));
    let mut stream = uploads::read_file(&world, &file, 0..file.size).await.unwrap();
    let bytes = stream.next().await.unwrap().unwrap();
    assert!(bytes.starts_with(&[0xFF, 0xD8]) && u64::try_from(bytes.len()).unwrap() == file.size);
    assert_eq!(files(folder.path()).len(), 2);
    uploads::delete_upload(&world, &actor, upload.id).await.unwrap();
    assert_eq!(files(folder.path()).len(), 0, "both are gone");
    assert!(uploads::find_file(&world, &small).await.is_err());
}

#[tokio::test]
async fn a_file_is_as_large_as_its_kind_admits_and_half_of_one_leaves_nothing() {
    let (world, folder) = world(|limits| {
        limits.max_image_bytes = 100;
        limits.max_document_bytes = 6_000_000;
    })
    .await;
    let actor = world.user("amal").await.1;
    let mut incoming = uploads::open_upload(&world, &actor).await.unwrap();
    incoming.write(Some(UploadKind::Image), &[0; 100]).await.unwrap();
    let refused = incoming.write(Some(UploadKind::Image), &[0]).await.unwrap_err();
    assert!(matches!(refused, UploadError::TooLarge(100)), "{refused:?}");
    assert!(files(folder.path()).is_empty(), "while it comes in it has no name");
    drop(incoming);
    // The kind may be known afterwards.
    let mut incoming = uploads::open_upload(&world, &actor).await.unwrap();
    incoming.write(None, &[0; 101]).await.unwrap();
    let input = NewUpload { kind: UploadKind::Image, name: None };
    let refused = uploads::upload_file(&world, &actor, input, incoming).await.unwrap_err();
    assert!(matches!(refused, UploadError::TooLarge(100)), "{refused:?}");
    assert!(files(folder.path()).is_empty());

    // Larger than what is written in one piece.
    let text = "مرحبا بكم ".repeat(333_333);
    let large = upload(&world, &actor, UploadKind::Document, text.as_bytes()).await.unwrap();
    assert!(content(&world, &large).await.unwrap() == text.as_bytes());
    let token = large.url.rsplit('/').next().unwrap();
    let file = uploads::find_file(&world, token).await.unwrap();
    let mut part = uploads::read_file(&world, &file, 5_300_000..5_300_007).await.unwrap();
    assert_eq!(part.next().await.unwrap().unwrap(), text.as_bytes()[5_300_000..5_300_007]);
    assert!(part.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_keeps_more_than_the_quota_however_many_files_come_at_once() {
    let (world, folder) = world(|limits| limits.quota_bytes = 1_000).await;
    let other_node = world.another_node("n2").await;
    let actor = world.user("amal").await.1;
    let mut sending = JoinSet::new();
    for number in 0..10_u8 {
        let app = if number % 2 == 0 { world.app.clone() } else { other_node.clone() };
        let actor = actor.clone();
        sending.spawn(async move { upload(&app, &actor, UploadKind::Document, &[b'a' + number; 300]).await });
    }
    let (mut kept, mut refused) = (Vec::new(), 0);
    while let Some(outcome) = sending.join_next().await {
        match outcome.unwrap() {
            Ok(upload) => kept.push(upload),
            Err(UploadError::QuotaExceeded(1_000)) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((kept.len(), refused), (3, 7));
    assert_eq!(files(folder.path()).len(), 3);
    let rows = "SELECT CAST(SUM(size) AS SIGNED) FROM hub_uploads WHERE status = 'ready'";
    assert_eq!(world.database.number(rows).await.unwrap(), 900);
    // Room again, and it is each user's own.
    uploads::delete_upload(&world, &actor, kept[0].id).await.unwrap();
    upload(&world, &actor, UploadKind::Document, &[b'z'; 400]).await.unwrap();
    let full = uploads::open_upload(&world, &actor).await.unwrap_err();
    assert!(matches!(full, UploadError::QuotaExceeded(1_000)), "{full:?}");
    let other = world.user("badr").await.1;
    upload(&world, &other, UploadKind::Document, &[b'z'; 1_000]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_messages_with_one_file_exactly_one_wins() {
    let (world, _folder) = world(|_| {}).await;
    let other_node = world.another_node("n2").await;
    let (amal, badr) = (world.user("amal").await.1, world.user("badr").await.0);
    chat::send_message(&world, &amal, message(badr, vec![picture(&world, &amal).await.id])).await.unwrap();
    for _round in 0..5 {
        // Two files in both orders: the rows are locked in one.
        let (one, two) = (picture(&world, &amal).await.id, picture(&world, &amal).await.id);
        let mut sending = JoinSet::new();
        for number in 0..8 {
            let app = if number % 2 == 0 { world.app.clone() } else { other_node.clone() };
            let (amal, media) = (amal.clone(), if number % 3 == 0 { vec![one, two] } else { vec![two, one] });
            sending.spawn(async move { chat::send_message(&app, &amal, message(badr, media)).await });
        }
        let mut winners = Vec::new();
        while let Some(outcome) = sending.join_next().await {
            match outcome.unwrap() {
                Ok(written) => winners.push(written.answer.message.id),
                Err(error) => assert_eq!(error.rule(), Rule::UPLOAD_IN_USE, "{error:?}"),
            }
        }
        assert_eq!(winners.len(), 1);
        let attached = format!(
            "SELECT COUNT(*) FROM hub_uploads WHERE id IN ({one}, {two}) AND status = 'attached' \
             AND attached_type = 'message' AND attached_id = {}",
            winners[0]
        );
        assert_eq!(world.database.number(&attached).await.unwrap(), 2);
    }
    assert_eq!(world.database.number("SELECT COUNT(*) FROM messages").await.unwrap(), 6);
}

#[tokio::test]
async fn a_file_is_its_owners_until_a_message_has_it() {
    let (world, folder) = world(|_| {}).await;
    let (amal, badr) = (world.user("amal").await.1, world.user("badr").await.1);
    let (sent, spare) = (picture(&world, &amal).await, picture(&world, &amal).await);
    let bytes = content(&world, &sent).await.unwrap();
    for refused in [
        uploads::find_upload(&world, &badr, sent.id).await.map(drop),
        uploads::delete_upload(&world, &badr, sent.id).await,
        uploads::find_upload(&world, &amal, 999_999).await.map(drop),
    ] {
        assert!(matches!(refused, Err(UploadError::NotFound)), "{refused:?}");
    }
    let theirs = chat::send_message(&world, &badr, message(amal.user_id(), vec![sent.id])).await.unwrap_err();
    assert_eq!(theirs.rule(), Rule::MEDIA_NOT_FOUND);
    for (media, message_type) in [
        (vec![sent.id, sent.id], MessageType::Image),
        (vec![sent.id], MessageType::Video),
        (vec![sent.id; 11], MessageType::Image),
    ] {
        let input = SendMessage { message_type, ..message(badr.user_id(), media) };
        let refused = chat::send_message(&world, &amal, input).await.unwrap_err();
        assert_eq!(refused.rule(), Rule::VALIDATION_FAILED);
        assert!(refused.violations().unwrap().sentences(base::Lang::En).contains_key("media"));
    }

    let input = SendMessage { message_type: MessageType::File, ..message(badr.user_id(), vec![sent.id]) };
    let message_id = chat::send_message(&world, &amal, input).await.unwrap().answer.message.id;
    let in_use = uploads::delete_upload(&world, &amal, sent.id).await.unwrap_err();
    assert!(matches!(in_use, UploadError::InUse), "{in_use:?}");
    assert_eq!(content(&world, &sent).await.unwrap(), bytes);

    uploads::delete_upload(&world, &amal, spare.id).await.unwrap();
    assert!(matches!(content(&world, &spare).await, Err(UploadError::NotFound)));
    assert!(matches!(uploads::find_upload(&world, &amal, spare.id).await, Err(UploadError::NotFound)));
    assert_eq!(files(folder.path()).len(), 1);

    // With its message the file goes, at once for whoever has the address.
    chat::delete_message(&world, &amal, DeleteMessage { message_id }).await.unwrap();
    assert!(matches!(content(&world, &sent).await, Err(UploadError::NotFound)));
    assert_eq!(uploads::purge_uploads(&world).await.unwrap(), 1);
    assert!(files(folder.path()).is_empty());
    assert_eq!(world.database.number("SELECT COUNT(*) FROM hub_uploads").await.unwrap(), 0);
}

#[tokio::test]
async fn what_nobody_needs_is_purged_file_and_row() {
    let (world, folder) = world(|_| {}).await;
    assert_eq!(uploads::purge_uploads(&world).await.unwrap(), 0, "there is no folder yet");
    let (amal, badr) = (world.user("amal").await.1, world.user("badr").await);
    let leaver = world.user("leaver").await.1;
    let (old, new) = (picture(&world, &amal).await, picture(&world, &amal).await);
    let (sent, dying, writing) =
        (picture(&world, &amal).await, picture(&world, &amal).await, picture(&world, &amal).await);
    let left = picture(&world, &leaver).await;
    let bytes = content(&world, &sent).await.unwrap();
    chat::send_message(&world, &amal, message(badr.0, vec![sent.id])).await.unwrap();
    let path = format!("SELECT path FROM hub_uploads WHERE id = {}", dying.id);
    let path = world.database.text(&path).await.unwrap().unwrap();
    for sql in [
        format!(
            "UPDATE hub_uploads SET created_at = UTC_TIMESTAMP() - INTERVAL 25 HOUR WHERE id IN ({}, {})",
            old.id, sent.id
        ),
        format!(
            "UPDATE hub_uploads SET created_at = UTC_TIMESTAMP() - INTERVAL 23 HOUR WHERE id = {}",
            new.id
        ),
        format!(
            "UPDATE hub_uploads SET status = 'pending', created_at = UTC_TIMESTAMP() - INTERVAL 2 HOUR WHERE id = {}",
            dying.id
        ),
        format!("UPDATE hub_uploads SET status = 'pending' WHERE id = {}", writing.id),
        format!("DELETE FROM users WHERE id = {}", leaver.user_id()),
    ] {
        world.database.execute(&sql).await.unwrap();
    }
    // Killed in the middle of writing: the name is not there, but a part of the file is.
    let disk = folder.path().join("files");
    std::fs::rename(disk.join(&path), disk.join(format!("{path}#1"))).unwrap();
    // What others put there is nobody's business.
    std::fs::write(disk.join("uploads/notes.txt"), "mine").unwrap();
    for gone in [&left, &dying, &writing] {
        assert!(matches!(content(&world, gone).await, Err(UploadError::NotFound)));
    }

    assert_eq!(uploads::purge_uploads(&world).await.unwrap(), 3);
    let rows = "SELECT GROUP_CONCAT(id ORDER BY id) FROM hub_uploads";
    let expected = format!("{},{},{}", new.id, sent.id, writing.id);
    assert_eq!(world.database.text(rows).await.unwrap().as_deref(), Some(expected.as_str()));
    assert_eq!(files(folder.path()).len(), 4, "{:?}", files(folder.path()));
    assert_eq!(content(&world, &sent).await.unwrap(), bytes);
    assert_eq!(content(&world, &new).await.unwrap(), bytes);
    assert_eq!(uploads::purge_uploads(&world).await.unwrap(), 0);
}

#[tokio::test]
async fn one_may_send_thirty_files_in_half_an_hour() {
    let folder = TempDir::new().unwrap();
    let world = World::with(|settings| settings.uploads.folder = folder.path().to_owned()).await;
    let (amal, badr) = (world.user("amal").await.1, world.user("badr").await.1);
    for _file in 0..30 {
        drop(uploads::open_upload(&world, &amal).await.unwrap());
    }
    let refused = uploads::open_upload(&world, &amal).await.unwrap_err();
    assert_eq!(refused.rule(), Rule::RATE_LIMITED);
    let wait = refused.retry_after().unwrap();
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
    drop(uploads::open_upload(&world, &badr).await.unwrap());
}
