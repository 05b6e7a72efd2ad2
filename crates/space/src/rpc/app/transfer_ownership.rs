use devspaces_authz::{AppRole, Fact, Permission, Service};
use devspaces_gate::{Confirmed, Context, GuardedChange, Standing};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, ContributorName, UserName},
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, standing};
use devspaces_proto::space::v1::{App as WireApp, TransferOwnershipRequest};
use futures::future::try_join;
use serde_json::json;

use super::{permitted_app, scopes};
use crate::{
    convert,
    domain::{App, Contributor, role_json},
    journaling::{AppChange, record},
    store,
};

/// R-A3, R-M12
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: TransferOwnershipRequest,
) -> Result<WireApp, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppName>("name", &it.name))?;
    context.mutations.answer(&call, transfer(context, &call, name, request)).await
}

async fn transfer(
    context: &Context,
    call: &Call,
    name: AppName,
    request: TransferOwnershipRequest,
) -> Result<WireApp, Fault> {
    let denied = || Fault::permission_denied(Permission::AppOwnerUpdate.name(), name);
    let pass = context.gate.require(&call.caller, Permission::AppOwnerUpdate, name).await?;
    let owner = call.caller.principal.as_user().ok_or_else(denied)?;
    let mut fields = Fields::new();
    let heir = fields.parse::<UserName>("new_owner", &request.new_owner);
    if heir.as_ref() == Some(&owner) {
        fields.bad("new_owner", "must be someone other than the present OWNER");
    }
    let heir = fields.finish_with(heir)?;
    let space = pass.space().ok_or_else(denied)?;
    let (person, owners) = (heir.clone().into(), [Service::Membership]);
    let standing = context.gate.facts(&person, space, &owners);
    let own = context.gate.facts(&call.caller.principal, space, &owners);
    let (standing, own) = try_join(standing, own).await?;
    let from_outside = own.facts().membership.known().is_some_and(|owner| owner.role.is_none());
    let [owner, heir] = [owner, heir].map(|user| ContributorName { app: name, user });
    let change = Transfer { standing, from_outside, owner, heir, etag: request.etag };
    context.mutations.run(call.clone(), scopes(name, Some(space)), pass.guard(change)).await
}

struct Transfer {
    /// What is known of the new owner in the space.
    standing: Standing,
    /// Whether the present owner has no console role there.
    from_outside: bool,
    owner: ContributorName,
    heir: ContributorName,
    etag: String,
}

impl GuardedChange for Transfer {
    type Reply = WireApp;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireApp, Abort> {
        let permission = Permission::AppOwnerUpdate;
        let app = permitted_app(tx, permission, self.owner.app, &self.etag).await?;
        let denied = || Fault::permission_denied(permission.name(), app.name);
        let now = tx.time();
        let before = store::contributor::find(tx, &self.owner).await?.ok_or_else(denied)?;
        let own = store::contributor::find_current(tx, &self.heir, now).await?;
        if own.is_none() {
            self.require_member(tx).await?;
        }
        if !standing::hold(tx, &self.heir.user).await? {
            return Err(self.ineligible().into());
        }
        self.pass_on(tx, &app, &before, own).await?;
        Ok(convert::app::to_wire(app, AppRole::Admin))
    }
}

impl Transfer {
    fn ineligible(&self) -> Fault {
        let sentence = "The new owner must contribute to the app or have a console role in its space, and not be deactivated";
        Fault::precondition(Reason::NewOwnerIneligible, self.heir.app.to_string(), sentence)
    }

    /// Goes on if the new owner, who does not contribute to the app, has a console role in its space, also now.
    async fn require_member(&self, tx: &mut Tx) -> Result<(), Abort> {
        // R-M7: whoever is not in the space must not find out this way who is.
        if self.from_outside {
            return Err(self.ineligible().into());
        }
        match self.standing.facts().membership {
            Fact::Missing => Err(Fault::facts_unavailable(&[Service::Membership.name()]).into()),
            Fact::Known(member) if member.role.is_some() => Ok(self.standing.confirm(tx).await?),
            Fact::Known(_) => Err(self.ineligible().into()),
        }
    }

    async fn pass_on(
        &self,
        tx: &mut Tx,
        app: &App,
        owner: &Contributor,
        own: Option<Contributor>,
    ) -> Result<(), Abort> {
        let held = own.as_ref().map(|own| role_json(&self.heir, own.role));
        let change = AppChange {
            app: app.name,
            space: app.space,
            resources: vec![self.owner.to_string(), self.heir.to_string()],
            before: json!([role_json(&self.owner, AppRole::Owner), held]),
            after: json!([role_json(&self.owner, AppRole::Admin), role_json(&self.heir, AppRole::Owner)]),
        };
        let revision = record(tx, change).await?;
        let now = tx.time();
        // First the old owner, then the new one: an app never has two.
        store::contributor::put(tx, &owner.with_role(AppRole::Admin, now, revision)).await?;
        let heir = match own {
            Some(own) => own.with_role(AppRole::Owner, now, revision),
            None => Contributor::new(self.heir.clone(), AppRole::Owner, app.space, now, revision),
        };
        Ok(store::contributor::put(tx, &heir).await?)
    }
}
