//! What the rules say of the billing and the Marketplace plane, and of the metadata between planes.
use std::collections::BTreeSet;

use tonic::Code;

use super::world::{Actor, Answer, No, On, Told, World};

impl World {
    /// R-S3, R-S5, R-S9
    pub(super) fn update_space(
        &mut self,
        actor: Actor,
        space: usize,
        metadata: bool,
        admins_create: Option<bool>,
    ) -> Answer {
        if metadata {
            self.require(actor, "space.update", On::Space(space))?;
        }
        if admins_create.is_some() {
            self.require(actor, "members.update", On::Space(space))?;
        }
        let space = &mut self.spaces[space];
        No::if_any([(space.archived, "SPACE_ARCHIVED")])?;
        space.admins_create = admins_create.unwrap_or(space.admins_create);
        Ok(Told::default())
    }

    /// Whether this person is the only one of the plane's admins who is active.
    fn is_last_of(&self, admins: &BTreeSet<usize>, person: usize) -> bool {
        admins.iter().filter(|admin| self.is_active(**admin)).eq([&person])
    }

    /// R-B1
    pub(super) fn consent(&mut self, actor: Actor, space: usize) -> Answer {
        let person = self.require(actor, "billing.consent", On::Space(space))?;
        let space = &mut self.spaces[space];
        No::if_any([(space.archived, "SPACE_ARCHIVED"), (space.has_account, "BILLING_ACCOUNT_EXISTS")])?;
        space.has_account = true;
        space.billing_admins.insert(person);
        Ok(Told::default())
    }

    /// R-B2, R-S5
    pub(super) fn add_billing_admin(&mut self, actor: Actor, space: usize, person: usize) -> Answer {
        self.require(actor, "billing.admins.update", On::Space(space))?;
        let space = &mut self.spaces[space];
        No::if_any([(space.archived, "SPACE_ARCHIVED")])?;
        if !space.billing_admins.insert(person) {
            return Err(No::because(Code::AlreadyExists, "BILLING_ADMIN_EXISTS"));
        }
        Ok(Told::default())
    }

    /// R-B2, R-M12
    pub(super) fn remove_billing_admin(&mut self, actor: Actor, space: usize, person: usize) -> Answer {
        self.require(actor, "billing.admins.update", On::Space(space))?;
        if !self.spaces[space].billing_admins.contains(&person) {
            return Err(No::not_found());
        }
        let is_last = self.is_last_of(&self.spaces[space].billing_admins, person);
        No::if_any([(is_last, "LAST_BILLING_ADMIN")])?;
        self.spaces[space].billing_admins.remove(&person);
        Ok(Told::default())
    }

    /// R-K1, R-K3
    pub(super) fn accept_terms(&mut self, actor: Actor, space: usize) -> Answer {
        let person = self.require(actor, "marketplace.terms.accept", On::Space(space))?;
        let space = &mut self.spaces[space];
        No::if_any([(space.archived, "SPACE_ARCHIVED")])?;
        space.published = true;
        space.marketplace_admins.insert(person);
        Ok(Told::default())
    }

    /// R-K4, R-S5
    pub(super) fn add_marketplace_admin(&mut self, actor: Actor, space: usize, person: usize) -> Answer {
        self.require(actor, "marketplace.admins.update", On::Space(space))?;
        let space = &mut self.spaces[space];
        No::if_any([(space.archived, "SPACE_ARCHIVED")])?;
        if !space.marketplace_admins.insert(person) {
            return Err(No::because(Code::AlreadyExists, "MARKETPLACE_ADMIN_EXISTS"));
        }
        Ok(Told::default())
    }

    /// R-K4, R-M12
    pub(super) fn remove_marketplace_admin(&mut self, actor: Actor, space: usize, person: usize) -> Answer {
        self.require(actor, "marketplace.admins.update", On::Space(space))?;
        if !self.spaces[space].marketplace_admins.contains(&person) {
            return Err(No::not_found());
        }
        let is_last = self.is_last_of(&self.spaces[space].marketplace_admins, person);
        No::if_any([(is_last, "LAST_MARKETPLACE_ADMIN")])?;
        self.spaces[space].marketplace_admins.remove(&person);
        Ok(Told::default())
    }

    /// R-K6, R-S5: what is not in the space looks the same, wherever it is.
    pub(super) fn submit_listing(&mut self, actor: Actor, app: usize, space: usize) -> Answer {
        self.require(actor, "marketplace.listings.update", On::Space(space))?;
        let archived = self.spaces[space].archived;
        let pending = self.has_pending_transfer(app);
        let app = &mut self.apps[app];
        let here = app.current_space() == Some(space);
        No::if_any([
            (archived, "SPACE_ARCHIVED"),
            (!here, "APP_NOT_IN_SPACE"),
            (here && app.is_listed(), "APP_LISTED"),
            (here && pending, "TRANSFER_PENDING"),
        ])?;
        app.listing = Some((space, true));
        Ok(Told::default())
    }

    /// R-K6: an app that was never submitted has no listing that anybody could see.
    pub(super) fn withdraw_listing(&mut self, actor: Actor, app: usize) -> Answer {
        let (space, listed) = self.apps[app].listing.ok_or_else(No::denied)?;
        self.require(actor, "marketplace.listings.update", On::Space(space))?;
        No::if_any([(!listed, "LISTING_WITHDRAWN")])?;
        self.apps[app].listing = Some((space, false));
        Ok(Told::default())
    }
}
