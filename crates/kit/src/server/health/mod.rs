//! Health (`grpc.health.v1`): asked of other ports, and told of one's own.
mod ask;
mod tell;

/// In the metadata of an answer that says `NOT_SERVING`: what the port waits for, as a few words.
const WAITS_FOR: &str = "devspaces-waits-for";

#[cfg(test)]
pub(super) use ask::answers;
pub use ask::{Told, health, until_answering};

pub(super) use tell::{Health, Telling};
