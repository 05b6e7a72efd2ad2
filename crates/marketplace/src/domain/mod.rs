//! What the service is about, and its rules that need nothing else to decide.
mod listing;
mod profile;
pub(crate) mod terms;

pub(crate) use self::{
    listing::{Listing, State},
    profile::{Admin, Contact, ImportedApp, OwnFields, Patch, Profile},
};
