use devspaces_kit::{server::Entrance, status::Reason};
use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, BatchCheckPermissionsResponse, CheckPermissionError,
    CheckPermissionRequest, CheckPermissionResponse, CheckPermissionResult, Explanation, HeldPermission,
    ListPermissionsRequest, ListPermissionsResponse, ListResourcesRequest, ListResourcesResponse,
    ListSubjectsRequest, ListSubjectsResponse, PermittedResource, PermittedSubject, Plane, Role, RoleGrant,
    check_permission_result::Outcome,
};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;

use super::{
    super::{ACTIONS, EVALUATION, EVALUATIONS, RESOURCES, SUBJECTS, at},
    ID, SPACE, answer, asked, asks, bad, question, translation, with, without,
};

fn results(allowed: &[bool]) -> BatchCheckPermissionsResponse {
    let response = |allowed: &bool| CheckPermissionResult {
        outcome: Some(Outcome::Response(CheckPermissionResponse { allowed: *allowed, ..Default::default() })),
    };
    BatchCheckPermissionsResponse { results: allowed.iter().map(response).collect() }
}

#[test]
fn what_a_question_does_not_say_is_as_for_all() {
    let mut request = question();
    let other = json!({"type": "user", "id": "bob"});
    request["evaluations"] = json!([
        {},
        {"subject": other},
        {"action": {"name": "space.create"}, "resource": {"type": "platform", "id": "-"}},
        // As a whole, and not member by member.
        {"subject": {"type": "user"}},
        // Who says nothing by null does not get the answer about somebody else.
        {"subject": null},
        7,
    ]);
    let (batch, call) = asked::<BatchCheckPermissionsRequest>(EVALUATIONS, &request);
    let refused = CheckPermissionRequest::default();
    assert_eq!(
        batch.checks,
        [
            asks("users/alice", "members.list", SPACE),
            asks("users/bob", "members.list", SPACE),
            asks("users/alice", "space.create", ""),
            refused.clone(),
            refused.clone(),
            refused,
        ]
    );
    let answer = answer(&call, &results(&[true, false, true, true, true, true]));
    let decisions = answer["evaluations"].as_array().expect("answers");
    let allowed: Vec<_> = decisions.iter().map(|it| it["decision"].as_bool().expect("a decision")).collect();
    assert_eq!(allowed, [true, false, true, false, false, false], "{answer}");
    for (index, field, description) in [
        (3, "evaluations[3].subject.id", "is required"),
        (4, "evaluations[4].subject", "must be an object"),
        (5, "evaluations[5]", "must be an object"),
    ] {
        let error = &decisions[index]["context"]["error"];
        assert_eq!((&error["status"], &error["reason"]), (&json!(400), &json!("INVALID_FIELD")));
        assert_eq!(error["field_violations"], json!([{"field": field, "description": description}]));
    }
}

#[test]
fn what_is_wrong_with_what_all_have_in_common_is_told_where_it_stands() {
    let request = json!({
        "subject": {"type": "group", "id": "x"}, "action": {"name": "members.list"},
        "evaluations": [{"resource": {"type": "space", "id": ID}}],
    });
    let (_, call) = asked::<BatchCheckPermissionsRequest>(EVALUATIONS, &request);
    let answer = answer(&call, &results(&[true]));
    let error = &answer["evaluations"][0]["context"]["error"];
    assert_eq!(error["field_violations"][0]["field"], "subject.type");
    assert_eq!(answer["evaluations"][0]["decision"], false);
}

