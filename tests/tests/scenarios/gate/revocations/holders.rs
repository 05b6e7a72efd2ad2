//! Whose roles come and go, on which plane.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use devspaces_kit::clock::{Clock as _, SystemClock};
use devspaces_proto::{membership::v1::Member, space::v1::standing::Reason};
use devspaces_tests::{Persona, suite::eventually};
use tonic::Status;

use super::Seen;
use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing, removes_billing_admin},
    app_groups::{
        adds_apps, creates_app_group, grant, grants_app_group_role, removes_apps, revokes_app_group_role,
    },
    apps::{creates_app, deletes_app, undeletes_app},
    contributors::{DEPLOYER, adds_contributors, removes_contributor},
    groups::{adds_to_group, grants_app_role, group_of, removes_from_group, revokes_app_role},
    marketplace::{accepts_terms, adds_marketplace_admins, removes_marketplace_admin},
    members::{ADMIN, VIEWER, adds_members, adds_members_as_given, demotes_member, member, removes_member},
    people::{deactivates_by, reactivates_by},
    refusals::settled,
    suspensions::{lifts, suspends_app, suspends_space},
    transfers::initiates_transfer,
};

/// By what somebody has the permission that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A console role, which is taken by removal and by demotion in turn.
    Member,
    /// A role of billing.
    BillingAdmin,
    /// A role of the Marketplace.
    MarketplaceAdmin,
    /// A contributor role.
    Contributor,
    /// A console role, on an app of the space.
    Derived,
    /// A contributor role on an app that is deleted and had back.
    AppInUse,
    /// A console role, on an app that leaves the space and comes back.
    AppMoved,
    /// A contributor role of a group: the person comes into it and leaves it, and the group gets the role and loses it.
    Group,
    /// A contributor role on an app group: the app comes into it and leaves it, and the person gets the role and loses it.
    AppGroup,
    /// Being active, with a console role all the time (R-M12).
    Active,
    /// A console role that ends by itself (R-M10).
    Ending,
    /// A contributor role on an app that is suspended, itself and with its space in turn (R-A12).
    Running,
    /// A service's permission to run such an app.
    Runtime,
}

const PARTS: [By; 16] = [
    By::Member,
    By::BillingAdmin,
    By::MarketplaceAdmin,
    By::Contributor,
    By::Derived,
    By::AppInUse,
    By::AppMoved,
    By::Group,
    By::AppGroup,
    By::Member,
    By::BillingAdmin,
    By::MarketplaceAdmin,
    By::Active,
    By::Ending,
    By::Running,
    By::Runtime,
];

/// How long a role lasts that ends by itself.
const LASTS: Duration = Duration::from_secs(2);

/// Whether apps move today, which they don't on the first two days of a month (R-A8): these services go by the machine's clock.
fn apps_move() -> bool {
    SystemClock.now().day_of_month() > 2
}

impl By {
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Member | Self::Active | Self::Ending => "members.add",
            Self::BillingAdmin => "billing.invoices.get",
            Self::MarketplaceAdmin => "marketplace.profile.get",
            Self::Contributor | Self::AppInUse | Self::Group | Self::AppGroup | Self::Running => "app.deploy",
            Self::Derived | Self::AppMoved => "app.get",
            Self::Runtime => "app.run",
        }
    }
}

/// Somebody whose role comes and goes.
pub(super) struct Holder {
    pub(super) who: Persona,
    pub(super) by: By,
    /// What is asked about: the space, or the app.
    pub(super) resource: String,
    /// The group, or app group, by which it is, or the space that is suspended.
    group: String,
    /// Four for each round: it is being given, given, being taken, and taken.
    turns: AtomicU64,
    /// When the role ends by itself, in microseconds.
    end: AtomicI64,
    /// By service.
    checks: [AtomicU64; 4],
    stale_allows: AtomicU64,
    stale_denials: AtomicU64,
}

impl Holder {
    pub(super) fn turn(&self) -> u64 {
        self.turns.load(SeqCst)
    }

    /// Counts an answer to a question that was asked in this turn.
    pub(super) fn answered(&self, port: usize, turn: u64, allowed: bool) {
        if turn == self.turn() {
            match (turn % 4, allowed) {
                (0, true) => drop(self.stale_allows.fetch_add(1, SeqCst)),
                (2, false) => drop(self.stale_denials.fetch_add(1, SeqCst)),
                _ => {}
            }
        }
        self.checks[port].fetch_add(1, SeqCst);
    }

