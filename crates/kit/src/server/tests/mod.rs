//! A server on a loopback port, asked by real clients.
mod calls;
mod log;
mod open;
mod probe;
mod stopping;
