//! What every service of devspaces needs and that names no service.
pub mod clock;
pub mod connections;
pub mod edge;
pub mod identity;
pub mod metrics;
pub mod name;
pub mod nearest;
pub mod page;
pub mod peer_clock;
pub mod server;
pub mod status;
pub mod steady;
pub mod sweep;
pub mod telemetry;
pub mod text;
pub mod tls;
pub mod trace;