    /// Waits until so many questions more were answered at each service.
    pub(super) async fn asked(&self, more: u64) {
        for checks in &self.checks {
            let goal = checks.load(SeqCst) + more;
            eventually(async || (checks.load(SeqCst) >= goal).then_some(())).await;
        }
    }

    fn changes(&self) {
        self.turns.fetch_add(1, SeqCst);
    }
}

/// A space with everything, run by alice, and those whose roles come and go.
pub(super) struct Stage {
    pub(super) alice: Persona,
    offboarding: Persona,
    operator: Persona,
    space: String,
    /// Another space of alice's.
    elsewhere: String,
    profile: String,
    pub(super) holders: Vec<Arc<Holder>>,
    over: AtomicBool,
}

impl Stage {
    pub(super) async fn set(user: impl Fn(&str) -> Persona, service: impl Fn(&str) -> Persona) -> Self {
        let offboarding = service("offboarding");
        let [alice, operator] = ["alice", "operator"].map(&user);
        let space = alice.creates_space("Team").await;
        consents_to_invoicing(&alice, &space).await.expect("an account");
        let profile = accepts_terms(&alice, &space).await.expect("a profile").name;
        let app = creates_app(&alice, &space).await.expect("an app").name;
        let elsewhere = alice.creates_space("Elsewhere").await;
        consents_to_invoicing(&alice, &elsewhere).await.expect("an account");
        let mut holders = Vec::new();
        let parts = PARTS.into_iter().filter(|by| *by != By::AppMoved || apps_move());
        for (number, by) in parts.enumerate() {
            let who = match by {
                By::Runtime => service("runtime"),
                _ => user(&format!("holder-{number}")),
            };
            let mut group = String::new();
            let resource = match by {
                By::Member | By::BillingAdmin | By::MarketplaceAdmin | By::Ending => space.clone(),
                By::Active => {
                    adds_members(&alice, &space, &[(&who, ADMIN)]).await.expect("added");
                    deactivates_by(&offboarding, &who).await.expect("deactivated");
                    space.clone()
                }
                By::Contributor | By::Derived => app.clone(),
                By::Group => {
                    group = group_of(&alice, &space, "Mobile", &[&who]).await;
                    removes_from_group(&alice, &group, &who).await.expect("removed");
                    grants_app_role(&alice, &group, &app, DEPLOYER).await.expect("given");
                    app.clone()
                }
                By::AppGroup => {
                    group = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
                    grants_app_group_role(&alice, grant(&group, &who.name, DEPLOYER)).await.expect("given");
                    app.clone()
                }
                By::AppInUse => {
                    let own = creates_app(&alice, &space).await.expect("an app").name;
                    adds_contributors(&alice, &own, &[(&who, DEPLOYER)]).await.expect("added");
                    deletes_app(&alice, &own).await.expect("deleted");
                    own
                }
                By::Running | By::Runtime => {
                    group = alice.creates_space("Suspended").await;
                    let own = creates_app(&alice, &group).await.expect("an app").name;
                    if by == By::Running {
                        adds_contributors(&alice, &own, &[(&who, DEPLOYER)]).await.expect("added");
                    }
                    suspends_app(&operator, &own, Reason::Abuse).await.expect("suspended");
                    own
                }
                By::AppMoved => {
                    adds_members(&alice, &space, &[(&who, VIEWER)]).await.expect("added");
                    creates_app(&alice, &elsewhere).await.expect("an app").name
                }
            };
            let counters = || AtomicU64::new(0);
            holders.push(Arc::new(Holder {
                who,
                by,
                resource,
                group,
                turns: counters(),
                end: AtomicI64::new(0),
                checks: Default::default(),
                stale_allows: counters(),
                stale_denials: counters(),
            }));
        }
        Self {
            alice,
            offboarding,
            operator,
            space,
            elsewhere,
            profile,
            holders,
            over: AtomicBool::new(false),
        }
    }

    /// The role is given; the reply has arrived.
    pub(super) async fn gives(&self, holder: &Holder, round: u64) {
        holder.changes();
        settled(async || self.give(holder, round).await).await.expect("given");
        if holder.by != By::Ending {
            holder.changes();
        }
    }

