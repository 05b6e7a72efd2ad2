//! What people outside hear of this service's changes (R-J6): billing admins alone, who may see amounts.
use devspaces_ledger::{
    event::{ACTOR, EventType, Field, Form, SPACE, told},
    journal::Entry,
};
use serde_json::{Value, json};

const USER: Field = Field::new("user", Form::Text, "The person: users/{id}, or (erased)");
const INVOICE: Field =
    Field::new("invoice", Form::Text, "The invoice: spaces/{uuid}/billingAccount/invoices/{uuid}");
const NUMBER: Field = Field::new("number", Form::Number, "Its number among the space's invoices");
const MONTH: Field = Field::new("month", Form::Text, "The month: 2026-01");
const STATE: Field = Field::new("state", Form::Text, "How it stands since: OPEN, PAID or PAST_DUE");
const TOTAL: Field = Field::new("total", Form::Text, "The total, a decimal");
const DUE: Field = Field::optional("amount_due", Form::Text, "What is to be paid of it, a decimal");
const APP: Field = Field::new("app", Form::Text, "The app: apps/{uuid}");
const PERCENTS: Field = Field::new("percents", Form::Numbers, "The thresholds that were reached, in percent");
const CURRENCY: Field = Field::new("currency", Form::Text, "Its currency, by ISO 4217: USD");

/// The events of this service, by the entries that make them.
pub const EVENTS: &[EventType] = &[
    EventType {
        name: "allowance.threshold_crossed",
        description: "An app has used so much of what is free for it in a month that a threshold is reached",
        fields: &[
            SPACE,
            ACTOR,
            APP,
            MONTH,
            Field::new("meter", Form::Text, "What was used: meters/{id}"),
            Field::optional(
                "dimension",
                Form::Text,
                "The dimension whose value has the allowance; absent if the meter has it",
            ),
            Field::optional("dimension_value", Form::Text, "That value"),
            PERCENTS,
            Field::new("used", Form::Text, "How much was used so far, a decimal"),
            Field::new("allowance", Form::Text, "How much is free, a decimal"),
        ],
        told: |entry| {
            let crossed = entry.after["allowance_crossings"].as_array();
            crossed.into_iter().flatten().map(|it| told(entry, it.clone())).collect()
        },
    },
    EventType {
        name: "billing_admin.added",
        description: "Somebody has become billing admin of the space, or has consented to app invoicing and so is its first",
        fields: &[SPACE, ACTOR, USER],
        told: |entry| admins(entry, &entry.after),
    },
    EventType {
        name: "billing_admin.removed",
        description: "Somebody is no billing admin of the space any more",
        fields: &[SPACE, ACTOR, USER],
        told: |entry| admins(entry, &entry.before),
    },
    EventType {
        name: "budget.threshold_crossed",
        description: "What the space, or one of its apps, costs in a month has reached thresholds of its budget",
        fields: &[
            SPACE,
            ACTOR,
            Field::optional(
                "budget",
                Form::Text,
                "The budget: spaces/{uuid}/billingAccount/budgets/space, or with the UUID of an app; absent in what was told before there were several",
            ),
            MONTH,
            PERCENTS,
            Field::optional("estimate", Form::Text, "The cost so far, a decimal"),
            Field::new("amount", Form::Text, "The budget, a decimal"),
            Field::new("currency_code", Form::Text, "The currency of both, by ISO 4217: USD"),
        ],
        told: |entry| {
            let crossing = &entry.after["budget_crossing"];
            crossing.is_object().then(|| told(entry, crossing.clone())).into_iter().collect()
        },
    },
    EventType {
        name: "invoice.issued",
        description: "The invoice of a month was issued",
        fields: &[SPACE, ACTOR, INVOICE, NUMBER, MONTH, STATE, TOTAL, DUE, CURRENCY],
        told: |entry| {
            let was_draft = invoice(&entry.before).is_none_or(|it| it["state"] == "DRAFT");
            let issued = invoice(&entry.after).filter(|it| was_draft && it["state"] != "DRAFT");
            issued.map(|it| told(entry, it.clone())).into_iter().collect()
        },
    },
    EventType {
        name: "invoice.paid",
        description: "An invoice was paid, or what was credited leaves nothing to be paid; one of which nothing was ever to be paid is issued as PAID",
        fields: &[SPACE, ACTOR, INVOICE, NUMBER, MONTH, STATE, TOTAL, DUE, CURRENCY],
        told: |entry| {
            let was_open =
                invoice(&entry.before).is_some_and(|it| it["state"] == "OPEN" || it["state"] == "PAST_DUE");
            let paid = invoice(&entry.after).filter(|it| was_open && it["state"] == "PAID");
            paid.map(|it| told(entry, it.clone())).into_iter().collect()
        },
    },
    EventType {
        name: "payment.failed",
        description: "An attempt to be paid an invoice has failed",
        fields: &[
            SPACE,
            ACTOR,
            INVOICE,
            NUMBER,
            MONTH,
            STATE,
            TOTAL,
            DUE,
            CURRENCY,
            Field::new("failed_attempts", Form::Number, "How many attempts have failed so far"),
            Field::optional("next_attempt_time", Form::Time, "When it is tried again; absent if it is not"),
        ],
        told: |entry| {
            let failed = entry.after["attempt"]["succeeded"] == false;
            let after = invoice(&entry.after).filter(|_| failed);
            after.map(|it| told(entry, it.clone())).into_iter().collect()
        },
    },
];

