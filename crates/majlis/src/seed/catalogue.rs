//! Categories, gifts and settings: what everything else refers to.

use anyhow::Result;
use base::Money;
use store::demo::{CategoryRow, GiftRow, SettingRow, insert_category, insert_gift, insert_setting};

use super::Seeder;

const CATEGORIES: [(&str, &str, &str, &str); 8] = [
    ("technology", "Technology", "التقنية", "💻"),
    ("data", "Data & AI", "البيانات والذكاء الاصطناعي", "📊"),
    ("design", "Design", "التصميم", "🎨"),
    ("business", "Business", "الأعمال", "💼"),
    ("languages", "Languages", "اللغات", "🗣️"),
    ("family", "Family & parenting", "الأسرة والتربية", "🏡"),
    ("arts", "Arts & calligraphy", "الفنون والخط", "🖋️"),
    ("self-development", "Self-development", "تطوير الذات", "🌱"),
];

/// Name, symbol, file of the animation, halalas. The first three cost 2.00 at most.
const GIFTS: [(&str, &str, &str, i64); 10] = [
    ("وردة · Rose", "🌹", "rose", 50),
    ("فنجان قهوة · Coffee cup", "☕", "coffee", 100),
    ("تصفيق · Applause", "👏", "applause", 200),
    ("تمر · Dates", "🌴", "dates", 300),
    ("كتاب · Book", "📖", "book", 500),
    ("فانوس · Lantern", "🏮", "lantern", 1_000),
    ("عود · Oud", "🪵", "oud", 2_500),
    ("صقر · Falcon", "🦅", "falcon", 5_000),
    ("خيل عربي · Arabian horse", "🐎", "horse", 10_000),
    ("قلعة · Castle", "🏰", "castle", 25_000),
];

pub(super) async fn seed(seeder: &Seeder<'_>) -> Result<()> {
    seeder
        .part("catalogue", async |unit| {
            for (order, (slug, name_en, name_ar, icon)) in (0_u32..).zip(CATEGORIES) {
                insert_category(unit, &CategoryRow { slug, name_en, name_ar, icon, order }).await?;
            }
            for (order, (name, icon, file, halalas)) in (0_u32..).zip(GIFTS) {
                let animation_url = format!("https://cdn.majlis.test/gifts/{file}.json");
                let price = Money::from_minor(halalas);
                insert_gift(unit, &GiftRow { name, icon, animation_url: &animation_url, price, order })
                    .await?;
            }
            for row in settings(&seeder.app.settings.money.currency) {
                insert_setting(unit, &row).await?;
            }
            Ok(())
        })
        .await
}

fn settings(currency: &str) -> [SettingRow<'_>; 9] {
    let public = |key, value, kind, label, rules| SettingRow {
        key,
        value,
        kind,
        group: "general",
        label,
        is_public: true,
        rules,
    };
    let internal = |key, value, kind, group, label, rules| SettingRow {
        key,
        value,
        kind,
        group,
        label,
        is_public: false,
        rules,
    };
    [
        public(
            "app.name",
            "Majlis · مجلس",
            "string",
            "Name of the platform",
            &["required", "string", "max:100"],
        ),
        public(
            "currency",
            currency,
            "string",
            "Currency of all wallets",
            &["required", "string", "min:3", "max:3"],
        ),
        public("app.languages", r#"["ar","en"]"#, "json", "Languages", &["required", "json"]),
        public(
            "support.email",
            "help@demo.majlis.test",
            "string",
            "Where users ask for help",
            &["required", "email"],
        ),
        public(
            "app.welcome",
            "أهلًا بك في مجلس، حيث يعلّم الناس بعضهم بعضًا. Welcome to Majlis, where people teach each other.",
            "text",
            "Welcome text",
            &["string", "max:1000"],
        ),
        internal(
            "reports.auto_hide",
            "10",
            "integer",
            "moderation",
            "Reporters that hide a post",
            &["integer", "min:1"],
        ),
        internal(
            "wallet.adjust_limit",
            "1000.00",
            "decimal",
            "wallet",
            "Most that one admin adjusts",
            &["numeric", "min:0"],
        ),
        internal(
            "courses.auto_complete_non_video",
            "0",
            "boolean",
            "courses",
            "Opening completes an article",
            &["boolean"],
        ),
        internal(
            "consult.require_confirmation",
            "0",
            "boolean",
            "consultations",
            "Speakers confirm bookings",
            &["boolean"],
        ),
    ]
}
