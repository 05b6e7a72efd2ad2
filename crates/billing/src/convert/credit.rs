use devspaces_kit::{
    status::{Fault, Fields},
    text,
};
use devspaces_proto::billing::v1 as proto;
use rust_decimal::Decimal;

use super::{invoice::to_money, money};
use crate::domain::credit::Credit;

/// A credit as it is shown.
///
/// # Errors
/// `INTERNAL`, for a defect: what is taken fits in a message.
pub(crate) fn to_wire(credit: Credit) -> Result<proto::Credit, Fault> {
    let Credit { number, currency, amount, remaining, reason, invoice, create_time } = credit;
    Ok(proto::Credit {
        number,
        amount: Some(to_money(amount, &currency)?),
        remaining: Some(to_money(remaining, &currency)?),
        reason,
        invoice: invoice.map(|name| name.to_string()).unwrap_or_default(),
        create_time: Some(create_time.into()),
    })
}

/// How much is granted, and why.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn granted(credit: Option<proto::Credit>, currency: &str) -> Result<(Decimal, String), Fault> {
    let credit = credit.unwrap_or_default();
    let mut fields = Fields::new();
    let amount = money::cents(&mut fields, "credit.amount", credit.amount, currency);
    let amount = amount.filter(|amount| {
        let fits = *amount <= Decimal::from(MOST_UNITS);
        if !fits {
            fields.bad("credit.amount.units", format!("must not be more than {MOST_UNITS}"));
        }
        fits
    });
    let reason = fields.check("credit.reason", text::reason(&credit.reason)).map(ToOwned::to_owned);
    fields.finish_with(amount.zip(reason))
}

/// The most that one credit grants, in units of the currency: a billion of them can be added up and told.
const MOST_UNITS: i64 = 1_000_000_000;
