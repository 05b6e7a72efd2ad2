//! Permission checks: what is allowed, when a revocation takes effect, and what is told to whom.
mod access;
mod authzen;
mod batch;
mod check;
mod lists;
mod matrix;
mod model;
mod oracle;
mod owner_down;
mod peers;
mod processes;
mod replicas;
mod revocations;
mod window;
