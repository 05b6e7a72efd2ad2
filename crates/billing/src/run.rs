//! The billing run: what is due is drafted and issued, whoever asks and however often (R-B7).
use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, RandomState},
};

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    edge::Deadline,
    name::{AccountName, InvoiceName, Scope, SpaceName},
    status::{Fault, Reason, reason_name},
    sweep::Told,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use devspaces_proto::billing::v1::{BillingFailure, RunBillingResponse};
use futures::future::join_all;
use rust_decimal::Decimal;
use serde_json::Value;
use tonic::Code;
use uuid::Uuid;

use crate::{
    credit,
    domain::{
        Account, Month,
        beside::beside,
        credit::applied,
        invoice::{Invoice, Issued, draft_time, issue_time},
        proof::Proof,
    },
    statement::{Statement, statement_and_usage},
    store,
};

/// What the journal names in place of a method.
const BILL: &str = "devspaces.billing/bill";
/// Accounts that are read at a time.
const PAGE: i64 = 128;
/// Accounts that are seen to at a time: while one is written others are read.
const AT_ONCE: usize = 4;

/// The most accounts that a run names as failed; it counts them all.
const MAX_FAILURES: usize = 100;

/// A round of the scheduler: everything that is due by now. A restart, a missed month or another replica make no
/// difference, since what is due follows from what there is. The log is told once of an account that can't be billed.
///
/// # Errors
/// The last fault that may pass; what is left is done by the next round. `CLOCK_STEPPED` while the clock is doubted.
pub(crate) async fn bill(context: &Context, told: &Told) -> Result<(), Fault> {
    let call = Call::of_service(Service::Billing.name(), BILL);
    let tell = |space: SpaceName, result: &Result<(), Fault>| match result {
        Ok(()) => told.is_well(&space.to_string()),
        Err(fault) if told.is_news(&space.to_string(), fault) => {
            tracing::warn!(%space, %fault, "an account could not be billed; told once while it fails alike");
        }
        Err(_) => {}
    };
    run(context, &call, None, tell).await.map(drop)
}

/// Drafts and issues what is due by now, some accounts at a time until a time, if there is one, has come, and says how much that was, which
/// accounts failed, and how many it did not come to. `tell` hears how it went with each.
///
/// # Errors
/// The last fault that may pass by itself: with that in the answer, nobody would run it again. `CLOCK_STEPPED` ends the run
/// at once.
pub(crate) async fn run(
    context: &Context,
    call: &Call,
    until: Option<Deadline>,
    tell: impl Fn(SpaceName, &Result<(), Fault>),
) -> Result<RunBillingResponse, Fault> {
    let mut run =
        Run { context, call, until, done: RunBillingResponse::default(), began: false, failed: None };
    let mut after = (Timestamp::EPOCH, SpaceName::NIL);
    loop {
        let now = context.steady.now()?;
        let page = store::due::accounts(&mut context.pool.read().await?, now, after, PAGE).await?;
        let Some(last) = page.last().copied() else { break };
        let Some(failed) = run.see_to(page, &tell).await? else {
            after = last;
            continue;
        };
        // What has failed is still due, and was come to.
        let due = store::due::count(&mut context.pool.read().await?, now, after).await?;
        run.done.remaining = due.saturating_sub(failed);
        break;
    }
    run.failed.map_or(Ok(run.done), Err)
}

/// A run, and how far it is.
struct Run<'a> {
    context: &'a Context,
    call: &'a Call,
    until: Option<Deadline>,
    done: RunBillingResponse,
    began: bool,
    /// The last fault that may pass by itself.
    failed: Option<Fault>,
}

