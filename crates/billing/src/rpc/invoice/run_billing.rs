use devspaces_authz::Permission;
use devspaces_gate::{Context, Resource};
use devspaces_kit::{identity::Caller, status::Fault};
use devspaces_ledger::Call;
use devspaces_proto::billing::v1::{RunBillingRequest, RunBillingResponse};

use crate::run;

/// R-B7
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RunBillingRequest,
) -> Result<RunBillingResponse, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    // Not confirmed in each transaction: what a service may is the operator's word, and no facts.
    context.gate.require(&call.caller, Permission::BillingRun, Resource::Platform).await?;
    run::run(context, &call, |_, _| {}).await
}
