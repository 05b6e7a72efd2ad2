use std::collections::{BTreeMap, BTreeSet};

use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{InvoiceName, Scope},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::{
    db::{Conn, Error},
    journal::{self, Entry, Place},
};
use devspaces_proto::billing::v1::{
    LineEvent as WireLineEvent, ListLineEventsRequest, ListLineEventsResponse,
};
use prost::Message as _;

use crate::{
    convert,
    domain::{
        Month, RateCard,
        invoice::{Invoice, Issued, State},
        line_event::{LineEvent, Span},
        pricing::Allowance,
    },
    statement::{Told, of_invoice},
    store,
};

/// So many events are looked at for a page, at least.
const LOOKED_AT: usize = 5000;
/// Entries that are read at a time.
const ENTRIES: i64 = 100;
/// An event may be stamped 5 minutes before it comes, and the clocks of who takes it and of who notes it differ by less. In microseconds.
const AHEAD: i64 = 10 * 60 * 1_000_000;

/// R-B16
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListLineEventsRequest,
) -> Result<ListLineEventsResponse, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<InvoiceName>("parent", &request.parent);
    let name = fields.finish_with(name)?;
    // As for the invoice itself: billing admins read it when the space is gone (R-B11).
    context.gate.require_read(&caller, Permission::BillingInvoicesGet, name.account.0).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let line = is_line_id(&request.line).then_some(()).ok_or("must be empty or 32 digits of 0-9 and a-f");
    let size = fields.check("line", line).and(size);
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListLineEventsRequest>(&[&request.parent, &request.line]);
    let after = tokens.decode_text(&request.page_token)?;
    let mut db = context.pool.read().await?;
    let told = of_invoice(&mut db, &name).await?.ok_or_else(|| Fault::not_found(name))?;
    let books = Books::read(&mut db, &told).await?;
    if !request.line.is_empty() && !books.lines.values().any(|id| *id == request.line) {
        return Err(Fault::not_found(format!("{name}, line {}", request.line)));
    }
    let after = if after.is_empty() { books.start() } else { place(&after)? };
    let limit = if request.line.is_empty() { size } else { LOOKED_AT };
    let found = store::line_event::after(&mut db, name.account.0, &after, books.span.last, limit + 1).await?;
    drop(db);
    let (events, last) = books.page(found, limit, size, &request.line);
    let key = last.map(|(sequence, id)| format!("{sequence} {id}"));
    Ok(ListLineEventsResponse {
        events,
        next_page_token: tokens.next(key),
        first_sequence: books.span.before.max(1),
        issue_sequence: told.invoice.issued.map_or(0, |_| books.span.last),
    })
}

/// Whether a text can name a line, or names none.
fn is_line_id(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.is_empty() || (text.len() == 32 && text.bytes().all(is_digit))
}

/// The entry and the id in a page token.
fn place(key: &str) -> Result<(i64, String), Fault> {
    let (sequence, id) = key.split_once(' ').ok_or_else(Fault::page_token_invalid)?;
    Ok((sequence.parse().map_err(|_| Fault::page_token_invalid())?, id.to_owned()))
}

/// What decides in which line an event counts.
struct Books {
    span: Span,
    account_since: Timestamp,
    lines: BTreeMap<Allowance, String>,
    /// The card of each month of usage that the invoice can bill.
    cards: BTreeMap<Month, RateCard>,
}

impl Books {
    async fn read(db: &mut Conn, told: &Told) -> Result<Self, Fault> {
        let account = store::account::find(db, told.invoice.name.account.0).await?;
        let account = account.ok_or_else(|| Fault::not_found(told.invoice.name.account))?;
        let lines =
            told.statement.lines.iter().map(|line| (line.allowance.clone(), line.allowance.line_id()));
        let lines: BTreeMap<_, _> = lines.collect();
        let mut cards = BTreeMap::new();
        let months: BTreeSet<Month> = lines.keys().map(|allowance| allowance.usage_month).collect();
        for month in months {
            cards.insert(month, store::rate_card::for_month(db, month).await?);
        }
        Ok(Self { span: span(db, &told.invoice).await?, account_since: account.create_time, lines, cards })
    }

