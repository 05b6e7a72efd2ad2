//! What the space service does because something happened elsewhere: a file for each kind.
mod account;
mod allowance;
mod departure;
mod group;
mod listing;
mod publication;
mod space_cap;
mod suspension;

use devspaces_authz::Service;
use devspaces_kit::{name::Scope, status::Fault};
use devspaces_ledger::{
    Abort, Tx,
    db::{Conn, Error},
    inbox::{Effects, not_the_senders},
    standing::Standing,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, effect::Effect};

use self::{
    account::AccountOpened,
    allowance::Crossings,
    departure::Departure,
    group::Regrouping,
    listing::Relisting,
    publication::{Creation, Publication},
    space_cap::SpaceCap,
    suspension::Resuspension,
};

/// An effect in the terms of this service.
#[derive(Clone, Debug)]
enum Applied {
    /// R-M5, R-M8.
    Departure(Departure),
    /// R-M11.
    Regrouping(Regrouping),
    /// R-K1.
    Publication(Publication),
    /// R-K2, R-K7.
    Creation(Creation),
    /// R-K6.
    Relisting(Relisting),
    /// R-M12.
    Standing(Standing),
    /// R-E1.
    Resuspension(Resuspension),
    /// R-E4.
    SpaceCap(SpaceCap),
    /// R-E3.
    AccountOpened(AccountOpened),
    /// R-B12.
    Crossings(Crossings),
}

/// The effects of one change, each of which is its sender's to bring about.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    applied: Vec<Applied>,
    /// The change's place in the sender's journal.
    sequence: i64,
}

impl Received {
    /// Reads what a service sent. Each effect has one sender (R-P7): a key of another service is of no use for it.
    pub(crate) fn from_sender(sender: &str, request: &ApplyEffectsRequest) -> Result<Self, Fault> {
        let from = |owner: Service| sender == owner.name();
        let applied = request.effects.iter().map(|effect| match &effect.effect {
            Some(Effect::DropAppRoles(drop)) if from(Service::Membership) => {
                Departure::read(drop).map(Applied::Departure)
            }
            Some(Effect::ChangeGroup(change)) if from(Service::Membership) => {
                Regrouping::read(change).map(Applied::Regrouping)
            }
            Some(Effect::PublishSpace(published)) if from(Service::Marketplace) => {
                Publication::read(published).map(Applied::Publication)
            }
            Some(Effect::CreatePublishedSpace(created)) if from(Service::Marketplace) => {
                Creation::read(created).map(Applied::Creation)
            }
            Some(Effect::SetAppListing(set)) if from(Service::Marketplace) => {
                Relisting::read(set).map(Applied::Relisting)
            }
            Some(Effect::SetStanding(set)) if from(Service::Membership) => {
                Standing::read(set).map(Applied::Standing)
            }
            Some(Effect::SetSuspension(set)) if from(Service::Billing) => {
                SpaceCap::read(set).and_then(|cap| match cap {
                    Some(cap) => Ok(Applied::SpaceCap(cap)),
                    None => Resuspension::read(set).map(Applied::Resuspension),
                })
            }
            Some(Effect::NoteBillingAccount(noted)) if from(Service::Billing) => {
                AccountOpened::read(noted).map(Applied::AccountOpened)
            }
            Some(Effect::NoteAllowanceCrossings(noted)) if from(Service::Billing) => {
                Crossings::read(noted).map(Applied::Crossings)
            }
            Some(_) => Err(not_the_senders()),
            None => Err(Fault::message_malformed()),
        });
        Ok(Self { applied: applied.collect::<Result<_, Fault>>()?, sequence: request.sequence })
    }
}

impl Effects for Received {
    async fn scopes(&self, db: &mut Conn) -> Result<Vec<Scope>, Error> {
        let mut scopes = Vec::new();
        for applied in &self.applied {
            match applied {
                Applied::Departure(departure) => scopes.extend(departure.scopes(db).await?),
                Applied::Regrouping(regrouping) => scopes.push(regrouping.scope()),
                Applied::Publication(publication) => scopes.push(publication.scope()),
                Applied::Creation(creation) => scopes.extend(creation.scopes()),
                Applied::Relisting(relisting) => scopes.extend(relisting.scopes()),
                Applied::Standing(_) => scopes.push(Scope::People),
                Applied::Resuspension(it) => scopes.extend(it.scopes(db).await?),
                Applied::SpaceCap(cap) => scopes.push(cap.scope()),
                Applied::AccountOpened(opened) => scopes.push(opened.scope()),
                Applied::Crossings(crossings) => scopes.extend(crossings.scopes(db).await?),
            }
        }
        Ok(scopes)
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        for applied in &self.applied {
            match applied {
                Applied::Departure(departure) => departure.apply(tx, self.sequence).await?,
                Applied::Regrouping(regrouping) => regrouping.apply(tx).await?,
                Applied::Publication(publication) => publication.apply(tx).await?,
                Applied::Creation(creation) => creation.apply(tx).await?,
                Applied::Relisting(relisting) => relisting.apply(tx).await?,
                Applied::Standing(standing) => standing.apply(tx).await?,
                Applied::Resuspension(resuspension) => resuspension.apply(tx).await?,
                Applied::SpaceCap(cap) => cap.apply(tx).await?,
                Applied::AccountOpened(opened) => opened.apply(tx).await?,
                Applied::Crossings(crossings) => crossings.apply(tx).await?,
            }
        }
        Ok(())
    }
}
