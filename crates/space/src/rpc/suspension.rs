//! Suspensions of spaces and apps, set and lifted by the operator (R-A12).
use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, Scope, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::space::v1::{LiftSuspensionRequest, Standing, SuspendAppRequest, SuspendSpaceRequest};
use serde_json::Value;

use crate::{
    convert,
    domain::{App, Cause, Space, Step, Suspended},
    journaling::{AppChange, record},
    store,
};

pub(super) async fn suspend_space(
    context: &Context,
    caller: Caller,
    mut request: SuspendSpaceRequest,
) -> Result<Standing, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("name", &it.name))?;
    let asked = Asked { what: Suspended::Space(space), step: Step::Suspend, reason: request.reason };
    context.mutations.answer(&call, take(context, &call, asked, request.note)).await
}

pub(super) async fn suspend_app(
    context: &Context,
    caller: Caller,
    mut request: SuspendAppRequest,
) -> Result<Standing, Fault> {
    let (app, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppName>("name", &it.name))?;
    let asked = Asked { what: Suspended::App(app), step: Step::Suspend, reason: request.reason };
    context.mutations.answer(&call, take(context, &call, asked, request.note)).await
}

pub(super) async fn lift(
    context: &Context,
    caller: Caller,
    mut request: LiftSuspensionRequest,
) -> Result<Standing, Fault> {
    let (what, call) = Call::parse(caller, &mut request, |fields, it| {
        let space = it.name.parse().map(Suspended::Space);
        let either = space.or_else(|_| it.name.parse().map(Suspended::App));
        fields.check("name", either.map_err(|_| "must have the form spaces/{uuid} or apps/{uuid}"))
    })?;
    let asked = Asked { what, step: Step::Lift, reason: request.reason };
    context.mutations.answer(&call, take(context, &call, asked, request.note)).await
}

/// How often it is tried with the scopes of an app that moves.
const ROUNDS: usize = 10;

/// What a call asks for, apart from its note.
struct Asked {
    what: Suspended,
    step: Step,
    reason: i32,
}

async fn take(context: &Context, call: &Call, asked: Asked, note: String) -> Result<Standing, Fault> {
    let Asked { what, step, reason } = asked;
    let pass = context.gate.require(&call.caller, Permission::PlatformSuspend, Resource::Platform).await?;
    let cause = convert::suspension::cause(reason, note)?;
    let mut left = ROUNDS;
    loop {
        let scopes = scopes(context, what).await?;
        let suspending = Suspending { what, step, cause: cause.clone() };
        let done = context.mutations.run(call.clone(), scopes, pass.clone().guard(suspending)).await;
        left -= 1;
        match done {
            // The app has moved meanwhile: whoever moves it to and fro does not keep it from being suspended.
            Err(fault) if fault.reason() == Reason::Overtaken && left > 0 => {}
            done => return done,
        }
    }
}

/// The scopes of what is suspended: of an app also that of its space, whose journal tells of it.
async fn scopes(context: &Context, what: Suspended) -> Result<Vec<Scope>, Fault> {
    match what {
        Suspended::Space(space) => Ok(vec![space.into()]),
        Suspended::App(name) => {
            let now = context.clock.now();
            let app = store::app::find(&mut context.pool.read().await?, name, now).await?;
            let app = app.ok_or_else(|| Fault::not_found(name))?;
            Ok([Some(name.into()), app.space.map(Scope::from)].into_iter().flatten().collect())
        }
    }
}

struct Suspending {
    what: Suspended,
    step: Step,
    cause: Cause,
}

impl GuardedChange for Suspending {
    type Reply = Standing;
    // It has no effect elsewhere, and waits for nobody's: what must stop stops while other services are down.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        match self.step {
            Step::Suspend => takes_away(&[FactChange::Suspended]),
            Step::Lift => takes_away(&[FactChange::SuspensionLifted]),
        }
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<Standing, Abort> {
        let suspension = match self.what {
            Suspended::Space(name) => self.of_space(tx, name).await?.suspension,
            Suspended::App(name) => self.of_app(tx, name).await?.standing(),
        };
        Ok(convert::suspension::standing(suspension))
    }
}

impl Suspending {
    async fn of_space(&self, tx: &mut Tx, name: SpaceName) -> Result<Space, Abort> {
        let now = tx.time();
        let found = store::space::find(tx, name).await?.filter(|space| !space.is_gone(now));
        let before = found.ok_or_else(|| Fault::not_found(name))?;
        let suspension = self.step.apply(before.suspension, self.cause.reason);
        let suspension = suspension.ok_or_else(|| self.not_suspended())?;
        let mut after = Space { suspension, update_time: now, ..before.clone() };
        let change = Change {
            scope: name.into(),
            resources: vec![name.to_string()],
            before: before.to_json(),
            after: self.told(after.to_json()),
            facts: true,
        };
        after.revision = tx.record(change).await?;
        store::space::put(tx, &after).await?;
        store::stamp::renew(tx, name, after.revision).await?;
        Ok(after)
    }

    async fn of_app(&self, tx: &mut Tx, name: AppName) -> Result<App, Abort> {
        let now = tx.time();
        let before = store::app::find(tx, name, now).await?.ok_or_else(|| Fault::not_found(name))?;
        if before.space.is_some_and(|space| !tx.scopes().contains(&space.into())) {
            // It has moved since its scopes were looked up.
            return Err(Fault::overtaken().into());
        }
        let suspension = self.step.apply(before.suspension, self.cause.reason);
        let suspension = suspension.ok_or_else(|| self.not_suspended())?;
        let mut after = App { suspension, update_time: now, ..before.clone() };
        let change = AppChange {
            app: name,
            space: before.space,
            resources: vec![name.to_string()],
            before: before.to_json(),
            after: self.told(after.to_json()),
        };
        after.revision = record(tx, change).await?;
        store::app::put(tx, &after).await?;
        Ok(after)
    }

    /// R-P8: what the journal says of the use of the permission.
    fn told(&self, mut after: Value) -> Value {
        after["reason"] = self.cause.reason.name().into();
        after["note"] = self.cause.note.as_str().into();
        after
    }

    fn not_suspended(&self) -> Fault {
        let sentence = format!("{} is not suspended for {} itself", self.what, self.cause.reason);
        Fault::precondition(Reason::NotSuspended, self.what.to_string(), sentence)
    }
}
