//! `POST /admin/enrollments` (domain.md §5.4): a course for nothing, by an administrator.

use base::text::{clean, length};
use base::{Money, Problem, Time, Violations};
use protocol::learning::{Enrollment, GrantEnrollment};
use serde_json::json;
use store::audit::NewAudit;
use store::learning::NewEnrollment;

use super::enroll::{find_seat, tell};
use super::view::enrollment_view;
use super::{LearningError, MANAGE};
use crate::unit::Unit;
use crate::{Actor, App, access, in_unit};

/// The action in the audit log.
const ACTION: &str = "enrollments.grant";

/// Takes a user into a course, published or archived, without payment; until a moment, if one is named. Written to the audit
/// log.
///
/// # Errors
/// `forbidden` without `courses.manage`; violations of `user_id`, `course_id`, `expires_at`, `reason`;
/// [`LearningError::OwnCourse`], [`LearningError::AlreadyEnrolled`].
pub async fn grant_enrollment(
    app: &App,
    actor: &Actor,
    input: GrantEnrollment,
) -> Result<Enrollment, LearningError> {
    actor.require("write")?;
    demand_grants(app, actor).await?;
    let input = GrantEnrollment { reason: input.reason.as_deref().map(clean), ..input };
    let mut violations = Violations::none();
    if input.reason.as_deref().map_or(0, length) > 255 {
        violations.add("reason", Problem::TooLong(255));
    }
    if input.expires_at.is_some_and(|end| end <= Time::now()) {
        violations.add("expires_at", Problem::Format("a moment to come"));
    }
    violations.into_result()?;
    in_unit!(app, |unit| write_grant(app, unit, actor, &input))
}

/// Demands the permission, for a door that has to refuse before it tells what is wrong with a body (domain.md §2.2).
///
/// # Errors
/// `forbidden`.
pub async fn demand_grants(app: &App, actor: &Actor) -> Result<(), LearningError> {
    Ok(access::demand_permission(app, actor, MANAGE).await?)
}

async fn write_grant(
    app: &App,
    unit: &mut Unit,
    actor: &Actor,
    input: &GrantEnrollment,
) -> Result<Enrollment, LearningError> {
    let not_found = |field| LearningError::from(Violations::one(field, Problem::NotFound));
    let course = store::courses::lock_course(unit, input.course_id).await?;
    let course = course.ok_or_else(|| not_found("course_id"))?;
    if !store::courses::has_active_author(unit, input.user_id).await? {
        return Err(not_found("user_id"));
    }
    if course.user_id == input.user_id {
        return Err(LearningError::OwnCourse);
    }
    if course.status == "draft" {
        return Err(LearningError::NotOpen);
    }
    let at = Time::now_in_seconds();
    let seat = find_seat(unit, input.user_id, &course, at).await?;
    let new = NewEnrollment {
        user_id: input.user_id,
        course_id: course.id,
        price_paid: Money::ZERO,
        transaction_id: None,
        expires_at: input.expires_at.map(Time::as_chrono),
        at: at.as_chrono(),
    };
    let row = seat.take(app, unit, new, at).await?;
    let deed = NewAudit {
        actor_id: actor.user_id(),
        action: ACTION,
        subject_type: "enrollment",
        subject_id: row.id,
        before: json!(null),
        after: json!({
            "user_id": row.user_id, "course_id": row.course_id, "expires_at": input.expires_at, "reason": input.reason,
        }),
    };
    store::audit::insert_audit(unit, &deed).await?;
    tell(app, unit, &row).await?;
    Ok(enrollment_view(app, &row)?)
}
