//! State machines (domain.md D20): one table each, which every step goes through.

use base::CommonFault;

/// The states of a thing, and the steps between them. A step is written as a guarded update with the row locked, after
/// [`step`] has allowed it.
pub trait Machine: Copy + Eq + std::fmt::Debug + 'static {
    /// The thing, as a word at the start of a sentence: `The room`.
    const THING: &'static str;
    /// Every state.
    const STATES: &'static [Self];
    /// Every step, from and to. A state that nothing leaves is final.
    const STEPS: &'static [(Self, Self)];

    /// The state as the column and clients spell it.
    fn name(self) -> &'static str;
}

/// The states that can follow, in the order of the table.
#[must_use]
pub fn allowed<M: Machine>(from: M) -> Vec<&'static str> {
    M::STEPS.iter().filter(|(before, _)| *before == from).map(|(_, after)| after.name()).collect()
}

/// Is there such a step?
#[must_use]
pub fn may<M: Machine>(from: M, to: M) -> bool {
    M::STEPS.contains(&(from, to))
}

/// Lets a step through that the table has.
///
/// # Errors
/// [`CommonFault::IllegalTransition`] with what would be allowed.
pub fn step<M: Machine>(from: M, to: M) -> Result<(), CommonFault> {
    if may(from, to) {
        return Ok(());
    }
    Err(CommonFault::IllegalTransition {
        what: M::THING,
        from: from.name().to_owned(),
        to: to.name(),
        allowed: allowed(from),
    })
}
