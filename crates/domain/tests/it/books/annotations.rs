//! Marks: rules of each kind, devices that were away, documents.

use base::Time;
use base::conditional::IfMatch;
use base::paging::PageRequest;
use domain::{Actor, books};
use protocol::books::{
    Annotation, AnnotationFilter, AnnotationType, AnnotationsSynced, CreateAnnotation, ExportFormat,
    SyncAnnotations, UpdateAnnotation, UpsertAnnotation,
};
use protocol::channel::Channel;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::{FREE, Shop, code};
use crate::stage::key;

fn place(quote: &str) -> Option<Map<String, Value>> {
    json!({"quote": quote, "rects": [[1, 2, 3, 4]]}).as_object().cloned()
}

fn mark(kind: AnnotationType, page: u32) -> CreateAnnotation {
    CreateAnnotation {
        annotation_type: kind,
        page_number: page,
        color: Some("#ffee00".to_owned()),
        content: Some("remember".to_owned()),
        position_data: place("the words"),
        client_id: None,
    }
}

async fn shop_and_reader() -> (Shop, Actor, u64) {
    let shop = Shop::new().await;
    let book = shop.book("Marks", FREE, 20).await;
    let reader = shop.stage.person("reader").await;
    shop.buy(&reader, book.id).await.unwrap();
    (shop, reader, book.id)
}

