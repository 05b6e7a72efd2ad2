mod delivery;
mod failures;
mod keeping;
mod kills;
mod platform;
