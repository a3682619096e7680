//! Counts that are kept here for a while and then written elsewhere, many together.

use crate::error::BusError;
use crate::{Bus, script};

impl Bus {
    /// Adds to the count of one thing in a tally.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn tally(&self, name: &str, thing: u64, count: u32) -> Result<(), BusError> {
        let mut command = redis::cmd("HINCRBY");
        command.arg(self.keys().tally(name)).arg(thing).arg(count);
        let _sum: i64 = self.run_one("tally", command).await?;
        Ok(())
    }

    /// Takes some counts out of a tally, about so many; none where it is empty. They are in the caller's hands alone from
    /// then on.
    ///
    /// # Errors
    /// [`BusError::Unavailable`], [`BusError::Corrupt`].
    pub async fn take_tally(&self, name: &str, about: u32) -> Result<Vec<(u64, u32)>, BusError> {
        let key = self.keys().tally(name);
        let mut command = script::TALLY_TAKE.call(&[&key]);
        command.arg(about);
        let flat: Vec<u64> = self.run_one("take_tally", command).await?;
        let pairs = flat.chunks_exact(2).filter_map(|pair| match pair {
            [thing, count] => Some((*thing, u32::try_from(*count).unwrap_or(u32::MAX))),
            _ => None,
        });
        Ok(pairs.collect())
    }
}
