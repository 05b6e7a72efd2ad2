//! Which calls belong together, across services (W3C Trace Context), and what a collector is told of them (OTLP).
//!
//! A call has its place in a trace whether or not anything is exported: the log, the calls to peers and the exported
//! spans all take their ids from there.
mod channel;
mod context;
mod ending;
mod export;
mod span;

pub use channel::Traced;
pub use context::TraceContext;
pub use export::{Export, export, flush};

pub(crate) use ending::Ending;
pub(crate) use span::Span;
pub use span::transaction;
