//! Revocations, with checks of what was revoked at every service from the moment that each is acknowledged (R-M5, R-P4).
use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
    time::{Duration, Instant},
};

use devspaces::Service;
use devspaces_proto::{
    authz::v1::{CheckPermissionRequest, CheckPermissionResponse},
    billing::v1::GetAddressesRequest,
    marketplace::v1::GetVendorProfileRequest,
    membership::v1::ConsoleRole,
    space::v1::GetAppRequest,
};
use devspaces_tests::Persona;
use tokio::{
    task::{JoinHandle, spawn_local},
    time::sleep,
};
use tonic::{Code, Status};

use crate::{
    calls::{GaveUp, Load},
    writers::{accounts, apps, creates_app, creates_space, members, vendors},
};

const CHECK: &str = "devspaces.authz.v1.AuthzService/CheckPermission";
const GET_APP: &str = "devspaces.space.v1.AppService/GetApp";
const GET_ADDRESSES: &str = "devspaces.billing.v1.BillingAccountService/GetAddresses";

/// Between the checks of one checker.
const PAUSE: Duration = Duration::from_millis(10);
/// How long somebody who was let in is waited for to be seen so everywhere: something may be broken just then.
const ALLOWED: Duration = Duration::from_secs(2);
/// How long checks go on after the last revocation of a round.
const AFTER: Duration = Duration::from_millis(1500);

/// The planes on which somebody is let in and shut out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Plane {
    Console,
    Billing,
    Marketplace,
}

/// Somebody who loses everything, role by role.
struct Victim {
    who: Persona,
    /// The planes whose revocation is acknowledged.
    revoked: RefCell<HashSet<Plane>>,
    /// What was allowed while it was to be, by service and permission.
    allowed: RefCell<HashSet<(Service, &'static str)>>,
    done: Cell<bool>,
}

/// A published space with an app and an account, and those who were shut out of it.
pub(crate) struct Revocations {
    admin: Persona,
    space: String,
    app: String,
    profile: String,
    victims: RefCell<Vec<Rc<Victim>>>,
}

impl Revocations {
    pub(crate) async fn new(load: &Load) -> Result<Rc<Self>, GaveUp> {
        let admin = load.somebody();
        let space = creates_space(load, &admin).await?.name;
        let app = creates_app(load, &admin, &space).await?.name;
        accounts::consents(load, &admin, &space).await?;
        let terms = vendors::current_terms(load, &admin).await?;
        let profile = vendors::accepts(load, &admin, &space, &terms).await?.name;
        Ok(Rc::new(Self { admin, space, app, profile, victims: RefCell::default() }))
    }

