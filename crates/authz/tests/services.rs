//! Services: they have what their operator configured by name, and nothing else.

use devspaces_authz::{
    AppFacts, Fact, Facts, Grant, NotAServicePermission, NotByPersonsName, Outcome, Permission,
    PermissionSet, Role, SubjectKind, decide, grants, owners,
};

use crate::combinations::every_user;
use crate::matrix::lines;

fn of_services() -> Vec<Permission> {
    lines().iter().filter(|line| line.is_for_services()).map(|line| line.permission).collect()
}

// R-P7
#[test]
fn a_service_has_each_permission_that_is_configured_for_it_and_no_other() {
    for configured in of_services() {
        let named_permissions = PermissionSet::EMPTY.with(configured).unwrap();
        let app = Fact::Known(AppFacts { linked: true, ..AppFacts::default() });
        let service = Facts { named_permissions, app, ..Facts::of(SubjectKind::Service) };
        for permission in Permission::ALL {
            let allowed = decide(permission, &service).outcome() == Outcome::Allowed;
            assert_eq!(allowed, permission == configured, "{} from {}", permission.name(), configured.name());
        }
    }
}

// R-P7
#[test]
fn no_configuration_gives_a_service_what_comes_with_a_role() {
    for permission in Permission::ALL {
        let with = PermissionSet::EMPTY.with(permission);
        if of_services().contains(&permission) {
            assert!(with.is_ok_and(|set| set.iter().eq([permission])), "{}", permission.name());
        } else {
            let refused = NotAServicePermission(permission);
            assert_eq!(with, Err(refused));
            assert!(refused.to_string().contains(permission.name()));
        }
    }
    assert!(PermissionSet::all().iter().eq(of_services()));
    assert!(PermissionSet::EMPTY.is_empty() && !PermissionSet::all().is_empty());
}

// R-P7, R-S1: a service is no signed-in user either, and roles that facts might ascribe to it count for nothing.
#[test]
fn a_service_with_nothing_configured_is_denied_everything() {
    for facts in every_user() {
        let service = Facts { subject: SubjectKind::Service, ..facts };
        for permission in Permission::ALL {
            assert_eq!(decide(permission, &service).outcome(), Outcome::Denied, "{}", permission.name());
        }
    }
}

// R-P7
#[test]
fn a_user_never_has_a_service_permission() {
    for facts in every_user() {
        let user = Facts { named_permissions: PermissionSet::all(), ..facts };
        for permission in
            of_services().into_iter().filter(|permission| !of_named_people().contains(permission))
        {
            assert!(grants(permission).all(|grant| grant.role == Role::Service));
            assert_eq!(decide(permission, &user).outcome(), Outcome::Denied, "{}", permission.name());
        }
    }
}

fn of_named_people() -> Vec<Permission> {
    lines().iter().filter(|line| line.is_for_named_people()).map(|line| line.permission).collect()
}

// R-P8, R-M12
#[test]
fn an_active_person_has_each_permission_that_is_configured_for_the_name_and_no_role_gives_it() {
    for permission in Permission::ALL {
        let with = PermissionSet::EMPTY.with_of_person(permission);
        let Ok(named_permissions) = with else {
            assert_eq!(with, Err(NotByPersonsName(permission)));
            assert!(!of_named_people().contains(&permission), "{}", permission.name());
            continue;
        };
        assert!(of_named_people().contains(&permission), "{}", permission.name());
        let named = Facts { named_permissions, ..Facts::of(SubjectKind::User) };
        let granted: Vec<_> = decide(permission, &named).explanation().granted_by;
        assert!(matches!(granted.as_slice(), [Grant { role: Role::NamedPerson, .. }]));
        for active in [Fact::Known(false), Fact::Missing] {
            let outcome = decide(permission, &Facts { active, ..named }).outcome();
            let expected = if active.is_missing() { Outcome::Unavailable } else { Outcome::Denied };
            assert_eq!(outcome, expected);
        }
        for facts in every_user() {
            assert_eq!(decide(permission, &facts).outcome(), Outcome::Denied, "{facts:?}");
        }
    }
}

// R-M12: what no role grants is the one question in which the standing counts by itself.
#[test]
fn somebody_who_is_not_active_has_nothing_by_being_signed_in() {
    for permission in [Permission::SpaceCreate, Permission::MarketplaceProfileCreate] {
        let user = |active| Facts { active, ..Facts::of(SubjectKind::User) };
        let outcome = |active| decide(permission, &user(active)).outcome();
        assert_eq!(outcome(Fact::Known(true)), Outcome::Allowed);
        assert_eq!(outcome(Fact::Known(false)), Outcome::Denied);
        assert_eq!(outcome(Fact::Missing), Outcome::Unavailable);
        assert!(owners(SubjectKind::User, permission).contains_person());
    }
}
