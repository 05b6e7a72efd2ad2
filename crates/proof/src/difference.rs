use std::fmt;

/// The first thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is about: a line, an event, an entry, a rate card, or the invoice.
    pub at: String,
    /// What the export says there.
    pub said: String,
    /// What it would have to say.
    pub computed: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, said, computed } = self;
        write!(f, "{at}: the export says {said}, and it comes to {computed}")
    }
}

/// A difference, at a place, between what is said and what is computed.
pub(crate) fn differs(
    at: impl fmt::Display,
    said: impl fmt::Display,
    computed: impl fmt::Display,
) -> Difference {
    Difference { at: at.to_string(), said: said.to_string(), computed: computed.to_string() }
}

/// Compares what is said with what is computed.
pub(crate) fn same<T: fmt::Display + PartialEq>(
    at: impl fmt::Display,
    said: T,
    computed: T,
) -> Result<(), Difference> {
    if said == computed { Ok(()) } else { Err(differs(at, said, computed)) }
}
