//! The social graph and the feed (domain.md §5.3): inputs and views.

use base::Time;
use base::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rooms::ReactionType;
use crate::users::UserCard;

/// How far following somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FollowStatus {
    /// Their posts are in the feed.
    Following,
    /// The account is private; its owner was asked.
    Requested,
}

/// Answer of `follow_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowState {
    /// Who is followed, or asked.
    pub user_id: UserId,
    /// How far it has come.
    pub status: FollowStatus,
}

/// Somebody in a list of followers, or of those whom somebody follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowedUser {
    /// Who.
    #[serde(flatten)]
    pub card: UserCard,
    /// Since when.
    pub followed_at: Option<Time>,
}

/// `follow_requests.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FollowRequestStatus {
    /// Waits for an answer.
    Pending,
    /// The follower follows.
    Accepted,
    /// Not now.
    Rejected,
}

impl FollowRequestStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

/// Which requests to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestDirection {
    /// Those that the asker has received.
    #[default]
    In,
    /// Those that the asker has sent.
    Out,
}

/// A request to follow a private account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowRequest {
    /// Its id.
    pub id: u64,
    /// The other side: who asks, or who was asked.
    pub user: UserCard,
    /// Received or sent?
    pub direction: RequestDirection,
    /// What became of it.
    pub status: FollowRequestStatus,
    /// When it was made.
    pub created_at: Option<Time>,
}

/// Who follows whom, for those two (`follow.*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Follow {
    /// Who follows.
    pub follower: UserCard,
    /// Who is followed.
    pub following: UserCard,
}

/// `posts.post_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PostType {
    /// Words.
    #[default]
    Text,
    /// Pictures.
    Image,
    /// Videos.
    Video,
    /// Sounds.
    Audio,
}

impl PostType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Image, Self::Video, Self::Audio];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// Input of `create_post`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePost {
    /// What it is made of.
    #[serde(default)]
    pub post_type: PostType,
    /// The words, at most 5,000 characters; required for `text`.
    #[serde(default)]
    #[schema(max_length = 5000)]
    pub content: Option<String>,
    /// One to ten of the asker's uploads, all of the post's type; none for `text`.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub media: Vec<u64>,
}

/// Input of `update_post`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePost {
    /// The words, at most 5,000 characters; `null` takes them away, which a post of words alone does not allow.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, max_length = 5000)]
    pub content: Option<String>,
}

/// A post as one viewer sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Post {
    /// Its id.
    pub id: u64,
    /// Its author.
    pub user: UserCard,
    /// What it is made of.
    pub post_type: PostType,
    /// The words.
    pub content: Option<String>,
    /// Addresses of its media; they expire.
    pub media_urls: Vec<String>,
    /// Reactions.
    pub reactions_count: u32,
    /// Comments and answers.
    pub comments_count: u32,
    /// Shares.
    pub shares_count: u32,
    /// How often it was seen, roughly.
    pub views_count: u32,
    /// On top of its author's profile?
    pub is_pinned: bool,
    /// Many have reported it: nobody but its author and moderators sees it until it was reviewed.
    pub is_hidden: bool,
    /// The viewer's own reaction; in events `null`.
    pub my_reaction: Option<ReactionType>,
    /// When it was made.
    pub created_at: Option<Time>,
    /// When its words were last changed; `null` if never.
    pub edited_at: Option<Time>,
}

/// An entry of somebody's timeline: what they have posted, or shared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// The post.
    #[serde(flatten)]
    pub post: Post,
    /// How it came into the timeline, where its owner has shared it; `null` for the owner's own post.
    pub share: Option<TimelineShare>,
}

/// A share as the timeline of who shared shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineShare {
    /// Its id.
    pub id: u64,
    /// What was said with it.
    pub comment: Option<String>,
    /// When.
    pub shared_at: Option<Time>,
}

/// Filters of somebody's timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimelineFilter {
    /// Only posts of this type; without shares.
    pub post_type: Option<PostType>,
    /// Only posts on top of the profile (`true`), or only others (`false`); without shares.
    pub is_pinned: Option<bool>,
}

/// The counters of a post, also the `data` of the reply to subscribing `post:{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PostCounters {
    /// The post.
    pub post_id: u64,
    /// Reactions.
    pub reactions_count: u32,
    /// Comments and answers.
    pub comments_count: u32,
    /// Shares.
    pub shares_count: u32,
    /// How often it was seen, roughly.
    pub views_count: u32,
}

/// What can be reacted to here. Messages of live rooms have an operation of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reactable {
    /// A post.
    Post,
    /// A comment.
    Comment,
    /// A message of a conversation.
    Message,
}

/// Answer of `react`: the reactions to a thing after one was set or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReactionState {
    /// What it is.
    pub target_type: Reactable,
    /// Its id.
    pub target_id: u64,
    /// How many reactions it has now.
    pub reactions_count: u32,
    /// The asker's own; `null` when taken back.
    pub my_reaction: Option<ReactionType>,
}

/// Somebody's reaction in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Whose.
    pub user: UserCard,
    /// Which.
    #[serde(rename = "type")]
    pub reaction: ReactionType,
    /// When.
    pub reacted_at: Option<Time>,
}

