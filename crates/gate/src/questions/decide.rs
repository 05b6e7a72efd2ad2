//! Many decisions at once.
use std::time::Duration;

use devspaces_authz::Permission;
use devspaces_kit::{
    name::Principal,
    server::{QUESTIONS_AT_ONCE, questions},
    status::Fault,
};
use futures::future::join_all;

use crate::{
    gate::{Checked, Gate},
    resource::Resource,
};

/// A question about a permission, well formed.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) subject: Principal,
    pub(crate) permission: Permission,
    pub(crate) resource: Resource,
    /// How old the facts may be. Zero: strict.
    pub(crate) max_age: Duration,
}

impl Question {
    /// A question that only facts will do for that were asked for after it began.
    pub(crate) fn strict(subject: Principal, permission: Permission, resource: Resource) -> Self {
        Self { subject, permission, resource, max_age: Duration::ZERO }
    }
}

/// Decides these questions together, no more than [`QUESTIONS_AT_ONCE`]: they wait for room among those of the caller and
/// of all, and share the calls to the owners of facts.
///
/// # Errors
/// `RESOURCE_EXHAUSTED` if there was no room in time.
pub(crate) async fn decide(gate: &Gate, asked: &[Question]) -> Result<Vec<Result<Checked, Fault>>, Fault> {
    debug_assert!(asked.len() <= QUESTIONS_AT_ONCE, "questions come in pieces");
    let _under_way = questions(asked.len()).await?;
    // Futures and no tasks: what is answered from memory is then answered at once.
    let check = |one| check(gate, one);
    Ok(join_all(asked.iter().map(check)).await)
}

async fn check(gate: &Gate, one: &Question) -> Result<Checked, Fault> {
    gate.check(&one.subject, one.permission, one.resource, one.max_age).await
}
