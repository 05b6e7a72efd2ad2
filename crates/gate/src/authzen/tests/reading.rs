use devspaces_kit::status::Reason;
use devspaces_proto::authz::v1::{BatchCheckPermissionsRequest, CheckPermissionRequest};
use serde_json::{Value, json};
use tonic::Code;

use super::{
    super::{ACTIONS, EVALUATION, EVALUATIONS, RESOURCES, SUBJECTS, request::MAX_EVALUATIONS},
    ID, SPACE, asked, asks, bad, call, question, translation, with, without,
};

#[test]
fn a_question_is_read_and_what_no_permission_depends_on_is_passed_over() {
    let expected = asks("users/alice", "members.list", SPACE);
    assert_eq!(asked::<CheckPermissionRequest>(EVALUATION, &question()).0, expected);
    let more = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"department": "Sales"}, "roles": [1, {}]},
        "action": {"name": "members.list", "properties": {"method": "GET"}},
        "resource": {"type": "space", "id": ID, "properties": {"owner": null}},
        "context": {"time": "1985-10-26T01:22-07:00", "nested": {"deep": [[[1.5]]]}},
        "evaluations": 7, "future": true,
    });
    assert_eq!(asked::<CheckPermissionRequest>(EVALUATION, &more).0, expected);
}

#[test]
fn types_and_ids_are_names_of_the_api() {
    let app = json!({
        "subject": {"type": "service", "id": "corp:metering%40x"},
        "action": {"name": "app.get"},
        "resource": {"type": "app", "id": ID},
    });
    let expected = asks("services/corp:metering%40x", "app.get", &format!("apps/{ID}"));
    assert_eq!(asked::<CheckPermissionRequest>(EVALUATION, &app).0, expected);
    let platform = json!({
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "space.create"},
        "resource": {"type": "platform", "id": "whichever"},
    });
    let expected = asks("users/alice", "space.create", "");
    assert_eq!(asked::<CheckPermissionRequest>(EVALUATION, &platform).0, expected);
}

#[test]
fn what_is_missing_or_wrong_is_told_by_its_path() {
    let long = "a".repeat(600);
    for (body, path) in [
        (without("subject", None), "subject"),
        (without("action", None), "action"),
        (without("resource", None), "resource"),
        (without("subject", Some("type")), "subject.type"),
        // It must not be the caller's question then.
        (without("subject", Some("id")), "subject.id"),
        (without("action", Some("name")), "action.name"),
        (without("resource", Some("type")), "resource.type"),
        (without("resource", Some("id")), "resource.id"),
        (with("/subject", json!("alice")), "subject"),
        (with("/subject", json!(["alice"])), "subject"),
        (with("/subject", Value::Null), "subject"),
        (with("/action/name", json!(123)), "action.name"),
        (with("/subject/id", json!(true)), "subject.id"),
        (with("/subject/id", json!("")), "subject.id"),
        (with("/subject/id", json!("alice@example.com")), "subject.id"),
        (with("/subject/id", json!("alice/x")), "subject.id"),
        (with("/subject/id", json!(long)), "subject.id"),
        (with("/subject/type", json!("group")), "subject.type"),
        (with("/resource/type", json!("document")), "resource.type"),
        (with("/resource/type", json!("app")), "resource.type"),
        (with("/resource/type", json!("platform")), "resource.type"),
        (with("/resource/id", json!("1")), "resource.id"),
        (with("/resource/id", json!(SPACE)), "resource.id"),
        (with("/resource/id", json!(long)), "resource.id"),
    ] {
        assert_eq!(bad(EVALUATION, &body), (Reason::InvalidField, vec![path.to_owned()]), "{body}");
        assert_eq!(bad(EVALUATIONS, &body), (Reason::InvalidField, vec![path.to_owned()]), "{body}");
    }
    let empty = (Reason::InvalidField, ["subject", "action", "resource"].map(str::to_owned).to_vec());
    assert_eq!(bad(EVALUATION, &json!({})), empty);
}

// R-P1
#[test]
fn a_permission_that_there_is_not_is_told_with_the_nearest() {
    let fault = call(EVALUATION, &with("/action/name", json!("member.list"))).err().expect("a fault");
    assert_eq!(fault.reason(), Reason::PermissionUnknown);
    assert!(fault.message().starts_with("The field action.name must be a permission"), "{fault}");
    assert!(fault.message().ends_with("; did you mean \"members.list\"?"), "{fault}");
    let mut both = with("/action/name", json!("x"));
    both["subject"]["type"] = json!("x");
    let paths = ["subject.type", "action.name"].map(str::to_owned).to_vec();
    assert_eq!(bad(EVALUATION, &both), (Reason::InvalidField, paths));
}