#[tokio::test]
async fn marks_are_made_changed_and_taken_away_by_their_reader() {
    let (shop, reader, id) = shop_and_reader().await;
    let (app, stranger) = (shop.app(), shop.stage.person("stranger").await);
    use AnnotationType::{Bookmark, Highlight, Note, Underline};
    assert_eq!(
        code(books::create_annotation(app, &stranger, id, mark(Note, 1)).await),
        "books.not_purchased"
    );
    for input in [
        mark(Note, 0),
        mark(Note, 21),
        CreateAnnotation { content: None, ..mark(Note, 1) },
        CreateAnnotation { position_data: None, ..mark(Highlight, 1) },
        CreateAnnotation { color: Some("red".to_owned()), ..mark(Underline, 1) },
        CreateAnnotation { content: Some("x".repeat(5_001)), ..mark(Note, 1) },
    ] {
        assert_eq!(code(books::create_annotation(app, &reader, id, input).await), "validation_failed");
    }
    let named = CreateAnnotation { client_id: Some(key()), ..mark(Highlight, 12) };
    let one = books::create_annotation(app, &reader, id, named.clone()).await.unwrap().unwrap();
    assert_eq!(one.color.as_deref(), Some("#FFEE00"));
    let same = books::create_annotation(app, &reader, id, named).await.unwrap().unwrap();
    assert_eq!(same, one);
    let two = books::create_annotation(app, &reader, id, mark(Note, 3)).await.unwrap().unwrap();

    // A page has one bookmark; a second takes the first away.
    let bookmark = CreateAnnotation { content: None, position_data: None, color: None, ..mark(Bookmark, 5) };
    assert!(books::create_annotation(app, &reader, id, bookmark.clone()).await.unwrap().is_some());
    assert!(books::create_annotation(app, &reader, id, bookmark.clone()).await.unwrap().is_none());
    let three = books::create_annotation(app, &reader, id, bookmark).await.unwrap().unwrap();

    let list = async |filter: AnnotationFilter| {
        let page = books::list_annotations(app, &reader, id, filter, PageRequest::default()).await.unwrap();
        page.items.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let all = AnnotationFilter::default();
    assert_eq!(list(all).await, [three.id, two.id, one.id]);
    assert_eq!(list(AnnotationFilter { annotation_type: Some(Note), ..all }).await, [two.id]);
    assert_eq!(list(AnnotationFilter { page_from: Some(4), page_to: Some(11), ..all }).await, [three.id]);
    assert_eq!(list(AnnotationFilter { color: Some(0x00FF_EE00), ..all }).await, [two.id, one.id]);

    // Nobody else's.
    let change = UpdateAnnotation { content: Some(Some("anew".to_owned())), ..UpdateAnnotation::default() };
    for outcome in [
        books::update_annotation(app, &stranger, one.id, change.clone(), IfMatch::ANY).await.map(drop),
        books::delete_annotation(app, &stranger, one.id, IfMatch::ANY).await,
        books::delete_annotation(app, &reader, 999_999, IfMatch::ANY).await,
    ] {
        assert_eq!(code(outcome), "not_found");
    }
    let stale = IfMatch::of(vec!["\"stale\"".to_owned()]);
    assert_eq!(
        code(books::update_annotation(app, &reader, one.id, change.clone(), stale).await),
        "precondition_failed"
    );
    let changed = books::update_annotation(app, &reader, one.id, change, IfMatch::ANY).await.unwrap();
    assert!(changed.updated_at > one.updated_at && changed.content.as_deref() == Some("anew"));
    let without = UpdateAnnotation { position_data: Some(None), ..UpdateAnnotation::default() };
    assert_eq!(
        code(books::update_annotation(app, &reader, one.id, without, IfMatch::ANY).await),
        "validation_failed"
    );
    books::delete_annotation(app, &reader, two.id, IfMatch::ANY).await.unwrap();
    assert_eq!(list(all).await, [three.id, one.id]);

    let heard = shop.stage.heard(Channel::User(reader.user_id())).await;
    let names: Vec<&str> = heard.iter().filter_map(|one| one["type"].as_str()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| name.starts_with("annotation.")).collect();
    let [c, u, d] = ["annotation.created", "annotation.updated", "annotation.deleted"];
    assert_eq!(names, [c, c, c, d, c, u, d]);
    shop.assert_holds().await;
}

fn upsert(page: u32, words: &str, at: Time) -> UpsertAnnotation {
    UpsertAnnotation {
        client_id: key(),
        id: None,
        annotation_type: AnnotationType::Note,
        page_number: page,
        color: None,
        content: Some(words.to_owned()),
        position_data: None,
        updated_at: at,
    }
}

async fn sync(
    shop: &Shop,
    reader: &Actor,
    id: u64,
    since: u64,
    upserts: Vec<UpsertAnnotation>,
) -> AnnotationsSynced {
    let input = SyncAnnotations { since, upserts, deletes: Vec::new() };
    books::sync_annotations(shop.app(), reader, id, input).await.unwrap()
}

#[tokio::test]
async fn of_two_devices_the_later_version_counts() {
    let (shop, reader, id) = shop_and_reader().await;
    let app = shop.app();
    let ago = |seconds: i64| Time::now().plus_seconds(-seconds);
    let one = upsert(2, "first", ago(100));
    let first = sync(&shop, &reader, id, 0, vec![one.clone()]).await;
    assert_eq!((first.applied.len(), first.conflicts.len(), first.changes.len()), (1, 0, 0));
    let annotation = first.applied[0].annotation.clone();
    // The same batch again changes nothing.
    let again = sync(&shop, &reader, id, first.revision, vec![one.clone()]).await;
    assert_eq!((again.revision, again.applied[0].annotation.clone()), (first.revision, annotation.clone()));
    assert!(again.changes.is_empty());

    // Another device knows it by its id, and is later; then the first one comes with something in between.
    let other = UpsertAnnotation { id: Some(annotation.id), ..upsert(2, "second", ago(50)) };
    let second = sync(&shop, &reader, id, 0, vec![other]).await;
    assert_eq!(second.applied[0].annotation.content.as_deref(), Some("second"));
    let between =
        UpsertAnnotation { content: Some("between".to_owned()), updated_at: ago(70), ..one.clone() };
    let lost = sync(&shop, &reader, id, first.revision, vec![between]).await;
    assert_eq!(lost.conflicts[0].annotation.as_ref().unwrap().content.as_deref(), Some("second"));
    assert_eq!(lost.changes[0].content.as_deref(), Some("second"));
    // No clock runs ahead of ours.
    let ahead =
        UpsertAnnotation { content: Some("ahead".to_owned()), updated_at: ago(-9_999), ..one.clone() };
    let ahead = sync(&shop, &reader, id, lost.revision, vec![ahead]).await;
    assert!(ahead.applied[0].annotation.updated_at <= Time::now());

    // A deletion is final, and told to who was away.
    let input = SyncAnnotations { since: 0, upserts: Vec::new(), deletes: vec![annotation.id, 999_999] };
    let gone = books::sync_annotations(app, &reader, id, input).await.unwrap();
    assert_eq!(gone.deleted, [annotation.id]);
    let late = UpsertAnnotation { content: Some("late".to_owned()), updated_at: ago(0), ..one };
    let late = sync(&shop, &reader, id, ahead.revision, vec![late]).await;
    assert_eq!((late.conflicts[0].annotation.clone(), late.removals), (None, vec![annotation.id]));

    // Two devices marked one page.
    let bookmark = |at| UpsertAnnotation {
        annotation_type: AnnotationType::Bookmark,
        content: None,
        ..upsert(9, "", at)
    };
    let both = sync(&shop, &reader, id, 0, vec![bookmark(ago(9)), bookmark(ago(8))]).await;
    let kept = both.applied[0].annotation.clone();
    assert_eq!(both.conflicts[0].annotation.as_ref(), Some(&kept));

    // All of a batch or nothing, and not too much.
    let wrong = SyncAnnotations {
        since: 0,
        upserts: vec![upsert(3, "good", ago(1)), upsert(21, "behind the end", ago(1))],
        deletes: Vec::new(),
    };
    let error = books::sync_annotations(app, &reader, id, wrong).await.unwrap_err();
    let fields = base::Fault::violations(&error).unwrap().sentences(base::Lang::En);
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["upserts.1.page_number"]);
    let many = SyncAnnotations { since: 0, upserts: vec![upsert(1, "x", ago(1))], deletes: vec![1; 500] };
    assert_eq!(code(books::sync_annotations(app, &reader, id, many).await), "validation_failed");
    assert_eq!(shop.stage.count("SELECT COUNT(*) FROM book_annotations").await, 1);

    // What another application wrote is told, too.
    let purchase = shop.stage.count("SELECT id FROM book_purchases").await;
    shop.stage
        .run(&format!(
            "INSERT INTO book_annotations (book_purchase_id, user_id, page_number, type, content, created_at, updated_at) \
             VALUES ({purchase}, {}, 4, 'note', 'from elsewhere', UTC_TIMESTAMP(), UTC_TIMESTAMP())",
            reader.user_id()
        ))
        .await;
    let told = sync(&shop, &reader, id, both.revision, Vec::new()).await;
    assert_eq!(
        told.changes.iter().filter_map(|one| one.content.as_deref()).collect::<Vec<_>>(),
        ["from elsewhere"]
    );
    shop.assert_holds().await;
}

