//! People as a whole: deactivated and reactivated by the operator's service, and made Admins in an emergency.
use devspaces_proto::membership::v1::{
    DeactivateUserRequest, GetUserStandingRequest, GrantEmergencyAdminRequest, Member, ReactivateUserRequest,
    UserStanding,
};
use devspaces_tests::{Persona, Suite};
use tonic::{Response, Status};

/// Who deactivates people.
pub(crate) fn offboarding(suite: &Suite) -> Persona {
    suite.persona("services/offboarding")
}

/// The request that deactivates somebody.
pub(crate) fn deactivation(whom: &Persona) -> DeactivateUserRequest {
    let reason = "Has left the company".to_owned();
    DeactivateUserRequest {
        name: whom.name.clone(),
        reason,
        request_id: String::new(),
        ..DeactivateUserRequest::default()
    }
}

/// The request that reactivates somebody.
pub(crate) fn reactivation(whom: &Persona) -> ReactivateUserRequest {
    let reason = "Is back".to_owned();
    ReactivateUserRequest { name: whom.name.clone(), reason, request_id: String::new() }
}

pub(crate) async fn deactivates_by(who: &Persona, whom: &Persona) -> Result<UserStanding, Status> {
    who.people().deactivate_user(deactivation(whom)).await.map(Response::into_inner)
}

pub(crate) async fn reactivates_by(who: &Persona, whom: &Persona) -> Result<UserStanding, Status> {
    who.people().reactivate_user(reactivation(whom)).await.map(Response::into_inner)
}

pub(crate) async fn deactivates(suite: &Suite, whom: &Persona) -> Result<UserStanding, Status> {
    deactivates_by(&offboarding(suite), whom).await
}

pub(crate) async fn reactivates(suite: &Suite, whom: &Persona) -> Result<UserStanding, Status> {
    reactivates_by(&offboarding(suite), whom).await
}

/// How somebody stands.
pub(crate) async fn standing_of(suite: &Suite, whom: &Persona) -> Result<UserStanding, Status> {
    let request = GetUserStandingRequest { name: whom.name.clone() };
    offboarding(suite).people().get_user_standing(request).await.map(Response::into_inner)
}

/// The request that makes somebody Admin of a space for so long.
pub(crate) fn emergency(
    suite: &Suite,
    space: &str,
    whom: &Persona,
    seconds: i64,
) -> GrantEmergencyAdminRequest {
    GrantEmergencyAdminRequest {
        space: space.to_owned(),
        user: whom.name.clone(),
        reason: "Nobody is left who could".to_owned(),
        expire_time: Some(suite.clock_in(seconds)),
        request_id: String::new(),
    }
}

pub(crate) async fn grants_emergency(
    who: &Persona,
    request: GrantEmergencyAdminRequest,
) -> Result<Member, Status> {
    who.people().grant_emergency_admin(request).await.map(Response::into_inner)
}

/// The operator's person makes somebody Admin of a space for an hour.
pub(crate) async fn breaks_glass(suite: &Suite, space: &str, whom: &Persona) -> Result<Member, Status> {
    grants_emergency(&suite.user("operator"), emergency(suite, space, whom, 3600)).await
}
