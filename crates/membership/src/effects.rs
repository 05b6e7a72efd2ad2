//! What the membership service does because something happened elsewhere.
use devspaces_authz::{ConsoleRole, Service};
use devspaces_kit::{
    name::{Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_ledger::{
    Abort, Change, Tx,
    db::{Conn, Error},
    inbox::{Effects, not_the_senders},
    webhook,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, effect::Effect};
use serde_json::{Value, json};

use crate::{
    domain::{Member, Membership},
    store,
};

/// An effect in the terms of this service.
#[derive(Clone, Debug)]
enum Applied {
    /// R-S1.
    GrantCreatorAdmin { space: SpaceName, user: UserName },
    /// R-S6.
    DropMembers { space: SpaceName },
}

impl Applied {
    fn space(&self) -> SpaceName {
        match self {
            Self::GrantCreatorAdmin { space, .. } | Self::DropMembers { space } => *space,
        }
    }
}

/// The effects of one change, each of which is its sender's to bring about.
#[derive(Clone, Debug)]
pub(crate) struct Received(Vec<Applied>);

impl Received {
    /// Reads what a service sent. Each effect has one sender (R-P7): a key of another service is of no use for it.
    pub(crate) fn from_sender(sender: &str, request: &ApplyEffectsRequest) -> Result<Self, Fault> {
        let applied = request.effects.iter().map(|effect| match &effect.effect {
            Some(Effect::GrantCreatorAdmin(grant)) if sender == Service::Space.name() => {
                let names = grant.space.parse().ok().zip(grant.user.parse().ok());
                let (space, user) = names.ok_or_else(Fault::message_malformed)?;
                Ok(Applied::GrantCreatorAdmin { space, user })
            }
            Some(Effect::DropMembers(gone)) if sender == Service::Space.name() => {
                let space = gone.space.parse().map_err(|_| Fault::message_malformed())?;
                Ok(Applied::DropMembers { space })
            }
            Some(_) => Err(not_the_senders()),
            None => Err(Fault::message_malformed()),
        });
        Ok(Self(applied.collect::<Result<_, Fault>>()?))
    }
}

impl Effects for Received {
    async fn scopes(&self, _: &mut Conn) -> Result<Vec<Scope>, Error> {
        Ok(self.0.iter().map(|applied| applied.space().into()).collect())
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        for applied in &self.0 {
            match applied {
                Applied::GrantCreatorAdmin { space, user } => grant_creator_admin(tx, *space, user).await?,
                Applied::DropMembers { space } => drop_members(tx, *space).await?,
            }
        }
        Ok(())
    }
}

/// R-S1. A space that has members was not just created, whoever says so: nobody becomes its Admin this way. An Admin in an
/// emergency may have been quicker than this effect. The effect
/// counts as applied all the same, since what is refused would be sent for ever.
async fn grant_creator_admin(tx: &mut Tx, space: SpaceName, user: &UserName) -> Result<(), Abort> {
    if store::member::has_members(tx, space).await? {
        tracing::error!(%space, "a space that has members was said to be new");
        return Ok(());
    }
    let admin = Membership { role: ConsoleRole::Admin, view_all_apps: false, expire_time: None };
    let mut member = Member::new(space, user.clone(), admin, tx.time());
    let change = Change {
        scope: space.into(),
        resources: vec![member.name.to_string()],
        before: Value::Null,
        after: member.to_json(),
        facts: true,
    };
    member.revision = tx.record(change).await?;
    Ok(store::member::put(tx, &member).await?)
}

/// R-S6. Nobody is left in a space that is gone for good. The entry tells how many they were: who, the earlier entries do.
async fn drop_members(tx: &mut Tx, space: SpaceName) -> Result<(), Abort> {
    let members = store::member::remove_all(tx, space).await?;
    store::invitation::remove_all(tx, space).await?;
    store::departed::remove_all(tx, space).await?;
    // The space service, which tells of it, knows of none of them any more either.
    store::group::remove_all(tx, space).await?;
    webhook::remove_of_space(tx, space).await?;
    let change = Change {
        scope: space.into(),
        resources: vec![space.to_string()],
        before: json!({ "members": members }),
        after: Value::Null,
        facts: true,
    };
    tx.record(change).await?;
    Ok(())
}
