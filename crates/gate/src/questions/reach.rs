//! Which roles can grant a permission at all, by the policy itself: for whom a list has to look.
use devspaces_authz::{
    AppFacts, AppRole, BillingFacts, ConsoleRole, Fact, Facts, MarketplaceFacts, MembershipFacts, Permission,
    Service, SpaceFacts, SubjectKind, decide,
};

/// A console role with the add-on or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    role: ConsoleRole,
    view_all_apps: bool,
}

const STANDINGS: [Standing; 4] = [
    Standing { role: ConsoleRole::Admin, view_all_apps: false },
    Standing { role: ConsoleRole::Developer, view_all_apps: false },
    Standing { role: ConsoleRole::Developer, view_all_apps: true },
    Standing { role: ConsoleRole::Viewer, view_all_apps: false },
];

/// The roles of each plane any of which can grant a permission without the help of another, in some state of the space
/// and the app. Whoever has the permission has one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    console: Vec<Standing>,
    /// Contributor roles on the app.
    pub(crate) contributor: Vec<AppRole>,
    /// Whether contributing to any app of the space can.
    pub(crate) contributes: bool,
    pub(crate) billing: bool,
    pub(crate) marketplace: bool,
}

/// What a space and an app can be like, for somebody who holds nothing.
fn states() -> impl Iterator<Item = Facts> {
    let flags = || [false, true].into_iter();
    // Whoever has a permission on an app that is suspended has it on one that is not.
    let apps = [(true, false), (false, true), (false, false)];
    flags().flat_map(move |published| {
        flags().flat_map(move |has_admin| {
            apps.into_iter().map(move |(linked, deleted)| Facts {
                space: Fact::Known(SpaceFacts { published, ..SpaceFacts::default() }),
                membership: Fact::Known(MembershipFacts { has_admin, ..MembershipFacts::default() }),
                app: Fact::Known(AppFacts { linked, deleted, ..AppFacts::default() }),
                ..Facts::of(SubjectKind::User)
            })
        })
    })
}

fn with_console(facts: Facts, standing: Standing) -> Facts {
    let Standing { role, view_all_apps } = standing;
    let member = facts.membership.known().unwrap_or_default();
    let member = MembershipFacts { role: Some(role), view_all_apps, ..member };
    Facts { membership: Fact::Known(member), ..facts }
}

fn with_app_role(facts: Facts, role: AppRole) -> Facts {
    let app = AppFacts { role: Some(role), ..facts.app.known().unwrap_or_default() };
    Facts { app: Fact::Known(app), ..facts }
}

impl Reach {
    /// The roles that can grant a permission.
    pub(crate) fn of(permission: Permission) -> Self {
        let any = |with: &dyn Fn(Facts) -> Facts| {
            states().any(|facts| decide(permission, &with(facts)).is_allowed())
        };
        let contributes = |facts: Facts| {
            let space = SpaceFacts { contributes: true, ..facts.space.known().unwrap_or_default() };
            Facts { space: Fact::Known(space), ..facts }
        };
        let billing = |facts| Facts { billing: Fact::Known(BillingFacts { admin: true }), ..facts };
        let marketplace =
            |facts| Facts { marketplace: Fact::Known(MarketplaceFacts { admin: true }), ..facts };
        let mut console = STANDINGS.to_vec();
        console.retain(|standing| any(&|facts| with_console(facts, *standing)));
        let mut contributor = AppRole::ALL.to_vec();
        contributor.retain(|role| any(&|facts| with_app_role(facts, *role)));
        Self {
            console,
            contributor,
            contributes: any(&contributes),
            billing: any(&billing),
            marketplace: any(&marketplace),
        }
    }

    /// The console roles that can, with the add-on or without.
    pub(crate) fn console_roles(&self) -> Vec<ConsoleRole> {
        let plain = self.console.iter().filter(|standing| !standing.view_all_apps);
        plain.map(|standing| standing.role).collect()
    }

