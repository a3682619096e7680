//! Where the files are. A folder today; whatever else the `object_store` crate reaches, later.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use base::CommonFault;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

/// `hub_uploads.disk` of files in a folder.
pub(super) const DISK: &str = "local";
/// What is in memory of a file while it is written.
const WRITE_BYTES: usize = 5 << 20;
/// What is in memory of a file while it is sent.
const READ_BYTES: usize = 64 << 10;

/// The files of this installation, by their paths (`uploads/2026/11/….jpg`). The folder is made by the first file that
/// is written, so that processes which only sign addresses leave nothing behind.
#[derive(Debug)]
pub(crate) struct Storage {
    folder: PathBuf,
    objects: OnceLock<Arc<LocalFileSystem>>,
}

/// The content of a file as it is read.
pub(crate) type Content = BoxStream<'static, io::Result<Bytes>>;

impl Storage {
    /// In a folder, which need not be there yet.
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), objects: OnceLock::new() }
    }

    /// Does this process see the files? One on another machine may not.
    pub(crate) fn is_here(&self) -> bool {
        self.folder.is_dir()
    }

    /// Once there is a folder.
    fn objects(&self) -> Result<Arc<LocalFileSystem>, CommonFault> {
        if let Some(objects) = self.objects.get() {
            return Ok(Arc::clone(objects));
        }
        // Written through to the disk: the row says that the file is there.
        let objects = LocalFileSystem::new_with_prefix(&self.folder).map_err(CommonFault::internal)?;
        Ok(Arc::clone(self.objects.get_or_init(|| Arc::new(objects.with_fsync(true)))))
    }

    /// A file without a name, which vanishes when it is closed, however that happens.
    ///
    /// # Errors
    /// [`CommonFault::Internal`] where the folder cannot be written.
    pub(crate) async fn spool(&self) -> Result<File, CommonFault> {
        let folder = self.folder.clone();
        let spooled = tokio::task::spawn_blocking(move || {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            tempfile::tempfile_in(&folder)
        });
        spooled.await.map_err(CommonFault::internal)?.map_err(|error| {
            CommonFault::internal(format!(
                "{} (MAJLIS_UPLOADS) cannot be written: {error}",
                self.folder.display()
            ))
        })
    }

    /// Writes a file under a path. It is there wholly or not at all.
    ///
    /// # Errors
    /// [`CommonFault::Internal`], the disk being full among the causes.
    pub(crate) async fn write(&self, path: &str, content: &File) -> Result<(), CommonFault> {
        let objects = self.objects()?;
        let mut content = tokio::fs::File::from_std(content.try_clone().map_err(CommonFault::internal)?);
        content.seek(SeekFrom::Start(0)).await.map_err(CommonFault::internal)?;
        let mut writer =
            BufWriter::with_capacity(objects, Path::from(path), WRITE_BYTES).with_max_concurrency(1);
        let copied = async {
            tokio::io::copy(&mut content, &mut writer).await?;
            writer.shutdown().await
        };
        if let Err(error) = copied.await {
            let _begun = writer.abort().await;
            return Err(CommonFault::internal(error));
        }
        Ok(())
    }

    /// The bytes `range` of a file; `None` where it is not there.
    ///
    /// # Errors
    /// [`CommonFault::Internal`].
    pub(crate) async fn read(&self, path: &str, range: Range<u64>) -> Result<Option<Content>, CommonFault> {
        if !self.is_here() {
            return Ok(None);
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = match self.objects()?.get_opts(&Path::from(path), options).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(CommonFault::internal(error)),
        };
        let part = found.range.clone();
        match found.payload {
            GetResultPayload::File(file, _) => {
                let mut file = tokio::fs::File::from_std(file);
                file.seek(SeekFrom::Start(part.start)).await.map_err(CommonFault::internal)?;
                let file = file.take(part.end.saturating_sub(part.start));
                Ok(Some(ReaderStream::with_capacity(file, READ_BYTES).boxed()))
            }
            GetResultPayload::Stream(stream) => Ok(Some(stream.map_err(io::Error::other).boxed())),
        }
    }

    /// Keeps a document of our own making, for [`Self::find_document`].
    ///
    /// # Errors
    /// [`CommonFault::Internal`], the disk being full among the causes.
    pub(crate) async fn keep_document(&self, path: &str, content: Vec<u8>) -> Result<(), CommonFault> {
        // Makes the folder, where this is the first file of all.
        drop(self.spool().await?);
        let kept = self.objects()?.put(&Path::from(path), content.into()).await;
        kept.map(drop).map_err(CommonFault::internal)
    }

    /// A document of our own making; `None` where it is not there (any more): it is made anew.
    ///
    /// # Errors
    /// [`CommonFault::Internal`].
    pub(crate) async fn find_document(&self, path: &str) -> Result<Option<Vec<u8>>, CommonFault> {
        if !self.is_here() {
            return Ok(None);
        }
        match self.objects()?.get(&Path::from(path)).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(CommonFault::internal)?.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(CommonFault::internal(error)),
        }
    }

    /// Takes a file away, and what a process that died left of it half-written; one that is not there is no mistake.
    ///
    /// # Errors
    /// [`CommonFault::Internal`].
    pub(crate) async fn delete(&self, path: &str) -> Result<(), CommonFault> {
        if !self.is_here() {
            return Ok(());
        }
        let objects = self.objects()?;
        match objects.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(CommonFault::internal(error)),
        }
        // A name is used for one file alone, so there is one such rest at most.
        let rest = self.folder.join(format!("{path}#1"));
        match tokio::fs::remove_file(rest).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(CommonFault::internal(error)),
            _ => Ok(()),
        }
    }
}

impl Storage {
    /// Takes a file away, and the small picture beside it.
    ///
    /// # Errors
    /// [`CommonFault::Internal`].
    pub(super) async fn delete_upload(&self, path: &str) -> Result<(), CommonFault> {
        self.delete(&super::name::small(path)).await?;
        self.delete(path).await
    }
}

/// Back to the first byte, for who reads next.
pub(super) fn rewind(file: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0)).map(drop)
}
