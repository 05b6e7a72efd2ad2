use std::{fmt::Write as _, mem, process::ExitCode};

use clap::Args;
use devspaces_authz::Service;
use devspaces_kit::{
    clock::Timestamp,
    name::{InvoiceName, Principal},
};
use devspaces_proof::{
    Before, Beside, Entry, Event, Exemption, Invoice, Line, Rate, RateCard, Record, Share,
};
use devspaces_proto::{
    billing::v1::{
        self as billing, GetInvoiceRequest, ListLineEventsRequest, ListRateCardsRequest,
        invoice_service_client::InvoiceServiceClient, usage_service_client::UsageServiceClient,
    },
    journal::v1::{self as journal, ListEntriesRequest, journal_service_client::JournalServiceClient},
    r#type::v1::Money,
};
use prost_types::Timestamp as WireTime;
use tonic::transport::Channel;

use super::{
    Failure,
    calls::{Caller, Calls, sentence},
    out::print,
};

/// As many as a page may have.
const PAGE: i32 = 1000;

/// What is printed, and who asks for it: a billing admin of the invoice's space.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The invoice: spaces/{uuid}/billingAccount/invoices/{uuid}
    #[arg(long)]
    invoice: InvoiceName,
    /// Who asks, by a token that is made with the key of the data folder, unless one is given: users/alice
    #[arg(long)]
    user: Option<Principal>,
    /// Also the entries after the invoice's issue and before this time, so that it can be held against a checkpoint that was made
    /// between: 2026-12-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    entries_until: Option<Timestamp>,
    #[command(flatten)]
    calls: Calls,
}

impl Export {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let suite =
            Suite { caller: self.calls.caller(self.user.as_ref())?, channel: self.calls.connect().await? };
        let invoice = suite.invoice(&self.invoice).await?;
        let (Some(_), Some(total)) = (invoice.issue_time, &invoice.total) else {
            return Err(format!("{} is a draft: it can be exported once it is issued", self.invoice).into());
        };
        let credit = invoice.credit_applied.clone().unwrap_or_default();
        tell([Record::Invoice(Invoice {
            name: invoice.name.clone(),
            number: invoice.number,
            month: invoice.month.clone(),
            currency_code: total.currency_code.clone(),
            total: money(total),
            credit_applied: money(&credit),
        })])?;
        suite.rate_cards(&invoice.month).await?;
        let span = suite.events(&self.invoice).await?;
        suite.entries(&self.invoice, &span, self.entries_until).await?;
        let lines: Vec<Line> = invoice.lines.into_iter().map(line).collect::<Result<_, _>>()?;
        tell(lines.into_iter().map(Record::Line))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints records, a line each.
fn tell(records: impl IntoIterator<Item = Record>) -> Result<(), Failure> {
    let mut lines = String::new();
    for record in records {
        // A String takes whatever is written to it.
        let _ = writeln!(lines, "{}", serde_json::to_string(&record)?);
    }
    print(lines)
}

/// Which entries of a space's journal an invoice is of.
struct Span {
    first: i64,
    /// That of its issue.
    last: i64,
}

/// A running suite, as its caller sees it.
struct Suite {
    caller: Caller,
    channel: Channel,
}

impl Suite {
    /// The invoice with all of its lines.
    async fn invoice(&self, name: &InvoiceName) -> Result<billing::Invoice, Failure> {
        let mut invoices = InvoiceServiceClient::new(self.channel.clone());
        let (mut whole, mut lines_page_token) = (None::<billing::Invoice>, String::new());
        loop {
            let request = GetInvoiceRequest { name: name.to_string(), lines_page_token };
            let part = invoices.get_invoice(self.caller.asks(request)).await;
            let mut part = part.map_err(|status| sentence(&status))?.into_inner();
            lines_page_token = mem::take(&mut part.next_lines_page_token);
            let invoice = match whole {
                Some(mut before) => {
                    before.lines.extend(part.lines);
                    before
                }
                None => part,
            };
            if lines_page_token.is_empty() {
                return Ok(invoice);
            }
            whole = Some(invoice);
        }
    }

