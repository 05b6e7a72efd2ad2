//! Who keeps which webhooks (R-J6): whoever may read the journal that their events are made of.
use devspaces_authz::{Permission, Service};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, WebhookName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Call, webhook};
use futures::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use prost::Message;
use tonic::Code;

use super::{Keeping, WebhookServer};

/// The permissions by which webhooks are kept, in the order in which a denial names one.
const PERMISSIONS: [Permission; 3] =
    [Permission::JournalConsoleGet, Permission::JournalBillingGet, Permission::JournalMarketplaceGet];

/// What keeping a service's webhooks of a space needs: to administer the plane that its events are about.
pub(super) fn permission(service: Service) -> Permission {
    match service {
        Service::Space | Service::Membership => Permission::JournalConsoleGet,
        Service::Billing => Permission::JournalBillingGet,
        Service::Marketplace => Permission::JournalMarketplaceGet,
    }
}

impl WebhookServer {
    /// The services whose webhooks of a space, or of the platform, the caller keeps.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` if there is none; `UNAVAILABLE` if it can't be told of one.
    pub(super) async fn kept(
        &self,
        caller: &Caller,
        space: Option<SpaceName>,
    ) -> Result<Vec<&Keeping>, Fault> {
        let Some(space) = space else {
            if self.operators.contains(&caller.principal) {
                return Ok(self.keeping.iter().collect());
            }
            let message =
                "Webhooks of the platform are kept by services that the operator lets follow the journals";
            return Err(Fault::new(Code::PermissionDenied, Reason::PermissionDenied, message));
        };
        let gate = &self.keeping.first().ok_or_else(Fault::method_unknown)?.context.gate;
        let of_port =
            PERMISSIONS.into_iter().filter(|it| self.keeping.iter().any(|of| permission(of.service) == *it));
        let asking = of_port.map(|it| async move { (it, gate.require_read(caller, it, space).await) });
        let (mut held, mut denied) = (Vec::new(), None);
        for (permission, verdict) in join_all(asking).await {
            match verdict {
                Ok(()) => held.push(permission),
                Err(fault) if fault.code() == Code::PermissionDenied => drop(denied.get_or_insert(fault)),
                Err(fault) => return Err(fault),
            }
        }
        let kept: Vec<_> = self.keeping.iter().filter(|it| held.contains(&permission(it.service))).collect();
        match denied {
            Some(denied) if kept.is_empty() => Err(denied),
            _ => Ok(kept),
        }
    }

    /// The service that has a webhook, of those whose webhooks the caller keeps, and the webhook.
    ///
    /// # Errors
    /// As [`kept`](Self::kept); `NOT_FOUND`.
    pub(super) async fn holder(
        &self,
        caller: &Caller,
        name: WebhookName,
    ) -> Result<(&Keeping, webhook::Webhook), Fault> {
        for keeping in self.kept(caller, name.space).await? {
            if let Some(found) = webhook::find(&mut keeping.context.pool.read().await?, name).await? {
                return Ok((keeping, found));
            }
        }
        Err(Fault::not_found(name))
    }

    /// Answers a change once for each `request_id`, whichever of the services has made it.
    pub(super) fn answered<'a, R: Message + Default + 'static>(
        &'a self,
        call: &'a Call,
        work: impl Future<Output = Result<R, Fault>> + Send + 'a,
    ) -> BoxFuture<'a, Result<R, Fault>> {
        let through = |work, keeping: &'a Keeping| keeping.context.mutations.answer(call, work).boxed();
        self.keeping.iter().fold(work.boxed(), through)
    }
}
