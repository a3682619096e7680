//! Every rule that can refuse a request: one list for both doors (realtime.md §1, domain.md §2.2).
//!
//! The socket answers with the number, its message led by the stable code (`wallet.insufficient_funds`); REST
//! answers with the code's last word as `code` and the whole of it as `rule`.

use crate::Lang;

/// The eight ways in which a client can react to a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request itself is wrong: mend it, do not repeat it.
    Invalid,
    /// Get a token first.
    Unauthenticated,
    /// Not for this user.
    Forbidden,
    /// There is no such thing, or this user may not know of it.
    NotFound,
    /// The state does not allow it: read again, then decide.
    Conflict,
    /// Too much, too soon: wait.
    Limited,
    /// Something we depend on does not answer: back off and repeat.
    Unavailable,
    /// Our fault: report it with the request id.
    Internal,
}

/// One rule: number on the socket, stable code, kind, and its sentence in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The error number on the socket, 1000 and up; stable for ever.
    pub number: u32,
    /// `reason` or `domain.reason`; stable for ever.
    pub code: &'static str,
    /// What the client should do.
    pub kind: Kind,
    english: &'static str,
    arabic: &'static str,
}

impl Rule {
    /// The code without its domain, which is what REST calls `code`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.code.rsplit('.').next().unwrap_or(self.code)
    }

    /// The rule as a sentence, without the particulars of one request.
    #[must_use]
    pub fn sentence(self, lang: Lang) -> &'static str {
        lang.pick(self.arabic, self.english)
    }

    /// May the same request succeed later, unchanged?
    #[must_use]
    pub fn temporary(self) -> bool {
        matches!(self.kind, Kind::Limited | Kind::Unavailable) || self == Self::REQUEST_IN_PROGRESS
    }
}

