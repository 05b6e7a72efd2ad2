//! Who makes which call, and what it answers: the rules themselves stand in a file for each subject.
use super::{
    op::{APP_GROUPS, APPS, Counts, Op, PEOPLE, Step, Who},
    world::{Actor, Answer, No, Told, World},
};

impl World {
    fn counts(&self) -> Counts {
        Counts {
            apps: self.apps.len(),
            app_groups: self.app_groups.len(),
            invitations: self.invitations.len(),
            transfers: self.transfers.len(),
        }
    }

    /// Whether there is no room for what a call would make, or it takes another suite.
    fn is_left_out(&self, op: &Op) -> bool {
        match op {
            Op::CreateApp { .. } | Op::ImportApp { .. } => {
                self.apps.iter().filter(|app| !app.purged).count() == APPS
            }
            Op::CreateAppGroup { .. } => {
                self.app_groups.iter().filter(|group| !group.deleted).count() == APP_GROUPS
            }
            op => op.needs_own_suite() && !self.own_suite,
        }
    }

    /// What a step comes to, and who makes it: the app is one that there is. `None`: nothing, since there is none yet, or
    /// no room for another.
    pub(super) fn interpret(&self, step: &Step) -> Option<(Actor, Op)> {
        if self.is_left_out(&step.op) {
            return None;
        }
        let variants = || step.op.variants(self.counts()).filter(|op| !self.is_forgotten(op));
        let op = variants().next()?;
        let anyone = Actor::Person(step.actor);
        if step.who == Who::Anyone {
            return Some((anyone, op));
        }
        if step.who == Who::Able {
            let telling = |answer: &Answer| answer.as_ref().is_ok_and(|told| *told != Told::default());
            let able = |such: fn(&Answer) -> bool| {
                variants().find_map(|op| Some((self.someone(step.actor, &op, such)?, op)))
            };
            if let Some(call) = able(telling).or_else(|| able(Result::is_ok)) {
                return Some(call);
            }
        }
        let permitted = self.someone(step.actor, &op, |answer| *answer != Err(No::denied()));
        Some((permitted.unwrap_or(anyone), op))
    }

    /// The so-manieth of those to whom a call would give such an answer.
    fn someone(&self, number: usize, op: &Op, such: impl Fn(&Answer) -> bool) -> Option<Actor> {
        let others = [Actor::Importer, Actor::Offboarding, Actor::Operator];
        let actors = (0..PEOPLE).map(Actor::Person).chain(others);
        let answered: Vec<_> = actors.filter(|actor| such(&self.clone().answer(*actor, op))).collect();
        Some(answered[number.checked_rem(answered.len())?])
    }

    /// What a call answers. It changes the world if it is not refused.
    pub(super) fn answer(&mut self, actor: Actor, op: &Op) -> Answer {
        self.now += 1;
        match *op {
            Op::AddMembers { space, ref people } => self.add_members(actor, space, people),
            Op::UpdateMember { space, person, role, add_on, end } => {
                self.update_member(actor, (space, person), role, add_on, end)
            }
            Op::RemoveMember { space, person, new_owner, keep_app_roles } => {
                self.remove_member(actor, space, person, new_owner, keep_app_roles)
            }
            Op::LeaveSpace { space } => self.leave_space(actor, space),
            Op::ArchiveSpace { space } => self.archive_space(actor, space),
            Op::RestoreSpace { space } => self.restore_space(actor, space),
            Op::UpdateSpace { space, metadata, admins_create } => {
                self.update_space(actor, space, metadata, admins_create)
            }
            Op::AddToGroup { space, person } => self.add_to_group(actor, space, person),
            Op::RemoveFromGroup { space, person } => self.remove_from_group(actor, space, person),
            Op::GrantAppRole { app, space, role, end } => self.grant_app_role(actor, app, space, role, end),
            Op::RevokeAppRole { app, space } => self.revoke_app_role(actor, app, space),
            _ => self.answer_of_apps(actor, op),
        }
    }

