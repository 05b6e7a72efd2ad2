//! Invoices, credit notes and attempts of payment.
use devspaces_kit::{
    clock::Timestamp,
    status::{Fault, Fields},
    text,
};
use devspaces_proto::{
    billing::v1::{
        self as proto, PaymentAttempt, invoice::State as WireState, payment_attempt::Outcome as WireOutcome,
    },
    r#type::v1::Money,
};
use rust_decimal::Decimal;

use super::money;
use crate::{
    domain::{
        Month,
        invoice::{Attempt, CreditNote, Invoice, LEEWAY, State},
        pricing::Line,
    },
    statement::Statement,
};
/// The longest id of an attempt.
const MAX_ID: usize = 128;

/// An amount that is known to fit in a message: that of a statement, or no more than one.
fn to_money(amount: Decimal, currency: &str) -> Result<Money, Fault> {
    money::to_wire(amount, currency).ok_or_else(|| Fault::internal("an amount is too large to be told"))
}

fn state(state: State) -> WireState {
    match state {
        State::Draft => WireState::Draft,
        State::Open => WireState::Open,
        State::Paid => WireState::Paid,
        State::PastDue => WireState::PastDue,
    }
}

/// An invoice as lists show it: without its lines and credit notes. Without a total, or if a message can't hold it, it says
/// that it comes to too much.
pub(crate) fn brief(
    invoice: &Invoice,
    total: Option<Decimal>,
    currency: &str,
    credited: Decimal,
) -> proto::Invoice {
    let issued = invoice.issued.as_ref();
    let told = |amount: Decimal| money::to_wire(amount, currency);
    // A draft will be to be paid in whole.
    let due = if issued.is_some() { Some(invoice.due(credited)) } else { total };
    let total = total.and_then(told);
    proto::Invoice {
        name: invoice.name.to_string(),
        number: issued.map_or(0, |issued| issued.number),
        month: invoice.month.to_string(),
        state: state(invoice.state).into(),
        amount_too_large: total.is_none(),
        total,
        amount_due: due.and_then(told),
        create_time: Some(invoice.create_time.into()),
        issue_time: issued.map(|issued| issued.issue_time.into()),
        next_attempt_time: invoice.next_attempt_time.map(Into::into),
        failed_attempts: invoice.failed_attempts,
        pay_time: invoice.pay_time.map(Into::into),
        ..proto::Invoice::default()
    }
}

/// An invoice as a whole.
pub(crate) fn whole(
    invoice: &Invoice,
    statement: &Statement,
    notes: Vec<CreditNote>,
) -> Result<proto::Invoice, Fault> {
    let Statement { lines, currency, total } = statement;
    let credited = notes.iter().map(|note| note.amount).sum();
    let brief = brief(invoice, Some(*total), currency, credited);
    let notes: Result<_, Fault> = notes.into_iter().map(|note| credit_note(note, currency)).collect();
    let lines = lines.iter().map(|it| line(it, invoice.month)).collect();
    Ok(proto::Invoice { lines, credit_notes: notes?, ..brief })
}

/// What the invoice of a month would be: it has no name, and is nowhere in its life yet.
pub(crate) fn preview(month: Month, statement: &Statement) -> Result<proto::Invoice, Fault> {
    let total = Some(to_money(statement.total, &statement.currency)?);
    Ok(proto::Invoice {
        month: month.to_string(),
        state: WireState::Draft.into(),
        lines: statement.lines.iter().map(|it| line(it, month)).collect(),
        amount_due: total.clone(),
        total,
        ..proto::Invoice::default()
    })
}

/// A line of the invoice of a month.
pub(crate) fn line(line: &Line, month: Month) -> proto::InvoiceLine {
    let text = |decimal: Decimal| decimal.normalize().to_string();
    proto::InvoiceLine {
        app: line.pool.app.to_string(),
        metric: line.pool.metric.to_wire().into(),
        usage_month: line.pool.usage_month.to_string(),
        quantity: text(line.quantity),
        free_quantity: text(line.free),
        billed_quantity: text(line.billed()),
        unit_price: text(line.unit_price),
        amount: line.amount().to_string(),
        // R-B8
        adjustment: line.pool.usage_month < month,
        rate_card_version: line.card,
    }
}

pub(crate) fn credit_note(note: CreditNote, currency: &str) -> Result<proto::CreditNote, Fault> {
    Ok(proto::CreditNote {
        number: note.number,
        amount: Some(to_money(note.amount, currency)?),
        reason: note.reason,
        create_time: Some(note.create_time.into()),
    })
}

/// How much a credit note is about, and why.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn credit(note: Option<proto::CreditNote>, currency: &str) -> Result<(Decimal, String), Fault> {
    let note = note.unwrap_or_default();
    let mut fields = Fields::new();
    let amount = money::cents(&mut fields, "credit_note.amount", note.amount, currency);
    let reason = fields.check("credit_note.reason", text::reason(&note.reason)).map(ToOwned::to_owned);
    fields.finish_with(amount.zip(reason))
}

/// An attempt of payment that was made by now.
///
/// # Errors
/// `INVALID_ARGUMENT`, naming every bad field.
pub(crate) fn attempt(attempt: Option<PaymentAttempt>, now: Timestamp) -> Result<Attempt, Fault> {
    let attempt = attempt.unwrap_or_default();
    let mut fields = Fields::new();
    let id = fields.check("attempt.id", attempt_id(&attempt.id));
    let succeeded = match attempt.outcome() {
        WireOutcome::Succeeded => Ok(true),
        WireOutcome::Failed => Ok(false),
        WireOutcome::Unspecified => Err("must be OUTCOME_SUCCEEDED or OUTCOME_FAILED"),
    };
    let succeeded = fields.check("attempt.outcome", succeeded);
    let time = fields.check("attempt.time", attempt_time(attempt.time, now));
    let ((id, succeeded), time) = fields.finish_with(id.zip(succeeded).zip(time))?;
    Ok(Attempt { id, succeeded, time })
}

/// R-B3: what pays may not call an attempt by the card it was made with.
fn attempt_id(id: &str) -> Result<String, &'static str> {
    if !(1..=MAX_ID).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be 1 to 128 visible ASCII characters");
    }
    if text::looks_like_card_number(id) { Err(text::CARD_NUMBER) } else { Ok(id.to_owned()) }
}

fn attempt_time(time: Option<prost_types::Timestamp>, now: Timestamp) -> Result<Timestamp, String> {
    let time = time.ok_or("must be given")?;
    let time = Timestamp::try_from(time).map_err(|error| error.to_string())?;
    if time > now + LEEWAY { Err("must not lie in the future".to_owned()) } else { Ok(time) }
}
