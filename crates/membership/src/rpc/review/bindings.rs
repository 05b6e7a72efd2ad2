//! The roles in a space, plane by plane, as far as they are told to who asks (R-M13).
use std::collections::BTreeSet;

use devspaces_authz::{Facts, Outcome, OwnerSet, Permission, Plane, Role, Service, decide};
use devspaces_gate::{Context, Peers, contributor_from_wire, plane_to_wire, role_to_wire, views_all_apps};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{SpaceName, UserName},
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{
    journal::{Changed, actors},
    standing,
};
use devspaces_proto::{
    facts::v1::{
        Binding, BindingsQuestion, ListAppBindingsRequest, ListBillingAdminBindingsRequest,
        ListMarketplaceAdminBindingsRequest, billing_records_service_client::BillingRecordsServiceClient,
        marketplace_records_service_client::MarketplaceRecordsServiceClient,
        space_records_service_client::SpaceRecordsServiceClient,
    },
    membership::v1::{RoleBinding, role_binding::Way},
};

use crate::{domain::Member, store};

/// A part of the list. They are told in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// Console roles.
    Console,
    /// What console roles make of people on every app (R-A4).
    Derived,
    /// Billing admins.
    Billing,
    /// Marketplace admins.
    Marketplace,
    /// Contributor roles.
    Apps,
}

impl Section {
    const ALL: [Self; 5] = [Self::Console, Self::Derived, Self::Billing, Self::Marketplace, Self::Apps];

    /// The plane that it is about.
    pub(super) fn plane(self) -> Plane {
        match self {
            Self::Console => Plane::Console,
            Self::Billing => Plane::Billing,
            Self::Marketplace => Plane::Marketplace,
            Self::Derived | Self::Apps => Plane::App,
        }
    }

    /// Who tells it.
    fn owner(self) -> Service {
        match self {
            Self::Console | Self::Derived => Service::Membership,
            Self::Billing => Service::Billing,
            Self::Marketplace => Service::Marketplace,
            Self::Apps => Service::Space,
        }
    }

    /// Whether these facts let somebody read it.
    fn is_told(self, facts: &Facts) -> Outcome {
        let all_apps = if facts.membership.is_missing() { Outcome::Unavailable } else { Outcome::Denied };
        match self {
            Self::Console => decide(Permission::MembersList, facts).outcome(),
            Self::Billing => decide(Permission::BillingAdminsList, facts).outcome(),
            Self::Marketplace => decide(Permission::MarketplaceAdminsList, facts).outcome(),
            Self::Derived | Self::Apps if views_all_apps(facts) => Outcome::Allowed,
            Self::Derived | Self::Apps => all_apps,
        }
    }
}

/// Where a list goes on: in a section, after the binding of this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) section: Section,
    pub(super) after: String,
}

impl Place {
    pub(super) const START: Self = Self { section: Section::Console, after: String::new() };

    pub(super) fn to_text(&self) -> String {
        format!("{}/{}", self.section as u8, self.after)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (number, after) = text.split_once('/')?;
        let section = Section::ALL.into_iter().find(|section| (*section as u8).to_string() == number)?;
        Some(Self { section, after: after.to_owned() })
    }
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) space: SpaceName,
    pub(super) user: Option<UserName>,
    pub(super) ends_before: Option<Timestamp>,
}

impl Question {
    /// Reads the filters, which are the same in both requests.
    pub(super) fn read(
        fields: &mut Fields,
        space: SpaceName,
        user: &str,
        expires_before: Option<prost_types::Timestamp>,
    ) -> Option<Self> {
        let user = match user {
            "" => Some(None),
            user => fields.parse::<UserName>("user", user).map(Some),
        };
        let ends_before = expires_before.map(Timestamp::try_from).transpose();
        let ends_before =
            fields.check("expires_before", ends_before.map_err(|_| "must be a valid timestamp"));
        user.zip(ends_before).map(|(user, ends_before)| Self { space, user, ends_before })
    }
}

