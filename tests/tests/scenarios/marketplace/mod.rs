//! Vendor profiles, their link with spaces, and listings.
mod imported_profiles;
mod input;
mod kills;
mod listings;
mod races;
mod records;
mod story;
mod vendor_profiles;
