//! Spaces: their life, their end, and who is shown which.
mod deletion;
mod effects;
mod life_cycle;
mod switcher;
