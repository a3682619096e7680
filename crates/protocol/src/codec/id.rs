//! The id of a command that could not be read as a whole.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// Reads on until the id or the damage; whatever follows the id does not matter. `None`: no id, or 0.
pub(super) fn find<'de, D: Deserializer<'de>>(deserializer: D) -> Option<u32> {
    let mut id = None;
    // The result says only where the message is damaged, which is known already.
    let _ = deserializer.deserialize_map(IdOf(&mut id));
    id.filter(|id| *id > 0)
}

struct IdOf<'a>(&'a mut Option<u32>);

impl<'de> Visitor<'de> for IdOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            if key == "id" {
                *self.0 = Some(members.next_value()?);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
