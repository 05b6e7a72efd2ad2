//! Invitations into a space's console roles.
use devspaces_proto::membership::v1::{
    AcceptInvitationRequest, ConsoleRole, CreateInvitationRequest, DeclineInvitationRequest,
    GetInvitationRequest, Invitation, InvitationState, ListInvitationsRequest, ResendInvitationRequest,
    RevokeInvitationRequest, invitation::Invitee,
};
use devspaces_tests::Persona;
use tonic::Status;

/// An invitation of a user, to be made.
pub(crate) fn of_user(whom: &Persona, role: ConsoleRole) -> Invitation {
    Invitation { invitee: Some(Invitee::User(whom.name.clone())), role: role.into(), ..Default::default() }
}

/// An invitation of an e-mail address, to be made.
pub(crate) fn of_email(email: &str, role: ConsoleRole) -> Invitation {
    Invitation { invitee: Some(Invitee::Email(email.to_owned())), role: role.into(), ..Default::default() }
}

pub(crate) async fn invites(
    who: &Persona,
    space: &str,
    invitation: Invitation,
) -> Result<Invitation, Status> {
    let request = CreateInvitationRequest {
        parent: space.to_owned(),
        invitation: Some(invitation),
        request_id: String::new(),
    };
    who.invitations().create_invitation(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn accepts_invitation(who: &Persona, name: &str, token: &str) -> Result<Invitation, Status> {
    let request =
        AcceptInvitationRequest { name: name.to_owned(), token: token.to_owned(), request_id: String::new() };
    who.invitations().accept_invitation(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn declines_invitation(
    who: &Persona,
    name: &str,
    token: &str,
) -> Result<Invitation, Status> {
    let request = DeclineInvitationRequest {
        name: name.to_owned(),
        token: token.to_owned(),
        request_id: String::new(),
    };
    who.invitations().decline_invitation(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn resends_invitation(who: &Persona, name: &str) -> Result<Invitation, Status> {
    let request = ResendInvitationRequest { name: name.to_owned(), ..Default::default() };
    who.invitations().resend_invitation(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn revokes_invitation(who: &Persona, name: &str) -> Result<Invitation, Status> {
    let request = RevokeInvitationRequest { name: name.to_owned(), ..Default::default() };
    who.invitations().revoke_invitation(request).await.map(tonic::Response::into_inner)
}

/// What has become of an invitation.
pub(crate) async fn state_of_invitation(who: &Persona, name: &str) -> Result<InvitationState, Status> {
    let request = GetInvitationRequest { name: name.to_owned() };
    who.invitations().get_invitation(request).await.map(|found| found.into_inner().state())
}

/// The names of those in a state, in the order of the list.
pub(crate) async fn lists_invitations(
    who: &Persona,
    space: &str,
    state: InvitationState,
) -> Result<Vec<String>, Status> {
    let request = ListInvitationsRequest {
        parent: space.to_owned(),
        page_size: 1000,
        state: state.into(),
        ..Default::default()
    };
    let listed = who.invitations().list_invitations(request).await?.into_inner().invitations;
    Ok(listed.into_iter().map(|invitation| invitation.name).collect())
}