#[test]
fn what_is_no_json_is_told_by_its_place_and_not_repeated() {
    let told = |body: &str| {
        let fault = translation(EVALUATION).read(body.as_bytes()).err().expect("a fault");
        assert_eq!((fault.code(), fault.reason()), (Code::InvalidArgument, Reason::MessageMalformed));
        assert!(!fault.message().contains("secret"), "{fault}");
        fault.message().to_owned()
    };
    for (body, place) in [
        ("", "at line 1 column 0"),
        ("{\"secret\": }", "at line 1 column 12"),
        ("{\n  \"subject\": secret\n}", "at line 2 column 14"),
        ("{} {\"secret\": 1}", "at line 1 column 4"),
        (
            "{\"subject\": {}, \"subject\": {\"id\": \"secret\"}}",
            "duplicate field `subject` at line 1 column 25",
        ),
        ("{\"subject\": {\"id\": \"a\", \"id\": \"secret\"}}", "duplicate field `id` at line 1 column 28"),
    ] {
        assert!(told(body).ends_with(place), "{body}: {}", told(body));
    }
    for body in ["[]", "null", "\"secret\"", "1"] {
        assert_eq!(told(body), "The body must be a JSON object", "{body}");
    }
}

#[test]
fn a_thousand_questions_are_read_and_not_one_more() {
    let mut request = question();
    request["evaluations"] = json!(vec![json!({}); MAX_EVALUATIONS]);
    let (batch, _) = asked::<BatchCheckPermissionsRequest>(EVALUATIONS, &request);
    assert_eq!(batch.checks.len(), MAX_EVALUATIONS);
    request["evaluations"] = json!(vec![json!({}); MAX_EVALUATIONS + 1]);
    assert_eq!(bad(EVALUATIONS, &request), (Reason::InvalidField, vec!["evaluations".to_owned()]));
    for (evaluations, path) in [
        (json!(vec![json!({}); MAX_EVALUATIONS + 1]), "evaluations"),
        (json!({}), "evaluations"),
        (json!([{}]), "options"),
        (json!([]), "options"),
    ] {
        let options = if path == "options" { json!(1) } else { json!({}) };
        // Nor is anything asked for then that each question may say for itself.
        let request = json!({"evaluations": evaluations, "options": options});
        assert_eq!(bad(EVALUATIONS, &request), (Reason::InvalidField, vec![path.to_owned()]), "{path}");
    }
}

#[test]
fn a_search_must_say_all_but_what_is_looked_for() {
    let one = |path: &str| (Reason::InvalidField, vec![path.to_owned()]);
    assert_eq!(bad(SUBJECTS, &without("subject", None)), one("subject"));
    assert_eq!(bad(SUBJECTS, &without("subject", Some("type"))), one("subject.type"));
    assert_eq!(bad(SUBJECTS, &without("action", None)), one("action"));
    assert_eq!(bad(SUBJECTS, &without("resource", Some("id"))), one("resource.id"));
    assert_eq!(bad(RESOURCES, &without("subject", Some("id"))), one("subject.id"));
    assert_eq!(bad(RESOURCES, &without("action", Some("name"))), one("action.name"));
    assert_eq!(bad(RESOURCES, &without("resource", None)), one("resource"));
    assert_eq!(bad(ACTIONS, &without("subject", Some("id"))), one("subject.id"));
    assert_eq!(bad(ACTIONS, &without("resource", None)), one("resource"));
    for (page, path) in [
        (json!([]), "page"),
        (json!({"limit": -1}), "page.limit"),
        (json!({"limit": 1.5}), "page.limit"),
        (json!({"limit": "2"}), "page.limit"),
        (json!({"token": 7}), "page.token"),
    ] {
        let mut request = question();
        request["page"] = page;
        for search in [SUBJECTS, RESOURCES, ACTIONS] {
            assert_eq!(bad(search, &request), one(path));
        }
    }
}

// Nothing of what is passed over is kept, nor does it take a level of the stack.
#[test]
fn members_that_nobody_asked_for_may_be_as_deep_as_they_like() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut body = question().to_string();
    body.insert_str(1, &format!("\"context\": {deep}, "));
    assert!(translation(EVALUATION).read(body.as_bytes()).is_ok());
    let fault = translation(EVALUATION).read(format!("{{\"subject\": {deep}}}").as_bytes()).err();
    assert_eq!(fault.expect("a fault").bad_fields().next(), Some(("subject", "must be an object")));
}
