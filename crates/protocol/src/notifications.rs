//! Notifications (domain.md §5.11): what happened to somebody, kept until they have read it.

use base::id::UserId;
use base::{Lang, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

macro_rules! kinds {
    ($($kind:ident $name:literal $english:literal $arabic:literal;)+) => {
        /// What a notification is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum NotificationKind {
            $(#[doc = concat!("`", $name, "`")] #[serde(rename = $name)] $kind,)+
        }

        impl NotificationKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Its name in `data.kind`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// The name of the class that Laravel clients switch on, without its namespace.
            #[must_use]
            pub const fn class(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)+ }
            }

            /// Its sentence, in which `{actor}` and the names of `params` stand for what they say.
            #[must_use]
            pub const fn template(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$kind, Lang::En) => $english, (Self::$kind, Lang::Ar) => $arabic,)+
                }
            }
        }
    };
}

kinds! {
    FollowRequested "follow.requested" "{actor} asked to follow you." "طلب {actor} متابعتك.";
    FollowAccepted "follow.accepted" "{actor} accepted your follow request." "قبل {actor} طلب المتابعة.";
    FollowNew "follow.new" "{actor} follows you now." "بدأ {actor} بمتابعتك.";
    PostReacted "post.reacted" "{actor} reacted to your post." "تفاعل {actor} مع منشورك.";
    PostCommented "post.commented" "{actor} commented on your post." "علّق {actor} على منشورك.";
    PostShared "post.shared" "{actor} shared your post." "شارك {actor} منشورك.";
    CommentReplied "comment.replied" "{actor} replied to your comment." "رد {actor} على تعليقك.";
    CommentReacted "comment.reacted" "{actor} reacted to your comment." "تفاعل {actor} مع تعليقك.";
    ReportNew "report.new" "A post was reported." "تم الإبلاغ عن منشور.";
    ReportOutcome "report.outcome" "Your report was reviewed." "تمت مراجعة بلاغك.";
    ContentRemoved "content.removed" "Your content was removed by a moderator." "أزال أحد المشرفين محتوى لك.";
    ContentWarned "content.warned" "A moderator warned you about your content." "نبّهك أحد المشرفين بشأن محتوى لك.";
    CourseEnrolled "course.enrolled" "{actor} enrolled in \"{title}\"." "انضم {actor} إلى دورة «{title}».";
    CourseLessonAdded "course.lesson_added" "\"{title}\" has a new lesson." "أضيف درس جديد إلى «{title}».";
    CertificateIssued "certificate.issued" "Your certificate for \"{title}\" is ready." "شهادتك في «{title}» جاهزة.";
    EnrollmentExpiring "enrollment.expiring" "Your access to \"{title}\" ends soon." "ينتهي اشتراكك في «{title}» قريبًا.";
    BookPurchased "book.purchased" "{actor} bought \"{title}\"." "اشترى {actor} كتاب «{title}».";
    RoomRegistered "room.registered" "{actor} registered for \"{title}\"." "سجّل {actor} في «{title}».";
    RoomReminder "room.reminder" "\"{title}\" begins soon." "تبدأ «{title}» قريبًا.";
    RoomStarted "room.started" "\"{title}\" is live now." "«{title}» مباشرة الآن.";
    RoomCancelled "room.cancelled" "\"{title}\" was cancelled." "أُلغيت «{title}».";
    RoomRecordingReady "room.recording_ready" "A recording of \"{title}\" is ready." "تسجيل «{title}» جاهز.";
    BookingRequested "booking.requested" "{actor} asked for a consultation." "طلب {actor} استشارة.";
    BookingConfirmed "booking.confirmed" "{actor} confirmed your consultation." "أكد {actor} استشارتك.";
    BookingDeclined "booking.declined" "{actor} declined your consultation." "اعتذر {actor} عن استشارتك.";
    BookingCancelled "booking.cancelled" "Your consultation was cancelled." "أُلغيت استشارتك.";
    BookingRescheduled "booking.rescheduled" "Your consultation has a new time." "تغيّر موعد استشارتك.";
    BookingReminder "booking.reminder" "Your consultation begins soon." "تبدأ استشارتك قريبًا.";
    BookingCompleted "booking.completed" "Your consultation is completed." "اكتملت استشارتك.";
    BookingNoShow "booking.no_show" "A consultation was missed." "فات موعد استشارة.";
    RatingReceived "rating.received" "{actor} rated your consultation." "قيّم {actor} استشارتك.";
    WalletToppedUp "wallet.topped_up" "{amount} {currency} were added to your wallet." "أضيف {amount} {currency} إلى محفظتك.";
    WalletCredited "wallet.credited" "You received {amount} {currency}." "وصلك {amount} {currency}.";
    WithdrawalRequested "withdrawal.requested" "You asked to withdraw {amount} {currency}." "طلبت سحب {amount} {currency}.";
    WithdrawalApproved "withdrawal.approved" "Your withdrawal of {amount} {currency} was approved." "تمت الموافقة على سحب {amount} {currency}.";
    WithdrawalPaid "withdrawal.paid" "Your withdrawal of {amount} {currency} was paid." "تم تحويل {amount} {currency} إليك.";
    WithdrawalRejected "withdrawal.rejected" "Your withdrawal of {amount} {currency} was rejected." "رُفض سحب {amount} {currency}.";
    RefundIssued "refund.issued" "{amount} {currency} were refunded to you." "أُعيد إليك {amount} {currency}.";
    InvoiceReady "invoice.ready" "Your invoice {number} is ready." "فاتورتك {number} جاهزة.";
    GiftReceived "gift.received" "{actor} sent you a gift." "أرسل إليك {actor} هدية.";
    AccountNewLogin "account.new_login" "A new device signed in to your account." "دخل جهاز جديد إلى حسابك.";
    AccountPasswordChanged "account.password_changed" "Your password was changed." "تم تغيير كلمة المرور.";
    AccountEmailChanged "account.email_changed" "Your e-mail address was changed." "تم تغيير بريدك الإلكتروني.";
    SystemAnnouncement "system.announcement" "{title}" "{title}";
}