macro_rules! rules {
    ($($number:literal $name:ident $code:literal $kind:ident $english:literal $arabic:literal;)+) => {
        impl Rule {
            $(
                #[doc = concat!("`", $code, "`: ", $english)]
                pub const $name: Self = Self {
                    number: $number,
                    code: $code,
                    kind: Kind::$kind,
                    english: $english,
                    arabic: $arabic,
                };
            )+
            /// Every rule, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

rules! {
    1000 INTERNAL "internal" Internal "Something went wrong on our side." "حدث خطأ لدينا.";
    1001 UNAVAILABLE "unavailable" Unavailable "The service is briefly unavailable; please try again." "الخدمة غير متاحة مؤقتًا، حاول مرة أخرى.";
    1002 VALIDATION_FAILED "validation_failed" Invalid "Some of the values are not valid." "بعض القيم غير صحيحة.";
    1003 NOT_FOUND "not_found" NotFound "There is no such thing here." "لم يتم العثور على المطلوب.";
    1004 FORBIDDEN "forbidden" Forbidden "User does not have the right permissions." "ليست لديك الصلاحية المطلوبة.";
    1005 UNAUTHENTICATED "unauthenticated" Unauthenticated "Unauthenticated." "يجب تسجيل الدخول أولًا.";
    1006 TOKEN_EXPIRED "token_expired" Unauthenticated "The token has expired; get a new one." "انتهت صلاحية الرمز، احصل على رمز جديد.";
    1007 RATE_LIMITED "rate_limited" Limited "Too many requests; please wait." "طلبات كثيرة جدًا، انتظر قليلًا.";
    1008 IDEMPOTENCY_KEY_REQUIRED "idempotency_key_required" Invalid "This request moves money and needs an Idempotency-Key." "هذا الطلب ينقل أموالًا ويحتاج إلى مفتاح Idempotency-Key.";
    1009 IDEMPOTENCY_KEY_REUSED "idempotency_key_reused" Conflict "This key was used before with other content." "استُخدم هذا المفتاح من قبل بمحتوى مختلف.";
    1010 REQUEST_IN_PROGRESS "request_in_progress" Conflict "The first request with this key is still running." "الطلب الأول بهذا المفتاح ما زال قيد التنفيذ.";
    1011 ILLEGAL_TRANSITION "illegal_transition" Conflict "This step is not possible in the present state." "هذه الخطوة غير ممكنة في الحالة الحالية.";
    1012 MISSING_ABILITY "missing_ability" Forbidden "The token lacks the ability for this." "الرمز لا يملك القدرة المطلوبة.";
    1013 MALFORMED_REQUEST "malformed_request" Invalid "The request could not be read." "تعذرت قراءة الطلب.";
    1014 INVALID_CURSOR "invalid_cursor" Invalid "The cursor is not one that a list gave out." "مؤشر الصفحة غير صحيح.";
    1015 POLICY_VIOLATION "policy_violation" Invalid "The platform's rules do not allow this." "قواعد المنصة لا تسمح بذلك.";
    1016 PAYLOAD_TOO_LARGE "payload_too_large" Invalid "The request is too large." "الطلب أكبر من المسموح.";
    1017 UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" Invalid "The body is not of the media type that is taken here." "نوع محتوى الطلب غير مقبول هنا.";
    1018 METHOD_NOT_ALLOWED "method_not_allowed" Invalid "This path does not take this method." "هذا المسار لا يقبل هذه الطريقة.";
    1019 ROUTE_NOT_FOUND "route_not_found" NotFound "There is no such path." "لا يوجد مسار بهذا العنوان.";
    1020 CURSOR_TOO_OLD "gone" Conflict "What was asked for no longer exists." "ما طلبته لم يعد موجودًا.";
    1021 TIMEOUT "timeout" Unavailable "The answer took too long; please try again." "استغرق الرد وقتًا طويلًا، حاول مرة أخرى.";
    1022 PRECONDITION_FAILED "precondition_failed" Conflict "It was changed meanwhile; read it again." "تغيّر هذا المحتوى في هذه الأثناء، أعد قراءته.";
    1023 PRECONDITION_REQUIRED "precondition_required" Invalid "Send If-Match with the ETag of what you read." "أرسل If-Match مع قيمة ETag لما قرأته.";

    1100 INVALID_CREDENTIALS "users.invalid_credentials" Unauthenticated "These credentials do not match our records." "بيانات الدخول غير صحيحة.";
    1101 ACCOUNT_SUSPENDED "users.account_suspended" Forbidden "This account is suspended." "هذا الحساب موقوف.";
    1102 ACCOUNT_LOCKED "users.account_locked" Limited "Too many failed attempts; the account is locked for a while." "محاولات فاشلة كثيرة، الحساب مقفل مؤقتًا.";
    1103 REFRESH_TOKEN_REUSED "users.refresh_token_reused" Unauthenticated "This refresh token was used before; sign in again." "استُخدم رمز التحديث من قبل، سجّل الدخول من جديد.";
    1104 SELF_BLOCK "users.self_block" Invalid "You cannot block yourself." "لا يمكنك حظر نفسك.";
    1105 PROTECTED_ACCOUNT "users.protected_account" Forbidden "This account is above your reach." "لا تملك الصلاحية على هذا الحساب.";
    1106 RESET_TOKEN_INVALID "users.reset_token_invalid" Invalid "This link to choose a new password is not valid any more; ask for another one." "رابط تعيين كلمة المرور لم يعد صالحًا، اطلب رابطًا جديدًا.";
    1107 VERIFICATION_LINK_INVALID "users.verification_link_invalid" Forbidden "This link to confirm an e-mail address is not valid." "رابط تأكيد البريد الإلكتروني غير صحيح.";
    1108 VERIFICATION_LINK_EXPIRED "users.verification_link_expired" Forbidden "This link to confirm an e-mail address has expired; ask for another one." "انتهت صلاحية رابط تأكيد البريد الإلكتروني، اطلب رابطًا جديدًا.";

    1200 SELF_CONVERSATION "chat.self_conversation" Invalid "You cannot write to yourself." "لا يمكنك مراسلة نفسك.";
    1201 MESSAGES_NOT_ACCEPTED "chat.messages_not_accepted" Forbidden "This person does not accept messages from you." "هذا الشخص لا يقبل رسائل منك.";
    1202 BLOCKED "chat.blocked" Forbidden "You cannot reach this person." "لا يمكنك التواصل مع هذا الشخص.";
    1203 REPLY_NOT_FOUND "chat.reply_not_found" Invalid "The message replied to is not in this conversation." "الرسالة المردود عليها ليست في هذه المحادثة.";
    1204 MEDIA_NOT_FOUND "chat.media_not_found" Invalid "The upload named in `media` does not exist." "الملف المرفق غير موجود.";
    1205 EDIT_WINDOW_OVER "chat.edit_window_over" Conflict "A message can be edited within 15 minutes." "يمكن تعديل الرسالة خلال ربع ساعة من إرسالها.";
    1206 NOT_EDITABLE "chat.not_editable" Invalid "Only a text message that is not deleted can be edited." "لا يمكن تعديل إلا رسالة نصية غير محذوفة.";

    1300 ROOM_NOT_ACTIVE "rooms.not_active" Conflict "The room is not live now." "الغرفة ليست مباشرة الآن.";
    1301 ROOM_BANNED "rooms.banned" Forbidden "You were banned from this room." "تم حظرك من هذه الغرفة.";
    1302 ROOM_MUTED "rooms.muted" Forbidden "You are muted in this room." "تم كتم صوتك في هذه الغرفة.";
    1303 ROOM_SLOW_MODE "rooms.slow_mode" Limited "Slow mode: please wait before the next message." "الوضع البطيء مفعّل، انتظر قبل الرسالة التالية.";
    1304 ROOM_FULL "rooms.room_full" Conflict "All seats of the room are taken." "جميع المقاعد محجوزة.";
    1305 ROOM_ALREADY_REGISTERED "rooms.already_registered" Conflict "You are registered already." "أنت مسجل بالفعل.";
    1306 ROOM_NOT_REGISTERED "rooms.not_registered" Forbidden "Register for this room first." "سجّل في هذه الغرفة أولًا.";
    1307 ROOM_OWN "rooms.own_room" Invalid "The host needs no registration." "لا يحتاج المضيف إلى تسجيل.";
    1308 ROOM_PARENT_NOT_FOUND "rooms.parent_not_found" Invalid "The message replied to is not in this room." "الرسالة المردود عليها ليست في هذه الغرفة.";
    1309 ROOM_OUTSIDE_WINDOW "rooms.outside_window" Conflict "The room can be started from 15 minutes before its time until its end." "يمكن بدء الغرفة قبل موعدها بربع ساعة وحتى نهايتها.";
    1310 ROOM_TOO_MANY_PINNED "rooms.too_many_pinned" Conflict "A room has at most three pinned messages; unpin one first." "للغرفة ثلاث رسائل مثبتة على الأكثر، ألغِ تثبيت واحدة أولًا.";
    1311 ROOM_STAFF_PROTECTED "rooms.staff_protected" Forbidden "The host and moderators cannot be muted, removed or banned." "لا يمكن كتم المضيف أو المشرفين أو إخراجهم أو حظرهم.";
    1312 ROOM_TERMS_FIXED "rooms.terms_fixed" Conflict "Price and dates cannot change while the room is live or once a seat was paid; cancel the room instead." "لا يمكن تغيير السعر والمواعيد أثناء البث أو بعد دفع مقعد، يمكنك إلغاء الغرفة.";
    1313 ROOM_IN_USE "rooms.in_use" Conflict "The room is live, or somebody has a seat in it: end or cancel it instead." "الغرفة مباشرة أو فيها مقاعد محجوزة، أنهِها أو ألغِها أولًا.";

    1400 INSUFFICIENT_FUNDS "wallet.insufficient_funds" Conflict "The wallet's balance does not suffice." "رصيد المحفظة لا يكفي.";
    1401 AMOUNT_OUT_OF_RANGE "wallet.amount_out_of_range" Invalid "The amount is out of range." "المبلغ خارج الحدود المسموحة.";
    1402 SECOND_APPROVER_REQUIRED "wallet.second_approver_required" Forbidden "Above the limit a second administrator has to approve." "فوق الحد المسموح يلزم موافقة مدير ثانٍ.";
    1403 ALREADY_REFUNDED "wallet.already_refunded" Conflict "This purchase was refunded already." "أُعيد مبلغ هذه العملية من قبل.";
    1404 NOT_REFUNDABLE "wallet.not_refundable" Invalid "Only a purchase can be refunded." "لا يمكن إعادة المبلغ إلا لعملية شراء.";
    1405 REFUND_NOT_COVERED "wallet.refund_not_covered" Conflict "The platform's wallet cannot cover this refund at the moment." "رصيد المنصة لا يغطي هذا الاسترداد حاليًا.";
    1406 ESCROW_CLOSED "wallet.escrow_closed" Conflict "This payment was settled or refunded already." "سُوّيت هذه الدفعة أو أُعيدت من قبل.";
    1407 PAYMENT_FAILED "wallet.payment_failed" Conflict "The payment was refused." "رُفضت عملية الدفع.";
    1408 INVALID_SIGNATURE "wallet.invalid_signature" Invalid "The signature does not hold." "التوقيع غير صحيح.";
    1409 PAYMENT_NOT_CONFIRMED "wallet.payment_not_confirmed" Conflict "The provider does not confirm this yet." "لم يؤكد مزود الدفع ذلك بعد.";
    1410 WITHDRAWAL_OPEN "wallet.withdrawal_open" Conflict "There is a withdrawal that has not ended." "لديك طلب سحب لم ينتهِ بعد.";

    1500 UNKNOWN_GIFT "gifts.unknown_gift" NotFound "There is no such gift on offer." "هذه الهدية غير متاحة.";
    1501 SELF_GIFT "gifts.self_gift" Invalid "You cannot give a gift to yourself." "لا يمكنك إهداء نفسك.";
    1502 GIFT_WRONG_RECEIVER "gifts.wrong_receiver" Invalid "The gift must go to the owner of what it is given for." "يجب أن تذهب الهدية إلى صاحب المحتوى.";
    1503 GIFT_IN_USE "gifts.in_use" Conflict "This gift was given already." "أُهديت هذه الهدية من قبل.";

    1600 UPLOAD_TYPE_NOT_ALLOWED "uploads.type_not_allowed" Invalid "Files of this type are not taken." "هذا النوع من الملفات غير مقبول.";
    1601 UPLOAD_TOO_LARGE "uploads.too_large" Invalid "The file is larger than allowed." "الملف أكبر من المسموح.";
    1602 UPLOAD_QUOTA "uploads.quota_exceeded" Conflict "Your space for files is used up." "استُهلكت مساحة ملفاتك.";
    1603 UPLOAD_LINK_INVALID "uploads.link_invalid" Forbidden "This address of a file was not given out by us." "رابط الملف غير صحيح.";
    1604 UPLOAD_LINK_EXPIRED "uploads.link_expired" Conflict "This address of a file has expired; ask for a new one." "انتهت صلاحية رابط الملف، اطلب رابطًا جديدًا.";
    1605 UPLOAD_IN_USE "uploads.in_use" Conflict "The file is in use." "الملف مستخدم.";
    1606 UPLOAD_RANGE "uploads.range_not_satisfiable" Invalid "The file has no such part." "لا يوجد هذا الجزء في الملف.";
    1607 UPLOAD_NOT_ARRIVED "uploads.not_arrived" Conflict "The file has not arrived yet: send it to its address first." "لم يصل الملف بعد، أرسله إلى عنوانه أولًا.";

    1700 SELF_FOLLOW "social.self_follow" Invalid "You cannot follow yourself." "لا يمكنك متابعة نفسك.";
    1701 FOLLOW_TOO_SOON "social.follow_too_soon" Conflict "You can ask this person again a day after the last answer." "يمكنك إعادة الطلب بعد يوم من آخر رد.";
    1702 PROFILE_PRIVATE "social.private_account" Forbidden "This account is private; follow it first." "هذا الحساب خاص، تابعه أولًا.";
    1703 POST_TOO_MANY_PINNED "social.too_many_pinned" Conflict "A profile has at most three pinned posts; unpin one first." "للملف الشخصي ثلاثة منشورات مثبتة على الأكثر، ألغِ تثبيت واحد أولًا.";
    1704 OWN_POST "social.own_post" Invalid "You cannot report your own post." "لا يمكنك الإبلاغ عن منشورك.";
    1800 CATEGORY_IN_USE "categories.in_use" Conflict "Something is of this category: deactivate it instead." "هذا التصنيف مستخدم، عطّله بدلًا من حذفه.";
    1801 COURSE_IN_USE "courses.in_use" Conflict "The course has had students: archive it instead." "للدورة طلاب، أرشفها بدلًا من حذفها.";
    1810 REVIEW_NOT_ENTITLED "reviews.not_entitled" Forbidden "Only those who have it can review it." "التقييم لمن يملكه فقط.";
    1811 REVIEW_TOO_EARLY "reviews.too_early" Invalid "A course can be reviewed once a fifth of it is done." "يمكن تقييم الدورة بعد إكمال خُمسها.";
    1812 REVIEW_DUPLICATE "reviews.duplicate" Conflict "You have reviewed it already." "سبق أن قيّمته.";
    1900 ALREADY_ENROLLED "learning.already_enrolled" Conflict "You are in this course already." "أنت مسجّل في هذه الدورة بالفعل.";
    1901 OWN_COURSE "learning.own_course" Invalid "You cannot enroll in your own course." "لا يمكنك التسجيل في دورتك.";
    1902 COURSE_NOT_OPEN "learning.not_open" Conflict "The course takes no students now." "الدورة لا تقبل طلابًا الآن.";
    1903 CANCEL_POLICY "learning.policy_violation" Invalid "The time or the progress within which this course can be given back is over." "انقضت المهلة أو تجاوزت التقدم الذي يمكن معه إرجاع هذه الدورة.";
    1904 WATCH_TO_COMPLETE "learning.watch_to_complete" Invalid "This lesson is done by watching it." "يكتمل هذا الدرس بمشاهدته.";
    2000 BOOK_ALREADY_PURCHASED "books.already_purchased" Conflict "You have this book already." "لديك هذا الكتاب بالفعل.";
    2001 BOOK_OWN "books.own_book" Invalid "You cannot buy your own book." "لا يمكنك شراء كتابك.";
    2002 BOOK_NOT_FOR_SALE "books.not_for_sale" Conflict "This book is not for sale now." "هذا الكتاب غير معروض للبيع الآن.";
    2003 BOOK_NOT_PURCHASED "books.not_purchased" Forbidden "Buy this book first." "اشترِ هذا الكتاب أولًا.";
    2004 BOOK_IN_USE "books.in_use" Conflict "People have bought this book: archive it instead." "اشترى آخرون هذا الكتاب، أرشِفه بدلًا من حذفه.";
    2100 BOOKING_OWN "consultations.own_booking" Invalid "You cannot book a session with yourself." "لا يمكنك حجز جلسة مع نفسك.";
    2101 SLOT_UNAVAILABLE "consultations.slot_unavailable" Conflict "This slot is not available." "هذا الموعد غير متاح.";
    2102 BOOKING_OUTSIDE_WINDOW "consultations.outside_window" Conflict "This is not possible at this time of the session." "لا يمكن ذلك في هذا الوقت من الجلسة.";
    2103 BOOKING_NOT_SCHEDULED "consultations.not_scheduled" Conflict "The session is not scheduled." "الجلسة غير مجدولة.";
    2104 BOOKING_NOT_PAID "consultations.not_paid" Conflict "The session is not paid." "لم تُدفع قيمة الجلسة.";
    2105 BOOKING_NOT_COMPLETED "consultations.not_completed" Conflict "Only a completed session can be rated." "لا يمكن تقييم الجلسة قبل اكتمالها.";
    2106 BOOKING_ALREADY_RATED "consultations.already_rated" Conflict "You have rated this session already." "لقد قيّمت هذه الجلسة من قبل.";
    2200 IN_USE "admin.in_use" Conflict "It is in use." "لا يمكن حذفه لأنه مستخدم.";
    2201 BUILT_IN "admin.built_in" Conflict "This belongs to the product and cannot be changed so." "هذا جزء من المنصة ولا يمكن تغييره هكذا.";
    2202 DUPLICATE "admin.duplicate" Conflict "There is one of this name already." "يوجد آخر بهذا الاسم بالفعل.";
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn numbers_and_codes_are_unique_and_ordered() {
        for pair in Rule::ALL.windows(2) {
            assert!(pair[0].number < pair[1].number, "{} is out of order", pair[1].code);
        }
        let mut codes: Vec<_> = Rule::ALL.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Rule::ALL.len());
        assert_eq!(Rule::INSUFFICIENT_FUNDS.reason(), "insufficient_funds");
    }
}
