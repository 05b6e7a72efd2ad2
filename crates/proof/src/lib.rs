//! Recomputes an invoice from an export of it (R-B16): from its events, its rate cards, and the entries of the space's journal
//! that vouch for them. It shares no code with the service that made the invoice, so that one mistake is not made twice: it has
//! decimals, months and prices of its own, and depends on no other crate of the workspace.
mod card;
mod difference;
mod export;
mod fixed;
mod journal;
mod lines;
mod time;
mod total;

pub use self::{
    difference::Difference,
    export::{
        Before, Beside, Entry, Event, Exemption, Export, Invoice, Line, Rate, RateCard, Record, Share,
        Unreadable,
    },
};

/// What holds, once all of it was recomputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many lines were recomputed.
    pub lines: usize,
    /// Of how many events and voidings.
    pub events: usize,
    /// How many entries of the journal hold together.
    pub entries: usize,
}

/// Recomputes an invoice, and names the first difference. `heads` are ends of the space's journal that are known from elsewhere,
/// each with its sequence and its hash in hexadecimal; nothing is asked of them if there are none.
///
/// # Errors
/// What differs first: of the journal, the rate cards, the events, the lines, and what they come to, in this order.
pub fn verify(export: &Export, heads: &[(i64, String)]) -> Result<Verified, Difference> {
    let journal = journal::Journal::check(export, heads)?;
    let cards = card::Cards::check(export, &journal.proof)?;
    journal.check_events(&export.events)?;
    let lines = lines::Lines::of(export, &journal, &cards)?;
    lines.check(&export.lines)?;
    total::check(export, &journal)?;
    let (lines, events, entries) = (export.lines.len(), export.events.len(), export.entries.len());
    Ok(Verified { lines, events, entries })
}
