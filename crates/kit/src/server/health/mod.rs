//! Health (`grpc.health.v1`): asked of other ports, and told of one's own.
mod ask;
mod tell;

pub use ask::{health, until_answering};

pub(super) use tell::Health;
