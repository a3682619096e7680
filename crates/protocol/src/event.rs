//! What clients are told: the envelope of every publication and the catalogue of events (realtime.md §3, §4; domain.md §6.6).

use std::collections::BTreeMap;

use base::Time;
use base::id::{ConversationId, MessageId, RoomId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::books::{Annotation, ReadingProgress};
use crate::channel::Channel;
use crate::chat::Message;
use crate::consultations::{Booking, Rating};
use crate::courses::CourseStatus;
use crate::gifts::GiftSentEvent;
use crate::learning::{Certificate, Enrollment, Progress};
use crate::notifications::Notification;
use crate::presence::{PresenceState, Visibility};
use crate::rooms::{ReactionType, RoomMember, RoomMessage, RoomTerms};
use crate::social::{Comment, Follow, Post, PostCounters, ReactionChange, ReportReason, ReportStatus};
use crate::users::UserCard;
use crate::wallet::{TopUp, Withdrawal};

/// How an event travels, declared once per event (domain.md D13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Bus only, not kept: typing, viewer counts.
    Signal,
    /// Published after commit and before the acknowledgement. For writes with a key, whose repeat publishes it again,
    /// and for what can be done without: that somebody came in, and presence, which Redis keeps by itself.
    Live,
    /// As `Live`, and an outbox row in the same transaction publishes it even if the client never comes back. For
    /// money, and for writes without a key, whose repeat finds nothing left to do. Published late, it may be heard
    /// after newer events: its `at` says so.
    Durable,
}

