//! What the lines come to, and what the journal says of the invoice (R-B7, R-B10).
use sha2::{Digest as _, Sha256};

use crate::{
    difference::{Difference, differs, same},
    export::{Beside, Export, Line, Share},
    fixed::{AMOUNT, cents, parse, print},
    journal::Journal,
};

/// Digits after the point of what is paid.
const CENTS: usize = 2;

/// Holds the invoice, and what its entry says, against its lines, which hold.
pub(crate) fn check(export: &Export, journal: &Journal) -> Result<(), Difference> {
    let (invoice, proof, issue) = (&export.invoice, &journal.proof, &journal.issue);
    let mut amount = 0_i128;
    for line in &export.lines {
        let parts = parse(&line.amount, AMOUNT).and_then(|parts| amount.checked_add(parts));
        amount = parts.ok_or_else(|| differs("total", &line.amount, "an amount"))?;
    }
    let money = |at: &str, text: &str| parse(text, CENTS).ok_or_else(|| differs(at, text, "whole cents"));
    let printed = |parts: i128| print(parts, CENTS);
    let total = cents(amount);
    same("total", printed(money("total", &invoice.total)?), printed(total))?;
    let available = money("credit", &proof.credit_available)?;
    let applied = available.min(total.max(0));
    let said = printed(money("credit_applied", &invoice.credit_applied)?);
    same("credit_applied", said, printed(applied))?;
    let of_entry = |field: &str| issue[field].as_str().unwrap_or_default();
    for (field, computed) in
        [("total", total), ("credit_applied", applied), ("amount_due", (total - applied).max(0))]
    {
        let at = format!("entry of the issue, {field}");
        same(&at, printed(money(&at, of_entry(field))?), printed(computed))?;
    }
    same("number", &invoice.number.to_string(), &issue["number"].to_string())?;
    same("month", invoice.month.as_str(), of_entry("month"))?;
    same("currency_code", invoice.currency_code.as_str(), of_entry("currency"))?;
    same("lines", export.lines.len(), proof.lines)?;
    same("lines, by the digest of their entry", &digest(export), &proof.digest)?;
    same(
        "what decides lines beside events, by the digest of their entry",
        &digest_of_beside(export),
        &proof.beside,
    )
}

/// SHA-256 over a line for each line that more than its events decides, in their order.
fn digest_of_beside(export: &Export) -> String {
    let row = |line: &Line| {
        let Beside { issued_quantity, issued_free_quantity, issued_free_quantity_elsewhere, shares } =
            line.beside.as_ref()?;
        let share = |Share { held_from, quantity, own }: &Share| {
            format!(" {held_from} {quantity} {}", if *own { "own" } else { "others" })
        };
        let shares: String = shares.iter().map(share).collect();
        let id = &line.id;
        Some(format!(
            "{id} {issued_quantity} {issued_free_quantity} {issued_free_quantity_elsewhere}{shares}\n"
        ))
    };
    hex::encode(Sha256::digest(export.lines.iter().filter_map(row).collect::<String>()))
}

/// SHA-256 over a line for each line, in their order.
fn digest(export: &Export) -> String {
    let row = |line: &Line| {
        let Line { id, quantity, free_quantity, unit_price, rate_card_version, .. } = line;
        format!("{id} {quantity} {free_quantity} {unit_price} {rate_card_version}\n")
    };
    hex::encode(Sha256::digest(export.lines.iter().map(row).collect::<String>()))
}
