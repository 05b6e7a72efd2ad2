use devspaces_authz::Permission;
use devspaces_gate::{Context, Resource};
use devspaces_kit::{edge::Deadline, identity::Caller, status::Fault};
use devspaces_ledger::Call;
use devspaces_proto::billing::v1::{RunBillingRequest, RunBillingResponse};

use crate::run;

/// R-B7. Half of the time that the call has is for the work: what it has come to then is told before the other half is over.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    deadline: Option<Deadline>,
    mut request: RunBillingRequest,
) -> Result<RunBillingResponse, Fault> {
    let until = deadline.map(Deadline::halved);
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    // Not confirmed in each transaction: what a service may is the operator's word, and no facts.
    context.gate.require(&call.caller, Permission::BillingRun, Resource::Platform).await?;
    run::run(context, &call, until, |_, _| {}).await
}
