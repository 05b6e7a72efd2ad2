//! The calls of a walk that are about people as a whole and about invitations, those of the operator, and time that passes.
use std::time::Duration;

use devspaces_proto::{
    membership::v1::{Invitation, invitation::Invitee},
    space::v1::standing::Reason,
};
use devspaces_tests::{
    Persona,
    sql::{EFFECTS, count, texts},
};
use tonic::Status;

use super::{
    op::Op,
    stage::Stage,
    world::{Activity, World},
};
use crate::acts::{
    invitations::{accepts_invitation, declines_invitation, invites, revokes_invitation},
    people::{deactivates_by, emergency, grants_emergency, reactivates_by},
    suspensions::{lifts, suspends_app, suspends_space},
};

/// Those whose console roles end at some time. What follows from an end takes the role from the table.
const ENDING: &str = "SELECT person FROM member WHERE expire_time IS NOT NULL";
/// Those whose removal is yet to come, or goes on.
const LEAVING: &str = "SELECT person FROM deactivation WHERE state IN ('DEACTIVATED', 'REMOVING')";

impl Stage<'_> {
    pub(super) async fn changes_standing(&self, who: &Persona, op: &Op) -> Result<(), Status> {
        match *op {
            Op::PassTime { hours } => {
                let hours = u64::try_from(hours).expect("few");
                self.suite.clock.advance(Duration::from_hours(hours));
                Ok(())
            }
            Op::DeactivateUser { person } => deactivates_by(who, &self.people[person]).await.map(drop),
            Op::ReactivateUser { person } => reactivates_by(who, &self.people[person]).await.map(drop),
            Op::GrantEmergencyAdmin { space, person, hours } => {
                let seconds = 3600 * i64::try_from(hours).expect("few");
                let request = emergency(self.suite, &self.spaces[space], &self.people[person], seconds);
                grants_emergency(who, request).await.map(drop)
            }
            _ => unreachable!("{op:?} changes nobody's standing"),
        }
    }

    pub(super) async fn suspends(&self, who: &Persona, op: &Op) -> Result<(), Status> {
        match *op {
            Op::SuspendApp { app } => suspends_app(who, &self.apps[app], Reason::Abuse).await,
            Op::LiftOfApp { app } => lifts(who, &self.apps[app], Reason::Abuse).await,
            Op::SuspendSpace { space } => suspends_space(who, &self.spaces[space], Reason::Abuse).await,
            Op::LiftOfSpace { space } => lifts(who, &self.spaces[space], Reason::Abuse).await,
            _ => unreachable!("{op:?} suspends nothing"),
        }
        .map(drop)
    }

    pub(super) async fn changes_invitation(&mut self, who: &Persona, op: &Op) -> Result<(), Status> {
        let named = |invitation: usize| &self.invitations[invitation];
        match *op {
            Op::CreateInvitation { space, person, role, view_all_apps, end } => {
                let invitation = Invitation {
                    invitee: Some(Invitee::User(self.user(person))),
                    role: role.into(),
                    view_all_apps,
                    role_expire_time: self.end(end),
                    ..Invitation::default()
                };
                let made = invites(who, &self.spaces[space], invitation).await?;
                self.invitations.push((made.name, made.token));
                Ok(())
            }
            Op::AcceptInvitation { invitation } => {
                let (name, token) = named(invitation);
                accepts_invitation(who, name, token).await.map(drop)
            }
            Op::DeclineInvitation { invitation } => {
                let (name, token) = named(invitation);
                declines_invitation(who, name, token).await.map(drop)
            }
            Op::RevokeInvitation { invitation } => {
                revokes_invitation(who, &named(invitation).0).await.map(drop)
            }
            _ => unreachable!("{op:?} is about no invitation"),
        }
    }

    /// Whether all has come that follows from time which has passed: what a person loses with a role comes a moment later.
    pub(super) async fn has_settled(&self, world: &World) -> Result<(), String> {
        let Some(pool) = &self.membership else { return Ok(()) };
        let of_walk = async |query| {
            let people = texts(pool, query).await;
            people.iter().filter(|person| person.starts_with(&self.mark)).count()
        };
        let members = world.spaces.iter().flat_map(|space| space.members.values());
        let ending = members.filter(|member| member.end.is_some()).count();
        let is_leaving = |activity: &&Activity| matches!(activity, Activity::Deactivated(_));
        let leaving = world.people.iter().filter(is_leaving).count();
        let found = (of_walk(ENDING).await, of_walk(LEAVING).await, count(pool, EFFECTS).await);
        if found == (ending, leaving, 0) {
            return Ok(());
        }
        Err(format!(
            "roles that end, people who are removed, effects: {:?}, but {found:?}",
            (ending, leaving, 0)
        ))
    }
}
