use std::mem;

use devspaces_authz::{Permission, SpaceState};
use devspaces_gate::{Context, Pass};
use devspaces_kit::{
    db::{Change, Tx},
    etag,
    identity::Caller,
    mutation::{Abort, Call, Mutation},
    name::SpaceName,
    status::{Fault, Fields, Reason},
    text,
};
use devspaces_proto::space::v1::{ArchiveSpaceRequest, RestoreSpaceRequest, Space as WireSpace};
use prost::Message;

use crate::{domain::Space, store};

const ARCHIVE: &str = "devspaces.space.v1.SpaceService/ArchiveSpace";
const RESTORE: &str = "devspaces.space.v1.SpaceService/RestoreSpace";

/// R-S5
pub(super) async fn archive(
    context: &Context,
    caller: Caller,
    mut request: ArchiveSpaceRequest,
) -> Result<WireSpace, Fault> {
    let request_id = mem::take(&mut request.request_id);
    let (name, call) = parse(ARCHIVE, caller, &request, &request.name, &request_id)?;
    let call = call.preview(request.validate_only);
    context
        .mutations
        .answer(&call, change_state(context, &call, name, request.etag, SpaceState::Archived))
        .await
}

/// R-S5
pub(super) async fn restore(
    context: &Context,
    caller: Caller,
    mut request: RestoreSpaceRequest,
) -> Result<WireSpace, Fault> {
    let request_id = mem::take(&mut request.request_id);
    let (name, call) = parse(RESTORE, caller, &request, &request.name, &request_id)?;
    context
        .mutations
        .answer(&call, change_state(context, &call, name, request.etag, SpaceState::Active))
        .await
}

fn parse(
    method: &'static str,
    caller: Caller,
    request: &impl Message,
    name: &str,
    request_id: &str,
) -> Result<(SpaceName, Call), Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<SpaceName>("name", name);
    let request_id = fields.check("request_id", text::request_id(request_id));
    let (name, request_id) = fields.finish_with(name.zip(request_id))?;
    Ok((name, Call::new(caller, method, request, request_id)))
}

async fn change_state(
    context: &Context,
    call: &Call,
    name: SpaceName,
    etag: String,
    to: SpaceState,
) -> Result<WireSpace, Fault> {
    let pass = context.gate.require(&call.caller, Permission::SpaceArchive, name).await?;
    context.mutations.run(call.clone(), vec![name.into()], StateChange { pass, name, etag, to }).await
}

struct StateChange {
    pass: Pass,
    name: SpaceName,
    etag: String,
    to: SpaceState,
}

impl Mutation for StateChange {
    type Reply = WireSpace;

    async fn once(&self, tx: &mut Tx) -> Result<WireSpace, Abort> {
        self.pass.confirm(tx).await?;
        let denied = || Fault::permission_denied(Permission::SpaceArchive.name(), self.name);
        let before = store::space::find(tx, self.name).await?.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        match (before.state, self.to) {
            (SpaceState::Active, SpaceState::Archived) => self.refuse_apps(tx).await?,
            (SpaceState::Archived, SpaceState::Active) => {}
            (_, SpaceState::Archived) => return Err(Fault::space_archived(self.name).into()),
            _ => return Err(not_archived(self.name).into()),
        }
        let mut after = Space { state: self.to, update_time: tx.time(), ..before.clone() };
        let change = Change {
            scope: self.name.into(),
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: true,
        };
        after.revision = tx.record(change).await?;
        store::space::put(tx, &after).await?;
        Ok(after.into())
    }
}

impl StateChange {
    /// R-S5, R-S7: whoever brings an app into the space does so in a transaction that holds the space's scope too.
    async fn refuse_apps(&self, tx: &mut Tx) -> Result<(), Abort> {
        if store::app::is_any_in(tx, self.name).await? {
            let sentence = "The space has apps; delete them or move them to another space first";
            return Err(Fault::precondition(Reason::SpaceHasApps, self.name.to_string(), sentence).into());
        }
        Ok(())
    }
}

fn not_archived(name: SpaceName) -> Fault {
    Fault::precondition(Reason::SpaceNotArchived, name.to_string(), "The space is not archived")
}