    fn answer_of_apps(&mut self, actor: Actor, op: &Op) -> Answer {
        match *op {
            Op::CreateApp { space } => self.create_app(actor, space),
            Op::ImportApp { owner } => self.import_app(actor, owner),
            Op::LinkApp { app, space } => self.link_app(actor, app, space),
            Op::AddContributors { app, ref people } => self.add_contributors(actor, app, people),
            Op::UpdateContributor { app, person, role, end } => {
                self.update_contributor(actor, (app, person), role, end)
            }
            Op::RemoveContributor { app, person } => self.remove_contributor(actor, app, person),
            Op::TransferOwnership { app, new_owner } => self.transfer_ownership(actor, app, new_owner),
            Op::DeleteApp { app } => self.delete_app(actor, app),
            Op::UndeleteApp { app } => self.undelete_app(actor, app),
            Op::SuspendApp { app } => self.suspend_app(actor, app, true),
            Op::LiftOfApp { app } => self.suspend_app(actor, app, false),
            Op::SuspendSpace { space } => self.suspend_space(actor, space, true),
            Op::LiftOfSpace { space } => self.suspend_space(actor, space, false),
            Op::CreateAppGroup { space } => self.create_app_group(actor, space),
            Op::DeleteAppGroup { app_group } => self.delete_app_group(actor, app_group),
            Op::AddApp { app_group, app } => self.add_app(actor, app_group, app),
            Op::RemoveApp { app_group, app } => self.remove_app(actor, app_group, app),
            Op::GrantAppGroupRole { app_group, person, role, end } => {
                self.grant_app_group_role(actor, (app_group, person), role, end)
            }
            Op::RevokeAppGroupRole { app_group, person } => {
                self.revoke_app_group_role(actor, app_group, person)
            }
            Op::InitiateTransfer { app, space } => self.initiate_transfer(actor, app, space),
            Op::AcceptTransfer { transfer } => self.accept_transfer(actor, transfer),
            Op::DeclineTransfer { transfer } => self.decline_transfer(actor, transfer),
            Op::CancelTransfer { transfer } => self.cancel_transfer(actor, transfer),
            _ => self.answer_of_people(actor, op),
        }
    }

    fn answer_of_people(&mut self, actor: Actor, op: &Op) -> Answer {
        match *op {
            Op::PassTime { hours } => Ok(self.pass_time(hours)),
            Op::DeactivateUser { person } => self.deactivate(actor, person),
            Op::ReactivateUser { person } => self.reactivate(actor, person),
            Op::GrantEmergencyAdmin { space, person, hours } => {
                self.grant_emergency(actor, space, person, hours)
            }
            Op::CreateInvitation { space, person, role, view_all_apps, end } => {
                self.create_invitation(actor, (space, person), (role, view_all_apps), end)
            }
            Op::AcceptInvitation { invitation } => self.accept_invitation(actor, invitation),
            Op::DeclineInvitation { invitation } => self.decline_invitation(actor, invitation),
            Op::RevokeInvitation { invitation } => self.revoke_invitation(actor, invitation),
            Op::ConsentToInvoicing { space } => self.consent(actor, space),
            Op::AddBillingAdmin { space, person } => self.add_billing_admin(actor, space, person),
            Op::RemoveBillingAdmin { space, person } => self.remove_billing_admin(actor, space, person),
            Op::AcceptTerms { space } => self.accept_terms(actor, space),
            Op::AddMarketplaceAdmin { space, person } => self.add_marketplace_admin(actor, space, person),
            Op::RemoveMarketplaceAdmin { space, person } => {
                self.remove_marketplace_admin(actor, space, person)
            }
            Op::SubmitListing { app, space } => self.submit_listing(actor, app, space),
            Op::WithdrawListing { app } => self.withdraw_listing(actor, app),
            _ => unreachable!("{op:?} is answered before"),
        }
    }
}