    /// Whether it takes the add-on for a Developer. Then those are found among the viewers of all apps (R-A4), and so is
    /// every Admin and Viewer.
    pub(crate) fn takes_add_on(&self) -> bool {
        let developer =
            |view_all_apps| self.console.contains(&Standing { role: ConsoleRole::Developer, view_all_apps });
        developer(true) && !developer(false)
    }

    /// The owners who know of the roles in a space that can.
    pub(crate) fn owners_in_spaces(&self) -> Vec<Service> {
        let owners = [
            (Service::Space, self.contributes),
            (Service::Membership, !self.console.is_empty()),
            (Service::Billing, self.billing),
            (Service::Marketplace, self.marketplace),
        ];
        owners.into_iter().filter(|(_, can)| *can).map(|(owner, _)| owner).collect()
    }

    /// Whether one of the roles in a space that these facts tell of can.
    pub(crate) fn covers(&self, facts: &Facts) -> bool {
        let member = facts.membership.known().unwrap_or_default();
        let standing = member.role.map(|role| Standing { role, view_all_apps: member.view_all_apps });
        standing.is_some_and(|standing| self.console.contains(&standing))
            || self.contributes && facts.space.known().is_some_and(|space| space.contributes)
            || self.billing && facts.billing.known().is_some_and(|billing| billing.admin)
            || self.marketplace && facts.marketplace.known().is_some_and(|marketplace| marketplace.admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that anybody can hold, in every state.
    fn everybody() -> Vec<Facts> {
        let mut all: Vec<Facts> = states().collect();
        for standing in STANDINGS {
            all.extend(states().map(|facts| with_console(facts, standing)));
        }
        for role in AppRole::ALL {
            all.extend(
                all.clone()
                    .into_iter()
                    .filter(|facts| facts.app.known().unwrap().role.is_none())
                    .map(|facts| with_app_role(facts, role)),
            );
        }
        for facts in all.clone() {
            for planes in 1..8_u8 {
                let space = SpaceFacts { contributes: planes & 1 != 0, ..facts.space.known().unwrap() };
                all.push(Facts {
                    space: Fact::Known(space),
                    billing: Fact::Known(BillingFacts { admin: planes & 2 != 0 }),
                    marketplace: Fact::Known(MarketplaceFacts { admin: planes & 4 != 0 }),
                    ..facts
                });
            }
        }
        all
    }

    // R-P5: lists agree with checks, since whoever has a permission is a candidate.
    #[test]
    fn whoever_has_a_permission_has_a_role_that_can_grant_it() {
        let everybody = everybody();
        for permission in Permission::ALL {
            if decide(permission, &Facts::of(SubjectKind::User)).is_allowed() {
                continue;
            }
            let reach = Reach::of(permission);
            for facts in everybody.iter().filter(|facts| decide(permission, facts).is_allowed()) {
                let contributor = facts.app.known().unwrap().role;
                let found =
                    reach.covers(facts) || contributor.is_some_and(|role| reach.contributor.contains(&role));
                // Linking asks about the space and the app together, which no list does.
                let linking = permission == Permission::AppsLink;
                assert!(found || linking, "{} by {facts:?}", permission.name());
            }
        }
    }

    #[test]
    fn no_more_is_looked_at_than_can_have_it() {
        let remove = Reach::of(Permission::MembersRemove);
        assert_eq!((remove.console_roles(), remove.takes_add_on()), (vec![ConsoleRole::Admin], false));
        assert_eq!(remove.owners_in_spaces(), [Service::Membership]);
        let see = Reach::of(Permission::AppGet);
        assert!(see.takes_add_on() && see.contributor.len() == 5);
        let deploy = Reach::of(Permission::AppDeploy);
        assert_eq!(deploy.contributor, [AppRole::Owner, AppRole::Admin, AppRole::Deployer]);
        assert!(deploy.console.is_empty());
        let list = Reach::of(Permission::AppsList);
        assert_eq!(list.owners_in_spaces(), [Service::Space, Service::Membership]);
        let invoices = Reach::of(Permission::BillingInvoicesGet);
        assert_eq!(invoices.owners_in_spaces(), [Service::Billing]);
        assert_eq!(Reach::of(Permission::AppsLink).owners_in_spaces(), []);
    }
}
