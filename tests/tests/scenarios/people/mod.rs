//! Who is in a space: members, their roles, and how they come and go.
mod bootstrap;
mod departures;
mod emergency;
mod expiry;
mod groups;
mod invitations;
mod members;
mod races;
mod reviews;
mod standing;
