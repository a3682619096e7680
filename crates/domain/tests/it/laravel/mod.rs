//! A Laravel application on the same database (domain.md §7): what it writes is read, and what is written it reads. The
//! fixtures are made by PHP (`tests/fixtures/laravel/make.php`); `check.php` beside it reads ours, where PHP is installed.

use std::process::Command;

use base::{Rule, Secret};
use config::{MorphStyle, Settings};
use domain::users::{self, UserError};
use domain::{Actor, mails};
use protocol::accounts::{ChangePassword, ForgotPassword, ResetPassword};
use protocol::notifications::NotificationKind;
use protocol::users::{CreateToken, LogIn};
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, client};

const FIXTURES: &str = include_str!("../../fixtures/laravel/fixtures.json");
const CHECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/laravel/check.php");

fn fixtures() -> Value {
    serde_json::from_str(FIXTURES).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name}"))
}

/// Limits off, with the keys of the application that made the fixtures.
fn as_that_application(settings: &mut Settings) {
    let fixtures = fixtures();
    settings.limits.enabled = false;
    settings.http.public_url = text(&fixtures, "app_url").to_owned();
    settings.auth.app_keys =
        ["app_key", "previous_key"].map(|name| Secret::new(text(&fixtures, name))).to_vec();
}

async fn world() -> World {
    World::with(as_that_application).await
}

fn rule<T: std::fmt::Debug>(outcome: Result<T, UserError>) -> Rule {
    base::Fault::rule(&outcome.unwrap_err())
}

#[tokio::test]
async fn tokens_of_sanctum_are_bearers_in_both_spellings_of_the_model() {
    let world = world().await;
    let (id, _) = world.user("sara").await;
    for (number, token) in fixtures()["tokens"].as_array().unwrap().iter().enumerate() {
        let (plain, hash, abilities) = (text(token, "plain"), text(token, "hash"), text(token, "abilities"));
        let model = [r"App\\Models\\User", "user"][number % 2];
        let row = 100 + number;
        world
            .execute(&format!(
                "INSERT INTO personal_access_tokens (id, tokenable_type, tokenable_id, name, token, abilities, created_at) \
                 VALUES ({row}, '{model}', {id}, 'php', '{hash}', '{abilities}', UTC_TIMESTAMP())"
            ))
            .await;
        let expected: Vec<String> = serde_json::from_str(abilities).unwrap();
        for bearer in [format!("{row}|{plain}"), plain.to_owned()] {
            let who = users::authenticate(&world, &bearer).await.unwrap();
            assert_eq!((who.actor.user_id(), who.actor.abilities()), (id, expected.as_slice()), "{bearer}");
        }
        for bad in [format!("{}|{plain}", row + 50), format!("{row}|{plain}x"), format!("{row}|{hash}")] {
            assert_eq!(rule(users::authenticate(&world, &bad).await), Rule::UNAUTHENTICATED, "{bad}");
        }
    }
}

#[tokio::test]
async fn passwords_that_php_hashed_let_in_cut_at_72_bytes() {
    let world = world().await;
    let (id, _) = world.user("sara").await;
    let mut cut = 0;
    for entry in fixtures()["passwords"].as_array().unwrap() {
        let (password, hash) = (text(entry, "password"), text(entry, "hash"));
        assert!(hash.starts_with("$2y$"));
        world.execute(&format!("UPDATE users SET password = '{hash}' WHERE id = {id}")).await;
        let log_in = async |password: &str| {
            let input = LogIn {
                login: "sara".to_owned(),
                password: Secret::new(password),
                device_name: Some("Phone".to_owned()),
            };
            users::log_in(&world, &client("203.0.113.7"), input).await
        };
        log_in(password).await.unwrap();
        assert_eq!(rule(log_in("another password").await), Rule::INVALID_CREDENTIALS);
        if entry["cut"] == true {
            cut += 1;
            log_in(&format!("{password} and whatever follows")).await.unwrap();
            // bcrypt's own limit: what may be set anew must fit.
            let input = ChangePassword {
                current_password: Secret::new(password),
                password: Secret::new(password),
                password_confirmation: None,
                revoke_others: false,
            };
            let refused = users::change_password(&world, &Actor::on_behalf_of(id), input).await;
            assert_eq!(rule(refused), Rule::VALIDATION_FAILED);
        }
    }
    assert_eq!(cut, 1);
}

