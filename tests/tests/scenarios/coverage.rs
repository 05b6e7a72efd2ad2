//! Every method of every service, found by reflection, answers as its `access` option says.
use std::collections::HashMap;

use devspaces::Service;
use devspaces_authz::Permission;
use devspaces_proto::authz::v1::{
    CheckPermissionRequest, CheckPermissionResponse, authz_service_client::AuthzServiceClient,
};
use devspaces_tests::{
    Persona, Refusal, Suite, both_engines,
    reflection::{Raw, methods},
    sql::tamper,
    suite::eventually,
};
use prost::{Message as _, bytes::Bytes};
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use tonic::{Code, Request, Status};

use crate::spaces::{archives, gets};

const NOWHERE: &str = "spaces/0190a8d0-7b1c-7def-8000-000000000001";

/// The `access` option of a method.
fn access(method: &MethodDescriptor) -> DynamicMessage {
    let extension =
        method.parent_pool().get_extension_by_name("devspaces.authz.v1.access").expect("the extension");
    let options = method.options();
    assert!(options.has_extension(&extension), "{} has no access option", method.full_name());
    options.get_extension(&extension).as_message().expect("a message").clone()
}

/// The permissions that a method requires, or of which any one suffices, with the fields that name their resources. A
/// denial names the first in either case.
fn requirements(access: &DynamicMessage) -> Vec<(String, String)> {
    let [required, any_of] =
        ["require", "any_of"].map(|name| access.get_field_by_name(name).expect("the field"));
    let required = if required.as_list().is_some_and(<[_]>::is_empty) { any_of } else { required };
    let text = |value: &Value, name: &str| {
        let message = value.as_message().expect("a message");
        message.get_field_by_name(name).expect("the field").as_str().expect("a text").to_owned()
    };
    let required = required.as_list().expect("a list");
    required.iter().map(|value| (text(value, "permission"), text(value, "field"))).collect()
}

fn caller(access: &DynamicMessage) -> i32 {
    access.get_field_by_name("caller").expect("the field").as_enum_number().expect("a number")
}

/// A request whose fields at these paths name the space, or someone in it where the method is about a member.
fn request(method: &MethodDescriptor, required: &[(String, String)], space: &str) -> Bytes {
    let mut request = DynamicMessage::new(method.input());
    for (_, path) in required.iter().filter(|(_, path)| !path.is_empty()) {
        let of_member = path.ends_with("name") && method.parent_service().name() == "MembershipService";
        let name = if of_member { format!("{space}/members/alice") } else { space.to_owned() };
        match path.split_once('.') {
            None => request.set_field_by_name(path, Value::String(name)),
            Some((outer, inner)) => {
                let field = method.input().get_field_by_name(outer).expect("the outer field");
                let mut message = DynamicMessage::new(field.kind().as_message().expect("a message").clone());
                message.set_field_by_name(inner, Value::String(name));
                request.set_field_by_name(outer, Value::Message(message));
            }
        }
    }
    request.encode_to_vec().into()
}

async fn call(who: &Persona, port: Service, method: &MethodDescriptor, message: Bytes) -> Refusal {
    let mut client = tonic::client::Grpc::new(who.authorized(port));
    client.ready().await.expect("a port that answers");
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse().expect("a path");
    let answer: Result<tonic::Response<Bytes>, Status> = client.unary(Request::new(message), path, Raw).await;
    Refusal::from(&answer.map(drop).err().unwrap_or_else(|| panic!("{} was answered", method.full_name())))
}

