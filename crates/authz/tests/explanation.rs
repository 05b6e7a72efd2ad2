//! Explanations: they agree with the outcome, say what helps, and tell strangers nothing.

use devspaces_authz::{
    AppCreation, AppFacts, AppRole, BillingFacts, Condition, ConsoleRole, Fact, Facts, Grant,
    MarketplaceFacts, MembershipFacts, Outcome, OwnerSet, Permission, PermissionSet, ResourceType, Role,
    Service, SpaceFacts, SubjectKind, Suspension, SuspensionReason, Via, decide, grants, grants_of, owners,
};

use crate::combinations::{every, every_user, subjects};

fn user() -> Facts {
    Facts::of(SubjectKind::User)
}

fn member(role: ConsoleRole) -> Facts {
    let membership = MembershipFacts { role: Some(role), view_all_apps: false, has_admin: true };
    Facts { membership: Fact::Known(membership), ..user() }
}

fn contributor(role: AppRole, linked: bool) -> Facts {
    Facts { app: Fact::Known(AppFacts { linked, role: Some(role), ..AppFacts::default() }), ..user() }
}

/// The facts with those of one kind replaced by what holds of a stranger in an empty space.
fn resets(facts: &Facts) -> [(OwnerSet, Facts); 6] {
    [
        (OwnerSet::of(Service::Space), Facts { space: Fact::Known(SpaceFacts::default()), ..*facts }),
        (
            OwnerSet::of(Service::Membership),
            Facts { membership: Fact::Known(MembershipFacts::default()), ..*facts },
        ),
        (OwnerSet::of(Service::Billing), Facts { billing: Fact::Known(BillingFacts::default()), ..*facts }),
        (
            OwnerSet::of(Service::Marketplace),
            Facts { marketplace: Fact::Known(MarketplaceFacts::default()), ..*facts },
        ),
        (OwnerSet::APP, Facts { app: Fact::Known(AppFacts::default()), ..*facts }),
        (OwnerSet::PERSON, Facts { active: Fact::Known(false), ..*facts }),
    ]
}

// R-P2: fetching less would miss a grant, fetching more would make a decision wait for what it does not need.
#[test]
fn the_owners_of_a_permission_are_exactly_those_whose_facts_can_change_its_decision() {
    let named_permissions = PermissionSet::all();
    for kind in [SubjectKind::User, SubjectKind::Service] {
        let subject = Facts::of(kind);
        let combinations = every(&[subject, Facts { named_permissions, ..subject }]);
        for permission in Permission::ALL {
            let mut matters = OwnerSet::EMPTY;
            for facts in &combinations {
                let outcome = decide(permission, facts).outcome();
                for (owner, reset) in resets(facts) {
                    if decide(permission, &reset).outcome() != outcome {
                        matters = matters.union(owner);
                    }
                }
            }
            assert_eq!(owners(kind, permission), matters, "{} of {kind:?}", permission.name());
        }
    }
}

// R-P2
#[test]
fn the_explanation_agrees_with_the_outcome() {
    for facts in &every(&subjects()) {
        for permission in Permission::ALL {
            let decision = decide(permission, facts);
            let explanation = decision.explanation();
            let catalogue: Vec<_> = grants(permission).collect();
            let name = permission.name();
            assert_eq!(
                decision.outcome() == Outcome::Allowed,
                !explanation.granted_by.is_empty(),
                "{name}: {facts:?}"
            );
            assert!(
                explanation.granted_by.iter().all(|grant| catalogue.contains(grant)),
                "{name}: {facts:?}"
            );
            if decision.is_allowed() {
                assert_eq!(
                    (explanation.would_be_granted_by.len(), explanation.unmet_conditions.len()),
                    (0, 0)
                );
            } else {
                assert_eq!(explanation.would_be_granted_by, catalogue, "{name}: {facts:?}");
            }
        }
    }
}

// R-P2: taking away a role that granted takes the permission away, unless another granted too.
#[test]
fn the_roles_that_granted_are_those_that_the_subject_holds() {
    for facts in &every_user() {
        let (member, app) = (facts.membership.known().unwrap(), facts.app.known().unwrap());
        for permission in Permission::ALL {
            for Grant { role, via, .. } in decide(permission, facts).explanation().granted_by {
                let held = match role {
                    Role::BillingAdmin => facts.billing.known().unwrap().admin,
                    Role::MarketplaceAdmin => facts.marketplace.known().unwrap().admin,
                    Role::SignedIn => true,
                    Role::Service | Role::NamedPerson => false,
                    _ if via == Some(Via::AppOfSpace) => facts.space.known().unwrap().contributes,
                    _ => member.role.map(Role::from) == Some(role) || app.role.map(Role::from) == Some(role),
                };
                assert!(held, "{} by {role:?} of {facts:?}", permission.name());
            }
        }
    }
}

