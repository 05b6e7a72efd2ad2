//! What people outside hear of this service's changes (R-J6).
use devspaces_ledger::{
    event::{ACTOR, EventType, Field, Form, SPACE, space_of, told},
    journal::Entry,
};
use serde_json::{Value, json};

const APP: Field = Field::new("app", Form::Text, "The app: apps/{uuid}");
const REASON: Field = Field::new(
    "reason",
    Form::Text,
    "The reason: ABUSE, SECURITY, LEGAL, PAST_DUE, CONSENT or CAP; there may be more",
);
const TRANSFER: Field = Field::new("transfer", Form::Text, "The transfer: transfers/{uuid}");
const SOURCE: Field = Field::new("source", Form::Text, "The space that the app was in: spaces/{uuid}");
const DESTINATION: Field =
    Field::new("destination", Form::Text, "The space that it is to move to: spaces/{uuid}");

/// What an entry of an effect tells of: those of its apps that are suspended for the reason now and were not before, or the other
/// way round.
pub(crate) const TURNED: &str = "turned";

/// What entries tell of thresholds of allowances that apps have crossed.
pub(crate) const ALLOWANCES: &str = "allowance_crossings";

/// The events of this service, by the entries that make them.
pub const EVENTS: &[EventType] = &[
    EventType {
        name: "app.allowance_threshold_crossed",
        description: "An app has used so much of what is free for it in a month that a threshold is reached; told where the app is, also if there is no billing account",
        fields: &[
            SPACE,
            ACTOR,
            APP,
            Field::new("month", Form::Text, "The month: 2026-01"),
            Field::new("meter", Form::Text, "What was used: meters/{id}"),
            Field::optional(
                "dimension",
                Form::Text,
                "The dimension whose value has the allowance; absent if the meter has it",
            ),
            Field::optional("dimension_value", Form::Text, "That value"),
            Field::new("percents", Form::Numbers, "The thresholds that were reached, in percent"),
            Field::new("used", Form::Text, "How much was used so far, a decimal"),
            Field::new("allowance", Form::Text, "How much is free, a decimal"),
        ],
        told: |entry| {
            // The app's own journal has the same.
            let crossed = entry.after[ALLOWANCES].as_array().filter(|_| space_of(entry).is_some());
            crossed.into_iter().flatten().map(|it| told(entry, it.clone())).collect()
        },
    },
    EventType {
        name: "app.lifted",
        description: "An app is no longer suspended for a reason; it may be for another",
        fields: &[SPACE, ACTOR, APP, REASON],
        told: |entry| apps(entry, false),
    },
    EventType {
        name: "app.suspended",
        description: "An app is suspended: it may not run, for this reason",
        fields: &[SPACE, ACTOR, APP, REASON],
        told: |entry| apps(entry, true),
    },
    EventType {
        name: "space.lifted",
        description: "The space is no longer suspended for a reason; it may be for another",
        fields: &[SPACE, ACTOR, REASON],
        told: |entry| space(entry, &entry.before, &entry.after),
    },
    EventType {
        name: "space.suspended",
        description: "The space is suspended: none of its apps may run, for this reason",
        fields: &[SPACE, ACTOR, REASON],
        told: |entry| space(entry, &entry.after, &entry.before),
    },
    EventType {
        name: "transfer.ended",
        description: "A transfer of an app out of the space or into it has ended, other than because its time is over",
        fields: &[
            SPACE,
            ACTOR,
            TRANSFER,
            APP,
            SOURCE,
            DESTINATION,
            Field::new("state", Form::Text, "How: ACCEPTED, DECLINED or CANCELLED"),
        ],
        told: |entry| {
            let ended = transfer(&entry.after).filter(|it| it["state"] != "PENDING");
            let was_open = transfer(&entry.before).is_some_and(|it| it["state"] == "PENDING");
            ended.filter(|_| was_open).map(|it| told(entry, it.clone())).into_iter().collect()
        },
    },
    EventType {
        name: "transfer.proposed",
        description: "Somebody wants to move an app out of the space or into it",
        fields: &[
            SPACE,
            ACTOR,
            TRANSFER,
            APP,
            SOURCE,
            DESTINATION,
            Field::new("expire_time", Form::Time, "Until when it can be accepted"),
        ],
        told: |entry| {
            let proposed =
                transfer(&entry.after).filter(|it| entry.before.is_null() && it["state"] == "PENDING");
            proposed.map(|it| told(entry, it.clone())).into_iter().collect()
        },
    },
];

/// The transfer that a side of an entry tells of: alone, or beside its app.
fn transfer(side: &Value) -> Option<&Value> {
    let it = if side["transfer"].is_object() { &side["transfer"] } else { side };
    (it["transfer"].is_string() && it["state"].is_string()).then_some(it)
}

