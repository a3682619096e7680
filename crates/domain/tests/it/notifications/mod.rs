//! The operations of `domain::notifications`.

use base::paging::{PageRequest, TimedCursor};
use base::{Fault, Lang, Rule};
use domain::notifications;
use protocol::Event;
use protocol::channel::Channel;
use protocol::notifications::{Notification, NotificationFilter};
use serde_json::json;

use crate::society::unlimited;
use crate::world::World;

/// Writes a notification as another application would.
async fn write(world: &World, id: u32, to: u64, data: &serde_json::Value, minutes_ago: u32) -> String {
    let uuid = format!("{id:08x}-0000-4000-8000-000000000000");
    world
        .execute(&format!(
            "INSERT INTO notifications (id, type, notifiable_type, notifiable_id, data, created_at, updated_at) \
             VALUES ('{uuid}', 'App\\\\Notifications\\\\OrderShipped', 'App\\\\Models\\\\User', {to}, '{data}', \
             UTC_TIMESTAMP() - INTERVAL {minutes_ago} MINUTE, UTC_TIMESTAMP())"
        ))
        .await;
    uuid
}

fn ask(cursor: Option<TimedCursor>) -> PageRequest<TimedCursor> {
    PageRequest { cursor, per_page: 2 }
}

fn ids(items: &[Notification]) -> Vec<String> {
    items.iter().map(|item| item.id.clone()).collect()
}

#[tokio::test]
async fn the_list_is_walked_both_ways_and_filtered() {
    let world = unlimited().await;
    let (owner_id, owner) = world.user("owner").await;
    let (other_id, other) = world.user("other").await;
    let mut written = Vec::new();
    for ordinal in 1..=5 {
        // Two of one second, told apart by their ids.
        let ago = if ordinal < 3 { 30 } else { 30 - ordinal };
        written.push(write(&world, ordinal, owner_id, &json!({"message": "shipped"}), ago).await);
    }
    write(&world, 9, other_id, &json!({}), 1).await;
    let all = NotificationFilter::default();
    let list = async |filter, page| {
        notifications::list_notifications(&world, &owner, filter, page, Some(Lang::En)).await.unwrap()
    };
    let first = list(all, ask(None)).await;
    let second = list(all, ask(first.next)).await;
    let third = list(all, ask(second.next)).await;
    written.reverse();
    assert_eq!([ids(&first.items), ids(&second.items), ids(&third.items)].concat(), written);
    assert_eq!((third.next, first.previous), (None, None));
    let back = list(all, ask(second.previous)).await;
    assert_eq!(ids(&back.items), ids(&first.items));
    // What another application wrote is shown by its own words.
    assert_eq!((first.items[0].title.as_str(), first.items[0].kind.as_str()), ("shipped", "OrderShipped"));

    let read = notifications::mark_read(&world, &owner, &written[0], None).await.unwrap();
    assert!(read.read_at.is_some());
    let again = notifications::mark_read(&world, &owner, &written[0], None).await.unwrap();
    assert_eq!(again.read_at, read.read_at);
    let of = async |unread| {
        let filter = NotificationFilter { unread: Some(unread) };
        ids(&list(filter, PageRequest { cursor: None, per_page: 9 }).await.items)
    };
    assert_eq!((of(true).await, of(false).await), (written[1..].to_vec(), written[..1].to_vec()));
    assert_eq!(notifications::count_unread(&world, &owner).await.unwrap().unread_count, 4);

    // What is another's is as if it were not there.
    for fault in [
        notifications::mark_read(&world, &other, &written[1], None).await.unwrap_err(),
        notifications::mark_unread(&world, &other, &written[1], None).await.unwrap_err(),
        notifications::delete_notification(&world, &other, &written[1]).await.unwrap_err(),
        notifications::delete_notification(&world, &owner, "nothing").await.unwrap_err(),
    ] {
        assert_eq!(fault.rule(), Rule::NOT_FOUND);
    }
    notifications::mark_unread(&world, &owner, &written[0], None).await.unwrap();
    notifications::delete_notification(&world, &owner, &written[1]).await.unwrap();
    assert_eq!(notifications::count_unread(&world, &owner).await.unwrap().unread_count, 4);
    assert_eq!(notifications::mark_all_read(&world, &owner).await.unwrap().unread_count, 0);
    assert_eq!(notifications::count_unread(&world, &other).await.unwrap().unread_count, 1);

    let told: Vec<(String, u32)> = world
        .events(Channel::User(owner_id))
        .await
        .into_iter()
        .filter_map(|data| match data.event {
            Event::NotificationRead { ids, unread_count } => {
                Some((ids.map_or("all".to_owned(), |ids| ids.concat()), unread_count))
            }
            Event::NotificationCreated { notification, unread_count } => {
                Some((format!("again {}", notification.id), unread_count))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            (written[0].clone(), 4),
            (format!("again {}", written[0]), 5),
            (written[1].clone(), 4),
            ("all".to_owned(), 0)
        ]
    );
}
