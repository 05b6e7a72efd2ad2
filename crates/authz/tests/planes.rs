//! Planes are separate: no role on one implies a role on another.

use devspaces_authz::{
    AppFacts, AppRole, BillingFacts, ConsoleRole, Fact, Facts, MarketplaceFacts, MembershipFacts, Outcome,
    Permission, Plane, Role, SpaceFacts, SubjectKind, decide, grants,
};

use crate::combinations::every_user;
use crate::matrix::{Line, lines};

/// Every way in which a user can stand with roles on this plane only, in spaces and on apps of all kinds.
fn with_roles_on(plane: Plane) -> Vec<Facts> {
    every_user()
        .into_iter()
        .filter(|facts| Plane::ALL.into_iter().all(|other| other == plane || !stands_on(facts, other)))
        .collect()
}

fn stands_on(facts: &Facts, plane: Plane) -> bool {
    match plane {
        Plane::Console => facts.membership.known().is_some_and(|member| member.role.is_some()),
        Plane::Billing => facts.billing.known().is_some_and(|billing| billing.admin),
        Plane::Marketplace => facts.marketplace.known().is_some_and(|marketplace| marketplace.admin),
        Plane::App => {
            facts.app.known().is_some_and(|app| app.role.is_some())
                || facts.space.known().is_some_and(|space| space.contributes)
        }
        Plane::Service | Plane::Operator | Plane::SignedIn => false,
    }
}

/// The same facts without the roles on this plane.
fn without(plane: Plane, mut facts: Facts) -> Facts {
    match (plane, facts.space.known(), facts.membership.known(), facts.app.known()) {
        (Plane::Console, _, Some(member), _) => {
            facts.membership = Fact::Known(MembershipFacts { role: None, view_all_apps: false, ..member });
        }
        (Plane::Billing, ..) => facts.billing = Fact::Known(BillingFacts::default()),
        (Plane::Marketplace, ..) => facts.marketplace = Fact::Known(MarketplaceFacts::default()),
        (Plane::App, Some(space), _, Some(app)) => {
            facts.space = Fact::Known(SpaceFacts { contributes: false, ..space });
            facts.app = Fact::Known(AppFacts { role: None, ..app });
        }
        _ => {}
    }
    facts
}

/// Whether the column of any of these roles says "yes" or "if", or the line names an app role among them.
fn granted_to(line: &Line, roles: &[Role]) -> bool {
    let in_column = |role: &Role| matches!(line.cell(*role), Some("yes" | "if"));
    let in_app_role = |role: &AppRole| roles.contains(&Role::from(*role));
    let anyone = line.cell(Role::ConsoleAdmin) == Some("any");
    // Linking an app takes roles on two planes: no role alone does it (R-A2).
    let alone = line.permission != Permission::AppsLink;
    anyone || alone && (roles.iter().any(in_column) || line.contributors().iter().any(in_app_role))
}

// 002: least privilege. R-S1, R-K1, R-B1
#[test]
fn the_roles_of_one_plane_give_the_permissions_of_their_columns_and_no_others() {
    for plane in [Plane::Console, Plane::Billing, Plane::Marketplace, Plane::App] {
        let roles: Vec<_> = Role::ALL.into_iter().filter(|role| role.plane() == plane).collect();
        let standings = with_roles_on(plane);
        for line in lines() {
            let allowed =
                standings.iter().any(|facts| decide(line.permission, facts).outcome() == Outcome::Allowed);
            assert_eq!(allowed, granted_to(&line, &roles), "{} by {plane:?} roles", line.permission.name());
        }
    }
}

