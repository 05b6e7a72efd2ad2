use devspaces_kit::{
    clock::Timestamp,
    status::{Fault, Fields},
    text,
};
use devspaces_proto::billing::v1 as proto;
use rust_decimal::Decimal;

use super::money;
use crate::domain::{
    Month,
    invoice::{Attempt, CreditNote, Invoice, State},
    pricing::{self, Line},
};

/// The longest id of an attempt, in bytes.
const MAX_ID: usize = 128;

fn wire_state(state: State) -> proto::invoice::State {
    match state {
        State::Draft => proto::invoice::State::Draft,
        State::Open => proto::invoice::State::Open,
        State::Paid => proto::invoice::State::Paid,
        State::PastDue => proto::invoice::State::PastDue,
    }
}

/// An invoice with its lines and corrections. A draft comes to what its lines do.
pub(crate) fn to_wire(
    invoice: Invoice,
    currency: &str,
    lines: &[Line],
    credit_notes: Vec<CreditNote>,
) -> proto::Invoice {
    let credited: Decimal = credit_notes.iter().map(|note| note.amount).sum();
    let due = invoice.due(credited);
    let (number, issue_time, total) = match invoice.issued {
        Some(issued) => (issued.number, Some(issued.issue_time.into()), issued.total),
        None => (0, None, pricing::total(lines)),
    };
    proto::Invoice {
        name: invoice.name.to_string(),
        number,
        month: invoice.month.to_string(),
        state: wire_state(invoice.state).into(),
        lines: lines.iter().map(|line| line_to_wire(line, invoice.month)).collect(),
        total: Some(money::to_wire(total, currency)),
        amount_due: Some(money::to_wire(due, currency)),
        credit_notes: credit_notes.into_iter().map(|note| credit_note_to_wire(note, currency)).collect(),
        create_time: Some(invoice.create_time.into()),
        issue_time,
        next_attempt_time: invoice.next_attempt_time.map(Into::into),
        failed_attempts: invoice.failed_attempts,
        pay_time: invoice.pay_time.map(Into::into),
    }
}

/// What the invoice of a month would be.
pub(crate) fn preview(month: Month, currency: &str, lines: &[Line]) -> proto::Invoice {
    proto::Invoice {
        month: month.to_string(),
        state: proto::invoice::State::Draft.into(),
        lines: lines.iter().map(|line| line_to_wire(line, month)).collect(),
        total: Some(money::to_wire(pricing::total(lines), currency)),
        amount_due: Some(money::to_wire(Decimal::ZERO, currency)),
        ..proto::Invoice::default()
    }
}

pub(crate) fn line_to_wire(line: &Line, month: Month) -> proto::InvoiceLine {
    proto::InvoiceLine {
        app: line.pool.app.to_string(),
        metric: line.pool.metric.to_wire().into(),
        usage_month: line.pool.usage_month.to_string(),
        quantity: line.quantity.normalize().to_string(),
        free_quantity: line.free.normalize().to_string(),
        billed_quantity: line.billed().to_string(),
        unit_price: line.unit_price.normalize().to_string(),
        amount: line.amount().to_string(),
        adjustment: line.pool.usage_month != month,
        rate_card_version: line.card,
    }
}

pub(crate) fn credit_note_to_wire(note: CreditNote, currency: &str) -> proto::CreditNote {
    proto::CreditNote {
        number: note.number,
        amount: Some(money::to_wire(note.amount, currency)),
        reason: note.reason,
        create_time: Some(note.create_time.into()),
    }
}

/// How much a `CreateCreditNote` request credits, and why.
pub(crate) fn credit(note: Option<proto::CreditNote>, currency: &str) -> Result<(Decimal, String), Fault> {
    let note = note.unwrap_or_default();
    let mut fields = Fields::new();
    let amount = money::cents(&mut fields, "credit_note.amount", note.amount, currency);
    fields.check("credit_note.reason", text::description(&note.reason));
    Ok((fields.finish_with(amount)?, note.reason))
}

/// The attempt of a `ReportPaymentAttempt` request. Its time may be ahead of this clock by `latest` at most.
pub(crate) fn attempt(attempt: Option<proto::PaymentAttempt>, latest: Timestamp) -> Result<Attempt, Fault> {
    let attempt = attempt.unwrap_or_default();
    let mut fields = Fields::new();
    let visible = attempt.id.bytes().all(|byte| byte.is_ascii_graphic());
    if !(1..=MAX_ID).contains(&attempt.id.len()) || !visible {
        fields.bad("attempt.id", format!("must be 1 to {MAX_ID} visible ASCII characters"));
    }
    let succeeded = match attempt.outcome() {
        proto::payment_attempt::Outcome::Succeeded => Ok(true),
        proto::payment_attempt::Outcome::Failed => Ok(false),
        proto::payment_attempt::Outcome::Unspecified => {
            Err("must be given: OUTCOME_SUCCEEDED or OUTCOME_FAILED")
        }
    };
    let succeeded = fields.check("attempt.outcome", succeeded);
    let time = fields.check("attempt.time", time(attempt.time, latest));
    let (succeeded, time) = fields.finish_with(succeeded.zip(time))?;
    Ok(Attempt { id: attempt.id, succeeded, time })
}

fn time(time: Option<prost_types::Timestamp>, latest: Timestamp) -> Result<Timestamp, String> {
    let time = time.ok_or_else(|| "must be given".to_owned())?;
    let time = Timestamp::try_from(time).map_err(|error| error.to_string())?;
    if time <= latest { Ok(time) } else { Err("must not lie in the future".to_owned()) }
}
