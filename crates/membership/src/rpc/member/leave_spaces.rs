use std::collections::HashSet;

use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page,
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::Call;
use devspaces_proto::membership::v1::{
    LeaveSpaceRefusal, LeaveSpaceResult, LeaveSpacesRequest, LeaveSpacesResponse, leave_space_result::Outcome,
};
use futures::{StreamExt as _, stream};
use tonic::Code;

use super::{super::kept, leave_space::leave};

/// How many spaces one call leaves at most.
const MOST: usize = 100;

/// How many of them are left at a time.
const AT_ONCE: usize = 4;

/// R-M8
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: LeaveSpacesRequest,
) -> Result<LeaveSpacesResponse, Fault> {
    let (spaces, call) = Call::parse(caller, &mut request, |fields, it| names(fields, &it.names))?;
    context.mutations.answer(&call, leave_all(context, &call, &spaces)).await
}

fn names(fields: &mut Fields, names: &[String]) -> Option<Vec<SpaceName>> {
    if !(1..=MOST).contains(&names.len()) {
        fields.bad("names", format!("must be from 1 to {MOST} spaces"));
        return None;
    }
    let mut seen = HashSet::new();
    let parsed = names.iter().enumerate().map(|(index, name)| {
        let path = format!("names[{index}]");
        let space = fields.parse::<SpaceName>(path.clone(), name)?;
        if !seen.insert(space) {
            fields.bad(path, "must not be named twice");
            return None;
        }
        Some(space)
    });
    // Every bad name is told, so none ends the loop.
    parsed.collect::<Vec<_>>().into_iter().collect()
}

async fn leave_all(
    context: &Context,
    call: &Call,
    spaces: &[SpaceName],
) -> Result<LeaveSpacesResponse, Fault> {
    context.gate.require_active_person(&call.caller).await?;
    let room = page::MAX_BYTES / spaces.len().max(1);
    let left = stream::iter(spaces.to_vec()).map(|space| async move {
        let part = call.part(&space.to_string());
        let done = context.mutations.answer(&part, leave(context, &part, space, room)).await;
        (space, done)
    });
    let left: Vec<_> = left.buffered(AT_ONCE).collect().await;
    if let Some(reused) = left
        .iter()
        .find_map(|(_, done)| done.as_ref().err().filter(|it| it.reason() == Reason::RequestIdReused))
    {
        return Err(reused.clone());
    }
    // What may go well another time is no result to be kept.
    let passing = |fault: &Fault| {
        matches!(fault.code(), Code::Unavailable | Code::ResourceExhausted | Code::Internal | Code::Aborted)
    };
    let settled = !left.iter().any(|(_, done)| done.as_ref().is_err_and(passing));
    let results = left.into_iter().map(|(space, done)| LeaveSpaceResult {
        name: space.to_string(),
        outcome: Some(done.map_or_else(|fault| refused(&fault), Outcome::Left)),
    });
    let response = LeaveSpacesResponse { results: results.collect() };
    if settled && call.request_id().is_some() {
        return kept(context, call, response).await;
    }
    Ok(response)
}

fn refused(fault: &Fault) -> Outcome {
    Outcome::Refused(LeaveSpaceRefusal {
        code: fault.code().into(),
        reason: fault.reason().into(),
        message: fault.message().to_owned(),
    })
}