#[tokio::test]
async fn reset_tokens_that_laravel_stored_set_a_password_and_ours_are_made_alike() {
    for reset in fixtures()["resets"].as_array().unwrap() {
        let (key, seed, token, stored) =
            (text(reset, "app_key"), text(reset, "seed"), text(reset, "token"), text(reset, "stored"));
        let world = World::with(|settings| {
            settings.limits.enabled = false;
            settings.auth.app_keys = vec![Secret::new(key)];
        })
        .await;
        assert_eq!(mails::reset_token(&world, seed).unwrap(), token, "as PHP makes it");
        world.user("sara").await;
        world
            .execute(&format!(
                "INSERT INTO password_reset_tokens (email, token, created_at) \
                 VALUES ('sara@example.com', '{stored}', UTC_TIMESTAMP() - INTERVAL 59 MINUTE)"
            ))
            .await;
        let input = |token: &str| ResetPassword {
            email: "sara@example.com".to_owned(),
            token: Secret::new(token),
            password: Secret::new("a longer walk by the sea"),
            password_confirmation: Secret::new("a longer walk by the sea"),
        };
        let reset =
            async |token: &str| users::reset_password(&world, &client("203.0.113.7"), input(token)).await;
        for bad in [seed, stored, "x"] {
            assert_eq!(rule(reset(bad).await), Rule::RESET_TOKEN_INVALID, "{bad}");
        }
        reset(token).await.unwrap();
        assert_eq!(rule(reset(token).await), Rule::RESET_TOKEN_INVALID, "good for one use");
    }
}

#[tokio::test]
async fn addresses_that_laravel_signed_confirm_and_others_do_not() {
    let world = world().await;
    let (id, _) = world.user("sara").await;
    assert_eq!(id, 1, "the fixtures' addresses are those of the first account");
    let urls = &fixtures()["urls"];
    for (name, expected) in [
        ("expired", Err(Rule::VERIFICATION_LINK_EXPIRED)),
        ("of_another_key", Err(Rule::VERIFICATION_LINK_INVALID)),
        ("of_the_decoded_key", Err(Rule::VERIFICATION_LINK_INVALID)),
        ("of_another_user", Err(Rule::VERIFICATION_LINK_INVALID)),
        ("good", Ok(())),
        ("with_more", Ok(())),
        ("of_the_previous_key", Ok(())),
    ] {
        world.execute("UPDATE users SET email_verified_at = NULL").await;
        let (address, query) = text(urls, name).split_once('?').unwrap();
        let mut parts = address.rsplit('/');
        let (hash, of) = (parts.next().unwrap(), parts.next().unwrap().parse().unwrap());
        let outcome = users::verify_email(&world, of, hash, query).await;
        let outcome = outcome.map(|found| assert!(found.verified && found.user_id == id));
        assert_eq!(outcome.map_err(|error| base::Fault::rule(&error)), expected, "{name}");
        let confirmed = world.number("SELECT COUNT(*) FROM users WHERE email_verified_at IS NOT NULL").await;
        assert_eq!(confirmed, i64::from(expected.is_ok()), "{name}");
        // Whatever is changed in it, it is not signed any more.
        for forged in [
            query.replace("expires=4", "expires=5"),
            format!("{query}&more=1"),
            query.replacen("signature=", "signature=0", 1),
            query.split_once("&signature").unwrap().0.to_owned(),
            String::new(),
        ] {
            if forged == query {
                continue;
            }
            let refused = users::verify_email(&world, of, hash, &forged).await;
            assert_eq!(rule(refused), Rule::VERIFICATION_LINK_INVALID, "{name}: {forged}");
        }
    }
    // The account has another address meanwhile.
    world.execute("UPDATE users SET email = 'new@example.com'").await;
    let (address, query) = text(urls, "good").split_once('?').unwrap();
    let hash = address.rsplit('/').next().unwrap();
    assert_eq!(rule(users::verify_email(&world, 1, hash, query).await), Rule::VERIFICATION_LINK_INVALID);
}

