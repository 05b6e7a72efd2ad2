//! Every method of every service, found by reflection, answers as its `access` option says.
mod methods;
mod names;
mod strangers;

use std::collections::BTreeMap;

use devspaces::Service;
use devspaces_tests::{Persona, Suite, reflection::methods};
use prost::bytes::Bytes;
use prost_reflect::MethodDescriptor;
use tonic::Code;

use self::{
    methods::{PERMITTED, SERVICE, SIGNED_IN, access, call, caller, request, requirements},
    names::{Names, published_names},
};
use crate::acts::people::deactivates;

scenarios! {
    everywhere:
        every_method_answers_as_its_access_option_says,
        no_method_answers_a_person_who_was_deactivated;
}

/// How many methods a service has, by who may call them. A new method is counted here.
struct Methods {
    service: &'static str,
    /// The port that has this service: one, or each.
    port: Option<Service>,
    /// For whoever is signed in.
    signed_in: usize,
    /// For whoever has a permission.
    permitted: usize,
    /// Of those: on a resource that the request names.
    on_a_resource: usize,
    /// For services of the suite.
    internal: usize,
}

const NONE: Methods =
    Methods { service: "", port: None, signed_in: 0, permitted: 0, on_a_resource: 0, internal: 0 };

const METHODS: [Methods; 21] = [
    Methods { service: "AuthzService", signed_in: 6, ..NONE },
    Methods { service: "JournalService", permitted: 2, on_a_resource: 2, internal: 1, ..NONE },
    Methods { service: "WebhookService", signed_in: 1, permitted: 9, on_a_resource: 9, ..NONE },
    Methods { service: "FactsService", internal: 8, ..NONE },
    Methods { signed_in: 1, permitted: 11, on_a_resource: 7, ..of(Service::Space, "SpaceService") },
    Methods { permitted: 20, on_a_resource: 18, ..of(Service::Space, "AppService") },
    Methods { permitted: 11, on_a_resource: 11, ..of(Service::Space, "AppGroupService") },
    Methods { internal: 9, ..of(Service::Space, "SpaceRecordsService") },
    Methods { signed_in: 2, permitted: 5, on_a_resource: 5, ..of(Service::Membership, "MembershipService") },
    Methods { signed_in: 2, permitted: 5, on_a_resource: 5, ..of(Service::Membership, "InvitationService") },
    Methods { permitted: 11, on_a_resource: 11, ..of(Service::Membership, "GroupService") },
    Methods { permitted: 3, on_a_resource: 3, ..of(Service::Membership, "ReviewService") },
    Methods { permitted: 4, ..of(Service::Membership, "PeopleService") },
    Methods { internal: 2, ..of(Service::Membership, "MembershipRecordsService") },
    Methods {
        signed_in: 1,
        permitted: 16,
        on_a_resource: 16,
        ..of(Service::Billing, "BillingAccountService")
    },
    Methods { signed_in: 2, permitted: 12, on_a_resource: 4, ..of(Service::Billing, "UsageService") },
    Methods { permitted: 9, on_a_resource: 5, ..of(Service::Billing, "InvoiceService") },
    Methods { internal: 3, ..of(Service::Billing, "BillingRecordsService") },
    Methods {
        signed_in: 1,
        permitted: 9,
        on_a_resource: 7,
        ..of(Service::Marketplace, "VendorProfileService")
    },
    Methods { permitted: 5, on_a_resource: 4, ..of(Service::Marketplace, "ListingService") },
    Methods { internal: 1, ..of(Service::Marketplace, "MarketplaceRecordsService") },
];

const fn of(port: Service, service: &'static str) -> Methods {
    Methods { service, port: Some(port), ..NONE }
}

impl Methods {
    /// How many ports have it.
    fn ports(&self) -> usize {
        self.port.map_or(Service::ALL.len(), |_| 1)
    }
}

/// How many methods of a port take a permission on a resource that the request names.
fn on_a_resource(port: Service) -> usize {
    let of_port = METHODS.iter().filter(|it| it.port.is_none_or(|of| of == port));
    of_port.map(|it| it.on_a_resource).sum()
}