    /// Prints the rate cards that are in force by a month.
    async fn rate_cards(&self, month: &str) -> Result<(), Failure> {
        let mut usage = UsageServiceClient::new(self.channel.clone());
        let mut page_token = String::new();
        loop {
            let request = ListRateCardsRequest { page_size: PAGE, page_token };
            let page = usage.list_rate_cards(self.caller.asks(request)).await;
            let page = page.map_err(|status| sentence(&status))?.into_inner();
            let in_force = page.rate_cards.into_iter().filter(|card| card.effective_month.as_str() <= month);
            tell(in_force.map(|of| Record::RateCard(card(of))))?;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }

    /// Prints the entries of the space's journal that are of an invoice, after the hash before them, and those that follow before a time.
    async fn entries(
        &self,
        invoice: &InvoiceName,
        span: &Span,
        until: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let mut journals = JournalServiceClient::new(self.channel.clone());
        let mut page_token = String::new();
        let is_told = |entry: &Entry| {
            let time = || entry.time.parse::<Timestamp>().ok();
            entry.sequence <= span.last || until.is_some_and(|until| time().is_some_and(|time| time < until))
        };
        loop {
            let request = ListEntriesRequest {
                parent: invoice.account.0.to_string(),
                service: Service::Billing.name().to_owned(),
                // What comes before the first is told by its hash alone.
                start_sequence: span.first - 1,
                page_size: PAGE,
                page_token,
                chained: true,
                ..ListEntriesRequest::default()
            };
            let page = journals.list_entries(self.caller.asks(request)).await;
            let page = page.map_err(|status| sentence(&status))?.into_inner();
            let entries: Vec<Entry> = page.entries.into_iter().map(entry).collect::<Result<_, Failure>>()?;
            let is_end = entries.iter().any(|entry| !is_told(entry));
            tell(entries.into_iter().filter(is_told).map(|entry| {
                if entry.sequence < span.first {
                    Record::Before(Before { hash: entry.hash })
                } else {
                    Record::Entry(entry)
                }
            }))?;
            page_token = page.next_page_token;
            if is_end || page_token.is_empty() {
                return Ok(());
            }
        }
    }

    /// Prints what was taken and voided, and says which entries vouch for it.
    async fn events(&self, invoice: &InvoiceName) -> Result<Span, Failure> {
        let mut usage = UsageServiceClient::new(self.channel.clone());
        let mut page_token = String::new();
        loop {
            let (parent, page_size) = (invoice.to_string(), PAGE);
            let request = ListLineEventsRequest { parent, page_size, page_token, line: String::new() };
            let page = usage.list_line_events(self.caller.asks(request)).await;
            let page = page.map_err(|status| sentence(&status))?.into_inner();
            let records: Result<Vec<_>, Failure> = page.events.into_iter().map(event).collect();
            tell(records?)?;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(Span { first: page.first_sequence, last: page.issue_sequence });
            }
        }
    }
}

/// In whole cents: `-12.05`.
fn money(of: &Money) -> String {
    let cents = i128::from(of.units) * 100 + i128::from(of.nanos / 10_000_000);
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

fn time(of: Option<WireTime>) -> Result<String, Failure> {
    let time = of.ok_or("the suite tells of something without its time")?;
    Ok(Timestamp::try_from(time)?.to_string())
}

fn card(of: billing::RateCard) -> RateCard {
    let rate = |it: billing::Rate| Rate {
        meter: it.meter,
        dimension: it.dimension,
        dimension_value: it.dimension_value,
        allowance: it.allowance,
        unit_price: it.unit_price,
    };
    let exemption = |it: billing::Exemption| Exemption {
        meter: it.meter,
        dimension: it.dimension,
        dimension_value: it.dimension_value,
    };
    RateCard {
        version: of.version,
        currency_code: of.currency_code,
        effective_month: of.effective_month,
        rates: of.rates.into_iter().map(rate).collect(),
        exemptions: of.exemptions.into_iter().map(exemption).collect(),
    }
}

fn entry(of: journal::Entry) -> Result<Entry, Failure> {
    Ok(Entry { sequence: of.sequence, time: time(of.time)?, content: of.content, hash: hex::encode(of.hash) })
}

fn event(of: billing::LineEvent) -> Result<Record, Failure> {
    Ok(Record::Event(Event {
        sequence: of.sequence,
        voiding: of.voiding,
        id: of.id,
        app: of.app,
        meter: of.meter,
        quantity: of.quantity,
        time: time(of.time)?,
        dimensions: of.dimensions.into_iter().collect(),
        held_from: of.held_from.map(|from| time(Some(from))).transpose()?,
        billable: of.billable,
    }))
}

fn line(of: billing::InvoiceLine) -> Result<Line, Failure> {
    Ok(Line {
        id: of.id,
        app: of.app,
        usage_month: of.usage_month,
        meter: of.meter,
        dimension: of.dimension,
        dimension_value: of.dimension_value,
        exempt: of.exempt,
        quantity: of.quantity,
        free_quantity: of.free_quantity,
        billed_quantity: of.billed_quantity,
        unit_price: of.unit_price,
        amount: of.amount,
        adjustment: of.adjustment,
        rate_card_version: of.rate_card_version,
        beside: of.beside.map(beside).transpose()?,
    })
}

fn beside(of: billing::Beside) -> Result<Beside, Failure> {
    let share = |it: billing::beside::Share| {
        Ok(Share { held_from: time(it.held_from)?, quantity: it.quantity, own: it.own })
    };
    Ok(Beside {
        issued_quantity: of.issued_quantity,
        issued_free_quantity: of.issued_free_quantity,
        issued_free_quantity_elsewhere: of.issued_free_quantity_elsewhere,
        shares: of.shares.into_iter().map(share).collect::<Result<_, Failure>>()?,
    })
}
