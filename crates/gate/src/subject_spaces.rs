//! Where someone holds a role on any plane: one list out of every owner's.
use std::collections::BTreeMap;

use devspaces_authz::{Facts, OwnerSet, SubjectKind};
use devspaces_kit::{
    clock::Timestamp,
    name::{Principal, SpaceName},
    status::Fault,
};
use futures::future::join_all;

use crate::gate::{Gate, unavailable};

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
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let listing = self
            .sources()
            .iter()
            .map(|source| async move { (source.owner(), source.subject_spaces(subject, after, most).await) });
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