    /// Before all that is listed.
    fn start(&self) -> (i64, String) {
        match self.span.before {
            // With what was taken before entries were kept.
            0 => (0, String::new()),
            before => (before + 1, String::new()),
        }
    }

    /// As many of these as fit, out of `limit` that are looked at, and the place of the last if others follow.
    fn page(
        &self,
        found: Vec<LineEvent>,
        limit: usize,
        size: usize,
        line: &str,
    ) -> (Vec<WireLineEvent>, Option<(i64, String)>) {
        let (mut told, mut bytes, mut last) = (Vec::new(), 0, None);
        for (index, event) in found.into_iter().enumerate() {
            let key = (event.sequence, event.event.id.clone());
            let wire = self.wire(event);
            if index == limit || told.len() == size {
                return (told, last);
            }
            if line.is_empty() || wire.line == line {
                bytes += wire.encoded_len() + page::FIELD;
                if bytes > page::MAX_BYTES && !told.is_empty() {
                    return (told, last);
                }
                told.push(wire);
            }
            last = Some(key);
        }
        (told, None)
    }

    fn wire(&self, event: LineEvent) -> WireLineEvent {
        let billable = event.is_billable(self.account_since);
        let usage_month = event.usage_month();
        let line = self.cards.get(&usage_month).filter(|_| billable).and_then(|card| {
            let tariff = card.tariff(&event.event.meter, &event.event.dimensions);
            let allowance = Allowance { app: event.event.app, usage_month, tariff };
            self.lines.get(&allowance).filter(|_| self.span.bills(usage_month, event.sequence))
        });
        let line = line.cloned().unwrap_or_default();
        convert::usage::line_event(event, line, billable, usage_month)
    }
}

/// Which entries an invoice is made of. The invoice before is issued after its month, and so by one of them.
async fn span(db: &mut Conn, invoice: &Invoice) -> Result<Span, Error> {
    let (space, month) = (invoice.name.account.0, invoice.month);
    let issued_before = match store::invoice::of_month(db, space, month.previous()).await? {
        Some(previous) => issue(db, &previous).await?.unwrap_or_default(),
        None => 0,
    };
    let earliest = Timestamp::from_micros(month.start().micros() - AHEAD);
    let before = journal::last_before(db, &Scope::from(space).to_string(), earliest).await?;
    let last = issue(db, invoice).await?.unwrap_or(i64::MAX);
    Ok(Span { month, before, issued_before, last })
}

/// The entry by which an invoice was issued, if it is.
async fn issue(db: &mut Conn, invoice: &Invoice) -> Result<Option<i64>, Error> {
    let Some(issued) = &invoice.issued else { return Ok(None) };
    match store::invoice::issue_entry(db, invoice.name.id).await? {
        Some(entry) => Ok(Some(entry)),
        None => search_issue(db, invoice, issued).await.map(Some),
    }
}

/// The same of an invoice that was issued before its entry was kept. The entry has the invoice's time, or a later one if the clock was ahead
/// before.
async fn search_issue(db: &mut Conn, invoice: &Invoice, issued: &Issued) -> Result<i64, Error> {
    let (scope, name) = (Scope::from(invoice.name.account.0).to_string(), invoice.name.to_string());
    let is_its_issue = |entry: &&Entry| {
        let was_draft = entry.before.is_null() || entry.before["state"] == State::Draft.name();
        entry.changes(&name) && was_draft && entry.after["number"] == issued.number
    };
    let mut place = Place::before(issued.issue_time);
    loop {
        let entries = journal::entries(db, &scope, place, None, ENTRIES).await?;
        if let Some(entry) = entries.iter().find(is_its_issue) {
            return Ok(entry.sequence);
        }
        let last = entries.last();
        place = last
            .map(Place::after)
            .ok_or_else(|| store::unreadable("the journal does not know of an issued invoice"))?;
    }
}
