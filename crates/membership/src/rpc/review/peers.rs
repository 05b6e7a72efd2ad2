//! What the owners of other planes, and of apps, tell of roles (R-M13).
use devspaces_authz::{Role, Service};
use devspaces_gate::{Context, Peers, contributor_from_wire, plane_to_wire, role_to_wire};
use devspaces_kit::{name::SpaceName, status::Fault};
use devspaces_proto::{
    facts::v1::{
        Binding, BindingsQuestion, ListAppBindingsRequest, ListBillingAdminBindingsRequest,
        ListGroupBindingsRequest, ListMarketplaceAdminBindingsRequest,
        billing_records_service_client::BillingRecordsServiceClient,
        list_group_bindings_request::Way as GroupWay,
        marketplace_records_service_client::MarketplaceRecordsServiceClient,
        space_records_service_client::SpaceRecordsServiceClient,
    },
    membership::v1::{RoleBinding, role_binding::Way},
};

use super::section::{Question, Section};

/// The roles of a section that this service does not own, after one, each with its key.
///
/// # Errors
/// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if the owner does not answer.
pub(super) async fn roles(
    context: &Context,
    question: &Question,
    section: Section,
    after: &str,
    room: usize,
) -> Result<Vec<(String, Option<RoleBinding>)>, Fault> {
    let wanted = BindingsQuestion {
        space: question.space.to_string(),
        user: question.user.as_ref().map(ToString::to_string).unwrap_or_default(),
        after: after.to_owned(),
        limit: i32::try_from(room).unwrap_or(i32::MAX),
    };
    let wanted = Some(wanted);
    let ends_before = question.ends_before.map(Into::into);
    let bindings = match section {
        Section::Billing => {
            let ask = |channel, request| async move {
                BillingRecordsServiceClient::new(channel).list_billing_admin_bindings(request).await
            };
            let request = ListBillingAdminBindingsRequest { question: wanted };
            context.peers.ask(Service::Billing, request, ask).await?.bindings
        }
        Section::Marketplace => {
            let ask = |channel, request| async move {
                MarketplaceRecordsServiceClient::new(channel).list_marketplace_admin_bindings(request).await
            };
            let request = ListMarketplaceAdminBindingsRequest { question: wanted };
            context.peers.ask(Service::Marketplace, request, ask).await?.bindings
        }
        Section::Apps => {
            let ask = |channel, request| async move {
                SpaceRecordsServiceClient::new(channel).list_app_bindings(request).await
            };
            let request = ListAppBindingsRequest { question: wanted, ends_before };
            context.peers.ask(Service::Space, request, ask).await?.bindings
        }
        Section::AppGroups => groups(context, wanted, ends_before, GroupWay::AppGroup).await?,
        Section::Groups => groups(context, wanted, ends_before, GroupWay::Group).await?,
        Section::GroupsOnAppGroups => {
            groups(context, wanted, ends_before, GroupWay::GroupAndAppGroup).await?
        }
        // Of this service, which asks nobody.
        Section::Console | Section::Derived => Vec::new(),
    };
    let read = |binding: Binding| {
        told_by_peer(question.space, section, binding).ok_or_else(|| Peers::unreadable(section.owner()))
    };
    bindings.into_iter().map(read).collect()
}

async fn groups(
    context: &Context,
    question: Option<BindingsQuestion>,
    ends_before: Option<prost_types::Timestamp>,
    way: GroupWay,
) -> Result<Vec<Binding>, Fault> {
    let ask = |channel, request| async move {
        SpaceRecordsServiceClient::new(channel).list_group_bindings(request).await
    };
    let request = ListGroupBindingsRequest { question, ends_before, way: way.into() };
    Ok(context.peers.ask(Service::Space, request, ask).await?.bindings)
}

/// What a peer says, as it is told. `None`: it says nothing that this version can use.
fn told_by_peer(space: SpaceName, section: Section, told: Binding) -> Option<(String, Option<RoleBinding>)> {
    let role = match section {
        Section::Billing => Role::BillingAdmin,
        Section::Marketplace => Role::MarketplaceAdmin,
        _ => contributor_from_wire(told.role)?.into(),
    };
    let binding = RoleBinding {
        user: told.user,
        plane: plane_to_wire(section.plane()).into(),
        resource: if told.app.is_empty() { space.to_string() } else { told.app },
        role: role_to_wire(role).into(),
        way: if told.group.is_empty() { Way::Direct } else { Way::Group }.into(),
        group: told.group,
        start_time: told.start_time,
        given_by: told.given_by,
        expire_time: told.expire_time,
        ..RoleBinding::default()
    };
    Some((told.key, Some(binding).filter(|_| !told.ended)))
}