/// The invoice that a side of an entry tells of: alone, or beside what was reported of it.
fn invoice(side: &Value) -> Option<&Value> {
    let it = if side["invoice"].is_object() { &side["invoice"] } else { side };
    (it["invoice"].is_string() && it["state"].is_string()).then_some(it)
}

/// The billing admins that a side of an entry tells of.
fn admins(entry: &Entry, side: &Value) -> Vec<Value> {
    let named = side["billing_admins"].as_array().into_iter().flatten();
    let first = Some(&side["consented_by"]).filter(|it| it.is_string());
    named.chain(first).map(|user| told(entry, json!({ "user": user }))).collect()
}

#[cfg(test)]
mod tests {
    use devspaces_kit::clock::Timestamp;
    use devspaces_ledger::event::{complaint, events};

    use super::*;

    fn kinds(before: Value, after: Value) -> Vec<&'static str> {
        let entry = Entry {
            scope: "spaces/x".to_owned(),
            sequence: 1,
            time: Timestamp::EPOCH,
            actor: "services/billing".to_owned(),
            on_behalf_of: None,
            method: String::new(),
            resources: Vec::new(),
            before,
            after,
            facts: true,
            content: String::new(),
            hash: Vec::new(),
        };
        let made = events(&[EVENTS], &entry);
        assert_eq!(made.iter().find_map(|event| complaint(EVENTS, event)), None);
        made.into_iter().map(|event| event.kind).collect()
    }

    fn invoice(state: &str) -> Value {
        let number = (state != "DRAFT").then_some(1);
        json!({ "invoice": "spaces/x/billingAccount/invoices/y", "month": "2026-01", "state": state, "number": number,
            "total": number.map(|_| "1.50"), "currency": number.map(|_| "USD"), "failed_attempts": 1,
            "next_attempt_time": null, "suspends": false })
    }

    // R-J6, R-B7, R-B10
    #[test]
    fn an_invoice_is_told_of_when_it_is_issued_and_paid_and_when_payment_fails() {
        assert_eq!(kinds(Value::Null, invoice("DRAFT")), [""; 0]);
        assert_eq!(kinds(invoice("DRAFT"), invoice("OPEN")), ["invoice.issued"]);
        assert_eq!(kinds(Value::Null, invoice("PAID")), ["invoice.issued"], "a total of zero");
        let reported = |before: &str, after: &str, succeeded: bool| {
            let attempt =
                json!({ "attempt": "z", "succeeded": succeeded, "time": "2026-01-01T00:00:00.000000Z" });
            kinds(
                json!({ "invoice": invoice(before) }),
                json!({ "invoice": invoice(after), "attempt": attempt }),
            )
        };
        assert_eq!(reported("OPEN", "OPEN", false), ["payment.failed"]);
        assert_eq!(reported("OPEN", "PAST_DUE", false), ["payment.failed"]);
        assert_eq!(reported("PAST_DUE", "PAID", true), ["invoice.paid"]);
    }

    // R-J6, R-B12
    #[test]
    fn admins_and_thresholds_are_told_of() {
        let crossing = json!({ "budget_crossing": { "month": "2026-01", "percents": [50, 90], "estimate": "9.5",
            "amount": "10", "currency_code": "USD" } });
        assert_eq!(kinds(Value::Null, crossing), ["budget.threshold_crossed"]);
        let crossed = json!({ "app": "apps/z", "meter": "meters/logs.gb", "month": "2026-01", "percents": [50],
            "used": "0.5", "allowance": "1" });
        let of_value = json!({ "app": "apps/z", "meter": "meters/logs.gb", "month": "2026-01", "percents": [50, 75],
            "used": "0.8", "allowance": "1", "dimension": "region", "dimension_value": "eu" });
        let usage = json!({ "events": 3, "digest": "x", "digest_format": 2, "allowance_crossings": [crossed, of_value] });
        assert_eq!(kinds(Value::Null, usage), ["allowance.threshold_crossed"; 2]);
        let admins = json!({ "billing_admins": ["users/bob"] });
        assert_eq!(kinds(Value::Null, admins.clone()), ["billing_admin.added"]);
        assert_eq!(kinds(admins, Value::Null), ["billing_admin.removed"]);
        let consent = json!({ "terms_version": "1", "consented_by": "users/alice" });
        assert_eq!(kinds(Value::Null, consent), ["billing_admin.added"]);
        assert_eq!(kinds(Value::Null, json!({ "apps_wanting_consent": ["apps/y"] })), [""; 0]);
    }
}
