//! Interests, certificates, experiences, expertises (domain.md §5.2).

use base::{Lang, Rule};
use domain::users::portfolio;
use protocol::portfolio::{
    AddCertificate, AddExperience, Expertises, Order, SetInterests, UpdateCertificate, UpdateExperience,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{fields, rule};
use crate::society::unlimited;

fn input<T: DeserializeOwned>(of: Value) -> T {
    serde_json::from_value(of).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_kept_in_their_owners_order_without_holes() {
    let world = unlimited().await;
    let (id, actor) = world.user("sara").await;
    let (_, other) = world.user("omar").await;
    let add = async |title: &str| {
        let new = json!({"title": title, "issuer": "KFUPM", "issue_date": "2024-02-29"});
        portfolio::add_certificate(&world, &actor, input::<AddCertificate>(new)).await
    };
    let mut ids = Vec::new();
    for title in ["a", "b", "c"] {
        ids.push(add(title).await.unwrap().id);
    }
    let titles = async || {
        let all = portfolio::list_certificates(&world, &actor).await.unwrap();
        all.into_iter().map(|one| one.title).collect::<String>()
    };
    let orders =
        format!("SELECT GROUP_CONCAT(`order` ORDER BY `order`) FROM user_certificates WHERE user_id = {id}");
    let order =
        async |ids: &[u64]| portfolio::order_certificates(&world, &actor, Order { ids: ids.to_vec() }).await;
    order(&[ids[2], ids[0], ids[1]]).await.unwrap();
    assert_eq!(titles().await, "cab");
    for wrong in [vec![ids[0], ids[1]], vec![ids[0], ids[0], ids[1]], vec![ids[0], ids[1], ids[2], 99]] {
        assert_eq!(fields(order(&wrong).await), ["ids"]);
    }
    portfolio::remove_certificate(&world, &actor, ids[0]).await.unwrap();
    assert_eq!(rule(portfolio::remove_certificate(&world, &actor, ids[0]).await), Rule::NOT_FOUND);
    assert_eq!(rule(portfolio::remove_certificate(&world, &other, ids[1]).await), Rule::NOT_FOUND);
    assert_eq!(
        (titles().await.as_str(), world.database.text(&orders).await.unwrap().as_deref()),
        ("cb", Some("0,1"))
    );

    let update = async |of: Value| {
        portfolio::update_certificate(&world, &actor, ids[1], input::<UpdateCertificate>(of)).await
    };
    let now = update(json!({"expiry_date": "2030-01-01", "credential_url": "https://example.com/1"}))
        .await
        .unwrap();
    assert_eq!((now.title.as_str(), now.expiry_date.as_deref()), ("b", Some("2030-01-01")));
    assert!(update(json!({"expiry_date": null})).await.unwrap().expiry_date.is_none());
    for (bad, field) in [
        (json!({"expiry_date": "2024-02-28"}), "expiry_date"),
        (json!({"issue_date": "2023-02-29"}), "issue_date"),
        (json!({"issue_date": "1.2.2023"}), "issue_date"),
        (json!({"credential_url": "http://example.com"}), "credential_url"),
        (json!({"title": " "}), "title"),
        (json!({"issuer": "x".repeat(256)}), "issuer"),
    ] {
        assert_eq!(fields(update(bad).await), [field]);
    }
    // Others see them where they see the profile.
    assert_eq!(portfolio::list_certificates_of(&world, None, "sara").await.unwrap().len(), 2);
    world.execute(&format!("UPDATE user_profiles SET is_private = 1 WHERE user_id = {id}")).await;
    for viewer in [None, Some(&other)] {
        assert_eq!(rule(portfolio::list_certificates_of(&world, viewer, "sara").await), Rule::NOT_FOUND);
    }
    assert_eq!(portfolio::list_certificates_of(&world, Some(&actor), "me").await.unwrap().len(), 2);
    world.follow(other.user_id(), id).await;
    assert_eq!(portfolio::list_certificates_of(&world, Some(&other), "sara").await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_leave_an_unbroken_order_of_fifty_at_most() {
    let world = unlimited().await;
    let (id, actor) = world.user("sara").await;
    let add = |number: usize| {
        let (app, actor) = (world.app.clone(), actor.clone());
        tokio::spawn(async move {
            let new = json!({
                "title": format!("job {number}"), "company": "c", "employment_type": "contract",
                "start_date": "2020-01-01"
            });
            portfolio::add_experience(&app, &actor, input::<AddExperience>(new)).await.is_ok()
        })
    };
    let tasks: Vec<_> = (0..60).map(add).collect();
    let mut added = 0;
    for task in tasks {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!(added, 50);
    let broken = format!(
        "SELECT COUNT(*) FROM (SELECT `order`, ROW_NUMBER() OVER (ORDER BY `order`, id) - 1 AS place \
         FROM user_experiences WHERE user_id = {id}) e WHERE `order` <> place"
    );
    assert_eq!(world.number(&broken).await, 0);
}

#[tokio::test]
async fn a_job_has_an_end_or_goes_on() {
    let world = unlimited().await;
    let (_, actor) = world.user("sara").await;
    let add = async |more: Value| {
        let mut new =
            json!({"title": "t", "company": "c", "employment_type": "full_time", "start_date": "2020-01-01"});
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        portfolio::add_experience(&world, &actor, input::<AddExperience>(new)).await
    };
    let both = json!({"end_date": "2021-01-01", "is_current": true});
    assert_eq!(fields(add(both).await), ["end_date"]);
    assert_eq!(fields(add(json!({"end_date": "2019-12-31"})).await), ["end_date"]);
    assert_eq!(fields(add(json!({"description": "x".repeat(2_001)})).await), ["description"]);
    let job = add(json!({"is_current": true, "location": " الرياض "})).await.unwrap();
    assert_eq!((job.is_current, job.location.as_deref()), (true, Some("الرياض")));
    let update = async |of: Value| {
        portfolio::update_experience(&world, &actor, job.id, input::<UpdateExperience>(of)).await
    };
    let over = update(json!({"end_date": "2022-01-01"})).await.unwrap();
    assert!(!over.is_current && over.end_date.as_deref() == Some("2022-01-01"));
    let again = update(json!({"is_current": true})).await.unwrap();
    assert!(again.is_current && again.end_date.is_none());
    assert_eq!(fields(update(json!({"is_current": true, "end_date": "2022-01-01"})).await), ["end_date"]);
    assert_eq!(rule(portfolio::remove_experience(&world, &actor, 999).await), Rule::NOT_FOUND);
    assert_eq!(portfolio::list_experiences_of(&world, None, "sara").await.unwrap(), [again]);
}

#[tokio::test]
async fn interests_are_a_set_of_categories_that_are_offered() {
    let world = unlimited().await;
    let (id, actor) = world.user("sara").await;
    for number in 1..=22 {
        world
            .execute(&format!(
                "INSERT INTO categories (id, name_en, name_ar, slug, `order`, is_active) VALUES \
                 ({number}, 'Science {number}', 'علم {number}', 'science-{number}', {}, {})",
                22 - number,
                number != 5
            ))
            .await;
    }
    let set = async |ids: Vec<u64>| {
        let input = SetInterests { category_ids: ids };
        portfolio::set_interests(&world, &actor, Some(Lang::En), input).await
    };
    let now = set(vec![1, 3, 1]).await.unwrap();
    let names: Vec<&str> = now.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["Science 3", "Science 1"]);
    let own = portfolio::list_interests(&world, &actor, None).await.unwrap();
    assert_eq!(own[0].name, "علم 3", "in the account's language");
    assert_eq!(fields(set(vec![5]).await), ["category_ids"]);
    assert_eq!(fields(set((1..=22).collect()).await), ["category_ids"]);
    assert_eq!(portfolio::list_interests(&world, &actor, None).await.unwrap().len(), 2);
    assert!(set(vec![]).await.unwrap().is_empty());

    // People are found by what they are interested in, and by how many follow them.
    set(vec![2]).await.unwrap();
    let (omar, _) = world.user("omar").await;
    let (huda, viewer) = world.user("huda").await;
    world.execute(&format!("UPDATE user_profiles SET followers_count = 7 WHERE user_id = {id}")).await;
    world.execute(&format!("UPDATE user_profiles SET followers_count = 9 WHERE user_id = {omar}")).await;
    let list = async |filter: domain::users::UserFilter, cursor| {
        let request = base::paging::PageRequest { cursor, per_page: 2 };
        domain::users::list_users(&world, &viewer, filter, request).await.unwrap()
    };
    let ids = |page: &base::paging::Page<protocol::users::UserCard>| {
        page.items.iter().map(|card| card.id).collect::<Vec<_>>()
    };
    let by = domain::users::UserFilter { category_id: Some(2), ..domain::users::UserFilter::default() };
    assert_eq!(ids(&list(by, None).await), [id]);
    let most = domain::users::UserFilter { by_followers: true, ..domain::users::UserFilter::default() };
    let first = list(most.clone(), None).await;
    assert_eq!(ids(&first), [omar, id]);
    let second = list(most.clone(), first.next).await;
    assert_eq!((ids(&second), second.next), (vec![huda], None));
    assert_eq!(ids(&list(most, second.previous).await), [omar, id]);
}

#[tokio::test]
async fn speakers_say_what_they_know_once_each() {
    let world = unlimited().await;
    let (_, actor) = world.user_with_role("sara", "speaker").await;
    let (_, learner) = world.user("omar").await;
    let set = async |words: &[&str]| {
        let input = Expertises { expertises: words.iter().map(|&word| word.to_owned()).collect() };
        portfolio::set_expertises(&world, &actor, input).await
    };
    let now = set(&[" Physics ", "الرياضيات"]).await.unwrap();
    assert_eq!(now.expertises, ["Physics", "الرياضيات"]);
    for bad in [&["Physics", "PHYSICS"][..], &["café", "cafe"], &[" "], &["x"; 21]] {
        assert_eq!(fields(set(bad).await), ["expertises"], "{bad:?}");
    }
    assert_eq!(fields(set(&["x".repeat(101).as_str()]).await), ["expertises"]);
    assert_eq!(portfolio::list_expertises(&world, &actor).await.unwrap(), now);
    assert_eq!(rule(portfolio::list_expertises(&world, &learner).await), Rule::FORBIDDEN);
    let refused = portfolio::set_expertises(&world, &learner, now).await;
    assert_eq!(rule(refused), Rule::FORBIDDEN);
    assert!(set(&[]).await.unwrap().expertises.is_empty());
}
