//! The journal: that it is whole, and who reads it.
mod apps;
mod chain;
mod erasure;
mod export;
mod list;
mod pages;
mod races;
mod watch;
