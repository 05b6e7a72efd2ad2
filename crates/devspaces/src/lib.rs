//! devspaces: developer spaces as a suite of gRPC services. The library is what the command is made of, so that tests
//! can run the suite in their own process, with a clock of their own.
pub mod certificates;
pub mod cli;
pub mod journal;
pub mod keys;
mod parts;
mod peers;
mod suite;

pub use devspaces_authz::Service;
use devspaces_kit::metrics::Metric;

pub use self::{
    parts::Parts,
    suite::{Config, Hosted, Suite, SuiteError},
};

/// Every metric of a process, those of its parts together.
#[must_use]
pub fn metrics() -> Vec<Metric> {
    [devspaces_kit::metrics::ALL, devspaces_gate::metrics::ALL, devspaces_ledger::metrics::ALL].concat()
}
