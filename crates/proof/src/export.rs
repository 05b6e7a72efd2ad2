//! What an export holds: a record a line, in JSON.
use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// A line of an export. Names, texts and decimals are as the API has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The invoice, apart from its lines. There is one.
    Invoice(Invoice),
    /// A rate card.
    RateCard(RateCard),
    /// What the first entry follows on. There is none if that is the first of the journal.
    Before(Before),
    /// An entry of the space's journal in the billing service, in their order.
    Entry(Entry),
    /// An event that was taken, or voided, in the order of the entries.
    Event(Event),
    /// A line of the invoice, in their order.
    Line(Line),
}

/// An invoice, apart from its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// `spaces/{uuid}/billingAccount/invoices/{uuid}`.
    pub name: String,
    /// Its number among those of the account.
    pub number: i64,
    /// The month: `2026-11`.
    pub month: String,
    /// The ISO 4217 code of all amounts.
    pub currency_code: String,
    /// What the lines come to, in whole cents: `12.00`.
    pub total: String,
    /// How much of that the account's credit paid.
    pub credit_applied: String,
}

/// What things cost from some month on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCard {
    /// Counts from 1.
    pub version: i32,
    /// The ISO 4217 code of the prices.
    pub currency_code: String,
    /// The first month that it is in force: `2026-11`.
    pub effective_month: String,
    /// The rates of meters, and of values of their dimensions.
    pub rates: Vec<Rate>,
    /// What counts and costs nothing.
    pub exemptions: Vec<Exemption>,
}

/// What a meter costs, or where a dimension of it has a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// `meters/{id}`.
    pub meter: String,
    /// The dimension. Empty: what has no rate of its own.
    pub dimension: String,
    /// Its value.
    pub dimension_value: String,
    /// How much is free for an app and a month.
    pub allowance: String,
    /// What a unit above that costs.
    pub unit_price: String,
}

/// A value of a dimension that costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// `meters/{id}`.
    pub meter: String,
    /// The dimension.
    pub dimension: String,
    /// Its value.
    pub dimension_value: String,
}

/// What the first entry of an export follows on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The hash of the entry before it, in hexadecimal.
    pub hash: String,
}

/// An entry of the journal, as it is chained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the scope's journal.
    pub sequence: i64,
    /// When: `2026-11-30T12:00:00.000000Z`.
    pub time: String,
    /// The bytes that are chained, a JSON object.
    pub content: String,
    /// The hash, in hexadecimal.
    pub hash: String,
}

/// An event that was taken, or voided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The entry that vouches for it.
    pub sequence: i64,
    /// Whether it was voided by that entry, and not taken.
    pub voiding: bool,
    /// What the metering service calls it.
    pub id: String,
    /// `apps/{uuid}`.
    pub app: String,
    /// `meters/{id}`.
    pub meter: String,
    /// How much.
    pub quantity: String,
    /// When.
    pub time: String,
    /// The values of its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// From when on the space held the app.
    pub held_from: Option<String>,
    /// Whether the space had an account then.
    pub billable: bool,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// By what it is known.
    pub id: String,
    /// `apps/{uuid}`.
    pub app: String,
    /// The month of the usage.
    pub usage_month: String,
    /// `meters/{id}`.
    pub meter: String,
    /// The dimension that decided the price, or empty.
    pub dimension: String,
    /// Its value.
    pub dimension_value: String,
    /// Whether that costs nothing.
    pub exempt: bool,
    /// How much was used.
    pub quantity: String,
    /// How much of that is free.
    pub free_quantity: String,
    /// How much is billed.
    pub billed_quantity: String,
    /// What a unit costs.
    pub unit_price: String,
    /// What it comes to, exactly.
    pub amount: String,
    /// Whether it is of an earlier month.
    pub adjustment: bool,
    /// The version of the rate card.
    pub rate_card_version: i32,
    /// What else than its events decides it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub beside: Option<Beside>,
}

/// What decides a line beside its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// How much the space's earlier invoices have of the same.
    pub issued_quantity: String,
    /// How much of that was free.
    pub issued_free_quantity: String,
    /// How much of the allowance other spaces' issued invoices have used up.
    pub issued_free_quantity_elsewhere: String,
    /// What else uses up the allowance before the line does, in this order.
    pub shares: Vec<Share>,
}

/// What something that is not on the line uses up of its allowance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Before the usage of which holding of the app it goes: of that which began then.
    pub held_from: String,
    /// How much.
    pub quantity: String,
    /// Whether it is what the space itself used before it had an account.
    pub own: bool,
}

/// An export of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The invoice.
    pub invoice: Invoice,
    /// The rate cards.
    pub cards: Vec<RateCard>,
    /// What the first entry follows on.
    pub before: Option<Before>,
    /// The journal's entries.
    pub entries: Vec<Entry>,
    /// The events and voidings.
    pub events: Vec<Event>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// What can't be read as an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl Export {
    /// Reads the records of an export.
    ///
    /// # Errors
    /// Names the line that is no record, or says which record is missing.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let (mut invoice, mut cards, mut before, mut entries, mut events, mut lines) =
            (None, Vec::new(), None, Vec::new(), Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
            let record: Record = serde_json::from_str(line)
                .map_err(|error| Unreadable(format!("line {number} is no record of an invoice: {error}")))?;
            match record {
                Record::Invoice(it) if invoice.is_none() => invoice = Some(it),
                Record::Invoice(_) => {
                    return Err(Unreadable(format!("line {number} is the record of a second invoice")));
                }
                Record::RateCard(it) => cards.push(it),
                Record::Before(it) => before = Some(it),
                Record::Entry(it) => entries.push(it),
                Record::Event(it) => events.push(it),
                Record::Line(it) => lines.push(it),
            }
        }
        let invoice = invoice.ok_or_else(|| Unreadable("it has no record of an invoice".to_owned()))?;
        Ok(Self { invoice, cards, before, entries, events, lines })
    }
}
