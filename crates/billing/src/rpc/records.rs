//! What the billing service tells the other services that no permission depends on.
use devspaces_authz::Service;
use devspaces_gate::{AskedBindings, Context, admin_bindings_to_wire, admit};
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{AccountName, BillingAdminName, SpaceName},
    status::{Fault, Fields},
};
use devspaces_ledger::journal::Changed;
use devspaces_proto::facts::v1::{
    GetBillingStatusRequest, GetBillingStatusResponse, GetTermsVersionRequest, GetTermsVersionResponse,
    ListBillingAdminBindingsRequest, ListBillingAdminBindingsResponse,
    billing_records_service_server::BillingRecordsService,
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{
    domain::{Admin, invoice::State, terms},
    store,
};

#[tonic::async_trait]
impl BillingRecordsService for Rpc {
    async fn get_billing_status(
        &self,
        request: Request<GetBillingStatusRequest>,
    ) -> Result<Response<GetBillingStatusResponse>, Status> {
        answer(request, |caller, request| status(&self.0, caller, request)).await
    }

    async fn get_terms_version(
        &self,
        request: Request<GetTermsVersionRequest>,
    ) -> Result<Response<GetTermsVersionResponse>, Status> {
        answer(request, |caller, _| async move {
            admit(&caller, Service::Billing, &[Service::Space])?;
            Ok(GetTermsVersionResponse { version: terms::VERSION.to_owned() })
        })
        .await
    }

    async fn list_billing_admin_bindings(
        &self,
        request: Request<ListBillingAdminBindingsRequest>,
    ) -> Result<Response<ListBillingAdminBindingsResponse>, Status> {
        answer(request, |caller, request| admin_bindings(&self.0, caller, request)).await
    }
}

/// R-M13. A key is the encoded id of a person.
async fn admin_bindings(
    context: &Context,
    caller: Caller,
    request: ListBillingAdminBindingsRequest,
) -> Result<ListBillingAdminBindingsResponse, Fault> {
    admit(&caller, Service::Billing, &[Service::Membership])?;
    let asked = AskedBindings::read(request.question)?;
    let account = AccountName(asked.space);
    let mut db = context.pool.read().await?;
    let admins = match &asked.user {
        Some(user) => {
            let name = BillingAdminName { account, user: user.clone() };
            let found = store::admin::find(&mut db, &name).await?;
            found.into_iter().filter(|admin| admin.name.user.id() > asked.after.as_str()).collect()
        }
        None => store::admin::list(&mut db, account, &asked.after, asked.limit).await?,
    };
    let admin = |admin: Admin| {
        let given =
            Changed { scope: asked.space.into(), time: admin.create_time, resource: admin.name.to_string() };
        (admin.name.user, given)
    };
    let bindings = admin_bindings_to_wire(&mut db, admins.into_iter().map(admin).collect()).await?;
    Ok(ListBillingAdminBindingsResponse { bindings })
}

/// R-B10, R-S6
async fn status(
    context: &Context,
    caller: Caller,
    request: GetBillingStatusRequest,
) -> Result<GetBillingStatusResponse, Fault> {
    admit(&caller, Service::Billing, &[Service::Space])?;
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let space = fields.finish_with(space)?;
    let mut db = context.pool.read().await?;
    let has_account = store::account::find(&mut db, space).await?.is_some();
    // In the order in which things come about: what is over before one question is seen by the next.
    let issued = store::invoice::last_issued_month(&mut db, space).await?;
    let not_invoiced = store::total::is_any_after(&mut db, space, issued).await?;
    let open = store::invoice::is_any(&mut db, space, State::Open).await?;
    let past_due = store::account::is_past_due(&mut db, space).await?;
    Ok(GetBillingStatusResponse { has_account, past_due, settled: !not_invoiced && !open && !past_due })
}
