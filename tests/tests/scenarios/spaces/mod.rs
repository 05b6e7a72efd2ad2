//! Spaces: their life, their end, and who is shown which.
mod app_creation;
mod deletion;
mod effects;
mod life_cycle;
mod switcher;
mod with_consent;
