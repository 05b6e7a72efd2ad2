//! What is tried beside a victim.
use crate::{
    attacker::{Attack, Briefing, Counts},
    callers, strangers, unread,
};

/// An attack that goes on while the victim is watched.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Begins it, within a runtime.
    pub(crate) begin: fn(&Briefing, &Counts) -> Attack,
    /// How many answers it may be given that it does not read, if it reads none: they are memory that it holds.
    pub(crate) held: Option<u64>,
}

impl Case {
    pub(crate) const fn new(name: &'static str, begin: fn(&Briefing, &Counts) -> Attack) -> Self {
        Self { name, begin, held: None }
    }

    /// The attack of one who reads no answer, of which there may be so many.
    pub(crate) const fn holding(self, answers: u64) -> Self {
        Self { held: Some(answers), ..self }
    }

    /// Every one: of callers first, whose tokens are good.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        callers::CASES.iter().chain(strangers::CASES).chain(unread::CASES)
    }
}
