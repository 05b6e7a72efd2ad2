//! `devspaces.journal.v1`: the journals of the services that live in this process. Every service hosts it.
mod access;
mod list;
mod server;
mod verify;
mod watch;
mod wire;

pub use self::server::JournalServer;
