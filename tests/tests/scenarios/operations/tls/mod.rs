//! TLS between everything: who is trusted, what is refused, and new certificates while calls go on.
mod between_services;
mod database;
mod refusals;
mod rotation;
