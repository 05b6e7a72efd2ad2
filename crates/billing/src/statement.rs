//! What a space owes for a month: as it was issued, or as the usage stands.
use std::collections::{BTreeMap, BTreeSet, HashSet};

use devspaces_kit::{
    name::{AccountName, AppName, InvoiceName, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{
    Abort,
    db::{Conn, Error},
};
use rust_decimal::Decimal;

use crate::{
    convert::money,
    domain::{
        Month,
        invoice::{Invoice, Issued},
        pricing::{Allowance, Line, Usage, lines, total},
    },
    store,
};

/// What an invoice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) lines: Vec<Line>,
    /// The ISO 4217 code of the amounts.
    pub(crate) currency: String,
    /// What they come to, in whole cents.
    pub(crate) total: Decimal,
}

/// An invoice with what it says.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) invoice: Invoice,
    pub(crate) statement: Statement,
    /// How much of the account's credit it uses up: for good if it is issued, or as of now.
    pub(crate) credit_applied: Decimal,
}

/// What can be said of a space's costs.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    pub(crate) lines: Vec<Line>,
    /// The usage of which it can't be computed exactly what it comes to.
    pub(crate) unpriced: Vec<Allowance>,
    pub(crate) currency: String,
    /// What the lines come to, in whole cents. Nothing if something is not priced, or if it can't be computed or told.
    pub(crate) total: Option<Decimal>,
}

/// Why there is no statement.
#[derive(Debug)]
pub(crate) enum Unstated {
    /// The database failed.
    Storage(Error),
    /// The space's usage of the month comes to more than can be computed or told exactly. It was accepted before that was
    /// bounded: what is accepted now always can be.
    TooLarge(SpaceName, Month),
}

