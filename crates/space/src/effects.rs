//! What the space service does because something happened elsewhere.
use devspaces_authz::{AppRole, Owner};
use devspaces_kit::{
    db::{Change, Conn, Error, Tx},
    inbox::Effects,
    mutation::Abort,
    name::{AppName, ContributorName, Scope, SpaceName, UserName},
    status::{Fault, Reason},
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, effect::Effect};
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    domain::{Contributor, role_json},
    store,
};

/// R-M5, R-M8: someone is no member of a space any more.
#[derive(Clone, Debug)]
struct Departure {
    space: SpaceName,
    user: UserName,
    /// Who receives the apps that the person owns. `None`: the person keeps them, as all else.
    heir: Option<UserName>,
    keep_roles: bool,
}

/// The effects of one change, each of which is its sender's to bring about.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    departures: Vec<Departure>,
    /// The change's place in the sender's journal.
    sequence: i64,
}

impl Received {
    /// Reads what a service sent. Each effect has one sender (R-P7): a key of another service is of no use for it.
    pub(crate) fn from_sender(sender: &str, request: &ApplyEffectsRequest) -> Result<Self, Fault> {
        let departures = request.effects.iter().map(|effect| match &effect.effect {
            Some(Effect::DropAppRoles(drop)) if sender == Owner::Membership.name() => {
                let names = drop.space.parse().ok().zip(drop.user.parse().ok());
                let (space, user) = names.ok_or_else(Fault::message_malformed)?;
                let heir = match drop.new_owner.as_str() {
                    "" if drop.keep_roles => None,
                    heir => Some(heir.parse().map_err(|_| Fault::message_malformed())?),
                };
                Ok(Departure { space, user, heir, keep_roles: drop.keep_roles })
            }
            Some(_) => Err(not_the_senders()),
            None => Err(Fault::message_malformed()),
        });
        Ok(Self { departures: departures.collect::<Result<_, Fault>>()?, sequence: request.sequence })
    }
}

fn not_the_senders() -> Fault {
    let message = "This effect is not one that changes of the calling service have";
    Fault::new(Code::PermissionDenied, Reason::PermissionDenied, message)
}

impl Effects for Received {
    async fn scopes(&self, db: &mut Conn) -> Result<Vec<Scope>, Error> {
        let mut scopes = Vec::new();
        for departure in &self.departures {
            scopes.push(departure.space.into());
            scopes.extend(departure.roles(db).await?.into_iter().map(|held| Scope::from(held.name.app)));
        }
        Ok(scopes)
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        for departure in &self.departures {
            departure.apply(tx).await?;
            store::departure::put(tx, departure.space, departure.user.id(), self.sequence).await?;
        }
        Ok(())
    }
}

impl Departure {
    /// The roles that it changes.
    async fn roles(&self, db: &mut Conn) -> Result<Vec<Contributor>, Error> {
        if self.keep_roles && self.heir.is_none() {
            return Ok(Vec::new());
        }
        let mut roles =
            store::contributor::list_in_space(db, self.space, &self.user, AppName::NIL, i64::MAX).await?;
        roles.retain(|held| !self.keep_roles || held.role == AppRole::Owner);
        Ok(roles)
    }

    /// Takes the roles away, those too that were given since the change was committed. Nobody else changes the roles on
    /// the space's apps meanwhile: all who do hold the space's scope.
    async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let roles = self.roles(tx).await?;
        let held = tx.scopes();
        if roles.iter().any(|role| !held.contains(&role.name.app.into())) {
            return Err(Abort::OtherScopes);
        }
        if roles.is_empty() {
            return Ok(());
        }
        for role in &roles {
            self.pass_on(tx, role).await?;
        }
        // What became of each role stands in the app's own journal. Here it is which apps, so that the entry stays of a
        // size that can be read whatever somebody contributed to.
        let change = Change {
            scope: self.space.into(),
            resources: roles.iter().map(|role| role.name.app.to_string()).collect(),
            before: json!({ "user": self.user.to_string(), "apps": roles.len() }),
            after: Value::Null,
            facts: true,
        };
        tx.record(change).await?;
        Ok(())
    }

    /// Takes one role away and passes the app on, if it was that of OWNER; with an entry in the app's journal.
    async fn pass_on(&self, tx: &mut Tx, role: &Contributor) -> Result<(), Abort> {
        let (app, now) = (role.name.app, tx.time());
        let heir = self.heir.as_ref().filter(|_| role.role == AppRole::Owner);
        let heir = heir.map(|heir| ContributorName { app, user: heir.clone() });
        let own = match &heir {
            Some(heir) => store::contributor::find(tx, heir).await?,
            None => None,
        };
        let kept = self.keep_roles.then_some(AppRole::Admin);
        let before = [Some((&role.name, role.role)), own.as_ref().map(|own| (&own.name, own.role))];
        let after = [kept.map(|kept| (&role.name, kept)), heir.as_ref().map(|heir| (heir, AppRole::Owner))];
        let change = Change {
            scope: app.into(),
            resources: [Some(&role.name), heir.as_ref()]
                .into_iter()
                .flatten()
                .map(ToString::to_string)
                .collect(),
            before: roles_json(before),
            after: roles_json(after),
            facts: true,
        };
        let revision = tx.record(change).await?;
        // First the old owner, then the new one: an app never has two.
        match kept {
            Some(kept) => store::contributor::put(tx, &role.with_role(kept, now, revision)).await?,
            None => store::contributor::remove(tx, &role.name).await?,
        }
        if let Some(heir) = heir {
            let owner = match own {
                Some(own) => own.with_role(AppRole::Owner, now, revision),
                None => Contributor::new(heir, AppRole::Owner, role.space, now, revision),
            };
            store::contributor::put(tx, &owner).await?;
        }
        Ok(())
    }
}

fn roles_json<const N: usize>(roles: [Option<(&ContributorName, AppRole)>; N]) -> Value {
    roles.into_iter().flatten().map(|(name, role)| role_json(name, role)).collect()
}
