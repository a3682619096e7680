//! Where a live database may differ from the expected schema.

/// Columns of the seed's tables that the seed does not name (domain.md §4.1, end): created on a green field, but an application that made its
/// own tables may not have them, and the code works without.
const OPTIONAL: &[(&str, &[&str])] = &[
    ("users", &["email_verified_at", "remember_token"]),
    (
        "user_profiles",
        &["is_private", "show_online_status", "show_email", "show_phone", "allow_messages_from"],
    ),
    ("user_certificates", &["credential_id", "order"]),
    ("user_experiences", &["is_current", "description", "order"]),
    ("speaker_expertises", &["order"]),
    ("follow_requests", &["responded_at"]),
    ("post_reports", &["details", "action_taken", "reviewed_by", "reviewed_at"]),
    ("categories", &["slug", "icon"]),
    ("courses", &["description", "requirements", "outcomes", "published_at"]),
    ("course_sections", &["description"]),
    ("course_lessons", &["description"]),
    ("enrollments", &["price_paid", "transaction_id", "enrolled_at", "completed_at", "expires_at"]),
    ("lesson_progress", &["last_position_seconds", "completed_at"]),
    ("certificates", &["issued_at", "pdf_url"]),
    ("books", &["language"]),
    ("book_purchases", &["transaction_id", "purchased_at", "refunded_at"]),
    ("book_annotations", &["user_id"]),
    ("live_rooms", &["title", "description", "cover_url", "timezone", "started_at", "ended_at"]),
    ("live_room_registrations", &["transaction_id", "registered_at", "attended_at"]),
    ("live_room_messages", &["pinned_by", "deleted_by", "deleted_at"]),
    ("consultation_availabilities", &["is_active"]),
    ("consultation_bookings", &["transaction_id", "cancelled_by", "cancellation_reason", "expires_at"]),
    ("wallets", &["currency"]),
    ("transactions", &["description"]),
    ("invoices", &["user_id", "vat_rate", "status", "issued_at"]),
    ("gifts", &["animation_url"]),
    ("gift_transactions", &["transaction_id"]),
    ("settings", &["label", "is_public"]),
];

/// Other types that a column may have: later releases of Laravel and its packages (§7.1, §7.6), and what §4.1 leaves open.
const ACCEPTED_TYPES: &[(&str, &str, &[&str])] = &[
    ("cache", "expiration", &["bigint"]),
    ("cache_locks", "expiration", &["bigint"]),
    ("failed_jobs", "connection", &["varchar(255)"]),
    ("failed_jobs", "queue", &["varchar(255)"]),
    ("jobs", "attempts", &["smallint unsigned"]),
    ("personal_access_tokens", "name", &["text"]),
    ("settings", "validation_rules", &["varchar(255)", "text", "longtext"]),
];

/// Whether the code works without that column.
#[must_use]
pub fn is_optional(table: &str, column: &str) -> bool {
    OPTIONAL.iter().any(|(name, columns)| *name == table && columns.contains(&column))
}

/// Whether that column may have the type `kind` though another is expected.
#[must_use]
pub fn is_accepted_type(table: &str, column: &str, kind: &str) -> bool {
    ACCEPTED_TYPES.iter().any(|(name, of, kinds)| *name == table && *of == column && kinds.contains(&kind))
}