// R-P2
#[test]
fn a_stranger_is_told_no_more_than_the_catalogue_says() {
    let stranger = |facts: &Facts| {
        let app = facts.app.known().unwrap();
        facts.membership.known().unwrap().role.is_none()
            && !facts.billing.known().unwrap().admin
            && !facts.marketplace.known().unwrap().admin
            && !facts.space.known().unwrap().contributes
            && app.role.is_none()
    };
    for permission in Permission::ALL {
        let told = decide(permission, &user()).explanation();
        assert_eq!(told.unmet_conditions, Vec::<&str>::new());
        for facts in every_user().iter().filter(|facts| stranger(facts)) {
            assert_eq!(decide(permission, facts).explanation(), told, "{} of {facts:?}", permission.name());
        }
    }
}

// R-S3, R-S9, R-M3, R-M6, R-A2, R-A6
#[test]
fn who_holds_a_role_is_told_which_condition_is_unmet() {
    let published = Fact::Known(SpaceFacts { published: true, ..SpaceFacts::default() });
    let market = Facts { marketplace: Fact::Known(MarketplaceFacts { admin: true }), ..user() };
    let linked = Fact::Known(AppFacts { linked: true, ..AppFacts::default() });
    let developer =
        MembershipFacts { role: Some(ConsoleRole::Developer), view_all_apps: true, has_admin: true };
    let with_add_on = Facts { app: linked, membership: Fact::Known(developer), ..user() };
    let narrow = Fact::Known(SpaceFacts { app_creation: AppCreation::Admins, ..SpaceFacts::default() });
    let in_narrow = Facts { space: narrow, ..member(ConsoleRole::Developer) };
    let cases = [
        (Permission::AppsCreate, in_narrow, Condition::MembersCreate),
        (Permission::AppsLink, in_narrow, Condition::MembersLink),
        (
            Permission::SpaceUpdate,
            Facts { space: published, ..member(ConsoleRole::Admin) },
            Condition::Unpublished,
        ),
        (Permission::SpaceUpdate, market, Condition::Published),
        (Permission::MembersAdd, market, Condition::Bootstrap),
        (Permission::AppsList, member(ConsoleRole::Developer), Condition::ViewAllApps),
        (Permission::AppUpdate, with_add_on, Condition::ManagesApp),
        (Permission::AppsLink, member(ConsoleRole::Admin), Condition::ManagesApp),
        (Permission::AppsLink, contributor(AppRole::Owner, false), Condition::BuildsInSpace),
        (Permission::AppDeploy, contributor(AppRole::Owner, false), Condition::Deploys),
        (Permission::AppDelete, contributor(AppRole::Owner, false), Condition::LinkedUntilDeleted),
    ];
    for (permission, facts, unmet) in cases {
        let decision = decide(permission, &facts);
        assert_eq!(decision.outcome(), Outcome::Denied, "{}", permission.name());
        assert_eq!(decision.explanation().unmet_conditions, unmet.unmet(&facts), "{}", permission.name());
    }
}

// R-A5: an app that is not shown to a Developer must not be given away by what would show it.
#[test]
fn a_developer_is_told_the_same_of_an_app_that_is_hidden_and_of_one_that_is_not_there() {
    let none = member(ConsoleRole::Developer);
    let linked = Fact::Known(AppFacts { linked: true, ..AppFacts::default() });
    let hidden = Facts { app: linked, ..none };
    let of_app = Permission::ALL.into_iter().filter(|it| it.resource_type() == ResourceType::App);
    for permission in of_app {
        let (hidden, none) =
            (decide(permission, &hidden).explanation(), decide(permission, &none).explanation());
        assert_eq!(hidden, none, "{}", permission.name());
    }
}

