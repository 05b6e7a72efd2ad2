//! Lists that are put together from what several owners say: whole, or not given at all.
use std::collections::BTreeMap;

use devspaces_authz::{AppRole, Facts, OwnerSet, Permission, Service, SubjectKind, decide};
use devspaces_kit::{
    clock::Timestamp,
    name::{Principal, RoleTarget, SpaceName, UserName},
    page::MAX_SIZE,
    server::{LongWork, long_work},
    status::Fault,
};
use futures::future::join_all;

use crate::{
    gate::Gate,
    owner::{ConsoleHolder, Held, Viewers},
    verdict::unavailable,
};

/// Up to so many spaces of one person no list is long work: more than people have, as a rule.
const FEW: usize = 100;

impl Gate {
    /// The spaces after `after` in which a person holds a role on any plane, at most `limit` of them in the order of
    /// their ids, each with the roles there (R-S2). The owners are asked after this call began. Of a space in which
    /// someone holds no role of an owner's plane, that owner's facts are empty: what is more than a role, such as a
    /// space's state, is not told here.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if any owner can't be reached: the list is complete or not given at all.
    pub async fn subject_spaces(
        &self,
        subject: &Principal,
        after: Option<SpaceName>,
        limit: usize,
    ) -> Result<Vec<(SpaceName, Facts)>, Fault> {
        let _long = if limit > FEW + 1 { Some(long_work().await?) } else { None };
        self.spaces_by(&Service::ALL, subject, Held::InEffect, after, limit).await
    }

    /// As [`subject_spaces`](Self::subject_spaces), with the spaces in which nothing is held but what is
    /// [dormant](Held::Dormant): of those, too, the owner of apps says that the person contributes.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if any owner can't be reached: the list is complete or not given at all.
    pub async fn held_spaces(
        &self,
        subject: &Principal,
        after: Option<SpaceName>,
        limit: usize,
    ) -> Result<Vec<(SpaceName, Facts)>, Fault> {
        let _long = if limit > FEW + 1 { Some(long_work().await?) } else { None };
        self.spaces_by(&Service::ALL, subject, Held::Dormant, after, limit).await
    }

    /// As [`subject_spaces`](Self::subject_spaces), by what these owners alone say.
    pub(crate) async fn subject_spaces_by(
        &self,
        owners: &[Service],
        subject: &Principal,
        after: Option<SpaceName>,
        limit: usize,
    ) -> Result<Vec<(SpaceName, Facts)>, Fault> {
        let _long = if limit > FEW + 1 { Some(long_work().await?) } else { None };
        self.spaces_by(owners, subject, Held::InEffect, after, limit).await
    }

    /// Whether a person holds a role of an owner's plane in a space, whether or not they are active, which facts say of nobody
    /// who was deactivated (R-M12). The owner is asked after this call began.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if the owner can't be reached.
    pub async fn holds(&self, owner: Service, subject: &Principal, space: SpaceName) -> Result<bool, Fault> {
        let next = self.spaces_by(&[owner], subject, Held::InEffect, Some(space.before()), 1).await?;
        Ok(next.first().is_some_and(|(found, _)| *found == space))
    }

    /// Every space whose apps all are shown to a person because of a console role there (R-A4), in the order of their
    /// ids. Membership is asked after this call began. If there are many, what follows is long work for as long as the
    /// right to it is kept.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if membership can't be reached; `RESOURCE_EXHAUSTED` if there are many spaces
    /// and too much long work goes on.
    pub async fn spaces_of_viewer(
        &self,
        subject: &Principal,
    ) -> Result<(Vec<SpaceName>, Option<LongWork>), Fault> {
        let (mut viewed, mut after, mut size, mut long) = (Vec::new(), None, FEW, None);
        loop {
            let page = self.spaces_by(&[Service::Membership], subject, Held::InEffect, after, size).await?;
            after = page.last().map(|(space, _)| *space);
            let more = page.len() == size;
            viewed
                .extend(page.into_iter().filter(|(_, facts)| views_all_apps(facts)).map(|(space, _)| space));
            if !more {
                return Ok((viewed, long));
            }
            if long.is_none() {
                long = Some(long_work().await?);
                size = MAX_SIZE;
            }
        }
    }

    /// The people whose console role makes them viewers of every app in a space, whether they are active or not, in the order of
    /// their ids (R-A4). Membership is asked after this call began.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if membership can't be reached.
    pub async fn derived_viewers(
        &self,
        space: SpaceName,
        which: Viewers<'_>,
    ) -> Result<Vec<ConsoleHolder>, Fault> {
        let Some(source) = self.sources().of(Service::Membership) else { return Ok(Vec::new()) };
        let viewers = source.derived_viewers(space, which).await;
        viewers.ok_or_else(|| unavailable(OwnerSet::of(Service::Membership)))
    }

    /// Every role that a person has in their own right on an app of the space, soft-deleted apps included, or on an app group,
    /// in the order of what they are on.
    /// The owner of apps is asked after this call began.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if the owner can't be reached.
    pub async fn app_roles(
        &self,
        space: SpaceName,
        person: &UserName,
    ) -> Result<Vec<(RoleTarget, AppRole)>, Fault> {
        let Some(source) = self.sources().of(Service::Space) else { return Ok(Vec::new()) };
        let limit = i64::try_from(MAX_SIZE).unwrap_or(i64::MAX);
        let (mut roles, mut after) = (Vec::new(), RoleTarget::FIRST);
        loop {
            let page = source.app_roles(space, person, after, limit).await;
            let page = page.ok_or_else(|| unavailable(OwnerSet::APP))?;
            let more = page.len() == MAX_SIZE;
            after = page.last().map_or(after, |(target, _)| *target);
            roles.extend(page);
            if !more {
                return Ok(roles);
            }
        }
    }

    async fn spaces_by(
        &self,
        owners: &[Service],
        subject: &Principal,
        held: Held,
        after: Option<SpaceName>,
        limit: usize,
    ) -> Result<Vec<(SpaceName, Facts)>, Fault> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let asked = self.sources().iter().filter(|source| owners.contains(&source.owner()));
        let listing = asked.map(|source| async move {
            (source.owner(), source.subject_spaces(subject, held, after, most).await)
        });
        let mut spaces = BTreeMap::new();
        let mut missing = OwnerSet::EMPTY;
        for (owner, listed) in join_all(listing).await {
            let Some(listed) = listed else {
                missing = missing.union(OwnerSet::of(owner));
                continue;
            };
            for (space, facts) in listed {
                let all = spaces.entry(space).or_insert_with(|| Facts::of(SubjectKind::User));
                // The owner has left out what had expired by its own time.
                facts.enter(all, Timestamp::EPOCH);
            }
        }
        if !missing.is_empty() {
            return Err(unavailable(missing));
        }
        // An owner that stopped at the limit has told of every space up to its last, so the first ones are complete.
        Ok(spaces.into_iter().take(limit).collect())
    }
}

/// Whether these facts of a space alone show all its apps, whoever contributes to them: what they permit to someone who
/// contributes to none.
#[must_use]
pub fn views_all_apps(facts: &Facts) -> bool {
    let membership = facts.membership;
    decide(Permission::AppsList, &Facts { membership, ..Facts::of(SubjectKind::User) }).is_allowed()
}
