//! Mail: written with what it tells of, sent until it has left, and never twice with two ids (domain.md §5.1).

use base::{Fault, Lang, Rule, Secret};
use config::{MailEncryption, MailTransport, Smtp};
use domain::mails;
use domain::users::{self, Registered};
use protocol::accounts::ForgotPassword;

use super::{log_in, registration, rule};
use crate::society::unlimited;
use crate::world::{PASSWORD, World, client};

fn folder() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("majlis-mail-{:x}", rand::random::<u64>()))
}

/// Quoted-printable, undone as far as links need it.
fn plain(eml: &str) -> String {
    eml.replace("=\r\n", "").replace("=3D", "=")
}

#[tokio::test]
async fn a_letter_leaves_in_both_forms_and_its_link_confirms_the_address() {
    let folder = folder();
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        settings.mail.transport = MailTransport::Files(folder.clone());
    })
    .await;
    let mut input = registration("sara");
    (input.name, input.language) = ("Sara".to_owned(), Some(Lang::En));
    let session = users::register(&world, &client("203.0.113.7"), input).await.unwrap().signed_in().unwrap();
    assert!(!folder.exists(), "nothing leaves before the clock comes by");
    assert_eq!(mails::send_mails(&world).await.unwrap(), 1);
    assert_eq!(mails::send_mails(&world).await.unwrap(), 0, "once");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let eml = plain(&std::fs::read_to_string(&files[0]).unwrap());
    for part in [
        "multipart/alternative",
        "text/plain",
        "text/html",
        "Subject: Confirm your e-mail address",
        "To: Sara <sara@example.com>",
    ] {
        assert!(eml.contains(part), "{part}: {eml}");
    }
    let start = eml.find("http://127.0.0.1:7400/api/v1/auth/email/verify/").unwrap();
    let link = eml.split_at(start).1.split_whitespace().next().unwrap();
    let (address, query) = link.split_once('?').unwrap();
    let hash = address.rsplit('/').next().unwrap();
    users::verify_email(&world, session.user.id, hash, query).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM users WHERE email_verified_at IS NOT NULL").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails WHERE state = 'sent'").await, 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_letter_waits_for_a_mail_server_that_is_away() {
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        // Nothing listens there.
        let smtp = Smtp {
            host: "127.0.0.1".to_owned(),
            port: 1,
            credentials: None,
            encryption: MailEncryption::None,
        };
        settings.mail.transport = MailTransport::Smtp(smtp);
    })
    .await;
    world.user("sara").await;
    let input = ForgotPassword { email: "sara@example.com".to_owned() };
    users::forgot_password(&world, &client("203.0.113.7"), input).await.unwrap();
    assert_eq!(mails::send_mails(&world).await.unwrap(), 0);
    let waiting = "SELECT COUNT(*) FROM hub_mails WHERE state = 'waiting' AND attempts = 1 AND last_error IS NOT NULL \
                   AND due_at > UTC_TIMESTAMP() + INTERVAL 20 SECOND";
    assert_eq!(world.number(waiting).await, 1);
    assert_eq!(mails::send_mails(&world).await.unwrap(), 0, "not before it is due again");
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails WHERE attempts = 1").await, 1);
    world.execute("UPDATE hub_mails SET due_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND, attempts = 59").await;
    mails::send_mails(&world).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails WHERE state = 'failed'").await, 1, "given up");
    world.execute("UPDATE hub_mails SET due_at = UTC_TIMESTAMP() - INTERVAL 2 DAY").await;
    domain::system::purge_expired(&world).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_send_a_letter_once() {
    let folder = folder();
    let world = World::with(|settings| {
        settings.limits.enabled = false;
        settings.mail.transport = MailTransport::Files(folder.clone());
    })
    .await;
    for name in ["sara", "omar", "huda"] {
        users::register(&world, &client("203.0.113.7"), registration(name)).await.unwrap();
    }
    let other = world.another_node("n2").await;
    let (one, two) = tokio::join!(mails::send_mails(&world), mails::send_mails(&other));
    assert_eq!(one.unwrap() + two.unwrap(), 3);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 3);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn where_addresses_are_not_told_registering_says_the_same_to_all() {
    let world = unlimited().await;
    world.user("sara").await;
    let set = "INSERT INTO settings (`key`, value, type, `group`) VALUES ('auth.enumeration_safe', '1', 'boolean', 'auth')";
    world.execute(set).await;
    let ask = async |username: &str, email: &str, phone: Option<&str>| {
        let mut input = registration(username);
        (input.email, input.phone) = (email.to_owned(), phone.map(ToOwned::to_owned));
        users::register(&world, &client("203.0.113.7"), input).await
    };
    assert_eq!(ask("omar", "omar@example.com", Some("+966501234567")).await.unwrap(), Registered::Accepted);
    assert_eq!(ask("huda", "SARA@example.com", None).await.unwrap(), Registered::Accepted);
    assert_eq!(ask("lama", "lama@example.com", Some("+966501234567")).await.unwrap(), Registered::Accepted);
    let taken = ask("omar", "new@example.com", None).await.unwrap_err();
    assert_eq!(taken.rule(), Rule::VALIDATION_FAILED, "usernames are for everybody to see");
    assert_eq!(world.number("SELECT COUNT(*) FROM users").await, 2);
    let letters = "SELECT COUNT(*) FROM hub_mails WHERE JSON_EXTRACT(letter, '$.kind') = ";
    assert_eq!(
        world.number(&format!("{letters}'already_registered' AND address = 'sara@example.com'")).await,
        1
    );
    assert_eq!(
        world.number(&format!("{letters}'already_registered' AND address = 'omar@example.com'")).await,
        1
    );
    assert_eq!(world.number(&format!("{letters}'verify_email' AND address = 'omar@example.com'")).await, 1);
    log_in(&world, "omar", "qahwa wa na3na3", "203.0.113.7").await.unwrap();
}

#[tokio::test]
async fn a_link_to_confirm_is_sent_on_request_once_a_minute() {
    let world = World::new().await;
    let (_, actor) = world.user("sara").await;
    assert!(users::send_verification(&world, &actor).await.unwrap().accepted);
    assert_eq!(rule(users::send_verification(&world, &actor).await), Rule::RATE_LIMITED);
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails").await, 1);
    let world = unlimited().await;
    let (_, actor) = world.user("sara").await;
    world.execute("UPDATE users SET email_verified_at = UTC_TIMESTAMP()").await;
    users::send_verification(&world, &actor).await.unwrap();
    assert_eq!(world.number("SELECT COUNT(*) FROM hub_mails").await, 0, "there is no reason for one");
}

#[tokio::test]
async fn another_device_is_told_but_not_the_first() {
    let world = unlimited().await;
    world.user("sara").await;
    let on = async |device: &str| {
        let input = protocol::users::LogIn {
            login: "sara".to_owned(),
            password: Secret::new(PASSWORD),
            device_name: Some(device.to_owned()),
        };
        users::log_in(&world, &client("203.0.113.7"), input).await.unwrap();
        world.number("SELECT COUNT(*) FROM notifications WHERE type LIKE '%AccountNewLogin'").await
    };
    assert_eq!([on("Phone").await, on("Phone").await, on("Tablet").await, on("Tablet").await], [0, 0, 1, 1]);
}
