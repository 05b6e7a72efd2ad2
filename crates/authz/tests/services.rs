//! Services: they have what their operator configured by name, and nothing else.

use devspaces_authz::{
    Facts, NotAServicePermission, Outcome, Permission, PermissionSet, Role, SubjectKind, decide, grants,
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
        let service_permissions = PermissionSet::EMPTY.with(configured).unwrap();
        let service = Facts { service_permissions, ..Facts::of(SubjectKind::Service) };
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
        let user = Facts { service_permissions: PermissionSet::all(), ..facts };
        for permission in of_services() {
            assert!(grants(permission).all(|grant| grant.role == Role::Service));
            assert_eq!(decide(permission, &user).outcome(), Outcome::Denied, "{}", permission.name());
        }
    }
}
