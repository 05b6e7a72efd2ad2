//! Someone is no member of a space any more: the roles on its apps follow.
use devspaces_authz::AppRole;
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, ContributorName, Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_ledger::{
    Abort, Change, Tx,
    db::{Conn, Error},
};
use devspaces_proto::facts::v1::DropAppRoles;
use serde_json::{Value, json};

use crate::{
    domain::{Contributor, role_json},
    store,
};

/// R-M5, R-M8: someone is no member of a space any more.
#[derive(Clone, Debug)]
pub(super) struct Departure {
    space: SpaceName,
    user: UserName,
    /// Who receives the apps that the person owns. `None`: the person keeps them.
    heir: Option<UserName>,
    keep_roles: bool,
}

impl Departure {
    pub(super) fn read(drop: &DropAppRoles) -> Result<Self, Fault> {
        let names = drop.space.parse().ok().zip(drop.user.parse().ok());
        let (space, user) = names.ok_or_else(Fault::message_malformed)?;
        let heir = match drop.new_owner.as_str() {
            "" if drop.keep_roles || drop.keep_owned => None,
            heir => Some(heir.parse().map_err(|_| Fault::message_malformed())?),
        };
        Ok(Self { space, user, heir, keep_roles: drop.keep_roles })
    }

    pub(super) async fn scopes(&self, db: &mut Conn) -> Result<Vec<Scope>, Error> {
        let roles = self.roles(db).await?.into_iter().map(|held| Scope::from(held.name.app));
        Ok(std::iter::once(self.space.into()).chain(roles).collect())
    }

    /// The roles that it changes.
    async fn roles(&self, db: &mut Conn) -> Result<Vec<Contributor>, Error> {
        if self.keep_roles && self.heir.is_none() {
            return Ok(Vec::new());
        }
        let (first, all, ended_too) = (AppName::NIL, i64::MAX, Timestamp::EPOCH);
        let mut roles =
            store::contributor::list_in_space(db, self.space, &self.user, first, all, ended_too).await?;
        // Without an heir whoever owns an app stays its owner.
        roles.retain(|held| match held.role {
            AppRole::Owner => self.heir.is_some(),
            _ => !self.keep_roles,
        });
        Ok(roles)
    }

    /// Takes the roles away, those too that were given since the change was committed. Nobody else changes the roles on
    /// the space's apps meanwhile: all who do hold the space's scope. `sequence` is the change's place in the sender's
    /// journal.
    pub(super) async fn apply(&self, tx: &mut Tx, sequence: i64) -> Result<(), Abort> {
        let roles = self.roles(tx).await?;
        let held = tx.scopes();
        if roles.iter().any(|role| !held.contains(&role.name.app.into())) {
            return Err(Abort::OtherScopes);
        }
        for role in &roles {
            self.pass_on(tx, role).await?;
        }
        self.leave(tx, &roles).await?;
        Ok(store::departure::put(tx, self.space, self.user.id(), sequence).await?)
    }

    /// R-M11: only members are in groups, whatever other roles are kept. Tells of all that goes in the space's journal.
    async fn leave(&self, tx: &mut Tx, roles: &[Contributor]) -> Result<(), Abort> {
        let groups = store::group::remove_from_all(tx, self.space, &self.user).await?;
        let mut app_groups = 0;
        if !self.keep_roles {
            app_groups = store::app_group_role::remove_of(tx, self.space, &self.user).await?;
        }
        if roles.is_empty() && groups + app_groups == 0 {
            return Ok(());
        }
        // What became of each role stands in the app's own journal. Here it is which apps, so that the entry stays of a
        // size that can be read whatever somebody contributed to.
        let change = Change {
            scope: self.space.into(),
            resources: roles.iter().map(|role| role.name.app.to_string()).collect(),
            before: json!({
                "user": self.user.to_string(),
                "apps": roles.len(),
                "groups": groups,
                "app_groups": app_groups,
            }),
            after: Value::Null,
            facts: true,
        };
        let revision = tx.record(change).await?;
        if groups + app_groups > 0 {
            store::stamp::renew(tx, self.space, revision).await?;
        }
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
