//! Apps move from one space to another.
mod acceptance;
mod blockers;
mod endings;
mod input;
mod races;
mod story;
