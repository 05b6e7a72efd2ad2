mod delivery;
mod failures;
mod keeping;
mod platform;
