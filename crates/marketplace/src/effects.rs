//! What the marketplace service does because something happened elsewhere.
use devspaces_authz::Service;
use devspaces_kit::{
    name::{MarketplaceAdminName, Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_ledger::{
    Abort, Change, Tx,
    db::{Conn, Error},
    inbox::{Effects, not_the_senders},
    standing::Standing,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, effect::Effect};
use serde_json::{Value, json};

use crate::store;

/// An effect in the terms of this service.
#[derive(Clone, Debug)]
enum Applied {
    /// R-M12.
    Standing(Standing),
    /// R-M12.
    DropAdmin { space: SpaceName, user: UserName },
}

/// The effects of one change, each of which is its sender's to bring about.
#[derive(Clone, Debug)]
pub(crate) struct Received(Vec<Applied>);

impl Received {
    /// Reads what a service sent. Each effect has one sender (R-P7): a key of another service is of no use for it.
    pub(crate) fn from_sender(sender: &str, request: &ApplyEffectsRequest) -> Result<Self, Fault> {
        let from_membership = sender == Service::Membership.name();
        let applied = request.effects.iter().map(|effect| match &effect.effect {
            Some(Effect::SetStanding(set)) if from_membership => Standing::read(set).map(Applied::Standing),
            Some(Effect::DropAdmin(drop)) if from_membership => {
                let names = drop.space.parse().ok().zip(drop.user.parse().ok());
                let (space, user) = names.ok_or_else(Fault::message_malformed)?;
                Ok(Applied::DropAdmin { space, user })
            }
            Some(_) => Err(not_the_senders()),
            None => Err(Fault::message_malformed()),
        });
        Ok(Self(applied.collect::<Result<_, Fault>>()?))
    }
}

impl Effects for Received {
    async fn scopes(&self, _: &mut Conn) -> Result<Vec<Scope>, Error> {
        let scope = |applied: &Applied| match applied {
            Applied::Standing(_) => Scope::People,
            Applied::DropAdmin { space, .. } => (*space).into(),
        };
        Ok(self.0.iter().map(scope).collect())
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        for applied in &self.0 {
            match applied {
                Applied::Standing(standing) => standing.apply(tx).await?,
                Applied::DropAdmin { space, user } => drop_admin(tx, *space, user).await?,
            }
        }
        Ok(())
    }
}

/// R-M12: whoever has been deactivated for 30 days is no Marketplace admin any more, be it the last one.
async fn drop_admin(tx: &mut Tx, space: SpaceName, user: &UserName) -> Result<(), Abort> {
    let profile = store::profile::of_space(tx, space).await?;
    let since = store::admin::since(tx, space, user).await?;
    let Some((profile, _)) = profile.zip(since) else { return Ok(()) };
    let name = MarketplaceAdminName { profile: profile.name, user: user.clone() };
    let change = Change {
        scope: space.into(),
        resources: vec![name.to_string()],
        before: json!({ "user": user.to_string() }),
        after: Value::Null,
        facts: true,
    };
    tx.record(change).await?;
    Ok(store::admin::remove(tx, space, user).await?)
}
