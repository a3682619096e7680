//! The operations of `domain::social` (domain.md §5.3), and the invariants that they must leave (§12).

mod abilities;
mod comments;
mod follows;
mod managed;
mod posts;
mod reports;

use base::{Fault, Rule};
use domain::social::SocialError;

use crate::world::World;

fn rule<T: std::fmt::Debug>(outcome: Result<T, SocialError>) -> Rule {
    outcome.expect_err("it is refused").rule()
}

/// The invariants of domain.md §12 that do not hold: each is a query that must give no row.
async fn broken(world: &World) -> Vec<&'static str> {
    let checks = [
        ("I-S1 self", "SELECT id FROM followers WHERE follower_id = following_id"),
        (
            "I-S1 counts",
            "SELECT p.id FROM user_profiles p WHERE p.followers_count <> (SELECT COUNT(*) FROM followers f \
             WHERE f.following_id = p.user_id) OR p.following_count <> (SELECT COUNT(*) FROM followers f \
             WHERE f.follower_id = p.user_id)",
        ),
        (
            "I-S1 blocks",
            "SELECT f.id FROM followers f JOIN hub_user_blocks b ON (b.blocker_id = f.follower_id AND \
             b.blocked_id = f.following_id) OR (b.blocker_id = f.following_id AND b.blocked_id = f.follower_id)",
        ),
        (
            "I-S2 accepted",
            "SELECT r.id FROM follow_requests r LEFT JOIN followers f ON f.follower_id = r.follower_id AND \
             f.following_id = r.following_id WHERE (r.status = 'accepted') <> (f.id IS NOT NULL)",
        ),
        (
            "I-S2 public",
            "SELECT r.id FROM follow_requests r JOIN user_profiles p ON p.user_id = r.following_id \
             WHERE r.status = 'pending' AND p.is_private = 0",
        ),
        (
            "I-S3 one each",
            "SELECT MIN(id) FROM reactions GROUP BY user_id, reactable_id, LOWER(SUBSTRING_INDEX(reactable_type, \
             '\\\\', -1)) HAVING COUNT(*) > 1",
        ),
        (
            "I-S3 reactions",
            "SELECT p.id FROM posts p WHERE p.reactions_count <> (SELECT COUNT(*) FROM reactions r \
             WHERE r.reactable_id = p.id AND r.reactable_type IN ('post', 'App\\\\Models\\\\Post'))",
        ),
        (
            "I-S3 comments",
            "SELECT p.id FROM posts p WHERE p.comments_count <> (SELECT COUNT(*) FROM comments c \
             WHERE c.post_id = p.id AND c.deleted_at IS NULL)",
        ),
        (
            "I-S3 shares",
            "SELECT p.id FROM posts p WHERE p.shares_count <> (SELECT COUNT(*) FROM post_shares s \
             WHERE s.post_id = p.id)",
        ),
        (
            "I-S4",
            "SELECT c.id FROM comments c JOIN comments a ON a.id = c.parent_id WHERE a.post_id <> c.post_id",
        ),
        (
            "I-S5",
            "SELECT MIN(id) FROM post_reports WHERE status IN ('pending', 'reviewing') \
             GROUP BY user_id, post_id HAVING COUNT(*) > 1",
        ),
    ];
    let mut broken = Vec::new();
    for (name, check) in checks {
        if world.number(&format!("SELECT COUNT(*) FROM ({check}) broken")).await > 0 {
            broken.push(name);
        }
    }
    broken
}

/// The kinds of somebody's notifications with their counts, the oldest first.
async fn told(world: &World, user_id: u64) -> Vec<String> {
    let all = world
        .database
        .text(&format!(
            "SELECT GROUP_CONCAT(CONCAT(JSON_UNQUOTE(JSON_EXTRACT(data, '$.kind')), ' ', \
             JSON_EXTRACT(data, '$.count')) ORDER BY created_at, id SEPARATOR ',') \
             FROM notifications WHERE notifiable_id = {user_id}"
        ))
        .await
        .unwrap();
    let mut all: Vec<String> = all.unwrap_or_default().split(',').map(str::to_owned).collect();
    all.retain(|kind| !kind.is_empty());
    all.sort_unstable();
    all
}

/// Makes an account private, or public, past its operation.
async fn set_private(world: &World, user_id: u64, private: bool) {
    world
        .execute(&format!("UPDATE user_profiles SET is_private = {private} WHERE user_id = {user_id}"))
        .await;
}