/// Everything that a client can be told. On the wire `{"type":"chat.message_created","data":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A 1:1 message, to both participants; `unread_total` is the hearer's own.
    #[serde(rename = "chat.message_created")]
    ChatMessageCreated {
        /// The message.
        message: Message,
        /// Unread messages of the user whose channel this is, over all conversations.
        unread_total: u32,
        /// Grows with each change of that total. Events are published after their commits, so two may be heard in the
        /// other order: of two totals the one with the greater version counts.
        #[serde(default)]
        unread_version: u64,
    },
    /// A message was edited, to both participants.
    #[serde(rename = "chat.message_updated")]
    ChatMessageUpdated {
        /// The message as it is now; of two states the one with the greater `edited_at` counts.
        message: Message,
    },
    /// A message was deleted for both participants.
    #[serde(rename = "chat.message_deleted")]
    ChatMessageDeleted {
        /// The conversation.
        conversation_id: ConversationId,
        /// The message, of which only the place is left. That is final.
        message_id: MessageId,
        /// The hearer's own unread total: one less for the receiver who had not read it.
        unread_total: u32,
        /// The version of that total.
        unread_version: u64,
    },
    /// A conversation was deleted for both participants, until its next message.
    #[serde(rename = "chat.conversation_deleted")]
    ChatConversationDeleted {
        /// The conversation.
        conversation_id: ConversationId,
        /// The hearer's own unread total, without what is unread in it.
        unread_total: u32,
        /// The version of that total.
        unread_version: u64,
    },
    /// A deleted conversation was opened again, without a message; to both participants.
    #[serde(rename = "chat.conversation_restored")]
    ChatConversationRestored {
        /// The conversation.
        conversation_id: ConversationId,
        /// The hearer's own unread total, with what is unread in it.
        unread_total: u32,
        /// The version of that total.
        unread_version: u64,
    },
    /// Somebody has read a conversation up to a message.
    #[serde(rename = "chat.messages_read")]
    ChatMessagesRead {
        /// The conversation.
        conversation_id: ConversationId,
        /// Who has read.
        reader_id: UserId,
        /// The newest message of the other one that is read. What is read stays read; but two receipts may be heard
        /// in the other order than they were written, so of two the greater one counts.
        up_to: MessageId,
        /// When.
        at: Time,
        /// The hearer's own unread total, present on the reader's channel only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread_total: Option<u32>,
        /// The version of that total.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread_version: Option<u64>,
    },
    /// The other participant types; forget it at `until`.
    #[serde(rename = "chat.typing_started")]
    ChatTypingStarted {
        /// The conversation.
        conversation_id: ConversationId,
        /// Who types.
        user_id: UserId,
        /// When to stop showing it.
        until: Time,
    },
    /// A message in a live room.
    #[serde(rename = "room.message_created")]
    RoomMessageCreated {
        /// The message.
        message: RoomMessage,
    },
    /// Somebody joined a live room (small rooms only).
    #[serde(rename = "room.member_joined")]
    RoomMemberJoined {
        /// The room.
        room_id: RoomId,
        /// Who joined.
        user: RoomMember,
    },
    /// Somebody left a live room by themselves (small rooms only).
    #[serde(rename = "room.member_left")]
    RoomMemberLeft {
        /// The room.
        room_id: RoomId,
        /// Who left.
        user: RoomMember,
    },
    /// Of a message only the place is left; if it was pinned, it is not any more.
    #[serde(rename = "room.message_deleted")]
    RoomMessageDeleted {
        /// The room.
        room_id: RoomId,
        /// The message.
        message_id: u64,
        /// Its author, the host or a moderator.
        deleted_by: UserId,
    },
    /// A message is on top of the room.
    #[serde(rename = "room.message_pinned")]
    RoomMessagePinned {
        /// The message.
        message: RoomMessage,
    },
    /// A message is not on top of the room any more.
    #[serde(rename = "room.message_unpinned")]
    RoomMessageUnpinned {
        /// The room.
        room_id: RoomId,
        /// The message.
        message_id: u64,
    },
    /// The reactions to a message are these now; at most once per 500 ms a message.
    #[serde(rename = "room.reactions_changed")]
    RoomReactionsChanged {
        /// The room.
        room_id: RoomId,
        /// The message.
        message_id: u64,
        /// How many there are.
        reactions_count: u32,
        /// How many of each type; types that nobody chose are left out.
        #[schema(value_type = BTreeMap<String, u32>)]
        reactions: BTreeMap<ReactionType, u32>,
    },
    /// A member may not write in the room.
    #[serde(rename = "room.member_muted")]
    RoomMemberMuted {
        /// The room.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
        /// Until then, or until unmuted.
        until: Option<Time>,
    },
    /// A member may write in the room again.
    #[serde(rename = "room.member_unmuted")]
    RoomMemberUnmuted {
        /// The room.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
    },
    /// A member was put out of the room for a few minutes.
    #[serde(rename = "room.member_kicked")]
    RoomMemberKicked {
        /// The room.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
        /// By whom.
        by: UserId,
        /// When they may come back.
        until: Time,
    },
    /// A member was put out of the room for good.
    #[serde(rename = "room.member_banned")]
    RoomMemberBanned {
        /// The room.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
        /// By whom.
        by: UserId,
    },
    /// Somebody who was kicked or banned may come in again.
    #[serde(rename = "room.member_unbanned")]
    RoomMemberUnbanned {
        /// The room.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
        /// By whom.
        by: UserId,
    },
    /// Members wait so long between two messages.
    #[serde(rename = "room.slow_mode_changed")]
    RoomSlowModeChanged {
        /// The room.
        room_id: RoomId,
        /// Seconds; 0 is off.
        slow_mode_seconds: u32,
    },
    /// So many users listen to a room now: at most once a second a room, when the number has changed; the last number
    /// is always told.
    #[serde(rename = "room.viewers")]
    RoomViewers {
        /// The room.
        room_id: RoomId,
        /// Distinct users who listen.
        viewers: u32,
    },
    /// A live room went live.
    #[serde(rename = "room.started")]
    RoomStarted {
        /// The room.
        room_id: RoomId,
        /// Since when.
        started_at: Time,
    },
    /// A gift was given: an animation in the room (or post) and word to the receiver.
    #[serde(rename = "gift.sent")]
    GiftSent(Box<GiftSentEvent>),
    /// The hearer's own wallet changed.
    #[serde(rename = "wallet.updated")]
    WalletUpdated {
        /// Money at hand.
        balance: base::Money,
        /// Money reserved for withdrawals.
        pending_balance: base::Money,
        /// The ledger row that caused it.
        transaction_id: u64,
    },
    /// A user went online or offline.
    #[serde(rename = "presence.changed")]
    PresenceChanged(PresenceState),
    /// The hearer shows their own status to others from now on, or hides it.
    #[serde(rename = "presence.visibility_changed")]
    PresenceVisibilityChanged(Visibility),
    /// One of the hearer's sessions was ended; its sockets are closed next.
    #[serde(rename = "session.revoked")]
    SessionRevoked {
        /// The session, or `null` for all of them.
        session_id: Option<String>,
    },
    /// Something happened to the hearer. The same id again: more of the same, told by one notification.
    #[serde(rename = "notification.created")]
    NotificationCreated {
        /// The notification.
        notification: Box<Notification>,
        /// How many are unread now.
        unread_count: u32,
    },
    /// The hearer has read notifications, on whichever device.
    #[serde(rename = "notification.read")]
    NotificationRead {
        /// Which; nothing for all of them.
        ids: Option<Vec<String>>,
        /// How many are unread now.
        unread_count: u32,
    },
    /// The hearer's own account changed, on whichever device: name, pictures, address, profile.
    #[serde(rename = "account.updated")]
    AccountUpdated {
        /// What others see of it at a glance.
        user: UserCard,
    },
    /// Somebody asked to follow a private account, to both.
    #[serde(rename = "follow.requested")]
    FollowRequested {
        /// The request.
        request_id: u64,
        /// Who asks whom.
        follow: Follow,
    },
    /// A request was accepted: the one follows the other now; to both.
    #[serde(rename = "follow.accepted")]
    FollowAccepted {
        /// The request.
        request_id: u64,
        /// Who follows whom.
        follow: Follow,
    },
    /// Somebody follows somebody, to both.
    #[serde(rename = "follow.created")]
    FollowCreated(Follow),
    /// Somebody does not follow somebody any more, or does not ask to; to both.
    #[serde(rename = "follow.removed")]
    FollowRemoved {
        /// Who followed, or asked.
        follower_id: UserId,
        /// Whom.
        following_id: UserId,
    },
    /// Somebody whom the hearer follows, or the hearer on another device, has posted.
    #[serde(rename = "post.created")]
    PostCreated {
        /// The post.
        post: Box<Post>,
    },
    /// A post was edited, pinned or unpinned.
    #[serde(rename = "post.updated")]
    PostUpdated {
        /// The post as it is now.
        post: Box<Post>,
    },
    /// A post is not to be shown any more: it was deleted, or is hidden until it was reviewed.
    #[serde(rename = "post.deleted")]
    PostDeleted {
        /// The post.
        post_id: u64,
        /// Its author.
        user_id: UserId,
    },
    /// The counters of a post are these now; at most once per 500 ms a post.
    #[serde(rename = "post.counters")]
    PostCounters(PostCounters),
    /// Somebody followed by many has posted: the feed is to be read again when it is looked at.
    #[serde(rename = "feed.stale")]
    FeedStale {
        /// Who has posted.
        user_id: UserId,
    },
    /// Somebody's reaction to a post, a comment or a message has changed.
    #[serde(rename = "reaction.changed")]
    ReactionChanged(ReactionChange),
    /// A comment on the post, or an answer to one.
    #[serde(rename = "comment.created")]
    CommentCreated {
        /// The comment.
        comment: Box<Comment>,
    },
    /// A comment was edited.
    #[serde(rename = "comment.updated")]
    CommentUpdated {
        /// The comment as it is now.
        comment: Box<Comment>,
    },
    /// Of a comment only the place is left.
    #[serde(rename = "comment.deleted")]
    CommentDeleted {
        /// The post.
        post_id: u64,
        /// The comment.
        comment_id: u64,
    },
    /// Another comment, or none, is on top of the post.
    #[serde(rename = "comment.pinned")]
    CommentPinned {
        /// The post.
        post_id: u64,
        /// The comment; `null` for none.
        comment_id: Option<u64>,
    },
    /// A post was reported, to moderators.
    #[serde(rename = "report.created")]
    ReportCreated {
        /// The report.
        report_id: u64,
        /// The post.
        post_id: u64,
        /// Why.
        reason: ReportReason,
    },
    /// A moderator looks into a report, or has left it to others again; to moderators.
    #[serde(rename = "report.claimed")]
    ReportClaimed {
        /// The report.
        report_id: u64,
        /// Who; `null` for nobody.
        by: Option<UserId>,
    },
    /// The reports of a post were closed, to moderators.
    #[serde(rename = "report.closed")]
    ReportClosed {
        /// The post.
        post_id: u64,
        /// Their state now.
        status: ReportStatus,
        /// How many.
        count: u32,
    },
    /// A course, its sections or its lessons were changed: read it again.
    #[serde(rename = "course.updated")]
    CourseUpdated {
        /// The course.
        course_id: u64,
        /// Its state.
        status: CourseStatus,
        /// How many lessons it has.
        total_lessons: u32,
        /// When; of two events the later one counts.
        updated_at: Time,
    },
    /// Somebody is in a course, for the first time or again.
    #[serde(rename = "enrollment.created")]
    EnrollmentCreated {
        /// The enrollment.
        enrollment: Box<Enrollment>,
    },
    /// A student is further in a lesson.
    #[serde(rename = "progress.updated")]
    ProgressUpdated(Box<Progress>),
    /// All lessons of a course are done.
    #[serde(rename = "course.completed")]
    CourseCompleted {
        /// The enrollment.
        enrollment_id: u64,
        /// The course.
        course_id: u64,
        /// When.
        completed_at: Time,
    },
    /// A certificate was issued.
    #[serde(rename = "certificate.issued")]
    CertificateIssued {
        /// The certificate.
        certificate: Box<Certificate>,
    },
    /// A book was bought, to the buyer and to who sells it.
    #[serde(rename = "book.purchased")]
    BookPurchased {
        /// The book.
        book_id: u64,
        /// Its title.
        title: String,
        /// Who bought it.
        user_id: UserId,
    },
    /// The hearer has read on, on whichever device; at most every 5 s a book.
    #[serde(rename = "reading.progress")]
    ReadingProgress(ReadingProgress),
    /// The hearer has marked something in a book.
    #[serde(rename = "annotation.created")]
    AnnotationCreated {
        /// The annotation.
        annotation: Annotation,
    },
    /// The hearer has changed a mark in a book.
    #[serde(rename = "annotation.updated")]
    AnnotationUpdated {
        /// The annotation; of two versions the one with the later `updated_at` counts.
        annotation: Annotation,
    },
    /// The hearer has taken a mark away. That is final.
    #[serde(rename = "annotation.deleted")]
    AnnotationDeleted {
        /// The book.
        book_id: u64,
        /// The annotation.
        annotation_id: u64,
    },
    /// The host changed what is said of a room.
    #[serde(rename = "room.updated")]
    RoomUpdated {
        /// The room.
        room_id: RoomId,
        /// All of it as it is now; of two the one with the greater `at` counts.
        room: Box<RoomTerms>,
    },
    /// The day's session is over; the programme goes on.
    #[serde(rename = "room.session_ended")]
    RoomSessionEnded {
        /// The room.
        room_id: RoomId,
        /// When.
        ended_at: Time,
    },
    /// The programme is over.
    #[serde(rename = "room.ended")]
    RoomEnded {
        /// The room.
        room_id: RoomId,
        /// When.
        ended_at: Time,
    },
    /// The room was called off; who paid is paid back.
    #[serde(rename = "room.cancelled")]
    RoomCancelled {
        /// The room.
        room_id: RoomId,
        /// When.
        cancelled_at: Time,
    },
    /// A session was booked, to both.
    #[serde(rename = "booking.created")]
    BookingCreated(Box<Booking>),
    /// The speaker has confirmed a session, to both.
    #[serde(rename = "booking.confirmed")]
    BookingConfirmed(Box<Booking>),
    /// The speaker has declined a session, to both.
    #[serde(rename = "booking.declined")]
    BookingDeclined(Box<Booking>),
    /// A session was called off, or its hold has ended, to both.
    #[serde(rename = "booking.cancelled")]
    BookingCancelled(Box<Booking>),
    /// The speaker proposes another time (`proposed_start`), to both.
    #[serde(rename = "booking.reschedule_proposed")]
    BookingRescheduleProposed(Box<Booking>),
    /// A session has another time, to both.
    #[serde(rename = "booking.rescheduled")]
    BookingRescheduled {
        /// The session as it is now.
        booking: Box<Booking>,
        /// When it was to begin.
        old: Time,
        /// When it begins.
        new: Time,
    },
    /// A session took place, to both.
    #[serde(rename = "booking.completed")]
    BookingCompleted(Box<Booking>),
    /// One of the two did not come, to both.
    #[serde(rename = "booking.no_show")]
    BookingNoShow(Box<Booking>),
    /// The speaker's notes of a session were written, to both.
    #[serde(rename = "booking.notes_changed")]
    BookingNotesChanged(Box<Booking>),
    /// One of the two has rated a session, to both; again when the rating was changed.
    #[serde(rename = "rating.received")]
    RatingReceived(Box<Rating>),
    /// A speaker's slots are others now: read them again.
    #[serde(rename = "slots.changed")]
    SlotsChanged {
        /// Whose.
        speaker_id: UserId,
    },
    /// A top-up of the hearer began, or got further.
    #[serde(rename = "payment.status")]
    PaymentStatus {
        /// The top-up as it is now.
        top_up: Box<TopUp>,
    },
    /// The hearer has an invoice, or a credit note.
    #[serde(rename = "invoice.ready")]
    InvoiceReady {
        /// The invoice.
        invoice_id: u64,
        /// Its number.
        invoice_number: String,
        /// Its total; negative on a credit note.
        total: base::Money,
        /// The ledger row that it belongs to.
        transaction_id: u64,
    },
    /// The hearer asked for money of theirs.
    #[serde(rename = "withdrawal.requested")]
    WithdrawalRequested {
        /// The withdrawal as it is now.
        withdrawal: Box<Withdrawal>,
    },
    /// An administrator let a withdrawal go.
    #[serde(rename = "withdrawal.approved")]
    WithdrawalApproved {
        /// The withdrawal as it is now.
        withdrawal: Box<Withdrawal>,
    },
    /// A withdrawal was transferred.
    #[serde(rename = "withdrawal.paid")]
    WithdrawalPaid {
        /// The withdrawal as it is now.
        withdrawal: Box<Withdrawal>,
    },
    /// A withdrawal was refused; the money is there again.
    #[serde(rename = "withdrawal.rejected")]
    WithdrawalRejected {
        /// The withdrawal as it is now.
        withdrawal: Box<Withdrawal>,
    },
    /// A withdrawal could not be transferred; the money is there again.
    #[serde(rename = "withdrawal.failed")]
    WithdrawalFailed {
        /// The withdrawal as it is now.
        withdrawal: Box<Withdrawal>,
    },
    /// The hearer took a withdrawal back.
    #[serde(rename = "withdrawal.cancelled")]
    WithdrawalCancelled {
        /// The withdrawal as it is now.
        withdrawal: Box<Withdrawal>,
    },
}