/// The sections that are told to a caller, and those of which it is not known.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) sections: Vec<Section>,
    unknown: Vec<Section>,
}

impl Told {
    /// Goes on if all is told still that was told before.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`; `UNAVAILABLE` / `FACTS_UNAVAILABLE` if it is not known.
    pub(super) fn includes(&self, before: &Self, space: SpaceName) -> Result<(), Fault> {
        let gone: Vec<_> =
            before.sections.iter().filter(|section| !self.sections.contains(section)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        if gone.iter().all(|section| self.unknown.contains(section)) {
            let owners: Vec<_> = gone.iter().map(|section| section.owner().name()).collect();
            return Err(Fault::facts_unavailable(&owners));
        }
        Err(Fault::permission_denied(Permission::MembersList.name(), space))
    }
}

/// Goes on if the caller may read anything.
///
/// # Errors
/// `PERMISSION_DENIED`, the same whether or not there is such a space (R-P3); `UNAVAILABLE` / `FACTS_UNAVAILABLE`.
pub(super) async fn told(context: &Context, caller: &Caller, space: SpaceName) -> Result<Told, Fault> {
    let owners = [Service::Membership, Service::Billing, Service::Marketplace];
    let standing = context.gate.facts(&caller.principal, space, &owners).await?;
    let facts = standing.facts();
    let of = |outcome| {
        let is_so = |section: &Section| section.is_told(facts) == outcome;
        Section::ALL.into_iter().filter(is_so).collect::<Vec<_>>()
    };
    let (sections, unknown) = (of(Outcome::Allowed), of(Outcome::Unavailable));
    if !sections.is_empty() {
        return Ok(Told { sections, unknown });
    }
    let missing = facts.missing().intersection(owners.into_iter().map(OwnerSet::of).collect());
    if !unknown.is_empty() {
        let names: Vec<_> = missing.iter().map(Service::name).collect();
        return Err(Fault::facts_unavailable(&names));
    }
    Err(Fault::permission_denied(Permission::MembersList.name(), space))
}

/// Some of the bindings that a question is about, each with its place.
pub(super) struct Found {
    /// Nothing is told of those that have ended.
    pub(super) bindings: Vec<(Place, Option<RoleBinding>)>,
    /// The planes that were gone into and are not known.
    pub(super) unknown: Vec<Plane>,
}

/// The bindings after a place, at most `limit` of them: fewer are the last ones.
///
/// # Errors
/// Faults of the database. What the owner of another plane does not answer is passed over and named.
pub(super) async fn after(
    context: &Context,
    question: &Question,
    told: &Told,
    place: &Place,
    limit: usize,
) -> Result<Found, Fault> {
    let mut found = Found { bindings: Vec::new(), unknown: Vec::new() };
    for section in Section::ALL.into_iter().filter(|section| *section >= place.section) {
        let room = limit.saturating_sub(found.bindings.len());
        if room == 0 {
            break;
        }
        if told.unknown.contains(&section) {
            found.pass_over(section);
        }
        if !told.sections.contains(&section) {
            continue;
        }
        let key = if section == place.section { place.after.as_str() } else { "" };
        match of_section(context, question, section, key, room).await {
            Ok(bindings) => found.bindings.extend(bindings),
            Err(fault) if fault.reason() == Reason::FactsUnavailable && section != Section::Console => {
                found.pass_over(section);
            }
            Err(fault) => return Err(fault),
        }
    }
    found.mark_deactivated(context).await?;
    Ok(found)
}

impl Found {
    /// R-M12: by what this service knows of people, whoever knows of the role.
    async fn mark_deactivated(&mut self, context: &Context) -> Result<(), Fault> {
        let bindings = || self.bindings.iter().filter_map(|(_, binding)| binding.as_ref());
        let people: BTreeSet<UserName> = bindings().filter_map(|binding| binding.user.parse().ok()).collect();
        let deactivated = standing::deactivated(&mut context.pool.read().await?, &people).await?;
        let deactivated: BTreeSet<String> = deactivated.iter().map(ToString::to_string).collect();
        for binding in self.bindings.iter_mut().filter_map(|(_, binding)| binding.as_mut()) {
            binding.deactivated = deactivated.contains(&binding.user);
        }
        Ok(())
    }

