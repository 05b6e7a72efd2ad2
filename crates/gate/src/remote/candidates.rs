//! What an owner at another address lists for the lists of permissions, subjects and resources.
use devspaces_authz::AppRole;
use devspaces_kit::{
    name::{AppName, SpaceName, UserName},
    status::Fault,
};
use devspaces_proto::facts::v1::{
    ListAppsOfSpacesRequest, ListContributedAppsRequest, ListRoleHoldersRequest, PlacedApp as WireApp,
};

use super::{Remote, wire_limit};
use crate::{
    owner::{PlacedApp, Roles},
    wire,
};

impl Remote {
    pub(crate) async fn role_holders(
        &self,
        roles: &Roles,
        after: &str,
        limit: i64,
    ) -> Result<Vec<UserName>, Fault> {
        let request = ListRoleHoldersRequest {
            owner: self.owner().into(),
            scope: roles.scope.to_string(),
            console_roles: roles.console.iter().map(|role| wire::console_to_wire(*role).into()).collect(),
            contributor_roles: contributor_roles(&roles.contributor),
            after: if after.is_empty() { String::new() } else { format!("users/{after}") },
            limit: wire_limit(limit),
        };
        let response = self.call(request, async |mut client, it| client.list_role_holders(it).await).await;
        let users = response.map_err(|status| self.fault(&status))?.users;
        users.into_iter().map(|user| user.parse().map_err(|_| self.unreadable())).collect()
    }

    pub(crate) async fn contributed_apps(
        &self,
        person: &UserName,
        roles: &[AppRole],
        after: Option<PlacedApp>,
        limit: i64,
    ) -> Result<Vec<PlacedApp>, Fault> {
        let request = ListContributedAppsRequest {
            owner: self.owner().into(),
            user: person.to_string(),
            roles: contributor_roles(roles),
            after: after.map(wire::placed_to_wire),
            limit: wire_limit(limit),
        };
        let response =
            self.call(request, async |mut client, it| client.list_contributed_apps(it).await).await;
        self.placed(&response.map_err(|status| self.fault(&status))?.apps)
    }

    pub(crate) async fn apps_of_spaces(
        &self,
        spaces: &[SpaceName],
        after: AppName,
        limit: i64,
    ) -> Result<Vec<PlacedApp>, Fault> {
        let request = ListAppsOfSpacesRequest {
            owner: self.owner().into(),
            spaces: spaces.iter().map(ToString::to_string).collect(),
            after: if after == AppName::NIL { String::new() } else { after.to_string() },
            limit: wire_limit(limit),
        };
        let response = self.call(request, async |mut client, it| client.list_apps_of_spaces(it).await).await;
        self.placed(&response.map_err(|status| self.fault(&status))?.apps)
    }

    fn placed(&self, apps: &[WireApp]) -> Result<Vec<PlacedApp>, Fault> {
        apps.iter().map(|app| wire::placed_from_wire(app).map_err(|_| self.unreadable())).collect()
    }
}

fn contributor_roles(roles: &[AppRole]) -> Vec<i32> {
    roles.iter().map(|role| wire::contributor_to_wire(*role).into()).collect()
}
