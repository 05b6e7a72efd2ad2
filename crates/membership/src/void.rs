//! What makes invitations void, for good (R-M5, R-M9).
use std::collections::BTreeSet;

use devspaces_authz::ConsoleRole;
use devspaces_kit::name::{InvitationName, MemberName};
use devspaces_ledger::{Abort, Tx, standing};
use serde_json::{Value, json};

use crate::{
    domain::{Invitation, Invitee, State},
    store,
};

/// Whether whoever made an invitation is Admin still, and active until the transaction ends: nobody comes in by somebody who may
/// do nothing (R-M12). Once the role was another, the invitation is stored as void, but for a role that has just ended and had
/// no consequences yet.
pub(crate) async fn inviter_is_admin(tx: &mut Tx, invitation: &Invitation) -> Result<bool, Abort> {
    let inviter = MemberName { space: invitation.name.space, user: invitation.inviter.clone() };
    let now = tx.time();
    let found = store::member::find(tx, &inviter, now).await?;
    let is_admin = found.is_some_and(|member| member.membership.role == ConsoleRole::Admin);
    Ok(is_admin && standing::hold(tx, &invitation.inviter).await?)
}

/// Invitations that become void with a change of somebody's role, as a part of that change.
pub(crate) struct Voided {
    /// Whose they are, if it is because of who made them.
    by: Option<MemberName>,
    /// What the person was sent, if it is because the person goes.
    of: Option<Invitation>,
    /// All that were pending.
    names: BTreeSet<InvitationName>,
}

impl Voided {
    /// None.
    pub(crate) fn none() -> Self {
        Self { by: None, of: None, names: BTreeSet::new() }
    }

    /// Those that somebody made who is Admin no longer.
    pub(crate) async fn by(tx: &mut Tx, inviter: &MemberName) -> Result<Self, Abort> {
        let now = tx.time();
        let made = store::invitation::pending_by(tx, inviter.space, &inviter.user, now).await?;
        let names = made.iter().map(|invitation| invitation.name).collect();
        Ok(Self { by: Some(inviter.clone()), of: None, names })
    }

    /// Those that somebody made, or was sent, who is a member no longer.
    pub(crate) async fn by_and_of(tx: &mut Tx, person: &MemberName) -> Result<Self, Abort> {
        let mut voided = Self::by(tx, person).await?;
        let invitee = Invitee::Person(person.user.clone());
        voided.of = store::invitation::pending_of(tx, person.space, &invitee).await?;
        let now = tx.time();
        let pending = voided.of.iter().filter(|it| it.state_at(now) == State::Pending).map(|it| it.name);
        voided.names.extend(pending);
        Ok(voided)
    }

    /// What the entry of the change names beside the person.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.names.iter().map(ToString::to_string)
    }

    /// What the entry tells of the person afterwards, and of these.
    pub(crate) fn told_with(&self, after: Value) -> Value {
        if self.names.is_empty() {
            return after;
        }
        json!({ "member": after, "void_invitations": self.names().collect::<Vec<_>>() })
    }

    /// Stores them as void, by the entry that was recorded: those as well that have expired, and could be sent again.
    pub(crate) async fn end(self, tx: &mut Tx, revision: i64) -> Result<(), Abort> {
        let now = tx.time();
        if let Some(inviter) = self.by {
            store::invitation::void_by(tx, inviter.space, &inviter.user, now, revision).await?;
        }
        if let Some(invitation) = self.of {
            let void = Invitation { revision, ..invitation.ended(State::Void, now) };
            store::invitation::put(tx, &void).await?;
        }
        Ok(())
    }
}
