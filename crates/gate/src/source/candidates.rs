//! What an owner lists for the lists of permissions, subjects and resources: read anew each time, and decided afterwards.
use devspaces_authz::AppRole;
use devspaces_kit::name::{AppName, SpaceName, UserName};

use super::{Link, Source};
use crate::owner::{PlacedApp, Roles};

impl Source {
    /// Who holds one of these roles of the owner's plane, asked anew.
    pub(crate) async fn role_holders(&self, roles: &Roles, after: &str, limit: i64) -> Option<Vec<UserName>> {
        let listing = async {
            match &self.0.link {
                Link::Hosted(hosted) => Ok(hosted.role_holders(roles, after, limit).await?),
                Link::Remote(remote) => remote.role_holders(roles, after, limit).await,
                #[cfg(test)]
                Link::Scripted(script) => script.role_holders(roles, after, limit),
            }
        };
        self.in_time(listing).await
    }

    /// The apps on which a person has one of these roles, asked anew.
    pub(crate) async fn contributed_apps(
        &self,
        person: &UserName,
        roles: &[AppRole],
        after: Option<PlacedApp>,
        limit: i64,
    ) -> Option<Vec<PlacedApp>> {
        let listing = async {
            match &self.0.link {
                Link::Hosted(hosted) => Ok(hosted.contributed_apps(person, roles, after, limit).await?),
                Link::Remote(remote) => remote.contributed_apps(person, roles, after, limit).await,
                #[cfg(test)]
                Link::Scripted(_) => Ok(Vec::new()),
            }
        };
        self.in_time(listing).await
    }

    /// The apps in use of these spaces, asked anew.
    pub(crate) async fn apps_of_spaces(
        &self,
        spaces: &[SpaceName],
        after: AppName,
        limit: i64,
    ) -> Option<Vec<PlacedApp>> {
        let listing = async {
            match &self.0.link {
                Link::Hosted(hosted) => Ok(hosted.apps_of_spaces(spaces, after, limit).await?),
                Link::Remote(remote) => remote.apps_of_spaces(spaces, after, limit).await,
                #[cfg(test)]
                Link::Scripted(_) => Ok(Vec::new()),
            }
        };
        self.in_time(listing).await
    }
}