// R-M2, R-B2, R-K4, R-A3
#[test]
fn each_role_alone_gives_the_permissions_of_its_own_column_and_no_others() {
    let alone = |role: Role, facts: &Facts| match role.plane() {
        Plane::Console => {
            facts.membership.known().and_then(|member| member.role).map(Role::from) == Some(role)
        }
        Plane::App => {
            facts.app.known().and_then(|app| app.role).map(Role::from) == Some(role)
                && !facts.space.known().is_some_and(|space| space.contributes)
        }
        plane => stands_on(facts, plane),
    };
    for role in Role::ALL
        .into_iter()
        .filter(|role| !matches!(role.plane(), Plane::Service | Plane::Operator | Plane::SignedIn))
    {
        let standings: Vec<_> =
            with_roles_on(role.plane()).into_iter().filter(|facts| alone(role, facts)).collect();
        for line in lines() {
            let allowed =
                standings.iter().any(|facts| decide(line.permission, facts).outcome() == Outcome::Allowed);
            // An app's own facts do not say that its contributor has an app in the space: the space's do.
            let by_list = role.plane() == Plane::App && line.permission == Permission::AppsList;
            // A Developer's "if" that asks for a contributor role needs that role, which is on another plane.
            let by_app_role = role == Role::ConsoleDeveloper
                && [Permission::AppUpdate, Permission::AppContributorsUpdate].contains(&line.permission);
            let expected = granted_to(&line, &[role]) && !by_list && !by_app_role;
            assert_eq!(allowed, expected, "{} by {role:?} alone", line.permission.name());
        }
    }
}

// 002: least privilege
#[test]
fn a_plane_has_no_say_in_permissions_that_none_of_its_roles_grants() {
    let combinations = every_user();
    for plane in Plane::ALL {
        let foreign: Vec<_> = Permission::ALL
            .into_iter()
            .filter(|&permission| grants(permission).all(|grant| grant.role.plane() != plane))
            .collect();
        for facts in &combinations {
            let without = without(plane, *facts);
            if without == *facts {
                continue;
            }
            for &permission in &foreign {
                let (with, without) =
                    (decide(permission, facts).outcome(), decide(permission, &without).outcome());
                assert_eq!(with, without, "{} and {plane:?} roles of {facts:?}", permission.name());
            }
        }
    }
}

// R-P6
#[test]
fn a_permission_is_administered_on_the_plane_that_it_is_about() {
    for permission in Permission::ALL {
        let name = permission.name();
        let plane = match name.split('.').next() {
            _ if grants(permission).any(|grant| grant.role == Role::NamedPerson) => Plane::Operator,
            _ if grants(permission).any(|grant| grant.role == Role::Service) => Plane::Service,
            _ if grants(permission).any(|grant| grant.role == Role::SignedIn) => Plane::SignedIn,
            // They open the plane, and are the console Admin's.
            _ if ["billing.consent", "marketplace.terms.accept"].contains(&name) => Plane::Console,
            Some("billing") => Plane::Billing,
            Some("marketplace") => Plane::Marketplace,
            Some("app") => Plane::App,
            _ if name == "journal.billing.get" => Plane::Billing,
            _ if name == "journal.marketplace.get" => Plane::Marketplace,
            _ => Plane::Console,
        };
        assert_eq!(permission.plane(), plane, "{name}");
    }
}

// R-P6
#[test]
fn administrators_of_a_plane_are_those_who_give_its_roles() {
    let outcomes = |permission: Permission| {
        let member = |role| Facts {
            membership: Fact::Known(MembershipFacts { role: Some(role), ..MembershipFacts::default() }),
            app: Fact::Known(AppFacts { linked: true, ..AppFacts::default() }),
            ..Facts::of(SubjectKind::User)
        };
        ConsoleRole::ALL.map(|role| decide(permission, &member(role)).is_allowed())
    };
    assert_eq!(Plane::Console.administration().map(outcomes), Some([true, false, false]));
    assert_eq!(Plane::App.administration().map(outcomes), Some([true, false, false]));
    assert_eq!(Plane::Billing.administration().map(outcomes), Some([false; 3]));
    assert_eq!(Plane::Marketplace.administration().map(outcomes), Some([false; 3]));
    for plane in [Plane::Service, Plane::Operator, Plane::SignedIn] {
        assert_eq!(plane.administration(), None);
    }
}