/// That somebody's reaction has changed (`reaction.changed`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReactionChange {
    /// What was reacted to.
    pub target_type: Reactable,
    /// Its id.
    pub target_id: u64,
    /// Who.
    pub user_id: UserId,
    /// Their reaction now; `null` when taken back.
    #[serde(rename = "type")]
    pub reaction: Option<ReactionType>,
    /// How many reactions there are now.
    pub reactions_count: u32,
}

/// Input of `create_comment`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateComment {
    /// The words.
    #[schema(min_length = 1, max_length = 2000)]
    pub content: String,
    /// One of the asker's uploads, a picture.
    #[serde(default)]
    pub image: Option<u64>,
    /// The comment of the same post that it answers; answers go three levels deep.
    #[serde(default)]
    pub parent_id: Option<u64>,
}

/// Input of `update_comment`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateComment {
    /// The words.
    #[schema(min_length = 1, max_length = 2000)]
    pub content: String,
}

/// A comment as one viewer sees it. Of a deleted one only its place is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// Its post.
    pub post_id: u64,
    /// What it answers.
    pub parent_id: Option<u64>,
    /// Its author; `null` when deleted.
    pub user: Option<UserCard>,
    /// The words; `null` when deleted.
    pub content: Option<String>,
    /// Address of its picture; it expires.
    pub image_url: Option<String>,
    /// On top of its post?
    pub is_pinned: bool,
    /// Only its place is left.
    pub deleted: bool,
    /// Answers to it.
    pub replies_count: u32,
    /// Reactions.
    pub reactions_count: u32,
    /// The viewer's own reaction; in events `null`.
    pub my_reaction: Option<ReactionType>,
    /// When it was made.
    pub created_at: Option<Time>,
    /// When its words were last changed; `null` if never.
    pub edited_at: Option<Time>,
}

/// Input of `share_post`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SharePost {
    /// What to say with it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub comment: Option<String>,
}

/// A share of a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// Its id.
    pub id: u64,
    /// The post.
    pub post_id: u64,
    /// Who has shared it.
    pub user: UserCard,
    /// What was said with it.
    pub comment: Option<String>,
    /// When.
    pub created_at: Option<Time>,
}

/// `post_reports.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportReason {
    /// Advertising nobody asked for.
    Spam,
    /// Harassment.
    Harassment,
    /// Hate.
    HateSpeech,
    /// Violence.
    Violence,
    /// What is not true.
    Misinformation,
    /// Something else.
    Other,
}

impl ReportReason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Spam, Self::Harassment, Self::HateSpeech, Self::Violence, Self::Misinformation, Self::Other];

    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Harassment => "harassment",
            Self::HateSpeech => "hate_speech",
            Self::Violence => "violence",
            Self::Misinformation => "misinformation",
            Self::Other => "other",
        }
    }
}

/// `post_reports.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportStatus {
    /// Waits for a moderator.
    Pending,
    /// A moderator looks into it.
    Reviewing,
    /// Something was done, or decided.
    Resolved,
    /// There was nothing in it.
    Dismissed,
}

impl ReportStatus {
    /// The value of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Reviewing => "reviewing",
            Self::Resolved => "resolved",
            Self::Dismissed => "dismissed",
        }
    }
}

/// Input of `report_post`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportPost {
    /// Why.
    pub reason: ReportReason,
    /// In one's own words.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub details: Option<String>,
}

/// A report as the one who made it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PostReported {
    /// Its id.
    pub id: u64,
    /// The post.
    pub post_id: u64,
    /// Why.
    pub reason: ReportReason,
    /// What became of it.
    pub status: ReportStatus,
    /// When it was made.
    pub created_at: Option<Time>,
}

/// A report as moderators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PostReport {
    /// Its id.
    pub id: u64,
    /// The post.
    pub post_id: u64,
    /// The author of the post.
    pub author_id: UserId,
    /// The post's words.
    pub post_content: Option<String>,
    /// The post was deleted.
    pub is_post_deleted: bool,
    /// Who reported.
    pub reporter: UserCard,
    /// Why.
    pub reason: ReportReason,
    /// In the reporter's own words.
    pub details: Option<String>,
    /// Its state.
    pub status: ReportStatus,
    /// What was done, and why.
    pub action_taken: Option<String>,
    /// Who has reviewed it, or does.
    pub reviewed_by: Option<UserId>,
    /// When it was closed.
    pub reviewed_at: Option<Time>,
    /// When it was made.
    pub created_at: Option<Time>,
}

/// Filters of the list of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportsFilter {
    /// In this state.
    pub status: Option<ReportStatus>,
    /// For this reason.
    pub reason: Option<ReportReason>,
    /// Of this post.
    pub post_id: Option<u64>,
}

/// What a moderator does about a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportAction {
    /// Nothing; a post that was hidden is shown again.
    None,
    /// Deletes it.
    RemovePost,
    /// Warns its author.
    Warn,
    /// Deletes it and suspends its author.
    SuspendUser,
}

impl ReportAction {
    /// The word that the reports keep.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::RemovePost => "remove_post",
            Self::Warn => "warn",
            Self::SuspendUser => "suspend_user",
        }
    }
}

/// Input of `resolve_report`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveReport {
    /// What to do.
    pub action: ReportAction,
    /// Why, for the reports and the audit log.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub note: Option<String>,
}