impl Run<'_> {
    /// Sees to these accounts. If the time is over before it comes to all of them: how many have failed.
    async fn see_to(
        &mut self,
        mut page: Vec<(Timestamp, SpaceName)>,
        tell: &impl Fn(SpaceName, &Result<(), Fault>),
    ) -> Result<Option<i64>, Fault> {
        // Each run has an order of its own: of several at once, on other replicas too, each does its part, where they would else meet at
        // every account.
        let order = RandomState::new();
        page.sort_by_cached_key(|(_, space)| order.hash_one(space));
        let mut failed = 0;
        for accounts in page.chunks(AT_ONCE) {
            // The first are seen to in any case: a call with little time does something too.
            if self.began && self.until.is_some_and(Deadline::has_passed) {
                return Ok(Some(failed));
            }
            self.began = true;
            let advanced =
                join_all(accounts.iter().map(|(_, space)| advance(self.context, self.call, *space)));
            for ((_, space), (made, result)) in accounts.iter().zip(advanced.await) {
                self.done.drafted += made.drafted;
                self.done.issued += made.issued;
                failed += i64::from(result.is_err());
                self.note(*space, result, tell)?;
            }
        }
        Ok(None)
    }

    /// Notes how it went with an account. One that fails keeps no other back.
    fn note(
        &mut self,
        space: SpaceName,
        result: Result<(), Fault>,
        tell: &impl Fn(SpaceName, &Result<(), Fault>),
    ) -> Result<(), Fault> {
        if let Err(fault) = &result
            && fault.reason() == Reason::ClockStepped
        {
            // It is no account's fault, and none is billed before it is over.
            return Err(fault.clone());
        }
        tell(space, &result);
        match result {
            Ok(()) => {}
            Err(fault) if fault.code() == Code::FailedPrecondition => fail(&mut self.done, space, &fault),
            Err(fault) => self.failed = Some(fault),
        }
        Ok(())
    }
}

/// Notes an account that can't be billed until somebody does something about it.
fn fail(done: &mut RunBillingResponse, space: SpaceName, fault: &Fault) {
    done.failed += 1;
    if done.failures.len() < MAX_FAILURES {
        done.failures.push(BillingFailure {
            account: AccountName(space).to_string(),
            reason: reason_name(fault.reason()).to_owned(),
            message: fault.message().to_owned(),
        });
    }
}

/// Takes an account to where it is to be by now, and says what was made on the way there.
async fn advance(
    context: &Context,
    call: &Call,
    space: SpaceName,
) -> (RunBillingResponse, Result<(), Fault>) {
    let mut made = RunBillingResponse::default();
    let result = step_by_step(context, call, space, &mut made).await;
    (made, result)
}

async fn step_by_step(
    context: &Context,
    call: &Call,
    space: SpaceName,
    done: &mut RunBillingResponse,
) -> Result<(), Fault> {
    loop {
        let now = context.steady.now()?;
        let mut db = context.pool.read().await?;
        // Another run may have been here since it was listed. What is issued is followed by the next month, which may be due as well; what
        // could not be, for other spaces that came to share its allowances, is tried again with these.
        if !store::due::is_due(&mut db, space, now).await? {
            return Ok(());
        }
        let Some(account) = store::account::find(&mut db, space).await? else { return Ok(()) };
        let month = next_month(&mut db, &account).await?;
        let touched = store::total::touched_by(&mut db, space, month).await?;
        // Allowances are shared with whoever held the apps in these months.
        let holders = store::total::holders(&mut db, &touched).await?;
        drop(db);
        let scopes = BTreeSet::from([space]).union(&holders).map(|space| Scope::from(*space)).collect();
        let step = Step { account, id: context.clock.new_id(), now };
        let made = context.mutations.run(call.clone().without_request_id(), scopes, step).await?;
        done.drafted += made.drafted;
        done.issued += made.issued;
    }
}

/// The first month whose invoice is not issued.
async fn next_month(db: &mut devspaces_ledger::db::Conn, account: &Account) -> Result<Month, Fault> {
    let last = store::invoice::last_issued_month(db, account.name.0).await?;
    Ok(last.map_or_else(|| Month::of(account.create_time), Month::next))
}

/// One step of an account: a draft is made, or an invoice issued, or nothing is due.
struct Step {
    account: Account,
    /// Of the draft, if one is made.
    id: Uuid,
    /// By the clock: a time that other entries of these scopes may be ahead by makes nothing due.
    now: Timestamp,
}

