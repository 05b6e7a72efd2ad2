//! Webhooks (R-J6): who keeps them, and how what a service's journal tells reaches those who asked for it.
mod message;
mod rpc;
mod schedule;
mod send;
mod signature;
mod worker;

pub use self::{
    message::{EVENTS, table},
    rpc::{Keeping, WebhookServer},
    send::{BadNetwork, Network, Networks, Sender},
    worker::Worker,
};
