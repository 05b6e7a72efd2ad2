//! What each service is made of.
use std::sync::Arc;

use devspaces_authz::Service;
use devspaces_gate::{Context, FactOwner, Invoicing};
use devspaces_kit::{clock::Clock, server::Server, sweep::Sweep};
use devspaces_ledger::{
    db::{Migration, Pool, SCHEMA},
    erasure::Holding,
    event::EventType,
    inbox::Receive,
    standing,
};

/// Takes the effects that changes of other services have on this database, at the times that this clock shows.
type NewInbox = fn(Pool, Arc<dyn Clock>) -> Arc<dyn Receive>;

/// What a service is made of. Every service has all of it.
#[derive(Clone, Copy)]
pub struct Parts {
    schema: &'static [Migration],
    /// What the tables of its own hold of people.
    holdings: &'static [Holding],
    /// The service as the owner of facts, under what the operator wants of money.
    pub(crate) owner: fn(&Invoicing) -> Arc<dyn FactOwner>,
    /// What changes of other services bring about in its database.
    pub(crate) inbox: NewInbox,
    /// What people outside hear of its changes (R-J6).
    pub(crate) events: &'static [EventType],
    /// What falls due in it.
    pub(crate) sweeps: fn(&Arc<Context>) -> Vec<Sweep>,
    /// Puts it on a port.
    pub(crate) host: fn(Server, Arc<Context>) -> Server,
}

impl Parts {
    /// Those of a service.
    #[must_use]
    pub fn of(service: Service) -> Self {
        macro_rules! parts {
            ($service:ident, $owner:expr, $inbox:expr) => {
                Self {
                    schema: $service::SCHEMA,
                    holdings: $service::HOLDINGS,
                    owner: $owner,
                    inbox: $inbox,
                    events: $service::EVENTS,
                    sweeps: $service::sweeps,
                    host: $service::host,
                }
            };
        }
        match service {
            Service::Space => parts!(devspaces_space, devspaces_space::owner, devspaces_space::inbox),
            Service::Membership => {
                parts!(devspaces_membership, |_| devspaces_membership::owner(), devspaces_membership::inbox)
            }
            Service::Billing => {
                parts!(devspaces_billing, |_| devspaces_billing::owner(), devspaces_billing::inbox)
            }
            Service::Marketplace => parts!(
                devspaces_marketplace,
                |_| devspaces_marketplace::owner(),
                devspaces_marketplace::inbox
            ),
        }
    }

    /// What the tables of its database hold of people.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        [self.holdings, &[standing::HOLDING]].concat()
    }

    /// The schema of its database, in the order of its steps.
    #[must_use]
    pub fn schema(&self) -> Vec<Migration> {
        [SCHEMA, self.schema].concat()
    }
}
