//! `BatchCheckPermissions`: each question answered as by itself, all of them in a few round trips.
use std::collections::{HashMap, HashSet};

use devspaces_authz::Permission;
use devspaces_kit::{
    clock::Timestamp, identity::Caller, name::Principal, server::QUESTIONS_AT_ONCE, status::Fault,
};
use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, BatchCheckPermissionsResponse, CheckPermissionError,
    CheckPermissionRequest, CheckPermissionResponse, CheckPermissionResult, FieldViolation,
    check_permission_result::Outcome,
};
use tokio::task::yield_now;

use super::{
    asker,
    decide::{Question, decide},
    parse::{self, Place},
};
use crate::{
    catalogue,
    gate::{Checked, Gate},
    resource::Resource,
    verdict::is_allowed,
};

/// The most questions of a batch.
const MAX_CHECKS: usize = 1_000;

/// What a caller needs in order to ask about others, and whether the caller has it.
type Judged = HashMap<(Permission, Resource), Result<bool, Fault>>;

/// Answers a batch.
///
/// # Errors
/// `INVALID_ARGUMENT` if there is no question or too many; `RESOURCE_EXHAUSTED` if there was no room for them.
pub(crate) async fn answer(
    gate: &Gate,
    caller: &Caller,
    request: BatchCheckPermissionsRequest,
) -> Result<BatchCheckPermissionsResponse, Fault> {
    if !(1..=MAX_CHECKS).contains(&request.checks.len()) {
        return Err(Fault::bad_field("checks", "must have 1 to 1,000 entries"));
    }
    let begun = gate.now();
    let asker = &caller.principal;
    let read = |(index, check)| parse::check(asker, check, Place::Batch(index));
    let read: Vec<_> = request.checks.iter().enumerate().map(read).collect();
    let judged = judge(gate, asker, &read).await?;
    let mut outcomes = vec![None; read.len()];
    let mut to_ask = Vec::with_capacity(read.len());
    for (index, (read, check)) in read.into_iter().zip(&request.checks).enumerate() {
        match read.and_then(|question| admit(asker, question, check, index, &judged)) {
            Ok(question) => to_ask.push((index, question)),
            Err(fault) => outcomes[index] = Some(refused(&fault)),
        }
    }
    for piece in pieces(to_ask) {
        let (places, questions): (Vec<usize>, Vec<Question>) = piece.into_iter().unzip();
        let decided = decide(gate, &questions).await?;
        for ((place, question), checked) in places.into_iter().zip(&questions).zip(decided) {
            let answer = checked.and_then(|checked| response(&checked, question.resource, begun));
            outcomes[place] = Some(answer.map_or_else(|fault| refused(&fault), Outcome::Response));
        }
        // What is answered from memory waits for nothing, and would keep other calls from their turn.
        yield_now().await;
    }
    let results = outcomes.into_iter().map(|outcome| CheckPermissionResult { outcome }).collect();
    Ok(BatchCheckPermissionsResponse { results })
}

/// Judges who may ask about others once for each plane and resource of the batch, however many questions there are.
async fn judge(gate: &Gate, asker: &Principal, read: &[Result<Question, Fault>]) -> Result<Judged, Fault> {
    let others = read.iter().flatten().filter(|question| question.subject != *asker);
    let needed: HashSet<_> =
        others.filter_map(|question| asker::needed(asker, question.permission, question.resource)).collect();
    let to_ask: Vec<Question> = needed
        .into_iter()
        .map(|(permission, resource)| Question::strict(asker.clone(), permission, resource))
        .collect();
    let mut judged = Judged::with_capacity(to_ask.len());
    for piece in to_ask.chunks(QUESTIONS_AT_ONCE) {
        for (question, checked) in piece.iter().zip(decide(gate, piece).await?) {
            let allowed = checked.and_then(|checked| is_allowed(&checked.decision, question.resource));
            judged.insert((question.permission, question.resource), allowed);
        }
    }
    Ok(judged)
}

