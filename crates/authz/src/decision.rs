//! Decisions, and why they are as they are.

use crate::truth::Truth;
use crate::{AppRole, ConsoleRole, catalogue};
use crate::{Condition, Facts, Grant, OwnerSet, Permission, ResourceType, Role, Service, SubjectKind, Via};

/// What a decision comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A role that the subject is known to hold grants the permission.
    Allowed,
    /// Nothing grants it, whatever the missing facts may be (R-P1).
    Denied,
    /// A fact is missing that could grant it (R-P2). It is no permission.
    Unavailable,
}

/// Decides whether the subject of the facts has the permission.
///
/// It denies by default (R-P1), and a missing fact never allows (R-P2): a grant that depends on one is unknown, and
/// the outcome is [`Outcome::Unavailable`] unless another grant is satisfied. Grants are judged one by one: where two
/// would each need the missing fact to be the opposite, the outcome is `Unavailable` too, since neither can be named
/// as what granted it. It allocates nothing.
pub fn decide(permission: Permission, facts: &Facts) -> Decision {
    let granted = verdicts(permission, facts).map(|verdict| verdict.granted()).max();
    let outcome = match granted {
        Some(Truth::True) => Outcome::Allowed,
        Some(Truth::Unknown) => Outcome::Unavailable,
        Some(Truth::False) | None => Outcome::Denied,
    };
    Decision { permission, facts: *facts, outcome }
}

/// The outcome for one permission, with the facts it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub struct Decision {
    permission: Permission,
    facts: Facts,
    outcome: Outcome,
}

impl Decision {
    /// What was decided.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether the subject has the permission.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    /// The permission that it is about.
    #[must_use]
    pub fn permission(&self) -> Permission {
        self.permission
    }

    /// The facts that it was made from.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The facts that are missing and that the permission looks at, needed in the end or not (R-P2).
    #[must_use]
    pub fn missing(&self) -> OwnerSet {
        catalogue::owners(self.facts.subject, self.permission).intersection(self.facts.missing())
    }

    /// Why it was decided so (R-P2).
    #[must_use]
    pub fn explanation(&self) -> Explanation {
        let mut explanation = Explanation {
            granted_by: Vec::new(),
            would_be_granted_by: Vec::new(),
            unmet_conditions: Vec::new(),
            missing_facts: self.missing().iter().collect(),
            preconditions: self.permission.preconditions(),
        };
        let shown = self.is_shown();
        for verdict in verdicts(self.permission, &self.facts) {
            if verdict.granted() == Truth::True {
                explanation.granted_by.push(verdict.grant);
            }
            if self.is_allowed() {
                continue;
            }
            explanation.would_be_granted_by.push(verdict.grant);
            if shown {
                let told = verdict.unmet().map(|unmet| unmet.unmet(&self.facts)).unwrap_or_default();
                add(&mut explanation.unmet_conditions, told);
                add(&mut explanation.unmet_conditions, self.standing(verdict.grant));
            }
        }
        explanation
    }

    /// Whether it can't be told why the app does not run, since it is not known whether the subject sees the app (R-E6): for that
    /// it takes the facts of [`Permission::AppGet`].
    #[must_use]
    pub fn withholds_reasons(&self) -> bool {
        let mut grants = catalogue::grants(self.permission);
        !self.is_allowed()
            && grants.any(|grant| !self.standing(grant).is_empty())
            && decide(Permission::AppGet, &self.facts).outcome() == Outcome::Unavailable
    }

    /// Why the app does not run or is not deployed, where the permission depends on that: told to whoever sees the app, whether or not a role of
    /// theirs would grant it (R-A12).
    fn standing(&self, grant: Grant) -> Vec<&'static str> {
        let (condition, app) = (grant.condition, self.facts.app.known());
        condition.zip(app).map(|(condition, app)| condition.reasons(app)).unwrap_or_default()
    }

    /// Whether the resource may be told of. An app is, to whoever sees it: to a Developer of the space who does not, a
    /// condition that is told would say that the app is there (R-A5). So it may to a service that has the permission by name
    /// (R-E6).
    fn is_shown(&self) -> bool {
        self.permission.resource_type() != ResourceType::App
            || self.facts.subject == SubjectKind::Service
                && self.facts.named_permissions.contains(self.permission)
            || decide(Permission::AppGet, &self.facts).is_allowed()
    }
}

