//! Between the API's messages and the domain. Whatever is wrong with a message is named by its field.
pub(crate) mod emergency;
pub(crate) mod group;
pub(crate) mod invitation;
mod member;
pub(crate) mod standing;

pub(crate) use self::member::{added, marked, patch, role};
