use devspaces_authz::{Permission, Service};
use devspaces_gate::{Confirmed, Context, GuardedChange, admit, contributor_from_wire};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{AppName, GroupName, Scope, UserName},
    status::{Fault, Fields, Reason, reason_name},
    text,
};
use devspaces_ledger::{Abort, Call, Tx, standing};
use devspaces_proto::{
    MethodRequest as _,
    facts::v1::{SetGroupRoleRequest, SetGroupRoleResponse},
};
use serde_json::Value;

use crate::{
    domain::GivenRole,
    journaling::{AppChange, record},
    store,
};

/// On how many apps a group may have roles, and how many groups may have roles on an app: what somebody may do on an app is
/// looked up through all of these.
const MOST_APPS: i64 = 10_000;
const MOST_GROUPS: i64 = 100;

/// R-M11, R-M10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: SetGroupRoleRequest,
) -> Result<SetGroupRoleResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Membership])?;
    let mut fields = Fields::new();
    let request_id = fields.check("request_id", text::request_id(&std::mem::take(&mut request.request_id)));
    let group = fields.parse::<GroupName>("group", &request.group);
    let app = fields.parse::<AppName>("app", &request.app);
    let actor = fields.parse::<UserName>("actor", &request.actor);
    let given = fields.check("expire_time", given(&request));
    let names = group.zip(app).zip(actor);
    let (((group, app), actor), (request_id, given)) =
        fields.finish_with(names.zip(request_id.zip(given)))?;
    let call = Call::new(caller, SetGroupRoleRequest::METHOD, &request, request_id);
    let call = call.on_behalf_of(actor.clone().into());
    let done =
        context.mutations.answer(&call, set(context, &call, SetRole { group, app, given, actor })).await;
    let mut told = done.or_else(|fault| refused(&fault).ok_or(fault))?;
    if given.is_none() && !told.blockers.is_empty() && context.steady.now().is_err() {
        // A role that seems to have ended is back when a clock that is doubted is put right.
        told.blockers = vec![reason_name(Reason::ClockStepped).to_owned()];
    }
    Ok(told)
}

/// What stands in the way is no failure to whoever asks: it is told in the response, and not kept for a repetition.
fn refused(fault: &Fault) -> Option<SetGroupRoleResponse> {
    let (_, blockers) = fault.details().find(|(key, _)| *key == BLOCKERS)?;
    Some(SetGroupRoleResponse { blockers: blockers.split(' ').map(ToOwned::to_owned).collect() })
}

/// Where a fault tells what stands in the way.
const BLOCKERS: &str = "blockers";

/// What is given; `None`: what there is is taken.
fn given(request: &SetGroupRoleRequest) -> Result<Option<GivenRole>, String> {
    let end = request.expire_time.map(Timestamp::try_from).transpose().map_err(|error| error.to_string())?;
    Ok(contributor_from_wire(request.role).map(|role| GivenRole { role, expire_time: end }))
}

async fn set(context: &Context, call: &Call, change: SetRole) -> Result<SetGroupRoleResponse, Fault> {
    // The actor's own permission, asked here once more, so that it is decided again in the transaction that gives the role.
    let actor = Caller { principal: change.actor.clone().into(), email: None, suite: None, expires: None };
    let space = change.group.space;
    let pass = context.gate.require_active(&actor, Permission::GroupsUpdate, space).await?;
    // An app that is not in the space is no scope of this change: anybody may name any.
    let mut db = context.pool.read().await?;
    let found = store::app::find(&mut db, change.app, context.clock.now()).await?;
    drop(db);
    let is_there = found.is_some_and(|found| found.space == Some(space));
    let scopes = [Some(Scope::from(space)), is_there.then(|| change.app.into())];
    context.mutations.run(call.clone(), scopes.into_iter().flatten().collect(), pass.guard(change)).await
}

struct SetRole {
    group: GroupName,
    app: AppName,
    /// `None`: it is taken.
    given: Option<GivenRole>,
    /// Who asked the membership service for it.
    actor: UserName,
}

/// It rests as a revocation does: what takes the place of a higher role takes that away.
impl GuardedChange for SetRole {
    type Reply = SetGroupRoleResponse;

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<SetGroupRoleResponse, Abort> {
        let Self { group, app, given, actor } = self;
        // R-M12: the caller is a service; who must be active is the person that it calls for.
        if !standing::hold(tx, actor).await? {
            return Err(Fault::person_deactivated().into());
        }
        let now = tx.time();
        let before = store::group_role::find(tx, *group, *app, now).await?;
        let blockers = match given {
            Some(_) => self.blockers(tx, confirmed, before.is_none()).await?,
            None if before.is_none() => vec![Reason::ResourceNotFound],
            None => Vec::new(),
        };
        if let Some(first) = blockers.first() {
            let names: Vec<&str> = blockers.iter().map(|reason| reason_name(*reason)).collect();
            let fault = Fault::precondition(*first, group.to_string(), "The role can't be given, or taken");
            return Err(fault.metadata(BLOCKERS, names.join(" ")).into());
        }
        if before == *given {
            return Ok(SetGroupRoleResponse::default());
        }
        if !tx.scopes().contains(&(*app).into()) {
            // It has come into the space since the scopes were chosen. Whoever asks again finds it there.
            return Err(Fault::overtaken().into());
        }
        let told =
            |given: Option<GivenRole>| given.map_or(Value::Null, |given| given.to_json(&group.to_string()));
        let change = AppChange {
            app: *app,
            space: Some(group.space),
            resources: vec![group.to_string(), app.to_string()],
            before: told(before),
            after: told(*given),
        };
        record(tx, change).await?;
        match given {
            Some(given) => store::group_role::put(tx, *group, *app, given, now).await?,
            None => store::group_role::remove(tx, *group, *app).await?,
        }
        Ok(SetGroupRoleResponse::default())
    }
}

impl SetRole {
    /// Everything that stands in the way of giving a role. Of an app that is not in the space nothing more is told than that.
    async fn blockers(
        &self,
        tx: &mut Tx,
        confirmed: &Confirmed<'_>,
        is_new: bool,
    ) -> Result<Vec<Reason>, Abort> {
        let now = tx.time();
        let mut blockers = Vec::new();
        if !confirmed.blockers()?.is_empty() {
            blockers.push(Reason::SpaceArchived);
        }
        let app = store::app::find(tx, self.app, now).await?;
        if app.is_none_or(|app| app.holder() != Some(self.group.space)) {
            blockers.push(Reason::AppNotInSpace);
        }
        if store::group::find(tx, self.group).await?.is_none() {
            // It was just made, or has just been deleted: the effect is on its way, or was here.
            return Err(Fault::earlier_effect_pending().into());
        }
        let (apps, groups) = store::group_role::count(tx, self.group, self.app, now).await?;
        if is_new && (apps >= MOST_APPS || groups >= MOST_GROUPS) {
            blockers.push(Reason::GroupFull);
        }
        Ok(blockers)
    }
}
