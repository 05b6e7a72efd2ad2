use devspaces_authz::{AppCreation, FactChange, Permission, Service, takes_away};
use devspaces_gate::{Context, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, UserName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use devspaces_proto::{
    facts::v1::{self as facts, GrantCreatorAdmin, effect},
    space::v1::{CreateSpaceRequest, Space as WireSpace},
};
use serde_json::Value;

use crate::{
    convert,
    domain::{Metadata, Space},
    store,
};

/// R-S1, R-S9, R-S10
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
    let (metadata, app_creation) = convert::space::new(request.space)?;
    let name = SpaceName(context.clock.new_id());
    let creator = call.caller.principal.as_user();
    let limit = creator.map(|person| (context.space_quota.of(&person), person));
    let creation = Creation { name, metadata, setting: app_creation, limit };
    context.mutations.run(call.clone(), vec![name.into()], creation).await
}

struct Creation {
    name: SpaceName,
    metadata: Metadata,
    setting: AppCreation,
    /// How many spaces this person may have made. Services, which make them for others, have no limit.
    limit: Option<(u32, UserName)>,
}

impl Mutation for Creation {
    type Reply = WireSpace;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SpaceCreated])
    }

    async fn once(&self, tx: &mut Tx) -> Result<WireSpace, Abort> {
        if let Some((limit, person)) = &self.limit
            && !store::creator::count(tx, person, self.name, *limit).await?
        {
            return Err(too_many(person, *limit).into());
        }
        let new = Space::new(self.name, self.metadata.clone(), tx.time());
        let mut space = Space { app_creation: self.setting, ..new };
        let change = Change {
            scope: self.name.into(),
            resources: vec![self.name.to_string()],
            before: Value::Null,
            after: space.to_json(),
            facts: true,
        };
        space.revision = tx.record(change).await?;
        store::space::put(tx, &space).await?;
        let creator = GrantCreatorAdmin { space: self.name.to_string(), user: tx.act().actor.to_string() };
        let effect = facts::Effect { effect: Some(effect::Effect::GrantCreatorAdmin(creator)) };
        tx.emit(self.name.into(), Service::Membership.name(), vec![effect]).await?;
        Ok(space.into())
    }
}

/// R-S10
fn too_many(person: &UserName, limit: u32) -> Fault {
    let sentence = format!(
        "You have made {limit} spaces that exist, and may make no more; one that you delete counts until it is purged"
    );
    Fault::precondition(Reason::TooManySpaces, person.to_string(), sentence)
}
