//! What moderators see of posts and comments (domain.md §5.11): inputs and views.

use base::Time;
use base::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::Trashed;
use crate::social::{Post, PostType};
use crate::users::UserCard;

/// A post in the moderators' list, whatever became of it and of its author.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ManagedPost {
    /// The post.
    #[serde(flatten)]
    pub post: Post,
    /// Reports that nobody has closed.
    pub open_reports: u32,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
}

/// A comment in the moderators' list. Unlike the others they see what a deleted one said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedComment {
    /// Its id.
    pub id: u64,
    /// Its post.
    pub post_id: u64,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// Its author.
    pub user: UserCard,
    /// The words.
    pub content: String,
    /// Address of its picture; it expires.
    pub image_url: Option<String>,
    /// When it was made.
    pub created_at: Option<Time>,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
}

/// Filters of the moderators' list of posts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedPostsFilter {
    /// Of this author.
    pub user_id: Option<UserId>,
    /// Made of this.
    pub post_type: Option<PostType>,
    /// With these words in it.
    pub words: Option<String>,
    /// Hidden until they are reviewed, or not.
    pub is_hidden: Option<bool>,
    /// Deleted ones.
    pub trashed: Trashed,
}

/// Filters of the moderators' list of comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedCommentsFilter {
    /// Of this author.
    pub user_id: Option<UserId>,
    /// On this post.
    pub post_id: Option<u64>,
    /// With these words in it.
    pub words: Option<String>,
    /// Deleted ones.
    pub trashed: Trashed,
}

/// Body of `PATCH /admin/posts/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPostHidden {
    /// Only its author and moderators see it any more, or everybody again.
    pub is_hidden: bool,
    /// Why, for the audit log: up to 200 characters.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}
