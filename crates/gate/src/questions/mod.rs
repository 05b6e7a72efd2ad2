//! Questions about permissions: how they are read, who may ask them, and how many are answered at once (R-P5, R-P6).
//!
//! Lists agree with checks because they are made of them: owners list candidates in the order of their keys, more than
//! hold the permission and few besides (`reach.rs`), and the gate decides each of them (`walk.rs`).
pub(crate) mod asker;
pub(crate) mod batch;
pub(crate) mod decide;
pub(crate) mod parse;
pub(crate) mod permissions;
mod placed_apps;
mod reach;
pub(crate) mod resources;
pub(crate) mod subjects;
mod walk;
