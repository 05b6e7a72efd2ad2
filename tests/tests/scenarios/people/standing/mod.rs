//! Departure from everywhere: people are deactivated and reactivated (R-M12).
mod effects;
mod guards;
mod kills;
mod orphaned;
mod races;
mod removal;
mod story;
