//! What the rules say of invitations (R-M9).
use std::collections::BTreeSet;

use devspaces_proto::membership::v1::ConsoleRole;
use tonic::Code;

use super::{
    members::is_fitting,
    op::{Hours, Op},
    world::{Actor, Answer, Invitation, Member, No, On, State, Told, World},
};

/// For how many hours an invitation can be accepted.
const WEEK: usize = 7 * 24;

impl Invitation {
    /// Whether nobody has ended it: then it is pending, or has expired.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Pending
    }

    pub(super) fn state_at(&self, hour: usize) -> State {
        if self.is_open() && self.expires <= hour { State::Expired } else { self.state }
    }

    fn ends(&mut self, state: State, hour: usize) {
        self.state = state;
        self.ended = Some(hour);
    }
}

impl World {
    /// R-S5
    pub(super) fn create_invitation(
        &mut self,
        actor: Actor,
        (space, person): (usize, usize),
        (role, view_all_apps): (ConsoleRole, bool),
        end: Hours,
    ) -> Answer {
        let inviter = self.require(actor, "invitations.update", On::Space(space))?;
        if !is_fitting(role, view_all_apps) {
            return Err(No::invalid());
        }
        No::if_any([(self.spaces[space].archived, "SPACE_ARCHIVED")])?;
        if self.spaces[space].members.contains_key(&person) {
            return Err(No::because(Code::AlreadyExists, "MEMBER_EXISTS"));
        }
        let hour = self.hour;
        let mut earlier = self.invitations.iter_mut().filter(|it| (it.space, it.person) == (space, person));
        if earlier.any(|it| it.state_at(hour) == State::Pending) {
            return Err(No::because(Code::AlreadyExists, "INVITATION_EXISTS"));
        }
        // One that has expired has ended for good.
        let earlier = self.invitations.iter_mut().filter(|it| (it.space, it.person) == (space, person));
        earlier.filter(|it| it.is_open()).for_each(|it| it.ends(State::Expired, it.expires));
        let end = self.end(end);
        let expires = end.map_or(hour + WEEK, |end| end.min(hour + WEEK));
        let state = State::Pending;
        self.invitations.push(Invitation {
            space,
            inviter,
            person,
            role,
            view_all_apps,
            end,
            expires,
            state,
            ended: None,
        });
        Ok(Told::default())
    }

    /// R-S5, R-M12: nobody comes in by an inviter who is deactivated.
    pub(super) fn accept_invitation(&mut self, actor: Actor, invitation: usize) -> Answer {
        let person = self.invited(actor, invitation)?;
        let it = &self.invitations[invitation];
        let ended = it.state_at(self.hour) != State::Pending || !self.is_active(it.inviter);
        No::if_any([(ended, "INVITATION_ENDED")])?;
        No::if_any([(self.spaces[it.space].archived, "SPACE_ARCHIVED")])?;
        let member = Member {
            role: it.role,
            view_all_apps: it.view_all_apps,
            since: self.now,
            end: it.end,
            emergency: false,
        };
        let members = &mut self.spaces[it.space].members;
        if members.contains_key(&person) {
            return Err(No::because(Code::AlreadyExists, "MEMBER_EXISTS"));
        }
        members.insert(person, member);
        self.invitations[invitation].ends(State::Accepted, self.hour);
        Ok(Told::default())
    }

    pub(super) fn decline_invitation(&mut self, actor: Actor, invitation: usize) -> Answer {
        self.invited(actor, invitation)?;
        let it = &mut self.invitations[invitation];
        No::if_any([(it.state_at(self.hour) != State::Pending, "INVITATION_ENDED")])?;
        it.ends(State::Declined, self.hour);
        Ok(Told::default())
    }

    /// One that has expired as well, unless for good: it could be sent again.
    pub(super) fn revoke_invitation(&mut self, actor: Actor, invitation: usize) -> Answer {
        self.require(actor, "invitations.update", On::Space(self.invitations[invitation].space))?;
        let it = &mut self.invitations[invitation];
        No::if_any([(!it.is_open(), "INVITATION_ENDED")])?;
        it.ends(State::Revoked, self.hour);
        Ok(Told::default())
    }

    /// Goes on if the invitation is the caller's: to others it looks like one that does not exist.
    fn invited(&self, actor: Actor, invitation: usize) -> Result<usize, No> {
        let person = self.require_person(actor)?;
        if self.invitations[invitation].person == person { Ok(person) } else { Err(No::denied()) }
    }

    /// Those that somebody made who is not Admin any more; the ones that are told were pending.
    pub(super) fn void_invitations_by(&mut self, space: usize, person: usize) -> BTreeSet<usize> {
        self.void_invitations(|it| (it.space, it.inviter) == (space, person))
    }

    /// Those of somebody who goes.
    pub(super) fn void_invitations_of(&mut self, space: usize, person: usize) -> BTreeSet<usize> {
        self.void_invitations(|it| (it.space, it.person) == (space, person))
    }

    fn void_invitations(&mut self, which: impl Fn(&Invitation) -> bool) -> BTreeSet<usize> {
        let mut void = BTreeSet::new();
        for (number, it) in self.invitations.iter_mut().enumerate().filter(|(_, it)| which(it)) {
            if it.state_at(self.hour) == State::Pending {
                void.insert(number);
            }
            if it.is_open() {
                it.ends(State::Void, self.hour);
            }
        }
        void
    }

    /// Whether an invitation may be listed no longer: it depends on how soon after its time it is forgotten.
    pub(super) fn is_old(&self, invitation: usize) -> bool {
        let it = &self.invitations[invitation];
        self.is_long_ago(it.ended.map_or(it.expires, |ended| ended.min(it.expires)))
    }

    /// Whether a call is about such an invitation.
    pub(super) fn is_forgotten(&self, op: &Op) -> bool {
        match *op {
            Op::AcceptInvitation { invitation }
            | Op::DeclineInvitation { invitation }
            | Op::RevokeInvitation { invitation } => self.is_old(invitation),
            _ => false,
        }
    }
}
