//! Names of groups of members, of app groups, and of what roles through them are held by and are on.
use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{AppName, Malformed, SpaceName, UserName, uuid};

/// A group's name, `spaces/{uuid}/groups/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName {
    /// The space.
    pub space: SpaceName,
    /// The group's own id. Ids are ordered by when they were made.
    pub id: Uuid,
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/groups/{}", self.space, self.id)
    }
}

impl FromStr for GroupName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "spaces/{uuid}/groups/{uuid}" };
        let (space, id) = below(name, "/groups/").ok_or(malformed)?;
        Ok(Self { space, id })
    }
}

/// An app group's name, `spaces/{uuid}/appGroups/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppGroupName {
    /// The space.
    pub space: SpaceName,
    /// The app group's own id. Ids are ordered by when they were made.
    pub id: Uuid,
}

impl fmt::Display for AppGroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/appGroups/{}", self.space, self.id)
    }
}

impl FromStr for AppGroupName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "spaces/{uuid}/appGroups/{uuid}" };
        let (space, id) = below(name, "/appGroups/").ok_or(malformed)?;
        Ok(Self { space, id })
    }
}

fn below(name: &str, collection: &str) -> Option<(SpaceName, Uuid)> {
    let (space, id) = name.split_once(collection)?;
    space.parse().ok().zip(uuid(id))
}

/// Who has a role on an app group: a group, or a person. Groups come first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoleHolder {
    /// A group.
    Group(GroupName),
    /// A person.
    User(UserName),
}

impl fmt::Display for RoleHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => group.fmt(f),
            Self::User(user) => user.fmt(f),
        }
    }
}

impl FromStr for RoleHolder {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "users/{id} or spaces/{uuid}/groups/{uuid}" };
        let user = name.parse().map(Self::User);
        user.or_else(|_| name.parse().map(Self::Group)).map_err(|_| malformed)
    }
}

/// What a contributor role is on: an app, or an app group. Apps come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoleTarget {
    /// An app.
    App(AppName),
    /// An app group.
    AppGroup(AppGroupName),
}

impl RoleTarget {
    /// Before all of them: no app has this name.
    pub const FIRST: Self = Self::App(AppName::NIL);
}

impl fmt::Display for RoleTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(app) => app.fmt(f),
            Self::AppGroup(group) => group.fmt(f),
        }
    }
}

impl FromStr for RoleTarget {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "apps/{uuid} or spaces/{uuid}/appGroups/{uuid}" };
        let app = name.parse().map(Self::App);
        app.or_else(|_| name.parse().map(Self::AppGroup)).map_err(|_| malformed)
    }
}
