//! The roles in a space, plane by plane, as far as they are told to who asks (R-M13).
use std::collections::BTreeSet;

use devspaces_authz::{Outcome, OwnerSet, Permission, Plane, Role, Service};
use devspaces_gate::{Context, plane_to_wire, role_to_wire};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, UserName},
    status::{Fault, Reason},
};
use devspaces_ledger::{
    journal::{Changed, actors},
    standing,
};
use devspaces_proto::membership::v1::{RoleBinding, role_binding::Way};

use super::{
    peers,
    section::{Place, Question, Section},
};
use crate::{domain::Member, store};

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
    // An owner that did not answer in time is not waited for a second time.
    let mut silent = Vec::new();
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
        if silent.contains(&section.owner()) {
            found.pass_over(section);
            continue;
        }
        let key = if section == place.section { place.after.as_str() } else { "" };
        match of_section(context, question, section, key, room).await {
            Ok(bindings) => found.bindings.extend(bindings),
            Err(fault) if fault.reason() == Reason::FactsUnavailable && section != Section::Console => {
                silent.push(section.owner());
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
    } else if question.ends_before.is_some() && section.owner() != Service::Space {
        // Admins of other planes don't end by themselves.
        Vec::new()
    } else {
        peers::roles(context, question, section, after, room).await?
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
