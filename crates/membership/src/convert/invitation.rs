//! Invitations.
use devspaces_kit::{
    clock::{Timestamp, end_ahead},
    name::UserName,
    status::{Fault, Fields},
};
use devspaces_ledger::etag;
use devspaces_proto::membership::v1::{self as proto, invitation::Invitee as WireInvitee};

use super::member;
use crate::domain::{Address, Invitation, Invitee, Membership, State};

/// An invitation as it is at a time, without its token.
pub(crate) fn to_wire(invitation: &Invitation, now: Timestamp) -> proto::Invitation {
    let offer = invitation.offer;
    proto::Invitation {
        name: invitation.name.to_string(),
        invitee: Some(match &invitation.invitee {
            Invitee::Person(person) => WireInvitee::User(person.to_string()),
            Invitee::Email(address) => WireInvitee::Email(address.as_str().to_owned()),
        }),
        role: member::wire_role(offer.role).into(),
        view_all_apps: offer.view_all_apps,
        role_expire_time: offer.expire_time.map(Into::into),
        state: wire_state(invitation.state_at(now)).into(),
        inviter: invitation.inviter.to_string(),
        token: String::new(),
        create_time: Some(invitation.create_time.into()),
        update_time: Some(invitation.update_time.into()),
        expire_time: Some(invitation.expire_time.into()),
        etag: etag::of(invitation.revision),
    }
}

fn wire_state(state: State) -> proto::InvitationState {
    match state {
        State::Pending => proto::InvitationState::Pending,
        State::Accepted => proto::InvitationState::Accepted,
        State::Declined => proto::InvitationState::Declined,
        State::Revoked => proto::InvitationState::Revoked,
        State::Expired => proto::InvitationState::Expired,
        State::Void => proto::InvitationState::Void,
    }
}

/// A state of the API; `None` for `INVITATION_STATE_UNSPECIFIED`.
pub(crate) fn state(number: i32) -> Result<Option<State>, &'static str> {
    let wire = proto::InvitationState::try_from(number).map_err(|_| "must be an InvitationState")?;
    Ok(State::ALL.into_iter().find(|&state| wire_state(state) == wire))
}

/// Who is invited, and into what.
pub(crate) fn invited(
    wire: Option<proto::Invitation>,
    now: Timestamp,
) -> Result<(Invitee, Membership), Fault> {
    let mut fields = Fields::new();
    let wire = wire.unwrap_or_default();
    let invitee = match &wire.invitee {
        Some(WireInvitee::User(user)) => {
            fields.parse::<UserName>("invitation.user", user).map(Invitee::Person)
        }
        Some(WireInvitee::Email(email)) => {
            fields.check("invitation.email", email.parse::<Address>()).map(Invitee::Email)
        }
        None => {
            fields.bad("invitation.user", "or invitation.email must be given: who is invited");
            None
        }
    };
    let role = fields.check("invitation.role", member::required_role(wire.role));
    let end = fields.check("invitation.role_expire_time", end_ahead(wire.role_expire_time, now));
    if wire.view_all_apps && role.is_some_and(|role| role != devspaces_authz::ConsoleRole::Developer) {
        fields.bad("invitation.view_all_apps", member::DEVELOPERS_ONLY);
    }
    let offer = role.zip(end).map(|(role, expire_time)| Membership {
        role,
        view_all_apps: wire.view_all_apps,
        expire_time,
    });
    fields.finish_with(invitee.zip(offer))
}
