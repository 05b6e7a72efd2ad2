//! Three-valued logic: what follows from facts of which some may be missing (R-P2).

/// Kleene's three values, ordered so that "and" is the minimum and "or" the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    /// Whatever the missing facts are, it does not hold.
    False,
    /// It depends on a missing fact.
    Unknown,
    /// Whatever the missing facts are, it holds.
    True,
}

impl Truth {
    pub(crate) fn and(self, other: Truth) -> Truth {
        self.min(other)
    }

    pub(crate) fn or(self, other: Truth) -> Truth {
        self.max(other)
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Truth {
        if holds { Truth::True } else { Truth::False }
    }
}
