//! Rows as clients see them.

use base::Time;
use chrono::{DateTime, Utc};
use protocol::rooms::ReactionType;
use protocol::social::{
    Comment, FollowRequestStatus, Post, PostCounters, PostReport, PostType, Reaction, ReportReason,
    ReportStatus, Share,
};
use store::StoreError;
use store::posts::{CommentRow, ListedReactionRow, LockedPostRow, PostRow, ReportRow, ShareRow};

use crate::App;
use crate::uploads::{picture_url, signed_url};
use crate::users::card_view;

pub(super) fn request_status(column: &str) -> Result<FollowRequestStatus, StoreError> {
    let all = [FollowRequestStatus::Pending, FollowRequestStatus::Accepted, FollowRequestStatus::Rejected];
    let found = all.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "follow_requests", column: "status" })
}

pub(super) fn report_status(column: &str) -> Result<ReportStatus, StoreError> {
    let all =
        [ReportStatus::Pending, ReportStatus::Reviewing, ReportStatus::Resolved, ReportStatus::Dismissed];
    let found = all.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "post_reports", column: "status" })
}

pub(super) fn report_reason(column: &str) -> Result<ReportReason, StoreError> {
    let found = ReportReason::ALL.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "post_reports", column: "reason" })
}

pub(super) fn reaction_type(column: &str) -> Result<ReactionType, StoreError> {
    let found = ReactionType::ALL.into_iter().find(|one| one.as_str() == column);
    found.ok_or(StoreError::Corrupt { table: "reactions", column: "type" })
}

/// When words were changed: the row's time of change, if it is another than that of its making.
fn edited_at(created_at: Option<DateTime<Utc>>, updated_at: Option<DateTime<Utc>>) -> Option<Time> {
    updated_at.filter(|updated| created_at.is_some_and(|created| *updated > created)).map(Time::from)
}

/// The time of a change, which tells the changed from the unchanged: later than the making by a second at least.
pub(super) fn change_time(created_at: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let now = Time::now_in_seconds();
    let least = created_at.map_or(now, |created| Time::from(created).plus_seconds(1));
    now.max(least).as_chrono()
}

pub(super) fn post_view(app: &App, row: PostRow) -> Result<Post, StoreError> {
    let post_type = PostType::ALL.into_iter().find(|one| one.as_str() == row.post_type);
    let paths = row.media_urls.as_ref().and_then(|json| json.as_array());
    let paths = paths.into_iter().flatten().filter_map(|path| path.as_str());
    Ok(Post {
        id: row.post_id,
        post_type: post_type.ok_or(StoreError::Corrupt { table: "posts", column: "post_type" })?,
        media_urls: paths.map(|path| signed_url(app, path)).collect(),
        content: row.content,
        reactions_count: row.reactions_count,
        comments_count: row.comments_count,
        shares_count: row.shares_count,
        views_count: row.views_count,
        is_pinned: row.is_pinned,
        is_hidden: row.is_hidden,
        my_reaction: row.my_reaction.as_deref().map(reaction_type).transpose()?,
        created_at: row.created_at.map(Time::from),
        edited_at: edited_at(row.created_at, row.updated_at),
        user: card_view(app, row.author),
    })
}

/// A post as everybody may see it who may see it.
pub(super) fn told_post(post: &Post) -> Box<Post> {
    Box::new(Post { my_reaction: None, ..post.clone() })
}

pub(super) fn counters_view(post_id: u64, row: &LockedPostRow) -> PostCounters {
    PostCounters {
        post_id,
        reactions_count: row.reactions_count,
        comments_count: row.comments_count,
        shares_count: row.shares_count,
        views_count: row.views_count,
    }
}

fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// A deleted comment is a tombstone: its place without its words, author, picture and reactions (domain.md §4.4).
pub(super) fn comment_view(app: &App, row: CommentRow) -> Result<Comment, StoreError> {
    let there = row.deleted_at.is_none();
    let my_reaction = row.my_reaction.as_deref().map(reaction_type).transpose()?;
    Ok(Comment {
        id: row.comment_id,
        post_id: row.post_id,
        parent_id: row.parent_id,
        user: there.then(|| card_view(app, row.author)),
        content: there.then_some(row.content),
        image_url: picture_url(app, row.image.filter(|_| there)),
        is_pinned: row.is_pinned && there,
        deleted: !there,
        replies_count: count(row.replies_count),
        reactions_count: if there { count(row.reactions_count) } else { 0 },
        my_reaction: my_reaction.filter(|_| there),
        created_at: row.created_at.map(Time::from),
        edited_at: edited_at(row.created_at, row.updated_at).filter(|_| there),
    })
}

/// A comment as everybody may see it who may see it.
pub(super) fn told_comment(comment: &Comment) -> Box<Comment> {
    Box::new(Comment { my_reaction: None, ..comment.clone() })
}

pub(super) fn reaction_view(app: &App, row: ListedReactionRow) -> Result<Reaction, StoreError> {
    Ok(Reaction {
        user: card_view(app, row.card),
        reaction: reaction_type(&row.reaction)?,
        reacted_at: row.reacted_at.map(Time::from),
    })
}

pub(super) fn share_view(app: &App, row: ShareRow) -> Share {
    Share {
        id: row.share_id,
        post_id: row.post_id,
        user: card_view(app, row.card),
        comment: row.comment,
        created_at: row.shared_at.map(Time::from),
    }
}

pub(super) fn report_view(app: &App, row: ReportRow) -> Result<PostReport, StoreError> {
    Ok(PostReport {
        id: row.report_id,
        post_id: row.post_id,
        author_id: row.author_id,
        post_content: row.post_content,
        is_post_deleted: row.is_post_deleted,
        reporter: card_view(app, row.card),
        reason: report_reason(&row.reason)?,
        details: row.details,
        status: report_status(&row.status)?,
        action_taken: row.action_taken,
        reviewed_by: row.reviewed_by,
        reviewed_at: row.reviewed_at.map(Time::from),
        created_at: row.reported_at.map(Time::from),
    })
}
