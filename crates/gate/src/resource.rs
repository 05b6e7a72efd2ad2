//! What permissions are on.
use std::fmt;

use devspaces_kit::name::{AppName, ListingName, SpaceName, TransferName, VendorProfileName};

/// What a permission is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// No resource: the platform itself.
    Platform,
    /// A space.
    Space(SpaceName),
    /// An app, and the space that it is in.
    App(AppName),
    /// An app together with a space that it is to be linked to (R-A2).
    Link {
        /// The app.
        app: AppName,
        /// The space.
        space: SpaceName,
    },
    /// A vendor profile: its space, which a refusal does not name.
    VendorProfile {
        /// The profile.
        profile: VendorProfileName,
        /// Its space; that of nobody if there is no such profile.
        space: SpaceName,
    },
    /// A listing: its profile's space, which a refusal does not name.
    Listing {
        /// The listing.
        listing: ListingName,
        /// Its profile's space; that of nobody if there is no such listing.
        space: SpaceName,
    },
    /// A transfer of an app: one of its two spaces, which a refusal does not name. A permission on apps is had on it by whoever
    /// has it on the apps of that space, wherever the app is by now.
    Transfer {
        /// The transfer.
        transfer: TransferName,
        /// Its source or its destination; that of nobody if there is no such transfer.
        space: SpaceName,
    },
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("the platform"),
            Self::Space(space) | Self::Link { space, .. } => space.fmt(f),
            Self::App(app) => app.fmt(f),
            Self::VendorProfile { profile, .. } => profile.fmt(f),
            Self::Listing { listing, .. } => listing.fmt(f),
            Self::Transfer { transfer, .. } => transfer.fmt(f),
        }
    }
}

impl From<SpaceName> for Resource {
    fn from(space: SpaceName) -> Self {
        Self::Space(space)
    }
}

impl From<AppName> for Resource {
    fn from(app: AppName) -> Self {
        Self::App(app)
    }
}
