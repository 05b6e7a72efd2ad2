//! What the service is about, and its rules that need nothing else to decide.
mod app;
mod contributor;
mod kept;
mod space;

pub(crate) use self::{
    app::{App, Details, DetailsPatch, Listing},
    contributor::{Contributor, role_json},
    kept::{purge_time, purged_if_deleted_by},
    space::{Metadata, Patch, Space},
};