#[test]
fn answers_end_where_the_semantic_says() {
    let ended = |semantic: &str, allowed: &[bool]| {
        let mut request = question();
        request["evaluations"] = json!(vec![json!({}); allowed.len()]);
        request["options"] = json!({"evaluations_semantic": semantic, "another_option": "value"});
        let (_, call) = asked::<BatchCheckPermissionsRequest>(EVALUATIONS, &request);
        answer(&call, &results(allowed))["evaluations"].as_array().expect("answers").len()
    };
    for (semantic, lengths) in [
        ("execute_all", [3, 3, 3, 3]),
        ("deny_on_first_deny", [1, 2, 3, 1]),
        ("permit_on_first_permit", [3, 1, 1, 2]),
    ] {
        let decided = [[false, false, false], [true, false, true], [true, true, true], [false, true, false]];
        assert_eq!(decided.map(|allowed| ended(semantic, &allowed)), lengths, "{semantic}");
    }
    let mut request = question();
    request["options"] = json!({"evaluations_semantic": "first"});
    let path = "options.evaluations_semantic".to_owned();
    assert_eq!(bad(EVALUATIONS, &request), (Reason::InvalidField, vec![path]));
    request["options"] = json!([]);
    assert_eq!(bad(EVALUATIONS, &request), (Reason::InvalidField, vec!["options".to_owned()]));
}

#[test]
fn a_request_without_questions_is_itself_one() {
    for none in [json!([]), Value::Null] {
        let mut request = question();
        request["evaluations"] = none;
        let (batch, call) = asked::<BatchCheckPermissionsRequest>(EVALUATIONS, &request);
        assert_eq!(batch.checks, [asks("users/alice", "members.list", SPACE)]);
        let told = answer(&call, &results(&[true]));
        assert!(told["decision"] == true && told.get("evaluations").is_none(), "{told}");
        let denied = CheckPermissionError {
            code: Code::PermissionDenied.into(),
            reason: Reason::PermissionDenied.into(),
            ..Default::default()
        };
        let refused = CheckPermissionResult { outcome: Some(Outcome::Error(denied)) };
        let response = BatchCheckPermissionsResponse { results: vec![refused] };
        let fault = call.reply.write(response.encode_to_vec().into()).expect_err("an error of the whole");
        assert_eq!((fault.code(), fault.reason()), (Code::PermissionDenied, Reason::PermissionDenied));
    }
}

#[test]
fn a_decision_says_why_in_the_names_of_the_api() {
    let grant = RoleGrant {
        role: Role::ConsoleAdmin.into(),
        plane: Plane::Console.into(),
        condition: "the space is published".into(),
        via: String::new(),
    };
    let explanation = Explanation { granted_by: vec![grant], ..Default::default() };
    let as_of = Some(prost_types::Timestamp { seconds: 1, nanos: 500_000_000 });
    let response = CheckPermissionResponse { allowed: true, explanation: Some(explanation), as_of };
    let (_, call) = asked::<CheckPermissionRequest>(EVALUATION, &question());
    let granted = json!([{
        "role": "ROLE_CONSOLE_ADMIN", "plane": "PLANE_CONSOLE", "condition": "the space is published",
    }]);
    let context = json!({"explanation": {"granted_by": granted}, "as_of": "1970-01-01T00:00:01.500Z"});
    assert_eq!(answer(&call, &response), json!({"decision": true, "context": context}));
}

#[test]
fn subjects_are_found_of_the_type_that_is_looked_for() {
    let found = |kind: &str, subjects: &[&str], next: &str| {
        // An id of what is looked for is passed over, of whatever kind it is.
        let (list, call) =
            asked::<ListSubjectsRequest>(SUBJECTS, &with("/subject", json!({"type": kind, "id": 7})));
        let expected = ListSubjectsRequest {
            permission: "members.list".into(),
            resource: SPACE.into(),
            ..Default::default()
        };
        assert_eq!(list, expected);
        let permitted = |name: &&str| PermittedSubject { subject: (*name).to_owned(), explanation: None };
        let subjects = subjects.iter().map(permitted).collect();
        answer(&call, &ListSubjectsResponse { subjects, next_page_token: next.into(), ..Default::default() })
    };
    let people = ["users/alice", "users/corp:bob%40x"];
    let answer = found("user", &people, "more");
    assert_eq!(answer["page"], json!({"next_token": "more", "count": 2}));
    let ids = json!([{"type": "user", "id": "alice"}, {"type": "user", "id": "corp:bob%40x"}]);
    assert_eq!(answer["results"], ids);
    assert_eq!(found("user", &[], "more")["page"], json!({"next_token": "more", "count": 0}));
    for kind in ["service", "spaceship"] {
        let answer = found(kind, &people, "more");
        assert_eq!(answer["results"], json!([]), "{kind}");
        assert_eq!(answer["page"], json!({"next_token": "", "count": 0}), "no page has any");
    }
}