fn add(all: &mut Vec<&'static str>, more: Vec<&'static str>) {
    for sentence in more {
        if !all.contains(&sentence) {
            all.push(sentence);
        }
    }
}

/// Why a decision is as it is (R-P2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The ways by which the subject has the permission. Empty unless it is allowed.
    pub granted_by: Vec<Grant>,
    /// The ways by which one can have it, all that the public catalogue lists. Empty if it is allowed.
    pub would_be_granted_by: Vec<Grant>,
    /// Why roles that the subject does hold do not grant it: a sentence each. Nothing else about the resource is
    /// told, so that someone without a role on it, or to whom an app is not shown (R-A5), learns nothing. Empty if it is
    /// allowed.
    pub unmet_conditions: Vec<&'static str>,
    /// The owners whose facts could not be had.
    pub missing_facts: Vec<Service>,
    /// What the call checks beyond the permission and answers `FAILED_PRECONDITION` to: a phrase each.
    pub preconditions: &'static [&'static str],
}

/// What one way of being granted comes to. Outcomes and explanations are both made of these, and so agree.
struct Verdict {
    grant: Grant,
    /// Whether the subject holds the role.
    held: Truth,
    /// Whether the condition is met.
    met: Truth,
}

impl Verdict {
    fn granted(&self) -> Truth {
        self.held.and(self.met)
    }

    /// The condition that keeps the role, which the subject holds, from granting it.
    fn unmet(&self) -> Option<Condition> {
        let unmet = self.held == Truth::True && self.met == Truth::False;
        self.grant.condition.filter(|_| unmet)
    }
}

fn verdicts(permission: Permission, facts: &Facts) -> impl Iterator<Item = Verdict> {
    catalogue::grants(permission).map(move |grant| Verdict {
        grant,
        held: held(permission, grant, facts),
        met: grant.condition.map_or(Truth::True, |condition| condition.truth(facts)),
    })
}

/// Whether the subject holds the role by which this grants the permission.
fn held(permission: Permission, grant: Grant, facts: &Facts) -> Truth {
    match facts.subject {
        // A service has no roles (R-P7).
        SubjectKind::Service => {
            (grant.role == Role::Service && facts.named_permissions.contains(permission)).into()
        }
        SubjectKind::User if grant.role == Role::NamedPerson => {
            let given = facts.named_permissions.contains(permission);
            Truth::from(given).and(facts.active.test(|active| *active))
        }
        SubjectKind::User => held_by_user(permission.resource_type(), grant, facts),
    }
}

fn held_by_user(resource: ResourceType, grant: Grant, facts: &Facts) -> Truth {
    let console = |role: ConsoleRole| {
        let held = facts.membership.test(|member| member.role == Some(role));
        // On an app the console role is the one in the space that the app is linked to. Unless that link is known,
        // it is not known whose members these are: the app may have moved away.
        if resource == ResourceType::App { held.and(facts.app.test(|app| app.linked)) } else { held }
    };
    let contributor = |role: AppRole| match grant.via {
        Some(Via::AppOfSpace) if role == AppRole::Viewer => facts.space.test(|space| space.contributes),
        Some(Via::AppOfSpace) => Truth::False,
        _ => facts.app.test(|app| app.role == Some(role)),
    };
    match grant.role {
        Role::ConsoleAdmin => console(ConsoleRole::Admin),
        Role::ConsoleDeveloper => console(ConsoleRole::Developer),
        Role::ConsoleViewer => console(ConsoleRole::Viewer),
        Role::BillingAdmin => facts.billing.test(|billing| billing.admin),
        Role::MarketplaceAdmin => facts.marketplace.test(|marketplace| marketplace.admin),
        Role::AppOwner => contributor(AppRole::Owner),
        Role::AppAdmin => contributor(AppRole::Admin),
        Role::AppDeployer => contributor(AppRole::Deployer),
        Role::AppDeveloper => contributor(AppRole::Developer),
        Role::AppViewer => contributor(AppRole::Viewer),
        Role::Service | Role::NamedPerson => Truth::False,
        Role::SignedIn => facts.active.test(|active| *active),
    }
}
