//! What decides an invoice's line beside the events that count in it (R-B16).
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use devspaces_kit::{clock::Timestamp, name::SpaceName};
use rust_decimal::Decimal;

use super::{
    Month,
    pricing::{InOrder, Line, Portion, Usage, is_billed_by, taken},
};

/// What is known of a line beside its events. Its text is what the journal has a digest of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// What the space's earlier invoices have said of the same.
    pub(crate) issued: Portion,
    /// How much of the allowance other spaces' issued invoices have used up.
    pub(crate) issued_elsewhere: Decimal,
    /// In the order in which the allowance is used up.
    pub(crate) shares: Vec<Share>,
}

/// What something that is not on the line uses up of its allowance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Before the usage of which of the space's own holdings of the app it goes: of that which began then. When another space held
    /// the app is not told.
    pub(crate) held_from: Timestamp,
    pub(crate) quantity: Decimal,
    /// Whether it is what the space itself used before it had an account.
    pub(crate) own: bool,
}

/// Of each of these lines what else decides it; nothing if only its events do.
pub(crate) fn beside(space: SpaceName, month: Month, lines: &[Line], usage: &Usage) -> Vec<Option<Beside>> {
    let allowances = usage.by_allowance();
    let of_line = |line: &Line| {
        let (issued, issued_elsewhere) = issued(space, line, usage);
        let left = usage.left(&line.allowance).filter(|_| !line.quantity.is_sign_negative());
        let shares = match (allowances.get(&line.allowance), left) {
            (Some(sums), Some(left)) => shares(space, month, sums, left),
            _ => Vec::new(),
        };
        let beside = Beside { issued, issued_elsewhere, shares };
        (beside != Beside::default()).then_some(beside)
    };
    lines.iter().map(of_line).collect()
}

/// What issued invoices have said of what a line is of: the space's own, and how much of the allowance others' have used up.
fn issued(space: SpaceName, line: &Line, usage: &Usage) -> (Portion, Decimal) {
    let of = usage.issued.get(&line.allowance);
    let own = of.and_then(|of| of.get(&space)).copied().unwrap_or_default();
    let others = of.into_iter().flatten().filter(|(other, _)| **other != space);
    (own, others.map(|(_, portion)| portion.free).sum())
}

/// What takes up of an allowance, of which so much is left, and is not billed by the invoice.
fn shares(space: SpaceName, month: Month, sums: &InOrder<'_>, left: Decimal) -> Vec<Share> {
    let own: BTreeSet<Timestamp> =
        sums.iter().filter(|(key, _)| key.space == space).map(|(key, _)| key.held_from).collect();
    let mut shares: BTreeMap<(Timestamp, bool), Decimal> = BTreeMap::new();
    for ((key, _), quantity) in sums.iter().zip(taken(sums, left).unwrap_or_default()) {
        if quantity.is_zero() || is_billed_by(key, space, month) {
            continue;
        }
        // What comes after all that the space used takes nothing from it.
        if let Some(held_from) = own.range(key.held_from..).next() {
            *shares.entry((*held_from, key.space == space)).or_default() += quantity;
        }
    }
    shares.into_iter().map(|((held_from, own), quantity)| Share { held_from, quantity, own }).collect()
}

/// `{quantity} {free} {elsewhere}`, and of each share ` {held_from} {quantity} {own|others}`.
impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issued, issued_elsewhere, shares } = self;
        let [quantity, free] = [issued.quantity, issued.free].map(|of| of.normalize());
        write!(f, "{quantity} {free} {}", issued_elsewhere.normalize())?;
        for Share { held_from, quantity, own } in shares {
            let of = if *own { OWN } else { OTHERS };
            write!(f, " {held_from} {} {of}", quantity.normalize())?;
        }
        Ok(())
    }
}

const OWN: &str = "own";
const OTHERS: &str = "others";

/// A text that says nothing of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl FromStr for Beside {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let decimal = |text: &str| Decimal::from_str_exact(text).map_err(|_| Unreadable);
        let parts: Vec<&str> = text.split(' ').collect();
        let ([quantity, free, elsewhere], rest) = parts.split_first_chunk().ok_or(Unreadable)?;
        let (shares, []) = rest.as_chunks() else { return Err(Unreadable) };
        let share = |[held_from, quantity, of]: &[&str; 3]| {
            let own = match *of {
                OWN => true,
                OTHERS => false,
                _ => return Err(Unreadable),
            };
            let held_from = held_from.parse().map_err(|_| Unreadable)?;
            Ok(Share { held_from, quantity: decimal(quantity)?, own })
        };
        Ok(Self {
            issued: Portion { quantity: decimal(quantity)?, free: decimal(free)? },
            issued_elsewhere: decimal(elsewhere)?,
            shares: shares.iter().map(share).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-B16
    #[test]
    fn what_is_stored_beside_a_line_is_read_as_it_was() {
        for text in [
            "0 0 0.5",
            "10.25 5 0 2026-11-30T12:00:00.000001Z 0.125 others 2026-11-30T12:00:00.000001Z 3 own",
        ] {
            assert_eq!(text.parse::<Beside>().map(|it| it.to_string()).as_deref(), Ok(text));
        }
        for bad in ["", "0 0", "0 0 x", "0 0 0 2026-11-30T12:00:00Z 1", "0 0 0 2026-11-30T12:00:00Z 1 mine"] {
            assert_eq!(bad.parse::<Beside>(), Err(Unreadable), "{bad}");
        }
    }
}
