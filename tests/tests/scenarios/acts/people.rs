//! People as a whole: deactivated and reactivated by the operator's service.
use devspaces_proto::membership::v1::{
    DeactivateUserRequest, GetUserStandingRequest, ReactivateUserRequest, UserStanding,
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
    DeactivateUserRequest { name: whom.name.clone(), reason, request_id: String::new() }
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
