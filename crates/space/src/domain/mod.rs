//! What the service is about, and its rules that need nothing else to decide.
mod app;
mod conditions;
mod contributor;
mod group;
mod kept;
mod space;
mod suspension;
mod transfer;

pub(crate) use self::{
    app::{App, Details, DetailsPatch, Listing},
    conditions::{Blocker, Conditions, Destination, Source, all_of},
    contributor::{Contributor, role_json},
    group::{AppGroup, GivenRole},
    kept::{purge_time, purged_if_deleted_by},
    space::{Metadata, Patch, Space},
    suspension::{Cause, Step, Suspended, is_capped_in},
    transfer::{Transfer, TransferState},
};
