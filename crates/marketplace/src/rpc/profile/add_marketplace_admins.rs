use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{MarketplaceAdminName, SpaceName, UserName, VendorProfileName},
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::marketplace::v1::{AddMarketplaceAdminsRequest, AddMarketplaceAdminsResponse};
use serde_json::{Value, json};
use tonic::Code;

use super::resource;
use crate::{convert, domain::Admin, store};

/// R-K4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AddMarketplaceAdminsRequest,
) -> Result<AddMarketplaceAdminsResponse, Fault> {
    let (profile, call) = Call::parse(caller, &mut request, |fields, it| {
        fields.parse::<VendorProfileName>("parent", &it.parent)
    })?;
    context.mutations.answer(&call, add(context, &call, profile, request)).await
}

async fn add(
    context: &Context,
    call: &Call,
    profile: VendorProfileName,
    request: AddMarketplaceAdminsRequest,
) -> Result<AddMarketplaceAdminsResponse, Fault> {
    let (resource, space) = resource(context, profile).await?;
    let permission = Permission::MarketplaceAdminsUpdate;
    let pass = context.gate.require_active(&call.caller, permission, resource).await?;
    let mut fields = Fields::new();
    let users = convert::profile::users(&mut fields, "users", &request.users);
    fields.finish()?;
    let addition = Addition { profile, space, users };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(addition)).await
}

struct Addition {
    profile: VendorProfileName,
    space: SpaceName,
    users: Vec<UserName>,
}

impl GuardedChange for Addition {
    type Reply = AddMarketplaceAdminsResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::MarketplaceAdminGiven])
    }

    async fn once(
        &self,
        tx: &mut Tx,
        confirmed: &Confirmed<'_>,
    ) -> Result<AddMarketplaceAdminsResponse, Abort> {
        confirmed.blockers()?.finish()?;
        self.refuse_existing(tx).await?;
        let now = tx.time();
        let admin = |user: &UserName| Admin {
            name: MarketplaceAdminName { profile: self.profile, user: user.clone() },
            create_time: now,
        };
        let admins: Vec<Admin> = self.users.iter().map(admin).collect();
        let change = Change {
            scope: self.space.into(),
            resources: admins.iter().map(|admin| admin.name.to_string()).collect(),
            before: Value::Null,
            after: self.users.iter().map(|user| json!({ "user": user.to_string() })).collect(),
            facts: true,
        };
        tx.record(change).await?;
        for user in &self.users {
            store::admin::add(tx, self.space, user, now).await?;
        }
        Ok(AddMarketplaceAdminsResponse { admins: admins.into_iter().map(Into::into).collect() })
    }
}

impl Addition {
    async fn refuse_existing(&self, tx: &mut Tx) -> Result<(), Abort> {
        let mut fault = None;
        for (index, user) in self.users.iter().enumerate() {
            if store::admin::since(tx, self.space, user).await?.is_some() {
                let message = "Someone who is Marketplace admin of the profile already can't be made one";
                let reason = Reason::MarketplaceAdminExists;
                fault = Some(
                    fault
                        .unwrap_or_else(|| Fault::new(Code::AlreadyExists, reason, message))
                        .field(format!("users[{index}]"), "is Marketplace admin of the profile already"),
                );
            }
        }
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }
}
