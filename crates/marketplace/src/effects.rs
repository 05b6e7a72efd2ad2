//! What the marketplace service does because something happened elsewhere.
use devspaces_authz::Service;
use devspaces_kit::{name::Scope, status::Fault};
use devspaces_ledger::{
    Abort, Tx,
    db::{Conn, Error},
    inbox::{Effects, not_the_senders},
    standing::Standing,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, effect::Effect};

/// The effects of one change, each of which is its sender's to bring about: that people are deactivated, or reactivated
/// (R-M12).
#[derive(Clone, Debug)]
pub(crate) struct Received(Vec<Standing>);

impl Received {
    /// Reads what a service sent. Each effect has one sender (R-P7): a key of another service is of no use for it.
    pub(crate) fn from_sender(sender: &str, request: &ApplyEffectsRequest) -> Result<Self, Fault> {
        let applied = request.effects.iter().map(|effect| match &effect.effect {
            Some(Effect::SetStanding(set)) if sender == Service::Membership.name() => Standing::read(set),
            Some(_) => Err(not_the_senders()),
            None => Err(Fault::message_malformed()),
        });
        Ok(Self(applied.collect::<Result<_, Fault>>()?))
    }
}

impl Effects for Received {
    async fn scopes(&self, _: &mut Conn) -> Result<Vec<Scope>, Error> {
        Ok(vec![Scope::People])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        for standing in &self.0 {
            standing.apply(tx).await?;
        }
        Ok(())
    }
}
