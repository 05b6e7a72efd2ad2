use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{App as WireApp, LinkAppRequest};

use super::{
    delete_app::{block_deleted, change},
    permitted_app, scopes,
};
use crate::{convert, domain::App, store};

/// R-A2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: LinkAppRequest,
) -> Result<WireApp, Fault> {
    let ((name, space), call) = Call::parse(caller, &mut request, |fields, it| {
        let name = fields.parse::<AppName>("name", &it.name);
        let space = fields.parse::<SpaceName>("space", &it.space);
        name.zip(space)
    })?;
    context.mutations.answer(&call, link(context, &call, name, space, request.etag)).await
}

async fn link(
    context: &Context,
    call: &Call,
    name: AppName,
    space: SpaceName,
    etag: String,
) -> Result<WireApp, Fault> {
    let both = Resource::Link { app: name, space };
    let pass = context.gate.require_active(&call.caller, Permission::AppsLink, both).await?;
    let scopes = scopes(name, Some(space));
    context.mutations.run(call.clone(), scopes, pass.guard(Link { name, space, etag })).await
}

struct Link {
    name: AppName,
    space: SpaceName,
    etag: String,
}

impl GuardedChange for Link {
    type Reply = WireApp;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::AppLinked])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireApp, Abort> {
        let facts = confirmed.facts();
        let before = permitted_app(tx, Permission::AppsLink, self.name, &self.etag).await?;
        let mut blockers = confirmed.blockers()?;
        if before.is_deleted() {
            block_deleted(&mut blockers, self.name);
        } else if before.space.is_some() {
            let sentence = "The app is linked to a space already";
            blockers.add(Reason::AppLinked, self.name.to_string(), sentence);
        }
        blockers.finish()?;
        let suspension_of_space = store::space::suspension_of(tx, self.space).await?;
        let (space, update_time) = (Some(self.space), tx.time());
        let after = App { space, suspension_of_space, update_time, ..before.clone() };
        let after = change(tx, &before, after).await?;
        store::contributor::move_to(tx, self.name, self.space).await?;
        Ok(convert::app::to_wire(after, convert::app::role_of(facts)))
    }
}