    async fn give(&self, holder: &Holder, round: u64) -> Result<(), Status> {
        let (alice, who, group, app) = (&self.alice, &holder.who, &holder.group, &holder.resource);
        match holder.by {
            By::Active => reactivates_by(&self.offboarding, who).await.map(drop),
            By::Member => adds_members(alice, &self.space, &[(who, ADMIN)]).await.map(drop),
            By::Ending => {
                let end = SystemClock.now() + LASTS;
                holder.end.store(end.micros(), SeqCst);
                let member = Member { expire_time: Some(end.into()), ..member(who, ADMIN) };
                adds_members_as_given(alice, &self.space, vec![member]).await.map(drop)
            }
            By::Derived => adds_members(alice, &self.space, &[(who, VIEWER)]).await.map(drop),
            By::BillingAdmin => adds_billing_admins(alice, &self.space, &[who]).await.map(drop),
            By::MarketplaceAdmin => adds_marketplace_admins(alice, &self.profile, &[who]).await.map(drop),
            By::Contributor => adds_contributors(alice, app, &[(who, DEPLOYER)]).await.map(drop),
            By::AppInUse => undeletes_app(alice, app).await.map(drop),
            By::AppMoved => initiates_transfer(alice, app, &self.space).await.map(drop),
            By::Group if round.is_multiple_of(2) => adds_to_group(alice, group, &[who]).await,
            By::Group => grants_app_role(alice, group, app, DEPLOYER).await.map(drop),
            By::AppGroup if round.is_multiple_of(2) => adds_apps(alice, group, &[app]).await,
            By::AppGroup => grants_app_group_role(alice, grant(group, &who.name, DEPLOYER)).await.map(drop),
            // What the round before has taken: at first the app is suspended.
            By::Running | By::Runtime if round.is_multiple_of(2) && round > 0 => {
                lifts(&self.operator, group, Reason::Abuse).await.map(drop)
            }
            By::Running | By::Runtime => lifts(&self.operator, app, Reason::Abuse).await.map(drop),
        }
    }

    /// The role is taken away; the reply has arrived.
    pub(super) async fn takes(&self, holder: &Holder, round: u64) {
        let (alice, who) = (&self.alice, &holder.who);
        if holder.by == By::Member && round % 2 == 1 {
            holder.changes();
            settled(async || demotes_member(alice, &self.space, who).await).await.expect("demoted");
            holder.changes();
            holder.asked(1).await;
            // A console role is left, which the next round gives anew.
            settled(async || removes_member(alice, &self.space, who).await).await.expect("removed");
            return;
        }
        if holder.by == By::Ending {
            // Nobody acts, and it may end while it is still being asked about whether it was given.
            let is_over = || SystemClock.now().micros() >= holder.end.load(SeqCst);
            eventually(async || is_over().then_some(())).await;
            (0..3).for_each(|_| holder.changes());
            return;
        }
        holder.changes();
        settled(async || self.take(holder, round).await).await.expect("taken");
        holder.changes();
    }

    async fn take(&self, holder: &Holder, round: u64) -> Result<(), Status> {
        let (alice, who, group, app) = (&self.alice, &holder.who, &holder.group, &holder.resource);
        match holder.by {
            By::Active => deactivates_by(&self.offboarding, who).await.map(drop),
            By::Member | By::Derived | By::Ending => removes_member(alice, &self.space, who).await.map(drop),
            By::BillingAdmin => removes_billing_admin(alice, &self.space, who).await,
            By::MarketplaceAdmin => removes_marketplace_admin(alice, &self.profile, who).await,
            By::Contributor => removes_contributor(alice, app, who).await,
            By::AppInUse => deletes_app(alice, app).await.map(drop),
            By::AppMoved => initiates_transfer(alice, app, &self.elsewhere).await.map(drop),
            // What was given in this round stays, and the other half of the way goes: the next one gives that.
            By::Group if round.is_multiple_of(2) => revokes_app_role(alice, group, app).await,
            By::Group => removes_from_group(alice, group, who).await,
            By::AppGroup if round.is_multiple_of(2) => revokes_app_group_role(alice, group, &who.name).await,
            By::AppGroup => removes_apps(alice, group, &[app]).await,
            By::Running | By::Runtime if round.is_multiple_of(2) => {
                suspends_app(&self.operator, app, Reason::Abuse).await.map(drop)
            }
            By::Running | By::Runtime => suspends_space(&self.operator, group, Reason::Abuse).await.map(drop),
        }
    }

    pub(super) fn end(&self) {
        self.over.store(true, SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    pub(super) fn seen(&self) -> Seen {
        let sum = |counter: fn(&Holder) -> u64| self.holders.iter().map(|holder| counter(holder)).sum();
        Seen {
            checks: sum(|holder| holder.checks.iter().map(|checks| checks.load(SeqCst)).sum()),
            stale_allows: sum(|holder| holder.stale_allows.load(SeqCst)),
            stale_denials: sum(|holder| holder.stale_denials.load(SeqCst)),
        }
    }
}
