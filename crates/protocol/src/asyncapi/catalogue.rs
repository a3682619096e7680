//! What the document says of methods, events and channels beside their types. A test compares the names with the types'.

use base::Rule;

use crate::channel::Channel;

/// A method of `rpc`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The events that it may cause.
    pub events: &'static [&'static str],
    /// The rules that may refuse it, beside those of every method ([`EVERYWHERE`]).
    pub rules: &'static [&'static [Rule]],
}

/// An event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notice {
    pub name: &'static str,
    /// Where it is heard.
    pub channels: &'static str,
    /// One sentence.
    pub summary: &'static str,
}

/// Rules that may refuse any method.
pub(super) const EVERYWHERE: &[Rule] = &[
    Rule::INTERNAL,
    Rule::UNAVAILABLE,
    Rule::VALIDATION_FAILED,
    Rule::NOT_FOUND,
    Rule::RATE_LIMITED,
    Rule::MISSING_ABILITY,
    Rule::TIMEOUT,
];

const KEYED: &[Rule] = &[Rule::IDEMPOTENCY_KEY_REUSED, Rule::REQUEST_IN_PROGRESS];
const INSIDE: &[Rule] = &[Rule::ROOM_NOT_ACTIVE, Rule::ROOM_BANNED, Rule::ROOM_NOT_REGISTERED];

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "chat.send_message",
        summary: "Writes to a conversation, or to a user with whom one is opened.",
        events: &["chat.message_created"],
        rules: &[
            KEYED,
            &[
                Rule::SELF_CONVERSATION,
                Rule::MESSAGES_NOT_ACCEPTED,
                Rule::BLOCKED,
                Rule::REPLY_NOT_FOUND,
                Rule::MEDIA_NOT_FOUND,
            ],
        ],
    },
    Method {
        name: "chat.edit_message",
        summary: "Changes the words of one's own text message within 15 minutes.",
        events: &["chat.message_updated"],
        rules: &[&[
            Rule::EDIT_WINDOW_OVER,
            Rule::NOT_EDITABLE,
            Rule::FORBIDDEN,
            Rule::BLOCKED,
            Rule::MESSAGES_NOT_ACCEPTED,
        ]],
    },
    Method {
        name: "chat.delete_message",
        summary: "Deletes one's own message for both; only its place is left. Again is no error.",
        events: &["chat.message_deleted"],
        rules: &[&[Rule::FORBIDDEN]],
    },
    Method {
        name: "chat.mark_read",
        summary: "Everything of the other up to a message has been seen; never goes backwards.",
        events: &["chat.messages_read"],
        rules: &[],
    },
    Method {
        name: "chat.start_typing",
        summary: "Shows the other one that something is being written, for 5 s; at most once in 3 s.",
        events: &["chat.typing_started"],
        rules: &[&[Rule::BLOCKED, Rule::MESSAGES_NOT_ACCEPTED]],
    },
    Method {
        name: "chat.sync",
        summary: "What was written and changed since a message, from MySQL, after `recovered: false`.",
        events: &[],
        rules: &[],
    },
    Method {
        name: "rooms.join",
        summary: "Enters a live room: its state, and the pass for its video.",
        events: &["room.member_joined"],
        rules: &[INSIDE],
    },
    Method {
        name: "rooms.leave",
        summary: "Leaves a room. Again is no error.",
        events: &["room.member_left"],
        rules: &[],
    },
    Method {
        name: "rooms.post_message",
        summary: "Writes into a live room, or answers a message there.",
        events: &["room.message_created"],
        rules: &[KEYED, INSIDE, &[Rule::ROOM_MUTED, Rule::ROOM_SLOW_MODE, Rule::ROOM_PARENT_NOT_FOUND]],
    },
    Method {
        name: "rooms.delete_message",
        summary: "The author, the host or a moderator deletes a message; only its place is left.",
        events: &["room.message_deleted"],
        rules: &[&[Rule::FORBIDDEN]],
    },
    Method {
        name: "rooms.pin_message",
        summary: "The host or a moderator pins a message; at most three.",
        events: &["room.message_pinned"],
        rules: &[&[Rule::FORBIDDEN, Rule::ROOM_TOO_MANY_PINNED]],
    },
    Method {
        name: "rooms.unpin_message",
        summary: "The host or a moderator takes a pin off.",
        events: &["room.message_unpinned"],
        rules: &[&[Rule::FORBIDDEN]],
    },
    Method {
        name: "rooms.react",
        summary: "Sets one's reaction to a message, changes it, or takes it back (`type: null`).",
        events: &["room.reactions_changed"],
        rules: &[INSIDE],
    },
    Method {
        name: "rooms.announce",
        summary: "The host or a moderator writes an announcement.",
        events: &["room.message_created"],
        rules: &[KEYED, &[Rule::FORBIDDEN, Rule::ROOM_NOT_ACTIVE]],
    },
    Method {
        name: "rooms.mute_user",
        summary: "The host or a moderator takes a user's voice in the room's chat, for a time or until unmuted.",
        events: &["room.member_muted"],
        rules: &[&[Rule::FORBIDDEN, Rule::ROOM_STAFF_PROTECTED]],
    },
    Method {
        name: "rooms.unmute_user",
        summary: "The host or a moderator gives it back.",
        events: &["room.member_unmuted"],
        rules: &[&[Rule::FORBIDDEN]],
    },
    Method {
        name: "rooms.kick_user",
        summary: "The host or a moderator puts a user out of the room for some minutes.",
        events: &["room.member_kicked"],
        rules: &[&[Rule::FORBIDDEN, Rule::ROOM_STAFF_PROTECTED]],
    },
    Method {
        name: "rooms.ban_user",
        summary: "The host or a moderator puts a user out of the room for good.",
        events: &["room.member_banned"],
        rules: &[&[Rule::FORBIDDEN, Rule::ROOM_STAFF_PROTECTED]],
    },
    Method {
        name: "rooms.unban_user",
        summary: "The host or a moderator lets a user in again.",
        events: &["room.member_unbanned"],
        rules: &[&[Rule::FORBIDDEN]],
    },
    Method {
        name: "rooms.set_slow_mode",
        summary: "The host or a moderator sets the least time between two messages of one member; 0 is off.",
        events: &["room.slow_mode_changed"],
        rules: &[&[Rule::FORBIDDEN]],
    },
    Method {
        name: "gifts.send_gift",
        summary: "Gives a gift and pays for it.",
        events: &["gift.sent", "wallet.updated"],
        rules: &[
            KEYED,
            INSIDE,
            &[
                Rule::ROOM_MUTED,
                Rule::BLOCKED,
                Rule::INSUFFICIENT_FUNDS,
                Rule::UNKNOWN_GIFT,
                Rule::SELF_GIFT,
                Rule::GIFT_WRONG_RECEIVER,
            ],
        ],
    },
    Method {
        name: "presence.query",
        summary: "Who of at most 200 users is online, of those who show it.",
        events: &[],
        rules: &[],
    },
    Method {
        name: "presence.set_visibility",
        summary: "Shows or hides one's own status.",
        events: &["presence.visibility_changed"],
        rules: &[],
    },
];

