//! How webhooks are changed: those of a space behind the pass of whoever administers the plane, those of the platform by services
//! that the operator's settings name, which stay the same while the process runs.
use std::borrow::Cow;

use devspaces_authz::takes_away;
use devspaces_gate::{Confirmed, GuardedChange};
use devspaces_kit::{name::WebhookName, status::Fault};
use devspaces_ledger::{
    Abort, Call, Change, Mutation, Tx, etag,
    webhook::{self, Webhook},
};
use prost::Message;
use serde_json::Value;

use super::{Keeping, access::permission};

/// A change of a webhook, or of what it has.
pub(super) trait OfWebhook: Send + Sync + 'static {
    type Reply: Message + Clone + Default + 'static;

    /// What is kept of the reply.
    fn kept(reply: &Self::Reply) -> Cow<'_, Self::Reply> {
        Cow::Borrowed(reply)
    }

    fn once(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Reply, Abort>> + Send;
}

struct Made<C>(C);

impl<C: OfWebhook> Mutation for Made<C> {
    type Reply = C::Reply;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    fn kept(reply: &C::Reply) -> Cow<'_, C::Reply> {
        C::kept(reply)
    }

    async fn once(&self, tx: &mut Tx) -> Result<C::Reply, Abort> {
        self.0.once(tx).await
    }
}

impl<C: OfWebhook> GuardedChange for Made<C> {
    type Reply = C::Reply;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    fn kept(reply: &C::Reply) -> Cow<'_, C::Reply> {
        C::kept(reply)
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<C::Reply, Abort> {
        self.0.once(tx).await
    }
}

impl Keeping {
    /// Makes a change of a webhook of this service. That the caller keeps those of the platform was seen before.
    pub(super) async fn change<C: OfWebhook>(
        &self,
        call: &Call,
        name: WebhookName,
        change: C,
    ) -> Result<C::Reply, Fault> {
        let (context, scopes) = (&self.context, vec![name.scope()]);
        match name.space {
            None => context.mutations.run(call.clone(), scopes, Made(change)).await,
            Some(space) => {
                let pass = context.gate.require(&call.caller, permission(self.service), space).await?;
                context.mutations.run(call.clone(), scopes, pass.guard(Made(change))).await
            }
        }
    }
}

/// A webhook as it stands, if it has the etag that was sent.
pub(super) async fn current(tx: &mut Tx, name: WebhookName, sent: &str) -> Result<Webhook, Abort> {
    let found = webhook::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
    etag::check(sent, found.revision, name)?;
    Ok(found)
}

/// Records what becomes of a webhook, and stores it.
pub(super) async fn store(tx: &mut Tx, before: Option<&Webhook>, after: Webhook) -> Result<Webhook, Abort> {
    let change = Change {
        scope: after.name.scope(),
        resources: vec![after.name.to_string()],
        before: before.map_or(Value::Null, Webhook::to_json),
        after: after.to_json(),
        facts: false,
    };
    let after = Webhook { revision: tx.record(change).await?, ..after };
    webhook::put(tx, &after).await?;
    Ok(after)
}
