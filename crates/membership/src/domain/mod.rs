//! What the service is about, and its rules that need nothing else to decide.
mod group;
mod invitation;
mod member;
mod standing;

pub(crate) use self::{
    group::Group,
    invitation::{Address, Invitation, Invitee, State, Token, lasts},
    member::{EMERGENCY_MAX, Member, Membership, Patch, is_bootstrap, keeps_an_admin},
    standing::{Activity, Standing, removed_since},
};
