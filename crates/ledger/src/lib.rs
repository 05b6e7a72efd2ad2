//! What a service stores and how it changes: its database, the journal, effects on other services, and the one way in
//! which every change is made.
mod abort;
mod act;
mod call;
pub mod db;
pub mod delivery;
pub mod erasure;
pub mod etag;
pub mod event;
pub mod inbox;
pub mod journal;
pub mod metrics;
mod mutation;
pub mod outbox;
pub mod personal;
pub mod replay;
mod rest;
mod retry;
pub mod standing;
mod turns;
mod tx;
pub mod webhook;

pub use self::{
    abort::Abort,
    act::{Act, Change},
    call::Call,
    mutation::{Mutation, Mutations},
    rest::REST,
    retry::retry,
    tx::Tx,
};
