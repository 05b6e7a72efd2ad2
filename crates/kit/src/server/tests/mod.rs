//! A server on a loopback port, asked by real clients.
mod calls;
mod compression;
mod connections;
mod delivery;
mod frames;
mod leftover;
mod log;
mod open;
mod probe;
mod stopping;
mod translated;
mod wire;
