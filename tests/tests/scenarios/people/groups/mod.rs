//! Groups of a space's members, and the roles that they have on its apps (R-M11).
mod endings;
mod input;
mod limits;
mod races;
mod roles;