impl Event {
    /// The `type` on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ChatMessageCreated { .. } => "chat.message_created",
            Self::ChatMessageUpdated { .. } => "chat.message_updated",
            Self::ChatMessageDeleted { .. } => "chat.message_deleted",
            Self::ChatConversationDeleted { .. } => "chat.conversation_deleted",
            Self::ChatConversationRestored { .. } => "chat.conversation_restored",
            Self::ChatMessagesRead { .. } => "chat.messages_read",
            Self::ChatTypingStarted { .. } => "chat.typing_started",
            Self::RoomMessageCreated { .. } => "room.message_created",
            Self::RoomMemberJoined { .. } => "room.member_joined",
            Self::RoomMemberLeft { .. } => "room.member_left",
            Self::RoomMessageDeleted { .. } => "room.message_deleted",
            Self::RoomMessagePinned { .. } => "room.message_pinned",
            Self::RoomMessageUnpinned { .. } => "room.message_unpinned",
            Self::RoomReactionsChanged { .. } => "room.reactions_changed",
            Self::RoomMemberMuted { .. } => "room.member_muted",
            Self::RoomMemberUnmuted { .. } => "room.member_unmuted",
            Self::RoomMemberKicked { .. } => "room.member_kicked",
            Self::RoomMemberBanned { .. } => "room.member_banned",
            Self::RoomMemberUnbanned { .. } => "room.member_unbanned",
            Self::RoomSlowModeChanged { .. } => "room.slow_mode_changed",
            Self::RoomViewers { .. } => "room.viewers",
            Self::RoomStarted { .. } => "room.started",
            Self::GiftSent(_) => "gift.sent",
            Self::WalletUpdated { .. } => "wallet.updated",
            Self::PresenceChanged(_) => "presence.changed",
            Self::PresenceVisibilityChanged(_) => "presence.visibility_changed",
            Self::SessionRevoked { .. } => "session.revoked",
            Self::NotificationCreated { .. } => "notification.created",
            Self::NotificationRead { .. } => "notification.read",
            Self::AccountUpdated { .. } => "account.updated",
            Self::FollowRequested { .. } => "follow.requested",
            Self::FollowAccepted { .. } => "follow.accepted",
            Self::FollowCreated(_) => "follow.created",
            Self::FollowRemoved { .. } => "follow.removed",
            Self::PostCreated { .. } => "post.created",
            Self::PostUpdated { .. } => "post.updated",
            Self::PostDeleted { .. } => "post.deleted",
            Self::PostCounters(_) => "post.counters",
            Self::FeedStale { .. } => "feed.stale",
            Self::ReactionChanged(_) => "reaction.changed",
            Self::CommentCreated { .. } => "comment.created",
            Self::CommentUpdated { .. } => "comment.updated",
            Self::CommentDeleted { .. } => "comment.deleted",
            Self::CommentPinned { .. } => "comment.pinned",
            Self::ReportCreated { .. } => "report.created",
            Self::ReportClaimed { .. } => "report.claimed",
            Self::ReportClosed { .. } => "report.closed",
            Self::CourseUpdated { .. } => "course.updated",
            Self::EnrollmentCreated { .. } => "enrollment.created",
            Self::ProgressUpdated(_) => "progress.updated",
            Self::CourseCompleted { .. } => "course.completed",
            Self::CertificateIssued { .. } => "certificate.issued",
            Self::BookPurchased { .. } => "book.purchased",
            Self::ReadingProgress(_) => "reading.progress",
            Self::AnnotationCreated { .. } => "annotation.created",
            Self::AnnotationUpdated { .. } => "annotation.updated",
            Self::AnnotationDeleted { .. } => "annotation.deleted",
            Self::RoomUpdated { .. } => "room.updated",
            Self::RoomSessionEnded { .. } => "room.session_ended",
            Self::RoomEnded { .. } => "room.ended",
            Self::RoomCancelled { .. } => "room.cancelled",
            Self::BookingCreated(_) => "booking.created",
            Self::BookingConfirmed(_) => "booking.confirmed",
            Self::BookingDeclined(_) => "booking.declined",
            Self::BookingCancelled(_) => "booking.cancelled",
            Self::BookingRescheduleProposed(_) => "booking.reschedule_proposed",
            Self::BookingRescheduled { .. } => "booking.rescheduled",
            Self::BookingCompleted(_) => "booking.completed",
            Self::BookingNoShow(_) => "booking.no_show",
            Self::BookingNotesChanged(_) => "booking.notes_changed",
            Self::RatingReceived(_) => "rating.received",
            Self::SlotsChanged { .. } => "slots.changed",
            Self::PaymentStatus { .. } => "payment.status",
            Self::InvoiceReady { .. } => "invoice.ready",
            Self::WithdrawalRequested { .. } => "withdrawal.requested",
            Self::WithdrawalApproved { .. } => "withdrawal.approved",
            Self::WithdrawalPaid { .. } => "withdrawal.paid",
            Self::WithdrawalRejected { .. } => "withdrawal.rejected",
            Self::WithdrawalFailed { .. } => "withdrawal.failed",
            Self::WithdrawalCancelled { .. } => "withdrawal.cancelled",
        }
    }

    /// How it travels where the channel makes no difference.
    const fn delivery(&self) -> Delivery {
        match self {
            Self::ChatTypingStarted { .. } | Self::RoomReactionsChanged { .. } | Self::RoomViewers { .. } => {
                Delivery::Signal
            }
            Self::ChatMessageCreated { .. }
            | Self::RoomMessageCreated { .. }
            | Self::RoomMemberJoined { .. }
            | Self::RoomMemberLeft { .. }
            | Self::PresenceChanged(_) => Delivery::Live,
            Self::ChatMessageUpdated { .. }
            | Self::ChatMessageDeleted { .. }
            | Self::ChatConversationDeleted { .. }
            | Self::ChatConversationRestored { .. }
            | Self::ChatMessagesRead { .. }
            | Self::RoomMessageDeleted { .. }
            | Self::RoomMessagePinned { .. }
            | Self::RoomMessageUnpinned { .. }
            | Self::RoomMemberMuted { .. }
            | Self::RoomMemberUnmuted { .. }
            | Self::RoomMemberKicked { .. }
            | Self::RoomMemberBanned { .. }
            | Self::RoomMemberUnbanned { .. }
            | Self::RoomSlowModeChanged { .. }
            | Self::RoomStarted { .. }
            | Self::GiftSent(_)
            | Self::WalletUpdated { .. }
            | Self::PresenceVisibilityChanged(_)
            | Self::SessionRevoked { .. }
            | Self::NotificationCreated { .. }
            | Self::NotificationRead { .. }
            | Self::AccountUpdated { .. }
            | Self::FollowRequested { .. }
            | Self::FollowAccepted { .. }
            | Self::FollowCreated(_)
            | Self::FollowRemoved { .. }
            | Self::PostCreated { .. }
            | Self::PostUpdated { .. }
            | Self::PostDeleted { .. }
            | Self::ReactionChanged(_)
            | Self::CommentCreated { .. }
            | Self::CommentUpdated { .. }
            | Self::CommentDeleted { .. }
            | Self::CommentPinned { .. }
            | Self::ReportCreated { .. }
            | Self::ReportClaimed { .. }
            | Self::ReportClosed { .. }
            | Self::CourseUpdated { .. }
            | Self::EnrollmentCreated { .. }
            | Self::ProgressUpdated(_)
            | Self::CourseCompleted { .. }
            | Self::CertificateIssued { .. }
            | Self::BookPurchased { .. }
            | Self::ReadingProgress(_)
            | Self::AnnotationCreated { .. }
            | Self::AnnotationUpdated { .. }
            | Self::AnnotationDeleted { .. }
            | Self::RoomUpdated { .. }
            | Self::RoomSessionEnded { .. }
            | Self::RoomEnded { .. }
            | Self::RoomCancelled { .. }
            | Self::BookingCreated(_)
            | Self::BookingConfirmed(_)
            | Self::BookingDeclined(_)
            | Self::BookingCancelled(_)
            | Self::BookingRescheduleProposed(_)
            | Self::BookingRescheduled { .. }
            | Self::BookingCompleted(_)
            | Self::BookingNoShow(_)
            | Self::BookingNotesChanged(_)
            | Self::RatingReceived(_)
            | Self::SlotsChanged { .. }
            | Self::PaymentStatus { .. }
            | Self::InvoiceReady { .. }
            | Self::WithdrawalRequested { .. }
            | Self::WithdrawalApproved { .. }
            | Self::WithdrawalPaid { .. }
            | Self::WithdrawalRejected { .. }
            | Self::WithdrawalFailed { .. }
            | Self::WithdrawalCancelled { .. } => Delivery::Durable,
            Self::PostCounters(_) | Self::FeedStale { .. } => Delivery::Signal,
        }
    }
}

/// An event addressed to a channel, as it is stored (outbox, idempotency row) and published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Where it is published.
    pub channel: Channel,
    /// The publication's `data`.
    pub data: EventData,
}

/// The `data` of a publication: `{"type":…,"id":…,"at":…,"data":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventData {
    /// Unique for ever, the same on a repeat: apps drop what they have seen (a ULID).
    pub id: String,
    /// When it happened.
    pub at: Time,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Envelope {
    /// Addresses a new event, happening now, to a channel.
    #[must_use]
    pub fn new(channel: Channel, event: Event) -> Self {
        Self { channel, data: EventData { id: base::id::ulid(), at: Time::now(), event } }
    }

    /// How it travels. An event has one class, but for gifts: to those who watch a room or a post, a gift is an
    /// animation, which nobody wants to see again after a reconnect; what is kept is the end of its streak, with the
    /// totals. To the receiver it is money (realtime.md §7).
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        match (&self.data.event, self.channel) {
            (Event::GiftSent(gift), Channel::Room(_) | Channel::Post(_)) if !gift.repeat_end => {
                Delivery::Signal
            }
            (event, _) => event.delivery(),
        }
    }
}