impl From<Error> for Unstated {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl From<Unstated> for Abort {
    fn from(unstated: Unstated) -> Self {
        match unstated {
            Unstated::Storage(error) => error.into(),
            Unstated::TooLarge(space, month) => too_large(space, month).into(),
        }
    }
}

impl From<Unstated> for Fault {
    fn from(unstated: Unstated) -> Self {
        match unstated {
            Unstated::Storage(error) => error.into(),
            Unstated::TooLarge(space, month) => too_large(space, month),
        }
    }
}

fn too_large(space: SpaceName, month: Month) -> Fault {
    let sentence = format!("The usage billed for {month} comes to more than can be computed or told exactly");
    Fault::precondition(Reason::AmountTooLarge, AccountName(space).to_string(), sentence)
}

impl Estimate {
    /// What a budget is compared with, in whole cents: all that the month comes to, or the lines of an app. Nothing if something of it is not
    /// priced, or if it can't be computed.
    pub(crate) fn costs(&self, app: Option<AppName>) -> Option<Decimal> {
        let Some(app) = app else { return self.total };
        let is_priced = !self.unpriced.iter().any(|it| it.app == app);
        total(self.lines.iter().filter(|line| line.allowance.app == app)).filter(|_| is_priced)
    }
}

/// What can be said as of now of the invoice of a space for a month that is not issued yet.
pub(crate) async fn estimate(db: &mut Conn, space: SpaceName, month: Month) -> Result<Estimate, Error> {
    let touched = store::total::touched_by(db, space, month).await?;
    estimate_of(db, space, month, &touched).await
}

/// The same of these apps alone.
pub(crate) async fn estimate_of_apps(
    db: &mut Conn,
    space: SpaceName,
    month: Month,
    apps: &BTreeSet<AppName>,
) -> Result<Estimate, Error> {
    let mut touched = store::total::touched_by(db, space, month).await?;
    touched.retain(|(app, _)| apps.contains(app));
    estimate_of(db, space, month, &touched).await
}

async fn estimate_of(
    db: &mut Conn,
    space: SpaceName,
    month: Month,
    touched: &[(AppName, Month)],
) -> Result<Estimate, Error> {
    let usage = usage(db, touched).await?;
    priced(db, space, month, &usage).await
}

async fn priced(db: &mut Conn, space: SpaceName, month: Month, usage: &Usage) -> Result<Estimate, Error> {
    let currency = match usage.cards.get(&month) {
        Some(card) => card.currency.clone(),
        None => store::rate_card::for_month(db, month).await?.currency,
    };
    if usage.cards.values().any(|card| card.currency != currency) {
        return Err(store::unreadable("an invoice would have two currencies"));
    }
    let (lines, unpriced) = lines(space, month, usage);
    let total =
        total(&lines).filter(|total| unpriced.is_empty() && money::to_wire(*total, &currency).is_some());
    Ok(Estimate { lines, unpriced, currency, total })
}

/// What the invoice of a space for a month that is not issued yet says as of now (R-B7).
pub(crate) async fn statement(db: &mut Conn, space: SpaceName, month: Month) -> Result<Statement, Unstated> {
    let touched = store::total::touched_by(db, space, month).await?;
    Ok(statement_and_usage(db, space, month, &touched).await?.0)
}

/// The same, with all that decides it, of an invoice that touches the allowances of these apps and months.
pub(crate) async fn statement_and_usage(
    db: &mut Conn,
    space: SpaceName,
    month: Month,
    touched: &[(AppName, Month)],
) -> Result<(Statement, Usage), Unstated> {
    let usage = usage(db, touched).await?;
    let Estimate { lines, currency, total, .. } = priced(db, space, month, &usage).await?;
    let total = total.ok_or(Unstated::TooLarge(space, month))?;
    Ok((Statement { lines, currency, total }, usage))
}

/// An invoice with what it says: for good, or as of now if it is a draft.
pub(crate) async fn of_invoice(db: &mut Conn, name: &InvoiceName) -> Result<Option<Told>, Unstated> {
    let Some(mut invoice) = store::invoice::find(db, name).await? else { return Ok(None) };
    if invoice.issued.is_none() {
        let as_of_now = statement(db, name.account.0, invoice.month).await;
        // Issued meanwhile, its usage would have been looked for where it is no more.
        let Some(again) = store::invoice::find(db, name).await? else { return Ok(None) };
        invoice = again;
        if invoice.issued.is_none() {
            let statement = as_of_now?;
            let credit_applied = credit_for(db, name.account.0, statement.total).await?;
            return Ok(Some(Told { invoice, statement, credit_applied }));
        }
    }
    let Some(Issued { currency, total, credit_applied, .. }) = invoice.issued.clone() else {
        return Ok(None);
    };
    let lines = store::line::of_invoice(db, name.id).await?;
    let lines = lines.ok_or(Unstated::TooLarge(name.account.0, invoice.month))?;
    Ok(Some(Told { invoice, statement: Statement { lines, currency, total }, credit_applied }))
}

/// How much of a space's credit an invoice of this total would use up as of now.
pub(crate) async fn credit_for(db: &mut Conn, space: SpaceName, total: Decimal) -> Result<Decimal, Error> {
    Ok(store::credit::balance(db, space).await?.min(total.max(Decimal::ZERO)))
}

/// The same of an invoice that comes after others that are not issued: these use the credit up before it.
pub(crate) async fn credit_for_preview(
    db: &mut Conn,
    space: SpaceName,
    month: Month,
    total: Decimal,
) -> Result<Decimal, Unstated> {
    let mut left = store::credit::balance(db, space).await?;
    let Some(account) = store::account::find(db, space).await? else { return Ok(Decimal::ZERO) };
    let last = store::invoice::last_issued_month(db, space).await?;
    let mut before = last.map_or_else(|| Month::of(account.create_time), Month::next);
    while before < month && !left.is_zero() {
        left -= left.min(statement(db, space, before).await?.total.max(Decimal::ZERO));
        before = before.next();
    }
    Ok(left.min(total.max(Decimal::ZERO)))
}

/// All that decides what the usage of these apps in these months costs.
pub(crate) async fn usage(db: &mut Conn, touched: &[(AppName, Month)]) -> Result<Usage, Error> {
    let mut cards = BTreeMap::new();
    for month in touched.iter().map(|(_, month)| *month).collect::<BTreeSet<_>>() {
        cards.insert(month, store::rate_card::for_month(db, month).await?);
    }
    loop {
        let mut open = store::total::of_apps(db, touched).await?;
        let invoices: HashSet<_> = open.iter().map(|(key, _)| (key.space, key.billed_month)).collect();
        let invoices: Vec<_> = invoices.into_iter().collect();
        let issued = store::usage::issued_months(db, &invoices).await?;
        let portions = store::line::portions(db, touched).await?;
        // Issued between the two, an invoice would take its part of an allowance twice.
        if store::usage::issued_months(db, &invoices).await? == issued {
            open.retain(|(key, _)| !key.billable || !issued.contains(&(key.space, key.billed_month)));
            return Ok(Usage { open, issued: portions, cards });
        }
    }
}
