//! Apps and their contributors.
mod contributors;
mod groups;
mod life_cycle;
mod linking;
mod processes;
mod races;
mod suspension;
mod visibility;
