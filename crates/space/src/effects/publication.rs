//! A space is published, or created as one that is.
use devspaces_authz::{AppRole, SpaceState};
use devspaces_kit::{
    name::{AppName, ContributorName, Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_ledger::{Abort, Change, Tx};
use devspaces_proto::facts::v1::{CreatePublishedSpace, CreatedApp, PublishSpace};
use serde_json::{Value, json};

use crate::{
    domain::{App, Contributor, Details, Metadata, Space, role_json},
    store,
};

/// R-K1: the Marketplace terms were accepted for a space.
#[derive(Clone, Debug)]
pub(super) struct Publication(SpaceName);

impl Publication {
    pub(super) fn read(published: &PublishSpace) -> Result<Self, Fault> {
        published.space.parse().map(Self).map_err(|_| Fault::message_malformed())
    }

    pub(super) fn scope(&self) -> Scope {
        self.0.into()
    }

    /// R-S3: from this entry on Marketplace admins edit the metadata, and console Admins do no more. A space that was
    /// deleted since its Admin was let through is had back: what is published stays (R-S6).
    pub(super) async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let Some(before) = store::space::find(tx, self.0).await? else {
            tracing::error!(space = %self.0, "a space was published that there is not");
            return Ok(());
        };
        if before.published {
            return Ok(());
        }
        let (state, delete_time) = match before.state {
            SpaceState::Deleted => (SpaceState::Archived, None),
            state => (state, before.delete_time),
        };
        let mut after =
            Space { published: true, state, delete_time, update_time: tx.time(), ..before.clone() };
        let change = Change {
            scope: self.0.into(),
            resources: vec![self.0.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: true,
        };
        after.revision = tx.record(change).await?;
        Ok(store::space::put(tx, &after).await?)
    }
}

/// R-K2, R-K7: a vendor profile was made, or taken over with its apps.
#[derive(Clone, Debug)]
pub(super) struct Creation {
    space: SpaceName,
    metadata: Metadata,
    apps: Vec<NewApp>,
}

#[derive(Clone, Debug)]
struct NewApp {
    name: AppName,
    display_name: String,
    owner: UserName,
}

impl NewApp {
    fn read(app: &CreatedApp) -> Result<Self, Fault> {
        let names = app.app.parse().ok().zip(app.owner.parse().ok());
        let (name, owner) = names.ok_or_else(Fault::message_malformed)?;
        Ok(Self { name, display_name: app.display_name.clone(), owner })
    }

    /// R-A3: with its `OWNER`.
    async fn apply(&self, tx: &mut Tx, space: SpaceName) -> Result<(), Abort> {
        let details = Details { display_name: self.display_name.clone(), description: String::new() };
        let app = App::new(self.name, Some(space), details, tx.time());
        let owner = ContributorName { app: self.name, user: self.owner.clone() };
        let change = Change {
            scope: self.name.into(),
            resources: vec![self.name.to_string(), owner.to_string()],
            before: Value::Null,
            after: json!({ "app": app.to_json(), "contributors": [role_json(&owner, AppRole::Owner)] }),
            facts: true,
        };
        let app = App { revision: tx.record(change).await?, ..app };
        store::app::put(tx, &app).await?;
        store::holding::follow(tx, app.name, None, app.holder(), app.create_time).await?;
        let owner = Contributor::new(owner, AppRole::Owner, app.space, tx.time(), app.revision);
        Ok(store::contributor::put(tx, &owner).await?)
    }
}

impl Creation {
    pub(super) fn read(created: &CreatePublishedSpace) -> Result<Self, Fault> {
        Ok(Self {
            space: created.space.parse().map_err(|_| Fault::message_malformed())?,
            metadata: Metadata {
                display_name: created.display_name.clone(),
                description: created.description.clone(),
                logo_uri: created.logo_uri.clone(),
            },
            apps: created.apps.iter().map(NewApp::read).collect::<Result<_, Fault>>()?,
        })
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> {
        std::iter::once(self.space.into()).chain(self.apps.iter().map(|app| app.name.into()))
    }

    /// Nobody becomes its console Admin: that is for its Marketplace admins to choose (R-M3).
    pub(super) async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        if store::space::find(tx, self.space).await?.is_some() {
            tracing::error!(space = %self.space, "a space that there is was said to be new");
            return Ok(());
        }
        let mut space = Space::new(self.space, self.metadata.clone(), tx.time());
        space.published = true;
        // What became of each app stands in the app's own journal, so that this entry stays of a size that can be read.
        let apps = self.apps.iter().map(|app| app.name.to_string());
        let change = Change {
            scope: self.space.into(),
            resources: std::iter::once(self.space.to_string()).chain(apps).collect(),
            before: Value::Null,
            after: space.to_json(),
            facts: true,
        };
        space.revision = tx.record(change).await?;
        store::space::put(tx, &space).await?;
        for app in &self.apps {
            app.apply(tx, self.space).await?;
        }
        Ok(())
    }
}
