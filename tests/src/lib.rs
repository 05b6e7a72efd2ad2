//! What the scenarios stand on: a suite for each test, on either engine, and people with tokens who call it.
#![allow(clippy::missing_panics_doc, reason = "a test's support fails by panicking")]
pub mod answer;
pub mod clock;
pub mod composed;
pub mod encrypted;
pub mod engine;
pub mod listen;
pub mod network;
pub mod persona;
pub mod pooler;
pub mod port;
pub mod process;
pub mod provider;
pub mod receiver;
pub mod reflection;
pub mod sql;
pub mod suite;

pub use self::{
    answer::{Refusal, refused},
    clock::TestClock,
    engine::Engine,
    persona::Persona,
    port::Port,
    provider::{Manner, Provider},
    receiver::Receiver,
    suite::Suite,
};

/// The services of the console plane: those whose journals console Admins read.
pub const CONSOLE: [devspaces::Service; 2] = [devspaces::Service::Space, devspaces::Service::Membership];
