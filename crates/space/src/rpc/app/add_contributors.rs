use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, ContributorName, UserName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{AddContributorsRequest, AddContributorsResponse};
use serde_json::Value;
use tonic::Code;

use super::{permitted_app, scopes};
use crate::{
    convert,
    domain::{Contributor, GivenRole},
    journaling::{AppChange, record},
    store,
};

/// R-A3, R-A6, R-M10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AddContributorsRequest,
) -> Result<AddContributorsResponse, Fault> {
    let (app, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppName>("parent", &it.parent))?;
    context.mutations.answer(&call, add(context, &call, app, request)).await
}

async fn add(
    context: &Context,
    call: &Call,
    app: AppName,
    request: AddContributorsRequest,
) -> Result<AddContributorsResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppContributorsUpdate, app).await?;
    let name = |(user, given): (UserName, GivenRole)| (ContributorName { app, user }, given);
    let added = convert::contributor::added(&request.contributors, context.clock.now())?;
    let added: Vec<_> = added.into_iter().map(name).collect();
    trust_ends(context, &added).await?;
    let scopes = scopes(app, pass.space());
    context.mutations.run(call.clone(), scopes, pass.guard(Addition { app, added })).await
}

/// R-M10: nobody is added anew whose role has ended only by a clock that is doubted.
async fn trust_ends(context: &Context, added: &[(ContributorName, GivenRole)]) -> Result<(), Fault> {
    let mut db = context.pool.read().await?;
    for (name, _) in added {
        let found = store::contributor::find(&mut db, name).await?;
        if found.is_some_and(|found| !found.is_current(context.clock.now())) {
            context.steady.now()?;
        }
    }
    Ok(())
}

struct Addition {
    app: AppName,
    added: Vec<(ContributorName, GivenRole)>,
}

impl GuardedChange for Addition {
    type Reply = AddContributorsResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::ContributorRoleGiven])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<AddContributorsResponse, Abort> {
        let permission = Permission::AppContributorsUpdate;
        let app = permitted_app(tx, permission, self.app, "").await?;
        refuse_existing(tx, &self.added).await?;
        let change = AppChange {
            app: self.app,
            space: app.space,
            resources: self.added.iter().map(|(name, _)| name.to_string()).collect(),
            before: Value::Null,
            after: self.added.iter().map(|(name, given)| given.to_user_json(name)).collect(),
        };
        let revision = record(tx, change).await?;
        let mut contributors = Vec::with_capacity(self.added.len());
        for (name, GivenRole { role, expire_time }) in &self.added {
            let contributor = Contributor {
                expire_time: *expire_time,
                ..Contributor::new(name.clone(), *role, app.space, tx.time(), revision)
            };
            store::contributor::put(tx, &contributor).await?;
            contributors.push(contributor.into());
        }
        Ok(AddContributorsResponse { contributors })
    }
}

/// Whoever has a role of their own keeps it; `UpdateContributor` changes it.
async fn refuse_existing(tx: &mut Tx, added: &[(ContributorName, GivenRole)]) -> Result<(), Abort> {
    let (mut fault, now) = (None, tx.time());
    for (index, (name, _)) in added.iter().enumerate() {
        // In place of a role that has ended comes another.
        if store::contributor::find_current(tx, name, now).await?.is_some() {
            let message = "Someone who already contributes to the app can't be added to it";
            fault = Some(
                fault
                    .unwrap_or_else(|| Fault::new(Code::AlreadyExists, Reason::ContributorExists, message))
                    .field(format!("contributors[{index}].user"), "already contributes to the app"),
            );
        }
    }
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}
