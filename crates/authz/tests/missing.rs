//! Facts that could not be had: over every combination of known and missing facts, and every way in which the missing
//! ones could turn out.

use devspaces_authz::{
    AppFacts, BillingFacts, ConsoleRole, Fact, Facts, MarketplaceFacts, MembershipFacts, Outcome, Permission,
    SpaceFacts, SubjectKind, decide,
};

use crate::combinations::{apps, billing, marketplace, memberships, spaces, subjects};

/// What becomes of a decision over all the ways in which the missing facts could turn out.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Completions {
    some_allow: bool,
    some_deny: bool,
}

/// Facts about one subject by number: for each of the five, its values in a row and after them "missing".
struct Numbered {
    subject: Facts,
    spaces: Vec<Fact<SpaceFacts>>,
    memberships: Vec<Fact<MembershipFacts>>,
    billing: Vec<Fact<BillingFacts>>,
    marketplace: Vec<Fact<MarketplaceFacts>>,
    apps: Vec<Fact<AppFacts>>,
}

fn or_missing<T>(values: Vec<T>) -> Vec<Fact<T>> {
    values.into_iter().map(Fact::Known).chain([Fact::Missing]).collect()
}

impl Numbered {
    fn new(subject: Facts) -> Numbered {
        Numbered {
            subject,
            spaces: or_missing(spaces()),
            memberships: or_missing(memberships()),
            billing: or_missing(billing()),
            marketplace: or_missing(marketplace()),
            apps: or_missing(apps()),
        }
    }

    fn radices(&self) -> [usize; 5] {
        [
            self.spaces.len(),
            self.memberships.len(),
            self.billing.len(),
            self.marketplace.len(),
            self.apps.len(),
        ]
    }

    fn len(&self) -> usize {
        self.radices().iter().product()
    }

    fn facts(&self, number: usize) -> Facts {
        let mut digits = self.radices();
        let mut rest = number;
        for digit in &mut digits {
            let radix = *digit;
            *digit = rest % radix;
            rest /= radix;
        }
        Facts {
            space: self.spaces[digits[0]],
            membership: self.memberships[digits[1]],
            billing: self.billing[digits[2]],
            marketplace: self.marketplace[digits[3]],
            app: self.apps[digits[4]],
            ..self.subject
        }
    }

    /// The numbers of the same facts with the first missing one known, in each of its values. All are smaller, since
    /// "missing" is the highest digit. Empty if none is missing.
    fn with_one_more_known(&self, number: usize) -> impl Iterator<Item = usize> {
        let mut weight = 1;
        let mut first_missing = None;
        for radix in self.radices() {
            if number / weight % radix == radix - 1 && first_missing.is_none() {
                first_missing = Some((weight, radix - 1));
            }
            weight *= radix;
        }
        let (weight, values) = first_missing.unwrap_or((0, 0));
        (1..=values).map(move |less| number - weight * less)
    }
}

/// Calls back with every combination of known and missing facts, what is decided, and how it could turn out.
fn each_with_completions(permission: Permission, mut check: impl FnMut(&Facts, Outcome, Completions)) {
    for subject in subjects() {
        let numbered = Numbered::new(subject);
        let mut completions: Vec<Completions> = Vec::with_capacity(numbered.len());
        for number in 0..numbered.len() {
            let facts = numbered.facts(number);
            let outcome = decide(permission, &facts).outcome();
            let known: Option<Completions> = numbered
                .with_one_more_known(number)
                .map(|smaller| completions[smaller])
                .reduce(|one, other| Completions {
                    some_allow: one.some_allow || other.some_allow,
                    some_deny: one.some_deny || other.some_deny,
                });
            let (some_allow, some_deny) = (outcome == Outcome::Allowed, outcome == Outcome::Denied);
            completions.push(known.unwrap_or(Completions { some_allow, some_deny }));
            check(&facts, outcome, completions[number]);
        }
    }
}

// R-P2
#[test]
fn what_is_decided_without_a_fact_holds_however_the_fact_turns_out() {
    for permission in Permission::ALL {
        each_with_completions(permission, |facts, outcome, completions| {
            let Completions { some_allow, some_deny } = completions;
            let fits = match outcome {
                Outcome::Allowed => !some_deny,
                Outcome::Denied => !some_allow,
                Outcome::Unavailable => {
                    some_allow && (some_deny || by_one_role_or_the_other(permission, facts))
                }
            };
            let could = (some_allow.then_some("allow"), some_deny.then_some("deny"));
            assert!(fits, "{} is {outcome:?}, but could {could:?}: {facts:?}", permission.name());
        });
    }
}

/// The one case in which a decision is unavailable though all completions allow: someone who is both console Admin and
/// Marketplace admin may edit a space's metadata whether or not it is published, but by which role, nobody can say
/// until that is known (R-S3).
fn by_one_role_or_the_other(permission: Permission, facts: &Facts) -> bool {
    permission == Permission::SpaceUpdate
        && facts.space.is_missing()
        && facts.membership.known().is_some_and(|member| member.role == Some(ConsoleRole::Admin))
        && facts.marketplace.known().is_some_and(|marketplace| marketplace.admin)
}

// R-P2, R-P7
#[test]
fn a_decision_names_the_owners_that_it_lacks_facts_of() {
    let nothing_known = Facts {
        space: Fact::Missing,
        membership: Fact::Missing,
        billing: Fact::Missing,
        marketplace: Fact::Missing,
        app: Fact::Missing,
        ..Facts::of(SubjectKind::User)
    };
    let missing = |permission, facts: &Facts| {
        let missing_facts = decide(permission, facts).explanation().missing_facts;
        missing_facts.into_iter().map(devspaces_authz::Service::name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(missing(Permission::SpaceCreate, &nothing_known), "");
    assert_eq!(missing(Permission::BillingInvoicesGet, &nothing_known), "billing");
    assert_eq!(missing(Permission::SpaceUpdate, &nothing_known), "space membership marketplace");
    assert_eq!(missing(Permission::AppDeploy, &nothing_known), "space");
    assert_eq!(missing(Permission::AppsLink, &nothing_known), "space membership");
    let service = Facts { subject: SubjectKind::Service, ..nothing_known };
    assert_eq!(missing(Permission::SpaceUpdate, &service), "");
    assert_eq!(decide(Permission::SpaceUpdate, &service).outcome(), Outcome::Denied);
}

// R-M5, R-A7: the membership facts at hand may be those of a space that the app has left.
#[test]
fn a_console_role_grants_nothing_on_an_app_whose_link_is_not_known() {
    for membership in memberships() {
        let facts =
            Facts { membership: Fact::Known(membership), app: Fact::Missing, ..Facts::of(SubjectKind::User) };
        for permission in [Permission::AppGet, Permission::AppUpdate, Permission::AppTransfer] {
            assert_ne!(decide(permission, &facts).outcome(), Outcome::Allowed, "{membership:?}");
        }
    }
}
