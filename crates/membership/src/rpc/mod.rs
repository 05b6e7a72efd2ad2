//! The MembershipService: a file for each method.
mod add_members;
mod get_member;
mod leave_space;
mod list_members;
mod remove_member;
mod update_member;

use std::sync::Arc;

use devspaces_authz::{Fact, Owner, Role};
use devspaces_gate::Context;
use devspaces_kit::{
    edge::answer,
    name::MemberName,
    status::{Fault, Reason},
};
use devspaces_proto::membership::v1::{
    AddMembersRequest, AddMembersResponse, GetMemberRequest, LeaveSpaceRequest, LeaveSpaceResponse,
    ListMembersRequest, ListMembersResponse, Member, RemainingRole, RemoveMemberRequest, RemoveMemberResponse,
    UpdateMemberRequest, membership_service_server::MembershipService,
};
use tonic::{Request, Response, Status};

/// The service as gRPC sees it.
pub struct Rpc(pub(crate) Arc<Context>);

#[tonic::async_trait]
impl MembershipService for Rpc {
    async fn add_members(&self, request: Request<AddMembersRequest>) -> Result<Response<AddMembersResponse>, Status> {
        answer(request, |caller, request| add_members::handle(&self.0, caller, request)).await
    }

    async fn get_member(&self, request: Request<GetMemberRequest>) -> Result<Response<Member>, Status> {
        answer(request, |caller, request| get_member::handle(&self.0, caller, request)).await
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        answer(request, |caller, request| list_members::handle(&self.0, caller, request)).await
    }

    async fn update_member(&self, request: Request<UpdateMemberRequest>) -> Result<Response<Member>, Status> {
        answer(request, |caller, request| update_member::handle(&self.0, caller, request)).await
    }

    async fn remove_member(
        &self,
        request: Request<RemoveMemberRequest>,
    ) -> Result<Response<RemoveMemberResponse>, Status> {
        answer(request, |caller, request| remove_member::handle(&self.0, caller, request)).await
    }

    async fn leave_space(&self, request: Request<LeaveSpaceRequest>) -> Result<Response<LeaveSpaceResponse>, Status> {
        answer(request, |caller, request| leave_space::handle(&self.0, caller, request)).await
    }
}

/// R-M4
fn last_admin(space: impl ToString) -> Fault {
    Fault::precondition(
        Reason::LastAdmin,
        space.to_string(),
        "A space keeps at least one console Admin whose role does not expire; make someone else Admin first",
    )
}

/// R-M5: the roles on other planes that stay when the console role goes.
#[derive(Clone, Debug)]
struct Remaining {
    roles: Vec<RemainingRole>,
    unknown_planes: Vec<String>,
}

/// What the reply says of other planes. An owner that does not answer keeps nobody from being removed (R-M5).
async fn remaining(context: &Context, name: &MemberName) -> Remaining {
    let facts = context.gate.facts(&name.user.clone().into(), name.space, &[Owner::Billing, Owner::Marketplace]).await;
    let planes = [
        (Role::BillingAdmin, facts.billing.known().map(|facts| facts.admin)),
        (Role::MarketplaceAdmin, facts.marketplace.known().map(|facts| facts.admin)),
    ];
    let mut remaining = Remaining { roles: Vec::new(), unknown_planes: Vec::new() };
    for (role, held) in planes {
        let plane = role.plane().name().to_owned();
        match held {
            Some(true) => remaining.roles.push(RemainingRole { plane, role: role.name().to_owned() }),
            Some(false) => {}
            None => remaining.unknown_planes.push(plane),
        }
    }
    remaining
}