#[tokio::test]
async fn many_devices_at_once_lose_nothing() {
    let (shop, reader, id) = shop_and_reader().await;
    let shared = upsert(1, "shared", Time::now().plus_seconds(-1_000));
    let mut syncing = JoinSet::new();
    for device in 0..20_i64 {
        let (app, reader, shared) = (shop.app().clone(), reader.clone(), shared.clone());
        syncing.spawn(async move {
            let at = Time::now().plus_seconds(device - 500);
            let mut upserts: Vec<_> = (1..=10).map(|page| upsert(page, &format!("{device}"), at)).collect();
            upserts.push(UpsertAnnotation { content: Some(format!("{device}")), updated_at: at, ..shared });
            let input = SyncAnnotations { since: 0, upserts, deletes: Vec::new() };
            books::sync_annotations(&app, &reader, id, input).await
        });
    }
    while let Some(outcome) = syncing.join_next().await {
        let synced = outcome.unwrap().unwrap();
        assert!(synced.applied.len() >= 10, "{synced:?}");
    }
    let all: Vec<Annotation> = sync(&shop, &reader, id, 0, Vec::new()).await.changes;
    assert_eq!(all.len(), 201);
    let one = all.iter().find(|one| one.client_id.as_deref() == Some(shared.client_id.as_str())).unwrap();
    assert_eq!(one.content.as_deref(), Some("19"), "the latest device's version");
    let distinct = "SELECT COUNT(*) - COUNT(DISTINCT revision) FROM hub_annotation_versions";
    assert_eq!(shop.stage.count(distinct).await, 0);
    shop.assert_holds().await;
}

#[tokio::test]
async fn marks_are_given_out_without_the_books_words() {
    let (shop, reader, id) = shop_and_reader().await;
    let app = shop.app();
    books::create_annotation(app, &reader, id, mark(AnnotationType::Highlight, 12)).await.unwrap();
    books::create_annotation(app, &reader, id, mark(AnnotationType::Note, 3)).await.unwrap();
    for format in [ExportFormat::Md, ExportFormat::Json, ExportFormat::W3c] {
        let closed = books::export_annotations(app, &reader, id, format).await.unwrap();
        assert!(closed.body.contains("remember") && !closed.body.contains("the words"), "{}", closed.body);
    }
    shop.stage.run("UPDATE books SET allow_copying = 1").await;
    let md = books::export_annotations(app, &reader, id, ExportFormat::Md).await.unwrap();
    assert!(md.body.find("## 3").unwrap() < md.body.find("## 12").unwrap());
    assert!(md.body.contains("> the words\n"), "{}", md.body);
    let w3c = books::export_annotations(app, &reader, id, ExportFormat::W3c).await.unwrap();
    let set: Value = serde_json::from_str(&w3c.body).unwrap();
    assert_eq!(
        (&set["type"], &set["items"][0]["motivation"]),
        (&json!("AnnotationSet"), &json!("commenting"))
    );
    assert_eq!(set["items"][1]["target"]["selector"][0]["value"], "page=12");
    assert_eq!(set["items"][1]["target"]["selector"][1]["exact"], "the words");
}
