//! What the rules say of moves of apps between spaces (R-A7, R-A8).
use super::world::{Actor, Answer, Member, No, On, State, Told, Transfer, World};

/// For how many hours a transfer can be accepted.
const WEEK: usize = 7 * 24;

impl Transfer {
    pub(super) fn state_at(&self, hour: usize) -> State {
        let over = self.state == State::Pending && self.expires <= hour;
        if over { State::Expired } else { self.state }
    }

    fn require_pending(&self, hour: usize) -> Result<(), No> {
        No::if_any([(self.state_at(hour) != State::Pending, "TRANSFER_ENDED")])
    }
}

impl World {
    /// Whether an app has a transfer that waits to be accepted.
    pub(super) fn has_pending_transfer(&self, app: usize) -> bool {
        self.transfers.iter().any(|it| it.app == app && it.state_at(self.hour) == State::Pending)
    }

    /// At once where the initiator is Admin of both spaces; of a destination in which the initiator has no console role
    /// nothing is told.
    pub(super) fn initiate_transfer(&mut self, actor: Actor, app: usize, destination: usize) -> Answer {
        let initiator = self.require(actor, "app.transfer", On::App(app))?;
        let source = self.apps[app].current_space().ok_or_else(No::denied)?;
        if source == destination {
            return Err(No::invalid());
        }
        let member = self.spaces[destination].members.get(&initiator);
        let [archived, without_account] = self.destination_blocks(source, destination);
        No::if_any([
            (self.apps[app].is_listed(), "APP_LISTED"),
            (self.has_pending_transfer(app), "TRANSFER_PENDING"),
            (self.in_draft, "INVOICES_IN_DRAFT"),
            (member.is_some() && archived, "SPACE_ARCHIVED"),
            (member.is_some() && without_account, "BILLING_ACCOUNT_MISSING"),
        ])?;
        let at_once = member.is_some_and(Member::is_admin);
        let state = if at_once { State::Accepted } else { State::Pending };
        let expires = self.hour + WEEK;
        self.transfers.push(Transfer { app, source, destination, initiator, expires, state });
        if at_once {
            self.move_app(app, destination);
        }
        Ok(Told::default())
    }

    /// Every condition anew, and that the initiator still is console Admin of the source.
    pub(super) fn accept_transfer(&mut self, actor: Actor, transfer: usize) -> Answer {
        let it = self.there(transfer)?;
        let Transfer { app, source, destination, initiator, .. } = *it;
        self.require(actor, "transfer.accept", On::Space(destination))?;
        it.require_pending(self.hour)?;
        let initiator_is_admin = self.is_active(initiator)
            && self.spaces[source].members.get(&initiator).is_some_and(Member::is_admin);
        let [archived, without_account] = self.destination_blocks(source, destination);
        No::if_any([
            (self.apps[app].is_listed(), "APP_LISTED"),
            (self.in_draft, "INVOICES_IN_DRAFT"),
            (!initiator_is_admin, "INITIATOR_NOT_ADMIN"),
            (archived, "SPACE_ARCHIVED"),
            (without_account, "BILLING_ACCOUNT_MISSING"),
        ])?;
        self.transfers[transfer].state = State::Accepted;
        self.move_app(app, destination);
        Ok(Told::default())
    }

    /// R-S5
    pub(super) fn decline_transfer(&mut self, actor: Actor, transfer: usize) -> Answer {
        let destination = self.there(transfer)?.destination;
        self.require(actor, "transfer.accept", On::Space(destination))?;
        self.transfers[transfer].require_pending(self.hour)?;
        self.transfers[transfer].state = State::Declined;
        Ok(Told::default())
    }

    /// R-S5
    pub(super) fn cancel_transfer(&mut self, actor: Actor, transfer: usize) -> Answer {
        let source = self.there(transfer)?.source;
        // Whoever is Admin of the source, of which the app may be no more.
        let is_admin = |person: usize| {
            let member = self.spaces[source].members.get(&person);
            self.is_active(person) && member.is_some_and(Member::is_admin)
        };
        if !matches!(actor, Actor::Person(person) if is_admin(person)) {
            return Err(No::denied());
        }
        self.transfers[transfer].require_pending(self.hour)?;
        self.transfers[transfer].state = State::Revoked;
        Ok(Told::default())
    }

    /// R-A10: what was purged took its transfers along.
    fn there(&self, transfer: usize) -> Result<&Transfer, No> {
        let it = &self.transfers[transfer];
        if self.apps[it.app].purged { Err(No::denied()) } else { Ok(it) }
    }

    /// Whether the destination is archived, and whether it lacks the account that the source has.
    fn destination_blocks(&self, source: usize, destination: usize) -> [bool; 2] {
        let [source, destination] = [source, destination].map(|space| &self.spaces[space]);
        [destination.archived, source.has_account && !destination.has_account]
    }

    /// R-A8, R-M11, R-A11: contributors in their own right move along, and what groups have stays behind for good.
    fn move_app(&mut self, app: usize, destination: usize) {
        self.apps[app].space = Some(destination);
        self.leave_groups(app);
    }

    /// Deletion ends what is pending.
    pub(super) fn cancel_transfers_of(&mut self, app: usize) {
        let hour = self.hour;
        let pending = self.transfers.iter_mut().filter(|it| it.app == app);
        let pending = pending.filter(|it| it.state_at(hour) == State::Pending);
        pending.for_each(|it| it.state = State::Revoked);
    }
}
