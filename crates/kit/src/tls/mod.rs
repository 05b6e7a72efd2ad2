//! Encrypted connections: whose certificates are trusted, which are shown, and how both are changed while connections go
//! on.
mod cause;
mod client;
mod dial;
mod failure;
mod identity;
mod reloaded;
mod roots;
mod server;
mod stream;

pub(crate) use self::{
    cause::Cause,
    client::{host, is_encrypted},
    dial::dial,
    server::Certified,
    stream::Stream,
};
pub use self::{
    client::{ClientFiles, ClientTls},
    dial::connect_lazy,
    failure::{Flags, explained, reason},
    identity::certificate_end,
    reloaded::File,
    roots::Roots,
    server::{ServerFiles, ServerTls},
};