/// The question as it is to be asked, if the caller may ask it.
fn admit(
    asker: &Principal,
    question: Question,
    check: &CheckPermissionRequest,
    index: usize,
    judged: &Judged,
) -> Result<Question, Fault> {
    let Question { permission, resource, .. } = question;
    if question.subject != *asker {
        let needed = asker::needed(asker, permission, resource);
        let allowed = needed.and_then(|needed| judged.get(&needed).cloned()).unwrap_or(Ok(false))?;
        if !allowed {
            return Err(asker::denied(resource));
        }
    }
    let max_age = parse::max_age(check.max_staleness, Place::Batch(index))?;
    Ok(Question { max_age, ..question })
}

/// In pieces that may be asked at once. Questions about one subject and resource stay together, so that their owners are
/// asked once.
fn pieces(to_ask: Vec<(usize, Question)>) -> Vec<Vec<(usize, Question)>> {
    if to_ask.len() <= QUESTIONS_AT_ONCE {
        return vec![to_ask];
    }
    let mut groups = HashMap::<(Principal, Resource), Vec<(usize, Question)>>::new();
    for (index, question) in to_ask {
        let about = (question.subject.clone(), question.resource);
        groups.entry(about).or_default().push((index, question));
    }
    let mut pieces: Vec<Vec<(usize, Question)>> = Vec::new();
    for group in groups.into_values() {
        for part in group.chunks(QUESTIONS_AT_ONCE) {
            match pieces.last_mut().filter(|last| last.len() + part.len() <= QUESTIONS_AT_ONCE) {
                Some(last) => last.extend_from_slice(part),
                None => pieces.push(part.to_vec()),
            }
        }
    }
    pieces
}

/// The answer to one question of a batch that began at this time: what was confirmed later is told as of then, so that
/// all strict answers are of one time.
fn response(
    checked: &Checked,
    resource: Resource,
    begun: Timestamp,
) -> Result<CheckPermissionResponse, Fault> {
    Ok(CheckPermissionResponse {
        allowed: is_allowed(&checked.decision, resource)?,
        explanation: Some(catalogue::explanation(checked)),
        as_of: Some(checked.as_of.min(begun).into()),
    })
}

fn refused(fault: &Fault) -> Outcome {
    let violation = |(field, description): (&str, &str)| FieldViolation {
        field: field.to_owned(),
        description: description.to_owned(),
    };
    Outcome::Error(CheckPermissionError {
        code: fault.code().into(),
        reason: fault.reason().into(),
        message: fault.message().to_owned(),
        field_violations: fault.bad_fields().map(violation).collect(),
        metadata: fault.details().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        retry_delay: fault.retry_delay().and_then(|delay| delay.try_into().ok()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::testing::{space, user};

    fn asked(number: usize, spaces: u128) -> Vec<(usize, Question)> {
        let about = |number: usize| {
            let space = space(u128::try_from(number).unwrap() % spaces);
            (number, Question::strict(user("alice"), Permission::SpaceGet, space.into()))
        };
        (0..number).map(about).collect()
    }

    #[test]
    fn a_batch_is_asked_in_pieces_and_what_is_about_the_same_stays_together() {
        for (number, spaces) in [(1, 1), (256, 3), (257, 1000), (1000, 100), (1000, 7), (1000, 1)] {
            let pieces = pieces(asked(number, spaces));
            let mut places: Vec<usize> = pieces.iter().flatten().map(|(place, _)| *place).collect();
            places.sort_unstable();
            assert_eq!(places, (0..number).collect::<Vec<_>>(), "{number} about {spaces}");
            assert!(pieces.iter().all(|piece| piece.len() <= QUESTIONS_AT_ONCE));
            let about = |piece: &Vec<(usize, Question)>| {
                piece.iter().map(|(_, question)| question.resource).collect::<HashSet<_>>().len()
            };
            let asked: usize = pieces.iter().map(about).sum();
            if number / usize::try_from(spaces).unwrap() <= QUESTIONS_AT_ONCE {
                assert_eq!(asked, usize::try_from(spaces).unwrap().min(number), "{number} about {spaces}");
            }
        }
    }
}
