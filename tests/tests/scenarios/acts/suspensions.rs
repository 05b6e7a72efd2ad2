//! What the operator suspends, and has run again.
use devspaces::Service;
use devspaces_proto::space::v1::{
    LiftSuspensionRequest, Standing, SuspendAppRequest, SuspendSpaceRequest, standing::Reason,
};
use devspaces_tests::{Persona, Suite};
use tonic::{Response, Status};

/// The operator's person.
pub(crate) fn operator(suite: &Suite) -> Persona {
    suite.user("operator")
}

/// The platform's runtime, which asks before it runs an app.
pub(crate) fn runtime(suite: &Suite) -> Persona {
    suite.persona("services/runtime")
}

/// The request that suspends an app.
pub(crate) fn suspension(app: &str, reason: Reason) -> SuspendAppRequest {
    let (name, note) = (app.to_owned(), "Case 7".to_owned());
    SuspendAppRequest {
        name,
        reason: reason.into(),
        note,
        request_id: String::new(),
        ..SuspendAppRequest::default()
    }
}

pub(crate) async fn suspends_app(who: &Persona, app: &str, reason: Reason) -> Result<Standing, Status> {
    who.apps().suspend_app(suspension(app, reason)).await.map(Response::into_inner)
}

pub(crate) async fn suspends_space(who: &Persona, space: &str, reason: Reason) -> Result<Standing, Status> {
    let SuspendAppRequest { name, reason, note, request_id, .. } = suspension(space, reason);
    let request = SuspendSpaceRequest { name, reason, note, request_id, ..SuspendSpaceRequest::default() };
    who.spaces().suspend_space(request).await.map(Response::into_inner)
}

pub(crate) async fn lifts(who: &Persona, name: &str, reason: Reason) -> Result<Standing, Status> {
    let SuspendAppRequest { name, reason, note, request_id, .. } = suspension(name, reason);
    let request = LiftSuspensionRequest { name, reason, note, request_id };
    who.spaces().lift_suspension(request).await.map(Response::into_inner)
}

/// Whether an app runs, and whether its deployer deploys it: as every service says.
pub(crate) async fn runs(suite: &Suite, deployer: &Persona, app: &str) -> [bool; 2] {
    let runtime = runtime(suite);
    let mut answers = Vec::new();
    for port in Service::ALL {
        let run = runtime.checks_at(port, "app.run", app).await.expect("an answer");
        let deploy = deployer.checks_at(port, "app.deploy", app).await.expect("an answer");
        answers.push([run.allowed, deploy.allowed]);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    answers[0]
}

pub(crate) const RUNS: [bool; 2] = [true, true];
pub(crate) const STANDS: [bool; 2] = [false, false];

/// How something stands that is suspended for these reasons.
pub(crate) fn suspended_for(reasons: &[Reason]) -> Standing {
    let suspended = !reasons.is_empty();
    Standing { suspended, reasons: reasons.iter().map(|reason| i32::from(*reason)).collect() }
}
