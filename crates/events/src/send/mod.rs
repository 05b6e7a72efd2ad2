//! Sends a message to an address outside, once, and tells nothing of the response but its status.
mod attempt;
mod networks;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use self::{attempt::Message, target::check};
pub use self::{
    attempt::Sender,
    networks::{BadNetwork, Network, Networks},
};