    fn pass_over(&mut self, section: Section) {
        if !self.unknown.contains(&section.plane()) {
            self.unknown.push(section.plane());
        }
    }
}

async fn of_section(
    context: &Context,
    question: &Question,
    section: Section,
    after: &str,
    room: usize,
) -> Result<Vec<(Place, Option<RoleBinding>)>, Fault> {
    let own = matches!(section, Section::Console | Section::Derived);
    let listed = if own {
        of_members(context, question, section, after, room).await?
    } else if question.ends_before.is_some() && section != Section::Apps {
        // Admins of other planes don't end by themselves.
        Vec::new()
    } else {
        of_peer(context, question, section, after, room).await?
    };
    let place = |(after, binding)| (Place { section, after }, binding);
    Ok(listed.into_iter().map(place).collect())
}

async fn of_members(
    context: &Context,
    question: &Question,
    section: Section,
    after: &str,
    room: usize,
) -> Result<Vec<(String, Option<RoleBinding>)>, Fault> {
    let page = store::review::Page {
        space: question.space,
        after,
        user: question.user.as_ref(),
        ends_before: question.ends_before,
        viewing: section == Section::Derived,
        limit: i64::try_from(room).unwrap_or(i64::MAX),
    };
    let mut db = context.pool.read().await?;
    let members = store::review::list(&mut db, &page, context.clock.now()).await?;
    let key = |member: &Member| member.name.user.id().to_owned();
    if section == Section::Derived {
        return Ok(members.iter().map(|member| (key(member), Some(derived(member)))).collect());
    }
    let given: Vec<_> = members.iter().map(given).collect();
    let by = actors(&mut db, &given).await?;
    Ok(members.iter().zip(by).map(|(member, by)| (key(member), Some(direct(member, by)))).collect())
}

/// The change by which a member has the role.
fn given(member: &Member) -> Changed {
    Changed { scope: member.name.space.into(), time: member.role_time, resource: member.name.to_string() }
}

fn direct(member: &Member, given_by: String) -> RoleBinding {
    RoleBinding {
        user: member.name.user.to_string(),
        plane: plane_to_wire(Plane::Console).into(),
        resource: member.name.space.to_string(),
        role: role_to_wire(member.membership.role.into()).into(),
        view_all_apps: member.membership.view_all_apps,
        way: Way::Direct.into(),
        start_time: Some(member.role_time.into()),
        given_by,
        expire_time: member.membership.expire_time.map(Into::into),
        emergency: member.emergency,
        ..RoleBinding::default()
    }
}

fn derived(member: &Member) -> RoleBinding {
    RoleBinding {
        user: member.name.user.to_string(),
        plane: plane_to_wire(Plane::App).into(),
        resource: member.name.space.to_string(),
        role: role_to_wire(Role::AppViewer).into(),
        way: Way::Derived.into(),
        derived_from: role_to_wire(member.membership.role.into()).into(),
        expire_time: member.membership.expire_time.map(Into::into),
        emergency: member.emergency,
        ..RoleBinding::default()
    }
}

async fn of_peer(
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
        Section::Console | Section::Derived | Section::Apps => {
            let ask = |channel, request| async move {
                SpaceRecordsServiceClient::new(channel).list_app_bindings(request).await
            };
            let request = ListAppBindingsRequest { question: wanted, ends_before };
            context.peers.ask(Service::Space, request, ask).await?.bindings
        }
    };
    let read = |binding: Binding| {
        told_by_peer(question.space, section, binding).ok_or_else(|| Peers::unreadable(section.owner()))
    };
    bindings.into_iter().map(read).collect()
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
        way: Way::Direct.into(),
        start_time: told.start_time,
        given_by: told.given_by,
        expire_time: told.expire_time,
        ..RoleBinding::default()
    };
    Some((told.key, Some(binding).filter(|_| !told.ended)))
}
