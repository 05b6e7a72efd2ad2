//! Apps and their contributors.
mod contributors;
mod life_cycle;
mod processes;
mod races;
