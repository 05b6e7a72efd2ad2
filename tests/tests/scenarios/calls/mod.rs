//! What holds for every call: who makes it, what is in it, and how often it is repeated.
mod bad_input;
mod identity;
mod issuers;
mod limits_of_callers;
mod page_bytes;
mod previews;
mod provider_keys;
mod replay;
