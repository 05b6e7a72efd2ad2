//! Scenarios over the public API, on both engines. Each test names the rule that it proves; the rules are in
//! `docs/rules.md`.
mod bad_input;
mod coverage;
mod effects;
mod expiry;
mod identity;
mod journal;
mod matrix;
mod members;
mod owner_down;
mod processes;
mod quickstart;
mod races;
mod replay;
mod spaces;
mod switcher;
