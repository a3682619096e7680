//! What administrators can set of courses (domain.md §5.4, §8.4).

use base::CommonFault;
use rust_decimal::Decimal;
use store::Conn;

use crate::system::find_setting;

/// Days within which a course can be given back.
const REFUND_DAYS: i64 = 14;
/// Percent of a course from which on it cannot be given back.
const REFUND_PROGRESS: i64 = 20;

/// `courses.refund_days` and `courses.refund_max_progress`.
pub(super) async fn refund_window(conn: &mut Conn) -> Result<(i64, Decimal), CommonFault> {
    let days = find_setting(conn, "courses.refund_days").await?.and_then(|text| text.trim().parse().ok());
    let progress = find_setting(conn, "courses.refund_max_progress").await?;
    let progress = progress.and_then(|text| text.trim().parse().ok());
    Ok((days.unwrap_or(REFUND_DAYS), progress.unwrap_or_else(|| Decimal::from(REFUND_PROGRESS))))
}

/// `courses.auto_complete_non_video`: is an article done once it is opened?
pub(super) async fn completes_on_opening(conn: &mut Conn) -> Result<bool, CommonFault> {
    let setting = find_setting(conn, "courses.auto_complete_non_video").await?;
    Ok(setting.is_some_and(|text| matches!(text.trim(), "1" | "true")))
}
