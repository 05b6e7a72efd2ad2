//! devspaces: developer spaces as a suite of gRPC services. The library is what the command is made of, so that tests
//! can run the suite in their own process, with a clock of their own.
pub mod cli;
pub mod journal;
pub mod keys;
mod service;
mod suite;

pub use self::{
    service::Service,
    suite::{Config, Hosted, Suite, SuiteError},
};
