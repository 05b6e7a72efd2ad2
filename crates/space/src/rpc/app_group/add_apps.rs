use std::collections::BTreeSet;

use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppGroupName, AppName},
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{AddAppsRequest, AddAppsResponse};
use serde_json::{Value, json};

use super::{MOST_APPS, MOST_OF_APP, existing, record};
use crate::{convert, store};

/// R-A11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AddAppsRequest,
) -> Result<AddAppsResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppGroupName>("name", &it.name))?;
    context.mutations.answer(&call, add(context, &call, name, request)).await
}

async fn add(
    context: &Context,
    call: &Call,
    name: AppGroupName,
    request: AddAppsRequest,
) -> Result<AddAppsResponse, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::AppGroupsUpdate, name.space).await?;
    let apps = convert::app_group::apps(&request.apps)?;
    let addition = Addition { name, apps };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(addition)).await
}

struct Addition {
    name: AppGroupName,
    apps: Vec<AppName>,
}

impl GuardedChange for Addition {
    type Reply = AddAppsResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::ContributorRoleAdded])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<AddAppsResponse, Abort> {
        existing(tx, self.name).await?;
        let mut blockers = confirmed.blockers()?;
        self.block(tx, &mut blockers).await?;
        blockers.finish()?;
        let apps: Vec<String> = self.apps.iter().map(ToString::to_string).collect();
        record(tx, self.name, Value::Null, json!({ "apps": apps })).await?;
        store::app_group::add(tx, self.name, &self.apps).await?;
        Ok(AddAppsResponse {})
    }
}

impl Addition {
    /// An app that is elsewhere is told of as one that there is not.
    async fn block(&self, tx: &mut Tx, blockers: &mut Blockers) -> Result<(), Abort> {
        let there = store::app_group::in_space(tx, self.name.space, &self.apps).await?;
        let mut new = 0;
        for app in self.apps.iter().collect::<BTreeSet<_>>() {
            if !there.contains(app) {
                let sentence = "The app is not in the space, or there is no such app";
                blockers.add(Reason::AppNotInSpace, app.to_string(), sentence);
            } else if !store::app_group::holds(tx, self.name, *app).await? {
                new += 1;
                if store::app_group::count_of(tx, *app).await? >= MOST_OF_APP {
                    let sentence = format!("The app is in {MOST_OF_APP} app groups, and may be in no more");
                    blockers.add(Reason::GroupFull, app.to_string(), sentence);
                }
            }
        }
        if store::app_group::count_apps(tx, self.name).await? + new > MOST_APPS {
            let sentence = format!("An app group holds at most {MOST_APPS} apps");
            blockers.add(Reason::GroupFull, self.name.to_string(), sentence);
        }
        Ok(())
    }
}