async fn walk(suite: &Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let mallory = suite.user("mallory");
    let nobody = suite.bearer(&devspaces_kit::name::Principal::user("nobody"), None);
    let mut walked = HashMap::<i32, u32>::new();
    for port in Service::ALL {
        for method in methods(&suite.channel(port)).await {
            let name = method.full_name().to_owned();
            let access = access(&method);
            let required = requirements(&access);
            *walked.entry(caller(&access)).or_default() += 1;

            let refusal = call(&nobody, port, &method, request(&method, &required, &space)).await;
            assert_eq!(refusal.kind(), (tonic::Code::Unauthenticated, "CREDENTIALS_MISSING"), "{name}");
            match caller(&access) {
                // CALLER_SIGNED_IN: nothing more is asked of the caller; what these answer has tests of its own.
                1 => assert!(required.is_empty(), "{name}"),
                // CALLER_PERMITTED
                2 if required.iter().all(|(_, path)| path.is_empty()) => {
                    let service = suite.persona("services/other");
                    let refusal = call(&service, port, &method, request(&method, &required, &space)).await;
                    assert_eq!(refusal.code, tonic::Code::PermissionDenied, "{name}: only people have this");
                }
                2 => {
                    let forbidden = call(&mallory, port, &method, request(&method, &required, &space)).await;
                    let missing = call(&mallory, port, &method, request(&method, &required, NOWHERE)).await;
                    assert_eq!(
                        forbidden.kind(),
                        (tonic::Code::PermissionDenied, "PERMISSION_DENIED"),
                        "{name}"
                    );
                    assert_eq!(
                        forbidden.metadata[0],
                        ("permission".to_owned(), required[0].0.clone()),
                        "{name}"
                    );
                    assert_eq!(forbidden.metadata[1], ("resource".to_owned(), space.clone()), "{name}");
                    assert_eq!(missing.kind(), forbidden.kind(), "{name}: R-P3");
                    assert_eq!(missing.message.replace(NOWHERE, &space), forbidden.message, "{name}: R-P3");
                }
                // CALLER_SERVICE: neither people nor other services, with whatever request.
                3 => {
                    for who in [&alice, &suite.persona("services/auditor")] {
                        let refusal = call(who, port, &method, Bytes::new()).await;
                        assert_eq!(refusal.code, tonic::Code::PermissionDenied, "{name}");
                    }
                }
                other => panic!("{name} is open to {other}"),
            }
        }
    }
    // Two ports: each with its own service, and with AuthzService, JournalService and FactsService.
    assert_eq!(walked, HashMap::from([(1, 2 + 2 * 2), (2, 6 + 5 + 2 * 2), (3, 6 * 2)]));
}

/// What a refusal says once the name of the space is taken for another.
fn as_if_of(refusal: Refusal, space: &str, other: &str) -> Refusal {
    Refusal {
        message: refusal.message.replace(space, other),
        metadata: refusal
            .metadata
            .into_iter()
            .map(|(key, value)| (key, value.replace(space, other)))
            .collect(),
        ..refusal
    }
}

/// Every method of a port that asks for permissions on a space tells a stranger the same of one that exists and of
/// one that does not. Says how many there are, and with which codes they answer.
async fn look_alike(suite: &Suite, stranger: &Persona, space: &str, port: Service) -> Vec<Code> {
    let mut codes = Vec::new();
    for method in methods(&suite.channel(port)).await {
        let access = access(&method);
        let required = requirements(&access);
        if caller(&access) != 2 || required.iter().all(|(_, path)| path.is_empty()) {
            continue;
        }
        let forbidden = call(stranger, port, &method, request(&method, &required, space)).await;
        let missing = call(stranger, port, &method, request(&method, &required, NOWHERE)).await;
        assert_eq!(as_if_of(missing, NOWHERE, space), forbidden, "{}: R-P3", method.full_name());
        codes.push(forbidden.code);
    }
    codes
}

/// A space that is published, one that is archived and one in use: all that a stranger's answers could depend on.
async fn spaces_of(suite: &Suite, owner: &Persona) -> [String; 3] {
    let published = owner.creates_space("Published").await;
    // No method publishes a space yet. Nobody has asked anything about it, so nothing is remembered otherwise.
    tamper(&suite.pool(Service::Space).await, "UPDATE space SET published = TRUE").await;
    let archived = owner.creates_space("Archived").await;
    archives(owner, &archived).await.expect("archived");
    [published, archived, owner.creates_space("Team").await]
}

