//! The policy, held against the permission table it was made from and against a second statement of the rules.

mod cedar;
mod combinations;
mod document;
mod explanation;
mod fact_changes;
mod matrix;
mod missing;
mod planes;
mod services;
