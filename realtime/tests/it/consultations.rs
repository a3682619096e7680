//! When a speaker can be booked, heard on `speaker:{id}` by whoever may know of the speaker (domain.md §6.5).

use base::Money;
use domain::Actor;
use domain::consultations::create_availability;
use protocol::consultations::{CreateAvailability, Weekday};

use crate::client::json;
use crate::stand::Stand;

#[tokio::test(flavor = "multi_thread")]
async fn anybody_hears_that_a_speakers_slots_are_others_now() {
    let stand = Stand::new().await;
    let (amal, speaker) = (stand.user("amal").await, stand.user("speaker").await);
    let channel = format!("speaker:{speaker}");
    let mut client = stand.client(1, amal).await;
    assert_eq!(client.subscribe_to(&channel).await.unwrap_err().code, 103, "not a speaker yet");
    stand.appoint(speaker, "speaker").await;
    let start = client.subscribe_to(&channel).await.unwrap();
    assert_eq!(json(&start.data)["speaker_id"], speaker);
    assert!(start.recoverable && start.positioned);
    let window = CreateAvailability {
        day_of_week: Weekday::Mon,
        start_time: "10:00".to_owned(),
        end_time: "12:00".to_owned(),
        session_duration: 60,
        price_per_session: Money::ZERO,
        is_active: true,
    };
    let app = &stand.nodes[0].app;
    create_availability(app, &Actor::on_behalf_of(speaker), window).await.unwrap();
    let (offset, event) = client.event(&channel).await;
    assert_eq!((offset, &event["type"]), (1, &"slots.changed".into()));
    assert_eq!(event["data"]["speaker_id"], speaker);
    client.close().await;
}