#[tokio::test]
async fn what_we_write_php_reads() {
    let world = world().await;
    let (id, actor) = world.user("sara").await;
    let mut passwords = Vec::new();
    for password in ["a longer walk by the sea", "نزهة طويلة على الشاطئ"] {
        let hash = users::hash_password(&world, password).await.unwrap();
        assert!(hash.starts_with("$2y$04$") && hash.len() == 60, "{hash}");
        passwords.push(json!({"password": password, "hash": hash}));
    }
    let mut tokens = Vec::new();
    for abilities in [None, Some(vec!["read".to_owned()])] {
        let input = CreateToken {
            name: "for Laravel".to_owned(),
            password: Secret::new(PASSWORD),
            abilities,
            expires_at: None,
        };
        let made = users::create_token(&world, &actor, input).await.unwrap();
        let hash = world
            .database
            .text(&format!("SELECT token FROM personal_access_tokens WHERE id = {}", made.info.id))
            .await
            .unwrap();
        tokens.push(json!({"bearer": made.token, "id": made.info.id, "hash": hash}));
    }
    let input = ForgotPassword { email: "sara@example.com".to_owned() };
    users::forgot_password(&world, &client("203.0.113.7"), input).await.unwrap();
    let stored = world.database.text("SELECT token FROM password_reset_tokens").await.unwrap();
    let seed = world
        .database
        .text("SELECT JSON_UNQUOTE(JSON_EXTRACT(letter, '$.seed')) FROM hub_mails")
        .await
        .unwrap()
        .unwrap();
    let token = mails::reset_token(&world, &seed).unwrap();
    assert!(token.len() == 64 && !stored.clone().unwrap().contains(&token));
    let resets = vec![json!({"token": token, "stored": stored})];
    let address = format!("{}/api/v1/auth/email/verify/{id}/0123", text(&fixtures(), "app_url"));
    let urls = vec![mails::sign_address(&world, &address, 4_102_444_800).unwrap()];

    let ours = json!({
        "app_key": fixtures()["app_key"], "passwords": passwords, "tokens": tokens, "resets": resets, "urls": urls,
    });
    let file = std::env::temp_dir().join(format!("majlis-laravel-{}.json", std::process::id()));
    std::fs::write(&file, ours.to_string()).unwrap();
    let checked = Command::new("php").arg(CHECK).arg(&file).output();
    std::fs::remove_file(&file).unwrap();
    match checked {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        // Without PHP the fixtures speak for it: each of these is made by the same functions that read them above.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}

#[tokio::test]
async fn roles_are_spaties_and_what_laravel_remembers_of_them_is_dropped() {
    let world = world().await;
    let cache = &fixtures()["permission_cache"];
    let (key, value) = (text(cache, "key"), text(cache, "value"));
    let remember = format!(
        "INSERT INTO cache (`key`, value, expiration) VALUES ('{key}', '{value}', 2000000000), ('other', 'x', 2000000000)"
    );
    domain::system::install_roles(&world).await.unwrap();
    world.execute(&remember).await;
    let (root, root_acts) = world.user_with_role("root", "super-admin").await;
    let (id, _) = world.user("sara").await;
    // As Laravel writes it, in the spelling that is not ours.
    world
        .execute(&format!(
            "INSERT INTO model_has_roles (role_id, model_type, model_id) SELECT id, 'user', {id} FROM roles \
             WHERE name = 'moderator'"
        ))
        .await;
    let found = users::find_account(&world, &root_acts, Some(id)).await.unwrap();
    assert_eq!(found.roles, ["moderator"]);
    let version = base::conditional::IfMatch::of(vec!["*".to_owned()]);
    let input = protocol::accounts::SetRoles { roles: vec!["speaker".to_owned()], reason: None };
    let set = users::set_roles(&world, &root_acts, id, &version, input).await.unwrap();
    assert_eq!(set.roles, ["speaker"]);
    let rows = "SELECT CONCAT(r.name, ' ', m.model_type) FROM model_has_roles m JOIN roles r ON r.id = m.role_id \
                WHERE r.guard_name = 'web' AND m.model_id = ";
    let written = world.database.text(&format!("{rows}{id}")).await.unwrap();
    assert_eq!(written.as_deref(), Some(r"speaker App\Models\User"));
    assert_eq!(world.number("SELECT COUNT(*) FROM cache WHERE `key` LIKE '%spatie%'").await, 0);
    assert_eq!(world.number("SELECT COUNT(*) FROM cache").await, 1, "and nothing else");
    assert_eq!(users::find_account(&world, &root_acts, Some(root)).await.unwrap().roles, ["super-admin"]);
}

#[tokio::test]
async fn notifications_are_read_in_both_directions() {
    for (style, model) in [(MorphStyle::Class, r"App\Models\User"), (MorphStyle::Alias, "user")] {
        let world = World::with(|settings| {
            as_that_application(settings);
            settings.morph = style;
        })
        .await;
        let (id, actor) = world.user("sara").await;
        for name in ["notification", "foreign_notification"] {
            let row = &fixtures()[name];
            let quoted = |text: &str| text.replace('\\', r"\\").replace('\'', r"\'");
            world
                .execute(&format!(
                    "INSERT INTO notifications (id, type, notifiable_type, notifiable_id, data, created_at, updated_at) \
                     VALUES ('{}', '{}', 'App\\\\Models\\\\User', {id}, '{}', UTC_TIMESTAMP(), UTC_TIMESTAMP())",
                    text(row, "id"),
                    quoted(text(row, "type")),
                    quoted(text(row, "data")),
                ))
                .await;
        }
        assert_eq!(users::find_me(&world, &actor).await.unwrap().unread.notifications, 2);
        // Ours, by changing the password.
        let input = ChangePassword {
            current_password: Secret::new(PASSWORD),
            password: Secret::new("a longer walk by the sea"),
            password_confirmation: None,
            revoke_others: false,
        };
        users::change_password(&world, &actor, input).await.unwrap();
        let ours = "FROM notifications WHERE JSON_VALID(data) AND JSON_EXTRACT(data, '$.kind') = 'account.password_changed'";
        let column =
            async |name: &str| world.database.text(&format!("SELECT {name} {ours}")).await.unwrap().unwrap();
        assert_eq!(column("notifiable_type").await, model);
        assert_eq!(column("type").await, r"App\Notifications\AccountPasswordChanged");
        assert_eq!(column("id").await.len(), 36);
        assert_eq!(
            column("JSON_UNQUOTE(JSON_EXTRACT(data, '$.title_key'))").await,
            "account.password_changed"
        );
        assert_eq!(NotificationKind::AccountPasswordChanged.class(), "AccountPasswordChanged");
        assert_eq!(users::find_me(&world, &actor).await.unwrap().unread.notifications, 3);
    }
}
