use std::collections::BTreeMap;

use devspaces_authz::{AppCreation, Permission, Service};
use devspaces_gate::{Context, Peers};
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, SpaceName, UserName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::standing;
use devspaces_proto::{
    billing::v1::{CostSource, DeployingRole, WhoCanIncurCostRequest, WhoCanIncurCostResponse},
    facts::v1::{
        AppBuilder, ConsoleRole, ContributorRole, Deployer, ListBuildersRequest, ListDeployersRequest,
        membership_records_service_client::MembershipRecordsServiceClient,
        space_records_service_client::SpaceRecordsServiceClient,
    },
};
use futures::future::try_join;

/// R-B13, R-S9, R-M12
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: WhoCanIncurCostRequest,
) -> Result<WhoCanIncurCostResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let account = fields.finish_with(account)?;
    let pass = context.gate.require_active(&caller, Permission::BillingCostSourcesList, account.0).await?;
    // R-S9: where only Admins create apps, a Developer's console role incurs no cost.
    let admins_only = pass.space_facts()?.app_creation == AppCreation::Admins;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<WhoCanIncurCostRequest>(&[&request.parent]);
    let after = tokens.decode_text(&request.page_token)?;
    let after = if after.is_empty() { after } else { UserName::from_stored(after).to_string() };
    let found = sources(context, account.0, admins_only, after, size).await?;
    let (sources, last) =
        page::fill(found, size, |(user, _)| user.id().to_owned(), |(_, source)| Some(source));
    Ok(WhoCanIncurCostResponse { sources, next_page_token: tokens.next(last) })
}

/// The people after one, in the order of their names: one more than a page has, if there are so many.
async fn sources(
    context: &Context,
    space: SpaceName,
    admins_only: bool,
    after: String,
    size: usize,
) -> Result<Vec<(UserName, CostSource)>, Fault> {
    let limit = i32::try_from(page::limit(size)).unwrap_or(i32::MAX);
    let asked = try_join(
        builders(&context.peers, space, admins_only, after.clone(), limit),
        deployers(&context.peers, space, after, limit),
    );
    // Boxed, since both hold all that a call works with.
    let (builders, deployers) = Box::pin(asked).await?;
    let mut people = BTreeMap::<UserName, CostSource>::new();
    for builder in builders {
        let role = match builder.role() {
            ConsoleRole::Admin => "ADMIN",
            ConsoleRole::Developer => "DEVELOPER",
            ConsoleRole::Unspecified | ConsoleRole::Viewer => {
                return Err(Peers::unreadable(Service::Membership));
            }
        };
        let source = person(&mut people, &builder.user, Service::Membership)?;
        role.clone_into(&mut source.console_role);
        source.emergency = builder.emergency;
    }
    for deployer in deployers {
        let role = match deployer.role() {
            ContributorRole::Owner => "OWNER",
            ContributorRole::Admin => "ADMIN",
            ContributorRole::Deployer => "DEPLOYER",
            ContributorRole::Unspecified | ContributorRole::Developer | ContributorRole::Viewer => {
                return Err(Peers::unreadable(Service::Space));
            }
        };
        let role = DeployingRole { role: role.to_owned(), apps: deployer.apps };
        person(&mut people, &deployer.user, Service::Space)?.deploying_roles.push(role);
    }
    let deactivated = standing::deactivated(&mut context.pool.read().await?, people.keys()).await?;
    for (user, source) in &mut people {
        source.deactivated = deactivated.contains(user);
    }
    // Each list is cut at the limit, so the first of them together are complete.
    Ok(people.into_iter().take(size + 1).collect())
}

/// The entry of someone whom a peer has named.
fn person<'a>(
    people: &'a mut BTreeMap<UserName, CostSource>,
    user: &str,
    named_by: Service,
) -> Result<&'a mut CostSource, Fault> {
    let name = user.parse::<UserName>().map_err(|_| Peers::unreadable(named_by))?;
    Ok(people.entry(name).or_insert_with(|| CostSource { user: user.to_owned(), ..CostSource::default() }))
}

async fn builders(
    peers: &Peers,
    space: SpaceName,
    admins_only: bool,
    after: String,
    limit: i32,
) -> Result<Vec<AppBuilder>, Fault> {
    let question = ListBuildersRequest { space: space.to_string(), after, limit, admins_only };
    let answer = peers.ask(Service::Membership, question, |channel, request| async move {
        MembershipRecordsServiceClient::new(channel).list_builders(request).await
    });
    Ok(answer.await?.builders)
}

async fn deployers(
    peers: &Peers,
    space: SpaceName,
    after: String,
    limit: i32,
) -> Result<Vec<Deployer>, Fault> {
    let question = ListDeployersRequest { space: space.to_string(), after, limit };
    let answer = peers.ask(Service::Space, question, |channel, request| async move {
        SpaceRecordsServiceClient::new(channel).list_deployers(request).await
    });
    Ok(answer.await?.deployers)
}
