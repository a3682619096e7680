//! Marks in one's own copy of a book (domain.md §5.5): private, kept through a refund, the same on all devices.

mod create_annotation;
mod delete_annotation;
mod export_annotations;
mod list_annotations;
mod sync_annotations;
mod update_annotation;
mod values;
mod write;

pub use create_annotation::create_annotation;
pub use delete_annotation::delete_annotation;
pub use export_annotations::{Exported, export_annotations};
pub use list_annotations::list_annotations;
pub use sync_annotations::sync_annotations;
pub use update_annotation::{demand_annotation, update_annotation};

use base::CommonFault;

/// There is no such annotation, or it is another's, or of a book that was given back.
const NO_ANNOTATION: CommonFault = CommonFault::NotFound("annotation");
