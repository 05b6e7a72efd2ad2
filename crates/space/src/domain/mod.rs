//! What the service is about, and its rules that need nothing else to decide.
mod app;
mod contributor;
mod space;

pub(crate) use self::{
    app::{App, Details, DetailsPatch, Listing, purged_if_deleted_by},
    contributor::{Contributor, role_json},
    space::{Metadata, Patch, Space},
};
