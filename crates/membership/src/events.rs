//! What people outside hear of this service's changes (R-J6).
use devspaces_ledger::{
    event::{ACTOR, EventType, Field, Form, SPACE, told},
    journal::Entry,
};
use serde_json::{Value, json};

const USER: Field = Field::new("user", Form::Text, "The person: users/{id}, or (erased)");
const ROLE: Field = Field::new("role", Form::Text, "The console role: ADMIN, DEVELOPER or VIEWER");
const END: Field = Field::optional("expire_time", Form::Time, "When the role ends by itself");
const INVITATION: Field =
    Field::new("invitation", Form::Text, "The invitation: spaces/{uuid}/invitations/{uuid}");

/// The events of this service, by the entries that make them.
pub const EVENTS: &[EventType] = &[
    EventType {
        name: "emergency_admin.granted",
        description: "Somebody was made console Admin of the space in an emergency, or for longer",
        fields: &[
            SPACE,
            ACTOR,
            USER,
            Field::new("expire_time", Form::Time, "When the role ends by itself"),
            Field::new("reason", Form::Text, "Why, as whoever did it has said"),
        ],
        told: |entry| {
            let after = &entry.after;
            let granted = after["emergency"] == true && after["reason"].is_string();
            granted.then(|| told(entry, after.clone())).into_iter().collect()
        },
    },
    EventType {
        name: "invitation.created",
        description: "Somebody was invited to the space",
        fields: &[
            SPACE,
            ACTOR,
            INVITATION,
            Field::new("invitee", Form::Text, "Who: users/{id} or an e-mail address, or (erased)"),
            ROLE,
            Field::new("expire_time", Form::Time, "Until when the invitation can be accepted"),
        ],
        told: |entry| {
            let created = entry.before.is_null() && entry.after["state"] == "PENDING";
            let name = invitations(entry).next().filter(|_| created);
            name.map(|name| with_name(told(entry, entry.after.clone()), name)).into_iter().collect()
        },
    },
    EventType {
        name: "invitation.ended",
        description: "An invitation to the space can't be accepted any more, other than because its time is over",
        fields: &[
            SPACE,
            ACTOR,
            INVITATION,
            Field::new("state", Form::Text, "What has become of it: ACCEPTED, DECLINED, REVOKED or VOID"),
        ],
        told: ended_invitations,
    },
    EventType {
        name: "member.added",
        description: "Somebody has become a member of the space",
        fields: &[SPACE, ACTOR, USER, ROLE, END],
        told: |entry| difference(entry, &entry.after, &entry.before),
    },
    EventType {
        name: "member.removed",
        description: "Somebody is no member of the space any more: was removed, has left, or the role has ended",
        fields: &[SPACE, ACTOR, USER, ROLE],
        told: |entry| difference(entry, &entry.before, &entry.after),
    },
];

/// The members that a side of an entry tells of: as they are, under "member", or several of them.
fn members(side: &Value) -> Vec<&Value> {
    let one = if side["member"].is_object() { &side["member"] } else { side };
    let all = one.as_array().map_or_else(|| vec![one], |several| several.iter().collect());
    all.into_iter().filter(|member| member["user"].is_string() && member["role"].is_string()).collect()
}

/// The members of one side of an entry that are not on the other. An entry tells of one, but for those that are added together:
/// so that of somebody whose name is erased is told as well.
fn difference(entry: &Entry, here: &Value, there: &Value) -> Vec<Value> {
    if !members(there).is_empty() {
        return Vec::new();
    }
    members(here).into_iter().map(|member| told(entry, member.clone())).collect()
}

fn invitations(entry: &Entry) -> impl Iterator<Item = &String> {
    entry.resources.iter().filter(|name| name.contains("/invitations/"))
}

fn with_name(mut data: Value, name: &str) -> Value {
    data["invitation"] = name.into();
    data
}

