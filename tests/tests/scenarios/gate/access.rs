//! Every method of every service, found by reflection, answers as its `access` option says.
use std::collections::HashMap;

use devspaces::Service;
use devspaces_authz::{Permission, ResourceType};
use devspaces_proto::{
    authz::v1::{CheckPermissionRequest, CheckPermissionResponse, authz_service_client::AuthzServiceClient},
    marketplace::v1::SubmitListingRequest,
};
use devspaces_tests::{
    Persona, Refusal, Suite,
    reflection::{Raw, methods},
    suite::eventually,
};
use prost::{Message as _, bytes::Bytes};
use prost_reflect::{DynamicMessage, Kind, MethodDescriptor, Value};
use tonic::{Code, Request, Status};

use crate::acts::{
    accounts::consents_to_invoicing,
    apps::{deletes_app, imported_app},
    marketplace::accepts_terms,
    members::{DEVELOPER, adds_members, keeps_only_app_roles},
    spaces::{archives_space, gets_space},
};

scenarios! {
    both engines:
        a_stranger_is_told_the_same_of_any_space_and_app_while_another_service_is_down,
        an_app_that_is_not_shown_looks_missing_inside_its_space_too,
        a_strangers_check_is_answered_the_same_for_any_space_and_app;
    everywhere:
        every_method_answers_as_its_access_option_says;
}

/// What a request names.
#[derive(Clone, Debug)]
struct Names {
    space: String,
    app: String,
    profile: String,
    listing: String,
}

/// Names of nothing that exists.
fn nowhere() -> Names {
    let id = "0190a8d0-7b1c-7def-8000-000000000001";
    let [space, app, profile, listing] =
        ["spaces", "apps", "vendorProfiles", "listings"].map(|collection| format!("{collection}/{id}"));
    Names { space, app, profile, listing }
}

impl Names {
    /// These names with those of nothing in place of each, and of all.
    fn with_something_missing(&self) -> [Self; 5] {
        let Self { space, app, profile, listing } = nowhere();
        [
            Self { space, ..self.clone() },
            Self { app, ..self.clone() },
            Self { profile, ..self.clone() },
            Self { listing, ..self.clone() },
            nowhere(),
        ]
    }

    /// What the field of a method's request holds: a name, or that of someone or something below it where the method is
    /// about that.
    fn in_field(&self, method: &MethodDescriptor, path: &str) -> String {
        let Self { space, app, profile, listing } = self;
        let service = method.parent_service().name().to_owned();
        let (named, method) = (path.ends_with("name"), method.name());
        match service.as_str() {
            _ if path == "app" => app.clone(),
            "AppService" if path.ends_with("space") => space.clone(),
            "AppService" if named && method.ends_with("Contributor") => {
                format!("{app}/contributors/alice")
            }
            "AppService" => app.clone(),
            "MembershipService" if named => format!("{space}/members/alice"),
            "BillingAccountService" if method == "ConsentToInvoicing" => space.clone(),
            "BillingAccountService" if method == "RemoveBillingAdmin" => {
                format!("{space}/billingAccount/admins/alice")
            }
            "InvoiceService" if named || method == "CreateCreditNote" => {
                format!("{space}/billingAccount/invoices/0190a8d0-7b1c-7def-8000-000000000002")
            }
            "BillingAccountService" | "UsageService" | "InvoiceService" => format!("{space}/billingAccount"),
            "VendorProfileService" if path == "space" || method == "AcceptTerms" => space.clone(),
            "VendorProfileService" if method == "RemoveMarketplaceAdmin" => {
                format!("{profile}/admins/alice")
            }
            "ListingService" if named => listing.clone(),
            "VendorProfileService" | "ListingService" => profile.clone(),
            _ => space.clone(),
        }
    }

    /// The resource that a refusal names: that of the field, and not what is below it.
    fn of_field(&self, method: &MethodDescriptor, path: &str) -> String {
        let name = self.in_field(method, path);
        [&self.space, &self.app, &self.profile, &self.listing]
            .into_iter()
            .find(|parent| name.starts_with(*parent))
            .expect("a parent")
            .clone()
    }

