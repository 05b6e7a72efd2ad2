//! Who may read which journals (R-J3).
use std::{fmt, str::FromStr};

use devspaces_authz::{Permission, Service};
use devspaces_gate::Resource;
use devspaces_kit::{
    identity::Caller,
    name::{AppName, Malformed, Scope, SpaceName},
    status::Fault,
};
use futures::future::join_all;
use tonic::Code;

use super::server::{Journal, JournalServer};

/// The permissions by which journals are read, in the order in which a denial names one.
const PERMISSIONS: [Permission; 3] =
    [Permission::JournalConsoleGet, Permission::JournalBillingGet, Permission::JournalMarketplaceGet];

/// What a journal is read of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    Space(SpaceName),
    App(AppName),
    People,
}

impl FromStr for Parent {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        if name == Scope::People.to_string() {
            return Ok(Self::People);
        }
        let space = name.parse().map(Self::Space);
        space
            .or_else(|_| name.parse().map(Self::App))
            .map_err(|_: Malformed| Malformed { expected: "spaces/{uuid}, apps/{uuid} or people" })
    }
}

impl From<Parent> for Scope {
    fn from(parent: Parent) -> Self {
        match parent {
            Parent::Space(space) => space.into(),
            Parent::App(app) => app.into(),
            Parent::People => Self::People,
        }
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Scope::from(*self).fmt(f)
    }
}

/// What reading a service's journal needs: to administer the plane that its facts are about.
fn permission(service: Service) -> Permission {
    match service {
        Service::Space | Service::Membership => Permission::JournalConsoleGet,
        Service::Billing => Permission::JournalBillingGet,
        Service::Marketplace => Permission::JournalMarketplaceGet,
    }
}

impl JournalServer {
    /// The journals, or the one that is wanted, as far as the caller may read them.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` if that is none of them; `UNAVAILABLE` if it can't be told of one.
    pub(super) async fn readable(
        &self,
        caller: &Caller,
        parent: Parent,
        wanted: Option<Service>,
    ) -> Result<Vec<Journal>, Fault> {
        let wanted = |journal: &&Journal| wanted.is_none_or(|service| service == journal.service);
        let space = match parent {
            Parent::Space(space) => space,
            // R-M12: whoever may change it, and nobody else.
            Parent::People => {
                self.gate.require_read(caller, Permission::PeopleDeactivate, Resource::Platform).await?;
                return Ok(self.journals.iter().filter(wanted).cloned().collect());
            }
            // Also of an app that is in no space the same owners are asked: while one is down all apps look alike.
            Parent::App(app) => self.gate.space_of(&caller.principal, app).await?.unwrap_or(SpaceName::NIL),
        };
        let wanted: Vec<&Journal> = self.journals.iter().filter(wanted).collect();
        let needed = PERMISSIONS
            .into_iter()
            .filter(|needed| wanted.iter().any(|journal| permission(journal.service) == *needed));
        let asking =
            needed.map(|needed| async move { (needed, self.gate.require_read(caller, needed, space).await) });
        let (mut held, mut denied) = (Vec::new(), None);
        for (needed, verdict) in join_all(asking).await {
            match verdict {
                Ok(()) => held.push(needed),
                Err(fault) if fault.code() == Code::PermissionDenied => {
                    denied.get_or_insert_with(|| Fault::permission_denied(needed.name(), parent));
                }
                Err(fault) => return Err(fault),
            }
        }
        let readable = wanted.into_iter().filter(|journal| held.contains(&permission(journal.service)));
        let readable: Vec<Journal> = readable.cloned().collect();
        match denied {
            Some(denied) if readable.is_empty() => Err(denied),
            _ => Ok(readable),
        }
    }
}