const BOTH: &str = "`user:{id}` of both participants";
const ROOM: &str = "`room:{id}`";
const ROOM_AND_USER: &str = "`room:{id}`, and `user:{id}` of the person";
const OWN: &str = "`user:{id}`";
const FOLLOW: &str = "`user:{id}` of the two";
const FEEDS: &str = "`user:{id}` of the author and of followers who are online";
const POST: &str = "`post:{id}`";
const POST_AND_FEEDS: &str = "`post:{id}`, and `user:{id}` of the author and of followers who are online";
const MODERATORS: &str = "`user:{id}` of whoever reviews reports";
const BOTH_PARTIES: &str = "`user:{id}` of both, student and speaker";

pub(super) const EVENTS: &[Notice] = &[
    Notice {
        name: "chat.message_created",
        channels: BOTH,
        summary: "A 1:1 message; `unread_total` is the hearer's own.",
    },
    Notice { name: "chat.message_updated", channels: BOTH, summary: "A message was edited." },
    Notice { name: "chat.message_deleted", channels: BOTH, summary: "A message was deleted for both." },
    Notice {
        name: "chat.conversation_deleted",
        channels: BOTH,
        summary: "A conversation was deleted; its next message brings it back.",
    },
    Notice {
        name: "chat.conversation_restored",
        channels: BOTH,
        summary: "A deleted conversation was opened again, without a message.",
    },
    Notice {
        name: "chat.messages_read",
        channels: BOTH,
        summary: "Somebody has read up to a message; the reader's own devices hear the new total.",
    },
    Notice {
        name: "chat.typing_started",
        channels: "`user:{id}` of the other participant; a signal",
        summary: "Somebody types; forget it at `until`.",
    },
    Notice {
        name: "room.message_created",
        channels: ROOM,
        summary: "A message or an announcement in a live room.",
    },
    Notice { name: "room.message_deleted", channels: ROOM, summary: "Only the message's place is left." },
    Notice { name: "room.message_pinned", channels: ROOM, summary: "A message is on top." },
    Notice { name: "room.message_unpinned", channels: ROOM, summary: "A message is on top no more." },
    Notice {
        name: "room.reactions_changed",
        channels: "`room:{id}`; a signal",
        summary: "The reactions to a message as they are now; at most twice a second a message.",
    },
    Notice {
        name: "room.member_joined",
        channels: ROOM,
        summary: "Somebody joined (rooms of at most 200 users).",
    },
    Notice {
        name: "room.member_left",
        channels: ROOM,
        summary: "Somebody left (rooms of at most 200 users).",
    },
    Notice {
        name: "room.member_muted",
        channels: ROOM_AND_USER,
        summary: "Somebody may not write, until then or until unmuted.",
    },
    Notice { name: "room.member_unmuted", channels: ROOM_AND_USER, summary: "Somebody may write again." },
    Notice {
        name: "room.member_kicked",
        channels: ROOM_AND_USER,
        summary: "Somebody was put out for some minutes.",
    },
    Notice { name: "room.member_banned", channels: ROOM_AND_USER, summary: "Somebody was put out for good." },
    Notice { name: "room.member_unbanned", channels: ROOM_AND_USER, summary: "Somebody may come in again." },
    Notice {
        name: "room.slow_mode_changed",
        channels: ROOM,
        summary: "The least time between two messages of one member.",
    },
    Notice {
        name: "room.viewers",
        channels: "`room:{id}`; a signal",
        summary: "Users who listen now; at most once a second.",
    },
    Notice {
        name: "room.started",
        channels: "`room:{id}`, and `user:{id}` of everybody with a seat",
        summary: "The room is live.",
    },
    Notice {
        name: "gift.sent",
        channels: "`room:{id}` or `post:{id}` (a signal while the streak grows, kept with `repeat_end: true`), and the \
                   receiver's `user:{id}`",
        summary: "A gift: an animation where it is seen, and word to the receiver.",
    },
    Notice { name: "wallet.updated", channels: OWN, summary: "The hearer's own wallet changed." },
    Notice {
        name: "presence.changed",
        channels: "`presence:{user_id}`; the last value is kept",
        summary: "A user went online or offline.",
    },
    Notice {
        name: "presence.visibility_changed",
        channels: OWN,
        summary: "The hearer shows or hides the own status.",
    },
    Notice {
        name: "session.revoked",
        channels: OWN,
        summary: "A session was ended; its sockets are closed next.",
    },
    Notice {
        name: "notification.created",
        channels: OWN,
        summary: "Something happened to the hearer; the same id again tells more of the same.",
    },
    Notice { name: "notification.read", channels: OWN, summary: "The hearer has read notifications." },
    Notice { name: "account.updated", channels: OWN, summary: "The hearer's own account changed." },
    Notice {
        name: "follow.requested",
        channels: FOLLOW,
        summary: "Somebody asked to follow a private account.",
    },
    Notice {
        name: "follow.accepted",
        channels: FOLLOW,
        summary: "A request was accepted: the one follows the other.",
    },
    Notice { name: "follow.created", channels: FOLLOW, summary: "Somebody follows somebody." },
    Notice {
        name: "follow.removed",
        channels: FOLLOW,
        summary: "Somebody does not follow somebody any more, or has taken the request back.",
    },
    Notice {
        name: "post.created",
        channels: FEEDS,
        summary: "Somebody whom the hearer follows has posted; of authors with more than 5,000 followers `feed.stale` tells.",
    },
    Notice {
        name: "post.updated",
        channels: POST_AND_FEEDS,
        summary: "A post was edited, pinned or unpinned.",
    },
    Notice {
        name: "post.deleted",
        channels: POST_AND_FEEDS,
        summary: "A post is not to be shown any more: deleted, or hidden until it was reviewed.",
    },
    Notice {
        name: "post.counters",
        channels: "`post:{id}`; a signal",
        summary: "The counters of a post as they are now; at most twice a second a post.",
    },
    Notice {
        name: "feed.stale",
        channels: "`user:{id}` of followers who are online; a signal",
        summary: "Somebody followed by many has posted: read the feed again when it is looked at.",
    },
    Notice {
        name: "reaction.changed",
        channels: "`post:{id}`; for a message `user:{id}` of both participants",
        summary: "Somebody's reaction to a post, a comment or a message has changed.",
    },
    Notice { name: "comment.created", channels: POST, summary: "A comment, or an answer to one." },
    Notice { name: "comment.updated", channels: POST, summary: "A comment was edited." },
    Notice { name: "comment.deleted", channels: POST, summary: "Of a comment only the place is left." },
    Notice { name: "comment.pinned", channels: POST, summary: "Another comment, or none, is on top." },
    Notice { name: "report.created", channels: MODERATORS, summary: "A post was reported." },
    Notice {
        name: "report.claimed",
        channels: MODERATORS,
        summary: "A moderator looks into a report, or has left it to others again.",
    },
    Notice { name: "report.closed", channels: MODERATORS, summary: "The reports of a post were closed." },
    Notice {
        name: "course.updated",
        channels: "`course:{id}`",
        summary: "The course, its sections or its lessons were changed: read it again.",
    },
    Notice {
        name: "enrollment.created",
        channels: OWN,
        summary: "The user is in a course, for the first time or again.",
    },
    Notice {
        name: "progress.updated",
        channels: OWN,
        summary: "The user is further in a lesson of a course.",
    },
    Notice { name: "course.completed", channels: OWN, summary: "The user has done all lessons of a course." },
    Notice { name: "certificate.issued", channels: OWN, summary: "A certificate of the user was issued." },
    Notice {
        name: "book.purchased",
        channels: "`user:{id}` of the buyer and of who sells it",
        summary: "A book was bought.",
    },
    Notice {
        name: "reading.progress",
        channels: OWN,
        summary: "The hearer has read on, on whichever device; at most every 5 s a book.",
    },
    Notice {
        name: "annotation.created",
        channels: OWN,
        summary: "The hearer has marked something in a book.",
    },
    Notice { name: "annotation.updated", channels: OWN, summary: "The hearer has changed a mark in a book." },
    Notice { name: "annotation.deleted", channels: OWN, summary: "The hearer has taken a mark away." },
    Notice { name: "room.updated", channels: ROOM, summary: "What is said of the room was changed." },
    Notice { name: "room.session_ended", channels: ROOM, summary: "The day's session is over." },
    Notice { name: "room.ended", channels: ROOM, summary: "The programme is over." },
    Notice {
        name: "room.cancelled",
        channels: "`room:{id}`, and `user:{id}` of everybody with a seat",
        summary: "The room was called off; who paid is paid back.",
    },
    Notice { name: "booking.created", channels: BOTH_PARTIES, summary: "A session was booked." },
    Notice {
        name: "booking.confirmed",
        channels: BOTH_PARTIES,
        summary: "The speaker has confirmed a session.",
    },
    Notice {
        name: "booking.declined",
        channels: BOTH_PARTIES,
        summary: "The speaker has declined a session.",
    },
    Notice {
        name: "booking.cancelled",
        channels: BOTH_PARTIES,
        summary: "A session was called off, or its hold has ended.",
    },
    Notice {
        name: "booking.reschedule_proposed",
        channels: BOTH_PARTIES,
        summary: "The speaker proposes another time.",
    },
    Notice { name: "booking.rescheduled", channels: BOTH_PARTIES, summary: "A session has another time." },
    Notice { name: "booking.completed", channels: BOTH_PARTIES, summary: "A session took place." },
    Notice { name: "booking.no_show", channels: BOTH_PARTIES, summary: "One of the two did not come." },
    Notice {
        name: "booking.notes_changed",
        channels: BOTH_PARTIES,
        summary: "The speaker's notes of a session were written.",
    },
    Notice {
        name: "rating.received",
        channels: BOTH_PARTIES,
        summary: "One of the two has rated a session, or changed the rating.",
    },
    Notice {
        name: "slots.changed",
        channels: "`speaker:{user_id}`",
        summary: "A speaker's slots are others now: read them again.",
    },
    Notice { name: "payment.status", channels: OWN, summary: "A top-up began, or got further." },
    Notice { name: "invoice.ready", channels: OWN, summary: "An invoice, or a credit note, is there." },
    Notice { name: "withdrawal.requested", channels: OWN, summary: "The hearer asked for money of theirs." },
    Notice { name: "withdrawal.approved", channels: OWN, summary: "An administrator let a withdrawal go." },
    Notice { name: "withdrawal.paid", channels: OWN, summary: "A withdrawal was transferred." },
    Notice {
        name: "withdrawal.rejected",
        channels: OWN,
        summary: "A withdrawal was refused; the money is there again.",
    },
    Notice {
        name: "withdrawal.failed",
        channels: OWN,
        summary: "A withdrawal could not be transferred; the money is there again.",
    },
    Notice { name: "withdrawal.cancelled", channels: OWN, summary: "The hearer took a withdrawal back." },
];

/// Name, who may listen, what is kept, and what the reply to `subscribe` carries as `data`.
pub(super) const CHANNELS: &[(Channel, &str, &str)] = &[
    (
        Channel::User(1),
        "that user; subscribed by the server",
        "nothing; `connect` carries the user and the totals",
    ),
    (
        Channel::Room(1),
        "the host, moderators, and whoever the room admits (free and live, or a seat; not banned)",
        "the room's state, as `rooms.join` answers it",
    ),
    (Channel::Presence(1), "whoever may see that user's status", "the status, as in `presence.changed`"),
    (
        Channel::Course(1),
        "the author, administrators, and whoever is enrolled in the course or has completed it",
        "its title, state and number of lessons",
    ),
    (Channel::Post(1), "whoever may see the post", "the post's counters, as in `post.counters`"),
    (Channel::Speaker(1), "anybody who may see that speaker", "the speaker's id"),
];
