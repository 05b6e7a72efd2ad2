use std::{borrow::Cow, future::Future};

use devspaces_authz::Facts;
use devspaces_kit::status::{Blockers, Fault};
use devspaces_ledger::{Abort, Mutation, Tx};
use prost::Message;

use crate::Pass;

/// A change that the gate let pass: a [`Mutation`] once [`Pass::guard`] has made it one, which decides again inside the
/// transaction (rule Acting). There is no other way to what a handler may know of the caller there.
pub trait GuardedChange: Send + Sync + 'static {
    /// What the caller is told.
    type Reply: Message + Clone + Default + 'static;

    /// As [`Mutation::REVOKES`].
    const REVOKES: bool = false;

    /// As [`Mutation::FALLS_DUE`].
    const FALLS_DUE: bool = false;

    /// As [`Mutation::takes_away`].
    fn takes_away(&self) -> bool {
        true
    }

    /// As [`Mutation::kept`].
    fn kept(reply: &Self::Reply) -> Cow<'_, Self::Reply> {
        Cow::Borrowed(reply)
    }

    /// Makes the change in a transaction in which the caller was found to be still permitted: checks what else must hold,
    /// writes, records. It may be run more than once, each time in a new transaction.
    fn once(
        &self,
        tx: &mut Tx,
        confirmed: &Confirmed<'_>,
    ) -> impl Future<Output = Result<Self::Reply, Abort>> + Send;
}

/// What was decided again in the transaction.
pub struct Confirmed<'a> {
    pass: &'a Pass,
    facts: Facts,
}

impl Confirmed<'_> {
    /// What the decision was made from. Facts that it did not need are missing.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What stands in the way of a change so far: that the space is archived (R-S5), also of a deleted space, which was
    /// archived before. The change adds what else does, so that all of it is told at once. Only after
    /// [`Gate::require_active`](crate::Gate::require_active), without which the state of the space is not known.
    ///
    /// # Errors
    /// `UNAVAILABLE` if the state could not be had; `PERMISSION_DENIED` if there is no such space (R-P3).
    pub fn blockers(&self) -> Result<Blockers, Fault> {
        self.pass.blockers(&self.facts)
    }
}

/// A change behind the pass that permits it.
pub struct Guarded<C> {
    pass: Pass,
    change: C,
}

impl Pass {
    /// The change that this permits, which decides again in each transaction that it is run in.
    ///
    /// # Errors
    /// Those of the change, and `PERMISSION_DENIED` if the caller has the permission no longer; `UNAVAILABLE` if an app
    /// moved to another space meanwhile, whose facts were not gathered, if the caller ceased to be a member meanwhile and
    /// that has had its effects here already, or facts were missing that would decide now; `INTERNAL`, for a defect, if
    /// the transaction does not hold the scopes of these facts, which could then change before it commits.
    pub fn guard<C: GuardedChange>(self, change: C) -> Guarded<C> {
        Guarded { pass: self, change }
    }
}

/// A change that takes two permissions: both are decided again.
impl<C: GuardedChange> GuardedChange for Guarded<C> {
    type Reply = C::Reply;
    const REVOKES: bool = C::REVOKES;
    const FALLS_DUE: bool = C::FALLS_DUE;

    fn takes_away(&self) -> bool {
        self.change.takes_away()
    }

    fn kept(reply: &C::Reply) -> Cow<'_, C::Reply> {
        C::kept(reply)
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<C::Reply, Abort> {
        Mutation::once(self, tx).await
    }
}

impl<C: GuardedChange> Mutation for Guarded<C> {
    type Reply = C::Reply;
    const REVOKES: bool = C::REVOKES;
    const FALLS_DUE: bool = C::FALLS_DUE;

    fn takes_away(&self) -> bool {
        self.change.takes_away()
    }

    fn kept(reply: &C::Reply) -> Cow<'_, C::Reply> {
        C::kept(reply)
    }

    async fn once(&self, tx: &mut Tx) -> Result<C::Reply, Abort> {
        let facts = self.pass.confirm(tx).await?;
        self.change.once(tx, &Confirmed { pass: &self.pass, facts }).await
    }
}