// R-A12, R-E6
#[test]
fn why_it_does_not_run_is_told_to_those_who_see_the_app_and_to_the_runtime() {
    let suspension: Suspension = [SuspensionReason::Abuse, SuspensionReason::Legal].into_iter().collect();
    let suspended = |facts: Facts| {
        let app = AppFacts { suspension, ..facts.app.known().unwrap() };
        Facts { app: Fact::Known(app), ..facts }
    };
    let named_permissions = PermissionSet::EMPTY.with(Permission::AppRun).unwrap();
    let linked = Fact::Known(AppFacts { linked: true, ..AppFacts::default() });
    let runtime = Facts { named_permissions, app: linked, ..Facts::of(SubjectKind::Service) };
    let told = |permission, facts| decide(permission, &suspended(facts)).explanation().unmet_conditions;
    let sees_all = Facts { app: linked, ..member(ConsoleRole::Admin) };
    for (permission, facts, may) in [
        (Permission::AppRun, runtime, true),
        (Permission::AppDeploy, contributor(AppRole::Deployer, true), true),
        (Permission::AppDeploy, contributor(AppRole::Viewer, true), false),
        (Permission::AppDeploy, sees_all, false),
    ] {
        assert_eq!(decide(permission, &facts).is_allowed(), may);
        let reasons = told(permission, facts);
        assert!(
            matches!(reasons.as_slice(), [abuse, legal] if abuse.contains("(ABUSE)") && legal.contains("(LEGAL)"))
        );
    }
    let another = Facts { named_permissions: PermissionSet::EMPTY, ..runtime };
    let sees_none = Facts { app: linked, ..member(ConsoleRole::Developer) };
    for (permission, facts) in [
        (Permission::AppRun, another),
        (Permission::AppDeploy, sees_none),
        (Permission::AppDelete, contributor(AppRole::Viewer, true)),
    ] {
        assert!(told(permission, facts).is_empty());
    }
}

// R-E3, R-E6
#[test]
fn that_deploying_wants_consent_is_told_to_those_who_see_the_app() {
    let wanting = |facts: Facts| {
        let app = AppFacts { wants_consent: true, ..facts.app.known().unwrap() };
        decide(Permission::AppDeploy, &Facts { app: Fact::Known(app), ..facts })
    };
    for role in [AppRole::Owner, AppRole::Viewer] {
        let decision = wanting(contributor(role, true));
        let told = decision.explanation().unmet_conditions.concat();
        assert!(!decision.is_allowed() && told.contains("(CONSENT)") && told.contains("consent"), "{told}");
    }
    let linked = Fact::Known(AppFacts { linked: true, ..AppFacts::default() });
    let sees_none = Facts { app: linked, ..member(ConsoleRole::Developer) };
    assert!(wanting(sees_none).explanation().unmet_conditions.is_empty());
}

// R-A4
#[test]
fn a_derived_viewer_is_told_where_the_role_comes_from() {
    let facts = Facts {
        app: Fact::Known(AppFacts { linked: true, ..AppFacts::default() }),
        ..member(ConsoleRole::Viewer)
    };
    let derived = Grant { role: Role::ConsoleViewer, condition: None, via: Some(Via::DerivedViewer) };
    for permission in [Permission::AppGet, Permission::AppContributorsList] {
        assert_eq!(decide(permission, &facts).explanation().granted_by, [derived]);
    }
    let own = decide(Permission::AppGet, &contributor(AppRole::Viewer, true)).explanation().granted_by;
    assert_eq!(own, [Grant { role: Role::AppViewer, condition: None, via: None }]);
}

// R-A5
#[test]
fn a_contributor_who_lists_apps_is_said_to_be_a_viewer_at_least() {
    let facts =
        Facts { space: Fact::Known(SpaceFacts { contributes: true, ..SpaceFacts::default() }), ..user() };
    let listed = decide(Permission::AppsList, &facts).explanation().granted_by;
    let condition = Some(Condition::AppOfSpace);
    assert_eq!(listed, [Grant { role: Role::AppViewer, condition, via: Some(Via::AppOfSpace) }]);
}

// R-P5
#[test]
fn the_catalogue_reads_the_same_by_role_and_by_permission() {
    for permission in Permission::ALL {
        for role in Role::ALL {
            let by_permission =
                grants(permission).find(|grant| grant.role == role).map(|grant| grant.condition);
            let by_role =
                grants_of(role).find(|grant| grant.permission == permission).map(|grant| grant.condition);
            assert_eq!(by_permission, by_role, "{role:?}, {}", permission.name());
        }
        assert!(grants(permission).next().is_some(), "nobody has {}", permission.name());
    }
}

// R-P2: phrases stand in sentences and cells of tables, sentences by themselves.
#[test]
fn every_text_of_the_catalogue_reads_well() {
    let is_phrase = |text: &str| !text.is_empty() && !text.ends_with('.') && !text.contains('|');
    let is_sentence = |text: &str| text.ends_with('.') && text.starts_with(char::is_uppercase);
    for condition in Condition::ALL {
        let unmet = condition.unmet(&user());
        assert!(is_phrase(condition.phrase()) && !unmet.is_empty(), "{condition:?}");
        assert!(unmet.into_iter().all(is_sentence), "{condition:?}");
    }
    assert!(Role::ALL.into_iter().all(|role| is_sentence(role.description()) && is_phrase(role.title())));
    assert!([Via::DerivedViewer, Via::AppOfSpace].into_iter().all(|via| is_phrase(via.phrase())));
    let phrases = Permission::ALL.into_iter().flat_map(Permission::preconditions);
    assert!(phrases.into_iter().all(|phrase| is_phrase(phrase)));
}
