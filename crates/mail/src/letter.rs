//! What is written to people: every letter in English and in Arabic.

use base::Lang;

/// A letter. Whatever in it is secret (the token in a link) is made when it is sent, and kept nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter<'a> {
    /// Confirm that this address is yours.
    VerifyEmail {
        /// Where to confirm it.
        link: &'a str,
    },
    /// Choose a new password.
    ResetPassword {
        /// Where to choose it.
        link: &'a str,
    },
    /// The password was changed.
    PasswordChanged,
    /// The account has another address now; to the one before.
    EmailChanged,
    /// Somebody tried to make an account for an address that has one.
    AlreadyRegistered {
        /// Where to sign in.
        link: &'a str,
    },
    /// The account was deleted and can be had back for some days.
    AccountDeleted,
}

/// How a letter is called in its subject line.
pub type Subject = &'static str;

impl Letter<'_> {
    /// The subject line.
    #[must_use]
    pub const fn subject(&self, lang: Lang) -> Subject {
        match (self, lang) {
            (Self::VerifyEmail { .. }, Lang::En) => "Confirm your e-mail address",
            (Self::VerifyEmail { .. }, Lang::Ar) => "تأكيد البريد الإلكتروني",
            (Self::ResetPassword { .. }, Lang::En) => "Choose a new password",
            (Self::ResetPassword { .. }, Lang::Ar) => "إعادة تعيين كلمة المرور",
            (Self::PasswordChanged, Lang::En) => "Your password was changed",
            (Self::PasswordChanged, Lang::Ar) => "تم تغيير كلمة المرور",
            (Self::EmailChanged, Lang::En) => "Your e-mail address was changed",
            (Self::EmailChanged, Lang::Ar) => "تم تغيير بريدك الإلكتروني",
            (Self::AlreadyRegistered { .. }, Lang::En) => "You already have an account",
            (Self::AlreadyRegistered { .. }, Lang::Ar) => "لديك حساب بالفعل",
            (Self::AccountDeleted, Lang::En) => "Your account was deleted",
            (Self::AccountDeleted, Lang::Ar) => "تم حذف حسابك",
        }
    }

    /// The address that it leads to.
    #[must_use]
    pub const fn link(&self) -> Option<&str> {
        match self {
            Self::VerifyEmail { link } | Self::ResetPassword { link } | Self::AlreadyRegistered { link } => {
                Some(link)
            }
            Self::PasswordChanged | Self::EmailChanged | Self::AccountDeleted => None,
        }
    }

    /// The words, by paragraphs with empty lines between; the link is one of its own.
    pub(crate) fn text(&self, lang: Lang, name: &str, sender: &str) -> String {
        let (before, after) = self.words(lang);
        let mut paragraphs = vec![lang.pick("مرحبًا ", "Hello ").to_owned() + name];
        if let Some(last) = paragraphs.last_mut() {
            last.push_str(lang.pick("،", ","));
        }
        paragraphs.push(before.to_owned());
        paragraphs.extend(self.link().map(str::to_owned));
        if !after.is_empty() {
            paragraphs.push(after.to_owned());
        }
        paragraphs.push(sender.to_owned());
        paragraphs.join("\n\n")
    }

    /// What stands before the link, and what after it.
    const fn words(&self, lang: Lang) -> (&'static str, &'static str) {
        match (self, lang) {
            (Self::VerifyEmail { .. }, Lang::En) => (
                "Please confirm that this e-mail address is yours. The link is good for 60 minutes:",
                "If you did not make an account with us, there is nothing to do.",
            ),
            (Self::VerifyEmail { .. }, Lang::Ar) => (
                "نرجو تأكيد أن هذا البريد الإلكتروني لك. الرابط صالح لمدة 60 دقيقة:",
                "إن لم تنشئ حسابًا لدينا فلا حاجة إلى أي إجراء.",
            ),
            (Self::ResetPassword { .. }, Lang::En) => (
                "Somebody asked for a new password for your account. The link is good for 60 minutes:",
                "If it was not you, there is nothing to do: your password stays as it is.",
            ),
            (Self::ResetPassword { .. }, Lang::Ar) => (
                "وصلنا طلب لتعيين كلمة مرور جديدة لحسابك. الرابط صالح لمدة 60 دقيقة:",
                "إن لم تطلب ذلك فلا حاجة إلى أي إجراء، وتبقى كلمة مرورك كما هي.",
            ),
            (Self::PasswordChanged, Lang::En) => (
                "The password of your account was changed just now.",
                "If it was not you, ask for a new password at once and look through your signed-in devices.",
            ),
            (Self::PasswordChanged, Lang::Ar) => (
                "تم تغيير كلمة مرور حسابك الآن.",
                "إن لم تكن أنت من غيّرها فاطلب كلمة مرور جديدة فورًا وراجع الأجهزة المتصلة بحسابك.",
            ),
            (Self::EmailChanged, Lang::En) => (
                "Your account has another e-mail address now; nothing more is sent to this one.",
                "If it was not you, write to us at once.",
            ),
            (Self::EmailChanged, Lang::Ar) => (
                "أصبح لحسابك بريد إلكتروني آخر، ولن نرسل إلى هذا العنوان بعد الآن.",
                "إن لم تكن أنت من غيّره فراسلنا فورًا.",
            ),
            (Self::AlreadyRegistered { .. }, Lang::En) => (
                "Somebody tried to make an account with this e-mail address. You already have one; sign in here:",
                "If you forgot your password, ask for a new one there. If it was not you, there is nothing to do.",
            ),
            (Self::AlreadyRegistered { .. }, Lang::Ar) => (
                "حاول أحدهم إنشاء حساب بهذا البريد الإلكتروني، ولديك حساب بالفعل. سجّل الدخول من هنا:",
                "إن نسيت كلمة المرور فاطلب واحدة جديدة هناك. وإن لم تكن أنت فلا حاجة إلى أي إجراء.",
            ),
            (Self::AccountDeleted, Lang::En) => (
                "Your account was deleted. For 30 days we can give it back to you; after that nothing of you is left.",
                "If you want it back, or if it was not you, write to us.",
            ),
            (Self::AccountDeleted, Lang::Ar) => (
                "تم حذف حسابك. يمكننا إعادته إليك خلال 30 يومًا، وبعدها تُمحى بياناتك.",
                "إن أردت استعادته، أو لم تكن أنت من حذفه، فراسلنا.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Lang;

    use super::Letter;

    #[test]
    fn every_letter_is_there_in_both_languages() {
        let link = "https://majlis.example/x";
        for letter in [
            Letter::VerifyEmail { link },
            Letter::ResetPassword { link },
            Letter::PasswordChanged,
            Letter::EmailChanged,
            Letter::AlreadyRegistered { link },
            Letter::AccountDeleted,
        ] {
            assert_ne!(letter.subject(Lang::Ar), letter.subject(Lang::En));
            for lang in [Lang::Ar, Lang::En] {
                let text = letter.text(lang, "سارة", "Majlis");
                assert!(text.contains("سارة") && text.ends_with("\n\nMajlis"), "{text}");
                assert_eq!(letter.link().is_some(), text.split("\n\n").any(|one| one == link), "{text}");
            }
        }
    }
}
