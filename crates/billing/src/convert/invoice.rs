//! Invoices, credit notes and attempts of payment.
use devspaces_kit::{
    clock::Timestamp,
    name::AppName,
    page::{self, PageToken},
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
use uuid::Uuid;

use super::money;
use crate::{
    domain::{
        DimensionValue, Month, PricedBy,
        beside::{Beside, Share},
        invoice::{Attempt, CreditNote, Invoice, LEEWAY, State},
        pricing::{Allowance, Line},
    },
    statement::{Statement, Told},
};
/// The longest id of an attempt.
const MAX_ID: usize = 128;

/// An amount that is known to fit in a message: that of a statement, or no more than one.
pub(crate) fn to_money(amount: Decimal, currency: &str) -> Result<Money, Fault> {
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
    total: Option<(Decimal, &str)>,
    credit_applied: Decimal,
    credited: Decimal,
) -> proto::Invoice {
    let (total, currency) = (total.map(|(total, _)| total), total.map_or("", |(_, currency)| currency));
    let issued = invoice.issued.as_ref();
    let told = |amount: Decimal| money::to_wire(amount, currency);
    let due = match issued {
        Some(_) => Some(invoice.due(credited)),
        None => total.map(|total| due_of(total, credit_applied)),
    };
    let total = total.and_then(told);
    let credit_applied = total.as_ref().and_then(|_| told(credit_applied));
    proto::Invoice {
        name: invoice.name.to_string(),
        number: issued.map_or(0, |issued| issued.number),
        month: invoice.month.to_string(),
        state: state(invoice.state).into(),
        amount_too_large: total.is_none(),
        total,
        amount_due: due.and_then(told),
        credit_applied,
        create_time: Some(invoice.create_time.into()),
        issue_time: issued.map(|issued| issued.issue_time.into()),
        next_attempt_time: invoice.next_attempt_time.map(Into::into),
        failed_attempts: invoice.failed_attempts,
        pay_time: invoice.pay_time.map(Into::into),
        ..proto::Invoice::default()
    }
}

/// What will be to be paid of an invoice that is not issued.
fn due_of(total: Decimal, credit_applied: Decimal) -> Decimal {
    (total - credit_applied).max(Decimal::ZERO)
}

/// An invoice as a whole.
pub(crate) fn whole(told: &Told, notes: Vec<CreditNote>) -> Result<proto::Invoice, Fault> {
    let Told { invoice, statement: Statement { lines, currency, total }, credit_applied } = told;
    let credited = notes.iter().map(|note| note.amount).sum();
    let brief = brief(invoice, Some((*total, currency)), *credit_applied, credited);
    let notes: Result<_, Fault> = notes.into_iter().map(|note| credit_note(note, currency)).collect();
    let lines = lines.iter().map(|it| line(it, invoice.month)).collect();
    Ok(proto::Invoice { lines, credit_notes: notes?, ..brief })
}

/// What the invoice of a month would be: it has no name, and is nowhere in its life yet.
pub(crate) fn preview(
    month: Month,
    statement: &Statement,
    credit_applied: Decimal,
) -> Result<proto::Invoice, Fault> {
    let money = |amount| to_money(amount, &statement.currency);
    Ok(proto::Invoice {
        month: month.to_string(),
        state: WireState::Draft.into(),
        lines: statement.lines.iter().map(|it| line(it, month)).collect(),
        total: Some(money(statement.total)?),
        credit_applied: Some(money(credit_applied)?),
        amount_due: Some(money(due_of(statement.total, credit_applied))?),
        ..proto::Invoice::default()
    })
}

/// Leaves as many lines as fit, from where the page token says, and the token of the next. By what a line is of and not by
/// its place, so that a draft whose usage grows meanwhile repeats and loses none that stay.
///
/// # Errors
/// `INVALID_ARGUMENT` / `PAGE_TOKEN_INVALID`.
pub(crate) fn cut_lines(
    invoice: proto::Invoice,
    lines: &[Line],
    tokens: &PageToken,
    page_token: &str,
) -> Result<proto::Invoice, Fault> {
    let after = tokens.decode(page_token)?.map(|key| place(&key)).transpose()?;
    let rest = lines.iter().map(|line| &line.allowance).zip(invoice.lines);
    let rest = rest.filter(|(allowance, _)| after.as_ref().is_none_or(|after| *allowance > after));
    let (lines, last) = page::fill(rest, usize::MAX, |(allowance, _)| *allowance, |(_, line)| Some(line));
    let next_lines_page_token = tokens.next(last.map(key));
    Ok(proto::Invoice { lines, next_lines_page_token, ..invoice })
}

/// What a line is of, in a page token.
fn key(allowance: &Allowance) -> Vec<u8> {
    let Allowance { app, usage_month, tariff } = allowance;
    [app.0.as_bytes(), format!("{usage_month}{tariff}").as_bytes()].concat()
}

fn place(key: &[u8]) -> Result<Allowance, Fault> {
    let read = || {
        let (app, rest) = key.split_first_chunk()?;
        let (month, tariff) = std::str::from_utf8(rest).ok()?.split_at_checked("YYYY-MM".len())?;
        let (usage_month, tariff) = (month.parse().ok()?, tariff.parse().ok()?);
        Some(Allowance { app: AppName(Uuid::from_bytes(*app)), usage_month, tariff })
    };
    read().ok_or_else(Fault::page_token_invalid)
}

/// A line of the invoice of a month.
pub(crate) fn line(line: &Line, month: Month) -> proto::InvoiceLine {
    let text = |decimal: Decimal| decimal.normalize().to_string();
    let tariff = &line.allowance.tariff;
    let (of, exempt) = match &tariff.by {
        PricedBy::Meter => (None, false),
        PricedBy::Value(of) => (Some(of), false),
        PricedBy::Exemption(of) => (Some(of), true),
    };
    let (dimension, dimension_value) = of.map(DimensionValue::to_pair).unwrap_or_default();
    proto::InvoiceLine {
        id: line.allowance.line_id(),
        app: line.allowance.app.to_string(),
        meter: tariff.meter.to_string(),
        dimension,
        dimension_value,
        exempt,
        usage_month: line.allowance.usage_month.to_string(),
        quantity: text(line.quantity),
        free_quantity: text(line.free),
        billed_quantity: text(line.billed()),
        unit_price: text(line.unit_price),
        amount: line.amount().to_string(),
        // R-B8
        adjustment: line.allowance.usage_month < month,
        rate_card_version: line.card,
        beside: None,
    }
}

/// What decides a line beside its events (R-B16).
pub(crate) fn beside(of: Beside) -> proto::Beside {
    let text = |decimal: Decimal| decimal.normalize().to_string();
    let share = |share: Share| proto::beside::Share {
        held_from: Some(share.held_from.into()),
        quantity: text(share.quantity),
        own: share.own,
    };
    proto::Beside {
        issued_quantity: text(of.issued.quantity),
        issued_free_quantity: text(of.issued.free),
        issued_free_quantity_elsewhere: text(of.issued_elsewhere),
        shares: of.shares.into_iter().map(share).collect(),
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

#[cfg(test)]
mod tests {
    use devspaces_kit::name::MeterName;
    use prost::Message as _;

    use super::*;
    use crate::domain::Tariff;

    // A large space's invoice comes in pieces that every client takes, each line once.
    #[test]
    fn lines_come_in_pages_of_bounded_size() {
        let month: Month = "2026-11".parse().unwrap();
        let allowance = |n: u128| Allowance {
            app: AppName(Uuid::from_u128(n / 7 + 1)),
            usage_month: month,
            tariff: Tariff::of_meter(MeterName::of(&format!("meter{}", n % 7)).expect("a name")),
        };
        let (quantity, price) = (Decimal::new(999_999_999_999_999_999, 9), Decimal::new(123_456_789, 12));
        let mut lines: Vec<Line> = (0..20_000)
            .map(|n| Line::new(allowance(n), quantity, Decimal::ONE, price, 1).expect("a line"))
            .collect();
        lines.sort_by(|one, other| one.allowance.cmp(&other.allowance));
        let statement = Statement { lines, currency: "USD".into(), total: Decimal::ONE };
        let tokens = PageToken::for_arguments::<proto::GetInvoiceRequest>(&["a"]);
        let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let whole = preview(month, &statement, Decimal::ZERO).expect("an invoice");
            let page = cut_lines(whole, &statement.lines, &tokens, &token).expect("a page");
            assert!(page.encoded_len() < 2 * page::MAX_BYTES);
            (token, pages) = (page.next_lines_page_token, pages + 1);
            seen.extend(page.lines);
            if token.is_empty() {
                break;
            }
        }
        assert!(pages > 1);
        assert_eq!(seen, preview(month, &statement, Decimal::ZERO).expect("an invoice").lines);
        for bad in ["x", &tokens.encode("short"), &tokens.encode([&[0_u8; 16][..], b"2026-11NONE"].concat())]
        {
            let whole = preview(month, &statement, Decimal::ZERO).expect("an invoice");
            assert!(cut_lines(whole, &statement.lines, &tokens, bad).is_err(), "{bad}");
        }
    }
}
