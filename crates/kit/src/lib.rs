//! What every service of devspaces needs and that names no service.
pub mod clock;
pub mod db;
pub mod edge;
pub mod etag;
pub mod identity;
pub mod inbox;
pub mod journal;
pub mod metrics;
pub mod mutation;
pub mod name;
pub mod outbox;
pub mod page;
pub mod server;
pub mod status;
pub mod sweep;
pub mod telemetry;
pub mod text;
mod turns;
