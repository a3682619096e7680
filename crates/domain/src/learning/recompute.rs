//! What a change of a course's lessons means to those who are in it (domain.md §5.4).

use base::CommonFault;

use crate::fault::of_store;
use crate::unit::Unit;

/// Counts the finished lessons of a course's active enrollments anew. To be called, with the course's row locked and its
/// totals written, by whoever adds lessons to it or takes some out. Completed enrollments stay as they are.
///
/// # Errors
/// Those of the store.
pub(crate) async fn recompute_course(unit: &mut Unit, course_id: u64) -> Result<(), CommonFault> {
    store::courses::update_active_progress(unit, course_id).await.map_err(of_store)
}
