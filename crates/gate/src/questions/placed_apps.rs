//! The apps on which a person may have a permission, in the order of their places: those on which the person has a
//! contributor role that can grant it, and all apps of the spaces in which the person's console role can.
use std::collections::BTreeSet;

use devspaces_authz::{AppRole, Facts, OwnerSet, Service};
use devspaces_kit::{
    name::{AppName, Principal, SpaceName},
    status::Fault,
};
use futures::future::try_join;
use uuid::Uuid;

use super::{reach::Reach, walk::Candidates};
use crate::{
    gate::Gate,
    owner::{MAX_SPACES, PlacedApp},
    verdict::unavailable,
};

/// The apps on which a subject may have a permission.
pub(super) struct PlacedApps<'a> {
    pub(super) gate: &'a Gate,
    pub(super) subject: Principal,
    pub(super) reach: Reach,
}

impl PlacedApps<'_> {
    /// Candidates after a place.
    pub(super) async fn candidates(
        &self,
        after: Option<PlacedApp>,
        limit: usize,
    ) -> Result<Candidates<PlacedApp>, Fault> {
        let both = try_join(self.contributed(after, limit), self.viewed(after, limit));
        Ok(merged(Box::pin(both).await?.into()))
    }

    /// Those by a contributor role.
    async fn contributed(
        &self,
        after: Option<PlacedApp>,
        limit: usize,
    ) -> Result<Candidates<PlacedApp>, Fault> {
        let (roles, person): (&[AppRole], _) = (&self.reach.contributor, self.subject.as_user());
        let source = self.gate.sources().of(Service::Space).filter(|_| !roles.is_empty());
        let (Some(source), Some(person)) = (source, person) else { return Ok(none()) };
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let apps = source.contributed_apps(&person, roles, after, most).await;
        let apps = apps.ok_or_else(|| unavailable(OwnerSet::APP))?;
        let through = if apps.len() >= limit { apps.last().copied() } else { None };
        Ok(Candidates { keys: apps, through })
    }

    /// Those by a console role. So many spaces are gone through at once.
    async fn viewed(&self, after: Option<PlacedApp>, limit: usize) -> Result<Candidates<PlacedApp>, Fault> {
        let mut owners = self.reach.owners_in_spaces();
        owners.retain(|owner| *owner == Service::Membership);
        let source = self.gate.sources().of(Service::Space).filter(|_| !owners.is_empty());
        let Some(source) = source else { return Ok(none()) };
        let before = after.and_then(|after| after.space).map(SpaceName::before);
        let spaces = self.gate.subject_spaces_by(&owners, &self.subject, before, MAX_SPACES).await?;
        let more = spaces.last().map(|(space, _)| *space).filter(|_| spaces.len() >= MAX_SPACES);
        let covers = |(space, facts): (SpaceName, Facts)| self.reach.covers(&facts).then_some(space);
        let viewed: Vec<SpaceName> = spaces.into_iter().filter_map(covers).collect();
        let mut apps = Vec::new();
        if !viewed.is_empty() {
            let within = after.filter(|after| after.space == viewed.first().copied());
            let within = within.map_or(AppName::NIL, |after| after.app);
            let most = i64::try_from(limit).unwrap_or(i64::MAX);
            let listed = source.apps_of_spaces(&viewed, within, most).await;
            apps = listed.ok_or_else(|| unavailable(OwnerSet::APP))?;
        }
        let cut = apps.last().copied().filter(|_| apps.len() >= limit);
        Ok(Candidates { keys: apps, through: cut.or_else(|| more.map(end_of)) })
    }
}

fn none() -> Candidates<PlacedApp> {
    Candidates { keys: Vec::new(), through: None }
}

/// Both together, up to where both are complete.
fn merged(lists: [Candidates<PlacedApp>; 2]) -> Candidates<PlacedApp> {
    let through = lists.iter().filter_map(|list| list.through).min();
    let all: BTreeSet<PlacedApp> = lists.into_iter().flat_map(|list| list.keys).collect();
    let keys = all.into_iter().filter(|app| through.is_none_or(|through| *app <= through)).collect();
    Candidates { keys, through }
}

/// Behind every app of a space.
fn end_of(space: SpaceName) -> PlacedApp {
    PlacedApp { space: Some(space), app: AppName(Uuid::max()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::space;

    fn app(space: Option<SpaceName>, id: u128) -> PlacedApp {
        PlacedApp { space, app: AppName(Uuid::from_u128(id)) }
    }

    #[test]
    fn two_lists_are_merged_up_to_where_both_are_complete() {
        let (one, two) = (Some(space(1)), Some(space(2)));
        let list = |keys: &[PlacedApp], through| Candidates { keys: keys.to_vec(), through };
        let own = list(&[app(None, 9), app(one, 2), app(two, 1)], Some(app(two, 1)));
        let viewed = list(&[app(one, 1), app(one, 2), app(one, 3)], Some(app(one, 3)));
        let both = merged([own, viewed]);
        assert_eq!(both.keys, [app(None, 9), app(one, 1), app(one, 2), app(one, 3)]);
        assert_eq!(both.through, Some(app(one, 3)));
        let ended = merged([list(&[app(one, 1)], None), list(&[], Some(end_of(space(1))))]);
        assert_eq!((ended.keys, ended.through), (vec![app(one, 1)], Some(end_of(space(1)))));
        let whole = merged([list(&[app(two, 1)], None), list(&[app(one, 1)], None)]);
        assert_eq!((whole.keys, whole.through), (vec![app(one, 1), app(two, 1)], None));
    }

    #[test]
    fn a_space_begins_after_the_place_before_it() {
        assert_eq!(space(7).before(), space(6));
        assert!(space(7).before() < space(7) && end_of(space(6)) < app(Some(space(7)), 0));
    }
}