/// The service that is not this one.
fn other(service: Service) -> Service {
    if service == Service::Space { Service::Membership } else { Service::Space }
}

/// What a check of one's own permission answers at a port, but for when.
async fn checked(
    who: &Persona,
    port: Service,
    permission: Permission,
    resource: &str,
) -> Result<CheckPermissionResponse, Refusal> {
    let (permission, resource) = (permission.name().to_owned(), resource.to_owned());
    let request = CheckPermissionRequest { permission, resource, ..Default::default() };
    let answer = AuthzServiceClient::new(who.authorized(port)).check_permission(request).await;
    let answer = answer.map(|answer| CheckPermissionResponse { as_of: None, ..answer.into_inner() });
    answer.map_err(|status| Refusal::from(&status))
}

/// Whatever a stranger asks about, an existing and a missing space have it answered alike. Gives the answers about
/// `space.get`, for each port that is up.
async fn checks_look_alike(
    stranger: &Persona,
    space: &str,
    ports: &[Service],
) -> Vec<Result<CheckPermissionResponse, Refusal>> {
    let mut answers = Vec::new();
    for port in ports {
        for permission in Permission::ALL {
            let forbidden = checked(stranger, *port, permission, space).await;
            let missing = checked(stranger, *port, permission, NOWHERE).await;
            let missing = missing.map_err(|refusal| as_if_of(refusal, NOWHERE, space));
            assert_eq!(missing, forbidden, "{} at {port}: R-P3", permission.name());
            if permission == Permission::SpaceGet {
                answers.push(forbidden);
            }
        }
    }
    answers
}

both_engines! {
    // R-P3, R-P7
    async fn every_method_answers_as_its_access_option_says(suite: Suite) {
        walk(&suite).await;
    }

    // R-P3
    async fn a_stranger_is_told_the_same_of_any_space_while_the_other_service_is_down(suite: Suite) {
        let mut suite = suite;
        let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
        let spaces = spaces_of(&suite, &alice).await;
        for (port, counted) in [(Service::Space, 5 + 2), (Service::Membership, 5 + 2)] {
            // While all is up, so that what is known of spaces that exist is remembered where it may be.
            for space in &spaces {
                assert_eq!(look_alike(&suite, &mallory, space, port).await, vec![Code::PermissionDenied; counted]);
            }
            suite.stop(other(port)).await;
            for space in &spaces {
                let codes = look_alike(&suite, &mallory, space, port).await;
                assert_eq!(codes.len(), counted);
                for code in codes {
                    assert!([Code::Unavailable, Code::PermissionDenied].contains(&code), "{code:?}");
                }
            }
            suite.restart(other(port)).await;
            eventually(async || gets(&alice, &spaces[0]).await.ok()).await;
        }
    }

    // R-P3, R-P2
    async fn a_strangers_check_is_answered_the_same_for_any_space(suite: Suite) {
        let mut suite = suite;
        let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
        let spaces = spaces_of(&suite, &alice).await;
        for space in &spaces {
            for answer in checks_look_alike(&mallory, space, &Service::ALL).await {
                let answer = answer.expect("an answer");
                let why = answer.explanation.expect("an explanation");
                assert!(!answer.allowed && why.granted_by.is_empty() && !why.would_be_granted_by.is_empty());
                assert!(why.unmet_conditions.is_empty(), "only what the public catalogue says");
            }
        }
        for port in Service::ALL {
            suite.stop(other(port)).await;
            for space in &spaces {
                for answer in checks_look_alike(&mallory, space, &[port]).await {
                    match answer {
                        Ok(answer) => assert!(!answer.allowed),
                        Err(refusal) => assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE")),
                    }
                }
            }
            suite.restart(other(port)).await;
            eventually(async || gets(&alice, &spaces[0]).await.ok()).await;
        }
    }
}
