//! What the service is about, and its rules that need nothing else to decide.
mod invitation;
mod member;
mod standing;

pub(crate) use self::{
    invitation::{Address, Invitation, Invitee, State, Token, lasts},
    member::{Member, Membership, Patch, is_bootstrap, keeps_an_admin},
    standing::{Activity, Standing, removed_since},
};