impl Mutation for Step {
    type Reply = RunBillingResponse;
    const FALLS_DUE: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<RunBillingResponse, Abort> {
        let space = self.account.name.0;
        // Of two runs that come to an account at once, the second finds it done.
        if !store::due::is_due(tx, space, self.now).await? {
            return Ok(RunBillingResponse::default());
        }
        let month = next_month(tx, &self.account).await?;
        let found = store::invoice::of_month(tx, space, month).await?;
        let now = tx.time();
        let is_new = found.is_none();
        let draft = || {
            let name = InvoiceName { account: AccountName(space), id: self.id };
            Invoice::draft(name, month, now)
        };
        if self.now >= issue_time(month) {
            let draft = found.unwrap_or_else(draft);
            if !issue(tx, draft, is_new, self.account.create_time).await? {
                return Ok(RunBillingResponse::default());
            }
            store::due::set_next(tx, space, draft_time(month.next())).await?;
            return Ok(RunBillingResponse { drafted: i32::from(is_new), issued: 1, ..Default::default() });
        }
        let drafted = is_new && self.now >= draft_time(month);
        if drafted {
            let draft = draft();
            record(tx, None, &draft, Decimal::ZERO).await?;
            store::invoice::put(tx, &draft).await?;
        }
        let next = if is_new && !drafted { draft_time(month) } else { issue_time(month) };
        store::due::set_next(tx, space, next).await?;
        Ok(RunBillingResponse { drafted: i32::from(drafted), ..Default::default() })
    }
}

/// Issues an invoice: what it says is computed for the last time, numbered and stored for good. False, and nothing is
/// changed, if a space that is not held here has come to share its allowances.
async fn issue(tx: &mut Tx, draft: Invoice, is_new: bool, account_since: Timestamp) -> Result<bool, Abort> {
    let (space, name) = (draft.name.account.0, draft.name);
    let touched = store::total::touched_by(tx, space, draft.month).await?;
    let held = tx.scopes();
    let holders = store::total::holders(tx, &touched).await?;
    if holders.into_iter().any(|holder| !held.contains(&holder.into())) {
        return Ok(false);
    }
    let stated = statement_and_usage(tx, space, draft.month, &touched).await?;
    let (Statement { lines, currency, total }, usage) = stated;
    let number = store::invoice::next_number(tx, space).await?;
    let credits = store::credit::left(tx, space).await?;
    let applied = applied(&credits, total);
    let credit_applied = applied.iter().map(|(_, amount)| *amount).sum();
    let issued = Issued { number, issue_time: tx.time(), currency, total, credit_applied };
    let before = if is_new { Value::Null } else { draft.to_json(Decimal::ZERO) };
    let invoice = draft.issue(issued);
    let mut after = invoice.to_json(Decimal::ZERO);
    let credit = credits.iter().map(|credit| credit.remaining).sum();
    let beside = beside(space, invoice.month, &lines, &usage);
    let proof = Proof { lines: &lines, beside: &beside, cards: &usage.cards, credit, account_since };
    after["proof"] = proof.to_json();
    record_as(tx, &invoice, before, after).await?;
    store::credit::apply(tx, &name, &credits, &applied).await?;
    store::invoice::put(tx, &invoice).await?;
    store::line::insert(tx, name.id, &lines, &beside).await?;
    if let Some(issued) = &invoice.issued {
        if issued.total.is_sign_negative() && !issued.total.is_zero() {
            // The entry of the invoice says what it comes to.
            let owed = (-issued.total, issued.currency.as_str());
            credit::add(tx, name.account, owed, "", Some(name)).await?;
        }
        // Last: it seals the lines.
        let entry = tx.sequence(space.into())?;
        store::invoice::insert_issued(tx, &name, issued, entry).await?;
    }
    Ok(true)
}

/// The entry of a change of an invoice (R-J1), of which so much is credited. Its lines stand in the invoice, which never changes.
pub(crate) async fn record(
    tx: &mut Tx,
    before: Option<&Invoice>,
    after: &Invoice,
    credited: Decimal,
) -> Result<(), Abort> {
    let before = before.map_or(Value::Null, |before| before.to_json(credited));
    record_as(tx, after, before, after.to_json(credited)).await
}

async fn record_as(tx: &mut Tx, invoice: &Invoice, before: Value, after: Value) -> Result<(), Abort> {
    let (scope, resources) = (invoice.name.account.0.into(), vec![invoice.name.to_string()]);
    tx.record(Change { scope, resources, before, after, facts: false }).await?;
    Ok(())
}