/// The reasons of one side for which there is none on the other. An app that was not there before was not suspended.
fn reasons<'a>(here: &'a Value, there: &'a Value) -> impl Iterator<Item = &'a Value> {
    let of = |side: &'a Value| side["suspended_for"].as_array().into_iter().flatten();
    of(here).filter(move |reason| !of(there).any(|other| other == *reason))
}

fn space(entry: &Entry, here: &Value, there: &Value) -> Vec<Value> {
    if !entry.after["app_creation"].is_string() {
        return Vec::new();
    }
    reasons(here, there).map(|reason| told(entry, json!({ "reason": reason }))).collect()
}

fn apps(entry: &Entry, suspended: bool) -> Vec<Value> {
    let after = &entry.after;
    if let Some(turned) = after[TURNED].as_array() {
        let turned = turned.iter().filter(|_| after["suspended"] == suspended);
        return turned.map(|app| told(entry, json!({ "app": app, "reason": after["reason"] }))).collect();
    }
    let (before, after) = (app(&entry.before), app(after));
    if !after["app"].is_string() || !before["app"].is_string() {
        return Vec::new();
    }
    let (here, there) = if suspended { (after, before) } else { (before, after) };
    reasons(here, there).map(|reason| told(entry, json!({ "app": after["app"], "reason": reason }))).collect()
}

/// The app that a side of an entry tells of: alone, or beside the transfer that moves it.
fn app(side: &Value) -> &Value {
    if side["app"].is_object() { &side["app"] } else { side }
}

#[cfg(test)]
mod tests {
    use devspaces_kit::clock::Timestamp;
    use devspaces_ledger::event::{complaint, events};

    use super::*;

    /// The kinds of events that an entry makes, which are as their schemas have it.
    fn kinds(before: Value, after: Value) -> Vec<&'static str> {
        let entry = Entry {
            scope: "spaces/x".to_owned(),
            sequence: 1,
            time: Timestamp::EPOCH,
            actor: "users/alice".to_owned(),
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

    fn app(reasons: &[&str]) -> Value {
        json!({ "app": "apps/y", "display_name": "y", "suspended_for": reasons })
    }

    fn space(reasons: &[&str]) -> Value {
        json!({ "display_name": "x", "app_creation": "MEMBERS", "suspended_for": reasons })
    }

    fn transfer(state: &str) -> Value {
        json!({ "transfer": "transfers/z", "app": "apps/y", "source": "spaces/x", "destination": "spaces/w",
            "initiator": "users/alice", "state": state, "expire_time": "2026-01-01T00:00:00.000000Z" })
    }

    // R-J6, R-A12
    #[test]
    fn a_suspension_is_told_of_by_its_reason_and_so_is_its_end() {
        assert_eq!(kinds(app(&[]), app(&["LEGAL"])), ["app.suspended"]);
        assert_eq!(kinds(app(&["ABUSE"]), app(&["LEGAL"])), ["app.lifted", "app.suspended"]);
        assert_eq!(kinds(app(&["ABUSE"]), app(&["ABUSE"])), [""; 0]);
        assert_eq!(kinds(space(&[]), space(&["LEGAL"])), ["space.suspended"]);
        assert_eq!(kinds(space(&["LEGAL"]), space(&[])), ["space.lifted"]);
    }

    // R-J6, R-E2: a second invoice that is past due suspends nothing that is not suspended already.
    #[test]
    fn of_the_apps_of_an_effect_those_are_told_of_whose_standing_has_turned() {
        let effect = |suspended: bool, turned: &[&str]| json!({ "apps": 3, "reason": "PAST_DUE", "suspended": suspended, TURNED: turned });
        assert_eq!(kinds(Value::Null, effect(true, &["apps/y", "apps/z"])), ["app.suspended"; 2]);
        assert_eq!(kinds(Value::Null, effect(false, &["apps/y"])), ["app.lifted"]);
        assert_eq!(kinds(Value::Null, effect(true, &[])), [""; 0]);
    }

    // R-J6, R-A7
    #[test]
    fn a_transfer_is_told_of_when_it_is_proposed_and_when_it_has_ended() {
        assert_eq!(kinds(Value::Null, transfer("PENDING")), ["transfer.proposed"]);
        assert_eq!(kinds(transfer("PENDING"), transfer("DECLINED")), ["transfer.ended"]);
        let beside = |state: &str| json!({ "app": app(&["LEGAL"]), "transfer": transfer(state) });
        assert_eq!(kinds(beside("PENDING"), beside("ACCEPTED")), ["transfer.ended"]);
    }
}
