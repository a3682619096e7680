//! Writing in a copy whose purchase is locked: each change has the next revision, and is told to the reader's devices.

use base::Time;
use base::id::UserId;
use protocol::Event;
use protocol::books::Annotation;
use protocol::channel::Channel;
use store::books::{AnnotationRow, VersionRow};

use super::NO_ANNOTATION;
use super::values::Values;
use crate::books::BookError;
use crate::books::access::OwnCopy;
use crate::books::view::annotation_view;
use crate::unit::Unit;

/// A copy in which is written.
pub(super) struct Pen {
    pub(super) purchase_id: u64,
    pub(super) book_id: u64,
    pub(super) page_count: u32,
    user_id: UserId,
    /// Of the last change.
    pub(super) revision: u64,
}

impl Pen {
    /// Of a copy that is locked. What another application wrote in it gets its version now.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn take(unit: &mut Unit, copy: &OwnCopy) -> Result<Self, BookError> {
        let purchase_id = copy.purchase.id;
        let revision = store::books::find_revision(unit, purchase_id).await?;
        let found = store::books::insert_missing_versions(unit, purchase_id, revision).await?;
        Ok(Self {
            purchase_id,
            book_id: copy.book.id,
            page_count: copy.book.page_count,
            user_id: copy.purchase.user_id,
            revision: revision.saturating_add(found),
        })
    }

    /// An annotation of the copy.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn find(&self, unit: &mut Unit, id: u64) -> Result<Option<AnnotationRow>, BookError> {
        Ok(store::books::list_annotations_by_ids(unit, self.purchase_id, &[id]).await?.pop())
    }

    /// Marks something.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn create(
        &mut self,
        unit: &mut Unit,
        values: &Values,
        (client_id, edited_at): (Option<&str>, u64),
    ) -> Result<Annotation, BookError> {
        let whose = (self.purchase_id, self.user_id);
        let id = store::books::insert_annotation(unit, whose, &values.row(Time::now_in_seconds())).await?;
        self.note(unit, (id, client_id), edited_at, false).await?;
        let annotation = self.view(unit, id).await?;
        unit.emit(Channel::User(self.user_id), Event::AnnotationCreated { annotation: annotation.clone() });
        Ok(annotation)
    }

    /// Changes a mark.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn update(
        &mut self,
        unit: &mut Unit,
        id: u64,
        values: &Values,
        (client_id, edited_at): (Option<&str>, u64),
    ) -> Result<Annotation, BookError> {
        store::books::update_annotation(unit, id, &values.row(Time::now_in_seconds())).await?;
        self.note(unit, (id, client_id), edited_at, false).await?;
        let annotation = self.view(unit, id).await?;
        unit.emit(Channel::User(self.user_id), Event::AnnotationUpdated { annotation: annotation.clone() });
        Ok(annotation)
    }

    /// Takes a mark away, for good; `false` where it is not in the copy.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn delete(&mut self, unit: &mut Unit, id: u64) -> Result<bool, BookError> {
        if !store::books::delete_annotation(unit, self.purchase_id, id).await? {
            return Ok(false);
        }
        self.note(unit, (id, None), now_millis(), true).await?;
        let event = Event::AnnotationDeleted { book_id: self.book_id, annotation_id: id };
        unit.emit(Channel::User(self.user_id), event);
        Ok(true)
    }

    async fn note(
        &mut self,
        unit: &mut Unit,
        (id, client_id): (u64, Option<&str>),
        edited_at: u64,
        is_deleted: bool,
    ) -> Result<(), BookError> {
        self.revision = self.revision.saturating_add(1);
        let version =
            VersionRow { annotation_id: id, client_id: client_id.map(str::to_owned), edited_at, is_deleted };
        Ok(store::books::upsert_version(unit, self.purchase_id, &version, self.revision).await?)
    }

    async fn view(&self, unit: &mut Unit, id: u64) -> Result<Annotation, BookError> {
        let row = self.find(unit, id).await?.ok_or(NO_ANNOTATION)?;
        Ok(annotation_view(self.book_id, row)?)
    }
}

/// Now, as versions keep it.
pub(super) fn now_millis() -> u64 {
    u64::try_from(Time::now().unix_millis()).unwrap_or(0)
}
