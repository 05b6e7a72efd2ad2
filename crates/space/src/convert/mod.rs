//! Between the API's messages and the domain. Whatever is wrong with a message is named by its field.
pub(crate) mod app;
pub(crate) mod app_group;
pub(crate) mod contributor;
pub(crate) mod space;
pub(crate) mod suspension;
pub(crate) mod transfer;
