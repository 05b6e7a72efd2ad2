//! What the membership service does because something happened elsewhere. An effect is never refused, so nothing here
//! asks the gate.
use devspaces_authz::ConsoleRole;
use devspaces_kit::{
    clock::Timestamp,
    db::{Act, Change, Error, Pool, Tx},
    mutation::Abort,
    name::{Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, effect::Effect};
use serde_json::Value;

use crate::{
    domain::{Member, Membership},
    store,
};

/// An effect in the terms of this service.
#[derive(Clone, Debug)]
enum Applied {
    /// R-S1.
    GrantCreatorAdmin { space: SpaceName, user: UserName },
}

impl Applied {
    fn scope(&self) -> Scope {
        match self {
            Self::GrantCreatorAdmin { space, .. } => (*space).into(),
        }
    }
}

fn parse(request: &ApplyEffectsRequest) -> Option<(Act, Vec<Applied>)> {
    let effects = request.effects.iter().map(|effect| match effect.effect.as_ref()? {
        Effect::GrantCreatorAdmin(grant) => Some(Applied::GrantCreatorAdmin {
            space: grant.space.parse().ok()?,
            user: grant.user.parse().ok()?,
        }),
    });
    let actor = request.actor.parse().ok()?;
    let act = Act { actor, on_behalf_of: None, method: request.method.clone(), time: Timestamp::EPOCH };
    Some((act, effects.collect::<Option<_>>()?))
}

/// Applies the effects of one change of a peer, once.
pub(crate) async fn apply(
    pool: &Pool,
    sender: &str,
    request: &ApplyEffectsRequest,
    now: Timestamp,
) -> Result<(), Fault> {
    let (act, effects) = parse(request).ok_or_else(Fault::message_malformed)?;
    let act = Act { time: now, ..act };
    devspaces_kit::mutation::retry(|| Box::pin(apply_once(pool, sender, request, &act, &effects))).await
}

async fn apply_once(
    pool: &Pool,
    sender: &str,
    request: &ApplyEffectsRequest,
    act: &Act,
    effects: &[Applied],
) -> Result<(), Abort> {
    let scopes: Vec<Scope> = effects.iter().map(Applied::scope).collect();
    let mut tx = pool.begin(&scopes, act.clone()).await?;
    if tx.admit(sender, &request.scope, request.sequence).await? {
        for effect in effects {
            match effect {
                Applied::GrantCreatorAdmin { space, user } => {
                    grant_creator_admin(&mut tx, *space, user).await?;
                }
            }
        }
    }
    Ok(tx.commit().await?)
}

/// R-S1
async fn grant_creator_admin(tx: &mut Tx, space: SpaceName, user: &UserName) -> Result<(), Error> {
    let admin = Membership { role: ConsoleRole::Admin, view_all_apps: false, expire_time: None };
    let mut member = Member::new(space, user.clone(), admin, tx.time());
    let change = Change { scope: space.into(), before: Value::Null, after: member.to_json(), facts: true };
    member.revision = tx.record(change).await?;
    store::put(tx, &member).await
}