#[test]
fn a_page_says_whom_it_can_not_list() {
    let (_, call) = asked::<ListSubjectsRequest>(SUBJECTS, &question());
    let everyone = ListSubjectsResponse { everyone_signed_in: true, ..Default::default() };
    assert_eq!(answer(&call, &everyone)["context"]["everyone_signed_in"], true);
    let context = &answer(&call, &ListSubjectsResponse::default())["context"];
    assert!(context.get("everyone_signed_in").is_none() && context.get("every_service").is_none());
}

#[test]
fn resources_and_actions_are_found_in_pages() {
    let mut request = with("/resource", json!({"type": "space", "id": null}));
    request["page"] = json!({"token": "there", "limit": 2, "properties": {"sort": "id"}});
    let (list, call) = asked::<ListResourcesRequest>(RESOURCES, &request);
    assert_eq!((&*list.subject, &*list.permission), ("users/alice", "members.list"));
    assert_eq!((&*list.page_token, list.page_size), ("there", 2));
    let resources = vec![PermittedResource { resource: SPACE.into(), explanation: None }];
    let found = answer(&call, &ListResourcesResponse { resources, ..Default::default() });
    assert_eq!(found["results"], json!([{"type": "space", "id": ID}]));
    assert_eq!(found["page"], json!({"next_token": "", "count": 1}));

    let mut request = without("action", None);
    request["page"] = json!({"limit": u64::MAX});
    let (list, call) = asked::<ListPermissionsRequest>(ACTIONS, &request);
    assert_eq!((&*list.subject, &*list.resource, list.page_size), ("users/alice", SPACE, i32::MAX));
    let permissions = vec![HeldPermission { permission: "space.get".into(), explanation: None }];
    let found =
        answer(&call, &ListPermissionsResponse { permissions, next_page_token: "x".into(), as_of: None });
    assert_eq!(found["results"], json!([{"name": "space.get"}]));
    assert_eq!(found["page"]["next_token"], "x");
}

#[test]
fn errors_of_the_method_are_told_in_the_words_of_the_request() {
    let retold = |field: &str| translation(SUBJECTS).retold(field, "must be so");
    for (field, as_json) in [
        ("permission", "action.name"),
        ("resource", "resource"),
        ("page_size", "page.limit"),
        ("checks[7].permission", "evaluations[7].action.name"),
        ("checks", "evaluations"),
    ] {
        assert_eq!(retold(field), (as_json.to_owned(), "must be so".to_owned()));
    }
    let (field, sentence) = retold("page_token");
    assert!(field == "page.token" && sentence.starts_with("must be a next_token"), "{sentence}");
}

#[test]
fn only_what_there_is_is_told_of() {
    let Some(Entrance::Document(document)) = at("/.well-known/authzen-configuration") else { panic!("none") };
    let metadata: Value = serde_json::from_str(&document("https://pdp.example")).expect("JSON");
    let metadata = metadata.as_object().expect("an object");
    assert_eq!(metadata["policy_decision_point"], "https://pdp.example");
    let endpoints: Vec<_> = metadata.iter().filter(|(name, _)| name.ends_with("_endpoint")).collect();
    assert_eq!((endpoints.len(), metadata.len()), (5, 6));
    for (name, url) in endpoints {
        let path = url.as_str().and_then(|url| url.strip_prefix("https://pdp.example")).expect("a URL");
        assert!(matches!(at(path), Some(Entrance::Call(_))), "{name}");
    }
    for path in ["/", "/access/v1", "/access/v1/evaluation/", "/.well-known/authzen-configuration/x"] {
        assert!(at(path).is_none(), "{path}");
    }
}
