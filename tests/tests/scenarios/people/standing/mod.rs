//! Departure from everywhere: people are deactivated and reactivated (R-M12).
mod effects;
mod guards;
mod races;
mod story;
