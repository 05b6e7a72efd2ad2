//! What an owner of admins and nothing else does because something happened elsewhere: billing and the Marketplace.
use std::marker::PhantomData;

use devspaces_authz::Service;
use devspaces_kit::{
    name::{Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_ledger::{
    Abort, Tx,
    db::{Conn, Error},
    inbox::{Effects, not_the_senders},
    standing::Standing,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, effect::Effect};

/// A plane that has admins and nobody else.
pub trait AdminPlane: Send + Sync + 'static {
    /// Takes the role of somebody who has been deactivated for 30 days, be it the last one's (R-M12), with an entry in the
    /// journal of the space. Of somebody who has none it changes nothing.
    fn drop_admin(
        tx: &mut Tx,
        space: SpaceName,
        user: &UserName,
    ) -> impl Future<Output = Result<(), Abort>> + Send;
}

/// An effect in the terms of such a plane.
#[derive(Clone, Debug)]
enum Applied {
    /// R-M12.
    Standing(Standing),
    /// R-M12.
    DropAdmin { space: SpaceName, user: UserName },
}

/// The effects of one change on a plane, each of which is its sender's to bring about.
pub struct AdminEffects<P> {
    applied: Vec<Applied>,
    plane: PhantomData<fn() -> P>,
}

impl<P: AdminPlane> AdminEffects<P> {
    /// Reads what a service sent. Each effect has one sender (R-P7): a key of another service is of no use for it.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for what is not the sender's; `INVALID_ARGUMENT` / `MESSAGE_MALFORMED`.
    pub fn from_sender(sender: &str, request: &ApplyEffectsRequest) -> Result<Self, Fault> {
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
        Ok(Self { applied: applied.collect::<Result<_, Fault>>()?, plane: PhantomData })
    }
}

impl<P: AdminPlane> Effects for AdminEffects<P> {
    async fn scopes(&self, _: &mut Conn) -> Result<Vec<Scope>, Error> {
        let scope = |applied: &Applied| match applied {
            Applied::Standing(_) => Scope::People,
            Applied::DropAdmin { space, .. } => (*space).into(),
        };
        Ok(self.applied.iter().map(scope).collect())
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        for applied in &self.applied {
            match applied {
                Applied::Standing(standing) => standing.apply(tx).await?,
                Applied::DropAdmin { space, user } => P::drop_admin(tx, *space, user).await?,
            }
        }
        Ok(())
    }
}