// R-P3, R-P7
async fn every_method_answers_as_its_access_option_says(suite: Suite) {
    walk(&suite).await;
}

/// Methods whose requests must name more than what they are about. What they answer is in `people/standing/`.
const WITH_FORM: [&str; 7] = [
    "CheckPermission",
    "BatchCheckPermissions",
    "ListPermissions",
    "LeaveSpaces",
    "AcceptInvitation",
    "DeclineInvitation",
    "ListSubjects",
];

// R-M12: whoever ran everything may do nothing, not even what takes no permission.
async fn no_method_answers_a_person_who_was_deactivated(suite: Suite) {
    let alice = suite.user("alice");
    let names = published_names(&suite, &alice).await;
    deactivates(&suite, &alice).await.expect("deactivated");
    let mut signed_in = 0;
    for port in Service::ALL {
        for method in methods(&suite.channel(port)).await {
            let access = access(&method);
            let required = requirements(&access);
            signed_in += usize::from(caller(&access) == SIGNED_IN);
            if WITH_FORM.contains(&method.name()) {
                continue;
            }
            let refusal = call(&alice, port, &method, request(&method, &required, &names)).await;
            let name = method.full_name();
            assert_eq!(refusal.code, Code::PermissionDenied, "{name}: {refusal:?}");
            if caller(&access) == SIGNED_IN {
                assert_eq!(refusal.reason, "PERSON_DEACTIVATED", "{name}");
            }
        }
    }
    let expected: usize = METHODS.iter().map(|it| it.signed_in * it.ports()).sum();
    assert_eq!(signed_in, expected);
}

async fn walk(suite: &Suite) {
    let alice = suite.user("alice");
    let names = published_names(suite, &alice).await;
    let mallory = suite.user("mallory");
    let nobody = suite.bearer(&devspaces_kit::name::Principal::user("nobody"), None);
    let mut walked = BTreeMap::<(String, i32), usize>::new();
    for port in Service::ALL {
        for method in methods(&suite.channel(port)).await {
            let name = method.full_name().to_owned();
            let access = access(&method);
            let required = requirements(&access);
            *walked.entry((method.parent_service().name().to_owned(), caller(&access))).or_default() += 1;

            let refusal = call(&nobody, port, &method, request(&method, &required, &names)).await;
            assert_eq!(refusal.kind(), (Code::Unauthenticated, "CREDENTIALS_MISSING"), "{name}");
            match caller(&access) {
                // Nothing more is asked of the caller; what these answer has tests of its own.
                SIGNED_IN => assert!(required.is_empty(), "{name}"),
                PERMITTED if required.iter().all(|(_, path)| path.is_empty()) => {
                    let service = suite.persona("services/other");
                    let refusal = call(&service, port, &method, request(&method, &required, &names)).await;
                    assert_eq!(refusal.code, Code::PermissionDenied, "{name}: only people have this");
                }
                PERMITTED => denied(&mallory, port, &method, &required, &names).await,
                // Neither people nor other services, with whatever request.
                SERVICE => {
                    for who in [&alice, &suite.persona("services/auditor")] {
                        let refusal = call(who, port, &method, Bytes::new()).await;
                        assert_eq!(refusal.code, Code::PermissionDenied, "{name}");
                    }
                }
                other => panic!("{name} is open to {other}"),
            }
        }
    }
    let expected = METHODS.iter().flat_map(|it| {
        let [signed_in, permitted, internal] =
            [it.signed_in, it.permitted, it.internal].map(|count| count * it.ports());
        let callers = [(SIGNED_IN, signed_in), (PERMITTED, permitted), (SERVICE, internal)];
        callers
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(caller, count)| ((it.service.to_owned(), caller), count))
    });
    assert_eq!(walked, expected.collect());
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
    // Of journals and webhooks the permission is that of the port's plane: one of the alternatives.
    let journal = ["JournalService", "WebhookService"].contains(&method.parent_service().name());
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