    /// What a refusal says once these names are taken for others.
    fn replaced_in(&self, refusal: Refusal, others: &Self) -> Refusal {
        let replaced = |text: String| {
            text.replace(&self.space, &others.space)
                .replace(&self.app, &others.app)
                .replace(&self.profile, &others.profile)
                .replace(&self.listing, &others.listing)
        };
        let metadata = refusal.metadata.into_iter().map(|(key, value)| (key, replaced(value))).collect();
        Refusal { message: replaced(refusal.message), metadata, ..refusal }
    }
}

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

/// A request whose fields at these paths name what they are about; so do `name` and `parent` where there are such fields.
fn request(method: &MethodDescriptor, required: &[(String, String)], names: &Names) -> Bytes {
    let mut request = DynamicMessage::new(method.input());
    let required = required.iter().map(|(_, path)| path.as_str()).filter(|path| !path.is_empty());
    let is_text = |path: &&str| {
        method.input().get_field_by_name(path).is_some_and(|field| field.kind() == Kind::String)
    };
    let usual = ["name", "parent", "app"].into_iter().filter(is_text);
    for path in usual.chain(required) {
        let name = names.in_field(method, path);
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
    let names = published_names(&alice).await;
    let mallory = suite.user("mallory");
    let nobody = suite.bearer(&devspaces_kit::name::Principal::user("nobody"), None);
    let mut walked = HashMap::<i32, u32>::new();
    for port in Service::ALL {
        for method in methods(&suite.channel(port)).await {
            let name = method.full_name().to_owned();
            let access = access(&method);
            let required = requirements(&access);
            *walked.entry(caller(&access)).or_default() += 1;

            let refusal = call(&nobody, port, &method, request(&method, &required, &names)).await;
            assert_eq!(refusal.kind(), (Code::Unauthenticated, "CREDENTIALS_MISSING"), "{name}");
            match caller(&access) {
                // CALLER_SIGNED_IN: nothing more is asked of the caller; what these answer has tests of its own.
                1 => assert!(required.is_empty(), "{name}"),
                // CALLER_PERMITTED
                2 if required.iter().all(|(_, path)| path.is_empty()) => {
                    let service = suite.persona("services/other");
                    let refusal = call(&service, port, &method, request(&method, &required, &names)).await;
                    assert_eq!(refusal.code, Code::PermissionDenied, "{name}: only people have this");
                }
                2 => denied(&mallory, port, &method, &required, &names).await,
                // CALLER_SERVICE: neither people nor other services, with whatever request.
                3 => {
                    for who in [&alice, &suite.persona("services/auditor")] {
                        let refusal = call(who, port, &method, Bytes::new()).await;
                        assert_eq!(refusal.code, Code::PermissionDenied, "{name}");
                    }
                }
                other => panic!("{name} is open to {other}"),
            }
        }
    }
    // Four ports: each with its own services, and with AuthzService, JournalService and FactsService.
    let permitted = [8, 13, 5, 14, 3, 7, 9, 5].into_iter().sum::<u32>();
    let internal = [5, 1, 1].into_iter().sum::<u32>();
    assert_eq!(walked, HashMap::from([(1, 6 + 4 * 2), (2, permitted + 4 * 2), (3, internal + 4 * 6)]));
}

/// A stranger is denied what the method requires, and told nothing of whether it is there (R-P3).
async fn denied(
    stranger: &Persona,
    port: Service,
    method: &MethodDescriptor,
    required: &[(String, String)],
    names: &Names,
) {
    let name = method.full_name();
    let forbidden = call(stranger, port, method, request(method, required, names)).await;
    assert_eq!(forbidden.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "{name}");
    let (permission, field) = &required[0];
    // Of journals the permission is that of the port's plane: one of the alternatives.
    let journal = method.parent_service().name() == "JournalService";
    let is_told = |(one, _): &&(String, String)| forbidden.metadata.iter().any(|(_, value)| value == one);
    let permission =
        if journal { &required.iter().find(is_told).expect("one of the alternatives").0 } else { permission };
    let resource = names.of_field(method, field);
    let told = [("permission".to_owned(), permission.clone()), ("resource".to_owned(), resource)];
    assert_eq!(forbidden.metadata, told, "{name}");
    for missing in names.with_something_missing() {
        let refusal = call(stranger, port, method, request(method, required, &missing)).await;
        assert_eq!(missing.replaced_in(refusal, names), forbidden, "{name}: R-P3");
    }
}

/// Every method of a port that asks for permissions on a space or an app tells a stranger the same of those that exist
/// and of those that do not. Says with which codes they answer.
async fn look_alike(suite: &Suite, stranger: &Persona, names: &Names, port: Service) -> Vec<Code> {
    let mut codes = Vec::new();
    for method in methods(&suite.channel(port)).await {
        let access = access(&method);
        let required = requirements(&access);
        if caller(&access) != 2 || required.iter().all(|(_, path)| path.is_empty()) {
            continue;
        }
        let forbidden = call(stranger, port, &method, request(&method, &required, names)).await;
        for missing in names.with_something_missing() {
            let refusal = call(stranger, port, &method, request(&method, &required, &missing)).await;
            assert_eq!(missing.replaced_in(refusal, names), forbidden, "{}: R-P3", method.full_name());
        }
        codes.push(forbidden.code);
    }
    codes
}

/// As [`look_alike`], of the methods that name an app and to someone who knows its space.
async fn apps_look_alike(suite: &Suite, who: &Persona, names: &Names) -> Vec<Code> {
    let missing = Names { app: nowhere().app, ..names.clone() };
    let mut codes = Vec::new();
    for method in methods(&suite.channel(Service::Space)).await {
        let required = requirements(&access(&method));
        if !required.iter().any(|(_, path)| !path.is_empty() && names.of_field(&method, path) == names.app) {
            continue;
        }
        let hidden = call(who, Service::Space, &method, request(&method, &required, names)).await;
        let refusal = call(who, Service::Space, &method, request(&method, &required, &missing)).await;
        assert_eq!(
            missing.replaced_in(refusal, names),
            hidden,
            "{} by {}: R-A5",
            method.full_name(),
            who.name
        );
        codes.push(hidden.code);
    }
    codes
}

/// A published space with an account, an app, a vendor profile and a listing of another app.
async fn published_names(owner: &Persona) -> Names {
    let space = owner.creates_space("Published").await;
    let [app, listed] = [owner.creates_app(&space).await, owner.creates_app(&space).await];
    consents_to_invoicing(owner, &space).await.expect("an account");
    let profile = accepts_terms(owner, &space).await.expect("published").name;
    let request =
        SubmitListingRequest { parent: profile.clone(), app: listed, ..SubmitListingRequest::default() };
    let listing = owner.listings().submit_listing(request).await.expect("submitted").into_inner().name;
    Names { space, app, profile, listing }
}

/// A space that is published, one that is archived and one in use; an app that is in a space, one that is in none and one
/// that is deleted: all that a stranger's answers could depend on.
async fn names_of(suite: &Suite, owner: &Persona) -> [Names; 3] {
    let published = published_names(owner).await;
    let archived = owner.creates_space("Archived").await;
    archives_space(owner, &archived).await.expect("archived");
    let space = owner.creates_space("Team").await;
    let deleted = owner.creates_app(&space).await;
    deletes_app(owner, &deleted).await.expect("deleted");
    [
        published.clone(),
        Names { space: archived, app: imported_app(suite, owner).await, ..published.clone() },
        Names { space, app: deleted, ..published },
    ]
}

/// The services that are not this one.
fn others(service: Service) -> impl Iterator<Item = Service> {
    Service::ALL.into_iter().filter(move |other| *other != service)
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

/// Whatever a stranger asks about, an existing and a missing space or app have it answered alike. Gives the answers about
/// `space.get` and `app.get`, for each port that is up.
async fn checks_look_alike(
    stranger: &Persona,
    names: &Names,
    ports: &[Service],
) -> Vec<Result<CheckPermissionResponse, Refusal>> {
    let (mut answers, nothing) = (Vec::new(), nowhere());
    for port in ports {
        for permission in Permission::ALL {
            let on = |names: &Names| match permission.resource_type() {
                ResourceType::App => names.app.clone(),
                ResourceType::Space | ResourceType::Platform => names.space.clone(),
            };
            let forbidden = checked(stranger, *port, permission, &on(names)).await;
            let missing = checked(stranger, *port, permission, &on(&nothing)).await;
            let missing = missing.map_err(|refusal| nothing.replaced_in(refusal, names));
            assert_eq!(missing, forbidden, "{} on {} at {port}: R-P3", permission.name(), on(names));
            if [Permission::SpaceGet, Permission::AppGet].contains(&permission) {
                answers.push(forbidden);
            }
        }
    }
    answers
}

// R-P3, R-P7
async fn every_method_answers_as_its_access_option_says(suite: Suite) {
    walk(&suite).await;
}

// R-P3
async fn a_stranger_is_told_the_same_of_any_space_and_app_while_another_service_is_down(suite: Suite) {
    let mut suite = suite;
    let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
    let all = names_of(&suite, &alice).await;
    let counts = [7 + 12 + 2, 5 + 2, 14 + 1 + 4 + 2, 7 + 4 + 2];
    // While all is up, so that what is known of those that exist is remembered where it may be.
    for (port, counted) in Service::ALL.into_iter().zip(counts) {
        for names in &all {
            assert_eq!(
                look_alike(&suite, &mallory, names, port).await,
                vec![Code::PermissionDenied; counted],
                "{port}"
            );
        }
    }
    for down in Service::ALL {
        suite.stop(down).await;
        for (port, counted) in others(down)
            .map(|port| (port, counts[Service::ALL.iter().position(|it| *it == port).expect("a port")]))
        {
            for names in &all {
                let codes = look_alike(&suite, &mallory, names, port).await;
                assert_eq!(codes.len(), counted);
                for code in codes {
                    assert!([Code::Unavailable, Code::PermissionDenied].contains(&code), "{code:?}");
                }
            }
        }
        suite.restart(down).await;
        eventually(async || gets_space(&alice, &all[0].space).await.ok()).await;
    }
}

// R-A5, R-P3: who is in the space, or contributes to another of its apps, is a stranger to an app all the same.
async fn an_app_that_is_not_shown_looks_missing_inside_its_space_too(suite: Suite) {
    let mut suite = suite;
    let [alice, dora, omar] = ["alice", "dora", "omar"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&omar, DEVELOPER)]).await.expect("added");
    let _own = [dora.creates_app(&space).await, omar.creates_app(&space).await];
    keeps_only_app_roles(&alice, &space, &omar).await;
    let [linked, deleted] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    deletes_app(&alice, &deleted).await.expect("deleted");
    let unlinked = imported_app(&suite, &alice).await;
    let apps = [linked, deleted, unlinked].map(|app| Names { space: space.clone(), app, ..nowhere() });
    for names in &apps {
        assert_eq!(apps_look_alike(&suite, &dora, names).await, [Code::PermissionDenied; 10]);
        assert_eq!(apps_look_alike(&suite, &omar, names).await, [Code::PermissionDenied; 10]);
    }
    suite.stop(Service::Membership).await;
    for names in &apps {
        apps_look_alike(&suite, &dora, names).await;
        apps_look_alike(&suite, &omar, names).await;
    }
}

// R-P3, R-P2
async fn a_strangers_check_is_answered_the_same_for_any_space_and_app(suite: Suite) {
    let mut suite = suite;
    let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
    let all = names_of(&suite, &alice).await;
    for names in &all {
        for answer in checks_look_alike(&mallory, names, &Service::ALL).await {
            let answer = answer.expect("an answer");
            let why = answer.explanation.expect("an explanation");
            assert!(!answer.allowed && why.granted_by.is_empty() && !why.would_be_granted_by.is_empty());
            assert!(why.unmet_conditions.is_empty(), "only what the public catalogue says");
        }
    }
    for down in Service::ALL {
        suite.stop(down).await;
        let up: Vec<Service> = others(down).collect();
        for names in &all {
            for answer in checks_look_alike(&mallory, names, &up).await {
                match answer {
                    Ok(answer) => assert!(!answer.allowed),
                    Err(refusal) => assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE")),
                }
            }
        }
        suite.restart(down).await;
        eventually(async || gets_space(&alice, &all[0].space).await.ok()).await;
    }
}