fn ended_invitations(entry: &Entry) -> Vec<Value> {
    let side = |side: &'_ Value| {
        let own = if side["invitation"].is_object() { &side["invitation"] } else { side };
        own["state"].as_str().map(str::to_owned)
    };
    if let Some(void) = entry.after["void_invitations"].as_array() {
        let name = |name: &Value| name.as_str().map(str::to_owned);
        let data = |name: String| with_name(told(entry, json!({ "state": "VOID" })), &name);
        return void.iter().filter_map(name).map(data).collect();
    }
    let (before, after) = (side(&entry.before), side(&entry.after));
    let is_open = |state: &String| ["PENDING", "EXPIRED"].contains(&state.as_str());
    let ended = before.as_ref().is_some_and(is_open) && after.as_ref().is_some_and(|state| !is_open(state));
    match (invitations(entry).next(), after) {
        (Some(name), Some(state)) if ended => {
            vec![with_name(told(entry, json!({ "state": state })), name)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use devspaces_kit::clock::Timestamp;
    use devspaces_ledger::event::{complaint, events};

    use super::*;

    const BOB: &str = "users/bob";
    const LETTER: &str = "spaces/x/invitations/y";

    /// The kinds of events that an entry makes, which are as their schemas have it.
    fn heard(resources: &[&str], before: Value, after: Value) -> Vec<(&'static str, Value)> {
        let entry = Entry {
            scope: "spaces/x".to_owned(),
            sequence: 1,
            time: Timestamp::EPOCH,
            actor: "users/alice".to_owned(),
            on_behalf_of: None,
            method: String::new(),
            resources: resources.iter().map(|it| (*it).to_owned()).collect(),
            before,
            after,
            facts: true,
            content: String::new(),
            hash: Vec::new(),
        };
        let made = events(&[EVENTS], &entry);
        assert_eq!(made.iter().find_map(|event| complaint(EVENTS, event)), None);
        made.into_iter().map(|event| (event.kind, event.data)).collect()
    }

    fn kinds(resources: &[&str], before: Value, after: Value) -> Vec<&'static str> {
        heard(resources, before, after).into_iter().map(|(kind, _)| kind).collect()
    }

    fn member(role: &str) -> Value {
        json!({ "user": BOB, "role": role, "view_all_apps": false, "expire_time": null })
    }

    fn invitation(state: &str) -> Value {
        let time = "2026-01-01T00:00:00.000000Z";
        json!({ "invitee": BOB, "role": "VIEWER", "state": state, "inviter": "users/alice", "expire_time": time })
    }

    // R-J6
    #[test]
    fn whoever_comes_and_goes_is_told_of_and_who_changes_is_not() {
        let bob = "spaces/x/members/bob";
        let added = heard(&[bob], Value::Null, json!([member("VIEWER"), member("ADMIN")]));
        let data = json!({ "user": BOB, "role": "VIEWER", "space": "spaces/x", "actor": "users/alice" });
        assert_eq!((added.len(), &added[0]), (2, &("member.added", data)));
        assert_eq!(kinds(&[bob], Value::Null, member("ADMIN")), ["member.added"]);
        assert_eq!(kinds(&[bob], member("ADMIN"), Value::Null), ["member.removed"]);
        let left_groups = json!({ "member": member("ADMIN"), "groups": ["spaces/x/groups/z"] });
        assert_eq!(kinds(&[bob], left_groups, Value::Null), ["member.removed"]);
        assert_eq!(kinds(&[bob], member("ADMIN"), member("VIEWER")), [""; 0]);
        // Somebody who had roles on apps alone was no member.
        assert_eq!(kinds(&[bob], json!({ "user": BOB }), Value::Null), [""; 0]);
        assert_eq!(kinds(&["spaces/x"], json!({ "members": 3 }), Value::Null), [""; 0]);
    }

    // R-J6, R-M14
    #[test]
    fn an_emergency_is_told_of_whenever_it_is_declared() {
        let granted = |before: Value| {
            let mut after = member("ADMIN");
            after["emergency"] = true.into();
            after["expire_time"] = "2026-01-01T00:00:00.000000Z".into();
            after["reason"] = "locked out".into();
            kinds(&["spaces/x/members/bob"], before, after)
        };
        assert_eq!(granted(Value::Null), ["emergency_admin.granted", "member.added"]);
        assert_eq!(granted(member("ADMIN")), ["emergency_admin.granted"]);
    }

    // R-J6, R-M9
    #[test]
    fn invitations_are_told_of_when_they_begin_and_when_they_end() {
        assert_eq!(kinds(&[LETTER], Value::Null, invitation("PENDING")), ["invitation.created"]);
        assert_eq!(kinds(&[LETTER], invitation("PENDING"), invitation("PENDING")), [""; 0]);
        assert_eq!(kinds(&[LETTER], invitation("EXPIRED"), invitation("PENDING")), [""; 0]);
        assert_eq!(kinds(&[LETTER], invitation("PENDING"), invitation("REVOKED")), ["invitation.ended"]);
        let before = json!({ "member": null, "invitation": invitation("PENDING") });
        let after = json!({ "member": member("VIEWER"), "invitation": invitation("ACCEPTED") });
        let accepted = kinds(&["spaces/x/members/bob", LETTER], before, after);
        assert_eq!(accepted, ["invitation.ended", "member.added"]);
        let void = json!({ "member": null, "void_invitations": [LETTER] });
        let gone = heard(&["spaces/x/members/bob", LETTER], member("ADMIN"), void);
        assert_eq!(
            (gone[0].0, &gone[0].1["state"], gone[1].0),
            ("invitation.ended", &"VOID".into(), "member.removed")
        );
    }
}