    /// What is checked: on which plane the role stands that allows it, and what it is.
    fn questions(&self) -> [(Plane, &'static str, &str); 5] {
        [
            (Plane::Console, "app.get", &self.app),
            (Plane::Console, "app.develop", &self.app),
            (Plane::Console, "apps.list", &self.space),
            (Plane::Billing, "billing.addresses.get", &self.space),
            (Plane::Marketplace, "marketplace.profile.get", &self.space),
        ]
    }

    /// Lets people in and shuts them out until the load is to stop.
    pub(crate) async fn run(self: Rc<Self>, load: Load) {
        while !load.stopping() {
            let victim = Rc::new(Victim {
                who: load.somebody(),
                revoked: RefCell::default(),
                allowed: RefCell::default(),
                done: Cell::default(),
            });
            let checkers = self.clone().checkers(&load, &victim);
            let round = self.round(&load, &victim).await;
            victim.done.set(true);
            for checker in checkers {
                if checker.await.is_err() {
                    load.tally().found("a checker failed".to_owned());
                }
            }
            if round.is_err() {
                return;
            }
            self.victims.borrow_mut().push(victim);
        }
    }

    async fn round(&self, load: &Load, victim: &Victim) -> Result<(), GaveUp> {
        let Self { admin, space, app, profile, .. } = self;
        let who = &victim.who;
        members::adds(load, admin, space, who, ConsoleRole::Developer).await?;
        apps::contributes(load, admin, app, who).await?;
        accounts::adds_admin(load, admin, space, who).await?;
        vendors::adds_admin(load, admin, (profile, space), who).await?;
        let until = Instant::now() + ALLOWED;
        let everywhere = self.questions().len() * Service::ALL.len();
        while victim.allowed.borrow().len() < everywhere && Instant::now() < until {
            sleep(PAUSE).await;
        }
        members::removes(load, admin, space, who).await?;
        victim.revoked.borrow_mut().insert(Plane::Console);
        accounts::removes_admin(load, admin, space, who).await?;
        victim.revoked.borrow_mut().insert(Plane::Billing);
        vendors::removes_admin(load, admin, (profile, space), who).await?;
        victim.revoked.borrow_mut().insert(Plane::Marketplace);
        sleep(AFTER).await;
        Ok(())
    }

    fn checkers(self: Rc<Self>, load: &Load, victim: &Rc<Victim>) -> Vec<JoinHandle<()>> {
        let each = Service::ALL.map(|service| {
            let (this, load, victim) = (self.clone(), load.clone(), victim.clone());
            spawn_local(async move {
                while !victim.done.get() {
                    this.check_all(&load, &victim, service).await;
                    this.call(&load, &victim, service).await;
                    sleep(PAUSE).await;
                }
            })
        });
        each.into()
    }

    /// Asks a service all questions once, strictly.
    async fn check_all(&self, load: &Load, victim: &Victim, service: Service) {
        for (plane, permission, resource) in self.questions() {
            let revoked = victim.revoked.borrow().contains(&plane);
            let request = CheckPermissionRequest {
                permission: permission.to_owned(),
                resource: resource.to_owned(),
                ..CheckPermissionRequest::default()
            };
            let call = async |request| victim.who.authz_of(service).check_permission(request).await;
            let answer = load.attempt(CHECK, request, &call).await;
            let allowed = answer.map(|CheckPermissionResponse { allowed, .. }| allowed);
            if !revoked && matches!(allowed, Ok(true)) {
                victim.allowed.borrow_mut().insert((service, permission));
            }
            judge(load, revoked, CHECK, allowed, &format!("{permission} at {service}"));
        }
    }

    /// Makes the call at a service that one of the roles allows.
    async fn call(&self, load: &Load, victim: &Victim, service: Service) {
        let who = &victim.who;
        let revoked = |plane| victim.revoked.borrow().contains(&plane);
        match service {
            Service::Space => {
                let revoked = revoked(Plane::Console);
                let request = GetAppRequest { name: self.app.clone() };
                let call = async |request| who.apps().get_app(request).await;
                let answer = load.attempt(GET_APP, request, &call).await.map(|_| true);
                judge(load, revoked, GET_APP, answer, GET_APP);
            }
            // Its checks are of the same facts as its calls.
            Service::Membership => {}
            Service::Billing => {
                let revoked = revoked(Plane::Billing);
                let request = GetAddressesRequest { name: format!("{}/billingAccount", self.space) };
                let call = async |request| who.accounts().get_addresses(request).await;
                let answer = load.attempt(GET_ADDRESSES, request, &call).await.map(|_| true);
                judge(load, revoked, GET_ADDRESSES, answer, GET_ADDRESSES);
            }
            Service::Marketplace => {
                let revoked = revoked(Plane::Marketplace);
                let request = GetVendorProfileRequest { name: self.profile.clone() };
                let call = async |request| who.profiles().get_vendor_profile(request).await;
                let answer = load.attempt(vendors::GET, request, &call).await.map(|_| true);
                judge(load, revoked, vendors::GET, answer, vendors::GET);
            }
        }
    }

    /// Asks once more of everybody who was shut out, everywhere: what was mended must not bring a role back.
    pub(crate) async fn check_again(&self, load: &Load) {
        let victims = self.victims.borrow().clone();
        for victim in &victims {
            for service in Service::ALL {
                self.check_all(load, victim, service).await;
                self.call(load, victim, service).await;
            }
        }
    }
}

/// Counts an answer. Where it began after the revocation was acknowledged, it must not allow.
fn judge(load: &Load, revoked: bool, method: &'static str, answer: Result<bool, Status>, what: &str) {
    let mut tally = load.tally();
    match answer {
        Ok(allowed) => {
            tally.checks += u64::from(revoked);
            if revoked && allowed {
                tally.stale += 1;
                tally.found(format!("allowed after its revocation was acknowledged: {what}"));
            }
        }
        // Whoever has no role, or not yet, is told so.
        Err(status) if matches!(status.code(), Code::PermissionDenied | Code::NotFound) => {
            tally.calls += 1;
            tally.checks += u64::from(revoked);
        }
        Err(status) => drop(tally.refused(method, &status)),
    }
}
