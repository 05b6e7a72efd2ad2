//! Scenarios over the public API, on both engines. Each test names the rule that it proves; the rules are in
//! `docs/rules.md`.
#[macro_use]
mod declare;

mod acts;
mod apps;
mod billing;
mod calls;
mod deadline;
mod gate;
mod imports;
mod journal;
mod marketplace;
mod operations;
mod people;
mod rounds;
mod spaces;
mod transfers;
mod webhooks;