impl NotificationKind {
    /// What a column says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The sentence with what it is about filled in. A name that `params` does not have is left out.
    #[must_use]
    pub fn sentence(self, lang: Lang, actor: Option<&str>, params: &Map<String, Value>) -> String {
        let mut sentence = String::new();
        let mut rest = self.template(lang);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else { break };
            sentence.push_str(before);
            match (name, params.get(name)) {
                ("actor", _) => sentence.push_str(actor.unwrap_or(lang.pick("مستخدم محذوف", "Deleted user"))),
                (_, Some(Value::String(text))) => sentence.push_str(text),
                (_, Some(value)) => sentence.push_str(&value.to_string()),
                (_, None) => {}
            }
            rest = tail;
        }
        sentence.push_str(rest);
        sentence
    }
}

/// Who caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationActor {
    /// Who; `null` once the account is gone.
    pub id: Option<UserId>,
    /// Their name.
    pub name: String,
    /// Their picture.
    pub avatar: Option<String>,
}

/// What it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationSubject {
    /// The short name of the thing: `post`, `course` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: u64,
}

/// One notification, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// A UUID.
    pub id: String,
    /// What happened: one of [`NotificationKind`]'s names, or the class of what another application wrote.
    pub kind: String,
    /// The sentence for people, in the owner's language.
    pub title: String,
    /// Who caused it; nobody for what the system tells.
    pub actor: Option<NotificationActor>,
    /// What it is about.
    pub subject: Option<NotificationSubject>,
    /// How many of the same kind are told by it together.
    pub count: u32,
    /// What fills its sentence, by name.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub params: Map<String, Value>,
    /// Where an app should lead.
    pub url: Option<String>,
    /// When it was read.
    pub read_at: Option<Time>,
    /// When the first of them happened.
    pub created_at: Time,
    /// When the last of them happened.
    pub updated_at: Time,
}

/// Which notifications a list has.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotificationFilter {
    /// `true`: those that are not read; `false`: those that are.
    pub unread: Option<bool>,
}

/// How many notifications are unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadNotifications {
    /// How many; counted up to 10,000.
    #[schema(maximum = 10_000)]
    pub unread_count: u32,
}

#[cfg(test)]
mod tests {
    use base::Lang;
    use serde_json::{Map, json};

    use super::NotificationKind;

    #[test]
    fn kinds_have_their_names() {
        for kind in NotificationKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(NotificationKind::from_name(kind.as_str()), Some(*kind));
        }
        assert_eq!(NotificationKind::PostReacted.class(), "PostReacted");
    }

    #[test]
    fn sentences_are_filled_in() {
        let params = Map::from_iter([("title".to_owned(), json!("النحو الميسر"))]);
        let sentence = |lang| NotificationKind::CourseEnrolled.sentence(lang, Some("Sara"), &params);
        assert_eq!(sentence(Lang::En), "Sara enrolled in \"النحو الميسر\".");
        assert_eq!(sentence(Lang::Ar), "انضم Sara إلى دورة «النحو الميسر».");
        let alone = NotificationKind::FollowNew.sentence(Lang::En, None, &Map::new());
        assert_eq!(alone, "Deleted user follows you now.");
    }
}
