use devspaces_authz::{AppCreation, FactChange, Permission, Service, takes_away};
use devspaces_gate::{Context, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, UserName},
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use devspaces_proto::{
    facts::v1::{self as facts, GrantCreatorAdmin, OpenBillingAccount, effect},
    space::v1::{CreateSpaceRequest, Space as WireSpace},
};
use serde_json::Value;

use super::invoicing_terms::invoicing_terms;
use crate::{
    convert,
    domain::{Metadata, Space},
    store,
};

/// R-S1, R-S9, R-S10, R-B1
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateSpaceRequest,
) -> Result<WireSpace, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, create(context, &call, request)).await
}

async fn create(context: &Context, call: &Call, request: CreateSpaceRequest) -> Result<WireSpace, Fault> {
    context.gate.require(&call.caller, Permission::SpaceCreate, Resource::Platform).await?;
    let convert::space::New { metadata, app_creation, terms_version } = convert::space::new(request)?;
    let name = SpaceName(context.clock.new_id());
    let creator = call.caller.principal.as_user();
    let limit = creator.map(|person| (context.space_quota.of(&person), person));
    let consent = match terms_version {
        Some(agreed) => Some(Consent { is_to_current: agreed == invoicing_terms(context).await?, agreed }),
        None => None,
    };
    let creation = Creation { name, metadata, setting: app_creation, limit, consent };
    context.mutations.run(call.clone(), vec![name.into()], creation).await
}

struct Creation {
    name: SpaceName,
    metadata: Metadata,
    setting: AppCreation,
    /// How many spaces this person may have made. Services, which make them for others, have no limit.
    limit: Option<(u32, UserName)>,
    consent: Option<Consent>,
}

/// Whoever creates the space has consented to app invoicing (R-B1).
struct Consent {
    /// The version of the terms.
    agreed: String,
    /// Whether the billing service has just said that these are in force. If others come into force before the space is made, they
    /// were all the same when it was asked for.
    is_to_current: bool,
}

impl Mutation for Creation {
    type Reply = WireSpace;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SpaceCreated])
    }

    async fn once(&self, tx: &mut Tx) -> Result<WireSpace, Abort> {
        let mut blockers = Blockers::new();
        if let Some((limit, person)) = &self.limit
            && !store::creator::count(tx, person, self.name, *limit).await?
        {
            blockers.add(Reason::TooManySpaces, person.to_string(), too_many(*limit));
        }
        if self.consent.as_ref().is_some_and(|consent| !consent.is_to_current) {
            let sentence = "These terms of app invoicing are not the current ones; GetTerms shows those";
            blockers.add(Reason::TermsOutdated, "billing_consent.terms_version", sentence);
        }
        blockers.finish()?;
        let new = Space::new(self.name, self.metadata.clone(), tx.time());
        let has_account = self.consent.is_some();
        let mut space = Space { app_creation: self.setting, has_account, ..new };
        let mut after = space.to_json();
        if has_account {
            after["billing_account"] = true.into();
        }
        let change = Change {
            scope: self.name.into(),
            resources: vec![self.name.to_string()],
            before: Value::Null,
            after,
            facts: true,
        };
        space.revision = tx.record(change).await?;
        store::space::put(tx, &space).await?;
        self.emit(tx).await?;
        Ok(space.into())
    }
}

impl Creation {
    /// R-S1, R-B1: what the creator is by the time that the reply arrives.
    async fn emit(&self, tx: &mut Tx) -> Result<(), Abort> {
        let (space, user) = (self.name.to_string(), tx.act().actor.to_string());
        if let Some(consent) = &self.consent {
            let terms_version = consent.agreed.clone();
            let open = OpenBillingAccount { space: space.clone(), user: user.clone(), terms_version };
            let effect = facts::Effect { effect: Some(effect::Effect::OpenBillingAccount(open)) };
            tx.emit(self.name.into(), Service::Billing.name(), vec![effect]).await?;
        }
        let creator = GrantCreatorAdmin { space, user };
        let effect = facts::Effect { effect: Some(effect::Effect::GrantCreatorAdmin(creator)) };
        tx.emit(self.name.into(), Service::Membership.name(), vec![effect]).await?;
        Ok(())
    }
}

/// R-S10
fn too_many(limit: u32) -> String {
    format!(
        "You have made {limit} spaces that exist, and may make no more; one that you delete counts until it is purged"
    )
}
